//! Files that change while the program runs: what is saved is looked at again, and answers once it was found good.
use super::support::{Outcome, Place, ask, drop_in, has_python, model, reason};
use consort_core::{Context, Delta, Event, EventStream, Model, Provider, Request, State};
use consort_plugins::{PluginProvider, Plugins, Row, Watching};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Waits until the row of a plugin is as it should be.
async fn until(plugins: &Plugins, id: &str, what: &str, good: impl Fn(&Row) -> bool) -> Row {
    let begun = Instant::now();
    loop {
        let row = plugins.rows().into_iter().find(|row| row.plugin.id() == id);
        if let Some(row) = row.as_ref().filter(|row| good(row)) {
            return row.clone();
        }
        let now = row.map(|row| reason(&row.state));
        assert!(begun.elapsed() < Duration::from_secs(20), "{id} is not {what} but {now:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until_ready(plugins: &Plugins, id: &str) -> Row {
    until(plugins, id, "ready", |row| row.state == State::Ready && !row.older_answers).await
}

/// What the plugin that stands for this name answers now, as a host would find it.
async fn answer(plugins: &Plugins, id: &str) -> Outcome {
    let plugin = plugins.find(id).unwrap();
    let model: Arc<dyn Model> = PluginProvider::new(plugin).model(id).unwrap();
    ask(&model, "x").await
}

/// The next piece of text; nothing at the end.
async fn next_text(stream: &mut EventStream) -> Option<String> {
    while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        if let Event::PartDelta { delta: Delta::Text(text), .. } = event.unwrap() {
            return Some(text);
        }
    }
    None
}

/// Plugins in a folder that is watched.
struct Watched {
    place: Place,
    plugins: Plugins,
    watching: Watching,
}

/// These files, looked at and watched; nothing, and a word, where this machine has no Python.
async fn watched(files: &[(&str, &str)]) -> Option<Watched> {
    if !has_python() {
        return None;
    }
    let place = Place::new();
    for (name, text) in files {
        place.plugin(name, text);
    }
    let plugins = place.open();
    plugins.check_all().await;
    let watching = plugins.watch();
    tokio::time::sleep(Duration::from_millis(100)).await;
    Some(Watched { place, plugins, watching })
}

fn says(text: &str) -> String {
    drop_in(&format!("return {text:?}"))
}

#[tokio::test]
async fn a_file_that_is_dropped_in_and_changed_answers_anew() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let plugins = place.open();
    let _watching = plugins.watch();
    let mut changes = plugins.changes();
    tokio::time::sleep(Duration::from_millis(100)).await;
    place.plugin("acme.py", &says("one"));
    until_ready(&plugins, "acme").await;
    assert!(changes.has_changed().unwrap(), "a listener hears of it");
    changes.mark_unchanged();
    assert_eq!(answer(&plugins, "acme").await.answer.text(), "one");

    place.plugin("acme.py", &says("two"));
    // The row tells of the change long before the plugin answers.
    let begun = Instant::now();
    changes.changed().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let begun = Instant::now();
    while answer(&plugins, "acme").await.answer.text() != "two" {
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    until_ready(&plugins, "acme").await;
}

#[tokio::test]
async fn the_old_version_answers_until_the_new_one_does() {
    let Some(Watched { place, plugins, watching: _watching }) = watched(&[("acme.py", &says("old"))]).await
    else {
        return;
    };
    // The new version takes its time to come up.
    place.plugin("acme.py", &format!("import time\ntime.sleep(1.5)\n{}", says("new")));
    let row = until(&plugins, "acme", "loading", |row| row.state == State::Loading).await;
    assert!(row.older_answers);
    for _ in 0..5 {
        let outcome = answer(&plugins, "acme").await;
        assert_eq!((outcome.answer.text().as_str(), outcome.error), ("old", None));
    }
    until_ready(&plugins, "acme").await;
    assert_eq!(answer(&plugins, "acme").await.answer.text(), "new");
}

#[tokio::test]
async fn a_broken_version_keeps_the_old_one_and_says_so() {
    let Some(Watched { place, plugins, watching: _watching }) = watched(&[("acme.py", &says("old"))]).await
    else {
        return;
    };
    place.plugin("acme.py", "from llm_utils import LLMClient\n\n\nclass Client(LLMClient)\n    pass\n");
    let row = until(&plugins, "acme", "broken", |row| matches!(row.state, State::Broken { .. })).await;
    assert!(row.older_answers, "{row:?}");
    assert!(reason(&row.state).contains("acme.py:4"), "{row:?}");
    assert!(row.help.is_some(), "{row:?}");
    for _ in 0..3 {
        assert_eq!(answer(&plugins, "acme").await.answer.text(), "old");
    }
    // A second broken version, and then a good one.
    place.plugin("acme.py", "import no_such_module_here\nfrom llm_utils import LLMClient\n");
    until(&plugins, "acme", "broken otherwise", |row| reason(&row.state).contains("no_such_module_here"))
        .await;
    assert_eq!(answer(&plugins, "acme").await.answer.text(), "old");
    place.plugin("acme.py", &says("mended"));
    until_ready(&plugins, "acme").await;
    assert_eq!(answer(&plugins, "acme").await.answer.text(), "mended");
}

#[tokio::test]
async fn a_run_in_flight_finishes_on_the_version_that_it_began_with() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    place.plugin("acme.py", &drop_in("import time\nyield 'old '\ntime.sleep(2)\nyield 'to the end'"));
    let plugins = place.open();
    let old = model(&plugins.find("acme").unwrap()).await.unwrap();
    let _watching = plugins.watch();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut stream = old.stream(Request::ask("x").into(), Context::default());
    // Nobody else holds it any more.
    drop(old);
    assert_eq!(next_text(&mut stream).await.as_deref(), Some("old "));
    place.plugin("acme.py", &says("new"));
    let begun = Instant::now();
    while answer(&plugins, "acme").await.answer.text() != "new" {
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    let mut rest = String::new();
    while let Some(text) = next_text(&mut stream).await {
        rest += &text;
    }
    assert_eq!(rest, "to the end");
}

#[tokio::test]
async fn a_file_that_is_deleted_is_a_missing_row_and_its_run_finishes() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    place.plugin("acme.py", &drop_in("import time\nyield 'old '\ntime.sleep(1)\nyield 'to the end'"));
    place.plugin("other.py", &says("other"));
    let plugins = place.open();
    let old = model(&plugins.find("acme").unwrap()).await.unwrap();
    let _watching = plugins.watch();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let asked = tokio::spawn(async move { ask(&old, "x").await });
    tokio::time::sleep(Duration::from_millis(400)).await;
    std::fs::remove_file(place.path("plugins/acme.py")).unwrap();
    let row = until(&plugins, "acme", "missing", |row| matches!(row.state, State::Missing { .. })).await;
    assert!(reason(&row.state).contains("acme.py was removed") && row.help.is_some(), "{row:?}");
    let outcome = asked.await.unwrap();
    assert_eq!((outcome.answer.text().as_str(), outcome.error), ("old to the end", None));
    // Whoever asks now is told, also one that still holds its provider.
    let gone = plugins.providers().into_iter().find(|provider| provider.card().id == "acme").unwrap();
    assert!(matches!(gone.card().state, State::Missing { .. }), "{:?}", gone.card().state);
    let late = answer(&plugins, "acme").await;
    assert!(late.error.is_some_and(|error| error.to_string().contains("removed")), "{}", late.answer.text());
    assert_eq!(answer(&plugins, "other").await.answer.text(), "other");
    // It comes back.
    place.plugin("acme.py", &says("back"));
    until_ready(&plugins, "acme").await;
    assert_eq!(answer(&plugins, "acme").await.answer.text(), "back");
}

#[tokio::test]
async fn a_file_that_is_renamed_is_another_plugin() {
    let Some(Watched { place, plugins, watching: _watching }) = watched(&[("acme.py", &says("acme"))]).await
    else {
        return;
    };
    std::fs::rename(place.path("plugins/acme.py"), place.path("plugins/new name.py")).unwrap();
    until_ready(&plugins, "new name").await;
    assert_eq!(answer(&plugins, "new name").await.answer.text(), "acme");
    until(&plugins, "acme", "missing", |row| matches!(row.state, State::Missing { .. })).await;
}

#[tokio::test]
async fn editors_drafts_and_half_saved_files_are_no_plugins() {
    let Some(Watched { place, plugins, watching: _watching }) = watched(&[("acme.py", &says("old"))]).await
    else {
        return;
    };
    // As editors save: a draft, a safety copy, the draft in the place of the file.
    for name in [".acme.py.swp", "acme.py~", "acme.py.tmp", "#acme.py#", "4913"] {
        place.plugin(name, "no Python at all (");
    }
    place.plugin("draft.py.tmp", &says("new"));
    std::fs::rename(place.path("plugins/draft.py.tmp"), place.path("plugins/acme.py")).unwrap();
    let begun = Instant::now();
    while answer(&plugins, "acme").await.answer.text() != "new" {
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
    let ids: Vec<String> = plugins.rows().iter().map(|row| row.plugin.id().to_owned()).collect();
    assert_eq!(ids, ["acme"]);
}

#[tokio::test]
async fn many_changes_end_with_the_last() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let plugins = place.open();
    let _watching = plugins.watch();
    for number in 0..20 {
        place.plugin("acme.py", &says(&format!("version {number}")));
        tokio::time::sleep(Duration::from_millis(30 + 7 * (number % 5))).await;
    }
    let begun = Instant::now();
    loop {
        if plugins.find("acme").is_some() && answer(&plugins, "acme").await.answer.text() == "version 19" {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    until_ready(&plugins, "acme").await;
}

#[tokio::test]
async fn a_folder_that_appears_later_is_found() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    std::fs::remove_dir(place.path("plugins")).unwrap();
    let plugins = place.open();
    let _watching = plugins.watch();
    tokio::time::sleep(Duration::from_millis(100)).await;
    std::fs::create_dir(place.path("plugins")).unwrap();
    place.plugin("acme.py", &says("late"));
    until_ready(&plugins, "acme").await;
    assert_eq!(answer(&plugins, "acme").await.answer.text(), "late");
}

#[tokio::test]
async fn a_folder_that_was_removed_and_made_anew_is_watched_again() {
    let Some(Watched { place, plugins, watching: _watching }) = watched(&[("acme.py", &says("old"))]).await
    else {
        return;
    };
    std::fs::remove_dir_all(place.path("plugins")).unwrap();
    until(&plugins, "acme", "missing", |row| matches!(row.state, State::Missing { .. })).await;
    std::fs::create_dir(place.path("plugins")).unwrap();
    place.plugin("acme.py", &says("new"));
    // Nothing tells of the new folder: it is found when the folders are looked at anyway.
    until_ready(&plugins, "acme").await;
    // From then on it is watched.
    place.plugin("later.py", &says("later"));
    let begun = Instant::now();
    until_ready(&plugins, "later").await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}
