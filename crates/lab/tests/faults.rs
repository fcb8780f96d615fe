//! Faults of the network are silent, and end when they are healed.

mod common;

use std::net::IpAddr;
use std::time::Duration;

use bully_lab::{Lab, LabConfig, Process, lab_or_skip};
use common::{PEER, SOON, connect, listen, next_echo, talk};

/// No answer for so long is silence: a round trip takes well below a millisecond, and the kernel
/// of a sender sends again after 200 ms.
const SILENCE: Duration = Duration::from_millis(700);

fn ipv4(lab: &Lab, host: usize) -> IpAddr {
    lab.host(host).ipv4().into()
}

/// A host's addresses, of both kinds where there are both.
fn addresses(lab: &Lab, host: usize) -> Vec<IpAddr> {
    let ipv6 = lab.host(host).ipv6().map(IpAddr::from);
    [ipv4(lab, host)].into_iter().chain(ipv6).collect()
}

/// Neither an echo nor an end of the connection comes.
fn assert_hangs(program: &Process) {
    let seen = program.lines().len();
    // What was under way when the fault began may still come, once.
    let settled = program.wait_for_line_after(seen, |_| false, SILENCE / 4);
    assert!(settled.is_err());
    let seen = program.lines().len();
    let heard = program.wait_for_line_after(seen, |_| true, SILENCE);
    assert!(heard.is_err(), "heard {heard:?}");
    assert!(program.is_alive());
}

#[test]
fn hosts_reach_one_another() {
    let Some(lab) = lab_or_skip("hosts_reach_one_another", &LabConfig::of(3)) else {
        return;
    };
    for to in 0..3 {
        for address in addresses(&lab, to) {
            let _server = listen(&lab, to, address);
            for from in 0..3 {
                assert_eq!(connect(&lab, from, address), "connected");
            }
        }
    }
}

#[test]
fn a_port_that_nobody_listens_on_refuses() {
    let Some(lab) = lab_or_skip("a_port_that_nobody_listens_on_refuses", &LabConfig::of(2)) else {
        return;
    };
    let said = connect(&lab, 0, ipv4(&lab, 1));
    assert_eq!(said, "connect ConnectionRefused");
}

#[test]
fn a_cut_drops_silently_in_both_directions() {
    let Some(lab) = lab_or_skip("a_cut_drops_silently_in_both_directions", &LabConfig::of(3))
    else {
        return;
    };
    lab.cut(0, 1).unwrap();
    for (from, to) in [(0, 1), (1, 0)] {
        for address in addresses(&lab, to) {
            let server = listen(&lab, to, address);
            assert_eq!(connect(&lab, from, address), "connect TimedOut");
            assert_eq!(connect(&lab, 2, address), "connected");
            let accepted = |line: &str| line == "accepted";
            server.wait_for_line(accepted, SOON).unwrap();
            let seen = server.lines().len();
            let second = server.wait_for_line_after(seen, accepted, SILENCE);
            assert!(second.is_err(), "only the third host got through");
        }
    }
}

#[test]
fn an_established_connection_hangs_across_a_cut_and_goes_on_after_it() {
    let test = "an_established_connection_hangs_across_a_cut_and_goes_on_after_it";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(2)) else {
        return;
    };
    for address in addresses(&lab, 1) {
        let server = listen(&lab, 1, address);
        let client = talk(&lab, 0, address);
        next_echo(&client);
        lab.cut(0, 1).unwrap();
        assert_hangs(&client);
        assert_hangs(&server);
        lab.heal_between(1, 0).unwrap();
        next_echo(&client);
        assert!(!client.stdout().contains("lost"), "{}", client.stdout());
    }
}

#[test]
fn a_one_way_cut_leaves_the_other_direction() {
    let Some(lab) = lab_or_skip("a_one_way_cut_leaves_the_other_direction", &LabConfig::of(2))
    else {
        return;
    };
    let server = listen(&lab, 1, ipv4(&lab, 1));
    let client = talk(&lab, 0, ipv4(&lab, 1));
    next_echo(&client);

    // The echoes are lost: the server still hears what is new, up to what the client's kernel
    // sends without being answered.
    lab.cut_one_way(1, 0).unwrap();
    let seen = server.lines().len();
    let heard = server.wait_for_line_after(seen, |line| line.starts_with("got"), SOON);
    heard.unwrap();
    assert_hangs(&client);
    lab.heal().unwrap();
    next_echo(&client);

    // Now the client's lines are lost.
    lab.cut_one_way(0, 1).unwrap();
    assert_hangs(&server);
    lab.heal().unwrap();
    next_echo(&client);
}

#[test]
fn an_isolated_hosts_established_connection_hangs_and_is_not_reset() {
    let test = "an_isolated_hosts_established_connection_hangs_and_is_not_reset";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(3)) else {
        return;
    };
    let server = listen(&lab, 1, ipv4(&lab, 1));
    let client = talk(&lab, 0, ipv4(&lab, 1));
    next_echo(&client);
    lab.isolate(1).unwrap();
    assert_hangs(&client);
    assert_hangs(&server);
    assert_eq!(connect(&lab, 2, ipv4(&lab, 1)), "connect TimedOut");
    let _other = listen(&lab, 2, ipv4(&lab, 2));
    assert_eq!(connect(&lab, 1, ipv4(&lab, 2)), "connect TimedOut");
    assert_eq!(connect(&lab, 0, ipv4(&lab, 2)), "connected");
    lab.rejoin(1).unwrap();
    next_echo(&client);
    assert!(!client.stdout().contains("lost"), "{}", client.stdout());
}

#[test]
fn a_split_cuts_between_its_groups_only_and_heal_restores_all() {
    let test = "a_split_cuts_between_its_groups_only_and_heal_restores_all";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(5)) else {
        return;
    };
    let _servers: Vec<_> = (0..5).map(|host| listen(&lab, host, ipv4(&lab, host))).collect();
    let connects = |from, to| connect(&lab, from, ipv4(&lab, to));
    lab.split(&[&[0, 1], &[2, 3]]).unwrap();
    lab.isolate(4).unwrap();
    for (from, to) in [(0, 1), (3, 2)] {
        assert_eq!(connects(from, to), "connected");
    }
    for (from, to) in [(0, 2), (3, 1), (2, 4), (4, 0)] {
        assert_eq!(connects(from, to), "connect TimedOut");
    }
    lab.heal().unwrap();
    for (from, to) in [(0, 2), (3, 1), (2, 4), (4, 0)] {
        assert_eq!(connects(from, to), "connected");
    }
}

#[test]
fn only_the_links_that_are_named_are_left() {
    let test = "only_the_links_that_are_named_are_left";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(3)) else {
        return;
    };
    let _servers: Vec<_> = (0..3).map(|host| listen(&lab, host, ipv4(&lab, host))).collect();
    let connects = |from, to| connect(&lab, from, ipv4(&lab, to));
    lab.only(&[(0, 1), (2, 1)]).unwrap();
    for (from, to) in [(0, 1), (1, 0), (1, 2), (2, 1)] {
        assert_eq!(connects(from, to), "connected");
    }
    for (from, to) in [(0, 2), (2, 0)] {
        assert_eq!(connects(from, to), "connect TimedOut");
    }
    lab.only(&[(0, 2)]).unwrap();
    assert_eq!(connects(2, 0), "connected", "what was cut before is healed");
    assert_eq!(connects(0, 1), "connect TimedOut");
}

#[test]
fn five_hosts_are_left_just_the_links_of_a_star_or_of_a_chain() {
    let test = "five_hosts_are_left_just_the_links_of_a_star_or_of_a_chain";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(5)) else {
        return;
    };
    let _servers: Vec<_> = (0..5).map(|host| listen(&lab, host, ipv4(&lab, host))).collect();
    let star = [(0, 1), (0, 2), (0, 3), (0, 4)];
    let star_of_four_and_one_alone = &star[..3];
    let chain = [(0, 1), (1, 2), (2, 3), (3, 4)];
    for links in [&star[..], star_of_four_and_one_alone, &chain] {
        lab.only(links).unwrap();
        let pairs = (0..5).flat_map(|from| (0..5).map(move |to| (from, to)));
        let pairs = pairs.filter(|(from, to)| from != to);
        let talks = pairs.map(|(from, to)| ((from, to), talk(&lab, from, ipv4(&lab, to))));
        // All at once: each that is cut takes its time to say so.
        let talks: Vec<_> = talks.collect();
        for ((from, to), client) in talks {
            let is_link = links.contains(&(from, to)) || links.contains(&(to, from));
            let wanted = if is_link { "connected" } else { "connect TimedOut" };
            let said = client.wait_for_line(|line| line.starts_with("connect"), SOON).unwrap();
            assert_eq!(said.text, wanted, "{from} to {to} of {links:?}");
        }
    }
}

#[test]
fn a_switch_out_of_service_isolates_all_hosts() {
    let test = "a_switch_out_of_service_isolates_all_hosts";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(3)) else {
        return;
    };
    let _servers: Vec<_> = (0..3).map(|host| listen(&lab, host, ipv4(&lab, host))).collect();
    let links = [(0, 1), (1, 2), (2, 0)];
    lab.switch_off().unwrap();
    for (from, to) in links {
        assert_eq!(connect(&lab, from, ipv4(&lab, to)), "connect TimedOut");
    }
    lab.switch_on().unwrap();
    for (from, to) in links {
        assert_eq!(connect(&lab, from, ipv4(&lab, to)), "connected");
    }
}

#[test]
fn a_frozen_host_stands_still_with_all_its_programs_until_it_is_thawed() {
    let test = "a_frozen_host_stands_still_with_all_its_programs_until_it_is_thawed";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(2)) else {
        return;
    };
    let server = listen(&lab, 0, ipv4(&lab, 0));
    let client = talk(&lab, 1, ipv4(&lab, 0));
    next_echo(&client);
    // It talks to itself, and so would go on if it were merely isolated; its parent waits for it.
    let counts = "while :; do echo on; sleep 0.01; done";
    let script = format!("sh -c '{counts}'; echo never");
    let child = lab.host(0).spawn("sh", ["-c", &script]).unwrap();
    child.wait_for_line(|line| line == "on", SOON).unwrap();
    lab.freeze(0).unwrap();
    assert_hangs(&child);
    assert_hangs(&client);
    assert!(server.is_alive() && child.is_alive());
    lab.thaw(0).unwrap();
    next_echo(&client);
    let seen = child.lines().len();
    child.wait_for_line_after(seen, |line| line == "on", SOON).unwrap();
}

/// How many frames a host's card has taken so far.
fn received(lab: &Lab, host: usize) -> u64 {
    let read = lab.host(host).exec(&["cat", "/proc/net/dev"]).unwrap();
    let text = String::from_utf8(read.stdout).unwrap();
    let mut lines = text.lines();
    let eth0 = lines.find_map(|line| line.trim().strip_prefix("eth0:"));
    let packets = eth0.unwrap().split_whitespace().nth(1).unwrap();
    packets.parse().unwrap()
}

/// Which of the lab's hosts take the 200 datagrams that one host sends to another.
fn who_receives(lab: &Lab, from: usize, to: usize) -> Vec<usize> {
    let count = || -> Vec<u64> {
        let hosts = 0..lab.hosts().len();
        hosts.map(|host| received(lab, host)).collect()
    };
    let before = count();
    let address = format!("{}:7", ipv4(lab, to));
    let shower = lab.host(from).spawn(PEER, ["shower", &address]).unwrap();
    assert!(shower.wait(SOON).is_some_and(|status| status.success()));
    let after = count();
    // The hosts' kernels announce themselves to all, now and then, and complain of datagrams that
    // nobody wants, a few a second.
    let many = |host: &usize| after[*host] >= before[*host] + 100;
    (0..after.len()).filter(many).collect()
}

#[test]
fn what_is_cut_reaches_nobody_and_all_else_arrives() {
    let test = "what_is_cut_reaches_nobody_and_all_else_arrives";
    let Some(lab) = lab_or_skip(test, &LabConfig::of(3)) else {
        return;
    };
    let nobody = Vec::<usize>::new();
    assert_eq!(who_receives(&lab, 0, 1), [1]);
    lab.cut(0, 1).unwrap();
    assert_eq!(who_receives(&lab, 0, 1), nobody);
    assert_eq!(who_receives(&lab, 1, 0), nobody);
    assert_eq!(who_receives(&lab, 0, 2), [2]);
    lab.heal_between(0, 1).unwrap();
    assert_eq!(who_receives(&lab, 1, 0), [0]);

    lab.cut_one_way(0, 1).unwrap();
    assert_eq!(who_receives(&lab, 0, 1), nobody);
    assert_eq!(who_receives(&lab, 1, 0), [0]);
    lab.heal().unwrap();

    lab.isolate(1).unwrap();
    assert_eq!(who_receives(&lab, 0, 1), nobody);
    assert_eq!(who_receives(&lab, 1, 0), nobody);
    lab.heal().unwrap();
    assert_eq!(who_receives(&lab, 0, 1), [1]);
}

#[test]
fn a_delay_holds_back_what_a_host_sends() {
    let Some(lab) = lab_or_skip("a_delay_holds_back_what_a_host_sends", &LabConfig::of(2)) else {
        return;
    };
    let delay = Duration::from_millis(50);
    if let Err(error) = lab.set_delay(1, delay) {
        assert!(error.to_string().contains("qdisc kind is unknown"), "{error}");
        eprintln!("skipped: a_delay_holds_back_what_a_host_sends: {error}");
        return;
    }
    let _server = listen(&lab, 1, ipv4(&lab, 1));
    let begun = std::time::Instant::now();
    assert_eq!(connect(&lab, 0, ipv4(&lab, 1)), "connected");
    assert!(begun.elapsed() >= delay);
    lab.set_delay(1, Duration::ZERO).unwrap();
}
