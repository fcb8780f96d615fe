//! What the lab's own tests run on its hosts: two ends of a TCP connection that say what they
//! see, and a lab that is held until it is killed.
//!
//! `listen ADDR:PORT` echoes lines; `talk ADDR:PORT` sends one every 10 ms; `shower ADDR:PORT` sends 200
//! datagrams; `answer ADDR:PORT` answers HTTP requests with what they asked; `clocks` tells every 10 ms
//! what its clocks show; `steady` whether they go back; `timer SECONDS` sets one; `keep PATH` replaces a
//! file durably; `change PATH` does all that can be done to one; `hold` builds a lab.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use bully_lab::{Lab, LabConfig};
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};

/// How long `talk` tries to connect; then it says `connect TimedOut` and ends.
const CONNECT: Duration = Duration::from_millis(700);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["listen", address] => listen(address.parse()?)?,
        ["talk", address] => talk(address.parse()?)?,
        ["answer", address] => answer(address.parse()?)?,
        ["shower", address] => shower(address.parse()?)?,
        ["clocks"] => clocks()?,
        ["steady"] => steady(),
        ["timer", seconds] => timer(seconds.parse()?)?,
        ["keep", path] => say(&outcome(keep(path))),
        ["change", path] => change(path)?,
        ["hold"] => hold()?,
        _ => {
            let all = "listen ADDR:PORT | talk ADDR:PORT | shower ADDR:PORT | answer ADDR:PORT | clocks | \
                       steady | timer SECONDS | keep PATH | change PATH | hold";
            return Err(format!("usage: bully-lab-peer {all}").into());
        }
    }
    Ok(())
}

fn listen(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    say("listening");
    for stream in listener.incoming() {
        let stream = stream?;
        say("accepted");
        thread::spawn(move || {
            let end = echo(stream);
            say(&end.map_or_else(|error| format!("lost {:?}", error.kind()), |()| "closed".into()));
        });
    }
    Ok(())
}

fn echo(stream: TcpStream) -> io::Result<()> {
    let mut answers = stream.try_clone()?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        say(&format!("got {line}"));
        writeln!(answers, "{line}")?;
    }
    Ok(())
}

const CLOCKS: [ClockId; 4] =
    [ClockId::Realtime, ClockId::Monotonic, ClockId::MonotonicRaw, ClockId::Boottime];

/// All of them in seconds.
fn clocks() -> io::Result<()> {
    loop {
        let shown = CLOCKS.map(|clock| {
            let time = clock_gettime(clock);
            format!("{}.{:09}", time.tv_sec, time.tv_nsec)
        });
        writeln!(io::stdout(), "{}", shown.join(" "))?;
        // Up to a moment of MONOTONIC, unlike a sleep.
        thread::park_timeout(Duration::from_millis(10));
    }
}

/// Looks as often as it can, and says so at times.
fn steady() {
    let look = || CLOCKS.map(|clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default());
    let mut last = look();
    for count in 1_u64.. {
        let next = look();
        if (0..CLOCKS.len()).any(|clock| next[clock] < last[clock]) {
            say(&format!("back from {last:?} to {next:?}"));
        }
        if count.is_multiple_of(1_000) {
            say("on");
        }
        last = next;
    }
}

/// For a moment of BOOTTIME, so many seconds from now on.
fn timer(seconds: i64) -> io::Result<()> {
    let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC)?;
    let now = clock_gettime(ClockId::Boottime);
    let never = Timespec { tv_sec: 0, tv_nsec: 0 };
    let at = Timespec { tv_sec: now.tv_sec + seconds, ..now };
    let once = Itimerspec { it_interval: never, it_value: at };
    timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &once)?;
    say("set");
    rustix::io::read(&timer, &mut [0; 8])?;
    say("rang");
    Ok(())
}

fn outcome(result: io::Result<()>) -> String {
    format!("{:?}", result.map_err(|error| error.kind()))
}

/// Whatever changes a file that is there, or makes one beside it.
fn change(path: &str) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    let beside = |name: &str| format!("{path}.{name}");
    let outcomes = [
        ("write", file.write_all(b"x")),
        ("write there", file.write_all_at(b"x", 1)),
        ("write parts", file.write_vectored(&[io::IoSlice::new(b"x")]).map(|_| ())),
        ("sync data", file.sync_data()),
        ("sync", file.sync_all()),
        ("create", File::create(beside("file")).map(|_| ())),
        ("create folder", std::fs::create_dir(beside("folder"))),
        ("rename", std::fs::rename(path, beside("renamed"))),
    ];
    for (what, result) in outcomes {
        say(&format!("{what} {}", outcome(result)));
    }
    Ok(())
}

/// As bully keeps its record: written beside it, synced, renamed, the directory synced.
fn keep(path: &str) -> io::Result<()> {
    let new = format!("{path}.new");
    let mut file = File::create(&new)?;
    file.write_all(b"kept")?;
    file.sync_all()?;
    std::fs::rename(new, path)?;
    let folder = Path::new(path).parent().unwrap_or(Path::new("/"));
    File::open(folder)?.sync_all()
}

fn answer(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    say("listening");
    for stream in listener.incoming() {
        let mut stream = stream?;
        let mut asked = String::new();
        for line in BufReader::new(&stream).lines() {
            let line = line?;
            if line.is_empty() {
                break;
            }
            asked += &line.to_lowercase();
            asked.push('\n');
        }
        let length = asked.len();
        write!(stream, "HTTP/1.1 203 Said\r\nContent-Length: {length}\r\n")?;
        write!(stream, "Connection: close\r\n\r\n{asked}")?;
    }
    Ok(())
}

fn talk(address: SocketAddr) -> io::Result<()> {
    let mut stream = match TcpStream::connect_timeout(&address, CONNECT) {
        Ok(stream) => stream,
        Err(error) => {
            say(&format!("connect {:?}", error.kind()));
            return Ok(());
        }
    };
    say("connected");
    let answers = stream.try_clone()?;
    thread::spawn(move || {
        for line in BufReader::new(answers).lines() {
            match line {
                Ok(line) => say(&format!("echo {line}")),
                Err(error) => return say(&format!("lost {:?}", error.kind())),
            }
        }
        say("closed");
    });
    for number in 0.. {
        if let Err(error) = writeln!(stream, "{number}") {
            say(&format!("lost {:?}", error.kind()));
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn shower(address: SocketAddr) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    for _ in 0..200 {
        socket.send_to(b"drop", address)?;
    }
    Ok(())
}

/// Says which namespaces it made, starts programs in them, one of them as a grandchild that
/// nobody waits for, and never ends by itself.
fn hold() -> Result<(), Box<dyn std::error::Error>> {
    let lab = Lab::new(&LabConfig::of(2))?;
    let mut programs = Vec::new();
    for host in lab.hosts() {
        say(&host.network_namespace()?);
        programs.push(host.spawn("sleep", ["1000"])?);
        programs.push(host.spawn("sh", ["-c", "setsid sleep 1000 & echo started"])?);
    }
    let started = |line: &str| line == "started";
    for program in programs.iter().skip(1).step_by(2) {
        program.wait_for_line(started, Duration::from_secs(10))?;
    }
    say("held");
    loop {
        thread::park();
    }
}

/// A line at once: who reads it waits for it. Whoever read them may be gone; then there is
/// nothing left to do here.
fn say(line: &str) {
    if writeln!(io::stdout().lock(), "{line}").is_err() {
        std::process::exit(0);
    }
}
