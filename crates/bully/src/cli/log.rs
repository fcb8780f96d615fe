//! What goes to standard error.

mod queue;

use std::fmt;
use std::io;
use std::time::Duration;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{self as layer, FmtContext};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use self::queue::Queue;
use super::settings::LogFormat;
use crate::NOTICE;

/// Lines that wait for standard error to take them; more are lost.
const LINES_MAX: usize = 4_096;

/// How long the end waits for a reader of what is still to be said.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The log of a process.
pub(crate) struct Log(Queue);

impl Log {
    /// A bare line, in either format.
    pub(crate) fn say(&self, line: &str) {
        self.0.put(format!("{line}\n").into_bytes());
    }

    /// Waits until all is written, but not for a reader that has stopped.
    pub(crate) async fn flush(&self) {
        self.0.flush(LAST_WORDS).await;
    }
}

/// Sends the log to standard error. Called once in a process; after a second call the first one's
/// goes on.
///
/// # Errors
/// If the machine has no thread left.
pub(crate) fn start(format: LogFormat, level: Level) -> io::Result<Log> {
    let lines = Queue::start(LINES_MAX, io::stderr(), complain)?;
    let log = Log(lines.clone());
    let stderr = move || lines.clone();
    // Other crates' warnings are for developers, not for operators.
    let filter = Targets::new()
        .with_default(LevelFilter::ERROR)
        .with_target("bully", level)
        .with_target(NOTICE, level.max(Level::WARN));
    let registry = tracing_subscriber::registry().with(filter);
    // That a log exists already is a test's affair, and no reason to fail.
    let _ = match format {
        LogFormat::Text => registry
            .with(layer::layer().event_format(Lines).with_ansi(false).with_writer(stderr))
            .try_init(),
        LogFormat::Json => {
            registry.with(layer::layer().json().flatten_event(true).with_writer(stderr)).try_init()
        }
    };
    Ok(log)
}

fn complain(missing: usize) {
    let (lines, were) = if missing == 1 { ("line", "was") } else { ("lines", "were") };
    tracing::warn!(
        target: NOTICE,
        "{missing} {lines} of the log {were} lost: standard error was not read"
    );
}

/// Notices are bare sentences, in the words of the 2013 program; all else says what it is.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        if metadata.target() != NOTICE {
            write!(writer, "{} {}: ", metadata.level(), metadata.target())?;
        }
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
