//! Clusters that are founded while something goes wrong: lists differ, founders die.

use std::time::Duration;

use super::reigns::side_by_side;
use super::support::Lan;
use super::words::{LEASE, QUORUM};

impl Lan {
    /// Starts a host's node with just these hosts listed.
    fn vote_among(&self, host: usize, listed: &[usize]) {
        let nodes: Vec<String> = listed.iter().map(|h| format!("{}:8117", self.ip(*h))).collect();
        let nodes = format!("-nodes={}", nodes.join(","));
        self.run(host, &[&["-port=8117", &nodes, "-http=0.0.0.0:8080"], &QUORUM[..]].concat());
    }

    /// Kills all nodes, and wipes their disks.
    fn begin_anew(&self) {
        self.kill_all(&self.all());
        for host in self.all() {
            self.host(host).wipe().expect("its disk is wiped");
        }
    }
}

#[test]
fn lists_that_overlap_found_one_cluster_that_the_others_join() {
    let test = "lists_that_overlap_found_one_cluster_that_the_others_join";
    let one_longer: [&[usize]; 3] = [&[0, 1], &[0, 1], &[0, 1, 2]];
    let a_chain: [&[usize]; 3] = [&[0, 1], &[1, 2], &[1, 2]];
    side_by_side([one_longer, a_chain], |lists| {
        let Some(lan) = Lan::new(test, 3) else { return };
        for order in [[0, 1, 2], [2, 1, 0]] {
            let watch = lan.watch();
            for host in order {
                lan.vote_among(host, lists[host]);
            }
            let reign = lan.ruled(&[0, 1, 2]);
            lan.until_voters(&[0, 1, 2], &[0, 1, 2]);
            lan.stays(&[0, 1, 2], &reign, LEASE / 2);
            drop(watch);
            lan.begin_anew();
        }
    });
}

#[test]
fn lists_that_lead_round_in_a_circle_found_nothing_until_they_are_put_right() {
    let test = "lists_that_lead_round_in_a_circle_found_nothing_until_they_are_put_right";
    let Some(lan) = Lan::new(test, 3) else { return };
    let watch = lan.watch();
    (0..3).for_each(|host| lan.vote_among(host, &[host, (host + 1) % 3]));
    lan.until("they say why there is no leader", || {
        (0..3).all(|host| {
            let reply = lan.get(host, "/leader?wait=0s");
            reply.is_ok_and(|r| r.status == 503 && r.text().contains("do not name each other"))
        })
    });
    lan.leaderless(&[0, 1, 2], LEASE);
    assert!(watch.claims().is_empty(), "{:?}", watch.claims());
    for host in 0..3 {
        lan.kill(host);
        lan.vote(host, 3);
    }
    lan.ruled(&[0, 1, 2]);
    lan.until_voters(&[0, 1, 2], &[0, 1, 2]);
}

#[test]
fn founders_that_are_killed_while_they_found_a_cluster_found_one_all_the_same() {
    let test = "founders_that_are_killed_while_they_found_a_cluster_found_one_all_the_same";
    let Some(lan) = Lan::new(test, 3) else { return };
    for (round, pause) in [5, 15, 25, 35, 50, 80].into_iter().enumerate() {
        let watch = lan.watch();
        (0..3).for_each(|host| lan.vote(host, 3));
        std::thread::sleep(Duration::from_millis(pause));
        let killed = round % 3;
        lan.kill(killed);
        // Every second time it comes back as another, with an empty disk: if the cluster was founded by
        // then, it must wait to be taken for a member.
        if round % 2 == 1 {
            lan.host(killed).wipe().expect("its disk is wiped");
        }
        lan.vote(killed, 3);
        let [one, other] = lan.all_but(&[killed])[..] else { panic!("three hosts") };
        lan.until("the others follow one leader", || {
            let reigns = [lan.reign(one), lan.reign(other)].map(|r| r.map(|(reign, _)| reign));
            reigns[0].is_some() && reigns[0] == reigns[1] && !watch.claims().is_empty()
        });
        drop(watch);
        lan.begin_anew();
    }
}

#[test]
fn a_leader_that_dies_while_a_third_joins_leaves_one_cluster_behind() {
    let test = "a_leader_that_dies_while_a_third_joins_leaves_one_cluster_behind";
    // Before the third is known, while it listens, about when it is let in, and after that.
    side_by_side([[100, 500], [450, 600]], |pauses| {
        let Some(lan) = Lan::new(test, 3) else { return };
        for pause in pauses {
            let _watch = lan.watch();
            lan.vote(0, 2);
            lan.vote(1, 2);
            let first = lan.ruled(&[0, 1]);
            lan.vote(2, 3);
            std::thread::sleep(Duration::from_millis(pause));
            let leader = lan.host_of(&first.leader);
            lan.kill(leader);
            std::thread::sleep(LEASE / 2);
            lan.vote(leader, 2);
            lan.succeeded(&[0, 1], &first);
            lan.until_voters(&[0, 1, 2], &[0, 1, 2]);
            lan.ruled(&[0, 1, 2]);
            lan.begin_anew();
        }
    });
}
