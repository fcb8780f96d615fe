//! A lock in Redis: `SET NX PX`, renewed by its holder. One server, which must not fail.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::{System, holder};
use crate::arena::{Arena, Node, program};
use crate::observe::{Target, Transport};

const PORT: u16 = 6379;

/// How often a holder renews within a time to live.
const RENEWALS: u32 = 4;

/// The lock with this time to live.
#[derive(Clone, Debug)]
pub struct Redis {
    pub ttl: Duration,
}

impl System for Redis {
    fn name(&self) -> String {
        format!("Redis lock {} ms", self.ttl.as_millis())
    }

    fn check(&self) -> anyhow::Result<()> {
        program("redis-server").map(|_| ())
    }

    fn start_beside(&self, arena: &Arena) -> anyhow::Result<Option<Node>> {
        let host = arena.observer();
        let ip = host.ipv4().to_string();
        let port = PORT.to_string();
        let words = ["--port", &port, "--bind", &ip, "--save", "", "--protected-mode", "no"];
        let server = host.spawn(program("redis-server")?, words)?;
        let ready = |line: &str| line.contains("Ready to accept connections");
        server.wait_for_line(ready, Duration::from_secs(10))?;
        Ok(Some(vec![server].into()))
    }

    fn start(&self, arena: &Arena, node: usize, _folder: &str) -> anyhow::Result<Node> {
        let this = std::env::current_exe().context("this program's own path")?;
        let server = format!("{}:{PORT}", arena.observer().ipv4());
        let name = arena.ip(node).to_string();
        let ttl = self.ttl.as_millis().to_string();
        let words = ["redis-lock".to_owned(), server, name, ttl];
        Ok(vec![arena.spawn(node, this, words)?].into())
    }

    /// One for all: the holder stands in the lock.
    fn targets(&self, arena: &Arena) -> Vec<Target> {
        vec![Target {
            address: (arena.observer().ipv4(), PORT).into(),
            ask: "GET leader\r\n".to_owned(),
            transport: Transport::Redis,
            after: String::new(),
            until: String::new(),
        }]
    }

    fn agreed(&self, arena: &Arena, answers: &[Option<String>], asked: &[usize]) -> Option<usize> {
        holder(arena, answers, asked)
    }

    fn period(&self) -> Duration {
        self.ttl / RENEWALS
    }

    fn settles_in(&self) -> Duration {
        self.ttl
    }
}

/// One contender: takes the lock when it is free and renews it while it is its own, [`RENEWALS`]
/// times a time to live; on SIGTERM it is simply gone, as with most clients.
///
/// # Errors
/// If the server cannot be reached.
pub fn lock(server: SocketAddr, name: &str, ttl: Duration) -> anyhow::Result<()> {
    let ttl_ms = ttl.as_millis();
    let renew = "if redis.call('get',KEYS[1])==ARGV[1] then \
                 return redis.call('pexpire',KEYS[1],ARGV[2]) else return 0 end";
    let take = format!("SET leader {name} NX PX {ttl_ms}\r\n");
    let renew = format!("EVAL \"{renew}\" 1 leader {name} {ttl_ms}\r\n");
    let mut stream = TcpStream::connect_timeout(&server, ttl).context("redis")?;
    stream.set_nodelay(true)?;
    let mut replies = BufReader::new(stream.try_clone()?);
    let pause = Duration::from_millis(10);
    let mut renewed_at: Option<Instant> = None;
    loop {
        let is_held = renewed_at.is_some();
        if renewed_at.is_none_or(|at| at.elapsed() >= ttl / RENEWALS) {
            let ask = if is_held { &renew } else { &take };
            stream.write_all(ask.as_bytes())?;
            let mut reply = String::new();
            replies.read_line(&mut reply)?;
            let is_mine = reply.starts_with("+OK") || reply.starts_with(":1");
            renewed_at = is_mine.then(Instant::now);
        }
        std::thread::sleep(pause);
    }
}
