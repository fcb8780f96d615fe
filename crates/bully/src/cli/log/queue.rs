//! Lines that a thread of its own writes, so that nobody who leads waits for whoever reads: a
//! terminal that is stopped, or a full pipe.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

enum Order {
    Line(Vec<u8>),
    /// Say when all that came before is written.
    Flush(oneshot::Sender<()>),
}

/// The way to the thread.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    orders: mpsc::Sender<Order>,
    lost: Arc<AtomicUsize>,
}

impl Queue {
    /// Starts the thread. Lines beyond so many that wait are lost; of how many were, `complain` is
    /// called by the thread once all that waited have been taken.
    ///
    /// # Errors
    /// If the machine has no thread left.
    pub(super) fn start(
        lines_max: usize,
        out: impl Write + Send + 'static,
        complain: impl Fn(usize) + Send + 'static,
    ) -> io::Result<Self> {
        let (orders, taken) = mpsc::channel(lines_max);
        let queue = Self { orders, lost: Arc::default() };
        let lost = Arc::clone(&queue.lost);
        let thread = std::thread::Builder::new().name("log".to_owned());
        thread.spawn(move || carry_out(taken, &lost, out, complain))?;
        Ok(queue)
    }

    pub(super) fn put(&self, line: Vec<u8>) {
        if self.orders.try_send(Order::Line(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until what was put before is written, or so long.
    pub(super) async fn flush(&self, within: Duration) {
        let (done, written) = oneshot::channel();
        let _ = timeout(within, async {
            // A queue that is full makes room as it is read.
            let _ = self.orders.send(Order::Flush(done)).await;
            let _ = written.await;
        })
        .await;
    }
}

/// What is written at once is a line.
impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.put(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn carry_out(
    mut orders: mpsc::Receiver<Order>,
    lost: &AtomicUsize,
    mut out: impl Write,
    complain: impl Fn(usize),
) {
    let mut flushes = Vec::new();
    while let Some(order) = orders.blocking_recv() {
        match order {
            Order::Line(line) => {
                // That nobody reads it is no reason to stop.
                let _ = out.write_all(&line);
            }
            Order::Flush(done) => flushes.push(done),
        }
        if !orders.is_empty() {
            continue;
        }
        // After those that waited: it is the place of those that are missing.
        let missing = lost.swap(0, Ordering::Relaxed);
        if missing > 0 {
            complain(missing);
        }
        // A complaint that has become a line comes before the word that all is written.
        if orders.is_empty() {
            for done in flushes.drain(..) {
                // Who has waited too long is gone.
                let _ = done.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Instant;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    /// What somebody reads, or for now does not.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    struct Stalled {
        gate: Receiver<()>,
        page: Page,
    }

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Returns once the other end is dropped.
            let _ = self.gate.recv();
            self.page.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A queue of four lines that are read once the sender is dropped.
    fn stalled(complain: impl Fn(usize) + Send + 'static) -> (Queue, Sender<()>, Page) {
        let (open, gate) = channel();
        let page = Page::default();
        let out = Stalled { gate, page: page.clone() };
        (Queue::start(4, out, complain).unwrap(), open, page)
    }

    #[tokio::test]
    async fn lines_that_find_no_room_are_lost_and_counted_once_the_others_are_written() {
        let (count, counted) = channel();
        let (queue, open, page) = stalled(move |missing| count.send(missing).unwrap());
        for number in 0..10 {
            queue.put(format!("{number}\n").into_bytes());
        }
        assert!(counted.try_recv().is_err(), "none is read yet");
        drop(open);
        queue.flush(LONG).await;
        let missing = counted.try_recv().expect("told before the flush was");
        assert!(missing >= 5, "at most four wait while one is being written: {missing}");
        assert_eq!(page.text().lines().count() + missing, 10);
        queue.put(b"more\n".to_vec());
        queue.flush(LONG).await;
        assert!(page.text().ends_with("more\n"));
        assert!(counted.try_recv().is_err(), "told once");
    }

    #[tokio::test]
    async fn a_flush_waits_for_a_reader_only_so_long() {
        let (queue, open, page) = stalled(|_| {});
        for number in 0..10 {
            queue.put(format!("{number}\n").into_bytes());
        }
        let start = Instant::now();
        queue.flush(Duration::from_millis(50)).await;
        assert!(start.elapsed() >= Duration::from_millis(50));
        assert_eq!(page.text(), "");
        drop(open);
        queue.flush(LONG).await;
        assert!(page.text().starts_with("0\n1\n2\n3\n"), "{}", page.text());
    }

    #[tokio::test]
    async fn a_reader_that_has_gone_holds_nothing_up_and_is_not_complained_of_for_ever() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let queue = Queue::start(4, Gone, |missing| panic!("{missing} lines")).unwrap();
        for _ in 0..10 {
            queue.put(b"unheard\n".to_vec());
            queue.flush(LONG).await;
        }
    }
}
