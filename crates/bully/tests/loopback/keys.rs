//! Certificates and tokens, made for one test and gone with it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

/// A folder for files that flags name.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file that nobody else can read. One that is there is replaced as a whole.
    pub(crate) fn write(&self, name: &str, content: &str) -> String {
        let (path, draft) = (self.path(name), self.path("draft"));
        fs::write(&draft, content).expect("it is written");
        fs::set_permissions(&draft, Permissions::from_mode(0o600)).expect("it is ours");
        fs::rename(&draft, &path).expect("it is replaced");
        shown(&path)
    }
}

pub(crate) fn shown(path: &Path) -> String {
    path.to_str().expect("the path of a test is UTF-8").to_owned()
}

/// Who signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Its own certificate, by which others are checked.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for that name or address, and its key.
    pub(crate) fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }
}
