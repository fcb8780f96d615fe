//! keepalived: which host holds a shared address.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use anyhow::Context as _;

use super::{System, holder};
use crate::arena::{Arena, Node, program};
use crate::observe::{Target, Transport};

/// The shared address.
const SHARED: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 250);

/// Where each host says its name to whoever asks.
const PORT: u16 = 7777;

/// keepalived with this interval between advertisements.
#[derive(Clone, Debug)]
pub struct Keepalived {
    pub advert: Duration,
}

impl System for Keepalived {
    fn name(&self) -> String {
        format!("keepalived {} ms", self.advert.as_millis())
    }

    fn check(&self) -> anyhow::Result<()> {
        program("keepalived").map(|_| ())
    }

    /// A killed keepalived leaves the shared address where it was.
    fn clean(&self, arena: &Arena) -> anyhow::Result<()> {
        let address = format!("{SHARED}/24");
        for node in 0..arena.nodes() {
            // An error means that it is not there.
            arena.host(node).exec(&["ip", "address", "del", &address, "dev", "eth0"])?;
        }
        arena.observer().exec(&["ip", "neighbour", "flush", "to", &SHARED.to_string()])?;
        Ok(())
    }

    fn start(&self, arena: &Arena, node: usize, folder: &str) -> anyhow::Result<Node> {
        let host = arena.host(node);
        // Of equal priority the highest address would be chosen all the same, after more time.
        let priority = 100 + node;
        let configuration = format!(
            // The second version counts whole seconds.
            "global_defs {{\n router_id n{node}\n vrrp_version 3\n}}\n\
             vrrp_instance bench {{\n state BACKUP\n interface eth0\n virtual_router_id 51\n\
             priority {priority}\n advert_int {}\n virtual_ipaddress {{\n {SHARED}/24\n }}\n}}\n",
            self.advert.as_secs_f64()
        );
        let file = format!("{folder}/keepalived.conf");
        std::fs::write(host.path(&file), configuration).context("keepalived's configuration")?;
        let words = [
            "--dont-fork".to_owned(),
            "--log-console".to_owned(),
            "--vrrp".to_owned(),
            format!("--use-file={file}"),
            format!("--pid={folder}/pid"),
            format!("--vrrp_pid={folder}/vrrp_pid"),
        ];
        let daemon = arena.spawn(node, program("keepalived")?, words)?;
        let this = std::env::current_exe().context("this program's own path")?;
        let name = arena.ip(node).to_string();
        let echo = host.spawn(this, ["echo".to_owned(), name])?;
        Ok(vec![daemon, echo].into())
    }

    /// One for all: whoever has the shared address answers.
    fn targets(&self, _: &Arena) -> Vec<Target> {
        vec![Target {
            address: (SHARED, PORT).into(),
            ask: "?".to_owned(),
            transport: Transport::Datagram,
            after: String::new(),
            until: String::new(),
        }]
    }

    fn agreed(&self, arena: &Arena, answers: &[Option<String>], asked: &[usize]) -> Option<usize> {
        holder(arena, answers, asked)
    }

    fn period(&self) -> Duration {
        self.advert
    }

    fn settles_in(&self) -> Duration {
        self.advert * 3
    }
}

/// Answers every datagram with this host's name.
///
/// # Errors
/// If the port is in use.
pub fn echo(name: &str) -> anyhow::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).context("the echo's port")?;
    let mut buffer = [0; 16];
    loop {
        // An error is that of an earlier answer, which nobody waits for any more.
        if let Ok((_, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(name.as_bytes(), from);
        }
    }
}
