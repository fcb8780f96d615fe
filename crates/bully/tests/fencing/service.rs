//! The HTTP service.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{block, program, until};

struct Service {
    child: Child,
    port: u16,
}

impl Service {
    fn start(python: &Path, script: &Path, kept: &Path) -> Self {
        // Given back at once; nobody else on this machine is given it so soon.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
        let port = port.port();
        let mut command = Command::new(python);
        command.arg(script).arg(kept).arg(port.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("python3 starts");
        until("the service listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { child, port }
    }

    /// The status of a write.
    fn put(&self, token: &str, value: &str) -> u16 {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        let length = value.len();
        let request = format!(
            "PUT /value HTTP/1.0\r\nFencing-Token: {token}\r\nContent-Length: {length}\r\n\r\n{value}"
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it answers");
        reply.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn script(folder: &Path) -> PathBuf {
    let script = folder.join("service.py");
    std::fs::write(&script, block("service")).expect("a script");
    script
}

#[test]
fn a_smaller_token_gets_409_also_after_a_restart() {
    let Some(python) = program("a_smaller_token_gets_409_also_after_a_restart", "python3") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (script, kept) = (script(folder.path()), folder.path().join("kept"));
    let service = Service::start(&python, &script, &kept);
    assert_eq!(service.put("7", "old"), 204);
    assert_eq!(service.put("9", "new"), 204);
    assert_eq!(service.put("9", "newer"), 204);
    assert_eq!(service.put("8", "late"), 409);
    for nonsense in ["", "x", "-1", "1.5"] {
        assert_eq!(service.put(nonsense, "y"), 400, "{nonsense:?}");
    }
    drop(service);
    let service = Service::start(&python, &script, &kept);
    assert_eq!(service.put("8", "late"), 409);
    let text = std::fs::read_to_string(&kept).expect("what it keeps");
    assert!(text.contains("newer") && text.contains('9'), "{text}");
}

#[test]
fn of_two_reigns_that_write_at_once_the_service_takes_nothing_of_the_old_one_after_the_new_one() {
    let test = "of_two_reigns_that_write_at_once_the_service_takes_nothing_of_the_old_one_after_the_new_one";
    let Some(python) = program(test, "python3") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (script, kept) = (script(folder.path()), folder.path().join("kept"));
    let service = Service::start(&python, &script, &kept);
    assert_eq!(service.put("1", "old"), 204);
    std::thread::scope(|scope| {
        let old = scope.spawn(|| {
            let statuses = (0..500).map(|_| service.put("1", "old"));
            let refused = |status: &u16| *status == 409;
            statuses.skip_while(|status| !refused(status)).all(|status| refused(&status))
        });
        (0..50).for_each(|_| assert_eq!(service.put("2", "new"), 204));
        assert!(old.join().expect("no panic"), "once refused, it is refused for ever");
    });
    assert_eq!(service.put("1", "late"), 409);
}
