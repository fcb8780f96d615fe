//! The start of a node: its sockets, its disk, its identity.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use bully_core::{Address, Inst, quorum};
use tokio::sync::{mpsc, watch};

use super::asked::Asked;
use super::disk::Disk;
use super::{Driver, Started};
use crate::alarm::Alarm;
use crate::builder::Builder;
use crate::error::StartError;
use crate::identity::{self, Standing};
use crate::journal::{Journal, Listed};
use crate::link::{Limits, Transport};
use crate::node::Node;
use crate::noise::{Keyring, Keys, NodeKey, Pinned};
use crate::place::parse_place;
use crate::random::random;
use crate::shared::{Identity, Shared, Step};
use crate::store::{Directory, Store};
use crate::view::Mode;
use crate::wire::CLUSTER_MAX;

/// What a node in quorum mode begins with.
struct Kept {
    store: Store,
    stored: Option<quorum::Stored>,
    /// Who it is where the disk does not say so.
    fresh: Inst,
}

/// What a node has found on its disk.
#[derive(Default)]
struct Opened {
    kept: Option<Kept>,
    /// Where nothing but the key is kept.
    directory: Option<Directory>,
    /// The key that is kept.
    own: Option<NodeKey>,
}

/// Who a node is, and where.
struct Found {
    id: Address,
    ip: Option<IpAddr>,
    inst: Inst,
    places: Vec<Address>,
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
        let port = local_addrs.first().map_or(builder.port, SocketAddr::port);
        let places = places(&builder, port)?;
        let run = Inst(u128::from_le_bytes(random()?));
        let Opened { kept, directory, own } = open(&builder, run).await?;
        let keys = keys(&builder, own, port)?;
        let inst = kept.as_ref().map_or(run, Kept::inst);
        let mode = match builder.mode {
            Mode::Bully => bully_core::Mode::Bully,
            Mode::Quorum => bully_core::Mode::Quorum,
        };
        // It is the process that is found by this, and never a node on a copy of its disk.
        let (transport, events) =
            Transport::start(listeners, mode, run, keys.clone(), Limits::default())?;

        let bound = local_addrs.first().map(SocketAddr::ip).filter(|ip| !ip.is_unspecified());
        let advertise = builder.advertise.as_deref();
        let advertise = advertise.map(|a| parse_place("advertise", a, port)).transpose()?;
        let keys_used = keys.as_ref();
        let standing =
            Standing { advertise, places: &places, bound, port, inst: run, keys: keys_used };
        let (id, ip) = identity::find(&standing).await;
        let found = Found { id: id.clone(), ip, inst, places };

        let identity = Identity {
            node: id.clone(),
            mode: builder.mode,
            cluster: builder.cluster.clone(),
            local_addrs,
            port,
            run_id: format!("{:08x}", run.0 >> 96),
            keys,
        };
        let mut listed = found.places.clone();
        let resolved = match &kept {
            Some(_) => identity::resolve_all(&found.places).await,
            None => Vec::new(),
        };
        let mut journal = journal(&identity, resolved);
        if let Some(roster) = kept.as_ref().and_then(Kept::roster) {
            journal.compare_list(roster, SystemTime::now());
            listed.extend(roster.members.iter().map(|m| m.id.clone()));
        }
        let (node, disk) = node(&builder, found, kept)?;
        let shared = Arc::new(Shared::new(identity, journal, node));
        let (command_sender, commands) = mpsc::unbounded_channel();
        let (view, view_receiver) = watch::channel(shared.view());
        let driver = Self {
            shared: Arc::clone(&shared),
            transport,
            listed: listed.into_iter().map(|p| (p.clone(), p.host.ip())).collect(),
            events,
            commands,
            view,
            disk,
            directory,
            asked: Asked::default(),
            leaving: Vec::new(),
            stopped: false,
            last: Step::default(),
            alarm: Alarm::new()?,
        };
        Ok((driver, shared, command_sender, view_receiver))
    }
}

impl Kept {
    fn inst(&self) -> Inst {
        self.stored.as_ref().map_or(self.fresh, |stored| stored.inst)
    }

    /// Who votes, where it is in a cluster.
    fn roster(&self) -> Option<&quorum::Roster> {
        let stored = self.stored.as_ref()?;
        stored.cluster.is_some().then_some(&*stored.roster)
    }
}

/// What is on disk, locked against other processes: the record in quorum mode, and the key where
/// there is a secret.
async fn open(builder: &Builder, fresh: Inst) -> Result<Opened, StartError> {
    let has_secret = builder.secrets.is_some();
    let Some(directory) = builder.data_dir.clone() else {
        return match builder.mode {
            Mode::Bully => Ok(Opened::default()),
            Mode::Quorum => {
                Err(StartError::Config("quorum mode needs a data directory".to_owned()))
            }
        };
    };
    let key = move |directory: &Directory| has_secret.then(|| directory.key()).transpose();
    let (mode, cluster) = (builder.mode, builder.cluster.clone());
    let work = move || match mode {
        Mode::Bully if !has_secret => Ok(Opened::default()),
        Mode::Bully => {
            let directory = Directory::open(&directory)?;
            let own = key(&directory)?;
            Ok(Opened { kept: None, directory: Some(directory), own })
        }
        Mode::Quorum => {
            let (store, stored) = Store::open(&directory, &cluster)?;
            let own = key(store.directory())?;
            Ok(Opened { kept: Some(Kept { store, stored, fresh }), directory: None, own })
        }
    };
    // Beside the loop, as every write is: a disk that hangs must not keep a signal out.
    let opened = tokio::task::spawn_blocking(work).await;
    opened.map_err(std::io::Error::other)?.map_err(StartError::Store)
}

/// What secures the connections, if anything; with a key for this run where none is kept.
fn keys(
    builder: &Builder,
    own: Option<NodeKey>,
    port: u16,
) -> Result<Option<Arc<Keys>>, StartError> {
    let pinned = builder.pins.as_ref().map(|pins| Pinned::new(pins, port)).transpose()?;
    match (&builder.secrets, pinned) {
        (None, None) => Ok(None),
        (None, Some(_)) => {
            let why = "peers have keys only where they have a secret: give it, or no list of keys";
            Err(StartError::Config(why.to_owned()))
        }
        (Some(secrets), pinned) => {
            let own = own.map_or_else(NodeKey::generate, Ok)?;
            Ok(Some(Keys::new(Keyring { own, secrets: secrets.clone(), pinned })))
        }
    }
}

fn journal(identity: &Identity, resolved: Vec<(Address, BTreeSet<IpAddr>)>) -> Journal {
    let listed = Listed::new(resolved);
    Journal::new(identity.node.clone(), identity.cluster.clone(), listed, SystemTime::now())
}

fn node(
    builder: &Builder,
    found: Found,
    kept: Option<Kept>,
) -> Result<(Node, Option<Disk>), StartError> {
    let seed = u64::from_le_bytes(random::<8>()?);
    let Found { id, ip, inst, places } = found;
    let cluster = builder.cluster.as_str().into();
    let (priority, preempt) = (builder.priority, builder.preempt);
    let heartbeat = builder.heartbeat_or_default();
    let Some(Kept { store, stored, fresh }) = kept else {
        let mode = bully_core::Mode::Bully;
        let config = bully_core::Config {
            cluster,
            mode,
            id,
            ip,
            inst,
            places,
            priority,
            preempt,
            heartbeat,
            persist: false,
        };
        config.check().map_err(|e| StartError::Config(e.to_string()))?;
        let node = bully_core::Node::new(config, bully_core::Stored::default(), seed);
        return Ok((Node::Bully(node), None));
    };
    let config = quorum::Config {
        cluster,
        id,
        ip,
        fresh,
        places,
        priority,
        preempt,
        heartbeat,
        lease: builder.lease,
        guardian: false,
        moved: builder.moved,
    };
    let node = quorum::Node::new(config, stored, seed).map_err(|error| match error {
        quorum::StartError::Moved { stored, configured } => StartError::Moved {
            directory: builder.data_dir.clone().unwrap_or_default(),
            stored: stored.to_string(),
            configured: configured.to_string(),
        },
        other => StartError::Config(other.to_string()),
    })?;
    Ok((Node::Quorum(node), Some(Disk::new(store, builder.lease * 2))))
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
