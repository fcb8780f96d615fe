use std::io::Write;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::*;
use crate::{EntryKind, Mode, Role};

const DEADLINE: Duration = Duration::from_secs(20);

/// A server that gives each request on to the test, and answers all alike.
async fn server(reply: &'static str) -> (u16, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, serve(listener, reply))
}

fn serve(listener: TcpListener, reply: &'static str) -> mpsc::UnboundedReceiver<String> {
    let (requests, received) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            // The bodies here end with the only brace that closes, and TLS begins with a 22.
            while !request.ends_with(b"}") && !request.starts_with(&[22]) {
                match stream.read_u8().await {
                    Ok(byte) => request.push(byte),
                    Err(_) => break,
                }
            }
            let _ = requests.send(String::from_utf8(request).unwrap());
            let _ = stream.write_all(reply.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    received
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn view() -> View {
    View {
        leader: None,
        node: "192.168.1.67:8117".to_owned(),
        role: Role::Leader,
        mode: Mode::Bully,
        cluster: "jobs".to_owned(),
        epoch: Some(7),
        token: None,
        lease: None,
        since: UNIX_EPOCH,
        pending: false,
        reason: None,
        revision: 1,
    }
}

fn entry(revision: u64, won: bool) -> Entry {
    Entry {
        revision,
        time: UNIX_EPOCH + Duration::from_millis(1_795_417_200_999),
        kind: EntryKind::Election,
        cause: Some("join"),
        node: None,
        leader: None,
        epoch: Some(revision * 10),
        token: None,
        won,
        message: String::new(),
    }
}

/// Delivers for a node with that history, which ends at once; gives the complaints.
async fn delivered(url: &str, history: Vec<Entry>) -> String {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let (ended, view) = watch::channel(view());
    drop(ended);
    let since = move |revision| history.iter().filter(|e| e.revision > revision).cloned().collect();
    Webhook::new(url).unwrap().watch(view, since).await;
    drop(guard);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn complaints(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains(NOTICE)).collect()
}

#[tokio::test]
async fn an_election_won_is_posted() {
    let (port, mut requests) = server(OK).await;
    let url = format!("http://127.0.0.1:{port}/hook?a=b");
    let log = delivered(&url, vec![entry(1, false), entry(2, true)]).await;
    let request = requests.recv().await.unwrap();
    assert!(request.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: application/json\r\n"), "{request}");
    let body = r#"{"time":1795417200,"node":"192.168.1.67:8117","epoch":20,"cluster":"jobs"}"#;
    assert!(request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
    assert!(requests.try_recv().is_err());
    assert_eq!(complaints(&log), Vec::<&str>::new());
}

#[tokio::test]
async fn in_quorum_mode_the_token_is_posted_and_no_epoch() {
    let (port, mut requests) = server(OK).await;
    let won = Entry { epoch: None, token: Some(42), ..entry(1, true) };
    let view = View { mode: Mode::Quorum, epoch: None, token: Some(42), ..view() };
    let (ended, view) = watch::channel(view);
    drop(ended);
    let since = move |revision| Vec::from_iter((revision < won.revision).then(|| won.clone()));
    Webhook::new(&format!("http://127.0.0.1:{port}/")).unwrap().watch(view, since).await;
    let request = requests.recv().await.unwrap();
    let body = r#"{"time":1795417200,"node":"192.168.1.67:8117","token":42,"cluster":"jobs"}"#;
    assert!(request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
}

#[tokio::test]
async fn each_election_is_posted_once_however_often_the_view_changes() {
    let (port, mut requests) = server(OK).await;
    let webhook = Webhook::new(&format!("http://127.0.0.1:{port}/")).unwrap();
    let history = Arc::new(Mutex::new(vec![entry(1, true)]));
    let (changes, watched) = watch::channel(view());
    let shown = Arc::clone(&history);
    let since = move |revision| {
        let all = shown.lock().unwrap();
        all.iter().filter(|e| e.revision > revision).cloned().collect()
    };
    let task = tokio::spawn(webhook.watch(watched, since));
    let first = timeout(DEADLINE, requests.recv()).await.expect("in time").unwrap();
    assert!(first.contains(r#""epoch":10,"#), "{first}");
    changes.send(view()).unwrap();
    history.lock().unwrap().push(entry(2, false));
    changes.send(view()).unwrap();
    history.lock().unwrap().push(entry(3, true));
    changes.send(view()).unwrap();
    let second = timeout(DEADLINE, requests.recv()).await.expect("in time").unwrap();
    assert!(second.contains(r#""epoch":30,"#), "{second}");
    drop(changes);
    task.await.unwrap();
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn what_was_delivered_is_not_tried_again_and_complained_about_once() {
    for (reply, why) in [
        ("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", "it answered 500"),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "it answered 404"),
        ("", "connection"),
        ("nonsense\r\n\r\n", "invalid HTTP"),
    ] {
        let (port, mut requests) = server(reply).await;
        let log = delivered(&format!("http://127.0.0.1:{port}/"), vec![entry(1, true)]).await;
        assert!(requests.recv().await.is_some());
        assert!(requests.try_recv().is_err(), "{why}");
        let complaints = complaints(&log);
        assert_eq!(complaints.len(), 1, "{log}");
        assert!(complaints[0].contains(why), "{log}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = listener.local_addr().unwrap();
    let mut led = serve(listener, OK);
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"] {
        let reply = format!(
            "HTTP/1.1 {status}\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n"
        );
        let (port, mut requests) = server(reply.leak()).await;
        let log = delivered(&format!("http://127.0.0.1:{port}/"), vec![entry(1, true)]).await;
        assert!(requests.recv().await.is_some());
        assert!(led.try_recv().is_err());
        assert!(complaints(&log)[0].contains("redirects are not followed"), "{log}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_refused_is_tried_three_times() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/");
    let start = Instant::now();
    let log = delivered(&url, vec![entry(1, true)]).await;
    let took = start.elapsed();
    assert!(took >= PAUSE * 2 && took < PAUSE * 3, "{took:?}");
    assert_eq!(complaints(&log).len(), 1, "{log}");
    assert!(complaints(&log)[0].contains("refused"), "{log}");
    // One that listens in time gets it.
    let late = async {
        time::sleep(PAUSE / 2).await;
        serve(TcpListener::bind(address).await.unwrap(), OK)
    };
    let history = vec![entry(1, true)];
    let (log, mut requests) = tokio::join!(delivered(&url, history), late);
    assert!(requests.recv().await.is_some());
    assert_eq!(complaints(&log), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up_after_one_try() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let start = Instant::now();
    let log = delivered(&url, vec![entry(1, true)]).await;
    let took = start.elapsed();
    assert!(took >= TRY_WITHIN && took < TRY_WITHIN + PAUSE, "{took:?}");
    assert!(complaints(&log)[0].contains("no answer within 5s"), "{log}");
}

#[tokio::test]
async fn secrets_in_the_url_are_used_and_not_shown() {
    let (port, mut requests) = server("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
    let url = format!("http://user:hunter2@127.0.0.1:{port}/t0ken?key=t0ken");
    let log = delivered(&url, vec![entry(1, true)]).await;
    let request = requests.recv().await.unwrap();
    assert!(request.contains("authorization: Basic dXNlcjpodW50ZXIy\r\n"), "{request}");
    let complaints = complaints(&log);
    assert_eq!(complaints.len(), 1);
    assert!(complaints[0].contains(&format!("webhook http://127.0.0.1:{port} did not")), "{log}");
    assert!(!complaints[0].contains("hunter2") && !complaints[0].contains("t0ken"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn https_is_spoken() {
    let (port, mut requests) = server("this is no TLS").await;
    let log = delivered(&format!("https://127.0.0.1:{port}/"), vec![entry(1, true)]).await;
    assert_eq!(requests.recv().await.unwrap(), "\x16", "a handshake");
    assert_eq!(complaints(&log).len(), 1, "{log}");
}

#[tokio::test]
async fn a_url_that_cannot_be_posted_to_is_refused_without_being_repeated() {
    for url in
        ["", "hunter2", "http://", "ftp://user:hunter2@a/", "file:///hunter2", "http://a:hunter2"]
    {
        let error = Webhook::new(url).unwrap_err();
        assert!(!error.is_empty() && !error.contains("hunter2"), "{url}: {error}");
        assert_eq!(error.lines().count(), 1);
    }
}

#[tokio::test]
async fn an_elector_that_wins_is_posted_once() {
    let (port, mut requests) = server(OK).await;
    let peers = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let elector = Elector::builder().listener(peers).advertise("127.0.0.1").start().await.unwrap();
    let webhook = Webhook::new(&format!("http://127.0.0.1:{port}/")).unwrap();
    let task = webhook.spawn(elector.clone());
    let request = timeout(DEADLINE, requests.recv()).await.expect("in time").unwrap();
    assert!(request.contains(&format!(r#""node":"{}""#, elector.node())), "{request}");
    elector.shutdown().await;
    drop(elector);
    timeout(DEADLINE, task).await.expect("it ends with the node").unwrap();
    assert!(requests.try_recv().is_err());
}
