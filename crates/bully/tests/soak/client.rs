//! The writers: on each host a process that asks the host's own node, in several threads, and writes
//! while that says that it leads.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use bully_lab::Process;

use super::store::Write;
use super::support::Lan;
use super::watch::{ask, now};

/// How many write at the same time on each host.
const THREADS: u64 = 4;

/// Between two writes, or two questions.
const PAUSE: Duration = Duration::from_millis(8);

/// Each time that it has written so often, a thread is slow: so much later it writes what it was about
/// to write when it asked. A resource has to live with that.
const SLOW_EVERY: u64 = 8;
const SLOW: Duration = Duration::from_millis(60);

/// Tells the process on a host where the store is, and which host it is on.
const STORE: &str = "BULLY_TEST_STORE";
const HOST: &str = "BULLY_TEST_HOST";

/// Starts them on all hosts. They end when they are dropped.
pub(crate) fn start(lan: &Lan, store: impl AsRef<Path>) -> Vec<Process> {
    let itself = std::env::current_exe().expect("this program");
    let words = ["client::on_a_host", "--exact", "--ignored", "--nocapture"];
    let store = store.as_ref().to_string_lossy().into_owned();
    let start = |host: &bully_lab::Host| {
        let number = host.index().to_string();
        let env = [(STORE, &*store), (HOST, &*number)];
        host.spawn_with_env(&itself, words, &env).expect("this program runs on a host")
    };
    lan.lab.hosts().iter().map(start).collect()
}

#[test]
#[ignore = "a part of the soak: it runs this on its hosts"]
fn on_a_host() {
    let (Some(store), Ok(host)) = (std::env::var_os(STORE), std::env::var(HOST)) else { return };
    let host: u64 = host.parse().expect("a number");
    let threads = (0..THREADS).map(|thread| {
        let store = store.clone();
        std::thread::spawn(move || write_while_leading(Path::new(&store), host * 100 + thread))
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().expect("no panic");
    }
}

/// Until the store is gone, with the test.
fn write_while_leading(store: &Path, client: u64) {
    let Ok(stream) = UnixStream::connect(store) else { return };
    let mut answers = BufReader::new(stream.try_clone().expect("a descriptor"));
    let (mut stream, mut connection) = (stream, None);
    for round in 1_u64.. {
        std::thread::sleep(PAUSE);
        let asked = now();
        let Ok(status) = ask(&mut connection) else {
            connection = None;
            continue;
        };
        let answered = now();
        let (Some(true), Some(token)) = (status["is_leader"].as_bool(), status["token"].as_u64())
        else {
            continue;
        };
        if round.is_multiple_of(SLOW_EVERY) {
            std::thread::sleep(SLOW);
        }
        let line = Write::line(client, token, asked, answered);
        let mut answer = String::new();
        let told = stream.write_all(line.as_bytes()).and_then(|()| answers.read_line(&mut answer));
        if !matches!(told, Ok(count) if count > 0) {
            return;
        }
    }
}
