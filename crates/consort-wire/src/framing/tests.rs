//! Framings, each against hand-written bytes, in one piece and byte by byte.
use super::event_stream::write_message;
use super::*;

fn frames(framing: Framing, pieces: impl Iterator<Item = Vec<u8>>) -> (Vec<String>, Result<(), Error>) {
    let mut framer = Framer::new(framing);
    let mut frames = Vec::new();
    let mut take = |frame: Frame<'_>| {
        frames.push(format!("{}|{}", frame.name, String::from_utf8_lossy(frame.data)));
        Ok(())
    };
    let mut fed = Ok(());
    for piece in pieces {
        fed = fed.and_then(|()| framer.feed(&piece, &mut take));
    }
    let result = fed.and_then(|()| framer.end(&mut take));
    (frames, result)
}

#[track_caller]
fn check(framing: Framing, bytes: &[u8], expected: &[&str]) {
    for piece in [bytes.len().max(1), 1, 2, 3] {
        let (frames, result) = frames(framing, bytes.chunks(piece).map(<[u8]>::to_vec));
        assert_eq!(frames, expected, "in pieces of {piece}");
        assert_eq!(result, Ok(()), "in pieces of {piece}");
    }
}

#[test]
fn server_sent_events() {
    check(Framing::Sse, b"data: a\n\n", &["|a"]);
    check(Framing::Sse, b"\xef\xbb\xbfdata:a\r\n\r\nevent: x\rdata: b\r\r", &["|a", "x|b"]);
    check(Framing::Sse, b": comment\n\ndata: one\ndata:two\nid: 7\nretry: 1\n\n", &["|one\ntwo"]);
    check(Framing::Sse, b"event: named\n\ndata: nameless\n\n", &["|nameless"]);
    // The last blank line may be missing.
    check(Framing::Sse, b"data: a\n\ndata: [DONE]", &["|a", "|[DONE]"]);
    check(Framing::Sse, b"data\n\n", &["|"]);
    check(Framing::Sse, b"", &[]);
}

#[test]
fn lines_of_json() {
    check(
        Framing::Ndjson,
        b"{\"a\":1}\n\n {\"b\":2} \r\n{\"c\":3}",
        &["|{\"a\":1}", "|{\"b\":2}", "|{\"c\":3}"],
    );
}

#[test]
fn elements_of_an_array() {
    let bytes = br#" [{"a":"]}\"["},
{"b":[{}]} ] "#;
    check(Framing::JsonArray, bytes, &[r#"|{"a":"]}\"["}"#, r#"|{"b":[{}]}"#]);
    check(Framing::JsonArray, b"[]", &[]);
    let (_, result) = frames(Framing::JsonArray, std::iter::once(b"[{}".to_vec()));
    assert_eq!(result.map_err(|error| error.kind()), Err(consort_core::ErrorKind::Interrupted));
}

#[test]
fn a_binary_stream() {
    let mut bytes = Vec::new();
    write_message(&[(":message-type", "event"), (":event-type", "contentBlockDelta")], b"{}", &mut bytes);
    write_message(
        &[(":message-type", "exception"), (":exception-type", "throttlingException")],
        b"{\"m\":1}",
        &mut bytes,
    );
    check(Framing::EventStream, &bytes, &["contentBlockDelta|{}", "throttlingException|{\"m\":1}"]);
    let mut damaged = bytes.clone();
    damaged[40] ^= 1;
    let (_, result) = frames(Framing::EventStream, std::iter::once(damaged));
    assert_eq!(result.map_err(|error| error.kind()), Err(consort_core::ErrorKind::Protocol));
    let (_, result) = frames(Framing::EventStream, std::iter::once(bytes[..bytes.len() - 1].to_vec()));
    assert_eq!(result.map_err(|error| error.kind()), Err(consort_core::ErrorKind::Interrupted));
}

#[test]
fn nothing_grows_without_end() {
    for framing in [Framing::Sse, Framing::Ndjson, Framing::Body, Framing::JsonArray, Framing::EventStream] {
        let start: &[u8] = match framing {
            Framing::JsonArray => b"[{\"a\":\"",
            Framing::EventStream => &[0x7f, 0xff, 0xff, 0xff],
            _ => b"data: ",
        };
        let megabyte = vec![b'x'; 1024 * 1024];
        let pieces = std::iter::once(start.to_vec()).chain(std::iter::repeat_n(megabyte, 50));
        let (_, result) = frames(framing, pieces);
        assert_eq!(
            result.map_err(|error| error.kind()),
            Err(consort_core::ErrorKind::Protocol),
            "{framing:?}"
        );
    }
}
