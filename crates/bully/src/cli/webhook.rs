//! The webhook: one POST for each election that this node wins.

use std::time::{Duration, UNIX_EPOCH};

use reqwest::{Client, StatusCode, Url};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time;

use super::tls::{self, cause};
use crate::http::json::Reign;
use crate::{Elector, Entry, Mode, NOTICE, View};

/// For the whole of a try.
const TRY_WITHIN: Duration = Duration::from_secs(5);

/// For the connection, less than the whole so that it is known which of the two was too slow.
const CONNECT_WITHIN: Duration = Duration::from_secs(4);

/// Where the connection could not be made nothing was delivered, so that a repeat is no second
/// delivery.
const TRIES: u32 = 3;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Where to send word of an election won.
#[derive(Debug)]
pub struct Webhook {
    client: Client,
    url: Url,
}

/// What is sent.
#[derive(Serialize)]
struct Won<'a> {
    /// Unix seconds.
    time: u64,
    node: &'a str,
    #[serde(flatten)]
    reign: Reign,
    cluster: &'a str,
}

/// Who won.
struct Winner {
    node: String,
    cluster: String,
    mode: Mode,
}

impl Webhook {
    /// A webhook at that URL, http or https. A name and password in it are sent as basic
    /// authentication.
    ///
    /// # Errors
    /// One line that says what is wrong with it, without the URL, which may hold a secret.
    pub fn new(url: &str) -> Result<Self, String> {
        let url: Url = url.trim().parse().map_err(|e| format!("not a URL: {e}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("expected an http or https URL, not {}", url.scheme()));
        }
        let client = tls::client(&url)
            .timeout(TRY_WITHIN)
            .connect_timeout(CONNECT_WITHIN)
            .build()
            .map_err(|e| cause(&e))?;
        Ok(Self { client, url })
    }

    /// Sends word of each election that this node wins from its start on, one after the other, in
    /// a task of its own: the node never waits for it. Ends when the node does.
    pub fn spawn(self, elector: Elector) -> JoinHandle<()> {
        let view = elector.view();
        tokio::spawn(self.watch(view, move |since| elector.history_since(since)))
    }

    async fn watch<H>(self, mut view: watch::Receiver<View>, history_since: H)
    where
        H: Fn(u64) -> Vec<Entry> + Send,
    {
        let mut seen = 0;
        let mut is_running = true;
        loop {
            let winner = {
                let view = view.borrow_and_update();
                Winner { node: view.node.clone(), cluster: view.cluster.clone(), mode: view.mode }
            };
            for entry in history_since(seen) {
                seen = entry.revision;
                if entry.won {
                    self.deliver(&entry, &winner).await;
                }
            }
            if !is_running {
                return;
            }
            // Once more after the end, for what was won last.
            is_running = view.changed().await.is_ok();
        }
    }

    /// Posts it, or complains once.
    async fn deliver(&self, entry: &Entry, winner: &Winner) {
        let since_epoch = entry.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let Winner { node, cluster, mode } = winner;
        let reign = Reign::new(*mode, entry.epoch, entry.token);
        let won = Won { time: since_epoch.as_secs(), node, reign, cluster };
        let mut attempt = 1;
        let why = loop {
            match self.client.post(self.url.clone()).json(&won).send().await {
                Ok(response) if response.status().is_success() => return,
                Ok(response) => break answered(response.status()),
                Err(error) if error.is_connect() && attempt < TRIES => {
                    attempt += 1;
                    time::sleep(PAUSE).await;
                }
                Err(error) if error.is_timeout() && !error.is_connect() => {
                    break format!("no answer within {TRY_WITHIN:?}");
                }
                Err(error) => break cause(&error),
            }
        };
        tracing::warn!(
            target: NOTICE,
            "webhook {} did not take the election of {node}: {why}",
            self.place(),
        );
    }

    /// The URL without what may be secret: user, password, path and query.
    fn place(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}

fn answered(status: StatusCode) -> String {
    let note = if status.is_redirection() { ", and redirects are not followed" } else { "" };
    format!("it answered {status}{note}")
}

#[cfg(test)]
mod tests;
