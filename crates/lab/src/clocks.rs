//! Clocks that are a program's own, and can be set while it runs.

use std::sync::Mutex;
use std::time::Duration;

use crate::error::LabError;
use crate::shim::{Env, Shim};

/// Put in place before `main` by the loader, which a program that is linked statically does not have.
const SOURCE: &str = include_str!("clocks.c");

/// The places of the numbers in the control.
const VERSION: usize = 0;
const WALL: usize = 1;
const ASLEEP: usize = 2;
const DRIFT: usize = 3;
const SINCE: usize = 4;
const RATE: usize = 5;

/// Rates are in parts of this.
const WHOLE: i64 = 10_000;

/// Clocks for one program or several. The machine's own clocks are never touched.
///
/// They reach programs that ask the C library; whoever asks the kernel itself gets the machine's
/// time.
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
        Ok(Self { shim: Shim::new(SOURCE, 6)?, turn: Mutex::new(()) })
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
    /// on, MONOTONIC and MONOTONIC_RAW have not.
    ///
    /// # Errors
    /// If the control cannot be written.
    pub fn suspend(&self, time: Duration) -> Result<(), LabError> {
        self.change(|shim| shim.set(ASLEEP, shim.get(ASLEEP)? + nanoseconds(time)))
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
            let now = monotonic();
            let since = now - shim.get(SINCE)?;
            shim.set(DRIFT, shim.get(DRIFT)? + since / WHOLE * shim.get(RATE)?)?;
            shim.set(SINCE, now)?;
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

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// The machine's.
fn monotonic() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}
