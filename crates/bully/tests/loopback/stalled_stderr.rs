//! Standard error whose reader has stopped: a terminal after Ctrl-S, a full pipe.

use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::node::{Node, own, until};

/// The kernel's default for a pipe.
const PIPE: usize = 65_536;

/// More lines than wait for a reader.
const TALK: usize = 8_000;

/// Of the second for which the end waits for a reader: what is done at once takes less of it.
const AT_ONCE: Duration = Duration::from_millis(500);

/// A pipe that takes nothing until it is read.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(&vec![b'.'; PIPE]).expect("it takes so much without a reader");
    (reader, writer)
}

/// A leader that nobody reads, with a follower, so that there is more to say, and peers to wait for.
fn unread(more: &[&str], env: &[(&str, &str)]) -> (Node, Node, PipeReader) {
    let (reader, writer) = full_pipe();
    let [one, two] = own();
    let leader = Node::listed_printing(one, &[one, two], more, env, writer.into());
    until("it leads", || leader.is_leader() == Some(true));
    let follower = Node::listed(two, &[one, two], &[]);
    until("they agree", || follower.leader().is_some() && follower.leader() == leader.leader());
    (leader, follower, reader)
}

#[test]
fn a_node_whose_standard_error_nobody_reads_leads_answers_and_ends() {
    let (mut node, second, _reader) = unread(&[], &[]);
    node.signal(Signal::TERM);
    assert_eq!(node.end().code(), Some(0));
    until("the other leads", || second.is_leader() == Some(true));
}

#[test]
fn a_complaint_of_its_service_manager_that_nobody_reads_stops_no_node() {
    let env = [("NOTIFY_SOCKET", "/nonexistent/notify")];
    let (mut node, second, reader) = unread(&[], &env);
    // It said so when it had its first view, and hears its peers still.
    assert_eq!((node.is_leader(), second.is_leader()), (Some(true), Some(false)));
    let lines = lines_of(reader);
    node.signal(Signal::TERM);
    assert_eq!(node.end().code(), Some(0));
    let complaints = lines.join().expect("it reads");
    let complaints = complaints.iter().filter(|line| line.contains("NOTIFY_SOCKET"));
    assert_eq!(complaints.count(), 1);
}

#[test]
fn a_node_that_has_left_answers_clients_while_it_waits_for_a_reader() {
    let (mut node, second, _reader) = unread(&[], &[]);
    node.signal(Signal::TERM);
    until("the other leads", || second.is_leader() == Some(true));
    let mut answered = None;
    until("it ends", || {
        if node.is_leader() == Some(false) {
            answered = Some(Instant::now());
        }
        node.has_ended()
    });
    let silent = answered.expect("it answers once it has left").elapsed();
    assert!(silent < AT_ONCE, "no answer in its last {silent:?}");
    assert_eq!(node.end().code(), Some(0));
}

#[test]
fn a_second_signal_ends_a_node_that_waits_for_a_reader() {
    let (mut node, second, _reader) = unread(&[], &[]);
    node.signal(Signal::TERM);
    until("the other leads", || second.is_leader() == Some(true));
    let start = Instant::now();
    node.signal(Signal::TERM);
    assert_eq!(node.end().code(), Some(1));
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
}

/// A thread that reads all there is.
fn lines_of(reader: PipeReader) -> std::thread::JoinHandle<Vec<String>> {
    std::thread::spawn(move || BufReader::new(reader).lines().map_while(Result::ok).collect())
}

/// Connects so often and says nothing, and waits until the node has heard of the last: one that is
/// told to notes each.
fn knock(peers: SocketAddr, times: usize) {
    for _ in 0..times {
        TcpStream::connect(peers).expect("it listens");
    }
    until("it speaks again", || {
        let mut stream = TcpStream::connect(peers).expect("it listens");
        stream.read_exact(&mut [0; 8]).is_ok()
    });
}

#[test]
fn lines_that_were_lost_for_want_of_a_reader_are_counted_when_there_is_one_again() {
    let (mut node, _second, reader) = unread(&["-log-level=debug"], &[]);
    knock(node.peers, TALK);
    let lines = lines_of(reader);
    node.signal(Signal::TERM);
    assert_eq!(node.end().code(), Some(0));
    let lines = lines.join().expect("it reads");
    let told = |line: &&String| line.ends_with("lost: standard error was not read");
    let complaints: Vec<&String> = lines.iter().filter(told).collect();
    let [complaint] = complaints[..] else { panic!("{complaints:?} of {} lines", lines.len()) };
    let lost: usize = complaint.split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    let noted = lines.iter().filter(|line| line.starts_with("DEBUG")).count();
    // The last few may not have been noted when it left.
    assert!(lost > 0 && lost + noted > TALK * 9 / 10, "{lost} lost, {noted} noted");
}
