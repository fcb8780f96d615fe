//! What the program's exit codes mean.

use std::process::ExitCode;

/// Why the program ends, as the number that a script sees.
///
/// `bully run` passes the code of its command on, so there these overlap with whatever the command
/// returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// What was asked is done.
    Done = 0,
    /// Something failed that no other code describes.
    Error = 1,
    /// The command line, the environment or the configuration file is wrong.
    Usage = 2,
    /// There is no leader; for `is-leader`, the node asked is not the leader.
    NoLeader = 3,
    /// A port, a socket, a data directory or a file is in use (`EX_UNAVAILABLE` of sysexits.h).
    InUse = 69,
    /// Leadership was lost and nothing is to be restarted (`EX_TEMPFAIL` of sysexits.h).
    LeadershipLost = 75,
}

impl Exit {
    /// The number itself.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// Why the program ends without having begun: one line that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{line}")]
pub(super) struct Failure {
    /// What is in use has a code of its own, so that a supervisor can tell it from a crash, and from
    /// what is wrong as long as nobody changes it.
    pub(super) exit: Exit,
    line: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, line: String) -> Self {
        Self { exit, line }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_the_documented_numbers() {
        use Exit::{Done, Error, InUse, LeadershipLost, NoLeader, Usage};
        let codes = [Done, Error, Usage, NoLeader, InUse, LeadershipLost].map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 3, 69, 75]);
    }
}
