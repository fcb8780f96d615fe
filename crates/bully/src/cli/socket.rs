//! The Unix socket on which HTTP is served.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, fchmod, flock};
use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

use super::exit::{Exit, Failure};

/// For the owner and the group: whoever can open it gives orders.
const MODE: u32 = 0o660;

const BACKLOG: i32 = 128;

/// A socket file of this process, removed when this is dropped, unless another has its name by then.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
    /// As long as the socket is open its inode's number is nobody else's.
    _open: UnixListener,
}

impl SocketFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if inode(&self.path).is_ok_and(|inode| inode == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Listens at that path. A socket file there that nobody listens on any more, since its process was
/// killed, is replaced; whatever else is there stays.
pub(super) fn bind(path: &Path) -> Result<(UnixListener, SocketFile), Failure> {
    // Held until the end: of two processes that find the file of a dead one, one replaces it, and
    // the other finds the new one.
    let _turn = turn(path)?;
    clear(path)?;
    listen(path).map_err(|error| {
        let line = format!("-http: cannot listen on unix:{}: {error}", path.display());
        Failure::new(if is_of_path(&error) { Exit::Usage } else { Exit::Error }, line)
    })
}

/// Whether another path would do.
fn is_of_path(error: &io::Error) -> bool {
    use ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), NotFound | NotADirectory | PermissionDenied | ReadOnlyFilesystem)
}

fn in_use(path: &Path) -> Failure {
    let remedy = "end what listens there, or choose another path";
    Failure::new(Exit::InUse, format!("-http: unix:{} is taken: {remedy}", path.display()))
}

/// The turn to bind in the directory. One that cannot be locked has no turns.
fn turn(path: &Path) -> Result<Option<File>, Failure> {
    let Some(Ok(directory)) = path.parent().map(File::open) else { return Ok(None) };
    match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(directory)),
        Err(Errno::WOULDBLOCK) => Err(in_use(path)),
        Err(_) => Ok(None),
    }
}

/// Removes what a dead process has left.
fn clear(path: &Path) -> Result<(), Failure> {
    let Ok(about) = fs::symlink_metadata(path) else { return Ok(()) };
    if !about.file_type().is_socket() {
        let line = format!("-http: {} is there and is no socket: it stays", path.display());
        return Err(Failure::new(Exit::Usage, line));
    }
    match connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            // What cannot be removed cannot be bound either, which is told then.
            let _ = fs::remove_file(path);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        _ => Err(in_use(path)),
    }
}

/// Asks whether somebody listens, and does not wait where nobody accepts.
fn connect(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}

fn listen(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // The file has the mode of the socket, less the umask: at no moment can more open it than may.
    fchmod(&socket, Mode::from_raw_mode(MODE))?;
    socket.bind(&SockAddr::unix(path)?)?;
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = UnixListener::from(socket);
    let open = listener.try_clone()?;
    let file = SocketFile { path: path.to_owned(), inode: inode(path)?, _open: open };
    Ok((listener, file))
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    let about = fs::symlink_metadata(path)?;
    Ok((about.dev(), about.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("http.sock");
        (folder, path)
    }

    fn refused(path: &Path) -> (Exit, String) {
        let failure = bind(path).expect_err("it is not to be had");
        (failure.exit, failure.to_string().replace(&*path.to_string_lossy(), "S"))
    }

    #[test]
    fn the_file_is_for_owner_and_group_and_is_gone_at_the_end() {
        let (_folder, path) = folder();
        let (listener, file) = bind(&path).expect("it is free");
        assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o7777, MODE);
        UnixStream::connect(&path).expect("somebody listens");
        drop(listener);
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_in_use_is_left_alone() {
        let (_folder, path) = folder();
        let _bound = bind(&path).expect("it is free");
        let told = "-http: unix:S is taken: end what listens there, or choose another path";
        assert_eq!(refused(&path), (Exit::InUse, told.to_owned()));
        UnixStream::connect(&path).expect("it listens still");
    }

    /// One that accepts nobody, and whose queue is full.
    #[test]
    fn a_socket_whose_process_is_stuck_is_in_use() {
        let (_folder, path) = folder();
        let (_listener, _file) = bind(&path).expect("it is free");
        let mut waiting = Vec::new();
        loop {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
            socket.set_nonblocking(true).expect("it is ours");
            if socket.connect(&SockAddr::unix(&path).expect("a path")).is_err() {
                break;
            }
            waiting.push(socket);
        }
        assert_eq!(refused(&path).0, Exit::InUse);
    }

    #[test]
    fn the_socket_of_a_dead_process_is_replaced() {
        let (_folder, path) = folder();
        drop(std::os::unix::net::UnixListener::bind(&path).expect("it is free"));
        assert!(path.exists());
        let _bound = bind(&path).expect("nobody listens there");
        UnixStream::connect(&path).expect("somebody does now");
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let (folder, path) = folder();
        fs::write(&path, "dear").expect("it is written");
        let told = "-http: S is there and is no socket: it stays".to_owned();
        assert_eq!(refused(&path), (Exit::Usage, told.clone()));
        assert_eq!(fs::read(&path).expect("it is there"), b"dear");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        assert_eq!(refused(&link).1, told);
        assert_eq!(refused(&folder.path().join("none/s")).0, Exit::Usage);
    }

    #[test]
    fn a_file_that_another_process_has_bound_since_stays() {
        let (_folder, path) = folder();
        let (listener, file) = bind(&path).expect("it is free");
        fs::remove_file(&path).expect("it is ours");
        let (_other, _its_file) = bind(&path).expect("it is free");
        drop(listener);
        drop(file);
        assert!(path.exists());
    }
}
