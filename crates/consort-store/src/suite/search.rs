//! Promises on finding words.
use super::kit::{ended, more, running, say, start, talk, texts};
use super::promises;
use crate::{ConversationChange, ConversationQuery, Store, TurnQuery};
use consort_core::{Media, Part};

promises!(
    words_are_found_as_people_type_them,
    scripts_without_spaces_are_found,
    hostile_queries_are_queries,
    what_people_read_of_a_turn_is_found,
    an_ended_turn_is_found_by_its_ending,
    conversations_are_found_by_title_or_turn,
);

async fn find(store: &dyn Store, typed: &str) -> Vec<String> {
    let query = TurnQuery { search: Some(typed.to_owned()), ..TurnQuery::default() };
    let hits = store.turns(query).await.unwrap();
    assert!(hits.iter().all(|hit| hit.snippet.is_some() != typed.trim().is_empty()));
    texts(&hits.into_iter().map(|hit| hit.turn).collect::<Vec<_>>())
}

async fn words_are_found_as_people_type_them(store: &dyn Store) {
    let made = talk(store, "zoo").await;
    let (one, two) = ("The Pelican's résumé, foo_bar(x).", "A pelican is a bird; pelicans are many.");
    say(store, &made, None, one).await;
    say(store, &made, None, two).await;
    for (typed, found) in [
        ("pelican", vec![two, one]),
        ("RESUME pelican", vec![one]),
        ("\"pelican is\"", vec![two]),
        ("pelican \"a bird\" many", vec![two]),
        ("pelicans", vec![two]),
        ("\"pelican s\"", vec![one]),
        ("bir", vec![two]),
        ("\"bir\"", vec![]),
        ("bir pelican", vec![]),
        ("foo_bar", vec![one]),
        ("bird résumé", vec![]),
        ("", vec![two, one]),
        (" \t", vec![two, one]),
    ] {
        assert_eq!(find(store, typed).await, found, "{typed}");
    }
}

async fn scripts_without_spaces_are_found(store: &dyn Store) {
    let made = talk(store, "文").await;
    let (one, two) = ("今天我们学习Rust编程语言。", "東京タワーへ行きました");
    say(store, &made, None, one).await;
    say(store, &made, None, two).await;
    for (typed, found) in [
        ("学习", vec![one]),
        ("编程语言", vec![one]),
        ("言", vec![one]),
        ("学习 语言", vec![one]),
        ("习学", vec![]),
        ("タワー", vec![two]),
        ("rust编程", vec![one]),
    ] {
        assert_eq!(find(store, typed).await, found, "{typed}");
    }
}

async fn hostile_queries_are_queries(store: &dyn Store) {
    let made = talk(store, "zoo").await;
    say(store, &made, None, "plain OR near NOT words AND more").await;
    for typed in [
        "\"",
        "\"\"\"",
        "*",
        "(",
        "^",
        "a:b",
        "text : x",
        "{a b} : c",
        "' OR 1=1 --",
        "\0",
        "AND",
        "NOT",
        "NEAR(a b, 2)",
        "col:plain",
        "-plain",
        "+",
        "\u{fffd}",
        "\u{301}",
        "%",
        "a*b",
    ] {
        let found = find(store, typed).await;
        let hit = matches!(typed, "AND" | "NOT" | "-plain");
        assert_eq!(found.len(), usize::from(hit), "{typed:?}");
    }
    find(store, &"x ".repeat(3000)).await;
    find(store, &"x".repeat(200_000)).await;
}

async fn what_people_read_of_a_turn_is_found(store: &dyn Store) {
    let made = talk(store, "parts").await;
    let parts = vec![
        Part::reasoning("thinking aloud"),
        Part::tool_call("c1", "weather", r#"{"city": "Oslo"}"#),
        Part::tool_result("c1", "weather", "raining heavily"),
        Part::media(Media::url("image/png", "https://zoo.example/x").named("holiday.png")),
    ];
    let new = crate::NewTurn { parts, ..super::kit::turn(made.id, None, "") };
    store.begin(new).await.unwrap();
    for typed in ["aloud", "weather", "heavily", "holiday"] {
        assert_eq!(find(store, typed).await.len(), 1, "{typed}");
    }
}

async fn an_ended_turn_is_found_by_its_ending(store: &dyn Store) {
    let made = talk(store, "growth").await;
    let new = running(made.id, None, "zoo/parrot");
    let id = new.id;
    store.begin(new).await.unwrap();
    store.grow(id, vec![start(0), more(0, "halfway")]).await.unwrap();
    store.end(id, ended("finished")).await.unwrap();
    assert_eq!(find(store, "finished").await, ["finished"]);
    assert_eq!(find(store, "halfway").await, Vec::<String>::new());
}

async fn conversations_are_found_by_title_or_turn(store: &dyn Store) {
    let (birds, fish) = (talk(store, "On birds").await, talk(store, "On fish").await);
    say(store, &fish, None, "Do they eat birds?").await;
    say(store, &fish, None, "Birds eat them.").await;
    let ask = |typed: &'static str| async move {
        let query = ConversationQuery { search: Some(typed.to_owned()), ..ConversationQuery::default() };
        store.conversations(query).await.unwrap().into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(ask("birds").await, [fish.id, birds.id]);
    assert_eq!(ask("on bir").await, [birds.id]);
    assert_eq!(ask("eat").await, [fish.id]);
    assert_eq!(ask("fish birds").await, [], "the words stand in one place");
    let change = ConversationChange { title: Some(Some("On cats".into())), ..ConversationChange::default() };
    store.change(birds.id, change).await.unwrap();
    assert_eq!(ask("cats").await, [birds.id]);
    assert_eq!(ask("birds").await, [fish.id]);
    assert_eq!(ask("?").await, []);
}
