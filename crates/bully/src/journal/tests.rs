use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bully_core::{Address, Cause, Claim, DialError, Epoch, Event, Inst, NackReason};

use super::{Journal, Listed};
use crate::view::EntryKind;

fn address(host: u8) -> Address {
    Address::new(std::net::IpAddr::from([192, 168, 1, host]), 8117)
}

fn claim(host: u8, epoch: u64) -> Claim {
    Claim { epoch: Epoch(epoch), priority: 100, id: address(host), inst: Inst(u128::from(host)) }
}

fn elected(host: u8, epoch: u64, cause: Cause) -> Event {
    Event::Elected { claim: claim(host, epoch), cause }
}

fn following(host: u8, epoch: u64, cause: Cause) -> Event {
    Event::Following { claim: claim(host, epoch), cause }
}

fn journal() -> Journal {
    Journal::new(address(67), "bully".to_owned(), Listed::default(), UNIX_EPOCH)
}

/// The epochs of the elections that .67 won.
fn won(events: &[Event]) -> Vec<u64> {
    let mut journal = journal();
    for event in events {
        journal.enter_bully(event, UNIX_EPOCH);
    }
    journal.after(0).into_iter().filter(|e| e.won).filter_map(|e| e.epoch).collect()
}

#[test]
fn a_first_election_is_won() {
    assert_eq!(won(&[elected(67, 1, Cause::Join)]), [1]);
}

#[test]
fn a_raised_epoch_is_no_election_won() {
    let raised = Event::EpochRaised { claim: claim(67, 2) };
    assert_eq!(won(&[elected(67, 1, Cause::Join), raised]), [1]);
}

#[test]
fn a_merge_that_the_leader_survives_is_no_election_won() {
    let joined = Event::Joined { id: address(68), leader: Some(claim(67, 2)) };
    let raised = Event::EpochRaised { claim: claim(67, 2) };
    assert_eq!(won(&[elected(67, 1, Cause::Join), raised, joined]), [1]);
}

#[test]
fn a_leader_that_finds_no_successor_and_leads_again_has_won_nothing_new() {
    let deposed = Event::Deposed { claim: claim(67, 1), cause: Cause::Resign };
    assert_eq!(won(&[elected(67, 1, Cause::Join), deposed, elected(67, 2, Cause::Resign)]), [1]);
}

#[test]
fn leadership_that_went_to_another_and_came_back_is_won_again() {
    let events = [
        elected(67, 1, Cause::Join),
        Event::Deposed { claim: claim(67, 1), cause: Cause::GreaterClaim },
        following(68, 2, Cause::GreaterClaim),
        elected(67, 3, Cause::Priority),
    ];
    assert_eq!(won(&events), [1, 3]);
}

#[test]
fn an_election_after_a_wait_outside_is_won_whoever_led_meanwhile() {
    let events = [
        elected(67, 1, Cause::Join),
        Event::Deposed { claim: claim(67, 1), cause: Cause::DuplicateId },
        elected(67, 3, Cause::Join),
    ];
    assert_eq!(won(&events), [1, 3]);
}

#[test]
fn a_handover_is_won_by_the_successor_alone() {
    assert_eq!(won(&[following(68, 1, Cause::Join), elected(67, 2, Cause::Handover)]), [2]);
    assert_eq!(won(&[following(68, 1, Cause::Join), following(69, 2, Cause::Handover)]), [0; 0]);
}

#[test]
fn each_change_of_leader_is_one_line() {
    let mut journal = journal();
    for event in [
        following(68, 1, Cause::Join),
        Event::LeaderLost { claim: claim(68, 1), cause: Cause::Silence },
        following(68, 1, Cause::Silence),
        elected(67, 2, Cause::Crash),
    ] {
        journal.enter_bully(&event, UNIX_EPOCH);
    }
    let expected = [
        "192.168.1.68:8117 leads, epoch 1: this node joined",
        "192.168.1.67:8117 (this node) leads, epoch 2: the leader's process died",
    ];
    assert_eq!(journal.take_notices(), expected);
    assert!(journal.take_notices().is_empty(), "nothing is said twice");
}

#[test]
fn unreachable_addresses_are_named_in_the_words_of_2013() {
    let mut journal = journal();
    let unreachable = |reason| Event::Unreachable { address: address(68), reason };
    journal.enter_bully(&unreachable(DialError::Refused), UNIX_EPOCH);
    journal.enter_bully(&unreachable(DialError::TimedOut), UNIX_EPOCH);
    journal.enter_bully(&unreachable(DialError::NoSuchHost("b".into())), UNIX_EPOCH);
    let expected = [
        "192.168.1.68:8117 cannot be added: dial tcp 192.168.1.68:8117: connection refused",
        "192.168.1.68:8117 cannot be added: dial tcp 192.168.1.68:8117: i/o timeout",
        "192.168.1.68:8117 cannot be added: dial tcp: lookup b: no such host",
    ];
    assert_eq!(journal.take_notices(), expected);
}

fn stranger(number: u32, at: SystemTime, journal: &mut Journal) {
    let ip = std::net::IpAddr::from((0x0a00_0000 + number).to_be_bytes());
    let reason = NackReason::ForeignCluster("bully".into());
    journal.enter_bully(&Event::Refused { id: Address::new(ip, 1), reason }, at);
}

#[test]
fn strangers_neither_flood_the_log_nor_wipe_out_who_led() {
    let mut journal = journal();
    journal.enter_bully(&elected(67, 1, Cause::Join), UNIX_EPOCH);
    for number in 0..5_000 {
        stranger(number, UNIX_EPOCH, &mut journal);
        let joined = Event::Joined { id: address(1), leader: None };
        journal.enter_bully(&joined, UNIX_EPOCH);
    }
    assert!(journal.take_notices().len() < 100);
    let entries = journal.after(0);
    assert!(entries.len() <= 2 * super::ENTRIES_MAX);
    assert_eq!(entries[0].kind, EntryKind::Election);
    assert!(entries[0].won, "it stands still");
    stranger(9_999, UNIX_EPOCH + Duration::from_secs(61), &mut journal);
    let lines = journal.take_notices();
    assert_eq!(lines[0], "4936 more such lines were left out");
    assert_eq!(lines.len(), 2);
}

#[test]
fn the_history_is_in_order_whatever_ring_its_entries_are_in() {
    let mut journal = journal();
    journal.enter_bully(&Event::Joined { id: address(68), leader: None }, UNIX_EPOCH);
    journal.enter_bully(&elected(67, 1, Cause::Join), UNIX_EPOCH);
    journal.enter_bully(&Event::Left { id: address(68) }, UNIX_EPOCH);
    let revisions: Vec<u64> = journal.after(0).iter().map(|e| e.revision).collect();
    assert_eq!(revisions, [1, 2, 3]);
    assert_eq!(journal.after(2).len(), 1);
}

#[test]
fn several_that_refuse_a_duplicate_are_one_line() {
    let mut journal = journal();
    for host in [68, 69] {
        let reason = NackReason::DuplicateId;
        journal.enter_bully(&Event::RefusedBy { address: Some(address(host)), reason }, UNIX_EPOCH);
    }
    assert_eq!(journal.take_notices().len(), 1);
}
