//! Three nodes of the quick start, who asks them, who attacks them, and what an attack from outside
//! must leave as it was.

use std::time::{Duration, Instant};

use bully_lab::Process;

use super::dials::{Dials, different};
use super::observer::{Answer, Observer, quantile};
use super::support::Lan;
use super::{TASK, proc, sources};

/// The hosts of the nodes.
pub(crate) const NODES: [usize; 3] = [0, 1, 2];
/// The host that asks.
const ASKER: usize = 3;
/// The host that attacks.
pub(crate) const ATTACKER: usize = 4;

/// What a node may hold after an attack beyond what it held before.
const MEMORY_KIB_MAX: u64 = 4 * 1024;

/// Questions of the asker come and go meanwhile.
const DESCRIPTORS_MAX: usize = 4;

/// How long it may take until memory and descriptors are given back: strangers have five seconds.
const GIVEN_BACK: Duration = Duration::from_secs(15);

/// An answer that takes a few milliseconds is none that anybody waits for. Both cores are taken by
/// the attack itself, and by other tests: within this nothing is said of the node.
const FLOOR: Duration = Duration::from_millis(10);

/// How many answers of each node tell what is usual.
const USUAL: usize = 40;

/// How long an attack may take.
pub(crate) const ATTACK: Duration = Duration::from_secs(60);

/// A cluster under attack.
pub(crate) struct Siege {
    pub(crate) lan: Lan,
    observer: Observer,
    dials: Vec<Dials>,
}

/// What the nodes were like at some moment.
pub(crate) struct Before {
    mark: usize,
    dials: Vec<usize>,
    pub(crate) reign: (String, u64),
    usual: Duration,
    resident: Vec<u64>,
    descriptors: Vec<usize>,
}

impl Siege {
    /// Three nodes with these flags besides those of the quick start, under one leader.
    pub(crate) fn new(test: &str, more: &[&str]) -> Option<Self> {
        let lan = Lan::new(test, 5)?;
        let attacker = lan.ip(ATTACKER);
        let many = format!("{}.{}.0.0/16", sources::MANY[0], sources::MANY[1]);
        // All of these addresses are the attacker's, and the rest of 10.0.0.0/8 is nobody's.
        succeed(&lan, ATTACKER, &["ip", "route", "add", "local", &many, "dev", "lo"]);
        for host in NODES {
            succeed(&lan, host, &["ip", "route", "add", "10.0.0.0/8", "via", &attacker]);
        }
        for host in NODES {
            lan.join(host, 3, more);
        }
        lan.agreed(&NODES);
        let asked: Vec<String> = NODES.iter().map(|host| lan.ip(*host)).collect();
        let observer = task(&lan, ASKER, &format!("observe {}", asked.join(" ")));
        let dials = NODES.map(|host| task(&lan, host, &format!("dials {}", lan.ip(host))));
        for dials in &dials {
            dials.wait_for_line(|line| line == "watching", ATTACK).expect("it watches");
        }
        let dials = dials.into_iter().map(Dials::new).collect();
        Some(Self { lan, observer: Observer::new(observer), dials })
    }

    /// Begins an attack: this program on the attacking host, with a task in words, and with room for all
    /// connections. An attacker's processor is not the nodes': here it takes what they leave.
    pub(crate) fn begin(&self, words: &str) -> Process {
        let (itself, env) = (itself(), [(TASK, words)]);
        let line = ["-n", "19", "prlimit", "--nofile=16384"].into_iter().chain(run(&itself));
        let attack = self.lan.host(ATTACKER).spawn_with_env("nice", line, &env);
        attack.expect("this program runs on a host")
    }

    /// An attack from its begin to its end, by itself. Returns what it printed.
    pub(crate) fn attack(&self, words: &str) -> Vec<String> {
        let attack = self.begin(words);
        let end = attack.wait(ATTACK).unwrap_or_else(|| panic!("{words} goes on for too long"));
        assert!(end.success(), "{words}: {}{}", attack.stdout(), attack.stderr());
        let lines = attack.stdout_lines();
        lines.into_iter().filter(|line| line.starts_with("attack: ")).collect()
    }

    /// The nodes' addresses with this port, as tasks have them.
    pub(crate) fn targets(&self, port: u16) -> String {
        NODES.map(|host| format!("{}:{port}", self.lan.ip(host))).join(",")
    }

    /// Waits until all is at rest, and remembers what it is like.
    pub(crate) fn before(&self) -> Before {
        let mut start = self.observer.mark();
        let mut answers = Vec::new();
        self.lan.until("all nodes name one leader for a while", || {
            answers = self.observer.since(start);
            let first = answers.first().map(|answer| answer.said.clone());
            if answers
                .iter()
                .any(|answer| answer.said.is_err() || Some(&answer.said) != first.as_ref())
            {
                start = self.observer.mark();
                return false;
            }
            let of = |ip: String| answers.iter().filter(|answer| answer.asked == ip).count();
            NODES.iter().all(|host| of(self.lan.ip(*host)) >= USUAL)
        });
        let reign = answers[0].said.clone().expect("all have said it");
        Before {
            mark: self.observer.mark(),
            dials: self.dials.iter().map(Dials::mark).collect(),
            reign,
            usual: quantile(&answers, 0.5),
            resident: NODES.iter().map(|host| proc::resident(self.pid(*host))).collect(),
            descriptors: NODES.iter().map(|host| proc::descriptors(self.pid(*host))).collect(),
        }
    }

    pub(crate) fn pid(&self, host: usize) -> u32 {
        self.lan.node(host, Process::pid)
    }

    /// What the nodes have answered since.
    pub(crate) fn answers(&self, before: &Before) -> Vec<Answer> {
        self.observer.since(before.mark)
    }

    /// Whom the node of a host has dialled since.
    pub(crate) fn dialled(&self, host: usize, before: &Before) -> Vec<std::net::SocketAddrV4> {
        self.dials[host].since(before.dials[host])
    }

    /// The leader has stayed, every question had its answer, and in the usual time.
    pub(crate) fn answered_well(&self, what: &str, before: &Before) {
        let answers = self.answers(before);
        assert!(answers.len() >= NODES.len(), "somebody asked meanwhile");
        let same = Ok(before.reign.clone());
        let other: Vec<&Answer> = answers.iter().filter(|answer| answer.said != same).collect();
        assert!(
            other.is_empty(),
            "{what}: {} of {} answers are not {:?}: {:#?}{}",
            other.len(),
            answers.len(),
            before.reign,
            &other[..other.len().min(5)],
            self.lan.said()
        );
        let (median, late) = (quantile(&answers, 0.5), quantile(&answers, 0.99));
        println!(
            "{what}: {} answers, median {median:?} (usual {:?}), 99 of 100 within {late:?}, \
             the last within {:?}",
            answers.len(),
            before.usual,
            quantile(&answers, 1.0)
        );
        assert!(median <= before.usual * 2 + FLOOR, "{what}: {median:?}, usual {:?}", before.usual);
    }

    /// Memory and descriptors are given back.
    pub(crate) fn gives_back(&self, what: &str, before: &Before) {
        let start = Instant::now();
        for (place, host) in NODES.into_iter().enumerate() {
            let pid = self.pid(host);
            let (memory, open) = (before.resident[place], before.descriptors[place]);
            loop {
                let (memory_now, open_now) = (proc::resident(pid), proc::descriptors(pid));
                if memory_now <= memory + MEMORY_KIB_MAX && open_now <= open + DESCRIPTORS_MAX {
                    println!(
                        "{what}: {} holds {memory_now} KiB (before: {memory}), \
                         {open_now} descriptors (before: {open})",
                        self.lan.ip(host)
                    );
                    break;
                }
                assert!(
                    start.elapsed() < GIVEN_BACK,
                    "{what}: {} holds {memory_now} KiB, before {memory}, and {open_now} \
                     descriptors, before {open}",
                    self.lan.ip(host)
                );
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    /// The nodes have dialled one another, at most.
    pub(crate) fn dialled_nobody_else(&self, what: &str, before: &Before) {
        for host in NODES {
            let mut dialled = different(&self.dialled(host, before));
            let nodes = self.targets(8117);
            dialled.retain(|to| !nodes.split(',').any(|node| node == to.to_string()));
            assert!(dialled.is_empty(), "{what}: {} dialled {dialled:?}", self.lan.ip(host));
        }
    }

    /// No node has panicked, nor flooded its log.
    pub(crate) fn says_little(&self, what: &str) {
        for host in NODES {
            let said = self.lan.stderr(host);
            assert!(!said.iter().any(|line| line.contains("panicked")), "{what}: {said:#?}");
            assert!(said.len() < 200, "{what}: {} lines {:#?}", said.len(), &said[..20]);
        }
    }

    /// An attack from outside changes nothing.
    pub(crate) fn withstands(&self, what: &str, attack: impl FnOnce(&Self)) {
        let before = self.before();
        let start = Instant::now();
        attack(self);
        println!("{what}: took {:?}", start.elapsed());
        self.answered_well(what, &before);
        self.gives_back(what, &before);
        self.dialled_nobody_else(what, &before);
        self.says_little(what);
    }
}

fn succeed(lan: &Lan, host: usize, words: &[&str]) {
    let done = lan.host(host).exec(words).expect("it starts");
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// This program on a host, with a task in words.
fn task(lan: &Lan, host: usize, words: &str) -> Process {
    let itself = itself();
    let [program, arguments @ ..] = run(&itself);
    let task = lan.host(host).spawn_with_env(program, arguments, &[(TASK, words)]);
    task.expect("this program runs on a host")
}

fn itself() -> String {
    let itself = std::env::current_exe().expect("this program");
    itself.to_str().expect("a path in UTF-8").to_owned()
}

fn run(itself: &str) -> [&str; 5] {
    [itself, "on_a_host", "--exact", "--ignored", "--nocapture"]
}
