//! Where a node has the secret that its peers share, and the list of their keys.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, io, str};

use super::files;
use super::layer::Origin;
use crate::{Elector, Pins, Secrets};

/// The variable that holds secrets themselves, for want of a better place.
const SECRET: &str = "BULLY_SECRET";

/// Where systemd puts what a unit's `LoadCredential=` names.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The credential that is taken for the secret where nothing else is given.
const CREDENTIAL: &str = "bully-secret";

/// By what a node knows its peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// Where the secret is.
    pub secret: SecretSource,
    /// The file that lists the keys of the nodes to speak with; none to speak with whoever has the
    /// secret.
    pub peer_keys: Option<PathBuf>,
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In this file.
    File(PathBuf),
    /// It was in the environment.
    Environment(Secrets),
}

impl Security {
    /// Reads the files.
    ///
    /// # Errors
    /// One line about what is wrong with them.
    pub(super) fn read(&self) -> Result<(Secrets, Option<Pins>), String> {
        Ok((self.secrets()?, self.pins()?))
    }

    fn secrets(&self) -> Result<Secrets, String> {
        let path = match &self.secret {
            SecretSource::File(path) => path,
            SecretSource::Environment(secrets) => return Ok(secrets.clone()),
        };
        let secrets = files::own(path).and_then(|bytes| understood(path, &bytes));
        secrets.map_err(|complaint| format!("-secret-file: {complaint}"))
    }

    fn pins(&self) -> Result<Option<Pins>, String> {
        let read = |path: &PathBuf| {
            let pins = files::public(path).and_then(|bytes| understood(path, &bytes));
            pins.map_err(|complaint| format!("-peer-keys: {complaint}"))
        };
        self.peer_keys.as_ref().map(read).transpose()
    }

    /// Whether there is something to read again.
    pub(super) fn is_in_files(&self) -> bool {
        matches!(self.secret, SecretSource::File(_)) || self.peer_keys.is_some()
    }

    /// Reads the files again, for a node that runs.
    ///
    /// # Errors
    /// One line about what is wrong with them: then nothing is changed.
    pub(super) fn reread(&self, elector: &Elector) -> Result<(), String> {
        let (secrets, pins) = self.read()?;
        elector.set_pins(pins.as_ref()).map_err(|refused| format!("-peer-keys: {refused}"))?;
        elector.set_secrets(secrets).map_err(|refused| refused.to_string())
    }
}

/// What the text of a file says.
fn understood<T: FromStr<Err: fmt::Display>>(path: &Path, bytes: &[u8]) -> Result<T, String> {
    let text = str::from_utf8(bytes).map_err(|_| files::named(path, "is not text"))?;
    text.parse().map_err(|error| files::named(path, &format!("cannot be used: {error}")))
}

/// The secret that the environment has: in a variable, or as a credential of the unit.
///
/// # Errors
/// If what the variable holds is none; it is not shown.
pub(super) fn from_environment(
    env: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<(SecretSource, Origin)>, String> {
    if let Some(value) = env(SECRET) {
        // Of other settings an empty one counts as unset. But who sets this one counts on it.
        if value.is_empty() {
            return Err(format!(
                "{SECRET}: it is set and empty: unset it, or put the secret there"
            ));
        }
        let text = value.to_str().ok_or_else(|| format!("{SECRET}: it is not UTF-8"))?;
        let secrets = text.parse().map_err(|error| format!("{SECRET}: {error}"))?;
        let origin = Origin::Environment(SECRET.to_owned());
        return Ok(Some((SecretSource::Environment(secrets), origin)));
    }
    let credential = env(CREDENTIALS).map(|folder| Path::new(&folder).join(CREDENTIAL));
    // One that is there and cannot be read is a mistake, and not a node without a secret.
    let is_there = |path: &PathBuf| {
        let missing = path.symlink_metadata().err();
        path.is_absolute() && missing.is_none_or(|error| error.kind() != io::ErrorKind::NotFound)
    };
    let found = credential.filter(is_there);
    Ok(found.map(|path| (SecretSource::File(path), Origin::Environment(CREDENTIALS.to_owned()))))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const TEXT: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn found(variables: &[(&str, &str)]) -> Result<Option<(SecretSource, Origin)>, String> {
        from_environment(&|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_environment_has_a_secret_in_a_variable_or_as_a_credential_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = ("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap());
        assert_eq!(found(&[]), Ok(None));
        assert_eq!(found(&[credentials]), Ok(None), "there is no such credential");
        assert!(found(&[("BULLY_SECRET", "")]).unwrap_err().contains("it is set and empty"));
        let path = folder.path().join("bully-secret");
        fs::write(&path, TEXT).unwrap();
        let (source, origin) = found(&[credentials]).unwrap().unwrap();
        assert_eq!(source, SecretSource::File(path));
        assert_eq!(origin.to_string(), "CREDENTIALS_DIRECTORY");
        let (source, origin) = found(&[credentials, ("BULLY_SECRET", TEXT)]).unwrap().unwrap();
        assert_eq!(source, SecretSource::Environment(TEXT.parse().unwrap()));
        assert_eq!(origin.to_string(), "BULLY_SECRET");
    }

    #[test]
    fn a_wrong_variable_is_complained_of_and_not_shown() {
        let complaint = found(&[("BULLY_SECRET", "hunter2")]).unwrap_err();
        assert!(complaint.starts_with("BULLY_SECRET: it holds something else"), "{complaint}");
        assert!(!complaint.contains("hunter2"));
    }
}
