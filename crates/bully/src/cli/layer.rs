//! Where values come from, and which of several wins.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::key::{Key, variable};
use super::usage::{UsageError, quoted};
use crate::Mode;

/// Who gave a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line.
    Flag,
    /// The environment variable of this name.
    Environment(String),
    /// The configuration file at this path.
    File(PathBuf),
    /// Nobody: it is the built-in value.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value as somebody wrote it, not yet understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) origin: Origin,
    /// The line of the file, counted from one.
    pub(crate) line: Option<usize>,
}

impl Raw {
    /// A value from the command line.
    pub(crate) fn flag(name: &'static str, text: String) -> Self {
        Self { name, text, origin: Origin::Flag, line: None }
    }

    /// A value from the environment; an empty variable counts as one that is not set, because that
    /// is all that many a unit file or container manifest can do to unset one.
    pub(crate) fn environment(
        name: &'static str,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Self>, UsageError> {
        let variable = variable(name);
        let Some(value) = env(&variable).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        let text = value.into_string().map_err(|value| {
            let shown = quoted(&value.to_string_lossy());
            UsageError::new(format!("{variable}: {shown} is not UTF-8"))
        })?;
        Ok(Some(Self { name, text, origin: Origin::Environment(variable), line: None }))
    }

    /// The value understood by `parse`, whose complaint is completed with who gave the value.
    pub(crate) fn parse<T>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, UsageError> {
        parse(&self.text).map_err(|complaint| self.wrong(&complaint))
    }

    /// The complaint, with who gave the value.
    pub(crate) fn wrong(&self, complaint: &str) -> UsageError {
        let name = self.name;
        let line = self.line.map_or_else(String::new, |line| format!(" (line {line})"));
        // Kubernetes sets BULLY_PORT and the like in every pod beside a Service called bully.
        let hint = if self.text.starts_with("tcp://") {
            "; Kubernetes sets this for a Service named bully: use enableServiceLinks: false"
        } else {
            ""
        };
        UsageError::new(match &self.origin {
            Origin::Flag | Origin::Default => format!("-{name}: {complaint}"),
            Origin::Environment(variable) => format!("{variable}: {complaint}{hint}"),
            Origin::File(path) => format!("{}: {name}: {complaint}{line}", path.display()),
        })
    }
}

/// The values that one source gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layer(BTreeMap<Key, Raw>);

impl Layer {
    /// What the environment gives.
    pub(crate) fn environment(env: impl Fn(&str) -> Option<OsString>) -> Result<Self, UsageError> {
        let mut layer = Self::default();
        for key in Key::ALL {
            if let Some(raw) = Raw::environment(key.name(), &env)? {
                layer.set(key, raw);
            }
        }
        Ok(layer)
    }

    /// What holds in that mode where nobody says anything.
    pub(crate) fn defaults(mode: Mode) -> Self {
        let raw = |key: Key| {
            let text = key.default_text(mode)?.to_owned();
            Some((key, Raw { name: key.name(), text, origin: Origin::Default, line: None }))
        };
        Self(Key::ALL.into_iter().filter_map(raw).collect())
    }

    pub(crate) fn set(&mut self, key: Key, raw: Raw) {
        self.0.insert(key, raw);
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Raw> {
        self.0.get(&key)
    }
}

/// Layers, the strongest first.
#[derive(Clone, Debug)]
pub(crate) struct Layers(pub(crate) Vec<Layer>);

impl Layers {
    /// The strongest layer's value, as it was written.
    pub(crate) fn strongest(&self, key: Key) -> Option<&Raw> {
        self.all(key).next()
    }

    /// The complaint about a value that is given, and can have no effect.
    pub(crate) fn needless(&self, key: Key, complaint: &str) -> UsageError {
        let raw = self.strongest(key).expect("it is given");
        raw.wrong(complaint)
    }

    fn all(&self, key: Key) -> impl Iterator<Item = &Raw> {
        self.0.iter().filter_map(move |layer| layer.get(key))
    }

    /// The value of the strongest layer that has one, and who gave it.
    ///
    /// The values it hides are parsed all the same: a mistake in a file should not lie in wait until
    /// the flag that covers it is dropped.
    pub(crate) fn pick<T>(
        &self,
        key: Key,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<(T, Origin)>, UsageError> {
        let mut strongest = None;
        for raw in self.all(key) {
            let value = raw.parse(&parse)?;
            strongest.get_or_insert((value, raw.origin.clone()));
        }
        Ok(strongest)
    }
}
