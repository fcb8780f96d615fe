//! Who asks every node who leads, over and over, each time over a new connection as `curl` would, and
//! how long that took.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bully_lab::Process;
use serde_json::Value;

/// Between two questions to one node.
const PAUSE: Duration = Duration::from_millis(20);

/// A question that has no answer by then counts as one without.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a node said, or that it said nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The address of the node that was asked.
    pub(crate) asked: String,
    /// The leader's address and the number of the reign, or why there is none.
    pub(crate) said: Result<(String, u64), String>,
    pub(crate) took: Duration,
}

impl Answer {
    fn line(&self) -> String {
        let took = self.took.as_micros();
        match &self.said {
            Ok((leader, number)) => format!("answer {} {took} {leader} {number}", self.asked),
            Err(why) => format!("none {} {took} {why}", self.asked),
        }
    }

    fn read(line: &str) -> Option<Self> {
        let (kind, rest) = line.split_once(' ')?;
        let mut words = rest.splitn(3, ' ');
        let (asked, took, rest) = (words.next()?, words.next()?, words.next()?);
        let said = match kind {
            "answer" => {
                let (leader, number) = rest.split_once(' ')?;
                Ok((leader.to_owned(), number.parse().ok()?))
            }
            "none" => Err(rest.to_owned()),
            _ => return None,
        };
        let took = Duration::from_micros(took.parse().ok()?);
        Some(Self { asked: asked.to_owned(), said, took })
    }
}

/// Asks until it is dropped.
pub(crate) struct Observer {
    process: Process,
}

impl Observer {
    pub(crate) fn new(process: Process) -> Self {
        Self { process }
    }

    /// How much has been said so far; `since` takes it.
    pub(crate) fn mark(&self) -> usize {
        self.process.lines().len()
    }

    /// What was said since a mark.
    pub(crate) fn since(&self, mark: usize) -> Vec<Answer> {
        self.process.lines()[mark..].iter().filter_map(|line| Answer::read(&line.text)).collect()
    }
}

/// The time that the given share of these answers took at most.
pub(crate) fn quantile(answers: &[Answer], share: f64) -> Duration {
    let mut times: Vec<Duration> = answers.iter().map(|answer| answer.took).collect();
    times.sort();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place among a few thousand"
    )]
    let place = ((times.len() as f64) * share) as usize;
    times.get(place.min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// The process on a host: a thread for each node, so that none waits for another.
pub(crate) fn on_a_host(nodes: &[&str]) {
    std::thread::scope(|scope| {
        for node in nodes {
            scope.spawn(move || {
                // It is killed with the test that began it; a line that nobody takes ends it, too.
                let mut is_heard = true;
                while is_heard {
                    let start = Instant::now();
                    let said = ask(node).unwrap_or_else(|error| Err(error.to_string()));
                    let answer = Answer { asked: (*node).to_owned(), said, took: start.elapsed() };
                    is_heard = writeln!(io::stdout(), "{}", answer.line()).is_ok();
                    std::thread::sleep(PAUSE);
                }
            });
        }
    });
}

/// Asks one node once.
fn ask(node: &str) -> io::Result<Result<(String, u64), String>> {
    let address: SocketAddr = format!("{node}:8080").parse().map_err(io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let question = format!(
        "GET /leader HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(question.as_bytes())?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply)?;
    let reply = String::from_utf8_lossy(&reply);
    let (head, body) = reply.split_once("\r\n\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    let status = head.lines().next().unwrap_or_default();
    if !status.contains(" 200 ") {
        return Ok(Err(format!("{status}: {}", body.replace('\n', " "))));
    }
    let document: Value = serde_json::from_str(body)?;
    let leader = document["leader"]["address"].as_str();
    let number = document["epoch"].as_u64().or_else(|| document["token"].as_u64());
    match (leader, number) {
        (Some(leader), Some(number)) => Ok(Ok((leader.to_owned(), number))),
        _ => Ok(Err(format!("no leader in {body}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let took = Duration::from_micros(1_234);
        let asked = || "192.168.1.67".to_owned();
        let answer = Answer { asked: asked(), said: Ok(("192.168.1.69".to_owned(), 42)), took };
        assert_eq!(Answer::read(&answer.line()), Some(answer));
        let none = Answer { asked: asked(), said: Err("no words, but a few".to_owned()), took };
        assert_eq!(Answer::read(&none.line()), Some(none));
        for other in ["", "running 1 test", "answer 192.168.1.67 x y 1", "test x ... ok"] {
            assert_eq!(Answer::read(other), None, "{other}");
        }
    }

    #[test]
    fn a_quantile_is_the_time_that_so_many_took_at_most() {
        let answer = |millis| Answer {
            asked: String::new(),
            said: Err(String::new()),
            took: Duration::from_millis(millis),
        };
        let answers: Vec<Answer> = (1..=100).rev().map(answer).collect();
        assert_eq!(quantile(&answers, 0.5), Duration::from_millis(51));
        assert_eq!(quantile(&answers, 1.0), Duration::from_millis(100));
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
    }
}
