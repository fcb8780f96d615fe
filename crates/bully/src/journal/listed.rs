//! Where a node was told to dial, beside who votes: in quorum mode the disk says the latter.

use std::collections::BTreeSet;
use std::net::IpAddr;

use bully_core::Address;
use bully_core::quorum::Roster;

/// The places of the list, each with the addresses that it led to as the node started.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    places: Vec<(Address, BTreeSet<IpAddr>)>,
    /// What was said of it last.
    said: Option<String>,
}

impl Listed {
    pub(crate) fn new(places: Vec<(Address, BTreeSet<IpAddr>)>) -> Self {
        Self { places, said: None }
    }

    /// How the list and the roster differ, in a sentence; none if they do not, or if that was said.
    pub(super) fn difference(&mut self, roster: &Roster) -> Option<String> {
        let line = self.compare(roster);
        let is_new = line.is_some() && line != self.said;
        self.said.clone_from(&line);
        line.filter(|_| is_new)
    }

    fn compare(&self, roster: &Roster) -> Option<String> {
        let ids = || roster.members.iter().map(|m| &m.id);
        let besides = self.places.iter().filter(|p| ids().all(|id| !may_be(p, id)));
        let left_out = ids().filter(|id| self.places.iter().all(|p| !may_be(p, id)));
        let besides = joined(besides.map(|(place, _)| place));
        let left_out = joined(left_out);
        let what = match (besides.is_empty(), left_out.is_empty()) {
            (true, true) => return None,
            (false, true) => format!("names {besides} besides"),
            (true, false) => format!("leaves out {left_out}"),
            (false, false) => format!("names {besides} besides and leaves out {left_out}"),
        };
        let members = joined(ids());
        Some(format!(
            "the members are {members}, as the disk says; -nodes {what}, and decides nothing"
        ))
    }
}

/// Whether the place may lead to the member: of a name that nobody could look up, that is not known.
fn may_be((place, ips): &(Address, BTreeSet<IpAddr>), id: &Address) -> bool {
    let is_name = id.host.ip().is_none();
    let leads_there = id.host.ip().is_some_and(|ip| ips.contains(&ip)) || ips.is_empty() || is_name;
    place == id || (place.port == id.port && leads_there)
}

fn joined<'a>(addresses: impl Iterator<Item = &'a Address>) -> String {
    let mut texts: Vec<String> = addresses.map(ToString::to_string).collect();
    texts.sort();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bully_core::Inst;
    use bully_core::quorum::Member;

    fn listed(texts: &[&str]) -> Listed {
        let place = |text: &&str| {
            let place: Address = text.parse().unwrap();
            let ips = place.host.ip().into_iter().collect();
            (place, ips)
        };
        Listed::new(texts.iter().map(place).collect())
    }

    fn roster(texts: &[&str]) -> Roster {
        let member =
            |text: &&str| Member { inst: Inst(1), id: text.parse().unwrap(), priority: 100 };
        Roster { members: texts.iter().map(member).collect(), ..Roster::default() }
    }

    #[test]
    fn a_list_that_names_the_members_is_not_spoken_of() {
        let mut listed = listed(&["10.0.0.1:1", "10.0.0.2:1"]);
        assert_eq!(listed.difference(&roster(&["10.0.0.2:1", "10.0.0.1:1"])), None);
    }

    #[test]
    fn what_the_list_lacks_and_has_besides_is_said_once() {
        let mut listed = listed(&["10.0.0.1:1", "10.0.0.3:1"]);
        let line = "the members are 10.0.0.1:1, 10.0.0.2:1, as the disk says; -nodes names \
                    10.0.0.3:1 besides and leaves out 10.0.0.2:1, and decides nothing";
        let roster = roster(&["10.0.0.1:1", "10.0.0.2:1"]);
        assert_eq!(listed.difference(&roster).as_deref(), Some(line));
        assert_eq!(listed.difference(&roster), None);
    }

    #[test]
    fn a_name_is_known_by_where_it_leads_and_may_be_anybody_where_it_leads_nowhere() {
        let name: Address = "db1:1".parse().unwrap();
        let known = Listed::new(vec![(name.clone(), ["10.0.0.1".parse().unwrap()].into())]);
        assert_eq!(known.compare(&roster(&["10.0.0.1:1"])), None);
        assert!(known.compare(&roster(&["10.0.0.2:1"])).is_some());
        let unknown = Listed::new(vec![(name, BTreeSet::new())]);
        assert_eq!(unknown.compare(&roster(&["10.0.0.2:1"])), None);
        assert!(unknown.compare(&roster(&["10.0.0.2:2"])).is_some());
    }
}
