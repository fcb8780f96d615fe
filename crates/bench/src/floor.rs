//! The floor of failover: a program that watches one TCP connection and tells one peer, and
//! nothing besides. No leader election is faster.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;

use crate::arena::{Arena, Node};
use crate::clock::{self, Nanos, millis};

const PORT: u16 = 7778;
const LIMIT: Duration = Duration::from_secs(10);

/// One trial on three hosts: from the end of the connection, as the watcher saw it, to the moment
/// at which the told one read of it.
///
/// # Errors
/// If one of the three does not do its part.
pub fn trial(arena: &Arena) -> anyhow::Result<f64> {
    let this = std::env::current_exe().context("this program's own path")?;
    let spawn = |node: usize, words: &[&str]| -> anyhow::Result<Node> {
        Ok(vec![arena.spawn(node, &this, ["floor"].iter().chain(words))?].into())
    };
    let (dying, told) = (spawn(0, &["wait"])?, spawn(2, &["told"])?);
    let ready = |node: &Node| node.processes[0].wait_for_line(|line| line == "listening", LIMIT);
    ready(&dying)?;
    ready(&told)?;
    let [first, last] = [0, 2].map(|node| SocketAddr::from((arena.ip(node), PORT)).to_string());
    let watcher = spawn(1, &["watch", &first, &last])?;
    watcher.processes[0].wait_for_line(|line| line == "watching", LIMIT)?;
    // Both connections are idle by now, and their ends asleep.
    std::thread::sleep(Duration::from_millis(50));
    dying.signal(Signal::KILL);
    let stamp = |node: &Node| -> anyhow::Result<Nanos> {
        let line = node.processes[0].wait_for_line(|line| line.starts_with("at "), LIMIT)?;
        Ok(line.text["at ".len()..].parse()?)
    };
    Ok(millis(stamp(&told)?.saturating_sub(stamp(&watcher)?)))
}

/// The three programs of the trial.
///
/// # Errors
/// If a socket fails.
pub fn run(words: &[String]) -> anyhow::Result<()> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["wait"] => {
            let mut stream = accept()?;
            let _ = stream.read(&mut [0]);
        }
        ["told"] => {
            let mut stream = accept()?;
            stream.read_exact(&mut [0])?;
            println!("at {}", clock::now());
        }
        ["watch", dying, told] => {
            let mut told = TcpStream::connect(told)?;
            told.set_nodelay(true)?;
            let mut dying = TcpStream::connect(dying)?;
            println!("watching");
            let _ = dying.read(&mut [0]);
            let at = clock::now();
            told.write_all(&[1])?;
            println!("at {at}");
        }
        _ => anyhow::bail!("floor: wait | told | watch ADDR ADDR"),
    }
    Ok(())
}

fn accept() -> anyhow::Result<TcpStream> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT))?;
    println!("listening");
    Ok(listener.accept()?.0)
}
