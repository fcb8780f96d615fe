//! The peers' port.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::AsRawFd;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, getrlimit};
use socket2::{Domain, Protocol, Socket, Type};

/// How many connections the kernel holds for a node that is late to accept: all that may be.
const BACKLOG: i32 = 1_024;

/// Bind the peers' port: on all addresses, v4 and v6, unless one is given. The listeners do not
/// block and are closed in child processes: a child that held one would make a dead node's port
/// accept.
///
/// # Errors
/// If the port is in use, or the address is not local.
pub(crate) fn bind(bind: Option<IpAddr>, port: u16) -> io::Result<Vec<TcpListener>> {
    let listener = match bind {
        Some(ip) => listen(SocketAddr::new(ip, port))?,
        None => match listen(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)) {
            // Any other error would be the same for v4, and says more.
            Err(error) if is_without_v6(&error) => {
                listen(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))?
            }
            result => result?,
        },
    };
    Ok(vec![listener])
}

/// The kernel has no IPv6, or it is switched off for all interfaces.
fn is_without_v6(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // Connections of an earlier run that linger in the kernel must not stop a restart.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The number that the listener's descriptor is given, if the process may have it: above those of
/// all connections, and small enough for a table of 32 KiB in the kernel.
const LISTENER_FD: i32 = 4_095;

/// Give the listener a descriptor above those of the connections to come.
///
/// When a process dies, Linux closes its files from the highest descriptor down (the work that
/// `fput` leaves to the end of the task is done last in, first out; so since 4.3, and seen on
/// 6.18). With the listener on top, no connection of a dead process ends before its listener: who
/// sees the end and dials is refused at once, and a refusal is what proves the death (A3'). In the
/// other order the first dial was accepted by a listener about to be closed in every second try,
/// and now and then its SYN was lost, which the kernel repeats after a second. It is for speed
/// alone: nothing goes wrong where it cannot be done, or where the order is another.
pub(super) fn close_before_connections(listener: TcpListener) -> TcpListener {
    let above = listener_fd();
    if above <= listener.as_raw_fd() {
        return listener;
    }
    fcntl_dupfd_cloexec(&listener, above).map_or(listener, TcpListener::from)
}

/// Make room for the listener's descriptor, while the process has one thread yet.
///
/// Linux lets a process of several threads wait for all processors before it uses the larger table
/// (`synchronize_rcu`): 7 to 30 ms, seen on 6.18, in which a node that starts would do nothing.
#[cfg(feature = "cli")]
pub(crate) fn make_room_for_listener() {
    // The table stays as large as it once was.
    drop(fcntl_dupfd_cloexec(std::io::stderr(), listener_fd()));
}

fn listener_fd() -> i32 {
    let limit = getrlimit(Resource::Nofile).current.and_then(|limit| i32::try_from(limit).ok());
    // A few below the limit are left to others that want the top.
    limit.map_or(LISTENER_FD, |limit| LISTENER_FD.min(limit.saturating_sub(16)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpStream;

    #[test]
    fn all_addresses_means_both_v4_and_v6() {
        let [listener] = &bind(None, 0).unwrap()[..] else { panic!("one listener") };
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
        }
    }

    #[test]
    fn one_address_means_that_one() {
        let [listener] = &bind(Some(Ipv4Addr::LOCALHOST.into()), 0).unwrap()[..] else {
            panic!("one listener")
        };
        assert_eq!(listener.local_addr().unwrap().ip(), Ipv4Addr::LOCALHOST);
    }

    #[test]
    fn a_port_in_use_is_an_error_and_one_with_lingering_connections_is_not() {
        let listener = bind(None, 0).unwrap().remove(0);
        let port = listener.local_addr().unwrap().port();
        assert_eq!(bind(None, port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        listener.set_nonblocking(false).unwrap();
        // This end closes first, so that its connection lingers (TIME_WAIT).
        drop(listener.accept().unwrap());
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        drop(client);
        drop(listener);
        bind(None, port).unwrap();
    }

    #[test]
    fn the_listener_stands_above_the_connections_and_still_listens() {
        let listener = close_before_connections(bind(None, 0).unwrap().remove(0));
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        listener.set_nonblocking(false).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert!(listener.as_raw_fd() > accepted.as_raw_fd().max(client.as_raw_fd()));
        drop(listener);
        let again = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::ConnectionRefused, "no copy is left");
    }

    #[test]
    fn child_processes_do_not_inherit_the_listener() {
        let listener = close_before_connections(bind(None, 0).unwrap().remove(0));
        let info = format!("/proc/self/fdinfo/{}", listener.as_raw_fd());
        let info = std::fs::read_to_string(info).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
        let flags = u32::from_str_radix(flags, 8).unwrap();
        assert_eq!(flags & 0o2_000_000, 0o2_000_000, "close on exec");
        assert_eq!(flags & 0o4_000, 0o4_000, "not blocking");
    }
}
