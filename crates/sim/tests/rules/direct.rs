//! Rules whose breach a whole network hides, because something else mends it: one node, its
//! inputs, and all that it does.

use std::time::Duration;

use bully_core::{
    Address, Beat, DialError, Epoch, Event, Input, Inst, Leave, LinkId, Listed, Message, Output,
    Proposal, Query, QueryAck, Report, Role,
};

use crate::one::{F, One, address, beat, claim, is_elected, live, names, query};

#[test]
fn a4_a_leader_that_was_late_by_f_asks_its_peers_before_it_beats_again() {
    let mut one = One::started(&[]);
    one.hello(2, Report::default());
    assert!(one.node.leadership(one.now).is_leader());
    one.pass(F);
    assert!(!one.node.leadership(one.now).is_leader(), "before its first step, too");
    let outputs = one.hand(Input::Timeout);
    assert_eq!(names(&outputs), ["Query"]);
    assert_eq!(one.role(), Role::Electing);
    let q = query(&outputs).expect("just seen").q;
    let outputs = one.say(2, Message::QueryAck(QueryAck { q, report: Report::default() }));
    assert_eq!(names(&outputs), ["Beat"]);
    assert!(one.node.leadership(one.now).is_leader(), "it leads on under its claim");
}

/// A leader that was late, and asked the member at host 2.
fn late() -> One {
    let mut one = One::started(&[]);
    one.hello(2, Report::default());
    one.pass(F);
    assert_eq!(names(&one.hand(Input::Timeout)), ["Query"]);
    one
}

#[test]
fn a4_a_late_leader_dials_whom_its_connections_do_not_reach() {
    // The other end has closed long ago, and nobody was there to hear of it.
    let mut one = late();
    one.pass(Duration::from_millis(25));
    let outputs = one.hand(Input::Timeout);
    assert_eq!(dials(&outputs), [&address(2)]);
    assert_eq!(one.role(), Role::Electing);
    one.pass(Duration::from_millis(74));
    let link = LinkId(22);
    one.hand(Input::LinkUp { link, dialed: address(2) });
    let hello = One::hello_of(2, live(claim(1, 1 << 41)));
    one.hand(Input::Message { from: link, message: Message::HelloAck(hello) });
    assert_eq!(one.role(), Role::Follower);

    let mut one = late();
    one.pass(Duration::from_millis(25));
    one.hand(Input::Timeout);
    waits_no_longer_than(&mut one, 75);
}

/// The late leader waits for so many milliseconds more.
fn waits_no_longer_than(one: &mut One, millis: u64) {
    one.pass(Duration::from_millis(millis - 1));
    one.hand(Input::Timeout);
    assert_eq!(one.role(), Role::Electing, "after {} ms", millis - 1);
    one.pass(Duration::from_millis(1));
    one.hand(Input::Timeout);
    assert_eq!(one.role(), Role::Leader, "nobody is waited for any longer");
}

#[test]
fn a4_whom_a_late_leader_dials_already_has_the_time_of_one_dial() {
    let mut one = One::started(&[]);
    one.hello(2, Report::default());
    one.pass(F);
    assert_eq!(dials(&one.hand(Input::LinkDown { link: LinkId(2) })), [&address(2)]);
    assert_eq!(names(&one.hand(Input::Timeout)), [""; 0], "nobody is left to ask");
    waits_no_longer_than(&mut one, 75);
    // And who closes while it is asked.
    let mut one = late();
    one.pass(Duration::from_millis(10));
    assert_eq!(dials(&one.hand(Input::LinkDown { link: LinkId(2) })), [&address(2)]);
    waits_no_longer_than(&mut one, 75);
}

#[test]
fn a4_a_late_leader_knows_how_far_away_those_are_that_closed_their_connections() {
    // Caught here: the mutant that looks at open connections alone.
    let mut one = One::started(&[2]);
    one.hand(Input::LinkUp { link: LinkId(2), dialed: address(2) });
    one.pass(Duration::from_millis(60));
    one.say(2, Message::HelloAck(One::hello_of(2, Report::default())));
    one.pass(Duration::from_millis(2 * 60));
    one.hand(Input::Timeout);
    assert_eq!(one.role(), Role::Leader);
    one.pass(F);
    one.hand(Input::LinkDown { link: LinkId(2) });
    one.hand(Input::Timeout);
    waits_no_longer_than(&mut one, 3 * 2 * 60);
}

#[test]
fn a3p_a_dial_that_times_out_proves_nobody_dead() {
    let mut one = One::following(10);
    one.hand(Input::LinkDown { link: LinkId(1) });
    one.pass(Duration::from_millis(10));
    let outputs = one.hand(Input::DialFailed { dialed: address(1), reason: DialError::TimedOut });
    assert!(!is_elected(&outputs), "{outputs:?}");
    assert_eq!(one.role(), Role::Follower, "back to F");
    one.pass(Duration::from_millis(10));
    let outputs = one.hand(Input::Timeout);
    assert!(!is_elected(&outputs), "{outputs:?}");
    assert_eq!(one.role(), Role::Follower);
}

#[test]
fn n2_a_dial_that_fails_while_the_other_end_is_heard_is_no_complaint() {
    let fails = Input::DialFailed { dialed: address(2), reason: DialError::TimedOut };
    let complains = |outputs: &[Output]| {
        outputs.iter().any(|o| matches!(o, Output::Event(Event::Unreachable { .. })))
    };
    let mut one = One::started(&[2]);
    assert!(complains(&one.hand(fails.clone())));
    // Both dialled when the way between them came back, and this one's dial was the slower.
    let mut one = One::started(&[2]);
    one.hello(2, Report::default());
    assert!(!complains(&one.hand(fails)));
}

/// Follows a member that is listed under a name, and whose connection has just closed.
fn listed_under_a_name() -> (One, Address) {
    let name = Address::new("two.example", 8117);
    let mut one = One::with_list(vec![name.clone()]);
    one.hand(Input::LinkUp { link: LinkId(2), dialed: name.clone() });
    one.say(2, Message::HelloAck(One::hello_of(2, live(claim(2, 10)))));
    assert_eq!(one.role(), Role::Follower);
    one.hand(Input::LinkDown { link: LinkId(2) });
    (one, name)
}

/// A connection that the member at host 2 opens.
fn comes_back(one: &mut One) -> Vec<Output> {
    let message = Message::Hello(One::hello_of(2, live(claim(2, 10))));
    one.hand(Input::Message { from: LinkId(22), message })
}

#[test]
fn n2_a_dial_of_a_name_that_fails_while_its_member_is_heard_is_no_complaint() {
    let (mut one, name) = listed_under_a_name();
    comes_back(&mut one);
    let outputs = one.hand(Input::DialFailed { dialed: name, reason: DialError::TimedOut });
    assert!(!outputs.iter().any(|o| matches!(o, Output::Event(Event::Unreachable { .. }))));
}

#[test]
fn n2_a_complaint_of_a_name_is_taken_back_when_its_member_opens_a_connection() {
    let (mut one, name) = listed_under_a_name();
    let fails = Input::DialFailed { dialed: name.clone(), reason: DialError::TimedOut };
    let complaint = Event::Unreachable { address: name.clone(), reason: DialError::TimedOut };
    assert!(one.hand(fails).contains(&Output::Event(complaint)));
    assert!(comes_back(&mut one).contains(&Output::Event(Event::Reachable { address: name })));
}

#[test]
fn n3_a_node_asks_to_be_woken_when_what_it_is_owed_is_overdue() {
    // Caught here: the mutant in which no answer that is owed brings the next look forward.
    let mut one = One::following(10);
    // A relay shows it a greater claim of its leader: it asks for the next Beats.
    let outputs = one.say(2, Message::Beat(beat(11)));
    assert!(query(&outputs).is_some(), "{outputs:?}");
    one.pass(F / 2);
    one.say(1, Message::Beat(beat(12)));
    assert_eq!(one.node.poll_timeout(one.now), Some(F / 2), "and not when its leader is silent");
    one.pass(F / 2);
    let outputs = one.hand(Input::Timeout);
    assert!(outputs.contains(&Output::Close { link: LinkId(2) }), "{outputs:?}");
}

fn dials(outputs: &[Output]) -> Vec<&Address> {
    let dials = outputs.iter().filter_map(|output| match output {
        Output::Dial { to, .. } => Some(to),
        _ => None,
    });
    dials.collect()
}

#[test]
fn a3p_a_connection_closed_before_its_answer_is_dialled_again_once_for_only_a_refusal_proves() {
    // It has heard of the leader from host 2, and its own first dial finds the leader dying.
    let mut one = One::started(&[1, 2]);
    one.hello(2, live(claim(1, 10)));
    assert_eq!(one.role(), Role::Follower);
    one.hand(Input::LinkUp { link: LinkId(1), dialed: address(1) });
    let outputs = one.hand(Input::LinkDown { link: LinkId(1) });
    assert_eq!(dials(&outputs), [&address(1)]);
    let outputs = one.hand(Input::DialFailed { dialed: address(1), reason: DialError::Refused });
    assert!(query(&outputs).is_some(), "proved dead, and asked about at once: {outputs:?}");

    let mut one = One::started(&[1, 2]);
    one.hello(2, live(claim(1, 10)));
    for expected in [1, 0] {
        one.hand(Input::LinkUp { link: LinkId(1), dialed: address(1) });
        let outputs = one.hand(Input::LinkDown { link: LinkId(1) });
        assert_eq!(dials(&outputs).len(), expected, "not for ever");
    }
}

#[test]
fn a3b_a_live_leader_of_a_smaller_claim_is_asked_to_surpass_it_and_not_opposed() {
    let mut one = One::following(10);
    let outputs = one.hand(Input::LinkDown { link: LinkId(1) });
    let q = query(&outputs).expect("the best of the rest asks at once").q;
    one.hand(Input::DialFailed { dialed: address(1), reason: DialError::Refused });
    let ack = QueryAck { q, report: live(claim(3, 5)) };
    let outputs = one.say(2, Message::QueryAck(ack));
    let asked = query(&outputs).expect("it asks to be passed that leader's Beats");
    assert!(asked.watch);
    assert_eq!(asked.need, Epoch(10));
    assert!(!is_elected(&outputs), "{outputs:?}");
}

#[test]
fn a2_a_live_claim_of_this_nodes_own_earlier_run_is_nobody_to_follow() {
    let mut one = One::started(&[1]);
    let mut ghost = claim(9, 10);
    ghost.inst = Inst(99);
    one.hello(1, live(ghost));
    assert_ne!(one.role(), Role::Follower);
}

#[test]
fn a2_word_younger_than_the_proof_of_a_leaders_death_takes_the_proof_back() {
    // Caught here: the mutant that keeps the proof. In a network the next election mostly hides it.
    let mut one = One::following(10);
    let over = Leave { inc: 0, claim: Some(claim(1, 10)), successor: None, gone: false };
    let outputs = one.say(1, Message::Leave(over));
    assert!(query(&outputs).is_some(), "nobody leads: {outputs:?}");
    // More than δ, which is at least 25 ms.
    one.pass(Duration::from_millis(26));
    one.say(1, Message::Beat(beat(11)));
    assert_eq!(one.role(), Role::Follower);
    let asked = Query { q: 1, report: Report::default(), need: Epoch(0), watch: false };
    let outputs = one.say(2, Message::Query(asked));
    let answer = outputs.iter().find_map(|output| match output {
        Output::Send { message: Message::QueryAck(ack), .. } => Some(&ack.report),
        _ => None,
    });
    assert_eq!(answer.map(|report| (report.live, report.seq)), Some((true, 11)), "{outputs:?}");
}

/// Its process still answers clients for a moment.
#[test]
fn a7_who_has_left_names_whom_it_followed_until_its_process_ends() {
    let mut one = One::following(5);
    one.hand(Input::Resign { leave: true });
    assert_eq!(one.leader(), Some(address(1)));

    let mut led = One::started(&[]);
    led.hello(2, Report::default());
    assert!(led.node.leadership(led.now).is_leader());
    led.hand(Input::Resign { leave: true });
    led.hand(Input::Revoked);
    led.pass(F * 4);
    led.hand(Input::Timeout);
    assert_eq!(led.leader(), None, "its own reign is over");
}

#[test]
fn a2_who_is_shown_a_greater_claim_asks_to_be_passed_the_next_beats() {
    // Caught here: the mutant that does not ask, and loses the leader again after F.
    let mut one = One::following(5);
    let shown = Beat { claim: claim(3, 50), ..beat(7) };
    let outputs = one.say(2, Message::Beat(shown.clone()));
    assert!(query(&outputs).is_some_and(|query| query.watch), "{outputs:?}");
    let again = one.say(2, Message::Beat(Beat { seq: 8, ..shown }));
    assert!(query(&again).is_none(), "it has asked: {again:?}");
}

#[test]
fn an_epoch_beyond_the_bound_is_dropped_and_moves_it_by_one_leap() {
    // Caught here: the mutant in which it does not, so that this node hears nobody any more whom
    // the same lie has moved.
    const LEAP: u64 = 1 << 20;
    let mut one = One::following(5);
    let lie = (1 << 42) + LEAP + 1;
    one.say(2, Message::Beat(Beat { claim: claim(3, lie), ..beat(7) }));
    assert_eq!(one.leader(), Some(address(1)), "dropped");
    one.say(2, Message::Beat(Beat { claim: claim(3, lie + LEAP), ..beat(7) }));
    assert_eq!(one.leader(), Some(address(1)), "by one leap, and no further");
    one.say(2, Message::Beat(Beat { claim: claim(3, lie), ..beat(7) }));
    assert_eq!(one.leader(), Some(address(3)));
}

#[test]
fn an_answer_that_came_after_f_measures_no_round_trip() {
    // Caught here: the mutant that measures the pause of a process that was stopped meanwhile.
    let rtt_after = |pause| {
        let mut one = One::started(&[1]);
        one.hand(Input::LinkUp { link: LinkId(1), dialed: address(1) });
        one.pass(pause);
        one.say(1, Message::HelloAck(One::hello_of(1, Report::default())));
        let members = one.node.members(one.now);
        members.iter().find(|member| member.id == address(1)).expect("it is known").rtt
    };
    assert_eq!(rtt_after(F / 8), Some(F / 8));
    assert_eq!(rtt_after(F), None);
}

#[test]
fn a6_a_new_priority_goes_out_behind_a_hello_that_is_still_unanswered() {
    // Caught here: the mutant that announces it to those alone who have answered: of two that each
    // take the other for the better one, none would ever stand.
    let mut one = One::started(&[1]);
    one.hand(Input::LinkUp { link: LinkId(1), dialed: address(1) });
    let outputs = one.hand(Input::Propose(Proposal::Priority(50)));
    let told = outputs.iter().find_map(|output| match output {
        Output::Send { to: LinkId(1), message: Message::Hello(hello) } => {
            Some(hello.member.priority)
        }
        _ => None,
    });
    assert_eq!(told, Some(50), "{outputs:?}");
}

/// Whether it follows host 3, of which host 2 speaks now and spoke once before.
fn believes_second_word(one: &mut One) -> bool {
    one.hello(2, live(claim(3, 90)));
    one.leader() == Some(address(3))
}

#[test]
fn a5_what_a_follower_heard_of_a_leader_ends_when_it_follows_that_one_itself() {
    let mut one = One::following(5);
    one.hello(2, live(claim(3, 6)));
    one.say(2, Message::Beat(Beat { claim: claim(3, 50), ..beat(7) }));
    one.pass(F * 2);
    one.say(1, Message::Beat(beat(60)));
    assert_eq!(one.leader(), Some(address(1)));
    assert!(!believes_second_word(&mut one));
}

#[test]
fn a5_what_a_leader_heard_of_another_ends_when_that_one_follows_it() {
    let mut one = One::started(&[]);
    one.hello(2, live(claim(3, 1)));
    one.hello(3, live(claim(3, 1)));
    let mine = one.node.status(one.now).claim.expect("it leads");
    assert_eq!(mine.id, address(9));
    one.hello(3, live(mine));
    for _ in 0..8 {
        one.pass(F / 4);
        one.hand(Input::Timeout);
    }
    assert!(!believes_second_word(&mut one));
}

#[test]
fn a5_what_a_follower_heard_of_a_leader_ends_when_its_own_one_reaches_that() {
    let mut one = One::following(5);
    one.hello(2, live(claim(3, 6)));
    let listed =
        |host| Listed { member: One::hello_of(host, Report::default()).member, reach: true };
    let members = Some([1, 2, 3, 9].map(listed).into());
    one.say(1, Message::Beat(Beat { seq: 8, mver: 1, members, ..beat(5) }));
    one.pass(F * 2);
    one.say(1, Message::Beat(Beat { seq: 9, ..beat(5) }));
    assert_eq!(one.leader(), Some(address(1)));
    assert!(!believes_second_word(&mut one));
}
