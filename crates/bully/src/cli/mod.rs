//! The command line and the configuration of the `bully` program.
//!
//! [`parse`] turns words, environment and file into an [`Invocation`], in which every value is
//! typed and within its bounds; whatever is wrong is one [`UsageError`] of one line. It prints
//! nothing and ends nothing: that is for `main`.

use std::ffi::OsString;
use std::time::Duration;

use clap::FromArgMatches;
use clap::error::ErrorKind;

mod args;
mod argv;
mod ask;
mod bind;
mod completions;
mod demo;
mod exit;
mod file;
mod help;
mod key;
mod layer;
mod listen;
mod log;
mod man;
mod notify;
mod place;
mod report;
mod run;
mod settings;
mod suggest;
#[cfg(test)]
mod tests;
mod tls;
mod usage;
mod webhook;

pub use ask::{Outcome, answer};
pub use completions::{Shell, completions};
pub use demo::demo;
pub use exit::Exit;
pub use key::Key;
pub use layer::Origin;
pub use listen::HttpListen;
pub use man::man;
pub use place::Place;
pub use report::report;
pub use run::{ask, run};
pub use settings::{Configuration, LogFormat, Mode, Origins, Settings};
pub use usage::UsageError;
pub use webhook::Webhook;

use args::{AskFlags, Cli, Cmd, NodeFlags};
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
    /// Where the node serves HTTP.
    pub http: Place,
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
        Some(Cmd::Demo { once }) => Ok(Invocation::Demo { once: switch("once", once, &env)? }),
        Some(Cmd::Config { node, json }) => {
            let json = switch("json", json, &env)?;
            let configuration = Box::new(configuration(*node, &env)?);
            Ok(Invocation::Config { configuration, json })
        }
        Some(Cmd::Leader { ask: flags, wait }) => {
            let raw = given("wait", wait, &env)?;
            let wait = |text: &str| settings::parse_duration(text, "0s", "1h");
            let wait = raw.map_or(Ok(Duration::from_secs(2)), |raw| raw.parse(wait))?;
            question(Question::Leader { wait }, flags, &env)
        }
        Some(Cmd::IsLeader(flags)) => question(Question::IsLeader, flags, &env),
        Some(Cmd::Members(flags)) => question(Question::Members, flags, &env),
        Some(Cmd::Status(flags)) => question(Question::Status, flags, &env),
        Some(Cmd::History(flags)) => question(Question::History, flags, &env),
        Some(Cmd::Completions { shell }) => {
            let text = shell.unwrap_or_default();
            let shell = Shell::parse(&text)
                .map_err(|complaint| UsageError::new(format!("completions: {complaint}")))?;
            Ok(Invocation::Completions(shell))
        }
        Some(Cmd::Man) => Ok(Invocation::Man),
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
    let file = given("config", flags.config.take(), &env)?;
    let mut layers = vec![flags.into_layer(), Layer::environment(&env)?];
    if let Some(file) = file {
        layers.push(file::load(&file)?);
    }
    layers.push(Layer::defaults());
    Configuration::from_layers(&Layers(layers))
}

/// The node to ask is the flag's, the environment's or, so that a machine's own node is found
/// wherever it listens, that of the file in `BULLY_CONFIG`, which is read only then.
fn question(
    what: Question,
    flags: AskFlags,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Invocation, UsageError> {
    let json = switch("json", flags.json, &env)?;
    let mut http = given(Key::Http.name(), flags.http, &env)?;
    if http.is_none()
        && let Some(file) = Raw::environment("config", &env)?
    {
        http = file::load(&file)?.get(Key::Http).cloned();
    }
    let default = || Layer::defaults().get(Key::Http).cloned();
    let http = http.or_else(default).expect("where HTTP is served has a default");
    Ok(Invocation::Ask(Ask { what, http: http.parse(listen::parse_ask)?, json }))
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
