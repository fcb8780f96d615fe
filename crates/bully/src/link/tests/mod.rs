//! The transport on loopback sockets.

mod dials;
mod limits;
mod links;
mod modes;
mod secure;
mod shortage;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bully_core as core;
use bully_core::{Address, Epoch, Hello, Inst, LinkId, Member, Mode, Query, QueryAck, Report};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::{Events, Limits, LinkEvent, Transport, bind};
use crate::noise::Keys;
use crate::wire::{self, Message, Packet, Preamble, Security};

/// For what must come.
const SOON: Duration = Duration::from_secs(10);

/// For a limit that must not be what ends a test.
const NEVER: Duration = Duration::from_secs(600);

/// For what must not come: a failure may be missed, a success is never refused.
const WHILE: Duration = Duration::from_millis(100);

/// What a node without a secret says first.
const OURS: Preamble = Preamble::of(Security::Plain);

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct Node {
    transport: Transport,
    events: Events,
    at: SocketAddr,
}

impl Node {
    fn start(limits: Limits) -> Self {
        Self::start_as(Inst(1), Mode::Bully, limits)
    }

    fn start_as(inst: Inst, mode: Mode, limits: Limits) -> Self {
        Self::start_with(inst, mode, None, limits)
    }

    fn start_with(inst: Inst, mode: Mode, keys: Option<Arc<Keys>>, limits: Limits) -> Self {
        let listeners = bind(Some(LOCAL), 0).unwrap();
        let at = listeners[0].local_addr().unwrap();
        let (transport, events) = Transport::start(listeners, mode, inst, keys, limits).unwrap();
        Self { transport, events, at }
    }

    fn address(&self) -> Address {
        Address::new(self.at.ip(), self.at.port())
    }

    async fn event(&mut self) -> LinkEvent {
        timeout(SOON, self.events.recv()).await.expect("an event in time").expect("an event")
    }

    async fn message(&mut self) -> (LinkId, Message) {
        match self.event().await {
            LinkEvent::Message { link, message, .. } => (link, message),
            other => panic!("expected a message: {other:?}"),
        }
    }

    /// Dial, and say Hello; the link's number at both ends.
    async fn join(&mut self, other: &mut Self) -> (LinkId, LinkId) {
        self.transport.dial(other.address(), SOON);
        let LinkEvent::Up { link, dialed, remote } = self.event().await else { panic!("up") };
        assert_eq!((dialed, remote), (other.address(), other.at));
        self.transport.send(link, &hello());
        let (theirs, message) = other.message().await;
        assert_eq!(message, hello());
        other.transport.promote(theirs);
        (link, theirs)
    }

    async fn says_nothing(&mut self) {
        if let Ok(event) = timeout(WHILE, self.events.recv()).await {
            panic!("{event:?}");
        }
    }
}

/// Limits that no test reaches by accident.
fn patient() -> Limits {
    Limits { handshake: NEVER, ..Limits::default() }
}

fn hello() -> Message {
    core::Message::Hello(hello_with(0)).into()
}

/// A long one, where there are many members.
fn hello_ack_with(members: usize) -> Message {
    core::Message::HelloAck(hello_with(members)).into()
}

fn hello_with(members: usize) -> Hello {
    let member = Member {
        id: Address::new("10.0.0.1", 8117),
        ip: None,
        priority: 100,
        inc: 1,
        inst: Inst(9),
        left: false,
    };
    Hello {
        cluster: Arc::from("bully"),
        mode: Mode::Bully,
        seen: Epoch(1),
        no_preempt: false,
        report: Report::default(),
        members: vec![member.clone(); members],
        member,
    }
}

fn query(q: u64) -> Message {
    let query = Query { q, report: Report::default(), need: Epoch(0), watch: false };
    core::Message::Query(query).into()
}

fn query_ack(q: u64) -> Message {
    core::Message::QueryAck(QueryAck { q, report: Report::default() }).into()
}

fn frame(message: Message) -> Vec<u8> {
    wire::frame(&Packet::Message(message))
}

/// A peer that a test plays byte by byte.
struct Raw(TcpStream);

impl Raw {
    async fn connect(to: SocketAddr) -> Self {
        Self(TcpStream::connect(to).await.unwrap())
    }

    async fn connect_from(ip: [u8; 4], to: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((ip, 0).into()).unwrap();
        Self(socket.connect(to).await.unwrap())
    }

    async fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    async fn say_preamble(&mut self) {
        self.say(&OURS.to_bytes()).await;
    }

    async fn say_hello(&mut self) {
        self.say_preamble().await;
        self.say(&frame(hello())).await;
    }

    async fn hear_preamble(&mut self) {
        let mut bytes = [0; wire::PREAMBLE_LEN];
        timeout(SOON, self.0.read_exact(&mut bytes)).await.expect("in time").unwrap();
        assert_eq!(OURS.check(bytes), Ok(()));
    }

    /// All that comes until the other end closes.
    async fn hear_end(&mut self) -> Vec<u8> {
        let mut heard = Vec::new();
        // Closed with an error or without: what counts is that it is closed.
        let _ = timeout(SOON, self.0.read_to_end(&mut heard)).await.expect("closed in time");
        heard
    }

    async fn is_open(&mut self) -> bool {
        timeout(WHILE, self.0.peek(&mut [0])).await.is_err()
    }
}

/// Connect again and again until the node speaks: it learns of a promotion, an end, or free
/// descriptors in its own time.
async fn until_admitted(from: IpAddr, to: SocketAddr) -> Raw {
    let IpAddr::V4(from) = from else { panic!("v4") };
    let admitted = async {
        loop {
            let mut raw = Raw::connect_from(from.octets(), to).await;
            if raw.0.read_exact(&mut [0; wire::PREAMBLE_LEN]).await.is_ok() {
                return raw;
            }
        }
    };
    timeout(SOON, admitted).await.expect("admitted in time")
}
