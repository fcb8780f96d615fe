//! The command line's grammar, for clap. Values are texts here: one parser reads them, whether they
//! come from a flag, the environment or the file.

use clap::{Args, CommandFactory, Parser, Subcommand};

use super::help;
use super::key::Key;
use super::layer::{Layer, Raw};
use crate::Mode;

/// Elects a leader among machines that all run this command line.
///
/// Without a command, runs a node. In bully mode, the default, a network split has two leaders, one on
/// each side, until it heals; in quorum mode, which is experimental, at most the side with a majority
/// of the members has one.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "bully", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Cmd>,
    #[command(flatten)]
    pub(crate) node: NodeFlags,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Cmd {
    /// Run three nodes on this machine, to see an election
    Demo {
        /// End once the killed leader is back
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
        #[arg(default_missing_value = "true")]
        once: Option<String>,
    },
    /// Print the leader's address; exit 3 if there is none
    Leader {
        #[command(flatten)]
        ask: AskFlags,
        /// How long to wait for an election under way, 0s to 1h (default 2s)
        #[arg(long, value_name = "DURATION")]
        wait: Option<String>,
        /// Print the fencing token of its reign too, after a tab; quorum mode alone has one
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
        #[arg(default_missing_value = "true")]
        token: Option<String>,
    },
    /// Exit 0 if the node asked is the leader, 3 if not
    IsLeader(AskFlags),
    /// List the members that the node asked knows
    #[command(args_conflicts_with_subcommands = true)]
    Members {
        #[command(flatten)]
        ask: AskFlags,
        #[command(subcommand)]
        command: Option<MembersCmd>,
    },
    /// Say how the node asked sees the cluster
    Status(AskFlags),
    /// List the reigns that the node asked has seen
    History(AskFlags),
    /// Have the node asked hand leadership over, to whom it likes, and follow
    StepDown(AskFlags),
    /// Have the node asked hand leadership over to another member (quorum mode)
    Transfer {
        /// The member that is to lead, as bully members names it
        #[arg(long, value_name = "ADDR")]
        to: Option<String>,
        #[command(flatten)]
        ask: AskFlags,
    },
    /// Give the node asked another priority, from 0 to 1000, until it ends
    Priority {
        // Their absence is complained of in one line, by the program.
        #[arg(value_name = "NUMBER", allow_negative_numbers = true)]
        priority: Option<String>,
        #[command(flatten)]
        ask: AskFlags,
    },
    /// Make a cluster of this node alone, where every other member is gone for good (quorum mode)
    ///
    /// UNSAFE, and for a node that does not run. Every other member must be gone for good, and must
    /// be wiped before it may come back: whoever comes back with its data makes a second cluster, and
    /// two nodes lead. Tokens go on above the old ones.
    Recover(RepairFlags),
    /// Begin anew, where a node that was to found the cluster is gone for good (quorum mode)
    ///
    /// For a node that does not run, and that waits for a cluster to be founded; one that is in a
    /// cluster refuses. Do it on every node that waits, and wipe the one that is gone before it may
    /// come back.
    GenesisReset(RepairFlags),
    /// Write a new secret for the nodes to share to a new file that its owner alone can read
    Keygen {
        // Its absence is complained of in one line, by the program.
        #[arg(value_name = "FILE")]
        file: Option<String>,
    },
    /// Print the settings in force and where each comes from
    Config {
        #[command(flatten)]
        node: Box<NodeFlags>,
        /// Print JSON
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
        #[arg(default_missing_value = "true")]
        json: Option<String>,
    },
    /// Print the script with which a shell completes this command line: bash, zsh or fish
    Completions {
        // The program complains of its absence itself, in one line.
        #[arg(value_name = "SHELL")]
        shell: Option<String>,
    },
    /// Print the manual page, bully(1): bully man | man -l -
    Man,
}

/// What can be done to members.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum MembersCmd {
    /// Have the node asked, which leads, remove a member for good (quorum mode)
    Remove {
        // As above.
        #[arg(value_name = "ADDR")]
        node: Option<String>,
        #[command(flatten)]
        ask: AskFlags,
    },
}

/// Which node is meant, by the flags, the variables and the file that it is started with.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct RepairFlags {
    /// The -data-dir of the node, where it has one
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// The -cluster of the node
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// The -port of the node
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// The -config of the node, where it has one
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<String>,
    /// Do it; without this flag, which is read from the command line alone, say what would be done
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    pub(crate) force: Option<String>,
}

/// How to ask a node.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct AskFlags {
    /// The node to ask, host:port, :8080, unix:/path, http://host:port or https://host:port (default
    /// 127.0.0.1:8080)
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<String>,
    /// A file with the token to send, where the node has tokens
    #[arg(long, value_name = "FILE")]
    pub(crate) http_token_file: Option<String>,
    /// The certificates, PEM, from one of which that of an https:// node must come (default those of
    /// the system)
    #[arg(long, value_name = "FILE")]
    pub(crate) http_ca: Option<String>,
    /// This client's certificate, PEM, where the node wants one
    #[arg(long, value_name = "FILE")]
    pub(crate) http_client_cert: Option<String>,
    /// The key of -http-client-cert, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) http_client_key: Option<String>,
    /// Print JSON
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    pub(crate) json: Option<String>,
}

/// What a node is told.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct NodeFlags {
    /// Places to dial, with commas between: ip:port, host:port or `[v6]:port`; without a port,
    /// the port of -port. The same list on every machine will do: a node knows itself in it
    #[arg(long, value_name = "LIST")]
    nodes: Option<String>,
    /// The port for peers
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// The address on which peers are awaited (default all, v4 and v6)
    #[arg(long, value_name = "IP")]
    bind: Option<String>,
    /// The address told to peers, ip or host, with or without a port (default: found at start)
    #[arg(long, value_name = "ADDR")]
    advertise: Option<String>,
    /// Where HTTP is served: host:port, :8080 for all addresses, unix:/path, several of these with
    /// commas between, or off
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// The certificate, PEM, with which HTTP over TCP is served: https, and nothing else. It is read
    /// again on SIGHUP, as are the four below
    #[arg(long, value_name = "FILE")]
    http_tls_cert: Option<String>,
    /// The key of -http-tls-cert, PEM
    #[arg(long, value_name = "FILE")]
    http_tls_key: Option<String>,
    /// The certificates, PEM, from one of which clients over TCP must have their own
    #[arg(long, value_name = "FILE")]
    http_client_ca: Option<String>,
    /// A file with the token without which nothing but the checks of load balancers is answered
    #[arg(long, value_name = "FILE")]
    http_read_token_file: Option<String>,
    /// A file with the token with which orders such as step-down are taken from anywhere; with it,
    /// and without the token, over a Unix socket alone
    #[arg(long, value_name = "FILE")]
    http_admin_token_file: Option<String>,
    /// Have /leader answer ip:port, not the ip alone
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    showport: Option<String>,
    /// A webhook, POSTed when this node is elected
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The cluster's name; nodes of another are refused
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// How to elect: bully, or quorum, which is experimental
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// Higher leads, 0 never does, 1000 is the highest
    #[arg(long, value_name = "NUMBER")]
    priority: Option<String>,
    /// Take over from a leader of strictly lower priority; among equals the incumbent stays
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    preempt: Option<String>,
    /// How often peers hear from this node, 10ms to 10s (default 100ms; 150ms in quorum mode)
    #[arg(long, value_name = "DURATION")]
    heartbeat: Option<String>,
    /// How long a node promises itself to a leader, in quorum mode: more than four heartbeats, and
    /// at most 2m. A leader that dies is replaced after about this long (default 1s)
    #[arg(long, value_name = "DURATION")]
    lease: Option<String>,
    /// Where nodes in quorum mode keep their data, each in CLUSTER/PORT below it (default
    /// $STATE_DIRECTORY, or /var/lib/bully for root, or bully in the user's state directory); in
    /// bully mode, where a node with a secret keeps its own key, if anywhere
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Start although the node advertised another address in its last run, in quorum mode
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    moved: Option<String>,
    /// The file with the secret that the nodes share, made by bully keygen: without it, whoever
    /// reaches the port for peers can join
    #[arg(long, value_name = "FILE")]
    secret_file: Option<String>,
    /// A file with a line for each node to speak with, its key and perhaps its address, where not
    /// everybody who has the secret is to be one
    #[arg(long, value_name = "FILE")]
    peer_keys: Option<String>,
    /// The form of the log on standard error, text or json
    #[arg(long, value_name = "FORM")]
    log: Option<String>,
    /// What is logged: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// A TOML file whose keys are these flags without the dash
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<String>,
}

impl NodeFlags {
    /// What the flags give.
    pub(crate) fn into_layer(self) -> Layer {
        let texts = [
            (Key::Nodes, self.nodes),
            (Key::Port, self.port),
            (Key::Bind, self.bind),
            (Key::Advertise, self.advertise),
            (Key::Http, self.http),
            (Key::HttpTlsCert, self.http_tls_cert),
            (Key::HttpTlsKey, self.http_tls_key),
            (Key::HttpClientCa, self.http_client_ca),
            (Key::HttpReadTokenFile, self.http_read_token_file),
            (Key::HttpAdminTokenFile, self.http_admin_token_file),
            (Key::ShowPort, self.showport),
            (Key::Url, self.url),
            (Key::Cluster, self.cluster),
            (Key::Mode, self.mode),
            (Key::Priority, self.priority),
            (Key::Preempt, self.preempt),
            (Key::Heartbeat, self.heartbeat),
            (Key::Lease, self.lease),
            (Key::DataDir, self.data_dir),
            (Key::Moved, self.moved),
            (Key::SecretFile, self.secret_file),
            (Key::PeerKeys, self.peer_keys),
            (Key::Log, self.log),
            (Key::LogLevel, self.log_level),
        ];
        layer(texts)
    }
}

impl RepairFlags {
    /// What the flags give. A node whose data are on disk is in quorum mode, whatever else is said.
    pub(crate) fn into_layer(self) -> Layer {
        layer([
            (Key::Mode, Some(Mode::Quorum.as_str().to_owned())),
            (Key::DataDir, self.data_dir),
            (Key::Cluster, self.cluster),
            (Key::Port, self.port),
        ])
    }
}

fn layer(texts: impl IntoIterator<Item = (Key, Option<String>)>) -> Layer {
    let mut layer = Layer::default();
    for (key, text) in texts {
        if let Some(text) = text {
            layer.set(key, Raw::flag(key.name(), text));
        }
    }
    layer
}

/// The whole grammar, as clap knows it.
pub(crate) fn grammar() -> clap::Command {
    Cli::command()
}

/// The whole grammar, with help that spells flags as the documentation does.
pub(crate) fn command() -> clap::Command {
    let mut command = help::write(grammar());
    command.build();
    command
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_flag_takes_a_value_in_every_command_or_in_none_and_no_such_flag_has_a_letter() {
        fn visit(command: &clap::Command, seen: &mut BTreeMap<String, bool>) {
            for arg in command.get_arguments().filter(|arg| !arg.is_positional()) {
                let name = arg.get_long().expect("no flag is a letter alone").to_owned();
                let takes = arg.get_action().takes_values() && !arg.is_require_equals_set();
                assert!(!(takes && arg.get_short().is_some()), "-{name} has a letter");
                assert_eq!(*seen.entry(name.clone()).or_insert(takes), takes, "-{name}");
            }
            command.get_subcommands().for_each(|command| visit(command, seen));
        }
        let mut seen = BTreeMap::new();
        visit(&command(), &mut seen);
        assert!(seen.len() > Key::ALL.len());
    }

    #[test]
    fn every_key_is_a_flag_and_every_node_flag_but_the_file_is_a_key() {
        let command = Cli::command();
        let mut flags: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        flags.retain(|name| *name != "config");
        assert_eq!(flags, Key::ALL.map(Key::name));
    }
}
