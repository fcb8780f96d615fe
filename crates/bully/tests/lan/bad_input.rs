//! What is wrong gets a line, and harms nobody.

use super::support::{DEADLINE, Lan};

#[test]
fn a_node_of_another_cluster_is_refused_by_both_sides_with_a_sentence() {
    let test = "a_node_of_another_cluster_is_refused_by_both_sides_with_a_sentence";
    let Some(lan) = Lan::new(test, 2) else { return };
    lan.join(0, 2, &[]);
    lan.agreed(&[0]);
    lan.join(1, 2, &["-cluster=other"]);
    lan.agreed(&[1]);
    lan.until("both say so", || {
        let says = |host: usize| lan.stderr(host).iter().any(|l| l.contains("refused"));
        says(0) && says(1)
    });
    assert_eq!(lan.leader(0), Some(lan.ip(0)));
}

/// How a node ends that cannot begin: with one line.
fn refusal(lan: &Lan, arguments: &[&str]) -> (Option<i32>, String) {
    let node = lan.spawn(0, arguments);
    let status = node.wait(DEADLINE).expect("it ends");
    let lines = node.stderr_lines();
    assert_eq!(lines.len(), 1, "{}", node.stderr());
    (status.code(), lines[0].clone())
}

#[test]
fn a_taken_port_ends_with_one_line_and_69() {
    let Some(lan) = Lan::new("a_taken_port_ends_with_one_line_and_69", 1) else {
        return;
    };
    lan.join(0, 1, &[]);
    lan.agreed(&[0]);
    for (arguments, told) in [
        (["-port=8117", "-http=off"], "bully: -port: 0.0.0.0:8117 is taken: end what listens "),
        (["-port=9000", "-http=0.0.0.0:8080"], "bully: -http: 0.0.0.0:8080 is taken: end what "),
    ] {
        let (code, line) = refusal(&lan, &arguments);
        assert_eq!(code, Some(69), "{line}");
        assert!(line.starts_with(told), "{line}");
    }
}

#[test]
fn an_address_of_no_card_and_an_unknown_name_end_with_one_line_and_2() {
    let test = "an_address_of_no_card_and_an_unknown_name_end_with_one_line_and_2";
    let Some(lan) = Lan::new(test, 1) else { return };
    for (arguments, told) in [
        (
            ["-bind=192.168.1.99", "-http=off"],
            "bully: -bind: 192.168.1.99 is no address of this machine: choose one that is, or ",
        ),
        (
            ["-bind=127.0.0.1", "-http=192.168.1.99:8080"],
            "bully: -http: 192.168.1.99:8080 is no address of this machine: choose one that is, ",
        ),
        (
            ["-bind=127.0.0.1", "-http=nowhere.example:8080"],
            "bully: -http: lookup nowhere.example: no such host: choose an address of this ",
        ),
    ] {
        let (code, line) = refusal(&lan, &arguments);
        assert_eq!(code, Some(2), "{line}");
        assert!(line.starts_with(told), "{line}");
    }
}

#[test]
fn the_same_address_on_two_live_machines_lets_only_its_holder_in() {
    let test = "the_same_address_on_two_live_machines_lets_only_its_holder_in";
    let Some(lan) = Lan::new(test, 3) else { return };
    lan.join(0, 3, &[]);
    lan.join(1, 3, &[]);
    lan.agreed(&[0, 1]);
    let nodes = format!("-nodes={}", lan.list(3));
    lan.run(2, &[&nodes, "-http=0.0.0.0:8080", "-advertise=192.168.1.68"]);
    lan.until("the newcomer says so", || {
        lan.stderr(2).iter().any(|l| l.contains("192.168.1.68:8117 is held by another live node"))
    });
    let reply = lan.get(2, "/leader").expect("an answer");
    assert_eq!(reply.status, 503);
    assert!(reply.text().contains("held by another live node"), "{}", reply.text());
    lan.agreed(&[0, 1]);
    // Gone, the address is free.
    lan.kill(1);
    lan.until("the newcomer is let in", || {
        lan.leader(2).is_some() && lan.leader(2) == lan.leader(0)
    });
}
