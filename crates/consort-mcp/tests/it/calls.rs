//! Calls: what they give, and what becomes of those that go wrong.
use crate::support::{Place, json_of, within, words};
use consort_core::{Context, ErrorKind};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_call_gives_what_the_server_says() {
    let (_servers, tools) = Place::odd(&["banner"]).tools().await;
    assert_eq!(tools.text("echo", "hä\nllo").await, "hä\nllo");
    let failed = tools.call("fail", "").await.unwrap();
    assert!(failed.is_error && words(&failed) == "it did not work");
    let refused = tools.call("refuse", "x").await.unwrap();
    assert!(refused.is_error && words(&refused) == "no such thing: x", "{refused:?}");
    let error = tools.get("odd__echo").call(json!([1]), Context::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn answers_that_are_none_fail_their_call_and_no_other() {
    let (_servers, tools) = Place::odd(&[]).tools().await;
    for tool in ["garbage", "odd_result"] {
        let error = tools.call_in(tool, "", within(Duration::from_secs(5))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{tool}: {error}");
    }
    assert_eq!(tools.text("wrong_id", "").await, "right");
    let long = tools.text("long_line", "3000000").await;
    assert_eq!(long.len(), 3_000_000);
    let error = tools.call("long_line", "17000000").await.unwrap_err();
    assert!(error.message().contains("more than 16 MiB in one line"), "{error}");
    assert_eq!(tools.text("echo", "still here").await, "still here");
}

#[tokio::test]
async fn calls_run_side_by_side() {
    let (_servers, tools) = Place::odd(&[]).tools().await;
    let begun = Instant::now();
    let (one, two, three) =
        tokio::join!(tools.text("slowly", "5"), tools.text("slowly", "5"), tools.text("echo", "x"));
    assert_eq!([one, two, three], ["done", "done", "x"]);
    assert!(begun.elapsed() < Duration::from_millis(950), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_ends_the_wait_withdraws_the_call() {
    let (_servers, tools) = Place::odd(&[]).tools().await;
    let begun = Instant::now();
    let late = tools.call_in("hang", "", within(Duration::from_millis(200))).await.unwrap_err();
    assert_eq!((late.kind(), late.provider_id()), (ErrorKind::Timeout, Some("odd")));
    let context = Context::default();
    let cancel = context.cancel.clone();
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel();
    };
    let (stopped, ()) = tokio::join!(tools.call_in("hang", "", context), stopping);
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(begun.elapsed() < Duration::from_secs(2));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let told = json_of(&tools.call("cancelled", "").await.unwrap());
    assert_eq!(told.as_array().unwrap().len(), 2, "the server was told of both: {told}");
}

#[tokio::test]
async fn silence_has_a_limit_and_progress_is_none() {
    let described = Place::described(&[]);
    let place = Place::new(&format!("[mcp.odd]\n{described}timeout = 0.4\n"));
    let (servers, tools) = place.tools().await;
    let error = tools.call("hang", "").await.unwrap_err();
    assert!(error.kind() == ErrorKind::Timeout && error.hints()[0].contains("timeout"), "{error:?}");
    // A second of work, told of ten times.
    assert_eq!(tools.text("slowly", "10").await, "done");
    assert!(servers.log("odd").unwrap().contains(&"progress: step 9".to_owned()));
}

#[tokio::test]
async fn a_server_that_may_be_silent_for_long_is_waited_for() {
    let described = Place::described(&[]);
    for (seconds, limit) in [(300, Some(Duration::from_secs(305))), (10, None)] {
        let place = Place::new(&format!("[mcp.odd]\n{described}timeout = {seconds}\n"));
        let (_servers, tools) = place.tools().await;
        assert_eq!(tools.get("odd__hang").time_limit(), limit, "{seconds}");
    }
}

#[tokio::test]
async fn what_a_server_asks_is_refused_clearly() {
    let (_servers, tools) = Place::odd(&[]).tools().await;
    for (method, words) in [("sampling/createMessage", "sampling"), ("elicitation/create", "elicitation")] {
        let said = tools.text("ask", method).await;
        assert!(said.contains("error") && said.contains(words), "{said}");
    }
    let roots = tools.text("ask", "roots/list").await;
    let here = std::env::current_dir().unwrap();
    assert!(roots.contains(&format!("file://{}/", here.display())), "{roots}");
    assert!(tools.text("ask", "ping").await.contains("result"));
}

#[tokio::test]
async fn keys_reach_the_server_and_no_log() {
    let described = Place::described(&[]);
    let env = "env = { TOKEN = 'pre ${secret:mine}', PLAIN = '${env:PATH}', OWN_KEY = 'literal-secret' }\n";
    let place = Place::new(&format!("[mcp.odd]\n{described}{env}"));
    let error = &place.open().tools(&[]).await.1[0];
    assert!(error.message.contains("the key `mine` is not set"), "{error}");
    assert_eq!(error.help.as_deref(), Some("consort keys set mine"));
    place.key("mine", "sk-very-secret");
    let (servers, tools) = place.tools().await;
    assert_eq!(tools.text("variable", "TOKEN").await, "pre sk-very-secret");
    assert_eq!(tools.text("variable", "CARGO_MANIFEST_DIR").await, "(unset)", "only what was given");
    tools.text("complain", "sk-very-secret and literal-secret").await;
    let refused = tools.call("refuse", "sk-very-secret").await.unwrap();
    assert_eq!(words(&refused), "no such thing: ***");
    let error = tools.call("die", "with sk-very-secret").await.unwrap_err();
    assert!(error.message().contains("its last words: I am dying: with ***"), "{error}");
    let log = servers.log("odd").unwrap().join("\n");
    assert!(log.contains("stderr: *** and ***") && log.contains("warning: logged: *** and ***"), "{log}");
    drop((servers, tools));
    let kept = place.open().log("odd").unwrap().join("\n");
    assert!(kept.contains("I am dying: with ***") && !kept.contains("sk-very"), "{kept}");
}
