//! A shortage of descriptors is said once, though it shows at every connection that waits.

use std::time::Duration;

use tokio::time::Instant;

/// One that has not shown for so long is over. Connections come and go all the while, and one that
/// could be taken between two that could not is no end.
const OVER_AFTER: Duration = Duration::from_secs(60);

/// When connections could not be accepted.
#[derive(Debug, Default)]
pub(crate) struct Shortage {
    last: Option<Instant>,
}

impl Shortage {
    /// It shows, now. Whether that is news.
    pub(crate) fn is_news(&mut self) -> bool {
        let before = self.last.replace(Instant::now());
        before.is_none_or(|last| last.elapsed() >= OVER_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_said_again_only_when_it_had_been_over_for_a_minute() {
        let mut shortage = Shortage::default();
        assert!(shortage.is_news());
        for _ in 0..3 {
            tokio::time::advance(Duration::from_secs(59)).await;
            assert!(!shortage.is_news());
        }
        tokio::time::advance(OVER_AFTER).await;
        assert!(shortage.is_news());
    }
}
