//! The HTTP service, whose clients are slow, which is killed or frozen, and whose disk is full.

use std::io::{self, Read as _, Write as _};

use rustix::process::Signal;

use super::http::{Place, answer, request};
use super::support::{IMPATIENT, is_stopped, signal, until};

#[test]
fn a_half_sent_write_holds_up_nobody_and_is_compared_when_it_is_whole() {
    let test = "a_half_sent_write_holds_up_nobody_and_is_compared_when_it_is_whole";
    let Some(place) = Place::new(test) else { return };
    let service = place.start();
    let head = "PUT / HTTP/1.0\r\nFencing-Token: 1\r\nContent-Le";
    let (in_head, mut in_body) = (service.send(head), service.send(request("1", 8, "half")));
    assert_eq!(service.put("2", "new"), 204);
    for stream in [&in_head, &in_body] {
        stream.set_nonblocking(true).expect("a socket");
        let error = (&*stream).read(&mut [0]).expect_err("it has not been hung up on");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        stream.set_nonblocking(false).expect("a socket");
    }
    in_body.write_all(b"half").expect("it reads");
    assert_eq!(answer(in_body).expect("it answers").0, 409);
    assert!(service.holds("2", "new"));
}

#[test]
fn whoever_sends_nothing_more_is_hung_up_on_and_nothing_of_it_is_stored() {
    let test = "whoever_sends_nothing_more_is_hung_up_on_and_nothing_of_it_is_stored";
    let Some(mut place) = Place::new(test) else { return };
    place.set_patience(IMPATIENT);
    let service = place.start();
    assert_eq!(service.put("1", "old"), 204);
    for sent in ["", "PUT / HT", "PUT / HTTP/1.0\r\nFencing-Tok", &request("2", 8, "half")] {
        assert_eq!(answer(service.send(sent)), None, "{sent}");
    }
    assert!(service.holds("1", "old"));
}

#[test]
fn a_crash_between_any_two_steps_leaves_the_old_value_or_the_new_one_with_its_token() {
    let test = "a_crash_between_any_two_steps_leaves_the_old_value_or_the_new_one_with_its_token";
    let Some(place) = Place::new(test) else { return };
    for (step, token) in [(1, 2_u64), (2, 4), (3, 6)] {
        let [old, new, before] = [token, token + 1, token - 1].map(|token| token.to_string());
        assert_eq!(place.start().put(&old, "old"), 204);
        let service = place.start_with_signal(step, Some(Signal::KILL));
        assert_eq!(answer(service.send(request(&new, 3, "new"))), None, "it is dead");
        drop(service);
        let service = place.start();
        let expected =
            if step < 3 { (old, "old".to_owned()) } else { (new.clone(), "new".to_owned()) };
        assert_eq!(service.get(), expected, "step {step}");
        assert_eq!(service.put(&before, "late"), 409);
        assert_eq!(service.put(&new, "newer"), 204);
        assert!(service.holds(&new, "newer"));
    }
}

#[test]
fn a_value_is_on_disk_before_its_name_and_its_name_before_the_answer() {
    let test = "a_value_is_on_disk_before_its_name_and_its_name_before_the_answer";
    let Some(place) = Place::new(test) else { return };
    let service = place.start_with_signal(0, Some(Signal::KILL));
    assert_eq!(service.put("1", "value"), 204);
    let kept = place.path("kept").display().to_string();
    let folder = place.path("kept").parent().expect("a folder").display().to_string();
    let expected = [
        format!("fsync {kept}.new"),
        format!("replace {kept}.new {kept}"),
        format!("fsync {folder}"),
    ];
    assert_eq!(place.steps(), expected);
    assert_eq!(service.put("0", "late"), 409);
    assert_eq!(place.steps(), expected, "a refusal writes nothing");
}

#[test]
fn beside_a_frozen_process_that_holds_the_lock_another_answers_503_until_it_goes_on() {
    let test = "beside_a_frozen_process_that_holds_the_lock_another_answers_503_until_it_goes_on";
    let Some(mut place) = Place::new(test) else { return };
    // Before the new file is in place: without the lock, another would be overwritten by it.
    let frozen = place.start_with_signal(2, Some(Signal::STOP));
    place.set_patience(IMPATIENT);
    let another = place.start();
    let old = frozen.send(request("1", 3, "old"));
    until("it is frozen", || is_stopped(&frozen.child));
    assert_eq!(another.put("2", "new"), 503);
    assert!(another.holds("0", ""), "it can be read");
    signal(&frozen.child, Signal::CONT);
    assert_eq!(answer(old).expect("it answers").0, 204);
    assert_eq!(another.put("2", "new"), 204);
    assert_eq!(frozen.put("1", "late"), 409);
    assert!(frozen.holds("2", "new"));
}

#[test]
fn two_threads_of_one_process_keep_each_other_out_too() {
    let test = "two_threads_of_one_process_keep_each_other_out_too";
    let Some(mut place) = Place::new(test) else { return };
    place.set_patience(IMPATIENT);
    let service = place.start_with_signal(2, None);
    let old = service.send(request("1", 3, "old"));
    until("it is about to write", || place.path("steps").exists() && place.steps().len() == 2);
    assert_eq!(service.put("2", "new"), 503);
    std::fs::write(place.path("steps.go"), "").expect("a file");
    assert_eq!(answer(old).expect("it answers").0, 204);
    assert_eq!(service.put("2", "new"), 204);
    assert!(service.holds("2", "new"));
}

#[test]
fn on_a_full_disk_a_write_gets_503_and_the_old_value_stays() {
    let test = "on_a_full_disk_a_write_gets_503_and_the_old_value_stays";
    let Some(place) = Place::new(test) else { return };
    let Some(service) = place.start_on_a_small_disk(test) else { return };
    assert_eq!(service.put("1", "old"), 204);
    assert_eq!(service.put("2", &"x".repeat(200_000)), 503);
    assert!(service.holds("1", "old"));
    assert_eq!(service.put("1", "newer"), 204, "the token of what failed has not been counted");
    assert!(service.holds("1", "newer"));
}
