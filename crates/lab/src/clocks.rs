//! Clocks that are a program's own, and can be set while it runs.

use std::sync::Mutex;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::error::LabError;
use crate::shim::{Env, Shim};

/// Put in place before `main` by the loader, which a program that is linked statically does not have.
const SOURCE: &str = include_str!("clocks.c");

/// The places of the numbers in the control.
const VERSION: usize = 0;
const RATE: usize = 1;
const WALL: usize = 2;
const ASLEEP: usize = 3;
const HELD: usize = 4;
/// Two for each clock: since when it has its rate, and what it had gained by then.
const CLOCKS: usize = 5;

const ALL: [ClockId; 4] =
    [ClockId::Realtime, ClockId::Monotonic, ClockId::MonotonicRaw, ClockId::Boottime];

/// Rates are in parts of this.
const WHOLE: i64 = 10_000;

/// Clocks for one program or several. The machine's own clocks are never touched.
///
/// They reach programs that ask the C library; whoever asks the kernel itself gets the machine's
/// time. A timer of a file (`timerfd`) rings, and a thread of Rust's goes on waiting, until the moment at
/// which the program's clock is there; so a timer rings at once if its clock jumps beyond that. Other
/// pauses (`sleep`, `poll`) take the machine's time.
#[derive(Debug)]
pub struct Clocks {
    shim: Shim,
    /// One change at a time.
    turn: Mutex<()>,
}

impl Clocks {
    /// Builds the clocks; they show the machine's time at first. Needs a C compiler.
    ///
    /// # Errors
    /// If there is no compiler, or no room for its output.
    pub fn new() -> Result<Self, LabError> {
        Ok(Self { shim: Shim::new(SOURCE, CLOCKS + 2 * ALL.len())?, turn: Mutex::new(()) })
    }

    /// The environment of a program that is to live by these clocks.
    pub fn env(&self) -> Env {
        self.shim.env("BULLY_LAB_CLOCKS")
    }

    /// Sets the wall clock forward from the machine's by so much.
    ///
    /// # Errors
    /// If the control cannot be written.
    pub fn set_forward(&self, by: Duration) -> Result<(), LabError> {
        self.change(|shim| shim.set(WALL, nanoseconds(by)))
    }

    /// Sets the wall clock back from the machine's by so much.
    ///
    /// # Errors
    /// If the control cannot be written.
    pub fn set_back(&self, by: Duration) -> Result<(), LabError> {
        self.change(|shim| shim.set(WALL, -nanoseconds(by)))
    }

    /// As if the machine had been suspended for so long just now: the wall clock and BOOTTIME have gone
    /// on, MONOTONIC and MONOTONIC_RAW have not. No time passes for anybody else.
    ///
    /// # Errors
    /// If the control cannot be written.
    pub fn suspend(&self, time: Duration) -> Result<(), LabError> {
        self.change(|shim| add(shim, ASLEEP, time))
    }

    /// Makes a suspension of what was a freeze. To be called before the thaw, with no more time than
    /// the programs have been frozen for: MONOTONIC and MONOTONIC_RAW go back by that, the wall clock and
    /// BOOTTIME have gone on by themselves.
    ///
    /// # Errors
    /// If the control cannot be written.
    pub fn was_suspended(&self, time: Duration) -> Result<(), LabError> {
        self.change(|shim| add(shim, HELD, time))
    }

    /// From now on all clocks run faster by so many ten-thousandths, or slower if that is negative: 50 is
    /// half a per cent. What they have gained or lost so far they keep.
    ///
    /// # Errors
    /// If the control cannot be written.
    ///
    /// # Panics
    /// If the clocks would stand still or go back.
    pub fn set_rate(&self, ten_thousandths: i64) -> Result<(), LabError> {
        assert!(ten_thousandths > -WHOLE, "clocks go on");
        self.change(|shim| {
            let rate = shim.get(RATE)?;
            for (number, id) in ALL.into_iter().enumerate() {
                let since = CLOCKS + 2 * number;
                let now = machine(id);
                let more = i128::from(now - shim.get(since)?) * i128::from(rate);
                let more = i64::try_from(more / i128::from(WHOLE)).unwrap_or(i64::MAX);
                shim.set(since + 1, shim.get(since + 1)?.saturating_add(more))?;
                shim.set(since, now)?;
            }
            shim.set(RATE, ten_thousandths)
        })
    }

    /// Programs read either all of a change or nothing of it.
    fn change(&self, change: impl FnOnce(&Shim) -> Result<(), LabError>) -> Result<(), LabError> {
        let _turn = self.turn.lock();
        let version = self.shim.get(VERSION)?;
        self.shim.set(VERSION, version + 1)?;
        let outcome = change(&self.shim);
        self.shim.set(VERSION, version + 2)?;
        outcome
    }
}

fn add(shim: &Shim, index: usize, time: Duration) -> Result<(), LabError> {
    shim.set(index, shim.get(index)?.saturating_add(nanoseconds(time)))
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

fn machine(id: ClockId) -> i64 {
    let now = clock_gettime(id);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
