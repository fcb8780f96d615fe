//! The quick start of the README, to the letter.

use super::support::Lan;

#[test]
fn a_node_alone_complains_once_and_leads() {
    let Some(lan) = Lan::new("a_node_alone_complains_once_and_leads", 2) else {
        return;
    };
    lan.join(0, 2, &[]);
    assert_eq!(lan.agreed(&[0]), "192.168.1.67");
    let complaint =
        "192.168.1.68:8117 cannot be added: dial tcp 192.168.1.68:8117: connection refused";
    lan.until("the complaint", || lan.stderr(0).iter().any(|line| line == complaint));
    // Several probes fail meanwhile, and none of them is worth a word.
    lan.until("a few probes", || {
        let history = lan.get(0, "/v1/status").map(|r| r.text()).unwrap_or_default();
        !history.is_empty()
            && lan.node(0, |n| n.lines().first().map(|l| l.at.elapsed().as_secs())) >= Some(3)
    });
    assert_eq!(lan.stderr(0).iter().filter(|line| **line == complaint).count(), 1);
    let reply = lan.get(0, "/leader").expect("an answer");
    assert_eq!((reply.status, reply.text().as_str()), (200, "192.168.1.67\n"));
}

#[test]
fn the_quick_start_does_what_it_says() {
    let Some(lan) = Lan::new("the_quick_start_does_what_it_says", 3) else {
        return;
    };
    lan.join(0, 2, &[]);
    assert_eq!(lan.agreed(&[0]), "192.168.1.67");

    lan.join(1, 2, &[]);
    assert_eq!(lan.agreed(&[0, 1]), "192.168.1.67");
    let complaints = |host| lan.stderr(host).iter().any(|line| line.contains("cannot be added"));
    assert!(!complaints(1), "{:?}", lan.stderr(1));
    let epoch = epoch_of(&lan, 0);

    lan.join(2, 3, &[]);
    assert_eq!(lan.agreed(&[0, 1, 2]), "192.168.1.67");
    for host in [0, 1] {
        lan.until("the third is listed as a candidate", || {
            lists_candidate(&lan, host, "192.168.1.69:8117")
        });
    }
    assert_eq!(epoch_of(&lan, 0), epoch, "a plain join changes no epoch");
    let history = lan.get(0, "/v1/history").expect("an answer").text();
    assert!(history.contains("192.168.1.69:8117 joined"), "{history}");

    lan.kill(0);
    let successor = lan.agreed(&[1, 2]);
    assert_eq!(successor, "192.168.1.69", "without an incumbent the highest address wins");

    lan.join(0, 2, &[]);
    assert_eq!(lan.agreed(&[0, 1, 2]), successor, "among equals the incumbent stays");
}

fn epoch_of(lan: &Lan, host: usize) -> String {
    let status = lan.get(host, "/v1/status").expect("an answer").text();
    let (_, rest) = status.split_once("\"epoch\":").expect("an epoch");
    rest.chars().take_while(char::is_ascii_digit).collect()
}

fn lists_candidate(lan: &Lan, host: usize, node: &str) -> bool {
    let members = lan.get(host, "/v1/members").map(|r| r.text()).unwrap_or_default();
    members.split('{').any(|member| {
        member.contains(&format!("\"node\":\"{node}\""))
            && member.contains("\"role\":\"candidate\"")
            && member.contains("\"state\":\"alive\"")
    })
}
