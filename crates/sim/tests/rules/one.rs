//! One node without a network: its inputs, and all that it does.

use std::sync::Arc;
use std::time::Duration;

use bully_core::{
    Address, Beat, Claim, Config, Epoch, Event, Hello, Input, Inst, LinkId, Member, Message, Mode,
    Node, Now, Output, Query, Report, Role, Stored, Tick,
};

pub(crate) const F: Duration = Duration::from_millis(400);

pub(crate) fn address(host: u8) -> Address {
    Address::new(std::net::IpAddr::from([10, 0, 0, host]), 8117)
}

pub(crate) fn claim(host: u8, epoch: u64) -> Claim {
    Claim { epoch: Epoch(epoch), priority: 100, id: address(host), inst: Inst(u128::from(host)) }
}

pub(crate) fn live(claim: Claim) -> Report {
    Report { claim: Some(claim), seq: 7, age: Duration::ZERO, live: true, size: 2 }
}

/// A node at host 9, above all others, with its clock in the test's hand.
pub(crate) struct One {
    pub(crate) node: Node,
    pub(crate) now: Now,
}

impl One {
    pub(crate) fn started(places: &[u8]) -> Self {
        Self::with_list(places.iter().map(|host| address(*host)).collect())
    }

    pub(crate) fn with_list(places: Vec<Address>) -> Self {
        let config = Config {
            cluster: Arc::from("bully"),
            mode: Mode::Bully,
            id: address(9),
            ip: None,
            inst: Inst(9),
            places,
            priority: 100,
            preempt: true,
            heartbeat: F / 4,
            persist: false,
        };
        let start = Tick(1_000_000_000_000);
        let now = Now { fast: start, slow: start, wall_ms: 5 };
        let mut one = Self { node: Node::new(config, Stored::default(), 1), now };
        one.hand(Input::Start);
        one
    }

    pub(crate) fn hand(&mut self, input: Input) -> Vec<Output> {
        self.node.handle(input, self.now);
        std::iter::from_fn(|| self.node.poll_output()).collect()
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now.fast = self.now.fast.after(time);
        self.now.slow = self.now.slow.after(time);
    }

    /// A member whose connection has the number of its host.
    pub(crate) fn hello(&mut self, host: u8, report: Report) -> Vec<Output> {
        self.say(host, Message::Hello(Self::hello_of(host, report)))
    }

    pub(crate) fn hello_of(host: u8, report: Report) -> Hello {
        let member = Member {
            id: address(host),
            ip: None,
            priority: 100,
            inc: 0,
            inst: Inst(u128::from(host)),
            left: false,
        };
        Hello {
            cluster: Arc::from("bully"),
            mode: Mode::Bully,
            member,
            seen: Epoch(0),
            no_preempt: false,
            report,
            members: Vec::new(),
        }
    }

    pub(crate) fn say(&mut self, host: u8, message: Message) -> Vec<Output> {
        self.hand(Input::Message { from: LinkId(u64::from(host)), message })
    }

    pub(crate) fn leader(&self) -> Option<Address> {
        self.node.status(self.now).leader.map(|leader| leader.id)
    }

    pub(crate) fn role(&self) -> Role {
        self.node.status(self.now).role
    }

    /// A follower of host 1 under that epoch, with host 2 beside it.
    pub(crate) fn following(epoch: u64) -> Self {
        let mut one = Self::started(&[1]);
        one.hello(2, Report::default());
        one.hello(1, live(claim(1, epoch)));
        assert_eq!(one.role(), Role::Follower);
        one
    }
}

pub(crate) fn names(outputs: &[Output]) -> Vec<&'static str> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send { message, .. } => Some(message.name()),
        _ => None,
    });
    sent.collect()
}

pub(crate) fn query(outputs: &[Output]) -> Option<&Query> {
    outputs.iter().find_map(|output| match output {
        Output::Send { message: Message::Query(query), .. } => Some(query),
        _ => None,
    })
}

/// A Beat of host 1 under that epoch.
pub(crate) fn beat(epoch: u64) -> Beat {
    Beat {
        claim: claim(1, epoch),
        seq: epoch,
        age: Duration::ZERO,
        size: 3,
        mver: 0,
        hold: Duration::ZERO,
        members: None,
    }
}

pub(crate) fn is_elected(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Event(Event::Elected { .. })))
}
