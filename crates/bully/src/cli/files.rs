//! Files with certificates, keys and tokens: how they are named, and how they are read.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::process::geteuid;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::usage::quoted;
use crate::http::BearerToken;

/// More than any chain of certificates needs.
const BYTES_MAX: u64 = 1024 * 1024;

/// Reads the name of a file, of which nothing is asked but that it can be written on a line.
pub(super) fn parse(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err(format!("{} is not the path of a file", quoted(text)));
    }
    Ok(PathBuf::from(text))
}

/// The token in that file, which is on its one line.
pub(super) fn token(path: &Path) -> Result<BearerToken, String> {
    let bytes = private(path)?;
    BearerToken::new(bytes.trim_ascii()).map_err(|why| named(path, &why))
}

/// The certificates in that file, in its order; there is one at least.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = public(path)?;
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => {
            Err(named(path, "has no certificate: expected PEM, -----BEGIN CERTIFICATE-----"))
        }
        found => found.map_err(|error| named(path, &format!("is no PEM: {error}"))),
    }
}

/// The private key in that file, the first one where there are several.
pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let bytes = private(path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            let hint = if contains(&bytes, b"BEGIN ENCRYPTED PRIVATE KEY") {
                "has an encrypted key: a node starts without anybody who types its password"
            } else {
                "has no private key: expected PEM, -----BEGIN PRIVATE KEY----- or the like"
            };
            named(path, hint)
        }
        error => named(path, &format!("is no PEM: {error}")),
    })
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// The content of a file that is nobody else's. Its group may read it: that is how a service is given
/// a key that belongs to root.
pub(super) fn private(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    read(path, |about| {
        if about.mode() & Mode::RWXO.bits() == 0 {
            return Ok(());
        }
        Err(format!("is open to everybody {}", remedy(path, about)))
    })
}

/// The content of a file that this user alone can read, or that root hands to its group: by hand, by a
/// service manager, or by Kubernetes.
pub(super) fn own(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    read(path, |about| {
        let is_ours = about.uid() == geteuid().as_raw();
        if !is_ours && about.uid() != 0 {
            return Err(format!("belongs to another user: chown root {}", path.display()));
        }
        let others = if is_ours { Mode::RWXG | Mode::RWXO } else { Mode::WGRP | Mode::RWXO };
        if about.mode() & others.bits() == 0 {
            return Ok(());
        }
        Err(format!("is open to others {}", remedy(path, about)))
    })
}

/// The content of a file that is no secret, and that says whom to trust: not everybody may write it.
pub(super) fn public(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    read(path, |about| {
        if about.mode() & Mode::WOTH.bits() == 0 {
            return Ok(());
        }
        let (mode, shown) = (about.mode() & 0o7777, path.display());
        Err(format!("can be written by everybody (mode {mode:04o}): chmod 0644 {shown}"))
    })
}

fn remedy(path: &Path, about: &Metadata) -> String {
    let (mode, shown) = (about.mode() & 0o7777, path.display());
    format!("(mode {mode:04o}): chmod 0600 {shown}")
}

/// The content of a file that passes. Anything but a file is refused, lest a pipe that nobody
/// fills be waited for.
fn read(
    path: &Path,
    check: impl Fn(&Metadata) -> Result<(), String>,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let unread = |error: &io::Error| named(path, &format!("cannot be read: {error}"));
    let nonblock = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(nonblock)
        .open(path)
        .map_err(|error| unread(&error))?;
    // Of what was opened, and not of what has the name now.
    let about = file.metadata().map_err(|error| unread(&error))?;
    if !about.is_file() {
        return Err(named(path, "is not a regular file"));
    }
    check(&about).map_err(|why| named(path, &why))?;
    // Room for all of it at once: what grows leaves copies behind.
    let room = usize::try_from(about.len().min(BYTES_MAX)).unwrap_or(0) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| unread(&error))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(named(path, "is too large: such a file has at most 1 MiB"));
    }
    Ok(bytes)
}

pub(super) fn named(path: &Path, why: &str) -> String {
    format!("{} {why}", quoted(&path.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(content: impl AsRef<[u8]>, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("secret");
        fs::write(&path, content).expect("it is written");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("it is ours");
        (folder, path)
    }

    fn of_token(content: &str, mode: u32) -> Result<BearerToken, String> {
        let (_folder, path) = file(content, mode);
        token(&path).map_err(|why| why.replace(&*path.to_string_lossy(), "F"))
    }

    #[test]
    fn a_token_is_the_one_line_of_its_file() {
        for content in ["0123456789abcdef", "0123456789abcdef\n", " 0123456789abcdef \r\n\n"] {
            let header = of_token(content, 0o600).expect(content).header();
            assert_eq!(header.as_bytes(), b"Bearer 0123456789abcdef");
        }
        for (content, told) in [
            ("", "\"F\" is empty: a token has at least 16 characters"),
            ("\n", "\"F\" is empty: a token has at least 16 characters"),
            ("short\n", "\"F\" is too short: a token has at least 16 characters"),
            (
                "0123456789abcdef\n0123456789abcdef\n",
                "\"F\" is no token: one line of printable ASCII without spaces",
            ),
        ] {
            assert_eq!(of_token(content, 0o600).expect_err(content), told);
        }
    }

    #[test]
    fn a_secret_that_everybody_could_read_or_write_is_refused_with_the_remedy() {
        for mode in [0o600, 0o400, 0o640, 0o660, 0o440] {
            assert!(of_token("0123456789abcdef", mode).is_ok(), "{mode:o}");
        }
        for mode in [0o644, 0o604, 0o602, 0o666, 0o601] {
            let told = of_token("0123456789abcdef", mode).expect_err("open to all");
            let expected = format!("\"F\" is open to everybody (mode {mode:04o}): chmod 0600 F");
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn what_is_for_this_user_alone_is_refused_where_its_group_can_read_it_too() {
        for mode in [0o600, 0o400, 0o700] {
            let (_folder, path) = file("text", mode);
            assert_eq!(**own(&path).expect("it is private"), *b"text", "{mode:o}");
        }
        for mode in [0o640, 0o620, 0o604, 0o602, 0o601, 0o644] {
            let (_folder, path) = file("text", mode);
            let shown = path.display();
            let expected =
                format!("\"{shown}\" is open to others (mode {mode:04o}): chmod 0600 {shown}");
            assert_eq!(own(&path).expect_err("open"), expected);
        }
    }

    #[test]
    fn what_belongs_to_another_user_but_root_is_refused() {
        let (_folder, path) = file("text", 0o640);
        if let Err(why) = std::os::unix::fs::chown(&path, Some(12_345), None) {
            eprintln!("skipped: only root can give a file away: {why}");
            return;
        }
        assert!(own(&path).expect_err("not root's").contains("belongs to another user"));
    }

    #[test]
    fn what_is_no_file_or_too_large_is_refused_without_waiting() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0)
            .expect("a pipe");
        for path in [folder.path(), &pipe, Path::new("/dev/zero")] {
            let told = token(path).expect_err("no file");
            assert!(told.ends_with("is not a regular file"), "{told}");
        }
        let told = token(&folder.path().join("none")).expect_err("there is none");
        assert!(told.contains("cannot be read: No such file"), "{told}");
        let (_folder, path) = file(vec![b'x'; 1024 * 1024 + 1], 0o600);
        assert!(token(&path).expect_err("too large").contains("is too large"));
    }

    #[test]
    fn a_file_without_what_is_expected_of_it_is_told() {
        let pair = rcgen::generate_simple_self_signed(["a".to_owned()]).expect("a certificate");
        let (_folder, path) = file(pair.cert.pem(), 0o600);
        assert_eq!(certificates(&path).expect("there is one").len(), 1);
        assert!(key(&path).expect_err("none").contains("has no private key"));
        let (_folder, path) = file(pair.signing_key.serialize_pem(), 0o600);
        assert!(key(&path).is_ok());
        assert!(certificates(&path).expect_err("none").contains("has no certificate"));
        let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
        let (_folder, path) = file(broken, 0o600);
        assert!(certificates(&path).expect_err("broken").contains("is no PEM"));
        let locked =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let (_folder, path) = file(locked, 0o600);
        assert!(key(&path).expect_err("locked").contains("has an encrypted key"));
    }
}
