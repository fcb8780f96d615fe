//! The settings of a node, read from every source and checked.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use tracing::Level;

use super::data_dir::{self, Surroundings};
use super::files;
use super::guard::{HttpGuard, TlsFiles};
use super::key::Key;
use super::layer::{Layer, Layers, Origin};
use super::listen::HttpListen;
use super::place::{Place, parse_places, parse_port};
use super::secret::{self, SecretSource, Security};
use super::usage::{UsageError, quoted};
use crate::{Builder, Mode};

/// The form of the log's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// What a node is told in quorum mode alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// How long this node promises itself to a leader, at most two minutes. A shorter one replaces a
    /// dead leader sooner and a slow one more often; it is more than four heartbeats.
    pub lease: Duration,
    /// Whether the node may advertise another address than in its last run.
    pub moved: bool,
}

/// All that a node is told from outside. Whatever stands here is within its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Places to dial, each once; the node itself normally among them. Ports that were left out are
    /// this node's own, because all machines run the same command line.
    pub nodes: Vec<Place>,
    /// The port for peers; never zero, since peers must know it.
    pub port: u16,
    /// The address on which peers are awaited; `None` for all of them, v4 and v6.
    pub bind: Option<IpAddr>,
    /// The place told to peers; `None` to find it at start.
    pub advertise: Option<Place>,
    /// Where HTTP is served.
    pub http: HttpListen,
    /// What guards it.
    pub http_guard: HttpGuard,
    /// Whether `/leader` answers `ip:port` and not the address alone.
    pub show_port: bool,
    /// Where to POST when this node is elected, over http or https.
    pub webhook: Option<Url>,
    /// The cluster's name, 1 to 64 bytes of printable characters without spaces.
    pub cluster: String,
    /// Higher leads, 0 never does; at most [`Settings::PRIORITY_MAX`].
    pub priority: u32,
    /// Whether this node takes over from a leader of strictly lower priority.
    pub preempt: bool,
    /// How often peers hear from this node, 10 ms to 10 s. A shorter one finds a dead leader sooner
    /// and suspects a slow one more often.
    pub heartbeat: Duration,
    /// What quorum mode needs besides; `None` in bully mode.
    pub quorum: Option<Quorum>,
    /// Where the data of all nodes of this machine are; this one's are in
    /// [`Settings::data_directory`]. Never `None` in quorum mode.
    pub data_dir: Option<PathBuf>,
    /// By what peers are known; `None` to take everybody for a peer.
    pub security: Option<Security>,
    /// The form of the log.
    pub log: LogFormat,
    /// The least serious level that is logged.
    pub log_level: Level,
}

impl Settings {
    /// The highest priority there is.
    pub const PRIORITY_MAX: u32 = 1000;

    /// The length of the longest name of a cluster, as it travels between nodes: in bytes.
    pub const CLUSTER_BYTES_MAX: usize = crate::wire::CLUSTER_MAX;

    /// How the nodes elect.
    pub fn mode(&self) -> Mode {
        if self.quorum.is_some() { Mode::Quorum } else { Mode::Bully }
    }

    /// Where this node keeps its data, if it keeps any: a directory of its own, whichever other nodes
    /// this machine has.
    pub fn data_directory(&self) -> Option<PathBuf> {
        let data_dir = self.data_dir.as_ref()?;
        Some(data_dir::of_node(data_dir, &self.cluster, self.port))
    }
}

/// Who gave each setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins(BTreeMap<Key, Origin>);

impl Origins {
    /// Who gave the value of `key`.
    pub fn of(&self, key: Key) -> &Origin {
        self.0.get(&key).unwrap_or(&Origin::Default)
    }
}

/// The settings in force and who gave each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The values.
    pub settings: Settings,
    /// Their sources.
    pub origins: Origins,
}

impl Configuration {
    /// Reads the layers, to which the defaults are added. Where a data directory is needed and none
    /// is named, the surroundings say where they are.
    pub(crate) fn from_layers(
        mut layers: Layers,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, UsageError> {
        // First, because defaults depend on it.
        let mode = layers.pick(Key::Mode, parse_mode)?.map_or(Mode::default(), |(mode, _)| mode);
        layers.0.push(Layer::defaults(mode));
        let mut read = Reader { layers: &layers, origins: BTreeMap::new() };
        read.required(Key::Mode, parse_mode)?;
        // Next, because a place without a port has this node's.
        let port = read.required(Key::Port, parse_own_port)?;
        let security = read.security(surroundings)?;
        let settings = Settings {
            nodes: read.optional(Key::Nodes, |text| parse_places(text, port))?.unwrap_or_default(),
            port,
            bind: read.optional(Key::Bind, parse_bind)?,
            advertise: read.optional(Key::Advertise, |text| Place::parse_peer(text, port))?,
            http: read.required(Key::Http, HttpListen::parse)?,
            http_guard: read.http_guard()?,
            show_port: read.required(Key::ShowPort, parse_switch)?,
            webhook: read.optional(Key::Url, parse_webhook)?,
            cluster: read.required(Key::Cluster, parse_cluster)?,
            priority: read.required(Key::Priority, parse_priority)?,
            preempt: read.required(Key::Preempt, parse_switch)?,
            heartbeat: read.required(Key::Heartbeat, parse_heartbeat)?,
            quorum: match mode {
                Mode::Bully => read.nothing_of_quorum_mode()?,
                Mode::Quorum => Some(read.quorum()?),
            },
            data_dir: read.data_dir(mode, security.is_some(), surroundings)?,
            security,
            log: read.required(Key::Log, parse_log)?,
            log_level: read.required(Key::LogLevel, parse_level)?,
        };
        if let Some(quorum) = &settings.quorum {
            read.check_lease(quorum.lease, settings.heartbeat)?;
        }
        Ok(Self { settings, origins: Origins(read.origins) })
    }
}

struct Reader<'l> {
    layers: &'l Layers,
    origins: BTreeMap<Key, Origin>,
}

impl Reader<'_> {
    fn optional<T>(
        &mut self,
        key: Key,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, UsageError> {
        let picked = self.layers.pick(key, parse)?;
        Ok(picked.map(|(value, origin)| {
            self.origins.insert(key, origin);
            value
        }))
    }

    fn required<T>(
        &mut self,
        key: Key,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, UsageError> {
        let value = self.optional(key, parse)?;
        Ok(value.expect("the lowest layer holds the defaults, and this key has one"))
    }

    fn http_guard(&mut self) -> Result<HttpGuard, UsageError> {
        let mut file = |key| self.optional(key, files::parse);
        let cert = file(Key::HttpTlsCert)?;
        let key = file(Key::HttpTlsKey)?;
        let client_ca = file(Key::HttpClientCa)?;
        let read_token = file(Key::HttpReadTokenFile)?;
        let admin_token = file(Key::HttpAdminTokenFile)?;
        let tls = match (cert, key) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert, key, client_ca }),
            (Some(_), None) => return Err(self.alone(Key::HttpTlsCert, Key::HttpTlsKey)),
            (None, Some(_)) => return Err(self.alone(Key::HttpTlsKey, Key::HttpTlsCert)),
            (None, None) if client_ca.is_some() => {
                return Err(self.alone(Key::HttpClientCa, Key::HttpTlsCert));
            }
            (None, None) => None,
        };
        Ok(HttpGuard { tls, read_token, admin_token })
    }

    /// The complaint about what means nothing without the other.
    fn alone(&self, given: Key, missing: Key) -> UsageError {
        let raw = self.layers.strongest(given).expect("somebody gave it");
        raw.wrong(&format!("-{} is missing", missing.name()))
    }

    fn quorum(&mut self) -> Result<Quorum, UsageError> {
        let lease = self.required(Key::Lease, parse_lease)?;
        Ok(Quorum { lease, moved: self.required(Key::Moved, parse_switch)? })
    }

    /// In quorum mode there is one whether it is given or not; in bully mode only a node's key is
    /// kept, and only where somebody says so.
    fn data_dir(
        &mut self,
        mode: Mode,
        has_secret: bool,
        surroundings: &Surroundings<'_>,
    ) -> Result<Option<PathBuf>, UsageError> {
        let given = self.optional(Key::DataDir, data_dir::parse)?;
        match (mode, given) {
            (Mode::Bully, Some(_)) if !has_secret => Err(self.layers.needless(
                Key::DataDir,
                "bully mode without a secret keeps nothing on disk: add -mode=quorum or \
                 -secret-file, or leave this out",
            )),
            (_, Some(given)) => Ok(Some(given)),
            (Mode::Bully, None) => Ok(None),
            (Mode::Quorum, None) => {
                let (found, origin) = surroundings.data_dir().map_err(UsageError::new)?;
                self.origins.insert(Key::DataDir, origin);
                Ok(Some(found))
            }
        }
    }

    /// The secret of the file that is named, or else of the environment.
    fn security(
        &mut self,
        surroundings: &Surroundings<'_>,
    ) -> Result<Option<Security>, UsageError> {
        let named = self.optional(Key::SecretFile, files::parse)?;
        let peer_keys = self.optional(Key::PeerKeys, files::parse)?;
        let found = secret::from_environment(surroundings.env).map_err(UsageError::new)?;
        let secret = match (named, found) {
            (Some(_), Some((SecretSource::Environment(_), _))) => {
                return Err(self.layers.needless(
                    Key::SecretFile,
                    "BULLY_SECRET holds a secret, too: give one of them alone",
                ));
            }
            (Some(path), _) => SecretSource::File(path),
            (None, Some((source, origin))) => {
                self.origins.insert(Key::SecretFile, origin);
                source
            }
            (None, None) if peer_keys.is_some() => {
                return Err(self.layers.needless(
                    Key::PeerKeys,
                    "nodes have keys only where they share a secret: add -secret-file, or leave \
                     this out",
                ));
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(Security { secret, peer_keys }))
    }

    /// What would have no effect in bully mode is refused there, wherever it stands: whoever wrote it
    /// counts on it.
    fn nothing_of_quorum_mode<T>(&self) -> Result<Option<T>, UsageError> {
        for (key, why) in [
            (Key::Lease, "bully mode has no lease"),
            (Key::Moved, "bully mode keeps no address from one run to the next"),
        ] {
            let given = self.layers.strongest(key);
            if let Some(raw) = given.filter(|raw| raw.origin != Origin::Default) {
                return Err(raw.wrong(&format!("{why}: add -mode=quorum, or leave this out")));
            }
        }
        Ok(None)
    }

    fn check_lease(&self, lease: Duration, heartbeat: Duration) -> Result<(), UsageError> {
        let raw = self.layers.strongest(Key::Lease).expect("it has a default");
        raw.parse(|_| Builder::check_times(lease, heartbeat))
    }
}

fn parse_own_port(text: &str) -> Result<u16, String> {
    let complaint = || format!("{} is not a port: expected a number from 1 to 65535", quoted(text));
    match parse_port(text) {
        Ok(0) => Err(format!("{} (peers have to know the port)", complaint())),
        Ok(port) => Ok(port),
        Err(_) => Err(complaint()),
    }
}

fn parse_bind(text: &str) -> Result<IpAddr, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let complaint =
        || format!("{} is not an IP address: expected one of this machine's", quoted(text));
    bare.parse().map_err(|_| complaint())
}

/// Reads `true` or `false`.
pub(crate) fn parse_switch(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("{} is not a switch: expected true or false", quoted(text)))
}

fn parse_webhook(text: &str) -> Result<Url, String> {
    let complaint = || format!("{} is not a URL: expected http://… or https://…", quoted(text));
    let url = Url::parse(text).map_err(|_| complaint())?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(complaint()) }
}

/// A leading dash is refused because it is a flag that followed a forgotten value.
fn parse_cluster(text: &str) -> Result<String, String> {
    let printable = text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    let max = Settings::CLUSTER_BYTES_MAX;
    if printable && (1..=max).contains(&text.len()) && !text.starts_with('-') {
        return Ok(text.to_owned());
    }
    let expected = format!("expected 1 to {max} bytes of text, no spaces, not a dash first");
    Err(format!("{} is not a name: {expected}", quoted(text)))
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    match text {
        "bully" => Ok(Mode::Bully),
        "quorum" => Ok(Mode::Quorum),
        _ => Err(format!("{} is not a mode: expected bully or quorum", quoted(text))),
    }
}

pub(crate) fn parse_priority(text: &str) -> Result<u32, String> {
    let max = Settings::PRIORITY_MAX;
    let priority = text.parse().ok().filter(|priority| *priority <= max);
    let expected = format!("expected a number from 0 to {max}");
    priority.ok_or_else(|| format!("{} is not a priority: {expected}", quoted(text)))
}

/// Reads a duration with its unit that lies between two others.
pub(crate) fn parse_duration(text: &str, min: &str, max: &str) -> Result<Duration, String> {
    let expected = || {
        let shown = quoted(text);
        format!(
            "{shown} is not a duration from {min} to {max}: expected a number and a unit, such as 100ms"
        )
    };
    let read = |text| humantime::parse_duration(text).map_err(|_| expected());
    let duration = read(text)?;
    if duration < read(min)? || duration > read(max)? { Err(expected()) } else { Ok(duration) }
}

fn parse_heartbeat(text: &str) -> Result<Duration, String> {
    parse_duration(text, "10ms", "10s")
}

/// How it fits the heartbeat is looked at once both are known.
fn parse_lease(text: &str) -> Result<Duration, String> {
    parse_duration(text, "10ms", "2m")
}

fn parse_log(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("{} is not a form of log: expected text or json", quoted(text))),
    }
}

fn parse_level(text: &str) -> Result<Level, String> {
    let known = ["error", "warn", "info", "debug", "trace"].contains(&text);
    let level = text.parse().ok().filter(|_| known);
    let expected = "expected error, warn, info, debug or trace";
    level.ok_or_else(|| format!("{} is not a level: {expected}", quoted(text)))
}
