//! Rule N4: the address that a node advertises, which is its identity.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use bully_core::{Address, Host, Inst};

use crate::link;
use crate::noise::Keys;

/// How long the list may take to resolve, and to answer with this run's own `inst`.
const PATIENCE: Duration = Duration::from_millis(250);

/// Where a node stands, as far as its own machine knows.
#[derive(Debug)]
pub(crate) struct Standing<'a> {
    /// What the user said.
    pub(crate) advertise: Option<Address>,
    /// The places to dial.
    pub(crate) places: &'a [Address],
    /// The address listened on, unless it is all of them.
    pub(crate) bound: Option<IpAddr>,
    /// The port listened on.
    pub(crate) port: u16,
    /// This run.
    pub(crate) inst: Inst,
    /// What secures connections, if anything.
    pub(crate) keys: Option<&'a Arc<Keys>>,
}

/// An identity, and the IP address that it resolves to here.
pub(crate) type Identity = (Address, Option<IpAddr>);

/// Finds the address to advertise, in the order of N4.
pub(crate) async fn find(standing: &Standing<'_>) -> Identity {
    if let Some(address) = &standing.advertise {
        let ip = resolve(address).await.first().copied();
        return (address.clone(), ip);
    }
    let local = local_addresses(standing.bound);
    if let Some(own) = listed(standing, &local).await {
        return own;
    }
    if let Some(own) = discover(standing).await {
        let ip = resolve(&own).await.first().copied();
        return (own, ip);
    }
    let ip = match standing.bound {
        Some(ip) => ip,
        None => route_source(standing.places).await.unwrap_or_else(|| first_global(&local)),
    };
    (Address::new(ip, standing.port), Some(ip))
}

async fn discover(standing: &Standing<'_>) -> Option<Address> {
    link::discover(standing.places, standing.inst, standing.keys, PATIENCE).await
}

/// The list entry whose address is on a local interface and whose port is the node's own. Names
/// are looked up side by side: a resolver that does not answer costs its time once.
async fn listed(standing: &Standing<'_>, local: &BTreeSet<IpAddr>) -> Option<Identity> {
    let candidates = standing.places.iter().filter(|p| p.port == standing.port);
    let (plain, named): (Vec<_>, Vec<_>) =
        candidates.cloned().partition(|p| !matches!(p.host, Host::Name(_)));
    // Plain addresses first: they need no resolver.
    for place in plain {
        if let Some(ip) = place.host.ip().filter(|ip| is_local(*ip, local)) {
            return Some((place, Some(ip)));
        }
    }
    let lookups: Vec<_> = named
        .into_iter()
        .map(|place| tokio::spawn(async move { (resolve(&place).await, place) }))
        .collect();
    let mut found = None;
    for lookup in lookups {
        let Ok((ips, place)) = lookup.await else { continue };
        let own = ips.into_iter().find(|ip| is_local(*ip, local)).map(|ip| (place, Some(ip)));
        found = found.or(own);
    }
    found
}

/// The IP addresses of a place; none where the name does not resolve in time.
async fn resolve(place: &Address) -> Vec<IpAddr> {
    let name = match &place.host {
        Host::V4(ip) => return vec![IpAddr::V4(*ip)],
        Host::V6(ip) => return vec![IpAddr::V6(*ip)],
        Host::Name(name) => name,
    };
    let lookup = tokio::net::lookup_host((&**name, place.port));
    match tokio::time::timeout(PATIENCE, lookup).await {
        Ok(Ok(found)) => found.map(|a| a.ip().to_canonical()).collect(),
        _ => Vec::new(),
    }
}

/// The IP addresses of each of these places, looked up side by side.
pub(crate) async fn resolve_all(places: &[Address]) -> Vec<(Address, BTreeSet<IpAddr>)> {
    let lookups = places.iter().cloned().map(|place| {
        tokio::spawn(async move { (resolve(&place).await.into_iter().collect(), place) })
    });
    let lookups: Vec<_> = lookups.collect();
    let mut found = Vec::new();
    for lookup in lookups {
        if let Ok((ips, place)) = lookup.await {
            found.push((place, ips));
        }
    }
    found
}

/// The addresses of the interfaces on which the node listens.
fn local_addresses(bound: Option<IpAddr>) -> BTreeSet<IpAddr> {
    if let Some(ip) = bound {
        return BTreeSet::from([ip]);
    }
    if_addrs::get_if_addrs().unwrap_or_default().into_iter().map(|i| i.ip()).collect()
}

/// All of 127.0.0.0/8 is local though the interface has one address of it.
fn is_local(ip: IpAddr, local: &BTreeSet<IpAddr>) -> bool {
    let is_all = local.iter().any(IpAddr::is_loopback) && local.len() > 1;
    local.contains(&ip) || (ip.is_loopback() && is_all)
}

/// The source address of the route to the first place. Nothing is sent.
async fn route_source(places: &[Address]) -> Option<IpAddr> {
    let first = places.first()?;
    let target = *resolve(first).await.first()?;
    let any: IpAddr = match target {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((target, first.port)).ok()?;
    let ip = socket.local_addr().ok()?.ip().to_canonical();
    (!ip.is_unspecified()).then_some(ip)
}

/// The first address of an interface that others can reach, or 127.0.0.1.
fn first_global(local: &BTreeSet<IpAddr>) -> IpAddr {
    let is_global = |ip: &&IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
    };
    local.iter().find(is_global).copied().unwrap_or(Ipv4Addr::LOCALHOST.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing<'a>(places: &'a [Address], bound: Option<&str>) -> Standing<'a> {
        let bound = bound.map(|ip| ip.parse().unwrap());
        Standing { advertise: None, places, bound, port: 8117, inst: Inst(1), keys: None }
    }

    fn places(texts: &[&str]) -> Vec<Address> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn what_is_advertised_comes_first() {
        let list = places(&["127.0.0.1:8117"]);
        let advertise = Some("10.9.8.7:1".parse().unwrap());
        let found = find(&Standing { advertise, ..standing(&list, None) }).await;
        assert_eq!(found, ("10.9.8.7:1".parse().unwrap(), Some("10.9.8.7".parse().unwrap())));
    }

    #[tokio::test]
    async fn a_listed_local_address_with_the_own_port_comes_next() {
        let list = places(&["192.0.2.1:8117", "127.0.0.1:1", "127.0.0.1:8117"]);
        assert_eq!(find(&standing(&list, None)).await.0.to_string(), "127.0.0.1:8117");
    }

    #[tokio::test]
    async fn of_several_local_addresses_the_bound_one_counts() {
        let list = places(&["127.0.0.1:8117", "127.0.0.2:8117"]);
        assert_eq!(find(&standing(&list, Some("127.0.0.2"))).await.0.to_string(), "127.0.0.2:8117");
    }

    #[tokio::test]
    async fn a_listed_name_that_leads_here_is_kept_as_a_name() {
        let list = places(&["localhost:8117"]);
        let (id, ip) = find(&standing(&list, None)).await;
        assert_eq!(id.to_string(), "localhost:8117");
        assert!(ip.unwrap().is_loopback());
    }

    #[tokio::test]
    async fn a_list_without_oneself_leaves_the_source_of_the_route() {
        let list = places(&["127.0.0.1:9"]);
        assert_eq!(find(&standing(&list, None)).await.0.to_string(), "127.0.0.1:8117");
    }
}
