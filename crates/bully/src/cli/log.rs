//! What goes to standard error.

use std::fmt;
use std::io;

use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{self as layer, FmtContext};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::settings::LogFormat;
use crate::NOTICE;

/// Lines that wait for standard error to take them; more are lost.
const LINES_MAX: usize = 4_096;

/// Sends the log to standard error. Called once in a process; a second call does nothing.
///
/// A thread of its own writes it, so that nobody who leads waits for whoever reads: a terminal
/// that is stopped, or a full pipe. What waits is written when the guard is dropped, which takes a
/// second or so at most.
pub(crate) fn start(format: LogFormat, level: Level) -> WorkerGuard {
    let lines = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES_MAX);
    let (stderr, guard) = lines.thread_name("log").finish(io::stderr());
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
    guard
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
