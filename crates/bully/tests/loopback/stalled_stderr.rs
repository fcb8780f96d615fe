//! Standard error whose reader has stopped: a terminal after Ctrl-S, a full pipe.

use std::io::Write as _;

use rustix::process::Signal;

use super::node::{Node, own, until};

/// The kernel's default for a pipe.
const PIPE: usize = 65_536;

#[test]
fn a_node_whose_standard_error_nobody_reads_leads_answers_and_ends() {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(&vec![b'.'; PIPE]).expect("it takes so much without a reader");
    let [one, two] = own();
    let mut node = Node::listed_printing(one, &[one, two], &[], writer.into());
    until("it leads", || node.is_leader() == Some(true));
    // A second node, so that there is more to say, and peers to wait for.
    let second = Node::listed(two, &[one, two], &[]);
    until("they agree", || second.leader().is_some() && second.leader() == node.leader());
    node.signal(Signal::TERM);
    assert_eq!(node.end().code(), Some(0));
    until("the other leads", || second.is_leader() == Some(true));
    drop(reader);
}
