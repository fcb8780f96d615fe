//! The lab itself: building it, and what it holds.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::config::{LabConfig, ipv6_beside};
use crate::error::{LabError, Unavailable};
use crate::fault::Faults;
use crate::host::Host;
use crate::namespace::{Keeper, Namespace, Privilege, finish_all};

/// How long the bridge may take to forward on all its ports.
const LINKED: Duration = Duration::from_secs(10);

/// Hosts on a bridge, each in namespaces of its own. Dropping it ends every process in it.
#[derive(Debug)]
pub struct Lab {
    hosts: Vec<Host>,
    pub(crate) faults: Mutex<Faults>,
    // Fields are dropped in this order: keepers end before the directories they use.
    keepers: Vec<Keeper>,
    bridge: Keeper,
    _state: Option<TempDir>,
    _scratch: TempDir,
}

impl Lab {
    /// Builds a lab. All hosts can reach one another when this returns.
    ///
    /// # Errors
    /// Where the machine gives no namespaces, the configuration cannot be, or a tool failed.
    pub fn new(config: &LabConfig) -> Result<Self, LabError> {
        config.check()?;
        let privilege = privilege(config.force_user_namespace)?;
        let scratch = tempfile::Builder::new().prefix("bully-lab-").tempdir();
        let scratch = scratch.map_err(LabError::io("make a directory for the lab"))?;
        let state = config.state_on.as_deref().map(state_dir).transpose()?;

        let farewell = format!("umount -l {0}\nrmdir {0}", quoted(scratch.path()));
        let setup = lab_setup(config, scratch.path());
        let mut bridge = Keeper::outer(privilege, &setup, &farewell)?;
        bridge.ready()?;

        let mut keepers = Vec::with_capacity(config.hosts);
        for index in 0..config.hosts {
            keepers.push(bridge.inner(&host_setup(state.as_ref(), index)?)?);
        }
        keepers.iter_mut().try_for_each(Keeper::ready)?;
        let hosts = keepers.iter().enumerate().map(|(index, keeper)| {
            Host::new(index, config, ipv6(config), keeper.namespace().clone())
        });
        let lab = Self {
            hosts: hosts.collect(),
            faults: Mutex::default(),
            keepers,
            bridge,
            _state: state,
            _scratch: scratch,
        };
        lab.wire()?;
        Ok(lab)
    }

    /// Whether this machine gives what a lab needs, and if not why, in one line.
    ///
    /// # Errors
    /// The reason why not.
    pub fn available() -> Result<(), Unavailable> {
        Self::available_with(false)
    }

    pub(crate) fn available_with(force_user_namespace: bool) -> Result<(), Unavailable> {
        privilege(force_user_namespace).map(|_| ())
    }

    /// The hosts, in the order of their addresses.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// One host; the first is 0.
    ///
    /// # Panics
    /// If there is no such host.
    pub fn host(&self, index: usize) -> &Host {
        &self.hosts[index]
    }

    /// The processes that hold the lab's namespaces; none of them outlives the lab.
    pub fn keeper_pids(&self) -> Vec<u32> {
        let keepers = self.keepers.iter().chain([&self.bridge]);
        keepers.map(|keeper| keeper.namespace().pid()).collect()
    }

    pub(crate) fn bridge(&self) -> &Namespace {
        self.bridge.namespace()
    }

    /// Joins all hosts to the bridge.
    ///
    /// Who has which address is told to every host and to the bridge, and nobody learns it: so a
    /// cut, which is a wrong entry, is not undone by what a host hears, and a frame for nobody is
    /// dropped by the bridge instead of being sent to all.
    fn wire(&self) -> Result<(), LabError> {
        let mut links = String::from(
            "link set lo up\n\
             link add br0 type bridge mcast_snooping 0\n\
             link set br0 addrgenmode none\n\
             link set br0 up\n",
        );
        let mut ports = String::new();
        for host in &self.hosts {
            let (port, mac, pid) = (host.port(), host.mac(), host.namespace().pid());
            let _ = write!(
                links,
                "link add {port} type veth peer name eth0 address {mac} netns {pid}\n\
                 link set {port} addrgenmode none\n\
                 link set {port} master br0\n\
                 link set {port} up\n"
            );
            let _ = write!(
                ports,
                "link set dev {port} learning off flood off\n\
                 fdb replace {mac} dev {port} master static\n"
            );
        }
        let bridge = self.bridge();
        let what = "join the hosts to the bridge";
        bridge.start(what, &["ip", "-batch", "-"], &links)?.finish()?;
        bridge.start(what, &["bridge", "-batch", "-"], &ports)?.finish()?;

        let mut running = Vec::with_capacity(self.hosts.len());
        for host in &self.hosts {
            let what = format!("give {} its addresses", host.name());
            let batch = self.addresses(host);
            running.push(host.namespace().start(&what, &["ip", "-batch", "-"], &batch)?);
        }
        finish_all(running)?;
        self.await_links()
    }

    fn addresses(&self, host: &Host) -> String {
        let mut batch = format!(
            "link set lo up\n\
             link set eth0 addrgenmode none\n\
             addr add {}/24 brd + dev eth0\n\
             link set eth0 up\n",
            host.ipv4()
        );
        if let Some(ipv6) = host.ipv6() {
            let _ = writeln!(batch, "addr add {ipv6}/64 dev eth0 nodad");
        }
        for other in &self.hosts {
            if other.index() != host.index() {
                batch.push_str(&other.neighbour(&other.mac()));
            }
        }
        batch
    }

    /// The kernel brings a bridge port into service a moment after both ends of its link are up.
    fn await_links(&self) -> Result<(), LabError> {
        let what = "forwarding on all ports of the bridge";
        let begun = Instant::now();
        loop {
            let shown = self.bridge().start(what, &["bridge", "link", "show"], "")?.finish()?;
            let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
            if shown.matches("state forwarding").count() == self.hosts.len() {
                return Ok(());
            }
            if begun.elapsed() > LINKED {
                return Err(LabError::Late { what: what.to_owned(), waited: LINKED, seen: shown });
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // All at once; each is then waited for when it is dropped itself.
        self.keepers.iter_mut().for_each(Keeper::release);
        self.bridge.release();
    }
}

fn privilege(force_user_namespace: bool) -> Result<Privilege, Unavailable> {
    if force_user_namespace {
        let forced = Privilege::UserNamespace;
        return forced.probe().map(|()| forced);
    }
    Privilege::of_this_process()
}

fn ipv6(config: &LabConfig) -> bool {
    config.ipv6 && Path::new("/proc/net/if_inet6").exists()
}

fn state_dir(on: &Path) -> Result<TempDir, LabError> {
    let made = tempfile::Builder::new().prefix("bully-lab-").tempdir_in(on);
    made.map_err(LabError::io(format!("make a directory for the hosts' state in {}", on.display())))
}

/// What all hosts have in common, prepared once: their mount namespaces start as copies of this.
///
/// A machine without `/var/lib/bully` gets one here by a `/var/lib` whose entries point to the
/// real ones; nothing is made on the machine itself. `scratch` is in memory, and so gone with the
/// namespaces.
fn lab_setup(config: &LabConfig, scratch: &Path) -> String {
    let scratch = quoted(scratch);
    let mut script = format!(
        "mount -t tmpfs -o mode=755 lab {scratch}
if ! [ -d /var/lib/bully ]; then
    mkdir {scratch}/lib
    mount --rbind /var/lib {scratch}/lib
    mount -t tmpfs -o mode=755 lab /var/lib
    for entry in {scratch}/lib/*; do
        ln -s \"$entry\" /var/lib/
    done
    mkdir /var/lib/bully
fi
"
    );
    if config.names {
        let _ = write!(
            script,
            "cat > {scratch}/hosts <<'end'
127.0.0.1 localhost
::1 ip6-localhost
"
        );
        for index in 0..config.hosts {
            let ipv4 = config.ipv4(index);
            let name = crate::host::name(ipv4);
            let _ = writeln!(script, "{ipv4} {name}");
            if ipv6(config) {
                let _ = writeln!(script, "{} {name}-v6", ipv6_beside(ipv4));
            }
        }
        let _ = write!(script, "end\nmount --bind {scratch}/hosts /etc/hosts\n");
    }
    script
}

fn host_setup(state: Option<&TempDir>, index: usize) -> Result<String, LabError> {
    let Some(state) = state else {
        return Ok("mount -t tmpfs -o mode=755 state /var/lib/bully".to_owned());
    };
    let own = state.path().join(index.to_string());
    std::fs::create_dir(&own).map_err(LabError::io("make a directory for a host's state"))?;
    Ok(format!("mount --bind {} /var/lib/bully", quoted(&own)))
}

/// A path as one word of the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
