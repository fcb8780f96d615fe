//! The bounds of what is served over TLS.

use std::sync::Arc;

use rcgen::CertifiedKey;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::http::Tls;

/// A server with a certificate for `localhost`, and a client that trusts it.
async fn tls_server(connections_max: usize) -> (Server, Tls, TlsConnector) {
    let (config, connector) = pair();
    let tls = Tls::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { drop(stopped.await) };
    let listener = Listener::Tls(listener, tls.clone());
    let app = Fake::new(follower()).app();
    let task = tokio::spawn(serve_at_most(connections_max, listener, app, shutdown));
    (Server { address, stop, task }, tls, connector)
}

fn pair() -> (Arc<ServerConfig>, TlsConnector) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client).into())
}

async fn handshake(
    server: &Server,
    connector: &TlsConnector,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("localhost").unwrap();
    connector.connect(name, connect(server).await).await
}

#[tokio::test]
async fn a_connection_over_tls_serves_one_request_after_another_and_ends_as_tls_does() {
    let (server, _tls, connector) = tls_server(8).await;
    let mut stream = handshake(&server, &connector).await.unwrap();
    answer(&mut stream, GET, "192.168.1.68\n").await;
    answer(&mut stream, GET, "192.168.1.68\n").await;
    server.stop.send(()).unwrap();
    // An end without a word would be an error.
    let end = timeout(DEADLINE, stream.read_u8()).await.expect("the end comes");
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    timeout(DEADLINE, server.task).await.expect("it ends").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_finish_its_handshake_is_closed() {
    let (server, _tls, _) = tls_server(8).await;
    for beginning in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut stream = connect(&server).await;
        let start = Instant::now();
        stream.write_all(beginning).await.unwrap();
        rest(&mut stream).await;
        let took = start.elapsed();
        assert!(took >= Duration::from_secs(5) && took < Duration::from_secs(6), "{took:?}");
    }
}

#[tokio::test]
async fn those_who_have_not_finished_their_handshake_count_among_the_connections() {
    let (server, _tls, connector) = tls_server(2).await;
    let silent = connect(&server).await;
    let mut first = handshake(&server, &connector).await.unwrap();
    answer(&mut first, GET, "192.168.1.68\n").await;
    assert_eq!(rest(&mut connect(&server).await).await, "");
    drop(silent);
    let start = Instant::now();
    while handshake(&server, &connector).await.is_err() {
        assert!(start.elapsed() < DEADLINE, "no room");
    }
}

#[tokio::test]
async fn a_certificate_is_replaced_for_those_who_come_then() {
    let (server, tls, connector) = tls_server(8).await;
    let mut before = handshake(&server, &connector).await.unwrap();
    let (config, other) = pair();
    tls.replace(config);
    assert!(handshake(&server, &connector).await.is_err());
    let mut after = handshake(&server, &other).await.unwrap();
    answer(&mut after, GET, "192.168.1.68\n").await;
    answer(&mut before, GET, "192.168.1.68\n").await;
}
