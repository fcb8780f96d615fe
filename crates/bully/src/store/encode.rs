//! From the core's words to protobuf.

use bully_core::quorum::{Founding, Roster, Stored};
use bully_core::{Address, Host, Inst};

use super::schema;

pub(super) fn record(cluster: &str, state: &Stored) -> schema::Record {
    schema::Record {
        name: cluster.to_owned(),
        inst: inst(state.inst),
        boot: state.boot.0,
        id: Some(address(&state.id)),
        cluster: state.cluster.map(|c| c.0.to_be_bytes().into()).unwrap_or_default(),
        term: state.term.0,
        voted_for: state.voted_for.map(inst).unwrap_or_default(),
        roster: Some(roster(&state.roster)),
        lease_max_ns: u64::try_from(state.lease_max.as_nanos()).unwrap_or(u64::MAX),
        round: state.round,
        accept: state.accept.as_ref().map(founding),
        leaving: state.leaving.as_ref().map(founding),
    }
}

fn roster(roster: &Roster) -> schema::Roster {
    let member = |m: &bully_core::quorum::Member| schema::Member {
        inst: inst(m.inst),
        id: Some(address(&m.id)),
        priority: u64::from(m.priority),
    };
    schema::Roster {
        term: roster.version.term.0,
        version: roster.version.version,
        members: roster.members.iter().map(member).collect(),
        removed: roster.removed.iter().map(|removed| inst(*removed)).collect(),
    }
}

fn founding(founding: &Founding) -> schema::Founding {
    let founder = |(founder, id): &(Inst, Address)| schema::Founder {
        inst: inst(*founder),
        id: Some(address(id)),
    };
    schema::Founding {
        cluster: founding.cluster.0.to_be_bytes().into(),
        founders: founding.founders.iter().map(founder).collect(),
    }
}

fn address(address: &Address) -> schema::Address {
    let port = u64::from(address.port);
    match &address.host {
        Host::Name(name) => schema::Address { name: name.to_string(), port, ..Default::default() },
        Host::V4(ip) => schema::Address { ip: ip.octets().into(), port, ..Default::default() },
        Host::V6(ip) => schema::Address { ip: ip.octets().into(), port, ..Default::default() },
    }
}

fn inst(inst: Inst) -> Vec<u8> {
    inst.0.to_be_bytes().into()
}
