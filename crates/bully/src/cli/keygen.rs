//! `bully keygen`: a new secret in a new file.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::Exit;
use super::ask::Outcome;
use super::run::print;
use crate::Secret;

/// Writes a new secret to a new file that its owner alone can read. What is there already is left
/// alone.
pub fn keygen(file: &Path) -> Exit {
    print(&outcome(file))
}

fn outcome(file: &Path) -> Outcome {
    let shown = file.display();
    match write(file) {
        Ok(()) => Outcome {
            exit: Exit::Done,
            stdout: format!(
                "{shown}: a new secret; copy it to every machine, and start every node with \
                 -secret-file={shown}\n"
            ),
            stderr: String::new(),
        },
        Err(error) => {
            let why = if error.kind() == io::ErrorKind::AlreadyExists {
                "it is there already, and is left as it is: remove it first, or name another file"
                    .to_owned()
            } else {
                error.to_string()
            };
            let stderr = format!("bully: keygen: {shown}: {why}\n");
            Outcome { exit: Exit::Error, stdout: String::new(), stderr }
        }
    }
}

fn write(path: &Path) -> io::Result<()> {
    let text = Zeroizing::new(format!("{}\n", *Secret::generate()?.to_base64()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a secret would be in the way of the next try.
        let _ = fs::remove_file(path);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::Secrets;

    #[test]
    fn a_secret_is_written_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let done = outcome(&path);
        assert_eq!((done.exit, done.stderr.as_str()), (Exit::Done, ""));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.parse::<Secrets>().is_ok() && text.lines().count() == 1);
        assert!(!done.stdout.contains(text.trim()), "it is not shown");

        let again = outcome(&path);
        assert_eq!((again.exit, again.stdout.as_str()), (Exit::Error, ""));
        assert!(again.stderr.contains("it is there already"), "{}", again.stderr);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let failed = outcome(Path::new("/nowhere/secret"));
        let line = "bully: keygen: /nowhere/secret: No such file or directory (os error 2)\n";
        assert_eq!((failed.exit, failed.stderr.as_str()), (Exit::Error, line));
    }

    #[test]
    fn a_full_disk_leaves_no_half_of_a_secret() {
        // The device takes no bytes, and cannot be made anew; a link to it is no file of ours.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("full");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        assert_eq!(outcome(&path).exit, Exit::Error);
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink(), "what is there is left alone");
    }
}
