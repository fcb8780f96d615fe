//! The statements, on a real server.

use std::sync::atomic::{AtomicBool, Ordering};

use super::postgres::Server;
use super::support::{block, until};

/// Who writes first, and who comes after it.
pub(crate) const OLD: u64 = 1_795_400_798;
pub(crate) const NEW: u64 = 1_795_400_799;

/// Notes the token of every row as it is written, in order.
const HISTORY: &str = "CREATE TABLE history (n bigserial, token bigint);\n\
    CREATE FUNCTION note() RETURNS trigger AS $$ BEGIN \
    INSERT INTO history (token) VALUES (NEW.token); RETURN NEW; END $$ LANGUAGE plpgsql;\n\
    CREATE TRIGGER note AFTER INSERT OR UPDATE ON job FOR EACH ROW EXECUTE FUNCTION note();\n";

/// A server with the tables, and the statements: a session forgets those as it ends.
pub(crate) fn served(test: &str) -> Option<(Server, String)> {
    let server = Server::start(test)?;
    server.ask(&block("sql-tables")).expect("the tables");
    Some((server, block("sql")))
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
    assert_eq!(told(format!("EXECUTE change ({OLD}, 'nightly', 'none')")), "UPDATE 0", "no job");
    assert_eq!(told(format!("EXECUTE put ({OLD}, 'nightly', 'old')")), "INSERT 0 1");
    assert_eq!(told(format!("EXECUTE change ({OLD}, 'nightly', 'older')")), "UPDATE 1");
    assert_eq!(told(format!("EXECUTE change ({NEW}, 'nightly', 'new')")), "UPDATE 1");
    assert_eq!(told(format!("EXECUTE change ({OLD}, 'nightly', 'late')")), "UPDATE 0");
    assert_eq!(told(format!("EXECUTE put ({OLD}, 'nightly', 'late')")), "INSERT 0 0");
    assert_eq!(told("EXECUTE change (NULL, 'nightly', 'late')".to_owned()), "UPDATE 0");
    assert_eq!(told(format!("EXECUTE put ({NEW}, 'nightly', 'newer')")), "INSERT 0 1");
    assert_eq!(told(format!("EXECUTE put ({NEW} + 1, 'nightly', 'newest')")), "INSERT 0 1");
    assert_eq!(told(format!("EXECUTE put ({NEW}, 'nightly', 'late')")), "INSERT 0 0");
    let row = server.ask("SELECT state, token FROM job").expect("a row");
    assert_eq!(row, format!("newest|{}\n", NEW + 1));
}

#[test]
fn a_smaller_token_ends_a_transaction_with_an_error_and_nothing_of_it_is_done() {
    let test = "a_smaller_token_ends_a_transaction_with_an_error_and_nothing_of_it_is_done";
    let Some((server, prepared)) = served(test) else { return };
    let work = |token: &str, job: &str| {
        server.ask(&format!(
            "{prepared}BEGIN;\nEXECUTE pass ('backup', {token});\n\
             INSERT INTO job VALUES ('{job}', 'done', 0);\nCOMMIT;\n"
        ))
    };
    work(&OLD.to_string(), "first").expect("nobody was before it");
    work(&OLD.to_string(), "second").expect("an equal one passes");
    work(&NEW.to_string(), "third").expect("a larger one passes");
    let told = work(&OLD.to_string(), "late").expect_err("it is refused");
    assert!(told.contains(&format!("refused: a token larger than {OLD} has been here")), "{told}");
    // No number, and one that the column has no room for.
    for token in ["NULL", "9223372036854775808", "'x'"] {
        work(token, "late").expect_err(token);
    }
    // Without ON_ERROR_STOP, as a careless program: the rest fails, and COMMIT rolls back.
    let careless = format!(
        "{prepared}\\unset ON_ERROR_STOP\nBEGIN;\nEXECUTE pass ('backup', {OLD});\n\
         INSERT INTO job VALUES ('late', 'done', 0);\nCOMMIT;\n"
    );
    assert!(server.ask(&careless).expect("psql goes on").ends_with("ROLLBACK\n"));
    let jobs = server.ask("SELECT string_agg(id, ' ' ORDER BY id) FROM job").unwrap();
    assert_eq!(jobs, "first second third\n");
    let elsewhere = format!("{prepared}EXECUTE pass ('another', 1);\n");
    server.ask(&elsewhere).expect("each application has tokens of its own");
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
        until("the old reign writes", || {
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
