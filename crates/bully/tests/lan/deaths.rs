//! Several nodes that die in one breath.

use std::time::Duration;

use bully_lab::Process;

use super::account::Reign;
use super::support::Lan;

/// Above what a loop of signals takes, and below what a node needs to notice anything.
const BREATH: Duration = Duration::from_millis(1);

/// How often it is tried until three were within a breath.
const ROUNDS_MAX: usize = 30;

/// The hosts by rank, best first; all have one priority, so the address decides. The leader, who
/// need not be the best of them, comes before all.
fn by_rank(lan: &Lan, hosts: usize, reign: &Reign) -> Vec<usize> {
    let leader = lan.host_of(&reign.leader);
    let mut ranked: Vec<usize> = (0..hosts).rev().collect();
    ranked.sort_by_key(|host| *host != leader);
    ranked
}

/// Runs rounds until three of them, in each of which hosts were killed, took no longer than a breath
/// for it. A busy machine may take the signals' loop off its core in between; such a round does not
/// count.
fn until_enough_were_quick(mut round: impl FnMut() -> Duration) {
    let mut in_a_breath = 0;
    for _ in 0..ROUNDS_MAX {
        in_a_breath += usize::from(round() < BREATH);
        if in_a_breath == 3 {
            return;
        }
    }
    panic!("the machine is too slow to try it");
}

/// Kills the leader and the best of the rest, so many in all, in one breath and again and again;
/// the best of the survivors leads. Where the machine keeps that one waiting, another may.
fn decapitate(test: &str, hosts: usize, deaths: usize) {
    let Some(lan) = Lan::new(test, hosts) else { return };
    let all: Vec<usize> = (0..hosts).collect();
    lan.form(&[]);
    let (mut best, mut rounds) = (0, 0);
    until_enough_were_quick(|| {
        let reign = lan.settled(&all);
        lan.know_each_other(&all);
        let ranked = by_rank(&lan, hosts, &reign);
        let (dead, rest) = ranked.split_at(deaths);
        let took = lan.kill_all(dead);
        let next = lan.settled(rest);
        assert!(next.epoch > reign.epoch, "{next:?} after {reign:?}{}", lan.said());
        best += usize::from(next.leader == lan.ip(rest[0]));
        rounds += 1;
        lan.join_all(dead, hosts);
        took
    });
    println!("the best of the rest led in {best} of {rounds} rounds");
    assert!(best * 2 > rounds, "in {best} of {rounds}{}", lan.said());
}

#[test]
fn the_leader_and_the_next_of_five_killed_in_one_breath_leave_the_third_leading() {
    let test = "the_leader_and_the_next_of_five_killed_in_one_breath_leave_the_third_leading";
    decapitate(test, 5, 2);
}

#[test]
fn the_leader_and_the_next_two_of_seven_killed_in_one_breath_leave_the_fourth_leading() {
    let test = "the_leader_and_the_next_two_of_seven_killed_in_one_breath_leave_the_fourth_leading";
    decapitate(test, 7, 3);
}

#[test]
fn all_but_one_killed_in_one_breath_leave_the_one_leading() {
    let test = "all_but_one_killed_in_one_breath_leave_the_one_leading";
    let Some(lan) = Lan::new(test, 5) else { return };
    let all = [0, 1, 2, 3, 4];
    lan.form(&[]);
    until_enough_were_quick(|| {
        let reign = lan.settled(&all);
        lan.know_each_other(&all);
        let ranked = by_rank(&lan, 5, &reign);
        let took = lan.kill_all(&ranked[..4]);
        assert_eq!(lan.settled(&ranked[4..]).leader, lan.ip(ranked[4]));
        lan.join_all(&ranked[..4], 5);
        took
    });
}

#[test]
fn both_leaders_killed_while_their_halves_merge_leave_one_leader() {
    let test = "both_leaders_killed_while_their_halves_merge_leave_one_leader";
    let Some(lan) = Lan::new(test, 6) else { return };
    let all: Vec<usize> = (0..6).collect();
    // Probes are up to five seconds apart: the halves meet at some moment after they can.
    until_enough_were_quick(|| {
        lan.join_all(&all, 6);
        lan.settled(&all);
        lan.lab.split(&[&[0, 1, 2], &[3, 4, 5]]).expect("splits");
        let halves = [lan.settled(&[0, 1, 2]), lan.settled(&[3, 4, 5])];
        assert_ne!(halves[0].leader, halves[1].leader);
        let leaders = [lan.host_of(&halves[0].leader), lan.host_of(&halves[1].leader)];
        lan.lab.heal().expect("heals");
        let begun = |half: &Reign| {
            let is_over = |host: usize| lan.reign(host).is_none_or(|(now, _)| now != *half);
            leaders.iter().any(|host| lan.ip(*host) == half.leader && is_over(*host))
        };
        lan.until("the merge begins", || halves.iter().any(begun));
        let took = lan.kill_all(&leaders);
        let rest: Vec<usize> = (0..6).filter(|host| !leaders.contains(host)).collect();
        let reign = lan.settled(&rest);
        lan.know_each_other(&rest);
        lan.stays(&rest, &reign, Duration::from_secs(1));
        lan.kill_all(&rest);
        took
    });
}

#[test]
fn a_killed_follower_changes_nothing_for_the_rest() {
    let test = "a_killed_follower_changes_nothing_for_the_rest";
    let Some(lan) = Lan::new(test, 3) else { return };
    lan.form(&[]);
    let reign = lan.settled(&[0, 1, 2]);
    let ranked = by_rank(&lan, 3, &reign);
    assert!(lan.node(ranked[1], Process::kill));
    lan.stays(&[ranked[0], ranked[2]], &reign, Duration::from_secs(1));
    lan.know_each_other(&[ranked[0], ranked[2]]);
}
