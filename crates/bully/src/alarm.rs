//! The driver's timer. The runtime's own counts whole milliseconds, stands still while the machine
//! is suspended, and wakes the process twice for a heartbeat: once to look closer.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// It rings so much after it is due: the caller measures with other clocks, and to ring before
/// theirs is to ring twice.
const AFTER: Duration = Duration::from_micros(100);

/// Rings once, at the moment that was last asked for.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: AsyncFd<OwnedFd>,
    /// When it is to ring, since the machine started.
    due: Duration,
    /// When the kernel's timer rings.
    set_for: Duration,
}

impl Alarm {
    /// # Errors
    /// If the system has no descriptor left.
    #[expect(deprecated, reason = "unsound but for descriptors that are owned, as this one is")]
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Boottime, flags)?;
        Ok(Self { timer: AsyncFd::new(timer)?, due: now(), set_for: Duration::ZERO })
    }

    /// To ring after that pause.
    pub(crate) fn set(&mut self, pause: Duration) {
        self.due = now() + pause;
    }

    pub(crate) fn is_due(&self) -> bool {
        now() >= self.due
    }

    /// Waits until it is due.
    ///
    /// # Errors
    /// If the runtime is going down.
    pub(crate) async fn wait(&mut self) -> io::Result<()> {
        loop {
            let now = now();
            if now >= self.due {
                return Ok(());
            }
            // One that rings early is left alone for a while: it is mostly put off again by then,
            // as that of a follower is by each heartbeat.
            let early = now + self.due.saturating_sub(now) / 2;
            if !(early..=self.due + 2 * AFTER).contains(&self.set_for) {
                self.set_for = self.due + AFTER;
                self.set_timer()?;
            }
            self.timer.readable().await?.clear_ready();
            // It is armed no longer, though it may have rung before the clock is there.
            self.set_for = Duration::ZERO;
        }
    }

    fn set_timer(&self) -> io::Result<()> {
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let at = Timespec::try_from(self.set_for).map_err(io::Error::other)?;
        let spec = Itimerspec { it_interval: never, it_value: at };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &spec)?;
        Ok(())
    }
}

/// Since the machine started, its suspensions included.
fn now() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use tokio::time::timeout;

    #[tokio::test]
    async fn it_rings_when_it_is_due_and_not_before() {
        let mut alarm = Alarm::new().unwrap();
        for pause in [3, 1, 20].map(Duration::from_millis) {
            let start = Instant::now();
            alarm.set(pause);
            alarm.wait().await.unwrap();
            assert!(start.elapsed() >= pause && alarm.is_due());
        }
    }

    #[tokio::test]
    async fn it_may_be_put_off_and_brought_forward_while_it_is_waited_for() {
        let mut alarm = Alarm::new().unwrap();
        let (short, long) = (Duration::from_millis(30), Duration::from_secs(600));
        alarm.set(long);
        assert!(timeout(short, alarm.wait()).await.is_err());
        alarm.set(short);
        timeout(long, alarm.wait()).await.expect("brought forward").unwrap();
        let start = Instant::now();
        alarm.set(short);
        // It may have rung, where the machine is busy.
        let _ = timeout(short / 10, alarm.wait()).await;
        alarm.set(short * 2);
        alarm.wait().await.unwrap();
        assert!(start.elapsed() >= short * 2);
    }
}
