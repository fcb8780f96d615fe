//! Nodes that start: at once, after silence, in place of their dead selves, knowing little.

use std::time::{Duration, Instant};

use bully_lab::Process;

use super::support::Lan;

/// Far above the 200 ms of rule A1, on a machine that runs other tests beside.
const BRIEF: Duration = Duration::from_secs(5);

/// Starts all hosts within a moment, so often, and has them agree each time.
fn start_at_once(test: &str, hosts: usize, tries: usize) {
    let Some(lan) = Lan::new(test, hosts) else { return };
    let all: Vec<usize> = (0..hosts).collect();
    for number in 1..=tries {
        for host in &all {
            lan.put(*host, lan.held_node(*host, hosts));
        }
        let start = Instant::now();
        lan.thaw_all(&all);
        let released = start.elapsed();
        let reign = lan.settled(&all);
        let took = start.elapsed();
        println!("{hosts} released within {released:?} agree after {took:?}");
        assert!(took < BRIEF, "{took:?}");
        lan.know_each_other(&all);
        if number == 1 {
            lan.stays(&all, &reign, Duration::from_secs(1));
        }
        lan.kill_all(&all);
    }
}

#[test]
fn two_started_in_the_same_instant_agree_each_time() {
    start_at_once("two_started_in_the_same_instant_agree_each_time", 2, 20);
}

#[test]
fn three_started_in_the_same_instant_agree_each_time() {
    start_at_once("three_started_in_the_same_instant_agree_each_time", 3, 40);
}

#[test]
fn five_started_in_the_same_instant_agree_each_time() {
    start_at_once("five_started_in_the_same_instant_agree_each_time", 5, 15);
}

#[test]
fn seven_started_in_the_same_instant_agree_each_time() {
    start_at_once("seven_started_in_the_same_instant_agree_each_time", 7, 15);
}

#[test]
fn fifteen_started_in_the_same_instant_agree_each_time() {
    start_at_once("fifteen_started_in_the_same_instant_agree_each_time", 15, 5);
}

/// Kills a node and lets another run at its address begin within a moment; how long that was.
fn restart(lan: &Lan, host: usize, count: usize) -> Duration {
    let next = lan.held_node(host, count);
    let start = Instant::now();
    lan.node(host, Process::kill);
    next.thaw();
    let took = start.elapsed();
    lan.put(host, next);
    took
}

#[test]
fn a_leader_restarted_within_5_ms_of_its_death_begins_a_new_reign_or_follows_one() {
    let test = "a_leader_restarted_within_5_ms_of_its_death_begins_a_new_reign_or_follows_one";
    let Some(lan) = Lan::new(test, 3) else { return };
    let all = [0, 1, 2];
    lan.form(&[]);
    let mut reign = lan.settled(&all);
    let mut quick = 0;
    // On a busy machine some take longer, and do not count.
    for round in 1.. {
        assert!(round <= 40, "the machine is too slow to try it");
        let took = restart(&lan, lan.host_of(&reign.leader), 3);
        quick += usize::from(took < Duration::from_millis(5));
        let next = lan.settled(&all);
        // The dead run's claim is nobody's any more.
        assert!(next.epoch > reign.epoch, "{next:?} after {reign:?}{}", lan.said());
        lan.know_each_other(&all);
        reign = next;
        if quick == 5 {
            break;
        }
    }
    lan.stays(&all, &reign, Duration::from_secs(1));
}

#[test]
fn a_follower_restarted_within_5_ms_of_its_death_leaves_the_reign_as_it_was() {
    let test = "a_follower_restarted_within_5_ms_of_its_death_leaves_the_reign_as_it_was";
    let Some(lan) = Lan::new(test, 3) else { return };
    lan.form(&[]);
    let reign = lan.settled(&[0, 1, 2]);
    let leader = lan.host_of(&reign.leader);
    for round in 0..6 {
        let follower = (leader + 1 + round % 2) % 3;
        restart(&lan, follower, 3);
        assert_eq!(lan.settled(&[0, 1, 2]), reign, "{}", lan.said());
    }
}

#[test]
fn a_leader_killed_while_four_newcomers_start_is_succeeded_once_for_all() {
    let test = "a_leader_killed_while_four_newcomers_start_is_succeeded_once_for_all";
    let Some(lan) = Lan::new(test, 7) else { return };
    for pause in [0, 2, 5, 20] {
        lan.join_all(&[0, 1, 2], 7);
        let old = lan.settled(&[0, 1, 2]);
        let leader = lan.host_of(&old.leader);
        let newcomers: Vec<usize> = (3..7).collect();
        for host in &newcomers {
            lan.put(*host, lan.held_node(*host, 7));
        }
        lan.thaw_all(&newcomers);
        std::thread::sleep(Duration::from_millis(pause));
        lan.kill(leader);
        let rest: Vec<usize> = (0..7).filter(|host| *host != leader).collect();
        let reign = lan.settled(&rest);
        assert!(reign.epoch > old.epoch, "{reign:?} after {old:?}");
        lan.know_each_other(&rest);
        lan.kill_all(&rest);
    }
}

/// Runs hosts each of which lists just one other, and has all know all.
fn in_a_row(lan: &Lan, listed: impl Fn(usize) -> usize) {
    let all: Vec<usize> = (0..lan.lab.hosts().len()).collect();
    for host in &all {
        let nodes = format!("-nodes={}", lan.ip(listed(*host)));
        lan.run(*host, &[&nodes, "-http=0.0.0.0:8080"]);
    }
    let reign = lan.settled(&all);
    lan.know_each_other(&all);
    lan.stays(&all, &reign, Duration::from_secs(1));
}

#[test]
fn seven_of_which_each_lists_just_the_next_one_have_one_leader_and_know_each_other() {
    let test = "seven_of_which_each_lists_just_the_next_one_have_one_leader_and_know_each_other";
    let Some(lan) = Lan::new(test, 7) else { return };
    in_a_row(&lan, |host| (host + 1) % 7);
}

#[test]
fn a_chain_of_seven_lists_whose_last_names_itself_is_joined_by_them() {
    let test = "a_chain_of_seven_lists_whose_last_names_itself_is_joined_by_them";
    let Some(lan) = Lan::new(test, 7) else { return };
    in_a_row(&lan, |host| (host + 1).min(6));
}

#[test]
fn silent_addresses_in_the_list_do_not_delay_the_first_answer() {
    let test = "silent_addresses_in_the_list_do_not_delay_the_first_answer";
    let Some(lan) = Lan::new(test, 4) else { return };
    // Two hosts that are there and say nothing, and addresses that nobody has: dials to those take
    // the kernel three seconds.
    for host in [2, 3] {
        lan.lab.isolate(host).expect("isolates");
    }
    let nobody: Vec<String> = (200..212).map(|last| format!("192.168.1.{last}")).collect();
    let nodes = format!("-nodes={},{}", nobody.join(","), lan.list(4));
    for newcomer in [0, 1] {
        let start = Instant::now();
        lan.run(newcomer, &[&nodes, "-http=0.0.0.0:8080"]);
        // This waits for the outcome of rule A1.
        lan.until("its first answer", || {
            lan.get(newcomer, "/leader").is_ok_and(|reply| reply.text().trim_end() == lan.ip(0))
        });
        let took = start.elapsed();
        println!("answered after {took:?}");
        assert!(took < Duration::from_millis(1_500), "{took:?}");
    }
    // It has not been waiting for them: they are still being dialled.
    lan.until("the silent ones are named", || {
        lan.stderr(0).iter().any(|line| line.contains("192.168.1.69:8117: i/o timeout"))
    });
}
