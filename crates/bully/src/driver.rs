//! The one task that owns the protocol: it feeds the node what happens and performs what the
//! node asks.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use bully_core::{
    Address, Config, Event, Input, Inst, Message, Mode, Node, Output, Proposal, Stored,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::alarm::Alarm;
use crate::elector::{Builder, StartError, parse_place};
use crate::identity::{self, Standing};
use crate::journal::NOTICE;
use crate::link::{Events, Limits, LinkEvent, Transport};
use crate::shared::{Shared, Step};
use crate::view::View;
use crate::wire::CLUSTER_MAX;

/// At most this many inputs are taken before timers get their turn, however fast peers send.
const BATCH_MAX: usize = 4_096;

/// What the owner of an [`Elector`](crate::Elector) asks for.
#[derive(Debug)]
pub(crate) enum Command {
    /// Hand over, and leave for good if `leave`.
    Resign { leave: bool, done: oneshot::Sender<()> },
    /// A new priority.
    Priority { priority: u32, done: oneshot::Sender<()> },
}

/// The parts of a started node.
pub(crate) type Started =
    (Driver, Arc<Shared>, mpsc::UnboundedSender<Command>, watch::Receiver<View>);

/// Drives one node.
#[derive(Debug)]
pub(crate) struct Driver {
    shared: Arc<Shared>,
    transport: Transport,
    /// The listed addresses, and where they lead: a connection's place is kept for each.
    listed: BTreeMap<Address, Option<IpAddr>>,
    events: Events,
    commands: mpsc::UnboundedReceiver<Command>,
    view: watch::Sender<View>,
    /// Who waits for a handover to end.
    waiting: Vec<oneshot::Sender<()>>,
    /// Who waits for the goodbye.
    leaving: Vec<oneshot::Sender<()>>,
    stopped: bool,
    /// The last step: its buffers serve the next one.
    last: Step,
    /// Rings when the node wants its timeout.
    alarm: Alarm,
}

impl Driver {
    /// Binds, finds out who this node is, and makes ready to run.
    pub(crate) async fn prepare(builder: Builder) -> Result<Started, StartError> {
        check_cluster(&builder.cluster)?;
        let mut builder = builder.listen()?;
        let listeners = std::mem::take(&mut builder.listeners);
        for listener in &listeners {
            listener.set_nonblocking(true)?;
        }
        let local_addrs = listeners
            .iter()
            .map(std::net::TcpListener::local_addr)
            .collect::<Result<Vec<_>, _>>()?;
        let port = local_addrs.first().map_or(builder.port, std::net::SocketAddr::port);
        let places = places(&builder, port)?;
        let inst = Inst(u128::from_le_bytes(random()?));
        let (transport, events) = Transport::start(listeners, inst, Limits::default())?;
        let listed = places.iter().map(|p| (p.clone(), p.host.ip())).collect();

        let bound =
            local_addrs.first().map(std::net::SocketAddr::ip).filter(|ip| !ip.is_unspecified());
        let advertise = builder.advertise.as_deref();
        let advertise = advertise.map(|a| parse_place("advertise", a, port)).transpose()?;
        let standing = Standing { advertise, places: &places, bound, port, inst };
        let (id, ip) = identity::find(&standing).await;

        let config = Config {
            cluster: builder.cluster.as_str().into(),
            mode: Mode::Bully,
            id,
            ip,
            inst,
            places,
            priority: builder.priority,
            preempt: builder.preempt,
            heartbeat: builder.heartbeat,
            persist: false,
        };
        config.check().map_err(|e| StartError::Config(e.to_string()))?;
        let seed = u64::from_le_bytes(random::<8>()?);
        let shared = Arc::new(Shared::new(&config, local_addrs, |config| {
            Node::new(config, Stored::default(), seed)
        }));
        let (command_sender, commands) = mpsc::unbounded_channel();
        let (view, view_receiver) = watch::channel(shared.view());
        let driver = Self {
            shared: Arc::clone(&shared),
            transport,
            listed,
            events,
            commands,
            view,
            waiting: Vec::new(),
            leaving: Vec::new(),
            stopped: false,
            last: Step::default(),
            alarm: Alarm::new()?,
        };
        Ok((driver, shared, command_sender, view_receiver))
    }

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
                        None => self.step(Input::Resign { leave: true }),
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
            self.answer_waiting();
        }
        tracing::debug!(closed = ?self.transport.counts(), "left");
        self.transport.shutdown().await;
        for done in self.waiting.drain(..).chain(self.leaving.drain(..)) {
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
        let input = match event {
            LinkEvent::Up { link, dialed, remote } => {
                self.led_to(&dialed, remote.ip());
                Input::LinkUp { link, dialed }
            }
            LinkEvent::DialFailed { dialed, reason } => Input::DialFailed { dialed, reason },
            LinkEvent::Message { link, message, .. } => Input::Message { from: link, message },
            LinkEvent::Down { link } => Input::LinkDown { link },
        };
        self.step(input);
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
            Command::Resign { leave, done } => {
                let who = if leave { &mut self.leaving } else { &mut self.waiting };
                who.push(done);
                self.step(Input::Resign { leave });
            }
            Command::Priority { priority, done } => {
                self.waiting.push(done);
                self.step(Input::Propose(Proposal::Priority(priority)));
            }
        }
    }

    /// One input, and all that follows from it.
    fn step(&mut self, input: Input) {
        let mut step = std::mem::take(&mut self.last);
        let mut inputs = VecDeque::new();
        let mut next = Some(input);
        while let Some(input) = next {
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
            next = inputs.pop_front();
        }
        self.last = step;
    }

    /// Performs an output; some are answered at once.
    fn perform(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Send { to, message } => {
                if matches!(message, Message::HelloAck(_)) {
                    self.transport.promote(to);
                }
                self.transport.send(to, &message);
            }
            Output::Dial { to, timeout } => self.transport.dial(to, timeout),
            Output::Close { link } => self.transport.close(link),
            // Nothing is kept on disk in this mode, so nothing is asked for.
            Output::Persist { id, .. } => return Some(Input::Persisted { id }),
            Output::Event(event) => return self.note(&event),
            _ => {}
        }
        None
    }

    fn note(&mut self, event: &Event) -> Option<Input> {
        match event {
            // Whoever acts on leadership asks at each use, and was told no from here on.
            Event::Revoke => return Some(Input::Revoked),
            Event::Stopped => self.stopped = true,
            _ => {}
        }
        None
    }

    /// Keeps a place for each listed address, as far as it is known where that is.
    fn reserve(&self) {
        self.transport.reserve(self.listed.values().flatten().copied());
    }

    fn answer_waiting(&mut self) {
        if !self.waiting.is_empty() && !self.shared.is_resigning() {
            for done in self.waiting.drain(..) {
                let _ = done.send(());
            }
        }
    }
}

/// What peers accept as a cluster's name.
fn check_cluster(name: &str) -> Result<(), StartError> {
    if (1..=CLUSTER_MAX).contains(&name.len()) && !name.contains(char::is_control) {
        return Ok(());
    }
    let why =
        format!("cluster {name:?}: expected 1 to {CLUSTER_MAX} bytes without control characters");
    Err(StartError::Config(why))
}

/// The places to dial, blanks and repeats left out.
fn places(builder: &Builder, port: u16) -> Result<Vec<Address>, StartError> {
    let mut places: Vec<Address> = Vec::new();
    for text in builder.nodes.iter().filter(|text| !text.trim().is_empty()) {
        let place = parse_place("nodes", text, port)?;
        if !places.contains(&place) {
            places.push(place);
        }
    }
    Ok(places)
}

fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(std::io::Error::from)?;
    Ok(bytes)
}
