//! The HTTP service, asked for what it is to refuse.

use super::http::{Place, Service, answer, request};

fn with_something(test: &str) -> Option<(Place, Service)> {
    let place = Place::new(test)?;
    let service = place.start();
    assert_eq!(service.put("7", "old"), 204);
    Some((place, service))
}

#[test]
fn a_token_that_is_no_number_of_63_bits_gets_400() {
    let test = "a_token_that_is_no_number_of_63_bits_gets_400";
    let Some((_place, service)) = with_something(test) else { return };
    let large = ["9223372036854775808", "18446744073709551616", &"9".repeat(5000)];
    let nonsense = ["", "x", "-1", "+8", "1.5", "8_0", "8 9", "0x9", "٨", "８", "²", "8,9"];
    for token in nonsense.iter().chain(&large) {
        let (status, reply) = service.ask(request(token, 4, "late"));
        assert_eq!(status, 400, "{token:?}: {reply}");
        assert!(reply.contains("expected one number up to 9223372036854775807"), "{reply}");
    }
    // As in Latin-1, which is how the service reads its headers.
    let [before, after] =
        ["PUT / HTTP/1.0\r\nFencing-Token: ", "\r\nContent-Length: 4\r\n\r\nlate"];
    let superscript = [before.as_bytes(), b"\xb2", after.as_bytes()].concat();
    assert_eq!(service.ask(superscript).0, 400);
    let without = "PUT / HTTP/1.0\r\nContent-Length: 4\r\n\r\nlate";
    assert_eq!(service.ask(without).0, 400);
    let twice =
        "PUT / HTTP/1.0\r\nFencing-Token: 8\r\nFencing-Token: 9\r\nContent-Length: 4\r\n\r\nlate";
    assert_eq!(service.ask(twice).0, 400);
    assert!(service.holds("7", "old"));
    assert_eq!(service.put("9223372036854775807", "largest"), 204);
    assert_eq!(service.put("9223372036854775806", "late"), 409);
}

#[test]
fn a_length_that_is_missing_nonsense_or_huge_gets_400() {
    let test = "a_length_that_is_missing_nonsense_or_huge_gets_400";
    let Some((_place, service)) = with_something(test) else { return };
    let head = "PUT / HTTP/1.0\r\nFencing-Token: 8\r\n";
    for length in ["", "x", "-1", "3.0", "1048577", "9223372036854775807", &"9".repeat(5000)] {
        let stream = service.send(format!("{head}Content-Length: {length}\r\n\r\n"));
        // It does not wait for what is announced: this side stays open.
        let (status, reply) = answer(stream).expect("it answers");
        assert_eq!(status, 400, "{length:?}: {reply}");
        assert!(reply.contains("Content-Length"), "{length:?}: {reply}");
    }
    assert_eq!(service.ask(format!("{head}\r\nlate")).0, 400);
    let twice = format!("{head}Content-Length: 4\r\nContent-Length: 2\r\n\r\nlate");
    assert_eq!(service.ask(twice).0, 400);
    let chunked = "Transfer-Encoding: chunked\r\n\r\n4\r\nlate\r\n0\r\n\r\n";
    assert_eq!(service.ask(format!("{head}{chunked}")).0, 400);
    assert_eq!(service.ask(format!("{head}Content-Length: 9\r\n{chunked}")).0, 400);
    assert!(service.holds("7", "old"));
    let largest = "x".repeat(1 << 20);
    assert_eq!(service.put("8", &largest), 204);
    assert!(service.holds("8", &largest));
}

#[test]
fn a_value_that_is_cut_short_or_no_text_gets_400_and_nothing_of_it_is_stored() {
    let test = "a_value_that_is_cut_short_or_no_text_gets_400_and_nothing_of_it_is_stored";
    let Some((_place, service)) = with_something(test) else { return };
    for sent in ["", "h", "half of a valu"] {
        let (status, reply) = service.ask(request("8", 15, sent));
        assert_eq!(status, 400, "{reply}");
        assert!(reply.contains("the value was cut short"), "{reply}");
    }
    let latin = [request("8", 4, "").as_bytes(), b"\xe9t\xe9!"].concat();
    assert_eq!(service.ask(latin).0, 400);
    assert!(service.holds("7", "old"));
    assert_eq!(service.put("7", "its token has not been counted"), 204);
}
