//! What peers may not do.

use super::*;

fn brief() -> Limits {
    Limits { handshake: Duration::from_millis(200), ..Limits::default() }
}

#[tokio::test]
async fn who_never_speaks_is_closed() {
    let mut node = Node::start(brief());
    let mut raw = Raw::connect(node.at).await;
    raw.hear_preamble().await;
    assert_eq!(raw.hear_end().await, b"");
    assert_eq!(node.transport.counts().slow, 1);
    node.says_nothing().await;
}

#[tokio::test]
async fn who_speaks_slowly_is_closed() {
    let mut node = Node::start(brief());
    let raw = Raw::connect(node.at).await;
    let (mut reads, mut writes) = raw.0.into_split();
    let slowly = tokio::spawn(async move {
        let whole = [&OURS.to_bytes()[..], &frame(hello())].concat();
        for byte in whole {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if writes.write_all(&[byte]).await.is_err() {
                return;
            }
        }
        panic!("it could say all");
    });
    let mut heard = Vec::new();
    let _ = timeout(SOON, reads.read_to_end(&mut heard)).await.expect("closed in time");
    timeout(SOON, slowly).await.unwrap().unwrap();
    assert_eq!(node.transport.counts().slow, 1);
    node.says_nothing().await;
}

#[tokio::test]
async fn who_is_not_promoted_is_closed_and_reported() {
    let mut node = Node::start(brief());
    let mut raw = Raw::connect(node.at).await;
    raw.say_hello().await;
    let (link, _) = node.message().await;
    assert_eq!(node.event().await, LinkEvent::Down { link });
    raw.hear_end().await;
    assert_eq!(node.transport.counts().slow, 1);
}

#[tokio::test]
async fn who_is_promoted_may_be_silent() {
    let mut node = Node::start(brief());
    let mut raw = Raw::connect(node.at).await;
    raw.say_hello().await;
    let (link, _) = node.message().await;
    node.transport.promote(link);
    tokio::time::sleep(brief().handshake * 2).await;
    raw.say(&frame(query(1))).await;
    assert_eq!(node.message().await, (link, query(1)));
}

#[tokio::test]
async fn who_is_dialled_and_then_silent_is_closed() {
    let mut node = Node::start(brief());
    let listener = tokio::net::TcpListener::bind((LOCAL, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    node.transport.dial(Address::new(at.ip(), at.port()), SOON);
    let mut raw = Raw(listener.accept().await.unwrap().0);
    raw.say_preamble().await;
    let LinkEvent::Up { link, .. } = node.event().await else { panic!("up") };
    assert_eq!(node.event().await, LinkEvent::Down { link });
}

#[tokio::test]
async fn who_speaks_nonsense_is_closed_at_once() {
    let mut node = Node::start(patient());
    let ours = OURS.to_bytes();
    let version = [0xb0, 0x75, 0x6c, 0x79, 2, 0, 0, 0];
    let after = |bytes: &[u8]| [&ours[..], bytes].concat();
    let stranger_max = u32::try_from(wire::FRAME_MAX_STRANGER).unwrap();
    let nonsense = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"\0\0\0\0".to_vec(),
        version.to_vec(),
        after(&u32::MAX.to_be_bytes()),
        after(&(stranger_max + 1).to_be_bytes()),
        after(&[0, 0, 0, 1, 0xff]),
        after(&[0, 0, 0, 0]),
        after(&frame(query(1))),
        after(&wire::frame(&Packet::Identified { same: true })),
    ];
    for (count, bytes) in (1..).zip(&nonsense) {
        let mut raw = Raw::connect(node.at).await;
        raw.say(bytes).await;
        raw.hear_end().await;
        assert_eq!(node.transport.counts().nonsense, count, "{bytes:?}");
    }
    node.says_nothing().await;
}

#[tokio::test]
async fn strangers_are_bounded_per_address() {
    let mut node = Node::start(Limits { strangers_per_address_max: 2, ..patient() });
    let mut first = Raw::connect(node.at).await;
    first.hear_preamble().await;
    let mut second = Raw::connect(node.at).await;
    second.hear_preamble().await;
    assert_eq!(Raw::connect(node.at).await.hear_end().await, b"", "the third");
    assert_eq!(node.transport.counts().refused, 1);
    Raw::connect_from([127, 0, 0, 2], node.at).await.hear_preamble().await;
    first.say_hello().await;
    let (link, _) = node.message().await;
    node.transport.promote(link);
    let mut fourth = until_admitted(LOCAL, node.at).await;
    assert!(fourth.is_open().await && second.is_open().await);
}

#[tokio::test]
async fn connections_are_bounded_in_all_with_places_kept_for_the_listed() {
    let mut node = Node::start(Limits { connections_max: 3, ..patient() });
    node.transport.reserve([IpAddr::from([127, 0, 0, 9])]);
    let mut first = Raw::connect(node.at).await;
    first.hear_preamble().await;
    let mut second = Raw::connect_from([127, 0, 0, 2], node.at).await;
    second.hear_preamble().await;
    let mut third = Raw::connect_from([127, 0, 0, 3], node.at).await;
    assert_eq!(third.hear_end().await, b"", "the last place is kept");
    let other = Node::start(patient());
    node.transport.dial(other.address(), SOON);
    let reason = bully_core::DialError::Other("too many connections".to_owned());
    let failed = LinkEvent::DialFailed { dialed: other.address(), reason };
    assert_eq!(node.event().await, failed, "for who dials, too");
    let mut listed = Raw::connect_from([127, 0, 0, 9], node.at).await;
    listed.hear_preamble().await;
    assert_eq!(Raw::connect_from([127, 0, 0, 9], node.at).await.hear_end().await, b"");
    drop(first);
    until_admitted(LOCAL, node.at).await;
}

#[tokio::test]
async fn a_flood_is_slowed_and_starves_nobody() {
    let mut node = Node::start(patient());
    let mut flood = Raw::connect(node.at).await;
    flood.say_hello().await;
    let (flooding, _) = node.message().await;
    node.transport.promote(flooding);
    let batch: Vec<u8> = (0..1_000).flat_map(|q| frame(query(q))).collect();
    let mut sent = 0;
    while let Ok(written) = timeout(WHILE, flood.0.write(&batch[sent % batch.len()..])).await {
        sent += written.unwrap();
        assert!(sent < 256 * 1024 * 1024, "it is never slowed");
    }
    let mut other = Raw::connect_from([127, 0, 0, 2], node.at).await;
    other.say_hello().await;
    let mut ahead = 0_u64;
    loop {
        let (link, message) = node.message().await;
        if link != flooding {
            break;
        }
        assert_eq!(message, query(ahead % 1_000), "none is lost");
        ahead += 1;
        assert!(ahead < 200, "the other is starved");
    }
    for _ in 0..1_000 {
        assert_eq!(node.message().await, (flooding, query(ahead % 1_000)), "it goes on");
        ahead += 1;
    }
}

#[tokio::test]
async fn who_does_not_read_is_closed() {
    let limits = Limits { queue_bytes_max: 64 * 1024, ..patient() };
    for limits in [limits, Limits { queue_frames_max: 10, ..patient() }] {
        let mut node = Node::start(limits);
        let mut raw = Raw::connect(node.at).await;
        raw.say_hello().await;
        let (link, _) = node.message().await;
        node.transport.promote(link);
        let down = async {
            loop {
                for _ in 0..9 {
                    node.transport.send(link, &hello_ack_with(100));
                }
                tokio::task::yield_now().await;
                if let Some(event) = node.events.try_recv() {
                    break event;
                }
            }
        };
        assert_eq!(timeout(SOON, down).await.unwrap(), LinkEvent::Down { link });
        assert_eq!(node.transport.counts().overflowed, 1);
        raw.hear_end().await;
    }
}

#[tokio::test]
async fn a_close_does_not_wait_for_who_does_not_read() {
    let limits = Limits {
        queue_bytes_max: usize::MAX,
        queue_frames_max: usize::MAX,
        flush: Duration::from_millis(100),
        connections_max: 1,
        ..patient()
    };
    let mut node = Node::start(limits);
    let mut raw = Raw::connect(node.at).await;
    raw.say_hello().await;
    let (link, _) = node.message().await;
    node.transport.promote(link);
    for _ in 0..10_000 {
        node.transport.send(link, &hello_ack_with(100));
    }
    node.transport.close(link);
    // Its place becomes free.
    until_admitted(LOCAL, node.at).await;
}
