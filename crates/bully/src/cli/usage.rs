//! Complaints about what the user wrote: one line each.

use std::fmt;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::suggest::closest;

/// What is wrong with the command line, the environment or the configuration file, and what was
/// expected: one line, without the program's name. The exit code for it is
/// [`Exit::Usage`](super::Exit::Usage).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError(String);

impl UsageError {
    /// `complaint` on one line, whatever it quotes.
    pub(crate) fn new(complaint: impl AsRef<str>) -> Self {
        let mut line = String::new();
        for c in complaint.as_ref().trim_end().chars() {
            if c.is_control() {
                line.extend(c.escape_default());
            } else {
                line.push(c);
            }
        }
        Self(line)
    }
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// A user's text in quotes, cut where it would fill the terminal.
pub(crate) fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    if text.chars().count() <= CHARS_MAX {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(CHARS_MAX).collect();
    format!("{start:?}…")
}

/// Clap's complaint about `words` (the rewritten command line) in one line and with one dash.
pub(crate) fn from_clap(error: &clap::Error, command: &Command, words: &[String]) -> UsageError {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(ContextValue::Strings(texts)) => texts.first().map(String::as_str),
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg);
    let subcommand = text(ContextKind::InvalidSubcommand);
    let line = match (error.kind(), argument, subcommand) {
        (ErrorKind::UnknownArgument, Some(argument), _) => unknown(argument, command, words),
        (ErrorKind::InvalidSubcommand, _, Some(name)) => unknown_command(name, command, words),
        (ErrorKind::ArgumentConflict, _, Some(name)) => stray(name, command, words),
        (ErrorKind::ArgumentConflict, Some(flag), _) => {
            format!("{} is given twice", one_dash(flag))
        }
        (ErrorKind::InvalidValue, Some(flag), _) => format!("{} needs a value", one_dash(flag)),
        (ErrorKind::TooManyValues, Some(flag), _) => format!("{} takes no value", one_dash(flag)),
        _ => {
            let message = error.render().to_string();
            let first = message.lines().next().unwrap_or_default();
            first.trim_start_matches("error: ").to_owned()
        }
    };
    UsageError::new(line)
}

/// A word without a dash that follows flags.
fn stray(word: &str, command: &Command, words: &[String]) -> String {
    let (path, active) = active(command, words);
    if active.get_name() == word {
        return format!("flags go after the command: {path} -flag=value");
    }
    let names = active.get_subcommands().map(Command::get_name);
    if closest(word, names).is_some() {
        return unknown_command(word, command, words);
    }
    unexpected(word, command, words)
}

fn unexpected(word: &str, command: &Command, words: &[String]) -> String {
    let (path, active) = active(command, words);
    let shown = quoted(word);
    let before = words.iter().position(|other| other == word).and_then(|at| words.get(at - 1));
    let is_switch = |arg: &&clap::Arg| {
        let spelling = arg.get_long().map(|name| format!("--{name}"));
        arg.is_require_equals_set() && spelling.as_ref() == before
    };
    if let Some(name) = active.get_arguments().find(is_switch).and_then(clap::Arg::get_long) {
        return format!("unexpected argument {shown}: a switch has its value glued, -{name}=false");
    }
    format!("unexpected argument {shown}; {path} --help says what it takes")
}

/// `--port <PORT>` of clap's messages as `-port`.
fn one_dash(argument: &str) -> String {
    let name = argument.strip_prefix("--").unwrap_or(argument.trim_start_matches('-'));
    let end = name.find([' ', '=', '[']).unwrap_or(name.len());
    format!("-{}", &name[..end])
}

fn unknown(argument: &str, command: &Command, words: &[String]) -> String {
    let (path, active) = active(command, words);
    // Clap takes an unknown `-word` for letters and names the first alone.
    let mut flags = words.iter().take_while(|word| *word != "--").filter(|word| is_flag(word));
    let Some(word) = flags.find(|word| word.starts_with(argument)).filter(|_| is_flag(argument))
    else {
        return unexpected(argument, command, words);
    };
    let flag = one_dash(word);
    let names = active.get_arguments().filter_map(clap::Arg::get_long);
    let meant = match closest(&flag[1..], names) {
        Some(name) => format!(" (did you mean -{name}?)"),
        None => String::new(),
    };
    format!("unknown flag {flag}{meant}; {path} --help lists them")
}

fn is_flag(word: &str) -> bool {
    word.starts_with('-') && word != "-"
}

fn unknown_command(name: &str, command: &Command, words: &[String]) -> String {
    let (path, active) = active(command, words);
    let names = active.get_subcommands().map(Command::get_name);
    let meant = match closest(name, names) {
        Some(name) => format!(" (did you mean {name}?)"),
        None => String::new(),
    };
    format!("unknown command {}{meant}; {path} --help lists them", quoted(name))
}

/// The command that the words call, and how it is written. The rewriter has glued values to their
/// flags, so the first word without a dash is the subcommand, and the next may be one below it.
fn active<'c>(command: &'c Command, words: &[String]) -> (String, &'c Command) {
    let before = words.iter().skip(1).take_while(|word| *word != "--");
    let (mut path, mut active) = ("bully".to_owned(), command);
    for word in before.filter(|word| !is_flag(word)) {
        let Some(subcommand) = active.find_subcommand(word) else { break };
        path = format!("{path} {}", subcommand.get_name());
        active = subcommand;
    }
    (path, active)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_one_line_whatever_it_quotes() {
        assert_eq!(UsageError::new("a\nb\r\u{1b}[1mc\n").to_string(), r"a\nb\r\u{1b}[1mc");
    }

    #[test]
    fn a_long_value_is_cut_and_a_short_one_is_whole() {
        assert_eq!(quoted("a\"b"), r#""a\"b""#);
        assert_eq!(quoted(&"é".repeat(80)).chars().count(), 82);
        assert_eq!(quoted(&"é".repeat(9000)).chars().count(), 83);
    }

    #[test]
    fn clap_s_names_of_flags_are_shown_with_one_dash() {
        for name in ["--port", "--port <PORT>", "--port[=<X>]", "--port=9", "-port"] {
            assert_eq!(one_dash(name), "-port");
        }
    }
}
