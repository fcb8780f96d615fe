//! What the tests of the lab share.

// Each file of tests is a crate of its own and uses its part of this.
#![allow(dead_code)]

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bully_lab::{Lab, Process};

/// Long enough for a busy machine; only a failure waits so long.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// The echo server and its client.
pub(crate) const PEER: &str = env!("CARGO_BIN_EXE_bully-lab-peer");

/// Waits until `condition` holds, and panics with `what` if it does not within `SOON`.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < SOON, "never came: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// An echo server on a host, listening when this returns.
pub(crate) fn listen(lab: &Lab, host: usize, address: IpAddr) -> Process {
    let host = lab.host(host);
    let address = format!("{}:7", bracketed(address));
    let server = host.spawn(PEER, ["listen", &address]).unwrap();
    server.wait_for_line(|line| line == "listening", SOON).unwrap();
    server
}

/// A client that has just started to connect to `listen`'s server.
pub(crate) fn talk(lab: &Lab, host: usize, address: IpAddr) -> Process {
    let address = format!("{}:7", bracketed(address));
    lab.host(host).spawn(PEER, ["talk", &address]).unwrap()
}

/// How one attempt to connect ends: `connected`, or `connect` and why not.
pub(crate) fn connect(lab: &Lab, host: usize, address: IpAddr) -> String {
    let client = talk(lab, host, address);
    let said = client.wait_for_line(|line| line.starts_with("connect"), SOON);
    said.unwrap().text
}

/// Waits for an echo that the client has not seen yet.
pub(crate) fn next_echo(client: &Process) {
    let seen = client.lines().len();
    let echo = client.wait_for_line_after(seen, |line| line.starts_with("echo"), SOON);
    echo.unwrap();
}

/// The processes in a network namespace, as their directories in `/proc`.
pub(crate) fn processes_in(namespace: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir("/proc").unwrap();
    let all = all.filter_map(|entry| Some(entry.ok()?.path()));
    all.filter(|process| {
        let link = std::fs::read_link(process.join("ns/net"));
        link.is_ok_and(|link| link.as_os_str() == namespace)
    })
    .collect()
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}
