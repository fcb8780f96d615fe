//! The promise of quorum mode, watched from outside while a test breaks things: an older reign does
//! not claim to lead once a newer one has, and tokens never go back.
//!
//! On each host a process of its own asks the host's own node, over and over, and prints what it said.
//! An answer is old when it is read; all that is known is that it was so at some moment between the
//! question and the answer, by the machine's clock, which all hosts share.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use bully_lab::Process;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

use super::support::Lan;

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(10);

/// A question that has no answer by then is given up, and asked anew: the first answer of a node that
/// stood still is then one to a young question.
const PATIENCE: Duration = Duration::from_millis(250);

/// Tells the process on a host that it is one.
const MARK: &str = "BULLY_TEST_WATCH";

/// A moment by the machine's clock.
pub(crate) type Nanos = u64;

pub(crate) fn now() -> Nanos {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

pub(crate) fn nanos(time: Duration) -> Nanos {
    u64::try_from(time.as_nanos()).expect("a short time")
}

/// What a node said of a reign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) host: usize,
    pub(crate) token: u64,
    /// The reign is its own.
    pub(crate) leads: bool,
    /// How long its lease ran still, in milliseconds; 0 where it does not lead.
    pub(crate) lease_ms: u64,
    pub(crate) asked: Nanos,
    pub(crate) answered: Nanos,
}

impl Answer {
    /// The line of a process on a host for what the node there said, if that was of a reign.
    fn line(status: &Value, asked: Nanos, answered: Nanos) -> Option<String> {
        let token = status["token"].as_u64()?;
        let leads = u8::from(status["is_leader"] == true);
        let lease = status["lease_ms"].as_u64().unwrap_or_default();
        Some(format!("said {token} {leads} {lease} {asked} {answered}"))
    }

    /// A line of the process on that host.
    fn read(host: usize, line: &str) -> Option<Self> {
        let numbers: Option<Vec<u64>> =
            line.strip_prefix("said ")?.split(' ').map(|word| word.parse().ok()).collect();
        let [token, leads, lease_ms, asked, answered] = numbers?[..] else { return None };
        Some(Self { host, token, leads: leads == 1, lease_ms, asked, answered })
    }

    /// The lease that it told of ran at least until then.
    pub(crate) fn deadline(&self) -> Nanos {
        self.asked + self.lease_ms * 1_000_000
    }
}

/// Watches all hosts of a lab until it is dropped; then it fails if what they said breaks the promise.
pub(crate) struct Watch {
    /// Each with its host. Of two on one host the first has ended.
    probes: Vec<(usize, Process)>,
}

impl Lan {
    /// Watches all hosts from now on.
    pub(crate) fn watch(&self) -> Watch {
        let mut watch = Watch { probes: Vec::new() };
        let all: Vec<usize> = (0..self.lab.hosts().len()).collect();
        watch.goes_on(self, &all);
        watch
    }
}

impl Watch {
    /// Watches these hosts again, which had no power meanwhile.
    pub(crate) fn goes_on(&mut self, lan: &Lan, hosts: &[usize]) {
        let itself = std::env::current_exe().expect("this program");
        let words = ["watch::on_a_host", "--exact", "--ignored", "--nocapture"];
        for host in hosts {
            let probe = lan.host(*host).spawn_with_env(&itself, words, &[(MARK, "1")]);
            self.probes.push((*host, probe.expect("this program runs on a host")));
        }
    }

    /// All answers so far that told of a reign.
    pub(crate) fn answers(&self) -> Vec<Answer> {
        let of = |(host, probe): &(usize, Process)| {
            let lines = probe.stdout_lines();
            lines.iter().filter_map(|line| Answer::read(*host, line)).collect::<Vec<_>>()
        };
        self.probes.iter().flat_map(of).collect()
    }

    /// The answers of leaders, in the order in which they were asked.
    pub(crate) fn claims(&self) -> Vec<Answer> {
        let mut claims: Vec<_> = self.answers().into_iter().filter(|a| a.leads).collect();
        claims.sort_by_key(|claim| claim.asked);
        claims
    }

    /// The last claim of the reign with this token.
    pub(crate) fn last_of(&self, token: u64) -> Answer {
        let found = self.claims().into_iter().rfind(|claim| claim.token == token);
        found.unwrap_or_else(|| panic!("nobody said that it leads with token {token}"))
    }

    /// The first claim of a reign after the one with this token.
    pub(crate) fn first_after(&self, token: u64) -> Answer {
        let found = self.claims().into_iter().find(|claim| claim.token > token);
        found.unwrap_or_else(|| panic!("nobody said that it leads with a token above {token}"))
    }

    /// How the answers so far break the promise, if they do.
    pub(crate) fn fault(&self) -> Option<String> {
        fault(&self.answers())
    }

    /// Ends the watch of a test that breaks the promise on purpose: how it was broken, if it was.
    pub(crate) fn into_fault(mut self) -> Option<String> {
        let fault = self.fault();
        self.probes.clear();
        fault
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let fault = self.fault();
        if std::thread::panicking() {
            println!("the watch: {fault:?}");
            return;
        }
        assert_eq!(fault, None, "the promise is broken");
        let has_seen = self.probes.is_empty() || !self.claims().is_empty();
        assert!(has_seen, "the watch saw nobody lead");
    }
}

/// How these answers break the promise, if they do. Those of each host are in the order in which it
/// gave them.
fn fault(answers: &[Answer]) -> Option<String> {
    two_reigns(answers).or_else(|| backwards(answers))
}

/// Whether a reign was claimed, in answer to a question asked after a newer one had been claimed, or
/// by two hosts.
fn two_reigns(answers: &[Answer]) -> Option<String> {
    // Of each reign the claim that was answered first, and the one that was asked last.
    let mut reigns: BTreeMap<u64, (Answer, Answer)> = BTreeMap::new();
    for claim in answers.iter().filter(|answer| answer.leads) {
        let (first, last) = reigns.entry(claim.token).or_insert((*claim, *claim));
        if claim.host != first.host {
            return Some(format!("two hosts lead under one token: {first:?} and {claim:?}"));
        }
        if claim.answered < first.answered {
            *first = *claim;
        }
        if claim.asked > last.asked {
            *last = *claim;
        }
    }
    let mut newer: Option<Answer> = None;
    for (first, last) in reigns.values().rev() {
        if let Some(newer) = newer.filter(|newer| last.asked > newer.answered) {
            return Some(format!(
                "an older reign is claimed after a newer one: {last:?}, {newer:?}"
            ));
        }
        newer = Some(newer.filter(|newer| newer.answered < first.answered).unwrap_or(*first));
    }
    None
}

/// Whether a host told of a reign that is older than one that it had told of.
fn backwards(answers: &[Answer]) -> Option<String> {
    let mut newest: BTreeMap<usize, Answer> = BTreeMap::new();
    for answer in answers {
        let before = newest.entry(answer.host).or_insert(*answer);
        if answer.token < before.token {
            return Some(format!("a token goes back: {answer:?} after {before:?}"));
        }
        *before = *answer;
    }
    None
}

#[test]
#[ignore = "a part of the other tests: they run it on a host"]
fn on_a_host() {
    let mut connection = None;
    // It is killed with the test that began it; a line that nobody takes ends it, too.
    while std::env::var_os(MARK).is_some() {
        let asked = now();
        let said = ask(&mut connection);
        let answered = now();
        if said.is_err() {
            connection = None;
        }
        let line = said.ok().and_then(|status| Answer::line(&status, asked, answered));
        if writeln!(io::stdout(), "{}", line.unwrap_or_default()).is_err() {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// The status of this host's node, over a connection that is kept.
pub(crate) fn ask(connection: &mut Option<TcpStream>) -> io::Result<Value> {
    let stream = if let Some(stream) = connection {
        stream
    } else {
        let stream = TcpStream::connect_timeout(&([127, 0, 0, 1], 8080).into(), PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        connection.insert(stream)
    };
    stream.write_all(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut reply = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        reply.extend_from_slice(&part[..count]);
        if let Some(document) = body(&reply) {
            return Ok(serde_json::from_slice(document)?);
        }
    }
}

/// The body of a reply, once it is whole.
fn body(reply: &[u8]) -> Option<&[u8]> {
    let end = reply.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&reply[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    let length: usize = length.parse().ok()?;
    reply.get(end..end + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(host: usize, token: u64, asked: Nanos, answered: Nanos) -> Answer {
        Answer { host, token, leads: true, lease_ms: 900, asked, answered }
    }

    fn follows(host: usize, token: u64, asked: Nanos) -> Answer {
        Answer { host, token, leads: false, lease_ms: 0, asked, answered: asked + 1 }
    }

    #[test]
    fn one_reign_after_the_other_is_no_fault() {
        let history = [
            claim(0, 7, 10, 20),
            claim(0, 7, 90, 130),
            follows(1, 7, 15),
            // Asked before the newer one answered: it may have been so before that was.
            claim(1, 8, 100, 120),
            claim(0, 9, 140, 150),
            follows(1, 9, 160),
        ];
        assert_eq!(fault(&history), None);
    }

    #[test]
    fn an_older_reign_that_is_claimed_after_a_newer_one_is_found() {
        let history = [claim(0, 7, 10, 20), claim(1, 9, 30, 40), claim(0, 7, 41, 50)];
        assert!(fault(&history).is_some_and(|fault| fault.contains("after a newer one")));
        // The first answer of the newer one counts, and that of the newest as well.
        let history = [claim(0, 9, 30, 40), claim(0, 9, 60, 70), claim(1, 8, 50, 55)];
        assert!(fault(&history).is_some());
        let history = [claim(0, 9, 30, 40), claim(1, 8, 10, 90), claim(2, 7, 50, 95)];
        assert!(fault(&history).is_some_and(|fault| fault.contains("token: 7")));
    }

    #[test]
    fn one_token_of_two_leaders_is_found() {
        let history = [claim(0, 7, 10, 20), claim(1, 7, 10, 20)];
        assert!(fault(&history).is_some_and(|fault| fault.contains("under one token")));
    }

    #[test]
    fn a_token_that_goes_back_on_one_host_is_found() {
        let history = [follows(0, 8, 10), follows(1, 7, 20), follows(0, 7, 30)];
        assert!(fault(&history).is_some_and(|fault| fault.contains("goes back")));
        assert_eq!(fault(&history[..2]), None);
    }

    #[test]
    fn lines_of_the_process_are_read_and_others_passed_over() {
        let read = Answer { lease_ms: 812, ..claim(3, 42, 1_000, 2_000) };
        let status = serde_json::json!({"token": 42, "is_leader": true, "lease_ms": 812});
        let line = Answer::line(&status, 1_000, 2_000).unwrap();
        assert_eq!(Answer::read(3, &line), Some(read));
        let status = serde_json::json!({"token": 42, "is_leader": false});
        let line = Answer::line(&status, 1_000, 1_001).unwrap();
        assert_eq!(Answer::read(3, &line), Some(follows(3, 42, 1_000)));
        assert_eq!(Answer::line(&serde_json::json!({"token": null}), 1, 2), None);
        assert_eq!(read.deadline(), 812_001_000);
        for other in ["", "running 1 test", "said 42 1 812 1000", "said x 1 812 1000 2000"] {
            assert_eq!(Answer::read(3, other), None, "{other}");
        }
    }

    #[test]
    fn a_body_is_whole_or_not_there() {
        let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(body(reply), Some(&b"{}"[..]));
        assert_eq!(body(&reply[..reply.len() - 1]), None);
        assert_eq!(body(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
