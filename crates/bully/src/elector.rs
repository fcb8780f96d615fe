//! The library's front door.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bully_core::Address;
use tokio::sync::{mpsc, oneshot, watch};

use crate::builder::Builder;
use crate::driver::Command;
use crate::error::{Refused, StartError};
use crate::node::Change;
use crate::noise::{Keyring, PeerKey, Pinned, Pins};
use crate::place::parse_place;
use crate::secret::Secrets;
use crate::shared::Shared;
use crate::view::{Entry, Leadership, Member, Token, View};

/// A node of an election: it joins the others, and knows at any moment who leads.
///
/// **In bully mode a split network has two leaders.** Use it for work that may be done twice, or
/// that something else fences.
///
/// Clones are handles to the same node. When the last one is dropped the node hands leadership
/// over and leaves in the background, as long as the runtime lives; [`Elector::shutdown`] does so
/// and waits.
#[derive(Clone)]
pub struct Elector {
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
    view: watch::Receiver<View>,
}

impl fmt::Debug for Elector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elector").field("node", &self.node()).finish_non_exhaustive()
    }
}

impl Elector {
    pub(crate) fn new(
        shared: Arc<Shared>,
        commands: mpsc::UnboundedSender<Command>,
        view: watch::Receiver<View>,
    ) -> Self {
        Self { shared, commands, view }
    }

    /// A node with the defaults of the command line.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Whether this node leads **at this moment**: samples the clocks at each call, and a node
    /// that was frozen or starved for four heartbeats says no until it has asked its peers. The
    /// only thing to act on; ask again before each step of what only a leader may do.
    ///
    /// In quorum mode the answer is a lease: what is begun on it must be over when it has run out,
    /// and a node that is to hand over waits until every answer that it gave has run out, or until
    /// [`Elector::relinquish`].
    pub fn leadership(&self) -> Leadership {
        self.shared.leadership()
    }

    /// The same, for display: the answer does not bind the node, and a handover does not wait for
    /// it.
    pub fn leads(&self) -> bool {
        self.shared.leads()
    }

    /// Say that nothing acts any longer on what [`Elector::leadership`] has said of the reign with this
    /// token until now, so that a handover need not wait for it. To be called once the view shows that
    /// this node no longer leads and all of the application has stopped.
    pub fn relinquish(&self, reign: Token) {
        // At once: what is asked after this counts again.
        self.shared.relinquish(reign);
        // If the driver has ended, there is nothing to hand over.
        let _ = self.commands.send(Command::Relinquished);
    }

    /// Whether the node's disk takes what it is given; always in bully mode, which keeps nothing.
    pub fn is_writable(&self) -> bool {
        self.shared.is_writable()
    }

    /// Who leads, to be watched. The value may be old by what has happened since the node's last
    /// step: for display, not to act on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), bully::StartError> {
    /// # let elector = bully::Elector::builder().bind([127, 0, 0, 1].into()).port(0).start().await?;
    /// let mut view = elector.view();
    /// while view.borrow_and_update().leader.is_none() {
    ///     view.changed().await.expect("the node runs as long as a handle to it is held");
    /// }
    /// println!("{} leads", view.borrow().leader.as_ref().expect("just seen").node);
    /// # Ok(())
    /// # }
    /// ```
    pub fn view(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// Who leads, sampled now.
    pub fn sample(&self) -> View {
        self.shared.view()
    }

    /// All members that this node knows, itself included, ordered by address.
    pub fn members(&self) -> Vec<Member> {
        self.shared.members()
    }

    /// What happened, oldest first: at most 1,024 entries.
    pub fn history(&self) -> Vec<Entry> {
        self.shared.history(0)
    }

    /// What happened after the entry with that revision.
    pub fn history_since(&self, revision: u64) -> Vec<Entry> {
        self.shared.history(revision)
    }

    /// The address that this node advertises: its identity.
    pub fn node(&self) -> String {
        self.shared.identity.node.to_string()
    }

    /// By what other nodes know this one again, where it has a secret; another one in each run unless
    /// there is a data directory.
    pub fn key(&self) -> Option<PeerKey> {
        self.shared.identity.keys.as_ref().map(|keys| keys.ring().own.public())
    }

    /// Replace the secrets while the node runs. Connections that were opened with one that is no longer
    /// among them are closed; those that are under one that is go on.
    ///
    /// # Errors
    /// If the node was started without a secret, or has ended.
    pub fn set_secrets(&self, secrets: impl Into<Secrets>) -> Result<(), Refused> {
        let secrets = secrets.into();
        self.replace_keys(|ring| Keyring { secrets, ..ring })
    }

    /// Replace the list of nodes to speak with while the node runs; none to speak with everybody who
    /// has the secret. Connections with others are closed.
    ///
    /// # Errors
    /// If the node was started without a secret, an address makes no sense, or the node has ended.
    pub fn set_pins(&self, pins: Option<&Pins>) -> Result<(), Refused> {
        let port = self.shared.identity.port;
        let pinned = pins.map(|pins| Pinned::new(pins, port)).transpose();
        let pinned = pinned.map_err(|error| match error {
            StartError::Address { text, .. } => Refused::Address(text),
            other => Refused::Address(other.to_string()),
        })?;
        self.replace_keys(|ring| Keyring { pinned, ..ring })
    }

    /// The addresses on which it listens for peers.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.shared.identity.local_addrs
    }

    /// A name for this run of the node, which no other run has.
    pub fn run_id(&self) -> &str {
        &self.shared.identity.run_id
    }

    /// How long ago the node's event loop last turned: small unless the process was frozen or
    /// starved.
    pub fn idle_for(&self) -> Duration {
        self.shared.idle_for()
    }

    /// Hand leadership over, and stay as a follower. Returns once another leads, or, in bully mode,
    /// once no successor was found. A node whose priority is strictly the highest takes leadership
    /// back after a while.
    ///
    /// # Errors
    /// If this node does not lead, or there is nobody to hand over to.
    pub async fn resign(&self) -> Result<(), Refused> {
        self.change(Change::StepDown).await
    }

    /// Hand leadership over to the member that advertises this address. Quorum mode alone.
    ///
    /// # Errors
    /// If that is not possible, why; or what came of it instead.
    pub async fn transfer(&self, to: &str) -> Result<(), Refused> {
        let to = self.member(to)?;
        self.change(Change::Transfer(to)).await
    }

    /// Remove the member that advertises this address; to be asked of the leader. It does not come
    /// back but with an empty data directory. Quorum mode alone.
    ///
    /// # Errors
    /// If that is not possible, why.
    pub async fn remove_member(&self, node: &str) -> Result<(), Refused> {
        let node = self.member(node)?;
        self.change(Change::Remove(node)).await
    }

    /// Change this node's priority. A leader that is given 0 hands over. In quorum mode the new
    /// priority counts once a majority has it.
    ///
    /// # Errors
    /// If it is above 1,000, or nobody else may lead.
    pub async fn set_priority(&self, priority: u32) -> Result<(), Refused> {
        if priority > bully_core::Config::PRIORITY_MAX {
            return Err(Refused::Priority(priority));
        }
        self.change(Change::Priority(priority)).await
    }

    /// Hand leadership over, say goodbye, and close all connections. In quorum mode the node stays a
    /// member: it is expected back.
    pub async fn shutdown(&self) {
        let (done, wait) = oneshot::channel();
        if self.commands.send(Command::Leave { done }).is_ok() {
            // An error means that the driver has ended, which is what was asked for.
            let _ = wait.await;
        }
    }

    fn replace_keys(&self, change: impl FnOnce(Keyring) -> Keyring) -> Result<(), Refused> {
        let keys = self.shared.identity.keys.as_ref().ok_or(Refused::NoSecret)?;
        keys.replace(change);
        self.commands.send(Command::Expel).map_err(|_| Refused::Ended)
    }

    fn member(&self, text: &str) -> Result<Address, Refused> {
        parse_place("member", text, self.shared.identity.node.port)
            .map_err(|_| Refused::Address(text.to_owned()))
    }

    async fn change(&self, change: Change) -> Result<(), Refused> {
        let (done, wait) = oneshot::channel();
        match self.commands.send(Command::Change { change, done }) {
            Ok(()) => wait.await.unwrap_or(Err(Refused::Ended)),
            Err(_) => Err(Refused::Ended),
        }
    }
}
