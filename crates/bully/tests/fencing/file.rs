//! The file.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::block;

/// Writes, and whether that was done.
fn write(script: &str, file: &Path, token: u64, text: &str) -> bool {
    let mut command = Command::new("sh");
    command.args(["-c", script, "fenced-write"]).arg(file).arg(token.to_string());
    let mut child =
        command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a shell starts");
    child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("it reads");
    child.wait().expect("it ends").success()
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).expect("the file")
}

#[test]
fn a_smaller_token_leaves_the_file_as_it_is_and_nothing_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, script) = (folder.path().join("state"), block("file"));
    assert!(write(&script, &file, 7, "old\n"));
    assert!(write(&script, &file, 10, "new\n"), "tokens are numbers, not texts");
    assert!(!write(&script, &file, 9, "late\n"));
    assert_eq!(read(&file), "new\n");
    assert!(write(&script, &file, 10, "newer\n"));
    assert_eq!(read(&file), "newer\n");
    let names = std::fs::read_dir(folder.path()).expect("the folder").flatten();
    let mut names: Vec<_> = names.map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, ["state", "state.lock", "state.token"]);
}

#[test]
fn of_two_reigns_that_write_at_once_the_file_takes_nothing_of_the_old_one_after_the_new_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, script) = (folder.path().join("state"), block("file"));
    std::thread::scope(|scope| {
        let old = scope.spawn(|| {
            let done = (0..60).map(|_| write(&script, &file, 1, "old\n"));
            done.skip_while(|done| *done).all(|done| !done)
        });
        super::until("the old reign writes", || file.exists());
        (0..10).for_each(|_| assert!(write(&script, &file, 2, "new\n")));
        assert_eq!(read(&file), "new\n");
        assert!(old.join().expect("no panic"), "once refused, it is refused for ever");
    });
    assert_eq!(read(&file), "new\n");
}
