//! Connections that this node opens.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bully_core::{Address, DialError, Host};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::events::{LinkEvent, Queued};
use super::peer::{self, Begin, End, Place};
use super::secure;
use super::transport::Shared;
use crate::noise::{Keys, Session};

/// A connection that is closed before a byte is tried again after this, then twice this, …
const RETRY_FIRST: Duration = Duration::from_micros(100);

/// … until the pauses come to this. On Linux a dying process's connections close before its
/// listener, which for a moment still accepts (PROTOCOL.md section 1): only a refusal proves a
/// process dead, and it comes within less than a millisecond.
const RETRY_MAX: Duration = Duration::from_millis(20);

/// The runtime's timers count whole milliseconds.
const TIMER_STEP: Duration = Duration::from_millis(1);

/// A connection that nobody has answered by then is tried a second time: well above the round trip
/// of a LAN, well below the time after which a silent leader is given up.
const SECOND_SYN_AFTER: Duration = Duration::from_millis(20);

/// The most addresses of one name that are dialled.
const ADDRESSES_MAX: usize = 8;

/// Dial, report the outcome, and serve the connection.
pub(super) async fn dial(to: Address, limit: Duration, shared: Arc<Shared>) {
    let Some(outcome) = shared.quiet.run_until_cancelled(admitted(&to, limit, &shared)).await
    else {
        return;
    };
    let (Opened { stream, remote, session }, place) = match outcome {
        Ok(open) => open,
        Err(reason) => return shared.report_event(LinkEvent::DialFailed { dialed: to, reason }),
    };
    let Some((peer, queue)) = shared.register(remote, session) else {
        return;
    };
    shared.report(Queued {
        event: LinkEvent::Up { link: peer.link, dialed: to, remote },
        peer: Some(Arc::clone(&peer)),
        credit: None,
    });
    let (reader, writer) = stream.into_split();
    let begin = Begin::Dialed { by: Instant::now() + shared.limits.handshake };
    let reader = peer::reader(reader, true, peer.session());
    peer::run(Arc::clone(&peer), place, begin, reader, writer, queue).await;
}

/// Opens a connection, and takes a place for it: beforehand where its address is known, so that
/// dials under way are bounded as connections are.
async fn admitted(
    to: &Address,
    limit: Duration,
    shared: &Arc<Shared>,
) -> Result<(Opened, Place), DialError> {
    let admit = |ip| shared.admit(ip, false).map_err(|full| DialError::Other(full.to_string()));
    let place = to.host.ip().map(admit).transpose()?;
    let opened = open(to, shared.keys.as_ref(), limit).await?;
    let place = place.map_or_else(|| admit(opened.remote.ip()), Ok)?;
    Ok((opened, place))
}

/// A connection on which both ends have said what comes before the first frame.
pub(super) struct Opened {
    pub(super) stream: TcpStream,
    /// Where it leads.
    pub(super) remote: SocketAddr,
    /// What secures it.
    pub(super) session: Option<Session>,
}

/// Open a connection. This end says nothing, not even its preamble, before the other has.
pub(super) async fn open(
    to: &Address,
    keys: Option<&Arc<Keys>>,
    limit: Duration,
) -> Result<Opened, DialError> {
    timeout(limit, open_any(to, keys)).await.unwrap_or(Err(DialError::TimedOut))
}

/// Dial all addresses of a host side by side; the first that answers wins.
async fn open_any(to: &Address, keys: Option<&Arc<Keys>>) -> Result<Opened, DialError> {
    let mut tries = JoinSet::new();
    for address in resolve(to).await? {
        tries.spawn(open_one(address, keys.map(Arc::clone)));
    }
    let mut reason = DialError::NetworkUnreachable;
    while let Some(outcome) = tries.join_next().await {
        match outcome {
            Ok(Ok((mut stream, remote))) => {
                match secure::initiate(&mut stream, keys).await {
                    Ok(session) => return Ok(Opened { stream, remote, session }),
                    // Another address of the name may lead to another node.
                    Err(end) => reason = weightier(reason, unsecured(end)),
                }
            }
            Ok(Err(failed)) => reason = weightier(reason, failed),
            Err(_) => reason = DialError::Other("the dial was given up".to_owned()),
        }
    }
    Err(reason)
}

/// What two addresses of one host together say. A family of addresses that this host has no way
/// to says nothing of the other end; a refusal proves a process dead only if no address says
/// otherwise.
fn weightier(one: DialError, other: DialError) -> DialError {
    match (&one, &other) {
        (_, DialError::NetworkUnreachable) => one,
        (DialError::NetworkUnreachable, _) => other,
        (_, DialError::Refused) => one,
        _ => other,
    }
}

/// Why the other end, which is a node of the same kind, was not heard to the end of the handshake.
fn unsecured(end: End) -> DialError {
    match end {
        // Who cannot read this end's word has none to answer with.
        End::Io(error) if reason_of(&error) == DialError::Reset => DialError::Protocol(
            "it ended the handshake: has it the same secret (-secret-file)?".to_owned(),
        ),
        End::Io(error) => reason_of(&error),
        end => DialError::Protocol(end.to_string()),
    }
}

async fn resolve(to: &Address) -> Result<Vec<SocketAddr>, DialError> {
    let name = match &to.host {
        Host::Name(name) => name,
        Host::V4(ip) => return Ok(vec![SocketAddr::from((*ip, to.port))]),
        Host::V6(ip) => return Ok(vec![SocketAddr::from((*ip, to.port))]),
    };
    let no_such_host = || DialError::NoSuchHost(Arc::clone(name));
    let found = lookup_host((&**name, to.port)).await.map_err(|_| no_such_host())?;
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) && addresses.len() < ADDRESSES_MAX {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(no_such_host()) } else { Ok(addresses) }
}

/// Why one try failed.
enum Failed {
    /// Connected, and closed before a byte.
    Early,
    /// For good.
    Reason(DialError),
}

async fn open_one(
    address: SocketAddr,
    keys: Option<Arc<Keys>>,
) -> Result<(TcpStream, SocketAddr), DialError> {
    let mut pause = RETRY_FIRST;
    let mut paused = Duration::ZERO;
    loop {
        match try_open(address, keys.as_ref()).await {
            Ok(stream) => {
                let ip = address.ip().to_canonical();
                return Ok((stream, SocketAddr::new(ip, address.port())));
            }
            Err(Failed::Reason(reason)) => return Err(reason),
            Err(Failed::Early) if paused >= RETRY_MAX => return Err(DialError::Reset),
            Err(Failed::Early) => {
                let step = pause.min(RETRY_MAX.saturating_sub(paused));
                nap(step).await;
                paused += step;
                pause *= 2;
            }
        }
    }
}

async fn try_open(address: SocketAddr, keys: Option<&Arc<Keys>>) -> Result<TcpStream, Failed> {
    let failed = |error: io::Error| match reason_of(&error) {
        DialError::Reset => Failed::Early,
        reason => Failed::Reason(reason),
    };
    let mut stream = connect(address).await.map_err(failed)?;
    // A port from which this host dials may happen to be the one it dials: it then meets itself,
    // which only happens where nobody listens.
    if stream.local_addr().ok() == stream.peer_addr().ok() {
        return Err(Failed::Reason(DialError::Refused));
    }
    stream.set_nodelay(true).map_err(failed)?;
    if stream.peek(&mut [0]).await.map_err(failed)? == 0 {
        return Err(Failed::Early);
    }
    let ours = secure::preamble(keys);
    match secure::read_preamble(&mut stream, ours).await {
        Ok(()) => Ok(stream),
        Err(End::Io(error)) => Err(Failed::Reason(reason_of(&error))),
        Err(end) => {
            // So that the other end can say what is wrong, too.
            let _ = stream.write_all(&ours.to_bytes()).await;
            Err(Failed::Reason(DialError::Protocol(end.to_string())))
        }
    }
}

/// Connect, with a second try beside the first where that stays without any answer. The kernel
/// repeats a lost SYN only after a second, and it loses one that meets a listener just being closed:
/// that of a process that dies, whose death a refusal is to prove. The first answer counts.
async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let first = TcpStream::connect(address);
    tokio::pin!(first);
    tokio::select! {
        answer = &mut first => answer,
        () = sleep(SECOND_SYN_AFTER) => tokio::select! {
            answer = &mut first => answer,
            answer = TcpStream::connect(address) => answer,
        },
    }
}

/// Sleep, as short as asked.
async fn nap(duration: Duration) {
    if duration < TIMER_STEP {
        let _ = tokio::task::spawn_blocking(move || std::thread::sleep(duration)).await;
    } else {
        sleep(duration).await;
    }
}

fn reason_of(error: &io::Error) -> DialError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => DialError::Refused,
        io::ErrorKind::TimedOut => DialError::TimedOut,
        io::ErrorKind::HostUnreachable => DialError::NoRoute,
        io::ErrorKind::NetworkUnreachable => DialError::NetworkUnreachable,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => DialError::Reset,
        _ => {
            let words = error.to_string();
            let words = words.split(" (os error").next().unwrap_or_default();
            DialError::Other(words.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_refused_only_if_no_address_of_it_says_otherwise() {
        use DialError::{NetworkUnreachable, Refused, Reset, TimedOut};
        let together = |one: &DialError, other: &DialError| {
            assert_eq!(
                weightier(one.clone(), other.clone()),
                weightier(other.clone(), one.clone())
            );
            weightier(one.clone(), other.clone())
        };
        assert_eq!(together(&Refused, &Refused), Refused);
        assert_eq!(together(&Refused, &NetworkUnreachable), Refused);
        assert_eq!(together(&Refused, &TimedOut), TimedOut);
        assert_eq!(together(&Refused, &Reset), Reset);
        assert_eq!(together(&NetworkUnreachable, &NetworkUnreachable), NetworkUnreachable);
    }

    #[test]
    fn the_words_of_the_system_become_reasons() {
        let of = |code| reason_of(&io::Error::from_raw_os_error(code));
        assert_eq!(of(111), DialError::Refused);
        assert_eq!(of(110), DialError::TimedOut);
        assert_eq!(of(113), DialError::NoRoute);
        assert_eq!(of(101), DialError::NetworkUnreachable);
        assert_eq!(of(104), DialError::Reset);
        assert_eq!(of(24), DialError::Other("Too many open files".to_owned()));
    }
}
