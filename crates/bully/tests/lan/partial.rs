//! Partial partitions: some pairs of hosts do not reach each other, and yet all are connected through
//! others. One leads, is followed through relays, and stays.

use std::time::{Duration, Instant};

use super::account::{Reign, mostly, reigns_of};
use super::support::Lan;

/// Longer than the longest pause between probes: whatever the probing finds, it has found.
pub(crate) const WINDOW: Duration = Duration::from_millis(5_500);

type Links = Vec<(usize, usize)>;

fn all(lan: &Lan) -> Vec<usize> {
    (0..lan.lab.hosts().len()).collect()
}

fn chain(hosts: usize) -> Links {
    (1..hosts).map(|host| (host - 1, host)).collect()
}

fn ring(hosts: usize) -> Links {
    let mut links = chain(hosts);
    links.push((hosts - 1, 0));
    links
}

fn star(hosts: usize, hub: usize) -> Links {
    (0..hosts).filter(|host| *host != hub).map(|host| (hub, host)).collect()
}

/// Hosts that all reach each other, led by the one that started first.
fn led_by(lan: &Lan, leader: usize) -> Reign {
    let all = all(lan);
    lan.join(leader, all.len(), &[]);
    lan.settled(&[leader]);
    let others: Vec<usize> = all.iter().copied().filter(|host| *host != leader).collect();
    lan.join_all(&others, all.len());
    let reign = lan.settled(&all);
    assert_eq!(reign.leader, lan.ip(leader), "the incumbent stays");
    lan.know_each_other(&all);
    reign
}

/// Leaves only these links, and waits until all that the leader is cut from have noticed.
fn leave_only(lan: &Lan, leader: usize, links: &Links) {
    lan.lab.only(links).expect("cuts");
    let is_cut = |host: usize| {
        host != leader && !links.contains(&(leader, host)) && !links.contains(&(host, leader))
    };
    for host in all(lan).into_iter().filter(|host| is_cut(*host)) {
        lan.until("the cut is felt", || lan.has_noted(host, "member-lost", leader));
    }
}

/// The links vanish while this one leads: all go on to follow it, under the same epoch. Where the
/// machine keeps a relay waiting, who is heard through it may be lost for a moment; one leads in the
/// end.
fn keeps_its_leader(test: &str, hosts: usize, leader: usize, links: &Links) {
    let Some(lan) = Lan::new(test, hosts) else { return };
    mostly("it keeps its leader, and nobody else ever led", || {
        let old = led_by(&lan, leader);
        leave_only(&lan, leader, links);
        let is_kept = one_leads(&lan, &old);
        let elected: Vec<usize> = all(&lan).into_iter().filter(|h| has_won(&lan, *h)).collect();
        end_round(&lan, is_kept && elected == [leader])
    });
}

/// One leads in the end; whether it is the same still, and was all through the window.
fn one_leads(lan: &Lan, old: &Reign) -> bool {
    let reign = lan.settled(&all(lan));
    assert!(reign == *old || reign.epoch > old.epoch, "{reign:?} after {old:?}");
    let before: Vec<u64> = all(lan).iter().map(|host| lan.newest(*host)).collect();
    let start = Instant::now();
    lan.until("the window passes", || start.elapsed() > WINDOW);
    let last = lan.settled(&all(lan));
    let news = all(lan).into_iter().zip(before);
    let mut news = news.map(|(host, before)| reigns_of(&lan.history_since(host, before)));
    reign == *old && last == *old && news.all(|news| news.is_empty())
}

/// Clears the ground for a next round, and shows how one went that did not go as it should.
fn end_round(lan: &Lan, went_well: bool) -> bool {
    if !went_well {
        println!("{}", lan.said());
    }
    lan.kill_all(&all(lan));
    lan.lab.heal().expect("heals");
    went_well
}

/// The links vanish: one leads in the end, and stays. Where some are more than two links away from
/// the leader they lose it at one moment, and the best of them may lead before word of it reaches
/// them again; then the two groups merge.
fn ends_with_one_leader(test: &str, hosts: usize, leader: usize, links: &Links) {
    let Some(lan) = Lan::new(test, hosts) else { return };
    let old = led_by(&lan, leader);
    leave_only(&lan, leader, links);
    let reign = lan.settled(&all(&lan));
    assert!(reign == old || reign.epoch > old.epoch, "{reign:?} after {old:?}");
    lan.stays(&all(&lan), &reign, WINDOW);
}

fn has_won(lan: &Lan, host: usize) -> bool {
    lan.history(host).iter().any(|entry| entry["won"] == true)
}

/// Side by side: each mostly waits.
fn side_by_side<T: Send>(cases: impl IntoIterator<Item = T>, run: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            let run = &run;
            scope.spawn(move || run(case));
        }
    });
}

#[test]
fn quorum_loss_where_all_reach_the_hub_of_a_star_alone_its_leader_leads_on() {
    let test = "quorum_loss_where_all_reach_the_hub_of_a_star_alone_its_leader_leads_on";
    // The leader is a leaf, or the hub.
    side_by_side([4, 0], |leader| keeps_its_leader(test, 5, leader, &star(5, 0)));
}

#[test]
fn constrained_election_where_the_leader_is_gone_and_only_a_hub_reaches_all_one_leads() {
    let test = "constrained_election_where_the_leader_is_gone_and_only_a_hub_reaches_all_one_leads";
    let Some(lan) = Lan::new(test, 5) else { return };
    let old = led_by(&lan, 4);
    // The hub ranks below all others.
    leave_only(&lan, 4, &star(4, 0));
    let rest = [0, 1, 2, 3];
    let reign = lan.settled(&rest);
    assert!(reign.epoch > old.epoch, "{reign:?} after {old:?}");
    assert_eq!(lan.settled(&[4]).leader, lan.ip(4), "alone it leads itself");
    lan.stays(&rest, &reign, WINDOW);
    // It comes back, to the hub alone, and the larger group's leader stays.
    lan.lab.only(&star(5, 0)).expect("heals in part");
    let merged = lan.settled(&all(&lan));
    assert_eq!(merged.leader, reign.leader, "{}", lan.said());
    lan.stays(&all(&lan), &merged, WINDOW);
}

#[test]
fn a_chain_of_three_or_four_keeps_its_leader_wherever_it_stands() {
    let test = "a_chain_of_three_or_four_keeps_its_leader_wherever_it_stands";
    side_by_side([(3, 0), (3, 1), (3, 2), (4, 3)], |(hosts, leader)| {
        keeps_its_leader(test, hosts, leader, &chain(hosts));
    });
}

#[test]
fn a_chain_of_nine_has_one_leader_that_stays() {
    let test = "a_chain_of_nine_has_one_leader_that_stays";
    side_by_side([0, 8], |leader| ends_with_one_leader(test, 9, leader, &chain(9)));
}

#[test]
fn a_ring_of_eight_has_one_leader_that_stays() {
    ends_with_one_leader("a_ring_of_eight_has_one_leader_that_stays", 8, 3, &ring(8));
}

#[test]
fn a_chain_whose_leader_dies_at_its_end_has_one_successor() {
    let test = "a_chain_whose_leader_dies_at_its_end_has_one_successor";
    let Some(lan) = Lan::new(test, 5) else { return };
    let old = led_by(&lan, 4);
    leave_only(&lan, 4, &chain(5));
    assert_eq!(lan.settled(&all(&lan)), old);
    lan.kill(4);
    let rest = [0, 1, 2, 3];
    let reign = lan.settled(&rest);
    assert!(reign.epoch > old.epoch, "{reign:?} after {old:?}");
    lan.stays(&rest, &reign, WINDOW);
}

#[test]
fn hosts_that_start_into_a_chain_have_one_leader() {
    let test = "hosts_that_start_into_a_chain_have_one_leader";
    let Some(lan) = Lan::new(test, 6) else { return };
    lan.lab.only(&chain(6)).expect("cuts");
    lan.join_all(&all(&lan), 6);
    let reign = lan.settled(&all(&lan));
    lan.stays(&all(&lan), &reign, WINDOW);
}

#[test]
fn two_leaders_that_cannot_meet_become_one_through_those_between_them() {
    let test = "two_leaders_that_cannot_meet_become_one_through_those_between_them";
    let Some(lan) = Lan::new(test, 4) else { return };
    let hosts = all(&lan);
    lan.join_all(&hosts, 4);
    lan.settled(&hosts);
    lan.lab.split(&[&[0, 1], &[2, 3]]).expect("splits");
    let halves = [lan.settled(&[0, 1]), lan.settled(&[2, 3])];
    let [a, b] = [lan.host_of(&halves[0].leader), lan.host_of(&halves[1].leader)];
    let pairs = (0..4).flat_map(|from| (from + 1..4).map(move |to| (from, to)));
    let links: Links = pairs.filter(|pair| *pair != (a, b)).collect();
    lan.lab.only(&links).expect("heals in part");
    let reign = lan.settled(&hosts);
    assert!([a, b].contains(&lan.host_of(&reign.leader)), "one of the two{}", lan.said());
    lan.stays(&hosts, &reign, WINDOW);
}

#[test]
fn two_groups_that_meet_at_their_borders_alone_become_one() {
    let test = "two_groups_that_meet_at_their_borders_alone_become_one";
    let Some(lan) = Lan::new(test, 4) else { return };
    lan.lab.only(&[(0, 1), (2, 3)]).expect("cuts");
    // The outer ones lead, and never reach the other group.
    for host in [0, 3] {
        lan.join(host, 4, &[]);
        lan.settled(&[host]);
    }
    for (host, group) in [(1, [0, 1]), (2, [2, 3])] {
        lan.join(host, 4, &[]);
        lan.settled(&group);
    }
    lan.lab.only(&chain(4)).expect("heals in part");
    let reign = lan.settled(&all(&lan));
    lan.stays(&all(&lan), &reign, WINDOW);
}

/// From which end to which a link still works.
#[derive(Clone, Copy)]
enum Works {
    FromTheLeader,
    TowardsTheLeader,
}

fn cut_one_way(lan: &Lan, leader: usize, follower: usize, works: Works) {
    let (from, to) = match works {
        Works::FromTheLeader => (follower, leader),
        Works::TowardsTheLeader => (leader, follower),
    };
    lan.lab.cut_one_way(from, to).expect("cuts");
}

#[test]
fn a_link_that_works_one_way_only_changes_nothing_among_three() {
    let test = "a_link_that_works_one_way_only_changes_nothing_among_three";
    side_by_side([Works::FromTheLeader, Works::TowardsTheLeader], |works| {
        let Some(lan) = Lan::new(test, 3) else { return };
        mostly("nothing changes", || {
            let old = led_by(&lan, 2);
            cut_one_way(&lan, 2, 0, works);
            lan.until("the cut is felt", || lan.has_noted(0, "member-lost", 2));
            let is_kept = one_leads(&lan, &old);
            end_round(&lan, is_kept)
        });
    });
}

#[test]
fn a_link_that_works_one_way_only_is_none_between_two() {
    let test = "a_link_that_works_one_way_only_is_none_between_two";
    side_by_side([Works::FromTheLeader, Works::TowardsTheLeader], |works| {
        let Some(lan) = Lan::new(test, 2) else { return };
        led_by(&lan, 1);
        cut_one_way(&lan, 1, 0, works);
        let alone = [lan.settled(&[0]), lan.settled(&[1])];
        assert_eq!(alone.clone().map(|reign| reign.leader), [lan.ip(0), lan.ip(1)]);
        for (host, reign) in alone.iter().enumerate() {
            lan.stays(&[host], reign, Duration::from_secs(2));
        }
        lan.lab.heal().expect("heals");
        lan.settled(&[0, 1]);
    });
}
