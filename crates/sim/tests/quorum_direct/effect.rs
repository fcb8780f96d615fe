//! What a node does.

use bully_core::Address;
use bully_core::quorum::{Event, Message, Pact, Stored};

/// What a node does, its connections named by who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Write(Stored),
    Send(u128, Message),
    Dial(Address),
    Close(u128),
    Announce(Pact),
    Event(Event),
}

/// Effects in a word each: `write`, `2: Vote`, `dial`, `close 2`, `announce`, and the events' names.
pub(crate) fn brief(effects: &[Effect]) -> Vec<String> {
    let word = |effect: &Effect| match effect {
        Effect::Write(_) => "write".to_owned(),
        Effect::Send(to, message) => format!("{to}: {}", message.name()),
        Effect::Dial(_) => "dial".to_owned(),
        Effect::Close(who) => format!("close {who}"),
        Effect::Announce(_) => "announce".to_owned(),
        Effect::Event(event) => {
            let text = format!("{event:?}");
            text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
        }
    };
    effects.iter().map(word).collect()
}

/// The messages of this name, and to whom they went.
pub(crate) fn sent<'a>(effects: &'a [Effect], name: &str) -> Vec<(u128, &'a Message)> {
    let of = |effect: &'a Effect| match effect {
        Effect::Send(to, message) if message.name() == name => Some((*to, message)),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

pub(crate) fn events(effects: &[Effect]) -> Vec<&Event> {
    let mut found = Vec::new();
    for effect in effects {
        if let Effect::Event(event) = effect {
            found.push(event);
        }
    }
    found
}

pub(crate) fn writes(effects: &[Effect]) -> Vec<&Stored> {
    let mut found = Vec::new();
    for effect in effects {
        if let Effect::Write(stored) = effect {
            found.push(stored);
        }
    }
    found
}
