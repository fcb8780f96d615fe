//! The HTTP service.

use super::http::{Place, request};

#[test]
fn a_smaller_token_gets_409_also_after_a_restart() {
    let Some(place) = Place::new("a_smaller_token_gets_409_also_after_a_restart") else { return };
    let service = place.start();
    assert!(service.holds("0", ""), "there is nothing yet");
    assert_eq!(service.put("7", "old"), 204);
    assert_eq!(service.put("10", "new"), 204, "tokens are numbers, not texts");
    assert_eq!(service.put("10", "newer ñ"), 204);
    let (status, reply) = service.ask(request("9", 4, "late"));
    assert_eq!(status, 409);
    assert!(reply.contains("token 10 has been here, and 9 is smaller"), "{reply}");
    drop(service);
    let service = place.start();
    assert!(service.holds("10", "newer ñ"), "{:?}", service.get());
    assert_eq!(service.put("9", "late"), 409);
    assert_eq!(service.put("10", ""), 204, "nothing is a value");
    assert!(service.holds("10", ""));
}

#[test]
fn it_does_not_start_with_what_it_cannot_read_and_says_so_in_one_line() {
    let test = "it_does_not_start_with_what_it_cannot_read_and_says_so_in_one_line";
    let Some(place) = Place::new(test) else { return };
    let refused = |what: &str| {
        let output = place.refused();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{what}: {stderr}");
        assert!(stderr.lines().count() == 1 && stderr.contains("kept"), "{what}: {stderr}");
    };
    let damaged = [
        &b""[..],
        b"{\"token\": 7, \"val",
        b"[]",
        b"7",
        b"{}",
        b"{\"token\": \"7\", \"value\": \"\"}",
        b"{\"token\": 7}",
        b"{\"token\": 7, \"value\": null}",
        b"\0\0\0\0",
        b"{\"token\": 7, \"value\": \"\xff\"}",
    ];
    for damaged in damaged {
        std::fs::write(place.path("kept"), damaged).expect("it is damaged");
        refused(&String::from_utf8_lossy(damaged));
        assert_eq!(std::fs::read(place.path("kept")).expect("it is kept"), damaged);
    }
    std::fs::remove_file(place.path("kept")).expect("it is there");
    std::fs::create_dir(place.path("kept")).expect("a folder");
    refused("a folder");
}

#[test]
fn what_is_damaged_while_it_runs_is_not_written_over() {
    let Some(place) = Place::new("what_is_damaged_while_it_runs_is_not_written_over") else {
        return;
    };
    let service = place.start();
    assert_eq!(service.put("7", "old"), 204);
    std::fs::write(place.path("kept"), "").expect("it is damaged");
    assert_eq!(service.put("8", "new"), 503);
    assert_eq!(service.ask("GET / HTTP/1.0\r\n\r\n").0, 503);
    assert_eq!(std::fs::read(place.path("kept")).expect("it is kept"), b"");
}

#[test]
fn of_two_reigns_that_write_at_once_the_service_takes_nothing_of_the_old_one_after_the_new_one() {
    let test = "of_two_reigns_that_write_at_once_the_service_takes_nothing_of_the_old_one_after_the_new_one";
    let Some(place) = Place::new(test) else { return };
    // The new reign writes to another process on the same file.
    let (service, another) = (place.start(), place.start());
    assert_eq!(service.put("1", "old"), 204);
    std::thread::scope(|scope| {
        let late = || {
            let statuses = (0..200).map(|_| service.put("1", "old"));
            let refused = |status: &u16| *status == 409;
            statuses.skip_while(|status| !refused(status)).all(|status| refused(&status))
        };
        let old = [scope.spawn(late), scope.spawn(late)];
        for _ in 0..30 {
            assert_eq!(another.put("2", "new"), 204);
            assert_eq!(service.put("2", "new"), 204);
        }
        for old in old {
            assert!(old.join().expect("no panic"), "once refused, it is refused for ever");
        }
    });
    assert_eq!(service.put("1", "late"), 409);
    assert!(another.holds("2", "new"));
}
