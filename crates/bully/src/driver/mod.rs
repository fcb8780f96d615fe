//! The one task that owns the protocol: it feeds the node what happens and performs what the
//! node asks.

mod asked;
mod disk;
mod start;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use bully_core::Address;
use tokio::sync::{mpsc, oneshot, watch};

use self::asked::Asked;
use self::disk::{Disk, Written};
use crate::alarm::Alarm;
use crate::error::Refused;
use crate::journal::NOTICE;
use crate::link::{Events, LinkEvent, Transport};
use crate::node::{Change, Duty, Event, Input, Output};
use crate::shared::{Shared, Step};
use crate::store::Directory;
use crate::view::View;

/// At most this many inputs are taken before timers get their turn, however fast peers send.
const BATCH_MAX: usize = 4_096;

/// What the owner of an [`Elector`](crate::Elector) asks for.
#[derive(Debug)]
pub(crate) enum Command {
    /// Hand over, and end.
    Leave { done: oneshot::Sender<()> },
    /// A change, and what comes of it.
    Change { change: Change, done: oneshot::Sender<Result<(), Refused>> },
    /// The keys were replaced: end the connections that the new ones do not allow.
    Expel,
    /// Nobody acts any longer on what was told of a reign: it may have ended by that.
    Relinquished,
}

/// The parts of a started node.
pub(crate) type Started =
    (Driver, Arc<Shared>, mpsc::UnboundedSender<Command>, watch::Receiver<View>);

/// Drives one node.
#[derive(Debug)]
pub(crate) struct Driver {
    shared: Arc<Shared>,
    transport: Transport,
    /// The addresses that a connection's place is kept for, and where they lead.
    listed: BTreeMap<Address, Option<IpAddr>>,
    events: Events,
    commands: mpsc::UnboundedReceiver<Command>,
    view: watch::Sender<View>,
    /// Where the node's record is kept; none in bully mode.
    disk: Option<Disk>,
    /// Where nothing but the node's key is kept: held, so that no other process uses it.
    directory: Option<Directory>,
    /// Who waits for what was asked for.
    asked: Asked,
    /// Who waits for the goodbye.
    leaving: Vec<oneshot::Sender<()>>,
    stopped: bool,
    /// The last step: its buffers serve the next one.
    last: Step,
    /// Rings when the node wants its timeout.
    alarm: Alarm,
}

impl Driver {
    /// Runs until the node has left.
    pub(crate) async fn run(mut self) {
        self.reserve();
        self.step(Input::Start);
        let mut is_owned = true;
        while !self.stopped {
            tokio::select! {
                biased;
                command = self.commands.recv(), if is_owned => {
                    is_owned = command.is_some();
                    // Nobody holds this node any more: it leaves.
                    match command {
                        Some(command) => self.obey(command),
                        None => self.step(Input::Leave),
                    }
                }
                // At most one at a time, so that it keeps nothing else from its turn.
                written = disk::written(&mut self.disk) => {
                    self.shared.set_disk_hangs(self.disk.as_ref().is_some_and(Disk::hangs));
                    if let Written::Ended(input) = written {
                        self.step(input);
                    }
                }
                event = self.events.recv() => match event {
                    Some(event) => self.take_batch(event).await,
                    None => break,
                },
                rung = self.alarm.wait() => match rung {
                    Ok(()) => self.catch_up().await,
                    Err(_) => break,
                },
            }
            if let Some(change) = self.asked.take_put_off() {
                self.step(Input::Change(change));
            }
            self.asked.answer(&self.shared);
        }
        tracing::debug!(closed = ?self.transport.counts(), "left");
        self.transport.shutdown().await;
        self.asked.end();
        drop((self.disk, self.directory));
        for done in self.leaving.drain(..) {
            let _ = done.send(());
        }
    }

    /// Takes what has arrived, and then gives timers their turn if they are due: however fast
    /// peers send, they cannot keep them from it.
    async fn take_batch(&mut self, first: LinkEvent) {
        self.take(first);
        self.take_queued();
        if self.alarm.is_due() {
            self.catch_up().await;
        }
    }

    fn take_queued(&mut self) -> usize {
        let mut count = 0;
        while count < BATCH_MAX
            && let Some(event) = self.events.try_recv()
        {
            self.take(event);
            count += 1;
        }
        count
    }

    /// A timer is due. What has already reached this machine comes first: after a freeze the
    /// sockets are full of what the node missed, and their tasks must get to read it.
    async fn catch_up(&mut self) {
        let mut quiet = 0;
        let mut taken = 0;
        while quiet < 2 && taken < BATCH_MAX {
            // Yielding lets the runtime look at the sockets before it comes back here.
            tokio::task::yield_now().await;
            match self.take_queued() {
                0 => quiet += 1,
                count => {
                    quiet = 0;
                    taken += count;
                }
            }
        }
        self.step(Input::Timeout);
    }

    fn take(&mut self, event: LinkEvent) {
        if let LinkEvent::Up { dialed, remote, .. } = &event {
            self.led_to(dialed, remote.ip());
        }
        self.step(Input::Link(event));
    }

    /// A listed name's address is known by where it leads.
    fn led_to(&mut self, dialed: &Address, ip: IpAddr) {
        if let Some(known) = self.listed.get_mut(dialed)
            && *known != Some(ip)
        {
            *known = Some(ip);
            self.reserve();
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Leave { done } => {
                self.leaving.push(done);
                self.step(Input::Leave);
            }
            Command::Change { change, done } => {
                if let Some(refused) = asked::objection(&self.shared, &change) {
                    let _ = done.send(Err(refused));
                    return;
                }
                self.asked.add(change.clone(), done, &self.shared);
                self.step(Input::Change(change));
            }
            Command::Expel => self.transport.expel(),
            // No timeout: what has arrived comes before timers.
            Command::Relinquished => {
                while self.shared.take_ended() {
                    self.step(Input::Revoked);
                }
            }
        }
    }

    /// One input, and all that follows from it.
    fn step(&mut self, input: Input) {
        let mut step = std::mem::take(&mut self.last);
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.shared.handle(input, &mut step);
            self.alarm.set(step.pause);
            for line in &step.notices {
                tracing::warn!(target: NOTICE, "{line}");
            }
            for output in step.outputs.drain(..) {
                inputs.extend(self.perform(output));
            }
            if step.is_changed {
                self.view.send_replace(self.shared.view());
            }
            if self.shared.take_ended() {
                inputs.push_back(Input::Revoked);
            }
        }
        self.last = step;
    }

    /// Performs an output; some are answered at once.
    fn perform(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Send { to, message } => {
                if message.is_hello_ack() {
                    self.transport.promote(to);
                }
                self.transport.send(to, &message);
            }
            Output::Dial { to, timeout } => self.transport.dial(to, timeout),
            Output::Close { link } => self.transport.close(link),
            Output::Persist { id, state } => match (&mut self.disk, state) {
                (Some(disk), Some(state)) => disk.write(id, state),
                // Nothing is kept in this mode, so nothing is asked for.
                _ => return Some(Input::Persisted(id)),
            },
            Output::Event(event) => self.note(&event),
        }
        None
    }

    fn note(&mut self, event: &Event) {
        match event.duty() {
            Some(Duty::End) => self.stopped = true,
            Some(Duty::Refuse(objection)) => self.asked.refuse_last(objection, &self.shared),
            Some(Duty::Roster(members)) => {
                for member in members {
                    let ip = member.host.ip();
                    self.listed.entry(member).or_insert(ip);
                }
                self.reserve();
            }
            // Noted with the step, under its lock.
            Some(Duty::Revoke { .. }) | None => {}
        }
    }

    /// Keeps a place for each listed address, as far as it is known where that is.
    fn reserve(&self) {
        self.transport.reserve(self.listed.values().flatten().copied());
    }
}
