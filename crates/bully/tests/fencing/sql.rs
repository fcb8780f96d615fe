//! The statements, on a real server.

use std::sync::atomic::{AtomicBool, Ordering};

use super::block;
use super::postgres::Server;

/// Who writes first, and who comes after it.
const OLD: u64 = 1_795_400_798;
const NEW: u64 = 1_795_400_799;

/// Notes the token of every row as it is written, in order.
const HISTORY: &str = "CREATE TABLE history (n bigserial, token bigint);\n\
    CREATE FUNCTION note() RETURNS trigger AS $$ BEGIN \
    INSERT INTO history (token) VALUES (NEW.token); RETURN NEW; END $$ LANGUAGE plpgsql;\n\
    CREATE TRIGGER note AFTER INSERT OR UPDATE ON job FOR EACH ROW EXECUTE FUNCTION note();\n";

/// The tables and the statements: psql forgets those of a session with it.
fn parts(sql: &str) -> (String, String) {
    let (tables, prepared): (Vec<&str>, Vec<&str>) =
        sql.split_inclusive(";\n").partition(|part| part.contains("CREATE TABLE"));
    (tables.concat(), prepared.concat())
}

fn served(test: &str) -> Option<(Server, String)> {
    let server = Server::start(test)?;
    let (tables, prepared) = parts(&block("sql"));
    server.ask(&tables).expect("the tables");
    Some((server, prepared))
}

#[test]
fn a_smaller_token_changes_no_row_and_says_so() {
    let Some((server, prepared)) = served("a_smaller_token_changes_no_row_and_says_so") else {
        return;
    };
    let told = |statement: String| {
        let answer = server.ask(&format!("{prepared}{statement};\n")).expect("sound statements");
        answer.lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(told(format!("EXECUTE put ({OLD}, 'nightly', 'old')")), "INSERT 0 1");
    assert_eq!(told(format!("EXECUTE change ({OLD}, 'nightly', 'older')")), "UPDATE 1");
    assert_eq!(told(format!("EXECUTE change ({NEW}, 'nightly', 'new')")), "UPDATE 1");
    assert_eq!(told(format!("EXECUTE change ({OLD}, 'nightly', 'late')")), "UPDATE 0");
    assert_eq!(told(format!("EXECUTE put ({OLD}, 'nightly', 'late')")), "INSERT 0 0");
    assert_eq!(told(format!("EXECUTE put ({NEW}, 'nightly', 'newer')")), "INSERT 0 1");
    assert_eq!(server.ask("SELECT state, token FROM job").unwrap(), format!("newer|{NEW}\n"));
}

/// Both reigns write as fast as they can, at the same time. Whether a row of the old one came after one
/// of the new one.
fn race(server: &Server, prepared: &str, statement: &str) -> bool {
    server.ask("TRUNCATE job, history; INSERT INTO job VALUES ('nightly', '', 0);").unwrap();
    let writes = |token: u64, count: usize| {
        let one = format!("EXECUTE {statement} ({token}, 'nightly', 'x');\n");
        server.ask(&format!("{prepared}{}", one.repeat(count))).expect("sound statements")
    };
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let old = scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                writes(OLD, 100);
            }
            // Late, too.
            writes(OLD, 1);
        });
        super::until("the old reign writes", || {
            let count = server.ask("SELECT count(*) FROM history").expect("a count");
            count.trim().parse::<u32>().is_ok_and(|count| count > 20)
        });
        writes(NEW, 300);
        is_over.store(true, Ordering::SeqCst);
        old.join().expect("no panic");
    });
    let late = "SELECT count(*) FROM history h JOIN history later ON later.n > h.n \
                AND later.token < h.token";
    server.ask(late).expect("a count").trim() != "0"
}

#[test]
fn of_two_reigns_that_write_at_once_nothing_of_the_old_one_comes_after_the_new_one() {
    let test = "of_two_reigns_that_write_at_once_nothing_of_the_old_one_comes_after_the_new_one";
    let Some((server, prepared)) = served(test) else { return };
    server.ask(HISTORY).expect("a trigger");
    assert!(!race(&server, &prepared, "change"));
    assert!(!race(&server, &prepared, "put"));
    // Without the comparison it does, or else this test shows nothing.
    let careless = prepared.replace(" AND token <= $1", "");
    assert!(race(&server, &careless, "change"), "the old reign was still at work");
}

#[test]
fn a_transaction_that_has_passed_the_fence_keeps_other_reigns_out_until_it_ends() {
    let test = "a_transaction_that_has_passed_the_fence_keeps_other_reigns_out_until_it_ends";
    let Some((server, prepared)) = served(test) else { return };
    server.ask("INSERT INTO fence VALUES ('nightly', 0);").unwrap();
    let slow = format!(
        "{prepared}BEGIN;\nEXECUTE pass ({OLD}, 'nightly');\nSELECT pg_sleep(1);\n\
             INSERT INTO job VALUES ('old', 'done', {OLD});\nCOMMIT;\n"
    );
    std::thread::scope(|scope| {
        let old = scope.spawn(|| server.ask(&slow).expect("sound statements"));
        super::until("the old reign has passed", || {
            let waits = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1)%' \
                         AND pid <> pg_backend_pid()";
            server.ask(waits).is_ok_and(|count| count.trim() != "0")
        });
        let new = format!(
            "{prepared}BEGIN;\nEXECUTE pass ({NEW}, 'nightly');\nSELECT count(*) FROM job;\nCOMMIT;\n"
        );
        let told = server.ask(&new).expect("sound statements");
        assert!(told.contains("UPDATE 1\n1\n"), "it sees what the old reign did: {told}");
        old.join().expect("no panic");
    });
    let late = format!("{prepared}EXECUTE pass ({OLD}, 'nightly');\n");
    assert!(server.ask(&late).unwrap().ends_with("UPDATE 0\n"));
}
