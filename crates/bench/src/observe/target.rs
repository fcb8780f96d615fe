//! What the observer asks, and how the answer is read.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// One node, and the question of who leads in the words of its system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Target {
    pub address: SocketAddr,
    /// The bytes of one question.
    pub ask: String,
    pub transport: Transport,
    /// What stands before the answer in the reply; empty: the reply from its first byte.
    pub after: String,
    /// What stands behind it; empty: the rest of the reply.
    pub until: String,
}

/// How a question travels, and how the end of a reply is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transport {
    /// HTTP/1.1 on a connection that is kept.
    Http,
    /// A connection a question; the reply ends with it.
    Once,
    /// A bulk string of Redis' protocol, on a connection that is kept.
    Redis,
    /// A datagram for a datagram.
    Datagram,
}

impl Target {
    /// The answer in a reply, if it names anybody.
    pub fn answer(&self, reply: &[u8]) -> Option<String> {
        let text = String::from_utf8_lossy(reply);
        let body = match self.transport {
            Transport::Http => {
                let (head, body) = text.split_once("\r\n\r\n")?;
                let status = head.split(' ').nth(1)?;
                if status != "200" {
                    return None;
                }
                body
            }
            Transport::Redis => text.split_once("\r\n").map(|(_, rest)| rest)?,
            Transport::Once | Transport::Datagram => &text,
        };
        let rest = match self.after.as_str() {
            "" => body,
            after => body.split_once(after)?.1,
        };
        let answer = match self.until.as_str() {
            "" => rest,
            until => rest.split_once(until).map_or(rest, |(answer, _)| answer),
        };
        let answer = answer.trim();
        (!answer.is_empty()).then(|| answer.to_owned())
    }

    /// Whether a reply is whole. The end of a connection, where that is what ends it, is known
    /// elsewhere.
    pub fn is_whole(&self, reply: &[u8]) -> bool {
        match self.transport {
            Transport::Http => http_is_whole(reply),
            Transport::Once => false,
            Transport::Redis => redis_is_whole(reply),
            Transport::Datagram => !reply.is_empty(),
        }
    }
}

fn http_is_whole(reply: &[u8]) -> bool {
    let Some(head) = reply.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let body = &reply[head + 4..];
    let head = String::from_utf8_lossy(&reply[..head]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    match length.and_then(|length| length.trim().parse::<usize>().ok()) {
        Some(length) => body.len() >= length,
        None => head.contains("chunked") && body.ends_with(b"0\r\n\r\n"),
    }
}

fn redis_is_whole(reply: &[u8]) -> bool {
    let text = String::from_utf8_lossy(reply);
    let Some((head, rest)) = text.split_once("\r\n") else {
        return false;
    };
    match head.strip_prefix('$').and_then(|length| length.parse::<i64>().ok()) {
        Some(length) if length >= 0 => rest.ends_with("\r\n"),
        // Nothing, or an error: one line.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(transport: Transport, after: &str, until: &str) -> Target {
        Target {
            address: ([127, 0, 0, 1], 1).into(),
            ask: String::new(),
            transport,
            after: after.to_owned(),
            until: until.to_owned(),
        }
    }

    #[test]
    fn an_http_reply_is_whole_with_its_body_and_names_the_leader_at_200_alone() {
        let leader = target(Transport::Http, "", "");
        let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n192.168.1.67\n";
        assert!(leader.is_whole(reply) && !leader.is_whole(&reply[..reply.len() - 1]));
        assert_eq!(leader.answer(reply).as_deref(), Some("192.168.1.67"));
        let reply = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 5\r\n\r\nnone\n";
        assert!(leader.is_whole(reply));
        assert_eq!(leader.answer(reply), None);
    }

    #[test]
    fn an_answer_is_cut_out_of_its_reply() {
        let etcd = target(Transport::Http, "\"leader\":\"", "\"");
        let reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1a\r\n{\"x\":1,\"leader\":\"42\",\"y\":2}\r\n0\r\n\r\n";
        assert!(etcd.is_whole(reply));
        assert_eq!(etcd.answer(reply).as_deref(), Some("42"));
        let zookeeper = target(Transport::Once, "Mode: ", "\n");
        assert_eq!(zookeeper.answer(b"a\nMode: leader\nb\n").as_deref(), Some("leader"));
        assert_eq!(zookeeper.answer(b"not serving requests\n"), None);
    }

    #[test]
    fn a_lock_that_nobody_holds_is_whole_and_names_nobody() {
        let redis = target(Transport::Redis, "", "");
        assert!(redis.is_whole(b"$-1\r\n") && redis.is_whole(b"$1\r\n2\r\n"));
        assert!(!redis.is_whole(b"$1\r\n") && !redis.is_whole(b"$1"));
        assert_eq!(redis.answer(b"$-1\r\n"), None);
        assert_eq!(redis.answer(b"$1\r\n2\r\n").as_deref(), Some("2"));
    }
}
