//! How servers end: by themselves, when they hang, and with their host.
use crate::support::{Place, runs, until, within};
use consort_core::{Context, ErrorKind};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_crash_fails_the_call_in_flight_and_the_next_works() {
    let (_servers, tools) = Place::odd(&[]).tools().await;
    let (hung, died) = tokio::join!(tools.call("hang", ""), tools.call("die", "now"));
    for error in [hung.unwrap_err(), died.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::PluginCrash);
        assert!(error.message().contains("exited with code 7; its last words: I am dying: now"), "{error}");
        assert_eq!(error.hints(), ["its log: consort mcp log odd"]);
    }
    assert_eq!(tools.text("echo", "again").await, "again");
}

#[tokio::test]
async fn one_that_crashes_over_and_over_is_left_alone() {
    let place = Place::odd(&["die"]);
    let servers = place.open();
    let begun = Instant::now();
    let mut last = String::new();
    for _ in 0..6 {
        last = servers.tools(&[]).await.1[0].to_string();
    }
    assert!(last.contains("it crashed 5 times") && last.contains("no such luck"), "{last}");
    let waited = begun.elapsed();
    assert!(waited > Duration::from_secs(3) && waited < Duration::from_secs(20), "{waited:?}");
}

#[tokio::test]
async fn one_that_freezes_is_replaced() {
    let (_servers, tools) = Place::odd(&[]).tools().await;
    let error = tools.call_in("freeze", "", within(Duration::from_millis(200))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    // It does not answer a ping within five seconds, and is ended.
    let error = tools.call_in("echo", "", within(Duration::from_secs(9))).await.unwrap_err();
    assert!(error.message().contains("does not answer"), "{error}");
    assert_eq!(tools.text("echo", "anew").await, "anew");
}

#[tokio::test]
async fn one_that_is_busy_with_a_withdrawn_call_is_given_the_time_of_the_call() {
    let (_servers, tools) = Place::odd(&[]).tools().await;
    let before = tools.text("child", "").await;
    let context = Context::default();
    let cancel = context.cancel.clone();
    // It hears nothing for longer than a ping may take, and is alive.
    let working = tools.call_in("alone", "7000", context);
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel();
    };
    let (stopped, ()) = tokio::join!(working, stopping);
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(tools.text("echo", "after it").await, "after it");
    assert_eq!(process_of(&tools.text("child", "").await), process_of(&before), "it is the same process");
}

#[tokio::test]
async fn a_call_that_runs_keeps_its_server_alive_when_another_is_withdrawn() {
    let (_servers, tools) = Place::odd(&[]).tools().await;
    let long = tools.text("alone", "7000");
    let short = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        tools.call_in("echo", "", within(Duration::from_millis(200))).await
    };
    let (long, short) = tokio::join!(long, short);
    assert_eq!((long.as_str(), short.unwrap_err().kind()), ("done", ErrorKind::Timeout));
}

/// The server's own process, of what `child` gives.
fn process_of(said: &str) -> &str {
    said.split(' ').next().unwrap_or_default()
}

#[tokio::test]
async fn a_first_answer_that_is_none() {
    let place = Place::odd(&["confused"]);
    let (tools, problems) = place.open().tools(&[]).await;
    assert!(tools.is_empty());
    assert!(problems[0].message.contains("first answer"), "{problems:?}");
}

#[tokio::test]
async fn whoever_stops_waiting_for_a_start_leaves_nothing() {
    let mark = format!("mark={}-mute", std::process::id());
    let servers = Place::odd(&["mute", "stubborn", &mark]).open();
    let waited = tokio::time::timeout(Duration::from_millis(500), servers.tools(&[])).await;
    assert!(waited.is_err());
    assert!(is_run_with(&mark), "it was started");
    drop(servers);
    until("the mute one is gone", || !is_run_with(&mark)).await;
}

/// Whether a process runs that was started with this word.
fn is_run_with(word: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        arguments.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())
    })
}

#[tokio::test]
async fn a_server_and_what_it_started_end_with_the_host() {
    for words in [&[][..], &["stubborn"]] {
        let described = Place::described(words);
        let (servers, tools) = Place::new(&format!("[mcp.odd]\n{described}")).tools().await;
        let processes = tools.text("echo", "").await;
        assert_eq!(processes, "");
        let said = child_of(&tools).await;
        let both: Vec<&str> = said.split(' ').collect();
        assert!(both.iter().all(|process| runs(process)), "{both:?}");
        let begun = Instant::now();
        if words.is_empty() {
            // In order, and waited for.
            servers.stop().await;
            assert!(both.iter().all(|process| !runs(process)), "{both:?}");
        } else {
            drop((servers, tools));
            until("both are gone", || both.iter().all(|process| !runs(process))).await;
        }
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_runtime_that_ends_leaves_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (said, kept) = runtime.block_on(async {
        let (servers, tools) = Place::odd(&["stubborn"]).tools().await;
        (child_of(&tools).await, (servers, tools))
    });
    drop(runtime);
    // The system needs a moment to end them.
    let left = || said.split(' ').any(runs);
    assert!((0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        !left()
    }));
    drop(kept);
}

/// Has the server start a child. Gives both their numbers.
async fn child_of(tools: &crate::support::Tools) -> String {
    tools.text("child", "").await
}
