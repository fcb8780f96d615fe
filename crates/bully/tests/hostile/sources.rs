//! Connections from one address of the attacking host, or from many.

use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);

/// How every connection between nodes begins.
pub(crate) const PREAMBLE: [u8; 8] = [0xb0, b'u', b'l', b'y', 1, 0, 0, 0];

/// The first two numbers of all addresses that the attacking host has besides its own.
pub(crate) const MANY: [u8; 2] = [10, 99];

/// One of 65,000 addresses of the attacking host.
pub(crate) fn source(number: usize) -> Ipv4Addr {
    let [high, low] = u16::try_from(number % 65_000 + 256).expect("few").to_be_bytes();
    Ipv4Addr::new(MANY[0], MANY[1], high, low)
}

/// A connection from any address of this host, or from this one.
pub(crate) fn connect(from: Option<Ipv4Addr>, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if let Some(from) = from {
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((from, 0)).into())?;
    }
    socket.connect_timeout(&to.into(), CONNECT)?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Addresses as a task has them: with commas between.
pub(crate) fn targets(words: &str) -> Vec<SocketAddr> {
    words.split(',').map(|word| word.parse().expect("an address with a port")).collect()
}

/// Does something with many numbers, on a few threads.
pub(crate) fn side_by_side<T: Send>(
    count: usize,
    each: impl Fn(usize) -> Option<T> + Sync,
) -> Vec<T> {
    const THREADS: usize = 8;
    let part = |first| (first..count).step_by(THREADS).filter_map(&each).collect::<Vec<T>>();
    let part = &part;
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..THREADS).map(|first| scope.spawn(move || part(first))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("it goes on")).collect()
    })
}

/// Whether the other end has closed the connection. What it says is passed over.
pub(crate) fn is_closed(stream: &mut TcpStream) -> bool {
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => {
                return !matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock
                        | io::ErrorKind::TimedOut
                        | io::ErrorKind::Interrupted
                );
            }
        }
    }
}

/// Waits until the other end has closed all of these, and returns how many it has not by then.
pub(crate) fn await_closed(mut streams: Vec<TcpStream>, within: Duration) -> usize {
    for stream in &streams {
        let _ = stream.set_nonblocking(true);
    }
    let start = Instant::now();
    while !streams.is_empty() && start.elapsed() < within {
        streams.retain_mut(|stream| !is_closed(stream));
        std::thread::sleep(Duration::from_millis(20));
    }
    streams.len()
}
