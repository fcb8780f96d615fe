//! Partial partitions: some pairs of hosts do not reach each other, and others do.

use super::reigns::side_by_side;
use super::support::Lan;
use super::watch::{nanos, now};
use super::words::LEASE;

/// The links of a star.
fn star(hub: usize, leaves: &[usize]) -> Vec<(usize, usize)> {
    leaves.iter().map(|leaf| (hub, *leaf)).collect()
}

#[test]
fn quorum_loss_where_all_reach_the_hub_of_a_star_alone_the_hub_leads() {
    let test = "quorum_loss_where_all_reach_the_hub_of_a_star_alone_the_hub_leads";
    // The leader is a leaf, or the hub, which ranks below all others.
    side_by_side([4, 0], |leader| {
        let Some(lan) = Lan::new(test, 5) else { return };
        let watch = lan.watch();
        let old = lan.found_under(leader);
        lan.lab.only(&star(0, &[1, 2, 3, 4])).expect("cuts");
        let cut = now();
        if leader == 0 {
            lan.stays(&lan.all(), &old, LEASE * 4);
            return;
        }
        let next = lan.succeeded(&lan.all(), &old);
        assert_eq!(next.leader, lan.ip(0), "nobody else reaches a majority{}", lan.said());
        let last = watch.last_of(old.token);
        assert!(last.asked < cut + nanos(LEASE), "{last:?} {cut}");
        lan.stays(&lan.all(), &next, LEASE * 3);
    });
}

#[test]
fn constrained_election_where_the_hub_ranks_lowest_and_knows_an_older_roster_the_hub_leads() {
    let test =
        "constrained_election_where_the_hub_ranks_lowest_and_knows_an_older_roster_the_hub_leads";
    let Some(lan) = Lan::new(test, 5) else { return };
    let _watch = lan.watch();
    lan.vote_with(0, 4, &["-priority=50"]);
    (1..4).for_each(|host| lan.vote(host, 4));
    lan.ruled(&[0, 1, 2, 3]);
    lan.until_voters(&[0, 1, 2, 3], &[0, 1, 2, 3]);
    // While the hub is gone another joins.
    lan.lab.isolate(0).expect("isolates");
    lan.vote(4, 5);
    lan.until_voters(&[1, 2, 3, 4], &[0, 1, 2, 3, 4]);
    assert_eq!(lan.voters(0), [0, 1, 2, 3].map(|host| lan.ip(host)), "it has not heard of that");
    let reign = lan.ruled(&[1, 2, 3, 4]);
    // Whoever leads dies, and the rest reach the hub alone.
    let leader = lan.host_of(&reign.leader);
    let leaves = lan.all_but(&[0, leader]);
    lan.kill(leader);
    lan.lab.only(&star(0, &leaves)).expect("cuts");
    lan.lab.rejoin(0).expect("rejoins");
    let rest = lan.all_but(&[leader]);
    let next = lan.succeeded(&rest, &reign);
    assert_eq!(next.leader, lan.ip(0), "nobody else reaches a majority{}", lan.said());
    lan.until_voters(&[0], &[0, 1, 2, 3, 4]);
    lan.stays(&rest, &next, LEASE * 3);
}

#[test]
fn a_chain_of_three_keeps_its_leader_at_either_end_and_in_the_middle() {
    let test = "a_chain_of_three_keeps_its_leader_at_either_end_and_in_the_middle";
    side_by_side([0, 1, 2], |leader| {
        let Some(lan) = Lan::new(test, 3) else { return };
        let _watch = lan.watch();
        let reign = lan.found_under(leader);
        lan.lab.cut(0, 2).expect("cuts");
        if leader == 1 {
            lan.stays(&[0, 1, 2], &reign, LEASE * 5);
            return;
        }
        // The other end loses it, asks, and is refused: no term is touched by that.
        let end = 2 - leader;
        lan.leaderless(&[end], LEASE);
        lan.stays(&[leader, 1], &reign, LEASE * 5);
        lan.lab.heal().expect("heals");
        lan.stays(&[0, 1, 2], &reign, LEASE);
    });
}

#[test]
fn a_link_that_works_one_way_only_changes_nothing_where_a_majority_is_left() {
    let test = "a_link_that_works_one_way_only_changes_nothing_where_a_majority_is_left";
    side_by_side([(2, 0), (0, 2)], |(from, to)| {
        let Some(lan) = Lan::new(test, 3) else { return };
        let _watch = lan.watch();
        let reign = lan.found_under(2);
        lan.lab.cut_one_way(from, to).expect("cuts");
        lan.leaderless(&[0], LEASE);
        lan.stays(&[1, 2], &reign, LEASE * 3);
        lan.lab.heal().expect("heals");
        lan.stays(&[0, 1, 2], &reign, LEASE);
    });
}

#[test]
fn a_link_that_works_one_way_only_is_none_where_the_majority_needs_it() {
    let test = "a_link_that_works_one_way_only_is_none_where_the_majority_needs_it";
    side_by_side([(2, 0), (0, 2)], |(from, to)| {
        let Some(lan) = Lan::new(test, 3) else { return };
        let watch = lan.watch();
        let old = lan.found_under(2);
        lan.kill(1);
        lan.lab.cut_one_way(from, to).expect("cuts");
        let cut = now();
        lan.leaderless(&[0, 2], LEASE * 2);
        let last = watch.last_of(old.token);
        assert!(last.asked < cut + nanos(LEASE), "{last:?} {cut}");
        lan.lab.heal().expect("heals");
        let next = lan.ruled(&[0, 2]);
        assert!(next.token > old.token, "{next:?} after {old:?}");
    });
}
