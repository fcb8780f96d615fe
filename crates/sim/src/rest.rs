//! One node of a cluster at rest, taken out of the world: what a heartbeat costs it, without a
//! network. The node's part alone; nothing here allocates once it is made.

use bully_core::{Address, Beat, BeatAck, Input, LinkId, Message, Node, Now, Output, Report, Tick};

use crate::{MS, SEC, World, running};

/// Between the heartbeats of [`crate::setup`].
const HEARTBEAT: u64 = 100 * MS;

/// A hop between two nodes.
const HOP: u64 = MS / 4;

/// A leader and the acknowledgements of its followers.
#[derive(Clone, Debug)]
pub struct RestingLeader {
    one: One,
    ack: BeatAck,
    /// To whom it sent its last Beat.
    beaten: Vec<LinkId>,
}

/// A follower and the Beats of its leader.
#[derive(Clone, Debug)]
pub struct RestingFollower {
    one: One,
    beat: Beat,
    leader: LinkId,
}

#[derive(Clone, Debug)]
struct One {
    node: Node,
    now: Now,
    /// What the node shows, as of its last step.
    leader: Option<Address>,
}

impl RestingLeader {
    /// The leader of a cluster of so many members.
    ///
    /// # Panics
    /// If there are fewer than two, or if they do not agree.
    pub fn of(members: usize) -> Self {
        let mut world = at_rest(members);
        let leader = leader_of(&world);
        let mut one = One::taken_from(&mut world, leader);
        let beat = one.due_beats().pop().expect("it has followers").1;
        let report = Report {
            claim: Some(beat.claim),
            seq: beat.seq,
            age: std::time::Duration::ZERO,
            live: true,
            size: beat.size,
        };
        let ack = BeatAck { report, need: bully_core::Epoch(0), met: Vec::new(), mver: beat.mver };
        Self { one, ack, beaten: Vec::with_capacity(members) }
    }

    /// One heartbeat: Beats to all, and their acknowledgements. Says how many messages that were.
    ///
    /// # Panics
    /// If the node does anything else.
    pub fn heartbeat(&mut self) -> usize {
        let Self { one, ack, beaten } = self;
        beaten.clear();
        one.wait();
        one.step(Input::Timeout, |to, message| match message {
            Message::Beat(beat) => {
                ack.report.seq = beat.seq;
                beaten.push(to);
            }
            other => panic!("{} at rest", other.name()),
        });
        one.pass(2 * HOP);
        for from in beaten.iter() {
            let input = Input::Message { from: *from, message: Message::BeatAck(ack.clone()) };
            one.step(input, |_, message| panic!("{} for an answer", message.name()));
        }
        2 * beaten.len()
    }
}

impl RestingFollower {
    /// A follower in a cluster of so many members.
    ///
    /// # Panics
    /// If there are fewer than two, or if they do not agree.
    pub fn of(members: usize) -> Self {
        let mut world = at_rest(members);
        let leader = leader_of(&world);
        let process = world.hosts[leader].process.clone().expect("it runs");
        let (to, beat) =
            One::taken_from(&mut world, leader).due_beats().pop().expect("it has followers");
        let (conn, side) = process.links[&to];
        let end = &world.conns[conn].ends[1 - side];
        let (follower, link) = (end.host, end.link);
        Self { one: One::taken_from(&mut world, follower), beat, leader: link }
    }

    /// One heartbeat: a Beat and its acknowledgement. Says how many messages that were.
    ///
    /// # Panics
    /// If the node does anything else.
    pub fn heartbeat(&mut self) -> usize {
        let mut answers = 0;
        self.one.pass(HEARTBEAT);
        self.beat.seq += 1;
        let input = Input::Message { from: self.leader, message: Message::Beat(self.beat.clone()) };
        self.one.step(input, |_, message| match message {
            Message::BeatAck(_) => answers += 1,
            other => panic!("{} for an answer", other.name()),
        });
        assert_eq!(answers, 1, "the Beat is acknowledged");
        1 + answers
    }
}

impl One {
    fn taken_from(world: &mut World, host: usize) -> Self {
        let now = world.hosts[host].clocks(world.now);
        let process = world.hosts[host].process.take().expect("it runs");
        let leader = process.node.status(now).leader.map(|leader| leader.id);
        Self { node: process.node, now, leader }
    }

    /// All that a driver asks of the node for one input.
    fn step(&mut self, input: Input, mut sent: impl FnMut(LinkId, Message)) {
        self.node.handle(input, self.now);
        while let Some(output) = self.node.poll_output() {
            match output {
                Output::Send { to, message } => sent(to, message),
                other => panic!("at rest: {other:?}"),
            }
        }
        let leader = self.node.status(self.now).leader.map(|leader| leader.id);
        assert_eq!(leader, self.leader, "nothing changes at rest");
        assert!(self.node.poll_timeout(self.now).is_some_and(|pause| !pause.is_zero()));
    }

    /// Sleeps until the node asks to be woken.
    fn wait(&mut self) {
        let pause = self.node.poll_timeout(self.now).expect("it waits for something");
        self.pass(u64::try_from(pause.as_nanos()).expect("a short pause"));
    }

    fn pass(&mut self, nanos: u64) {
        for clock in [&mut self.now.fast, &mut self.now.slow] {
            *clock = Tick(clock.0 + nanos);
        }
    }

    /// A leader's next Beats.
    fn due_beats(&mut self) -> Vec<(LinkId, Beat)> {
        let mut beats = Vec::new();
        self.wait();
        self.step(Input::Timeout, |to, message| {
            if let Message::Beat(beat) = message {
                beats.push((to, beat));
            }
        });
        beats
    }
}

fn at_rest(members: usize) -> World {
    let mut world = running(members);
    world.run_for(10 * SEC);
    assert_eq!(world.agreement(), Ok(()));
    world
}

fn leader_of(world: &World) -> usize {
    (0..world.len()).find(|host| world.leads(*host)).expect("somebody leads")
}
