//! What can go wrong while a lab is built or used.

use std::io;
use std::process::Output;
use std::time::Duration;

/// Why a lab, or something in it, could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// This machine gives no namespaces.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),

    /// The configuration asks for something that cannot be.
    #[error("the lab cannot be built as configured: {0}")]
    Config(String),

    /// A file, a directory or a program of the machine refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the machine answered.
        source: io::Error,
    },

    /// A tool ran and failed.
    #[error("{what} failed ({status}): {printed}")]
    Tool {
        /// What was tried.
        what: String,
        /// How the tool ended.
        status: String,
        /// What it printed.
        printed: String,
    },

    /// Something did not happen in time.
    #[error("{what} did not happen within {waited:?}; seen so far:\n{seen}")]
    Late {
        /// What was waited for.
        what: String,
        /// How long it was waited for.
        waited: Duration,
        /// What there was instead.
        seen: String,
    },
}

impl LabError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// `Ok` if the tool succeeded, else what it printed.
    pub(crate) fn check(what: &str, output: &Output) -> Result<(), Self> {
        if output.status.success() {
            return Ok(());
        }
        Err(Self::Tool {
            what: what.to_owned(),
            status: output.status.to_string(),
            printed: printed(output),
        })
    }
}

/// Why this machine gives no namespaces, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unavailable {
    pub(crate) reason: String,
}

/// Both streams of a tool, standard error first: there the reason is.
pub(crate) fn printed(output: &Output) -> String {
    let streams = [&output.stderr, &output.stdout];
    let texts = streams.map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
    let texts: Vec<&str> =
        texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    texts.join("\n")
}
