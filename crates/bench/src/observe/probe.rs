//! One target, being asked over and over.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use socket2::{Domain, Protocol, Socket, Type};

use super::target::{Target, Transport};
use super::{CADENCE, Failure, Given, Tally};
use crate::clock::{Nanos, nanos};

/// A question that has no answer by then is given up, and its connection with it. (A frozen node
/// holds a connection for ever.)
const PATIENCE: Duration = Duration::from_secs(5);

/// The same for a datagram, which may be lost: nobody holds the address, or its holder changes.
const PATIENCE_DATAGRAM: Duration = Duration::from_millis(2);

/// After a connection could not be had, the next is tried after this.
const PAUSE: Duration = Duration::from_micros(500);

/// The most bytes of a reply that are kept.
const REPLY_MAX: usize = 64 * 1024;

/// How many failures and late answers are told one by one.
const TOLD_MAX: usize = 20_000;

#[derive(Debug)]
enum State {
    /// To be asked at `due`.
    Idle,
    Connecting,
    Waiting,
}

/// A target with its connection and what it said.
#[derive(Debug)]
pub struct Probe {
    target: Target,
    state: State,
    socket: Option<Socket>,
    reply: Vec<u8>,
    /// When the present question was begun, its connection included.
    asked_at: Nanos,
    due: Nanos,
    /// The last answer, and when it was last given, if there was one: naming nobody is an answer, too.
    said: Option<String>,
    given: Option<Given>,
    pub tally: Tally,
}

/// An answer that differs from the one before, and when that one was last given.
#[derive(Debug)]
pub struct News {
    pub answer: Option<String>,
    pub before: Option<Given>,
}

impl Probe {
    pub fn new(target: Target, due: Nanos) -> Self {
        Self {
            target,
            state: State::Idle,
            socket: None,
            reply: Vec::new(),
            asked_at: due,
            due,
            said: None,
            given: None,
            tally: Tally::default(),
        }
    }

    /// When it must be looked at again, whatever its socket says.
    pub fn deadline(&self) -> Nanos {
        match self.state {
            State::Idle => self.due,
            State::Connecting | State::Waiting => self.asked_at + nanos(self.patience()),
        }
    }

    fn patience(&self) -> Duration {
        match self.target.transport {
            Transport::Datagram => PATIENCE_DATAGRAM,
            _ => PATIENCE,
        }
    }

    /// What to wait for on its socket.
    pub fn poll_fd(&self) -> Option<PollFd<'_>> {
        let flags = match self.state {
            State::Idle => return None,
            State::Connecting => PollFlags::OUT,
            State::Waiting => PollFlags::IN,
        };
        self.socket.as_ref().map(|socket| PollFd::new(socket, flags))
    }

    /// Goes on as far as possible; an answer is returned if it is another than the last.
    pub fn step(&mut self, now: Nanos) -> Option<News> {
        let outcome = match self.state {
            State::Idle if now >= self.due => self.ask(now),
            State::Idle => return None,
            _ if now >= self.deadline() => Err(ErrorKind::TimedOut.into()),
            State::Connecting => self.connected(),
            State::Waiting => Ok(()),
        };
        let outcome = outcome.and_then(|()| self.read());
        match outcome {
            Ok(true) => self.answered(now),
            Ok(false) => None,
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => self.failed(now, &error),
        }
    }

    fn ask(&mut self, now: Nanos) -> io::Result<()> {
        self.asked_at = now;
        self.reply.clear();
        self.tally.asked += 1;
        if self.socket.is_some() {
            return self.say();
        }
        let address = self.target.address;
        let domain = Domain::for_address(address);
        let is_datagram = self.target.transport == Transport::Datagram;
        let socket = if is_datagram {
            Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?
        } else {
            let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
            socket.set_tcp_nodelay(true)?;
            socket
        };
        socket.set_nonblocking(true)?;
        // Whoever holds a shared address answers from its own.
        let connected = if is_datagram { Ok(()) } else { socket.connect(&address.into()) };
        self.socket = Some(socket);
        match connected {
            Ok(()) => self.say(),
            Err(error) if error.raw_os_error() == Some(IN_PROGRESS) => {
                self.state = State::Connecting;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn connected(&mut self) -> io::Result<()> {
        let socket = self.socket.as_ref().ok_or(ErrorKind::NotConnected)?;
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        match socket.peer_addr() {
            Ok(_) => self.say(),
            Err(error) if error.kind() == ErrorKind::NotConnected => {
                Err(ErrorKind::WouldBlock.into())
            }
            Err(error) => Err(error),
        }
    }

    /// A question is small enough for the buffer of an idle connection.
    fn say(&mut self) -> io::Result<()> {
        let socket = self.socket.as_mut().ok_or(ErrorKind::NotConnected)?;
        let ask = self.target.ask.as_bytes();
        if self.target.transport == Transport::Datagram {
            socket.send_to(ask, &self.target.address.into())?;
        } else {
            socket.write_all(ask)?;
        }
        self.state = State::Waiting;
        Ok(())
    }

    /// Reads what there is; whether the reply is whole.
    fn read(&mut self) -> io::Result<bool> {
        if !matches!(self.state, State::Waiting) {
            return Ok(false);
        }
        let socket = self.socket.as_mut().ok_or(ErrorKind::NotConnected)?;
        let mut buffer = [0; 4096];
        loop {
            match socket.read(&mut buffer) {
                Ok(0) if self.target.transport == Transport::Once => {
                    self.socket = None;
                    return Ok(true);
                }
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.reply.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
            if self.reply.len() > REPLY_MAX {
                return Err(ErrorKind::InvalidData.into());
            }
            if self.target.is_whole(&self.reply) {
                return Ok(true);
            }
        }
    }

    fn answered(&mut self, now: Nanos) -> Option<News> {
        // The clock is read once a round; a reply may have come while others were read.
        let took = now.saturating_sub(self.asked_at);
        self.tally.answered += 1;
        self.tally.slowest = self.tally.slowest.max(took);
        if took > nanos(super::LATE) {
            self.tally.late += 1;
            if self.tally.late_at.len() < TOLD_MAX {
                self.tally.late_at.push((self.asked_at, took));
            }
        }
        self.state = State::Idle;
        self.due = (self.asked_at + nanos(CADENCE)).max(now);
        let answer = self.target.answer(&self.reply);
        if answer.is_none() {
            self.tell(now, "it names nobody");
        }
        self.note(now, answer)
    }

    fn failed(&mut self, now: Nanos, error: &io::Error) -> Option<News> {
        // A datagram that nobody answers is the way in which nobody holds the address.
        self.tally.failed += 1;
        self.tell(now, &error.to_string());
        self.socket = None;
        self.state = State::Idle;
        self.due = now + nanos(PAUSE);
        self.note(now, None)
    }

    fn tell(&mut self, at: Nanos, why: &str) {
        if self.tally.failures.len() < TOLD_MAX {
            let failure = Failure { asked_at: self.asked_at, at, why: why.to_owned() };
            self.tally.failures.push(failure);
        }
    }

    fn note(&mut self, now: Nanos, answer: Option<String>) -> Option<News> {
        let before = self.given.replace(Given { asked_at: self.asked_at, at: now });
        if before.is_some() && self.said == answer {
            return None;
        }
        self.said.clone_from(&answer);
        Some(News { answer, before })
    }
}

/// EINPROGRESS.
const IN_PROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();
