//! The settings of a node, by name.

use crate::Mode;

/// One setting of a node: a flag `-name`, a variable `BULLY_NAME`, a key `name` of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Places to dial.
    Nodes,
    /// The port for peers.
    Port,
    /// The address on which peers are awaited.
    Bind,
    /// The address told to peers.
    Advertise,
    /// Where HTTP is served.
    Http,
    /// The certificate with which it is served.
    HttpTlsCert,
    /// The key of that.
    HttpTlsKey,
    /// The certificates of which its clients have one of their own.
    HttpClientCa,
    /// The token without which no question is answered.
    HttpReadTokenFile,
    /// The token with which orders are taken.
    HttpAdminTokenFile,
    /// Whether `/leader` answers with the port.
    ShowPort,
    /// The webhook.
    Url,
    /// The cluster's name.
    Cluster,
    /// How leaders are elected.
    Mode,
    /// Who leads among those who could.
    Priority,
    /// Whether a node takes over from one of lower priority.
    Preempt,
    /// How often peers hear from this node.
    Heartbeat,
    /// How long a node promises itself to a leader, in quorum mode.
    Lease,
    /// Where what is kept from one run to the next is kept.
    DataDir,
    /// The file with the secret that peers share.
    SecretFile,
    /// The file that lists the keys of the peers.
    PeerKeys,
    /// Whether the address kept there may be another, in quorum mode.
    Moved,
    /// The form of the log.
    Log,
    /// What the log leaves out.
    LogLevel,
}

impl Key {
    /// Every key, in the order in which they are listed to people.
    pub const ALL: [Self; 24] = [
        Self::Nodes,
        Self::Port,
        Self::Bind,
        Self::Advertise,
        Self::Http,
        Self::HttpTlsCert,
        Self::HttpTlsKey,
        Self::HttpClientCa,
        Self::HttpReadTokenFile,
        Self::HttpAdminTokenFile,
        Self::ShowPort,
        Self::Url,
        Self::Cluster,
        Self::Mode,
        Self::Priority,
        Self::Preempt,
        Self::Heartbeat,
        Self::Lease,
        Self::DataDir,
        Self::Moved,
        Self::SecretFile,
        Self::PeerKeys,
        Self::Log,
        Self::LogLevel,
    ];

    /// The name, as in the file and after the dash of the flag.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Port => "port",
            Self::Bind => "bind",
            Self::Advertise => "advertise",
            Self::Http => "http",
            Self::HttpTlsCert => "http-tls-cert",
            Self::HttpTlsKey => "http-tls-key",
            Self::HttpClientCa => "http-client-ca",
            Self::HttpReadTokenFile => "http-read-token-file",
            Self::HttpAdminTokenFile => "http-admin-token-file",
            Self::ShowPort => "showport",
            Self::Url => "url",
            Self::Cluster => "cluster",
            Self::Mode => "mode",
            Self::Priority => "priority",
            Self::Preempt => "preempt",
            Self::Heartbeat => "heartbeat",
            Self::Lease => "lease",
            Self::DataDir => "data-dir",
            Self::Moved => "moved",
            Self::SecretFile => "secret-file",
            Self::PeerKeys => "peer-keys",
            Self::Log => "log",
            Self::LogLevel => "log-level",
        }
    }

    /// The value in that mode where nobody gives one, as one would write it; `None` for what is
    /// absent then, and for the data directory, which depends on the machine.
    pub const fn default_text(self, mode: Mode) -> Option<&'static str> {
        match self {
            Self::Nodes
            | Self::Bind
            | Self::Advertise
            | Self::HttpTlsCert
            | Self::HttpTlsKey
            | Self::HttpClientCa
            | Self::HttpReadTokenFile
            | Self::HttpAdminTokenFile
            | Self::Url
            | Self::DataDir
            | Self::SecretFile
            | Self::PeerKeys => None,
            Self::Port => Some("8117"),
            Self::Http => Some("127.0.0.1:8080"),
            Self::ShowPort | Self::Moved => Some("false"),
            Self::Cluster | Self::Mode => Some("bully"),
            Self::Priority => Some("100"),
            Self::Preempt => Some("true"),
            Self::Heartbeat => Some(match mode {
                Mode::Bully => "100ms",
                Mode::Quorum => "150ms",
            }),
            Self::Lease => match mode {
                Mode::Bully => None,
                Mode::Quorum => Some("1s"),
            },
            Self::Log => Some("text"),
            Self::LogLevel => Some("warn"),
        }
    }

    /// The key of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }
}

/// The environment variable that stands for a flag.
pub(crate) fn variable(name: &str) -> String {
    format!("BULLY_{}", name.replace('-', "_").to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_the_flag_in_capitals_with_underscores() {
        assert_eq!(variable(Key::LogLevel.name()), "BULLY_LOG_LEVEL");
        assert_eq!(variable(Key::DataDir.name()), "BULLY_DATA_DIR");
        assert_eq!(variable("nodes"), "BULLY_NODES");
    }

    #[test]
    fn every_key_is_found_by_its_name() {
        for key in Key::ALL {
            assert_eq!(Key::named(key.name()), Some(key));
        }
        assert_eq!(Key::named("config"), None);
    }
}
