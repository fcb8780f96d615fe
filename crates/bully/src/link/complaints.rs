//! What operators have been told of those who were turned away.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// Of how many addresses it is known; of further ones nothing is said.
const ADDRESSES_MAX: usize = 64;

/// After this it is said again, if it still goes on.
const AGAIN_AFTER: Duration = Duration::from_secs(600);

/// The last complaint of each address.
#[derive(Debug, Default)]
pub(super) struct Complaints(BTreeMap<IpAddr, (Instant, String)>);

impl Complaints {
    /// Whether that was not said of this address lately.
    pub(super) fn is_news(&mut self, ip: IpAddr, what: String) -> bool {
        let now = Instant::now();
        self.0.retain(|_, (said, _)| now - *said < AGAIN_AFTER);
        let is_known = self.0.get(&ip).is_some_and(|(_, said)| *said == what);
        let is_full = self.0.len() >= ADDRESSES_MAX && !self.0.contains_key(&ip);
        let is_news = !is_known && !is_full;
        if is_news {
            self.0.insert(ip, (now, what));
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reason_is_told_once_and_again_when_it_has_changed_or_long_after() {
        let mut complaints = Complaints::default();
        let ip = IpAddr::from([10, 0, 0, 1]);
        let mut is_news = |what: &str| complaints.is_news(ip, what.to_owned());
        assert!(is_news("one") && !is_news("one") && is_news("other"));
        tokio::time::advance(AGAIN_AFTER).await;
        assert!(is_news("other"));
    }

    #[tokio::test]
    async fn of_too_many_addresses_nothing_is_said() {
        let mut complaints = Complaints::default();
        let mut told = 0;
        for last in 0..=u8::MAX {
            told += usize::from(complaints.is_news([10, 0, 0, last].into(), "no".to_owned()));
        }
        assert_eq!(told, ADDRESSES_MAX);
    }
}
