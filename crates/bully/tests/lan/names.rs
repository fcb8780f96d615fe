//! Identities: names, IPv6, ports, lists without oneself.

use super::support::{DEADLINE, Lan};

#[test]
fn nodes_listed_by_name_agree_and_print_the_leaders_address() {
    let test = "nodes_listed_by_name_agree_and_print_the_leaders_address";
    let Some(lan) = Lan::new(test, 2) else { return };
    for host in 0..2 {
        lan.run(host, &["-nodes=host67,host68", "-http=0.0.0.0:8080"]);
    }
    lan.agreed(&[0, 1]);
    let status = lan.get(0, "/v1/status").expect("an answer").text();
    assert!(status.contains("\"self\":\"host67:8117\""), "{status}");
}

#[test]
fn an_address_advertised_as_a_name_is_printed_as_an_address_by_all() {
    let test = "an_address_advertised_as_a_name_is_printed_as_an_address_by_all";
    let Some(lan) = Lan::new(test, 2) else { return };
    let nodes = format!("-nodes={}", lan.list(2));
    lan.run(0, &[&nodes, "-http=0.0.0.0:8080", "-advertise=host67"]);
    lan.run(1, &[&nodes, "-http=0.0.0.0:8080", "-advertise=host68"]);
    lan.agreed(&[0, 1]);
}

#[test]
fn nodes_agree_over_ipv6() {
    let Some(lan) = Lan::new("nodes_agree_over_ipv6", 2) else {
        return;
    };
    let ips: Vec<String> =
        (0..2).map(|h| lan.host(h).ipv6().expect("an address").to_string()).collect();
    let nodes = format!("-nodes=[{}]:8117,{}", ips[0], ips[1]);
    for host in 0..2 {
        lan.run(host, &[&nodes, "-http=[::]:8080"]);
    }
    lan.until("both name one", || {
        let leader = lan.leader(0);
        leader.as_ref().is_some_and(|l| ips.contains(l)) && lan.leader(1) == leader
    });
}

#[test]
fn a_list_without_oneself_is_enough() {
    let Some(lan) = Lan::new("a_list_without_oneself_is_enough", 3) else {
        return;
    };
    // Each knows just one other.
    for host in 0..3 {
        let nodes = format!("-nodes={}", lan.ip((host + 1) % 3));
        lan.run(host, &[&nodes, "-http=0.0.0.0:8080"]);
    }
    lan.agreed(&[0, 1, 2]);
}

#[test]
fn showport_prints_the_port() {
    let Some(lan) = Lan::new("showport_prints_the_port", 1) else {
        return;
    };
    lan.join(0, 1, &["-showport"]);
    lan.until("it leads", || lan.leader(0) == Some("192.168.1.67:8117".to_owned()));
}

#[test]
fn http_at_a_name_is_served_on_each_of_its_addresses() {
    let test = "http_at_a_name_is_served_on_each_of_its_addresses";
    let Some(lan) = Lan::new(test, 1) else { return };
    let ipv6 = lan.host(0).ipv6().expect("an address");
    // The last is another machine's: done without.
    let script = format!(
        "set -e
        printf '%s twin\\n' {} {ipv6} fd00::99 >/var/lib/bully/hosts
        mount --bind /var/lib/bully/hosts /etc/hosts",
        lan.ip(0)
    );
    let output = lan.host(0).exec(&["sh", "-c", &script]).expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    lan.run(0, &["-nodes=192.168.1.67", "-http=twin:8080"]);
    lan.agreed(&[0]);
    let url = format!("http://[{ipv6}]:8080/leader");
    let reply = lan.host(0).http_get(&url, DEADLINE).expect("an answer");
    assert_eq!(reply.text(), "192.168.1.67\n");
    let shown = format!(" and [{ipv6}]:8080");
    let first = lan.stderr(0).first().cloned().unwrap_or_default();
    assert!(first.contains(&shown) || first.contains("]:8080 and 192.168.1.67:8080"), "{first}");
}
