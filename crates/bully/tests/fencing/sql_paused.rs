//! Transactions of a leader that is slow, or frozen in the middle.

use std::time::Instant;

use rustix::process::Signal;

use super::postgres::{Server, Session};
use super::sql::{NEW, OLD, served};
use super::support::{block, signal, until};

/// A transaction that has passed the fence, and is then left open.
fn passed(server: &Server, prepared: &str, role: &str, isolation: &str) -> Session {
    let mut session = server.session(role);
    session.say(&format!(
        "{prepared}BEGIN {isolation};\nEXECUTE pass ('backup', {OLD});\n\
         INSERT INTO job VALUES ('old', 'done', {OLD});\n"
    ));
    until("it has passed, and is silent", || {
        let silent = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' \
                      AND query LIKE 'INSERT INTO job%'";
        server.ask(silent).is_ok_and(|count| count.trim() != "0")
    });
    session
}

/// A transaction of the new reign: how many jobs it sees once it has passed.
fn next(prepared: &str, isolation: &str) -> String {
    format!(
        "{prepared}BEGIN {isolation};\nEXECUTE pass ('backup', {NEW});\n\
         SELECT 'jobs', count(*) FROM job;\nCOMMIT;\n"
    )
}

fn until_it_waits(server: &Server) {
    until("the new reign waits", || {
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        server.ask(waits).is_ok_and(|count| count.trim() != "0")
    });
}

/// The application's own role, which has the document's timeouts; these take less long.
fn with_role(server: &Server, idle: &str, lock: &str) {
    server
        .ask("CREATE ROLE app LOGIN;\nGRANT SELECT, INSERT, UPDATE ON job, reign TO app;\n")
        .expect("a role");
    let timeouts = block("sql-role").replace("'5s'", idle).replace("'10s'", lock);
    assert!(timeouts.contains(idle) && timeouts.contains(lock));
    server.ask(&timeouts).expect("its timeouts");
}

#[test]
fn a_transaction_that_has_passed_the_fence_keeps_other_reigns_out_until_it_ends() {
    let test = "a_transaction_that_has_passed_the_fence_keeps_other_reigns_out_until_it_ends";
    let Some((server, prepared)) = served(test) else { return };
    let mut old = passed(&server, &prepared, "fence", "");
    std::thread::scope(|scope| {
        let new = scope.spawn(|| server.ask(&next(&prepared, "")).expect("sound statements"));
        until_it_waits(&server);
        old.say("COMMIT;\n");
        old.end().expect("it is done");
        let told = new.join().expect("no panic");
        assert!(told.contains("jobs|1\n"), "it sees what the old reign did: {told}");
    });
    server.ask(&format!("{prepared}EXECUTE pass ('backup', {OLD});\n")).expect_err("it is refused");
}

#[test]
fn where_a_transaction_sees_one_moment_alone_it_passes_then_or_fails() {
    let test = "where_a_transaction_sees_one_moment_alone_it_passes_then_or_fails";
    let Some((server, prepared)) = served(test) else { return };
    let isolation = "ISOLATION LEVEL REPEATABLE READ";
    server.ask("INSERT INTO reign VALUES ('backup', 1);\n").expect("a reign");
    let mut old = passed(&server, &prepared, "fence", isolation);
    std::thread::scope(|scope| {
        let new = scope.spawn(|| server.ask(&next(&prepared, isolation)));
        until_it_waits(&server);
        old.say("COMMIT;\n");
        old.end().expect("it is done");
        let told = new.join().expect("no panic").expect_err("what it sees is too old");
        assert!(told.contains("could not serialize access"), "{told}");
    });
    let told = server.ask(&next(&prepared, isolation)).expect("it passes the second time");
    assert!(told.contains("jobs|1\n"), "{told}");
}

#[test]
fn a_leader_that_is_frozen_in_a_transaction_loses_it_and_its_successor_goes_on() {
    let test = "a_leader_that_is_frozen_in_a_transaction_loses_it_and_its_successor_goes_on";
    let Some((server, prepared)) = served(test) else { return };
    with_role(&server, "'2s'", "'50s'");
    let mut old = passed(&server, &prepared, "app", "");
    signal(&old.psql, Signal::STOP);
    let told = server.ask_as("app", &next(&prepared, "")).expect("it waits, and goes on");
    assert!(told.contains("jobs|0\n"), "nothing of what was left is done: {told}");
    signal(&old.psql, Signal::CONT);
    old.say("COMMIT;\n");
    let told = old.end().expect_err("it is too late");
    assert!(told.contains("idle-in-transaction timeout"), "{told}");
    assert_eq!(server.ask("SELECT count(*) FROM job").expect("a count"), "0\n");
}

#[test]
fn who_waits_too_long_for_a_lock_gets_an_error() {
    let test = "who_waits_too_long_for_a_lock_gets_an_error";
    let Some((server, prepared)) = served(test) else { return };
    with_role(&server, "'50s'", "'500ms'");
    let old = passed(&server, &prepared, "fence", "");
    let start = Instant::now();
    let told = server.ask_as("app", &next(&prepared, "")).expect_err("it gives up");
    assert!(told.contains("lock timeout"), "after {:?}: {told}", start.elapsed());
    old.end().expect("it has waited for more");
}
