//! What guards the HTTP interface: certificates and tokens, read from files at the start and again
//! whenever the node is told to.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{InconsistentKeys, ServerConfig};

use super::files;
use super::key::Key;
use super::reload::Reloads;
use crate::http::{Access, Tls, Tokens};

/// The files that guard the HTTP interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpGuard {
    /// Where TCP is answered over TLS alone.
    pub tls: Option<TlsFiles>,
    /// The token without which no question is answered.
    pub read_token: Option<PathBuf>,
    /// The token with which orders are taken from anywhere.
    pub admin_token: Option<PathBuf>,
}

/// The files of TLS, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The node's certificate, and those between it and the one that clients trust.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The certificates of which clients must have one of their own.
    pub client_ca: Option<PathBuf>,
}

/// What was read of them, shared with the interface that it guards.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) access: Access,
    pub(super) tls: Option<Tls>,
}

impl HttpGuard {
    /// Reads all of them.
    ///
    /// # Errors
    /// One line about the first that is wrong.
    pub(super) fn load(&self) -> Result<Guard, String> {
        let tls = self.tls.as_ref().map(|files| files.load().map(Tls::new)).transpose()?;
        Ok(Guard { access: Access::new(self.tokens()?), tls })
    }

    /// Has them read again when the node is told to: the certificate with its key, or neither, and
    /// both tokens or none.
    pub(super) fn reload(&self, guard: &Guard, reloads: &mut Reloads) {
        if let (Some(files), Some(tls)) = (self.tls.clone(), guard.tls.clone()) {
            reloads.add("the certificate of HTTP", move || {
                tls.replace(files.load()?);
                Ok(())
            });
        }
        if self.read_token.is_some() || self.admin_token.is_some() {
            let (files, access) = (self.clone(), guard.access.clone());
            reloads.add("the tokens of HTTP", move || {
                access.replace(files.tokens()?);
                Ok(())
            });
        }
    }

    fn tokens(&self) -> Result<Tokens, String> {
        let token = |key: Key, path: &Option<PathBuf>| {
            let token = path.as_ref().map(|path| files::token(path)).transpose();
            token.map_err(|why| of_flag(key, &why))
        };
        let read = token(Key::HttpReadTokenFile, &self.read_token)?;
        let admin = token(Key::HttpAdminTokenFile, &self.admin_token)?;
        if let (Some(read), Some(admin)) = (&read, &admin)
            && read.is_same(admin)
        {
            let why = "it is the token for questions, too: whoever asks could give orders";
            return Err(of_flag(Key::HttpAdminTokenFile, why));
        }
        Ok(Tokens { read, admin })
    }
}

impl TlsFiles {
    fn load(&self) -> Result<Arc<ServerConfig>, String> {
        let chain =
            files::certificates(&self.cert).map_err(|why| of_flag(Key::HttpTlsCert, &why))?;
        let key = files::key(&self.key).map_err(|why| of_flag(Key::HttpTlsKey, &why))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match self.client_verifier(provider)? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                let (cert, key) = (self.cert.display(), self.key.display());
                of_flag(Key::HttpTlsKey, &format!("{key} is not the key of {cert}"))
            }
            error => {
                let cert = self.cert.display();
                of_flag(Key::HttpTlsCert, &format!("{cert} with its key is of no use: {error}"))
            }
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    fn client_verifier(
        &self,
        provider: Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
        let Some(path) = &self.client_ca else { return Ok(None) };
        let wrong = |why: &str| of_flag(Key::HttpClientCa, why);
        let mut roots = RootCertStore::empty();
        for certificate in files::certificates(path).map_err(|why| wrong(&why))? {
            let added = roots.add(certificate);
            added.map_err(|error| wrong(&format!("{}: {error}", path.display())))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        verifier.build().map(Some).map_err(|error| wrong(&error.to_string()))
    }
}

fn of_flag(key: Key, why: &str) -> String {
    format!("-{}: {why}", key.name())
}
