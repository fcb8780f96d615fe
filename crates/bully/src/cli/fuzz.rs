//! What must hold of whatever somebody writes at a prompt or into a file.

use std::ffi::OsString;
use std::path::Path;

use super::data_dir::Surroundings;
use super::layer::Layers;
use super::place::parse_places;
use super::{Configuration, Invocation, Place, UsageError, args, argv, file, parse, report};
use crate::fuzzing::assert_one_line;

/// A command line after the program's name, a word a line; before it `NAME=value` for the
/// environment, as a shell has it.
pub(crate) fn command_line(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut words: Vec<&str> = text.split('\n').collect();
    let is_variable = |word: &&str| word.starts_with("BULLY_") && word.contains('=');
    let first = words.iter().position(|word| !is_variable(word)).unwrap_or(words.len());
    let variables: Vec<_> = words.drain(..first).filter_map(|word| word.split_once('=')).collect();
    let env = |name: &str| {
        let value = variables.iter().find(|(known, _)| *known == name)?.1;
        Some(OsString::from(value))
    };
    let words = || ["bully"].into_iter().chain(words.iter().copied());
    // Twice the same: what is rewritten is in the words of clap, and stays.
    let command = args::command();
    let once = argv::rewrite(&command, words().map(str::to_owned).collect());
    assert_eq!(argv::rewrite(&command, once.clone()), once);
    // Files are not the matter here, and some that can be named never end.
    if text.contains("config") {
        return;
    }
    match parse(words().map(OsString::from), env) {
        Ok(Invocation::Run(configuration) | Invocation::Config { configuration, .. }) => {
            assert_shown(&configuration);
        }
        Ok(_) => {}
        Err(error) => assert_one_line(&error.to_string()),
    }
}

/// A configuration file.
pub(crate) fn configuration(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let env = |_: &str| None;
    let surroundings = Surroundings { env: &env, is_root: true };
    let layer = file::parse(text, Path::new("bully.toml"));
    match layer.and_then(|layer| Configuration::from_layers(Layers(vec![layer]), &surroundings)) {
        Ok(configuration) => assert_shown(&configuration),
        Err(error) => assert_one_line(&error.to_string()),
    }
}

/// What is in force can be shown.
fn assert_shown(configuration: &Configuration) {
    let json = report(configuration, true);
    serde_json::from_str::<serde_json::Value>(&json).expect("an object");
    assert!(!report(configuration, false).is_empty());
}

/// Places with commas between. Whatever this program takes for one, the library does, too, and means
/// the same.
pub(crate) fn places(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match parse_places(text, 8117) {
        Ok(places) => places.iter().for_each(assert_is_place),
        Err(error) => assert_one_line(&UsageError::new(error).to_string()),
    }
    match crate::place::parse_place("nodes", text, 8117) {
        Ok(address) => {
            let again = crate::place::parse_place("nodes", &address.to_string(), 1);
            assert_eq!(again.expect("an address that was shown"), address);
        }
        Err(error) => assert_one_line(&error.to_string()),
    }
}

fn assert_is_place(place: &Place) {
    let shown = place.to_string();
    assert_eq!(Place::parse_peer(&shown, 1).as_ref(), Ok(place));
    let address = crate::place::parse_place("nodes", &shown, 1).expect("a place that was shown");
    assert_eq!(address.to_string(), shown);
}
