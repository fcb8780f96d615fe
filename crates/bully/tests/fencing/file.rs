//! The file.

use std::path::Path;

use super::script::Fenced;
use super::support::until;

#[test]
fn a_smaller_token_leaves_the_file_as_it_is_and_nothing_beside_it() {
    for shell in ["sh", "bash"] {
        let fenced = Fenced::by(shell);
        assert_eq!(fenced.write("7", "old\n").code, Some(0));
        assert_eq!(fenced.write("10", "new\n").code, Some(0), "tokens are numbers, not texts");
        let told = fenced.write("9", "late\n");
        assert_eq!(told.code, Some(3), "{told:?}");
        assert!(told.stderr.contains("token 10 has been here, and 9 is smaller"), "{told:?}");
        assert_eq!(fenced.value(), "new\n");
        assert_eq!(fenced.write("10", "").code, Some(0), "an equal one passes, nothing is a value");
        assert_eq!((fenced.value().as_str(), fenced.token().as_str()), ("", "10\n"));
        assert!(fenced.is_clean());
    }
}

#[test]
fn a_token_that_a_shell_cannot_compare_is_refused() {
    for shell in ["sh", "bash"] {
        let fenced = Fenced::by(shell);
        assert_eq!(fenced.write("5", "five").code, Some(0));
        let nonsense = ["", "x", "-1", "+7", "1.5", "7 ", "07", "00", "0x9", "7\n8", "٧", "²"];
        let large = ["1000000000000000000", "9223372036854775808", "99999999999999999999999"];
        for token in nonsense.iter().chain(&large) {
            let told = fenced.write(token, "late");
            assert_eq!(told.code, Some(2), "{shell} {token:?}: {told:?}");
            assert_eq!(told.stderr.lines().count(), 1, "{shell} {token:?}: {told:?}");
        }
        assert_eq!((fenced.value().as_str(), fenced.token().as_str()), ("five", "5\n"));
        assert_eq!(fenced.write("999999999999999999", "large").code, Some(0));
        assert_eq!(fenced.write("999999999999999998", "late").code, Some(3));
        for arguments in [&["7"][..], &["7", "4", "4"], &["7", "x"], &["7", ""], &["7", "-4"]] {
            let told = fenced.call(arguments, "late");
            assert_eq!(told.code, Some(2), "{shell} {arguments:?}: {told:?}");
        }
        assert_eq!(fenced.value(), "large");
        assert!(fenced.is_clean());
    }
}

#[test]
fn an_input_of_another_length_is_refused() {
    let fenced = Fenced::new();
    assert_eq!(fenced.write("1", "old").code, Some(0));
    for (bytes, input) in [("4", "new"), ("4", ""), ("2", "new"), ("0", "n"), ("3", "ñew")] {
        let told = fenced.call(&["2", bytes], input);
        assert_eq!(told.code, Some(1), "{told:?}");
        assert!(told.stderr.contains(&format!("the input is not {bytes} bytes")), "{told:?}");
    }
    assert_eq!((fenced.value().as_str(), fenced.token().as_str()), ("old", "1\n"));
    assert!(fenced.is_clean());
}

#[test]
fn a_token_file_that_is_empty_damaged_or_gone_lets_nothing_pass() {
    let fenced = Fenced::new();
    assert_eq!(fenced.write("7", "old").code, Some(0));
    for damaged in ["", "\n", "1", "x\n", "-1\n", "1 2\n", "99999999999999999999\n", "\0\0\0"] {
        std::fs::write(fenced.path(".token"), damaged).expect("it is damaged");
        let told = fenced.write("8", "new");
        assert_eq!(told.code, Some(1), "{damaged:?}: {told:?}");
        assert!(told.stderr.contains("state.token is damaged"), "{damaged:?}: {told:?}");
        assert_eq!((fenced.value().as_str(), fenced.token().as_str()), ("old", damaged));
    }
    std::fs::remove_file(fenced.path(".token")).expect("it is there");
    let told = fenced.write("8", "new");
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.stderr.contains("if no token was ever seen, write 0 there"), "{told:?}");
    assert!(fenced.value() == "old" && fenced.is_clean());
    std::fs::write(fenced.path(".token"), "0\n").expect("as it says");
    assert_eq!(fenced.write("8", "new").code, Some(0));
}

#[test]
fn the_name_of_the_file_may_be_any() {
    let fenced = Fenced::new();
    let folder = fenced.path("");
    std::fs::create_dir(&folder).expect("a folder");
    let write = |file: &str, token: &str| fenced.call_in(&folder, &[file, token, "1"], "x").code;
    for name in ["-n", "with space", "$HOME", "a*"] {
        assert_eq!(write(name, "2"), Some(0), "{name}");
        assert_eq!(write(name, "1"), Some(3), "{name}");
        assert_eq!(std::fs::read_to_string(folder.join(name)).expect("the file"), "x");
    }
    assert_eq!(std::fs::read_dir(&folder).expect("the folder").count(), 12);
    // Into a folder it would be moved under a name of no use.
    std::fs::create_dir(folder.join("sub")).expect("a folder");
    std::fs::write(folder.join("sub.token"), "0\n").expect("a token");
    assert_eq!(write("sub", "1"), Some(1));
    assert_eq!(write("gone/file", "1"), Some(1));
    assert!(is_empty(&folder.join("sub")));
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).expect("the folder").next().is_none()
}

#[test]
fn of_two_reigns_that_write_at_once_the_file_takes_nothing_of_the_old_one_after_the_new_one() {
    let fenced = Fenced::new();
    std::thread::scope(|scope| {
        let old = scope.spawn(|| {
            let done = (0..60).map(|_| fenced.write("1", "old\n").code == Some(0));
            done.skip_while(|done| *done).all(|done| !done)
        });
        until("the old reign writes", || fenced.path("").exists());
        for _ in 0..10 {
            assert_eq!(fenced.write("2", "new\n").code, Some(0));
        }
        assert_eq!(fenced.value(), "new\n");
        assert!(old.join().expect("no panic"), "once refused, it is refused for ever");
    });
    assert_eq!((fenced.value().as_str(), fenced.token().as_str()), ("new\n", "2\n"));
    assert!(fenced.is_clean());
}
