//! The help texts. Clap would write `--flag <VALUE>`; the documentation, and so the help, writes
//! `-flag=VALUE`.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::key::Key;
use crate::Mode;

const COLUMNS: usize = 80;

/// `command` with the help of itself and of each command below it.
pub(crate) fn write(command: Command) -> Command {
    let text = top(&command);
    command.mut_subcommands(|subcommand| write_below(subcommand, "bully")).override_help(text)
}

fn write_below(command: Command, above: &str) -> Command {
    let text = below(&command, above);
    let path = format!("{above} {}", command.get_name());
    command.mut_subcommands(|subcommand| write_below(subcommand, &path)).override_help(text)
}

fn top(command: &Command) -> String {
    let mut text = about(command);
    text.push_str("\nUsage: bully [flags]\n       bully <command> [flags]\n\nCommands:\n");
    commands(&mut text, command);
    entry(&mut text, "help", "Print this, or the help of a command: bully help leader");
    text.push_str("\nFlags of a node:\n");
    flags(&mut text, command);
    entry(&mut text, "-h, -help", "Print this");
    entry(&mut text, "-V, -version", "Print the version");
    text.push_str(SPELLING);
    text.push_str(EXIT_CODES);
    text
}

fn below(command: &Command, above: &str) -> String {
    let mut text = about(command);
    let _ = writeln!(text, "\nUsage: {above} {}", synopsis(command));
    for subcommand in command.get_subcommands() {
        let _ = writeln!(text, "       {above} {} {}", command.get_name(), synopsis(subcommand));
    }
    if command.has_subcommands() {
        text.push_str("\nCommands:\n");
        commands(&mut text, command);
    }
    text.push_str("\nFlags:\n");
    flags(&mut text, command);
    entry(&mut text, "-h, -help", "Print this");
    if described(command).next().is_some() {
        text.push_str(SPELLING);
    }
    text
}

fn commands(text: &mut String, command: &Command) {
    for subcommand in command.get_subcommands() {
        entry(text, subcommand.get_name(), &summary(subcommand));
    }
}

const SPELLING: &str = "
A flag is written -flag=value, -flag value, --flag=value or --flag value; a
switch -flag, -flag=true or -flag=false. -flag may also be given as BULLY_FLAG
in the environment (-log-level is BULLY_LOG_LEVEL; an empty one counts as unset)
and, for a node, in the file of -config. A flag goes over the environment, the
environment over the file.
";

const EXIT_CODES: &str = "
Exit codes: 0 done; 1 error; 2 bad usage or configuration; 3 no leader, or for
is-leader not the leader; 69 a port, a socket or a data directory is in use.
";

fn about(command: &Command) -> String {
    let about = command.get_long_about().or(command.get_about());
    let mut text = String::new();
    for paragraph in about.map(ToString::to_string).unwrap_or_default().split("\n\n") {
        if !text.is_empty() {
            text.push('\n');
        }
        for line in wrap(paragraph, COLUMNS) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

pub(super) fn summary(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// A command with what it takes.
pub(super) fn synopsis(command: &Command) -> String {
    let mut text = command.get_name().to_owned();
    for name in command.get_positionals().filter_map(|arg| arg.get_value_names()?.first()) {
        let _ = write!(text, " {name}");
    }
    if described(command).next().is_some() {
        text.push_str(" [flags]");
    }
    text
}

/// The flags that the command defines: how each is written, and what it means.
pub(super) fn described(command: &Command) -> impl Iterator<Item = (String, String)> {
    command.get_arguments().filter_map(|arg| {
        let name = arg.get_long().filter(|name| !["help", "version"].contains(name))?;
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        // What rustdoc would take for a link stands in backquotes.
        let mut help = help.replace('`', "");
        // The flags of those who ask state their own defaults.
        let default = Key::named(name).and_then(|key| key.default_text(Mode::default()));
        if let Some(default) = default.filter(|_| !help.contains("(default")) {
            let _ = write!(help, " (default {default})");
        }
        Some((spelled(arg, name), help))
    })
}

fn flags(text: &mut String, command: &Command) {
    for (name, meaning) in described(command) {
        entry(text, &name, &meaning);
    }
}

fn spelled(arg: &Arg, name: &str) -> String {
    let value = arg.get_value_names().and_then(<[_]>::first);
    match value.filter(|_| !arg.is_require_equals_set()) {
        Some(value) => format!("-{name}={value}"),
        None => format!("-{name}"),
    }
}

/// One name and what it means, in two columns.
fn entry(text: &mut String, name: &str, meaning: &str) {
    const INDENT: usize = 23;
    let mut start = format!("  {name}");
    if start.len() >= INDENT {
        let _ = writeln!(text, "{start}");
        start.clear();
    }
    for line in wrap(meaning, COLUMNS - INDENT) {
        let _ = writeln!(text, "{start:INDENT$}{line}");
        start.clear();
    }
}

pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a first line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + 1 + word.len() <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
