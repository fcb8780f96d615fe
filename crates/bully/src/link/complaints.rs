//! What operators have been told of those who were turned away.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// How many are remembered; of further ones nothing is said.
const COMPLAINTS_MAX: usize = 64;

/// After this it is said again, if it still goes on.
const AGAIN_AFTER: Duration = Duration::from_secs(600);

/// When what was said of whom.
#[derive(Debug, Default)]
pub(super) struct Complaints(BTreeMap<(IpAddr, String), Instant>);

impl Complaints {
    /// Whether that was not said of this address lately.
    pub(super) fn is_news(&mut self, ip: IpAddr, what: String) -> bool {
        let now = Instant::now();
        self.0.retain(|_, said| now - *said < AGAIN_AFTER);
        let complaint = (ip, what);
        let is_news = self.0.len() < COMPLAINTS_MAX && !self.0.contains_key(&complaint);
        if is_news {
            self.0.insert(complaint, now);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_reason_is_told_once_and_again_long_after() {
        let mut complaints = Complaints::default();
        let ip = IpAddr::from([10, 0, 0, 1]);
        let mut is_news = |what: &str| complaints.is_news(ip, what.to_owned());
        assert!(is_news("one") && is_news("other") && !is_news("one"));
        tokio::time::advance(AGAIN_AFTER).await;
        assert!(is_news("other"));
    }

    #[tokio::test]
    async fn of_too_many_nothing_is_said() {
        let mut complaints = Complaints::default();
        let mut told = 0;
        for last in 0..=u8::MAX {
            told += usize::from(complaints.is_news([10, 0, 0, last].into(), "no".to_owned()));
        }
        assert_eq!(told, COMPLAINTS_MAX);
    }
}
