//! The node's own key on disk: its private half as text.

use std::os::unix::fs::MetadataExt as _;
use std::str;

use zeroize::Zeroizing;

use super::directory::{self, Directory};
use super::{StoreError, directory::failed};
use crate::noise::NodeKey;

/// The name of the file.
const KEY: &str = "key";

/// Far more than the text of a key.
const LEN_MAX: usize = 256;

impl Directory {
    /// The key that is kept here, made and kept now if there is none.
    ///
    /// # Errors
    /// If it cannot be read or written, or is none.
    pub(crate) fn key(&self) -> Result<NodeKey, StoreError> {
        let path = self.join(KEY);
        if let Ok(about) = path.symlink_metadata()
            && about.mode() & 0o077 != 0
        {
            return Err(StoreError::OpenKey { path, mode: about.mode() & 0o7777 });
        }
        let found = directory::bytes(&path, LEN_MAX).map_err(failed("read", &path))?;
        let Some(found) = found else {
            self.clear(KEY)?;
            let made = NodeKey::generate();
            let text = |key: &NodeKey| Zeroizing::new(format!("{}\n", *key.private().to_base64()));
            let kept = made.and_then(|key| {
                self.replace(KEY, text(&key).as_bytes())?;
                Ok(key)
            });
            return kept.map_err(failed("write", &path));
        };
        let text = found.ok().map(Zeroizing::new);
        let text = text.as_ref().and_then(|bytes| str::from_utf8(bytes).ok());
        let key = text.and_then(|text| NodeKey::from_text(text).ok());
        key.ok_or(StoreError::NoKey { path })
    }
}
