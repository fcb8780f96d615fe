//! `-flag value`, as Go programs take it, in the words that clap takes.

use std::collections::BTreeMap;

use clap::{Arg, Command};

/// `words` with each flag that `command` or a command below it defines written `--flag`,
/// `--flag=value`; all else, and everything after `--`, is left as it is.
///
/// A flag that takes a value takes the next word, even one that begins with a dash (`-priority -5`
/// is a wrong priority, not an unknown flag), unless that word is itself a flag or `--`: then the
/// value was forgotten. A switch never takes the next word.
///
/// `command` must have been built, or the flags that clap adds by itself are missing.
pub(crate) fn rewrite(command: &Command, words: Vec<String>) -> Vec<String> {
    let mut flags = BTreeMap::new();
    collect(command, &mut flags);
    let mut words = words.into_iter().peekable();
    let mut rewritten: Vec<String> = words.next().into_iter().collect();
    while let Some(word) = words.next() {
        if word == "--" {
            rewritten.push(word);
            break;
        }
        let Some((name, value)) = flag(&word).filter(|(name, _)| flags.contains_key(*name)) else {
            rewritten.push(word);
            continue;
        };
        let is_value = |next: &String| {
            next != "--" && !flag(next).is_some_and(|(name, _)| flags.contains_key(name))
        };
        let value = match value {
            Some(value) => Some(value.to_owned()),
            None if flags[name].takes_next => words.next_if(is_value),
            None => None,
        };
        let spelling = &flags[name].spelling;
        rewritten.push(match value {
            Some(value) => format!("{spelling}={value}"),
            None => spelling.clone(),
        });
    }
    rewritten.extend(words);
    rewritten
}

struct Flag {
    spelling: String,
    takes_next: bool,
}

/// The name and the glued value of a word that looks like a flag.
fn flag(word: &str) -> Option<(&str, Option<&str>)> {
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    match name.split_once('=') {
        Some((name, value)) => Some((name, Some(value))),
        None => Some((name, None)),
    }
}

fn collect(command: &Command, flags: &mut BTreeMap<String, Flag>) {
    let takes_next = |arg: &Arg| arg.get_action().takes_values() && !arg.is_require_equals_set();
    for arg in command.get_arguments() {
        if let Some(long) = arg.get_long() {
            let flag = Flag { spelling: format!("--{long}"), takes_next: takes_next(arg) };
            flags.insert(long.to_owned(), flag);
        }
        if let Some(short) = arg.get_short() {
            let flag = Flag { spelling: format!("-{short}"), takes_next: takes_next(arg) };
            flags.insert(short.to_string(), flag);
        }
    }
    for subcommand in command.get_subcommands() {
        collect(subcommand, flags);
    }
}
