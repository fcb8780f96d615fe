//! The clusters of the scopes.

use crate::scope::{Spec, Stand};

pub(crate) fn three() -> Vec<Spec> {
    vec![Spec::member(), Spec::member(), Spec::member()]
}

pub(crate) fn ranked() -> Vec<Spec> {
    let ranked = |priority| Spec { priority, preempt: true, ..Spec::member() };
    [100, 200, 300].map(ranked).to_vec()
}

pub(crate) fn two() -> Vec<Spec> {
    vec![Spec::member(), Spec::member()]
}

pub(crate) fn guarded() -> Vec<Spec> {
    three().into_iter().map(|s| Spec { guardian: true, ..s }).collect()
}

pub(crate) fn two_and_a_joiner() -> Vec<Spec> {
    let joiner = Spec { stand: Stand::Later, ..Spec::fresh(&[0, 1, 2]) };
    vec![Spec::member(), Spec::member(), joiner]
}

pub(crate) fn mixed() -> Vec<Spec> {
    let [short, long] = [600, 2_000].map(|lease| Spec { lease, ..Spec::member() });
    vec![short.clone(), short, long]
}

/// A leader with a long lease, and two that join it with short ones.
pub(crate) fn mixed_joiners() -> Vec<Spec> {
    let joiner = Spec { lease: 600, stand: Stand::Later, ..Spec::fresh(&[0, 1, 2]) };
    vec![Spec { lease: 2_000, ..Spec::member() }, joiner.clone(), joiner]
}

pub(crate) fn founders() -> Vec<Spec> {
    vec![Spec::fresh(&[0, 1, 2]), Spec::fresh(&[0, 1, 2]), Spec::fresh(&[0, 1, 2])]
}

/// The first two name each other, the third all.
pub(crate) fn founders_of_two_lists() -> Vec<Spec> {
    vec![Spec::fresh(&[0, 1]), Spec::fresh(&[0, 1]), Spec::fresh(&[0, 1, 2])]
}

/// Lists that overlap.
pub(crate) fn founders_of_overlapping_lists() -> Vec<Spec> {
    vec![Spec::fresh(&[0, 1]), Spec::fresh(&[0, 1, 2]), Spec::fresh(&[1, 2])]
}

pub(crate) fn three_and_a_joiner() -> Vec<Spec> {
    let joiner = Spec { stand: Stand::Joining, ..Spec::fresh(&[0, 1, 2]) };
    [three(), vec![joiner]].concat()
}

/// The same as before, and both are there from the start.
pub(crate) fn mixed_joiners_at_once() -> Vec<Spec> {
    let there = |s: Spec| match s.stand {
        Stand::Later => Spec { stand: Stand::Fresh, ..s },
        _ => s,
    };
    mixed_joiners().into_iter().map(there).collect()
}

pub(crate) fn four() -> Vec<Spec> {
    let ranked = |priority| Spec { priority, ..Spec::member() };
    [100, 200, 300, 400].map(ranked).to_vec()
}

/// Leases that are shorter from the second start on.
pub(crate) fn shortened() -> Vec<Spec> {
    let later = Some(Box::new(Spec::member()));
    let long = Spec { heartbeat: 200, lease: 850, later, ..Spec::member() };
    vec![long.clone(), long.clone(), long]
}

/// The second founds with the first, and after a restart with the third.
pub(crate) fn founders_of_which_one_changes_its_list() -> Vec<Spec> {
    let later = Some(Box::new(Spec::fresh(&[1, 2])));
    vec![Spec::fresh(&[0, 1]), Spec { later, ..Spec::fresh(&[0, 1]) }, Spec::fresh(&[1, 2])]
}
