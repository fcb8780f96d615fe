//! Hostile input: attacks on the real binary on the lab's hosts. Three hosts run the quick start, one
//! asks each of them for `/leader` all the while, and one attacks.
//!
//! | attack | where |
//! |---|---|
//! | 10,000 connections of garbage; length prefixes of every size | `garbage.rs` |
//! | 2,000 silent connections, from one address and from many; one byte a second | `silent.rs` |
//! | half-open connections: SYNs alone, and a host that vanishes | `half_open.rs` |
//! | descriptors exhausted, then freed | `../lan/descriptors.rs` |
//! | floods of HTTP | `web.rs` |
//! | a member that lies about who it is, its epoch and its members | `liar.rs` |
//! | a wrong secret, a recorded opening, garbage, against nodes with a secret; one secret for another | `secret.rs` |
//!
//! `siege.rs` is what all have in common, and what each must leave as it was; `observer.rs` asks,
//! `dials.rs` sees whom a node dials, `sources.rs` connects from many addresses, `packets.rs` makes
//! packets of IP.
//!
//! An attack is this program again, run on the attacking host: `on_a_host`.

mod dials;
mod garbage;
mod half_open;
mod liar;
mod observer;
mod packets;
#[path = "../lan/proc.rs"]
mod proc;
mod secret;
mod siege;
mod silent;
mod sources;
#[expect(dead_code, reason = "the tests of bully mode use the rest of it")]
#[path = "../lan/support.rs"]
mod support;
mod web;

/// Tells the process on a host what it is to do there, in words.
const TASK: &str = "BULLY_TEST_HOSTILE";

#[test]
#[ignore = "a part of the other tests: they run it on a host"]
fn on_a_host() {
    let Ok(task) = std::env::var(TASK) else { return };
    let words: Vec<&str> = task.split(' ').collect();
    match words[..] {
        ["observe", ref nodes @ ..] => observer::on_a_host(nodes),
        ["dials", own] => dials::on_a_host(own),
        ["lie", what, targets, own] => liar::on_a_host(what, targets, own),
        ["guess", targets, count] => secret::guess_on_a_host(targets, count),
        ["repeat", targets, count] => secret::repeat_on_a_host(targets, count),
        ["garbage", targets, count, security] => garbage::on_a_host(targets, count, security),
        ["prefixes", targets] => garbage::prefixes_on_a_host(targets),
        ["silent", targets, count, addresses] => silent::on_a_host(targets, count, addresses),
        ["dribble", peers, web] => silent::dribble_on_a_host(peers, web),
        ["syns", targets, seconds] => half_open::syns_on_a_host(targets, seconds),
        ["hold", peers, web] => half_open::hold_on_a_host(peers, web),
        ["web", targets, count, ref kinds @ ..] => web::on_a_host(targets, count, kinds),
        _ => panic!("no such task: {task}"),
    }
}
