//! By which way a request came.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::Extensions;

/// By which way a request came, as an extension of the request. [`serve`](super::serve) and its like
/// put it there; a server of one's own may do so too, or give axum's
/// [`ConnectInfo`](axum::extract::ConnectInfo)`<SocketAddr>`, which counts as TCP without TLS.
/// Without either the client counts as one from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Over TCP.
    Tcp {
        /// The client's address.
        address: SocketAddr,
        /// Whether TLS is spoken with it.
        is_tls: bool,
    },
    /// Over a Unix socket, whose mode and directory say who can open it: nothing else is asked of
    /// whoever did.
    Unix,
}

impl Caller {
    pub(super) fn of(extensions: &Extensions) -> Option<Self> {
        let known = extensions.get::<Self>().copied();
        known.or_else(|| {
            let client = extensions.get::<ConnectInfo<SocketAddr>>();
            client.map(|ConnectInfo(address)| Self::Tcp { address: *address, is_tls: false })
        })
    }

    pub(super) fn is_loopback(self) -> bool {
        // A socket for both families shows addresses of the older one in the form of the newer.
        let is_local = |ip: IpAddr| ip.to_canonical().is_loopback();
        matches!(self, Self::Tcp { address, .. } if is_local(address.ip()))
    }

    pub(super) fn is_tls(self) -> bool {
        matches!(self, Self::Tcp { is_tls: true, .. })
    }
}
