//! What nobody waits for any more: starts and calls that were left, requests that are stuck, toolboxes that are open.
#![cfg(target_os = "linux")]
use super::support::{Place, Raw, ask, drop_in, has_python, model, none_left, processes};
use consort_core::{Context, ErrorKind, Request, State, Tool};
use consort_plugins::Plugin;
use serde_json::json;
use std::future::poll_fn;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const MOMENT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_start_that_was_left_leaves_nothing_and_is_no_crash() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    // It hangs at its import while the file `hang` is there.
    place.plugin(
        "slow.py",
        &format!(
            "import os, time\nwhile os.path.exists({:?}):\n    time.sleep(0.05)\n{}",
            place.path("hang").display().to_string(),
            drop_in("return 'here'")
        ),
    );
    std::fs::write(place.path("hang"), "").unwrap();
    let plugins = place.open();
    let plugin = plugins.find("slow").unwrap();
    // More often than a plugin may crash.
    for _ in 0..6 {
        let limit = Duration::from_millis(300);
        assert!(tokio::time::timeout(limit, plugin.check()).await.is_err(), "it hangs");
        assert_eq!(plugin.state(), State::Unchecked, "nobody looks at it");
        none_left(&place.path(""), MOMENT).await;
    }
    std::fs::remove_file(place.path("hang")).unwrap();
    let begun = Instant::now();
    let model = model(&plugin).await.unwrap();
    assert_eq!(ask(&model, "x").await.answer.text(), "here");
    assert!(begun.elapsed() < MOMENT, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_plugin_outlives_the_thread_that_it_was_first_asked_on() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    place.plugin("pid.py", &drop_in("import os\nreturn str(os.getpid())"));
    let plugins = place.open();
    let plugin = plugins.find("pid").unwrap();
    let runtime = tokio::runtime::Handle::current();
    let first = {
        let plugin = plugin.clone();
        // The kernel ends a process whose parent thread ends.
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let model = model(&plugin).await.unwrap();
                ask(&model, "x").await.answer.text()
            })
        });
        tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap()
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    let model = model(&plugin).await.unwrap();
    assert_eq!(ask(&model, "x").await.answer.text(), first, "it is the same process");
}

#[tokio::test]
async fn a_call_that_was_left_is_cancelled() {
    let Some(raw) = Raw::new("") else { return };
    let plugin = raw.plugin();
    let tools = plugin.tools().await.unwrap().tools;
    let context = Context::default();
    let cancel = context.cancel.clone();
    let call = tokio::spawn(async move { tools[0].call(json!({}), context).await });
    raw.until_heard("tools/call").await;
    cancel.cancel();
    let error = tokio::time::timeout(MOMENT, call).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let cancelled = raw.until_heard("cancel").await;
    let asked = raw.plugins.find("raw").unwrap();
    assert!(cancelled.contains("request"), "{cancelled}");
    // It answers as before, and what was left keeps it from nothing.
    assert_eq!(ask(&model(&asked).await.unwrap(), "hello").await.answer.text(), "hello");
    let begun = Instant::now();
    raw.plugins.end(Duration::from_secs(20)).await;
    assert!(begun.elapsed() < MOMENT, "{:?}", begun.elapsed());
}

/// Asks what is never answered, and leaves.
async fn stuck(plugin: &Arc<Plugin>) {
    let model = model(plugin).await.unwrap();
    let mut stream = model.stream(Request::ask("stuck").into(), Context::default());
    let limit = Duration::from_millis(300);
    let first = tokio::time::timeout(limit, poll_fn(|cx| stream.as_mut().poll_next(cx))).await;
    assert!(first.is_err(), "{first:?}");
}

#[tokio::test]
async fn a_stuck_request_keeps_no_process_that_nobody_uses() {
    let Some(raw) = Raw::new("limits = { idle_s = 1 }\n") else { return };
    stuck(&raw.plugin()).await;
    raw.until_heard("cancel").await;
    raw.until_heard("shutdown").await;
    none_left(&raw.place.path("raw.py"), 2 * MOMENT).await;
}

#[tokio::test]
async fn a_stuck_request_holds_up_no_end() {
    let Some(raw) = Raw::new("") else { return };
    stuck(&raw.plugin()).await;
    let begun = Instant::now();
    raw.plugins.end(Duration::from_secs(20)).await;
    assert!(begun.elapsed() < MOMENT, "{:?}", begun.elapsed());
    assert!(processes(&raw.place.path("raw.py")).is_empty());
}

#[tokio::test]
async fn an_open_toolbox_keeps_its_process_also_one_that_is_being_replaced() {
    let Some(raw) = Raw::new("limits = { idle_s = 1 }\n") else { return };
    let plugin = raw.plugin();
    let tools = plugin.open_toolbox("box", json!({})).await.unwrap();
    let pid = async || {
        let output = tools[0].call(json!({}), Context::default()).await.unwrap();
        output.content[0].as_text().unwrap().to_owned()
    };
    let first = pid().await;
    // Longer than the process may be idle.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(pid().await, first, "its state lives there");
    plugin.forget();
    let again = model(&plugin).await.unwrap();
    assert!(ask(&again, "hello").await.error.is_none(), "another process answers others");
    assert_eq!(pid().await, first, "and the toolbox has the old one");
    drop(tools);
    raw.until_heard("tools/close").await;
    let begun = Instant::now();
    while Path::new("/proc").join(&first).exists() {
        assert!(begun.elapsed() < 2 * MOMENT, "it still runs");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn files_of_a_program_that_was_killed_are_gone_at_the_next_start() {
    let Some(raw) = Raw::new("") else { return };
    let media = raw.state().join("media");
    for (name, text) in [("7-7/0", "picture"), ("7-7.lock", ""), ("8-8/0", "picture"), ("8-8.lock", "")] {
        let file = media.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let alive = std::fs::File::open(media.join("8-8.lock")).unwrap();
    alive.lock().unwrap();
    raw.plugin().check().await;
    assert!(!media.join("7-7").exists(), "nobody holds it");
    assert!(media.join("8-8/0").exists(), "another program runs");
}

#[tokio::test]
async fn large_media_are_files_while_they_are_asked_about() {
    let Some(raw) = Raw::new("") else { return };
    let model = model(&raw.plugin()).await.unwrap();
    let picture = consort_core::Media::bytes("image/png", vec![7; 2 << 20]);
    let mut request = Request::ask("path");
    request.messages[0].parts.push(consort_core::Part::media(picture));
    let answer = model.generate(request.into(), Context::default()).await.unwrap().text();
    assert!(answer.ends_with(" 2097152"), "{answer}");
    let path = answer.split(' ').next().unwrap();
    assert!(Path::new(path).starts_with(raw.state().join("media")), "{path}");
    assert!(!Path::new(path).exists(), "gone with the request");
}
