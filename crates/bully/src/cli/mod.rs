//! The command line and the configuration of the `bully` program.
//!
//! [`parse`] turns words, environment and file into an [`Invocation`], in which every value is
//! typed and within its bounds; whatever is wrong is one [`UsageError`] of one line. It prints
//! nothing and ends nothing: that is for `main`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::FromArgMatches;
use clap::error::ErrorKind;

mod args;
mod argv;
mod ask;
mod asked;
mod bind;
mod completions;
mod data_dir;
mod demo;
mod exchange;
mod exit;
mod file;
mod files;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod guard;
mod help;
mod interface;
mod key;
mod keygen;
mod layer;
mod listen;
mod log;
mod man;
mod notify;
mod place;
mod reload;
mod repair;
mod report;
mod run;
mod secret;
mod settings;
mod socket;
mod suggest;
mod tell;
#[cfg(test)]
mod tests;
mod tls;
mod usage;
mod webhook;

pub use ask::{Outcome, answer};
pub use asked::{Address, Asked};
pub use completions::{Shell, completions};
pub use demo::demo;
pub use exit::Exit;
pub use guard::{HttpGuard, TlsFiles};
pub use key::Key;
pub use keygen::keygen;
pub use layer::Origin;
pub use listen::{HttpListen, HttpPlace};
pub use man::man;
pub use place::Place;
pub use repair::repair;
pub use report::report;
pub use run::{ask, run, tell};
pub use secret::{SecretSource, Security};
pub use settings::{Configuration, LogFormat, Origins, Quorum, Settings};
pub use tell::obey;
pub use usage::UsageError;
pub use webhook::Webhook;

use args::{AskFlags, Cli, Cmd, MembersCmd, NodeFlags, RepairFlags};
use data_dir::Surroundings;
use layer::{Layer, Layers, Raw};

/// What the user wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Run a node.
    Run(Box<Configuration>),
    /// Show an election on this machine.
    Demo {
        /// Whether to end by itself.
        once: bool,
    },
    /// Ask a node.
    Ask(Ask),
    /// Tell a node to do something.
    Tell(Tell),
    /// Change what a node that does not run has on disk; [`repair()`] does.
    Repair(Repair),
    /// Write a new secret to this file; [`keygen()`] does.
    Keygen(PathBuf),
    /// Print the settings in force; [`report()`] writes them.
    Config {
        /// The settings.
        configuration: Box<Configuration>,
        /// Whether to print JSON.
        json: bool,
    },
    /// Print the script that completes our command line in this shell; [`completions()`] writes it.
    Completions(Shell),
    /// Print the manual page; [`man()`] writes it.
    Man,
    /// Print this help on standard output and exit 0.
    Help(String),
    /// Print this version on standard output and exit 0.
    Version(String),
}

/// A question to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The question.
    pub what: Question,
    /// The node.
    pub http: Asked,
    /// Whether to print JSON.
    pub json: bool,
}

/// What a node can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Who leads?
    Leader {
        /// How long to wait for an election under way.
        wait: Duration,
        /// Whether to print the token of the reign too.
        token: bool,
    },
    /// Does it lead itself?
    IsLeader,
    /// Whom does it know?
    Members,
    /// How does it see the cluster?
    Status,
    /// Which reigns has it seen?
    History,
}

/// An order to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tell {
    /// The order.
    pub what: Order,
    /// The node.
    pub http: Asked,
    /// Whether to print JSON.
    pub json: bool,
}

/// What a node can be told. Addresses are as the user wrote them: where one has no port, the node
/// knows which is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Hand over, to whom you like.
    StepDown,
    /// Hand over to that member.
    Transfer(String),
    /// Have another priority, at most [`Settings::PRIORITY_MAX`].
    Priority(u32),
    /// Remove that member.
    Remove(String),
}

/// A change of what a node that does not run has on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The change.
    pub what: Remedy,
    /// The node's data directory.
    pub directory: PathBuf,
    /// Its cluster.
    pub cluster: String,
    /// Its priority.
    pub priority: u32,
    /// Whether to do it, and not only to say what it would do.
    pub is_forced: bool,
}

/// What can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The node is a cluster of its own from now on.
    Recover,
    /// The node has never agreed to found a cluster.
    GenesisReset,
}

/// Understands a command line, of which the first word is the program's name, together with the
/// environment, of which `env` gives a variable by its name. Reads the configuration file, if one
/// is named, and touches nothing else.
///
/// # Errors
/// The first thing that is wrong with any of them.
pub fn parse(
    argv: impl IntoIterator<Item = OsString>,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Invocation, UsageError> {
    let mut command = args::command();
    let words = argv::rewrite(&command, utf8(argv)?);
    let parsed = command
        .try_get_matches_from_mut(&words)
        .and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            return Ok(Invocation::Help(error.to_string()));
        }
        Err(error) if error.kind() == ErrorKind::DisplayVersion => {
            return Ok(Invocation::Version(error.to_string()));
        }
        Err(error) => return Err(usage::from_clap(&error, &command, &words)),
    };
    match cli.command {
        None => Ok(Invocation::Run(Box::new(configuration(cli.node, &env)?))),
        Some(command) => invocation(command, &env),
    }
}

fn invocation(
    command: Cmd,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Invocation, UsageError> {
    match command {
        Cmd::Demo { once } => Ok(Invocation::Demo { once: switch("once", once, &env)? }),
        Cmd::Config { node, json } => {
            let json = switch("json", json, &env)?;
            let configuration = Box::new(configuration(*node, &env)?);
            Ok(Invocation::Config { configuration, json })
        }
        Cmd::Leader { ask: flags, wait, token } => {
            let raw = given("wait", wait, &env)?;
            let wait = |text: &str| settings::parse_duration(text, "0s", "1h");
            let wait = raw.map_or(Ok(Duration::from_secs(2)), |raw| raw.parse(wait))?;
            let token = switch("token", token, &env)?;
            question(Question::Leader { wait, token }, flags, &env)
        }
        Cmd::IsLeader(flags) => question(Question::IsLeader, flags, &env),
        Cmd::Members { ask: flags, command: None } => question(Question::Members, flags, &env),
        Cmd::Members { command: Some(MembersCmd::Remove { node, ask: flags }), .. } => {
            let node =
                positional("members remove", node.as_deref(), "the address of a member", a_peer)?;
            order(Order::Remove(node), flags, &env)
        }
        Cmd::StepDown(flags) => order(Order::StepDown, flags, &env),
        Cmd::Transfer { to, ask: flags } => {
            let to = given("to", to, &env)?.ok_or_else(|| {
                UsageError::new("transfer: -to=ADDR is missing: which member is to lead?")
            })?;
            order(Order::Transfer(to.parse(a_peer)?), flags, &env)
        }
        Cmd::Priority { priority, ask: flags } => {
            let parse = settings::parse_priority;
            let priority =
                positional("priority", priority.as_deref(), "a number from 0 to 1000", parse)?;
            order(Order::Priority(priority), flags, &env)
        }
        Cmd::Recover(flags) => repair_of(Remedy::Recover, flags, &env),
        Cmd::GenesisReset(flags) => repair_of(Remedy::GenesisReset, flags, &env),
        Cmd::Status(flags) => question(Question::Status, flags, &env),
        Cmd::History(flags) => question(Question::History, flags, &env),
        Cmd::Keygen { file } => {
            let parse = files::parse;
            let file = positional("keygen", file.as_deref(), "the path of a new file", parse)?;
            Ok(Invocation::Keygen(file))
        }
        Cmd::Completions { shell } => {
            let text = shell.unwrap_or_default();
            let shell = Shell::parse(&text)
                .map_err(|complaint| UsageError::new(format!("completions: {complaint}")))?;
            Ok(Invocation::Completions(shell))
        }
        Cmd::Man => Ok(Invocation::Man),
    }
}

fn utf8(argv: impl IntoIterator<Item = OsString>) -> Result<Vec<String>, UsageError> {
    let mut argv = argv.into_iter();
    // The program may live anywhere; its name is not looked at.
    let mut words = vec![argv.next().map_or_else(String::new, |_| "bully".to_owned())];
    for word in argv {
        words.push(word.into_string().map_err(|word| {
            let shown = usage::quoted(&word.to_string_lossy());
            UsageError::new(format!("argument {shown} is not UTF-8"))
        })?);
    }
    Ok(words)
}

fn configuration(
    mut flags: NodeFlags,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Configuration, UsageError> {
    let file = flags.config.take();
    configured_by(flags.into_layer(), file, env)
}

/// What the flags, the environment and the file give.
fn configured_by(
    flags: Layer,
    file: Option<String>,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Configuration, UsageError> {
    let file = given("config", file, &env)?;
    let mut layers = vec![flags, Layer::environment(&env)?];
    if let Some(file) = file {
        layers.push(file::load(&file)?);
    }
    let is_root = rustix::process::geteuid().is_root();
    Configuration::from_layers(Layers(layers), &Surroundings { env: &env, is_root })
}

fn question(
    what: Question,
    flags: AskFlags,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Invocation, UsageError> {
    let (http, json) = asked::whom(flags, env)?;
    Ok(Invocation::Ask(Ask { what, http, json }))
}

fn order(
    what: Order,
    flags: AskFlags,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Invocation, UsageError> {
    let (http, json) = asked::whom(flags, env)?;
    Ok(Invocation::Tell(Tell { what, http, json }))
}

fn repair_of(
    what: Remedy,
    mut flags: RepairFlags,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Invocation, UsageError> {
    // Not from the environment: nobody is to force what he does not see.
    let force = flags.force.take().map(|text| Raw::flag("force", text));
    let is_forced = force.map_or(Ok(false), |raw| raw.parse(settings::parse_switch))?;
    let file = flags.config.take();
    let Configuration { settings, .. } = configured_by(flags.into_layer(), file, env)?;
    let directory = settings.data_directory().expect("a node in quorum mode has one");
    let Settings { cluster, priority, .. } = settings;
    Ok(Invocation::Repair(Repair { what, directory, cluster, priority, is_forced }))
}

/// What stands after a command without a flag: `parse` reads it, and where there is none, it is
/// said what was expected.
fn positional<T>(
    command: &str,
    word: Option<&str>,
    expected: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, UsageError> {
    let complaint = match word.map(parse) {
        Some(Ok(value)) => return Ok(value),
        Some(Err(complaint)) => complaint,
        None => format!("expected {expected}"),
    };
    Err(UsageError::new(format!("{command}: {complaint}")))
}

/// The text, if a member can have that address, with or without its port.
fn a_peer(text: &str) -> Result<String, String> {
    Place::parse_peer(text, crate::Builder::DEFAULT_PORT).map(|_| text.to_owned())
}

/// What the flag or else the environment says.
fn given(
    name: &'static str,
    flag: Option<String>,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Raw>, UsageError> {
    match flag {
        Some(text) => Ok(Some(Raw::flag(name, text))),
        None => Raw::environment(name, env),
    }
}

fn switch(
    name: &'static str,
    flag: Option<String>,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<bool, UsageError> {
    let raw = given(name, flag, env)?;
    raw.map_or(Ok(false), |raw| raw.parse(settings::parse_switch))
}
