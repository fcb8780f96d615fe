//! Connections that go well, and how they end.

use super::*;

#[tokio::test]
async fn messages_arrive_in_order_and_the_end_after_them() {
    let (mut a, mut b) = (Node::start(patient()), Node::start(patient()));
    let (ab, ba) = a.join(&mut b).await;
    b.transport.send(ba, &query_ack(0));
    assert_eq!(a.message().await, (ab, query_ack(0)));
    for q in 0..200 {
        a.transport.send(ab, &query(q));
    }
    a.transport.close(ab);
    for q in 0..200 {
        assert_eq!(b.message().await, (ba, query(q)));
    }
    assert_eq!(b.event().await, LinkEvent::Down { link: ba });
    a.says_nothing().await;
}

#[tokio::test]
async fn a_refusal_reaches_a_peer_that_is_still_speaking() {
    let (mut a, mut b) = (Node::start(patient()), Node::start(patient()));
    a.transport.dial(b.address(), SOON);
    let LinkEvent::Up { link, .. } = a.event().await else { panic!("up") };
    a.transport.send(link, &hello());
    for q in 0..100 {
        a.transport.send(link, &query(q));
    }
    let (refused, _) = b.message().await;
    let nack = Message::from(core::Message::HelloNack(core::NackReason::Full));
    b.transport.send(refused, &nack);
    b.transport.close(refused);
    assert_eq!(a.message().await, (link, nack));
    assert_eq!(a.event().await, LinkEvent::Down { link });
    b.says_nothing().await;
}

/// More than the kernel holds, to a peer that has said what nobody will read: unread bytes make a
/// kernel that is told to close throw away what it has yet to send.
#[tokio::test]
async fn a_close_lets_out_all_that_was_queued() {
    let limits = Limits {
        queue_frames_max: usize::MAX,
        queue_bytes_max: usize::MAX,
        flush: SOON,
        ..patient()
    };
    let mut node = Node::start(limits);
    let mut raw = Raw::connect(node.at).await;
    raw.say_hello().await;
    for q in 0..4_000 {
        raw.say(&frame(query(q))).await;
    }
    let (link, _) = node.message().await;
    let ack = hello_ack_with(1_000);
    let whole = frame(ack.clone()).len() * 400;
    assert!(whole > 12 * 1024 * 1024);
    for _ in 0..400 {
        node.transport.send(link, &ack);
    }
    node.transport.close(link);
    raw.hear_preamble().await;
    let mut heard = Vec::new();
    let end = timeout(SOON, raw.0.read_to_end(&mut heard)).await.unwrap();
    assert_eq!(end.expect("an end, not a reset"), whole);
}

/// Words are written by who says them, and by the task where the socket is full: neither overtakes.
#[tokio::test]
async fn what_a_full_socket_does_not_take_at_once_arrives_in_order_too() {
    let limits = Limits { queue_frames_max: usize::MAX, queue_bytes_max: usize::MAX, ..patient() };
    let (mut a, mut b) = (Node::start(limits), Node::start(patient()));
    let (ab, ba) = a.join(&mut b).await;
    let long = hello_ack_with(1_000);
    let mut heard = 0;
    for q in 0..600 {
        a.transport.send(ab, &long);
        a.transport.send(ab, &query(q));
        // At first nobody reads, so that much waits; then one is read for each that is said.
        if q >= 300 {
            assert_eq!(b.message().await, (ba, long.clone()));
            assert_eq!(b.message().await, (ba, query(heard)));
            heard += 1;
        }
    }
    while heard < 600 {
        assert_eq!(b.message().await, (ba, long.clone()));
        assert_eq!(b.message().await, (ba, query(heard)));
        heard += 1;
    }
}

#[tokio::test]
async fn nothing_is_heard_of_a_closed_link_though_it_had_arrived() {
    let (mut a, mut b) = (Node::start(patient()), Node::start(patient()));
    let (ab, ba) = a.join(&mut b).await;
    a.transport.send(ab, &query(1));
    // The second message shows that the first has arrived.
    a.transport.send(ab, &query(2));
    assert_eq!(b.message().await, (ba, query(1)));
    timeout(SOON, async {
        while b.events.queue.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    b.transport.close(ba);
    b.says_nothing().await;
}

#[tokio::test]
async fn numbers_of_links_are_never_used_again() {
    let (mut a, mut b) = (Node::start(patient()), Node::start(patient()));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let (ab, ba) = a.join(&mut b).await;
        assert!(seen.insert(ab));
        a.transport.close(ab);
        assert_eq!(b.event().await, LinkEvent::Down { link: ba });
    }
}

#[tokio::test]
async fn an_undecodable_frame_ends_a_members_connection() {
    let mut node = Node::start(patient());
    let mut raw = Raw::connect(node.at).await;
    raw.say_hello().await;
    let (link, _) = node.message().await;
    node.transport.promote(link);
    raw.say(&[0, 0, 0, 1, 0xff]).await;
    assert_eq!(node.event().await, LinkEvent::Down { link });
    assert_eq!(node.transport.counts().nonsense, 1);
    raw.hear_preamble().await;
    assert_eq!(raw.hear_end().await, b"");
}

#[tokio::test]
async fn a_message_of_a_later_version_is_skipped() {
    let mut node = Node::start(patient());
    let mut raw = Raw::connect(node.at).await;
    raw.say_hello().await;
    let (link, _) = node.message().await;
    node.transport.promote(link);
    raw.say(&[0, 0, 0, 5, 0xa2, 0x06, 2, 8, 1]).await;
    raw.say(&frame(query(7))).await;
    assert_eq!(node.message().await, (link, query(7)));
}

#[tokio::test]
async fn a_members_frame_may_be_longer_than_a_strangers() {
    let mut node = Node::start(patient());
    let mut raw = Raw::connect(node.at).await;
    raw.say_hello().await;
    let (link, _) = node.message().await;
    node.transport.promote(link);
    let met = (0..20_000).map(|i| Address::new("some-host-name.example", i + 1)).take(1_024);
    let ack = core::Message::BeatAck(core::BeatAck {
        report: Report::default(),
        need: Epoch(0),
        met: met
            .map(|a| Address::new(format!("{}.{}", "x".repeat(60), a.host).as_str(), a.port))
            .collect(),
        mver: 0,
    });
    let ack = Message::from(ack);
    let bytes = frame(ack.clone());
    assert!(bytes.len() > wire::FRAME_MAX_STRANGER);
    raw.say(&bytes).await;
    assert_eq!(node.message().await, (link, ack));
}

#[tokio::test]
async fn a_v4_peer_of_a_dual_stack_listener_has_a_v4_address() {
    let listeners = bind(None, 0).unwrap();
    let port = listeners[0].local_addr().unwrap().port();
    let (_transport, mut events) =
        Transport::start(listeners, Mode::Bully, Inst(1), None, patient()).unwrap();
    let mut raw = Raw::connect((LOCAL, port).into()).await;
    raw.say_hello().await;
    let Some(LinkEvent::Message { remote, .. }) = timeout(SOON, events.recv()).await.unwrap()
    else {
        panic!("a message")
    };
    assert_eq!(remote, raw.0.local_addr().unwrap());
}

#[tokio::test]
async fn a_shutdown_flushes_and_frees_the_port() {
    let (mut a, mut b) = (Node::start(patient()), Node::start(patient()));
    let (ab, ba) = a.join(&mut b).await;
    a.transport.send(ab, &query(1));
    let address = a.address();
    let mut silent = Raw::connect(a.at).await;
    silent.hear_preamble().await;
    timeout(SOON, a.transport.shutdown()).await.expect("all tasks end");
    assert_eq!(b.message().await, (ba, query(1)));
    assert_eq!(b.event().await, LinkEvent::Down { link: ba });
    silent.hear_end().await;
    assert_eq!(a.events.recv().await, None);
    b.transport.dial(address.clone(), SOON);
    let reason = bully_core::DialError::Refused;
    assert_eq!(b.event().await, LinkEvent::DialFailed { dialed: address, reason });
}

#[tokio::test]
async fn a_dropped_transport_closes_all() {
    let (mut a, mut b) = (Node::start(patient()), Node::start(patient()));
    let (_, ba) = a.join(&mut b).await;
    let mut silent = Raw::connect(a.at).await;
    silent.hear_preamble().await;
    drop(a.transport);
    assert_eq!(b.event().await, LinkEvent::Down { link: ba });
    silent.hear_end().await;
    assert_eq!(timeout(SOON, a.events.recv()).await, Ok(None), "no task is left");
}
