#[cfg(feature = "tls")]
mod tls;

use std::fs::File;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::{Listener, serve_at_most};
use crate::http::fake::{Fake, electing, follower};

const DEADLINE: Duration = Duration::from_secs(20);

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn server(node: Fake, connections_max: usize) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { drop(stopped.await) };
    let task =
        tokio::spawn(serve_at_most(connections_max, Listener::Tcp(listener), node.app(), shutdown));
    Server { address, stop, task }
}

/// The same on a Unix socket in that folder.
fn unix_server(node: Fake, folder: &tempfile::TempDir) -> (std::path::PathBuf, Server) {
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { drop(stopped.await) };
    let task = tokio::spawn(serve_at_most(8, Listener::Unix(listener), node.app(), shutdown));
    (path, Server { address: "0.0.0.0:0".parse().unwrap(), stop, task })
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address).await.unwrap()
}

/// All that comes until the end; a reset is an end too.
async fn rest(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let _ = timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.expect("the end comes");
    String::from_utf8(bytes).unwrap()
}

/// One answer with a body, and the connection stays.
async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &str,
    end: &str,
) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    while !text.ends_with(end) {
        let byte = timeout(DEADLINE, stream.read_u8()).await.expect("an answer comes");
        text.push(char::from(byte.expect("the connection stays")));
    }
    text
}

const GET: &str = "GET /leader HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let server = server(Fake::new(follower()), 8).await;
    let mut stream = connect(&server).await;
    let first = answer(&mut stream, GET, "192.168.1.68\n").await;
    assert!(first.starts_with("HTTP/1.1 200 OK\r\n"), "{first}");
    let head = answer(&mut stream, &GET.replace("GET", "HEAD"), "\r\n\r\n").await;
    assert!(head.contains("content-length: 13\r\n"), "{head}");
    // Had the answer to HEAD a body, it would stand before this.
    let options = answer(&mut stream, &GET.replace("GET", "OPTIONS"), "\r\n\r\n").await;
    assert!(options.starts_with("HTTP/1.1 200 OK\r\n"), "{options}");
    assert!(options.contains("allow: GET, HEAD, OPTIONS\r\n"), "{options}");
    answer(&mut stream, GET, "192.168.1.68\n").await;
}

/// Of several connections each is known by its own client.
#[tokio::test]
async fn the_routes_are_told_who_asks() {
    let order = "POST /v1/step-down HTTP/1.1\r\nHost: localhost\r\n\
                 Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let local = server(Fake::new(follower()), 8).await;
    let mut stream = connect(&local).await;
    let obeyed = answer(&mut stream, order, "}\n").await;
    assert!(obeyed.starts_with("HTTP/1.1 200 OK\r\n"), "{obeyed}");
    // The connection serves on, an order after a question and the other way round.
    answer(&mut stream, GET, "192.168.1.68\n").await;
    answer(&mut stream, order, "{\"ok\":true}\n").await;
}

#[tokio::test]
async fn the_routes_are_told_that_a_client_came_over_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let (path, server) = unix_server(Fake::new(follower()), &folder);
    let mut stream = UnixStream::connect(&path).await.unwrap();
    answer(&mut stream, GET, "192.168.1.68\n").await;
    // Under a name that is nobody's.
    let order = "POST /v1/step-down HTTP/1.1\r\nHost: x\r\n\
                 Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    answer(&mut stream, order, "{\"ok\":true}\n").await;
    server.stop.send(()).unwrap();
    timeout(DEADLINE, server.task).await.expect("it ends").unwrap();
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_client_of_a_unix_socket_is_closed_when_it_is_slow_or_idle() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _server) = unix_server(Fake::new(follower()), &folder);
    for head in ["", "GET /leader HTTP/1.1\r\nHos", GET] {
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let start = Instant::now();
        stream.write_all(head.as_bytes()).await.unwrap();
        rest(&mut stream).await;
        let took = start.elapsed();
        assert!(took >= Duration::from_secs(5) && took < Duration::from_secs(6), "{took:?}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_refused_and_closed() {
    let server = server(Fake::new(follower()), 8).await;
    for garbage in
        ["\x16\x03\x01\x02\x01\x01\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "x\r\n\r\n"]
    {
        let mut stream = connect(&server).await;
        stream.write_all(garbage.as_bytes()).await.unwrap();
        let text = rest(&mut stream).await;
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 400 "), "{garbage:?}: {text}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused_and_closed() {
    let server = server(Fake::new(follower()), 8).await;
    for request in [
        format!("GET /leader HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(40_000)),
        format!("GET /leader HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: 1\r\n".repeat(200)),
    ] {
        let mut stream = connect(&server).await;
        // It may be closed before all of it is sent.
        let _ = stream.write_all(request.as_bytes()).await;
        let text = rest(&mut stream).await;
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 431 "), "{text}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_unread() {
    let server = server(Fake::new(follower()), 8).await;
    let mut stream = connect(&server).await;
    let head = "GET /leader HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let text = rest(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    let mut stream = connect(&server).await;
    let head = "GET /leader HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let text = rest(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_writes_too_slowly_is_closed() {
    let server = server(Fake::new(follower()), 8).await;
    for head in ["", "GET /leader HTTP/1.1\r\nHos"] {
        let mut stream = connect(&server).await;
        let start = Instant::now();
        stream.write_all(head.as_bytes()).await.unwrap();
        rest(&mut stream).await;
        let took = start.elapsed();
        assert!(took >= Duration::from_secs(5) && took < Duration::from_secs(6), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_in_the_end() {
    let server = server(Fake::new(follower()), 8).await;
    let mut stream = connect(&server).await;
    answer(&mut stream, GET, "192.168.1.68\n").await;
    let start = Instant::now();
    assert_eq!(rest(&mut stream).await, "");
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
}

#[tokio::test]
async fn one_connection_too_many_takes_the_place_of_the_oldest_and_the_others_stay() {
    let server = server(Fake::new(follower()), 2).await;
    let mut oldest = connect(&server).await;
    answer(&mut oldest, GET, "192.168.1.68\n").await;
    let mut other = connect(&server).await;
    answer(&mut other, GET, "192.168.1.68\n").await;
    let mut newest = connect(&server).await;
    answer(&mut newest, GET, "192.168.1.68\n").await;
    assert_eq!(rest(&mut oldest).await, "");
    answer(&mut other, GET, "192.168.1.68\n").await;
    // Who has left makes room for the next.
    drop(newest);
    let start = Instant::now();
    tokio::task::yield_now().await;
    let mut next = connect(&server).await;
    answer(&mut next, GET, "192.168.1.68\n").await;
    answer(&mut other, GET, "192.168.1.68\n").await;
    assert!(start.elapsed() < DEADLINE);
}

#[tokio::test(start_paused = true)]
async fn the_end_closes_idle_connections_and_the_listener() {
    let server = server(Fake::new(follower()), 8).await;
    let mut idle = connect(&server).await;
    answer(&mut idle, GET, "192.168.1.68\n").await;
    let start = Instant::now();
    server.stop.send(()).unwrap();
    assert_eq!(rest(&mut idle).await, "");
    timeout(DEADLINE, server.task).await.expect("it ends").unwrap();
    assert!(start.elapsed() < super::END_WITHIN, "{:?}", start.elapsed());
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_a_second_for_answers_under_way_and_no_longer() {
    let server = server(Fake::new(electing()), 8).await;
    let mut quick = connect(&server).await;
    let mut slow = connect(&server).await;
    let ask = |wait: &str| GET.replace("/leader", &format!("/leader?wait={wait}"));
    quick.write_all(ask("900ms").as_bytes()).await.unwrap();
    slow.write_all(ask("30s").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let start = Instant::now();
    server.stop.send(()).unwrap();
    server.task.await.unwrap();
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(990) && took < Duration::from_millis(1100), "{took:?}");
    assert!(rest(&mut quick).await.ends_with("an election is under way\n"));
    assert_eq!(rest(&mut slow).await, "");
}

/// The limit holds for a whole process, so that the test runs in one of its own.
#[test]
fn a_server_without_descriptors_recovers() {
    const CHILD: &str = "BULLY_TEST_HTTP_SHORTAGE";
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(short_of_descriptors());
    }
    let name = "http::serve::tests::a_server_without_descriptors_recovers";
    let output = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(words.contains("1 passed"), "{words}");
}

async fn short_of_descriptors() {
    let server = server(Fake::new(follower()), 8).await;
    let limit = Rlimit { current: Some(64), ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, limit).unwrap();
    // A socket that exists already can connect when no further descriptor is to be had.
    let socket = TcpSocket::new_v4().unwrap();
    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
    }
    let mut stream = socket.connect(server.address).await.unwrap();
    stream.write_all(GET.as_bytes()).await.unwrap();
    let silence = timeout(super::PAUSE * 3, stream.read_u8()).await;
    assert!(silence.is_err(), "without a descriptor nobody answers");
    drop(hoard);
    answer(&mut stream, "", "192.168.1.68\n").await;
}
