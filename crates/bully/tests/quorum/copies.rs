//! Disks that are wiped, copied, and set back to what they were.

use super::reigns::side_by_side;
use super::support::{DEADLINE, Lan};
use super::words::LEASE;

impl Lan {
    fn until_quarantined(&self, host: usize) {
        self.until("it takes part in nothing", || {
            self.document(host, "/v1/status").is_some_and(|s| s["role"] == "quarantined")
        });
        assert_eq!(self.code(host, "/primary"), 503);
        self.until_said(host, "it takes part in nothing; stop it, wipe its data directory");
    }
}

#[test]
fn a_node_whose_disk_was_wiped_is_replaced_by_what_answers_in_its_place() {
    let test = "a_node_whose_disk_was_wiped_is_replaced_by_what_answers_in_its_place";
    let all = [0, 1, 2];
    // It followed, or it led.
    side_by_side([false, true], |led| {
        let Some(lan) = Lan::new(test, 3) else { return };
        let _watch = lan.watch();
        let old = lan.found_under(2);
        let wiped = if led { 2 } else { 0 };
        lan.kill(wiped);
        lan.host(wiped).wipe().expect("its disk is wiped");
        lan.vote(wiped, 3);
        let rest = lan.all_but(&[wiped]);
        let reign = if led { lan.succeeded(&rest, &old) } else { lan.ruled(&rest) };
        let leader = lan.host_of(&reign.leader);
        // It hears the leader, does not vote, is removed as it was, and added as it is.
        let [one, other] = [rest[0], rest[1]].map(|host| format!("{}:8117", lan.ip(host)));
        lan.until_said(leader, &format!("{}:8117 has lost its disk", lan.ip(wiped)));
        lan.until_said(leader, &format!("the members are {one}, {other}"));
        lan.until_voters(&all, &all);
        assert_eq!(lan.ruled(&all), reign, "{}", lan.said());
        // Its vote counts: with it one of the others can be spared.
        let spared = rest.into_iter().find(|host| *host != leader).expect("another");
        lan.kill(spared);
        lan.stays(&[leader, wiped], &reign, LEASE * 2);
    });
}

#[test]
fn a_copy_of_a_live_node_s_disk_is_refused_elsewhere_and_if_it_insists_neither_goes_on() {
    let test =
        "a_copy_of_a_live_node_s_disk_is_refused_elsewhere_and_if_it_insists_neither_goes_on";
    // Of a follower, or of the leader.
    side_by_side([0, 2], |copied| {
        let Some(lan) = Lan::new(test, 4) else { return };
        let _watch = lan.watch();
        (0..3).for_each(|host| lan.vote(host, 3));
        let old = lan.ruled(&[0, 1, 2]);
        lan.until_voters(&[0, 1, 2], &[0, 1, 2]);
        let old = lan.hand_to(2, old);
        let saved = lan.host(copied).save().expect("a copy, while the node runs");
        lan.host(3).restore(&saved).expect("it is brought there");
        lan.vote(3, 3);
        let status = lan.node(3, |node| node.wait(DEADLINE)).expect("it does not start");
        assert_eq!(status.code(), Some(1));
        lan.until_said(3, &format!("belongs to the node at {}:8117", lan.ip(copied)));

        lan.vote_with(3, 3, &["-moved"]);
        lan.until_quarantined(copied);
        lan.until_quarantined(3);
        let rest: Vec<usize> = (0..3).filter(|host| *host != copied).collect();
        let reign = lan.ruled(&rest);
        assert!(reign.token > old.token || copied == 0, "{reign:?} after {old:?}");
        lan.stays(&rest, &reign, LEASE * 2);
    });
}

#[test]
fn a_disk_that_was_set_back_is_noticed_by_those_that_heard_of_a_later_start() {
    let test = "a_disk_that_was_set_back_is_noticed_by_those_that_heard_of_a_later_start";
    // Its number of starts is then one that was heard of already, or a smaller one.
    side_by_side([1, 2], |starts| {
        let Some(lan) = Lan::new(test, 3) else { return };
        let _watch = lan.watch();
        lan.found_under(2);
        let saved = lan.host(2).save().expect("a copy, while the node runs");
        for _ in 0..starts {
            lan.kill(2);
            lan.vote(2, 3);
            lan.ruled(&[0, 1, 2]);
        }
        lan.kill(2);
        lan.host(2).restore(&saved).expect("it is set back");
        lan.vote(2, 3);
        lan.until_quarantined(2);
        let reign = lan.ruled(&[0, 1]);
        lan.stays(&[0, 1], &reign, LEASE * 2);
        // It is done as it says.
        lan.kill(2);
        lan.host(2).wipe().expect("its disk is wiped");
        lan.vote(2, 3);
        lan.until_voters(&[0, 1, 2], &[0, 1, 2]);
        assert_eq!(lan.ruled(&[0, 1, 2]), reign, "{}", lan.said());
    });
}
