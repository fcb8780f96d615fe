//! Files that hold what others must not know.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;
use zeroize::Zeroizing;

/// Reads a small text that nobody else can read: at most `max` bytes.
///
/// Others must have no permission at all. The file's group may read it where the file is not this
/// user's: then the group is why this user can read it, as with what service managers and Kubernetes
/// hand to a program.
///
/// # Errors
/// A sentence about the file, with what to do.
pub(super) fn read(path: &Path, max: usize) -> Result<Zeroizing<String>, String> {
    let shown = path.display();
    let failed = |error: io::Error| format!("{shown} cannot be read: {error}");
    // A pipe is not waited for.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(format!("{shown} is not a file"));
    }
    if let Some(remedy) = remedy(&metadata, geteuid().as_raw()) {
        let mode = metadata.mode() & 0o777;
        return Err(format!("others can read {shown} (mode {mode:04o}): chmod {remedy} {shown}"));
    }
    text(file, max).map_err(failed)?.ok_or_else(|| format!("{shown} is too long, or not text"))
}

/// The mode to give a file that others than this user can read or write, if they can.
fn remedy(metadata: &Metadata, user: u32) -> Option<&'static str> {
    let (others, remedy) = if metadata.uid() == user { (0o077, "600") } else { (0o027, "640") };
    (metadata.mode() & others != 0).then_some(remedy)
}

fn text(file: File, max: usize) -> io::Result<Option<Zeroizing<String>>> {
    // Room for all that is read: what grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(max + 1));
    file.take(max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > max {
        return Ok(None);
    }
    Ok(std::str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    fn file(mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "text\n").unwrap();
        fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
        file
    }

    fn read_with(mode: u32) -> Result<String, String> {
        let file = file(mode);
        let shown = file.path().display().to_string();
        let text = read(file.path(), 5).map(|text| text.to_string());
        text.map_err(|error| error.replace(&shown, "FILE"))
    }

    #[test]
    fn a_file_that_others_can_read_or_write_is_refused_with_the_remedy() {
        for mode in [0o600, 0o400, 0o700] {
            assert_eq!(read_with(mode), Ok("text\n".to_owned()), "{mode:o}");
        }
        for mode in [0o640, 0o604, 0o620, 0o602, 0o601, 0o644] {
            let refused = format!("others can read FILE (mode {mode:04o}): chmod 600 FILE");
            assert_eq!(read_with(mode), Err(refused));
        }
    }

    #[test]
    fn the_group_of_a_file_that_is_handed_to_this_user_may_read_it() {
        let file = file(0o640);
        if let Err(why) = chown(file.path(), Some(12_345), None) {
            eprintln!("skipped: only root can give a file away: {why}");
            return;
        }
        assert!(read(file.path(), 5).is_ok());
        fs::set_permissions(file.path(), Permissions::from_mode(0o644)).unwrap();
        assert!(read(file.path(), 5).unwrap_err().contains("chmod 640 "));
    }

    #[test]
    fn what_is_no_short_text_in_a_file_is_refused() {
        let file = file(0o600);
        assert!(read(file.path(), 4).unwrap_err().ends_with("is too long, or not text"));
        fs::write(file.path(), [0xff]).unwrap();
        assert!(read(file.path(), 4).unwrap_err().ends_with("is too long, or not text"));
        assert!(read(Path::new("/dev"), 4).unwrap_err().ends_with("is not a file"));
        assert!(read(Path::new("/nowhere"), 4).unwrap_err().contains("No such file"));
    }
}
