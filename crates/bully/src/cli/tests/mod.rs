//! The command line as a whole: words, variables and files in, an invocation or one line out.

use super::*;

mod guard;
mod properties;
mod questions;
mod refusals;
mod sources;

pub(super) type Variables<'v> = &'v [(&'v str, &'v str)];

fn run(line: &[&str], variables: Variables<'_>) -> Result<Invocation, UsageError> {
    let words = std::iter::once("/usr/bin/bully").chain(line.iter().copied());
    let env = |name: &str| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| OsString::from(value))
    };
    parse(words.map(OsString::from), env)
}

pub(super) fn configured(line: &[&str], variables: Variables<'_>) -> Configuration {
    match run(line, variables) {
        Ok(Invocation::Run(configuration)) => *configuration,
        other => panic!("{line:?} is no node: {other:?}"),
    }
}

fn complaint(line: &[&str], variables: Variables<'_>) -> String {
    match run(line, variables) {
        Err(error) => error.to_string(),
        Ok(invocation) => panic!("{line:?} was accepted: {invocation:?}"),
    }
}

fn asked(line: &[&str], variables: Variables<'_>) -> Ask {
    match run(line, variables) {
        Ok(Invocation::Ask(ask)) => ask,
        other => panic!("{line:?} asks nothing: {other:?}"),
    }
}

/// A node of this machine's.
pub(super) fn here(port: u16) -> Asked {
    Address::Http(Place { host: "127.0.0.1".to_owned(), port }).into()
}

fn help(line: &[&str]) -> String {
    match run(line, &[]) {
        Ok(Invocation::Help(text)) => text,
        other => panic!("{line:?} is no help: {other:?}"),
    }
}

fn with_file<T>(content: &str, test: impl FnOnce(&str) -> T) -> T {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("bully.toml");
    std::fs::write(&path, content).expect("the file is written");
    test(path.to_str().expect("the path of a test is UTF-8"))
}
