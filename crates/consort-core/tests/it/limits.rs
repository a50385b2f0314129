//! Numbers and limits: sums of usage, deadlines, cancellation, estimates, statuses.
use consort_core::{
    Cancel, Clock, Context, ErrorKind, FunctionSpec, ManualClock, Media, Message, NoCredentials, Part,
    Request, Role, ToolSpec, Usage, estimate_tokens,
};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn usage_adds_up_whatever_is_inside_what() {
    let usage = |cached_in_input, reasoning_in_output| Usage {
        input: Some(10),
        output: Some(20),
        cached: Some(3),
        cache_write: Some(2),
        reasoning: Some(5),
        cached_in_input,
        reasoning_in_output,
        ..Usage::default()
    };
    let none = Usage::default();
    let thought = Usage { reasoning: Some(4), ..Usage::default() };
    let huge = Usage {
        input: Some(u64::MAX),
        output: Some(u64::MAX),
        cached: Some(1),
        cache_write: Some(u64::MAX),
        reasoning: Some(1),
        ..Usage::default()
    };
    for (usage, expected) in [
        (usage(true, true), (Some(10), Some(5), Some(20))),
        (usage(false, false), (Some(15), Some(10), Some(25))),
        (none, (None, None, None)),
        (thought, (None, None, Some(4))),
        // A vendor can send any number.
        (huge, (Some(u64::MAX), Some(u64::MAX), Some(u64::MAX))),
    ] {
        assert_eq!((usage.all_input(), usage.fresh_input(), usage.all_output()), expected, "{usage:?}");
    }
}

#[test]
fn a_deadline_only_comes_nearer() {
    let clock = ManualClock::default();
    let context = Context::new(Arc::new(clock.clone()), Arc::new(NoCredentials));
    assert_eq!(context.remaining(), None);
    // Longer than any clock counts: no deadline, and no panic.
    let context = context.within(Duration::MAX);
    assert_eq!(context.remaining(), None);
    let context = context.within(Duration::from_mins(1)).within(Duration::from_mins(10));
    assert_eq!(context.remaining(), Some(Duration::from_mins(1)));
    pollster::block_on(clock.sleep(Duration::from_secs(61)));
    assert_eq!(context.remaining(), Some(Duration::ZERO));
}

#[test]
fn everyone_who_waits_hears_of_the_cancellation() {
    for _ in 0..200 {
        let cancel = Cancel::default();
        let waiting: Vec<_> = (0..4)
            .map(|_| cancel.clone())
            .map(|cancel| std::thread::spawn(move || pollster::block_on(cancel.cancelled())))
            .collect();
        cancel.cancel();
        cancel.cancel();
        waiting.into_iter().for_each(|thread| thread.join().expect("woken"));
        assert!(cancel.is_cancelled());
    }
}

#[test]
fn estimates_count_everything_and_say_that_they_are_estimates() {
    let counted = |request: &Request| estimate_tokens(request).tokens;
    let plain = Request::ask("four letters a token");
    assert_eq!(counted(&plain), 4 + 5);
    assert!(!estimate_tokens(&plain).exact);
    assert!(counted(&Request::ask("漢字漢字")) > counted(&Request::ask("abcd")));
    let mut more = plain.clone();
    let mut last = counted(&more);
    let mut grows = |request: &Request, what: &str| {
        let now = counted(request);
        assert!(now > last, "{what}");
        last = now;
    };
    more.instructions.push("Answer in one word.".into());
    grows(&more, "instructions");
    more.tools.push(ToolSpec::Function(FunctionSpec::new("look", "Looks", json!({"type": "object"}))));
    grows(&more, "tools");
    more.messages.push(Message::new(Role::User, vec![Part::media(Media::bytes("image/png", vec![0; 9]))]));
    grows(&more, "media");
    more.messages.push(Message::new(Role::Tool, vec![Part::tool_result("id", "look", "what was seen")]));
    grows(&more, "results");
}

#[test]
fn a_kind_has_a_word_and_a_status_that_reads_back() {
    for kind in ErrorKind::ALL {
        assert_eq!(ErrorKind::parse(kind.as_str()), Some(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        assert!((400..600).contains(&kind.http_status()), "{kind}");
    }
    use ErrorKind::{Auth, ModelNotFound, Overloaded, Permission, Quota, RateLimit, Server, Timeout};
    for kind in [Auth, Permission, Quota, RateLimit, Overloaded, Server, Timeout, ModelNotFound] {
        assert_eq!(ErrorKind::of_status(kind.http_status()), kind);
    }
}
