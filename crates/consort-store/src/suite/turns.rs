//! Promises on turns: what is begun, grows and ends.
use super::kit::{attempt, ended, more, refused, running, say, start, talk, texts, turn};
use super::promises;
use crate::{Answer, ConversationId, Ending, NewTurn, Status, Store, TurnId, TurnQuery};
use bytes::Bytes;
use consort_core::{
    Error, ErrorKind, Event, FinishReason, FunctionSpec, Media, Money, Part, Role, Usage, Warning,
};
use serde_json::json;
use std::time::{Duration, SystemTime};

promises!(
    every_kind_of_part_is_kept_whole,
    media_are_found_by_their_hash,
    all_that_is_known_of_an_answer_is_kept,
    a_turn_grows_by_its_events,
    what_its_events_tell_of_its_answer_is_known,
    an_ending_replaces_what_grew,
    an_ended_turn_changes_no_more,
    edits_are_branches,
    what_follows_goes_on_where_the_user_is_and_nowhere_else,
    what_is_appended_follows_what_there_is,
    of_several_that_are_appended_at_once_one_follows_the_other,
    deep_paths_are_paths,
    the_newest_turns_come_first,
    deleted_conversations_show_no_turns_unless_asked_for,
    huge_parts_are_kept,
    what_vendors_nest_is_kept,
    what_is_wrong_is_refused_and_changes_nothing,
    many_grow_at_once,
);

async fn every_kind_of_part_is_kept_whole(store: &dyn Store) {
    let made = talk(store, "parts").await;
    let picture = Bytes::from((0..=255).cycle().take(70_000).collect::<Vec<u8>>());
    let result = consort_core::Body::ToolResult(consort_core::ToolResult {
        call_id: "c1".into(),
        name: "look".into(),
        content: vec![Part::text("seen"), Part::media(Media::bytes("image/png", picture.clone()))],
        is_error: true,
    });
    let parts = vec![
        Part::text("a\0b \u{202e} \u{10ffff} \" \\ '"),
        Part::reasoning("hm").signed("zoo", "s3cr3t"),
        Part::tool_call("c1", "look", r#"{"at": "#),
        result.into(),
        Part::media(Media::bytes("image/png", picture.clone()).named("cat.png")),
        Part::media(Media::bytes("audio/wav", Bytes::new())),
        Part::media(Media::url("", "https://zoo.example/cat.png")),
        Part::media(Media::path("image/png", "/tmp/cat.png")),
        Part::native("zoo", "search", json!({"type": "bytes", "bytes": "AAAA", "n": 1.25e-7})).cached(),
    ];
    let new = NewTurn { participant: Some("Ada".into()), parts: parts.clone(), ..turn(made.id, None, "") };
    let (id, before) = (new.id, SystemTime::now() - Duration::from_millis(1));
    store.begin(new).await.unwrap();
    let kept = store.turn(id).await.unwrap().unwrap();
    assert_eq!(kept.parts, parts);
    assert_eq!((kept.participant.as_deref(), kept.role, kept.pinned), (Some("Ada"), Role::User, false));
    assert!(kept.created >= before && kept.created <= SystemTime::now());
    let kept = [kept];
    assert_eq!(store.path(id).await.unwrap(), kept);
    assert_eq!(store.tree(made.id).await.unwrap(), kept);
}

async fn media_are_found_by_their_hash(store: &dyn Store) {
    /// Of `cat`.
    const HASH: &str = "77af778b51abd4a3c51c5ddd97204a9c3ae614ebccb75a606c3b6865aed6744e";
    let made = talk(store, "media").await;
    let picture = Part::media(Media::bytes("image/png", "cat").named("cat.png"));
    let new = NewTurn { parts: vec![Part::text("look"), picture], ..turn(made.id, None, "") };
    store.begin(new).await.unwrap();
    let found = store.media(HASH).await.unwrap().unwrap();
    assert_eq!((found.mime.as_str(), found.name.as_deref()), ("image/png", Some("cat.png")));
    assert_eq!(found.source, consort_core::MediaSource::Bytes("cat".into()));
    for unknown in [&HASH.replace('7', "8"), "", "no hash", "é7"] {
        assert_eq!(store.media(unknown).await.unwrap(), None, "{unknown}");
    }
    store.purge(made.id).await.unwrap();
    assert_eq!(store.media(HASH).await.unwrap(), None);
}

async fn all_that_is_known_of_an_answer_is_kept(store: &dyn Store) {
    let made = talk(store, "answer").await;
    let new = running(made.id, None, "route/fast");
    let id = new.id;
    store.begin(new).await.unwrap();
    let usage = Usage {
        input: Some(10),
        cached: Some(4),
        vendor: Some(Box::new(json!({"x": 1}))),
        ..Usage::default()
    };
    let answer = Answer {
        model: "route/fast".into(),
        resolved_model: Some("parrot-2".into()),
        response_id: Some("r1".into()),
        instructions: "Be kind.".into(),
        options: json!({"temperature": 0.2}).as_object().unwrap().clone(),
        schema: Some(json!({"type": "object"})),
        tools: vec![FunctionSpec::new("look", "Looks.", json!({"type": "object"}))],
        usage: Some(usage),
        cost: Some(Money(123_456)),
        attempts: vec![attempt("zoo/parrot", 3, None), attempt("zoo/crow", 5, Some(7))],
        finish: Some(FinishReason::Stop.into()),
        error: Some(Error::new(ErrorKind::Interrupted, "cut").provider("zoo").hint("again")),
        warnings: vec![Warning::new("dropped", "top_k")],
        first: Some(Duration::from_micros(120_001)),
        took: Some(Duration::from_secs(3)),
        thought: Some(Duration::from_millis(1500)),
        key: Some("team".into()),
        group: Some("side by side".into()),
    };
    let ending = Ending { answer: Some(Box::new(answer.clone())), ..ended("done") };
    store.end(id, ending).await.unwrap();
    assert_eq!(*store.turn(id).await.unwrap().unwrap().answer.unwrap(), answer);
}

async fn a_turn_grows_by_its_events(store: &dyn Store) {
    let made = talk(store, "growth").await;
    let new = NewTurn { parts: vec![Part::text("It ")], ..running(made.id, None, "zoo/parrot") };
    let id = new.id;
    store.begin(new).await.unwrap();
    let now = || async { texts(&[store.turn(id).await.unwrap().unwrap()]).concat() };
    assert_eq!(now().await, "It ");
    store.grow(id, vec![start(0), more(0, "gro")]).await.unwrap();
    assert_eq!(now().await, "It gro");
    store.grow(id, vec![]).await.unwrap();
    store.grow(id, vec![more(0, "ws."), start(1), more(1, " Twice.")]).await.unwrap();
    assert_eq!(now().await, "It grows. Twice.");
    let kept = store.path(id).await.unwrap().pop().unwrap();
    assert_eq!((kept.parts.len(), kept.status), (3, Status::Running));
}

async fn what_its_events_tell_of_its_answer_is_known(store: &dyn Store) {
    let made = talk(store, "growth").await;
    let new = running(made.id, None, "zoo/parrot");
    let id = new.id;
    store.begin(new).await.unwrap();
    let usage = |output| Event::Usage(Usage { input: Some(5), output: Some(output), ..Usage::default() });
    let started = Event::Started { model: Some("parrot-2".into()), response_id: Some("r1".into()) };
    store.grow(id, vec![started, usage(1)]).await.unwrap();
    let warning = Event::Warning(Warning::new("vendor", "slow"));
    store
        .grow(id, vec![usage(9), warning, Event::Attempt(Box::new(attempt("zoo/crow", 1, None)))])
        .await
        .unwrap();
    let answer = store.turn(id).await.unwrap().unwrap().answer.unwrap();
    assert_eq!((answer.model.as_str(), answer.resolved_model.as_deref()), ("zoo/parrot", Some("parrot-2")));
    assert_eq!(answer.usage.as_ref().unwrap().output, Some(9));
    assert_eq!((answer.warnings.len(), answer.attempts.len(), answer.finish.is_none()), (1, 1, true));
    // An ending that says nothing of it leaves what is known.
    store.end(id, ended("done")).await.unwrap();
    assert_eq!(store.turn(id).await.unwrap().unwrap().answer, Some(answer));
}

async fn an_ending_replaces_what_grew(store: &dyn Store) {
    let made = talk(store, "growth").await;
    for status in [Status::Complete, Status::Interrupted, Status::Failed] {
        let new = running(made.id, None, "zoo/parrot");
        let id = new.id;
        store.begin(new).await.unwrap();
        store.grow(id, vec![start(0), more(0, "half")]).await.unwrap();
        store.end(id, Ending { status, ..ended("whole") }).await.unwrap();
        let kept = store.turn(id).await.unwrap().unwrap();
        assert_eq!((texts(std::slice::from_ref(&kept)).concat().as_str(), kept.status), ("whole", status));
    }
}

async fn an_ended_turn_changes_no_more(store: &dyn Store) {
    let made = talk(store, "log").await;
    let id = say(store, &made, None, "said").await;
    refused(store.grow(id, vec![start(0)]).await);
    refused(store.end(id, ended("other")).await);
    store.pin(id, true).await.unwrap();
    let kept = store.turn(id).await.unwrap().unwrap();
    assert!(kept.pinned);
    assert_eq!(texts(&[kept]), ["said"]);
    store.pin(id, false).await.unwrap();
    assert!(!store.turn(id).await.unwrap().unwrap().pinned);
}

async fn edits_are_branches(store: &dyn Store) {
    let made = talk(store, "tree").await;
    let root = say(store, &made, None, "a").await;
    let one = say(store, &made, Some(root), "b1").await;
    let two = say(store, &made, Some(root), "b2").await;
    let leaf = say(store, &made, Some(one), "c").await;
    assert_eq!(texts(&store.path(leaf).await.unwrap()), ["a", "b1", "c"]);
    assert_eq!(texts(&store.path(two).await.unwrap()), ["a", "b2"]);
    assert_eq!(texts(&store.tree(made.id).await.unwrap()), ["a", "b1", "b2", "c"]);
    assert_eq!(store.path(TurnId::new()).await.unwrap(), []);
    assert_eq!(store.tree(ConversationId::new()).await.unwrap(), []);
}

async fn what_follows_goes_on_where_the_user_is_and_nowhere_else(store: &dyn Store) {
    let made = talk(store, "branches").await;
    let root = say(store, &made, None, "hello").await;
    let run = Some(uuid::Uuid::now_v7());
    let follow = async |parent| {
        let new = NewTurn { run, follows: true, ..turn(made.id, Some(parent), "more") };
        let id = new.id;
        store.begin(new).await.unwrap();
        (id, store.conversation(made.id).await.unwrap().unwrap().tip)
    };
    let (first, tip) = follow(root).await;
    assert_eq!(tip, Some(first));
    let (second, tip) = follow(root).await;
    assert_eq!(tip, Some(first), "the user looks at the other branch");
    assert_eq!(follow(second).await.1, Some(first));
    assert_eq!(store.turn(first).await.unwrap().unwrap().run, run);
    assert_eq!(store.turn(root).await.unwrap().unwrap().run, None);
}

async fn deep_paths_are_paths(store: &dyn Store) {
    let made = talk(store, "deep").await;
    let mut parent = None;
    for number in 0..2000 {
        parent = Some(say(store, &made, parent, &number.to_string()).await);
    }
    let path = store.path(parent.unwrap()).await.unwrap();
    assert_eq!(path.len(), 2000);
    assert!(path.windows(2).all(|pair| pair[1].parent == Some(pair[0].id)));
}

async fn the_newest_turns_come_first(store: &dyn Store) {
    let (one, two) = (talk(store, "one").await, talk(store, "two").await);
    let late = NewTurn { id: TurnId(uuid::Uuid::from_u128(1)), ..turn(two.id, None, "2") };
    say(store, &one, None, "1").await;
    store.begin(late).await.unwrap();
    let mut answer = running(one.id, None, "zoo/parrot");
    answer.parts = vec![Part::text("3")];
    store.begin(answer).await.unwrap();
    let ask = |query: TurnQuery| async move {
        let hits = store.turns(query).await.unwrap();
        assert!(hits.iter().all(|hit| hit.snippet.is_none()));
        texts(&hits.into_iter().map(|hit| hit.turn).collect::<Vec<_>>()).concat()
    };
    assert_eq!(ask(TurnQuery::default()).await, "321");
    assert_eq!(ask(TurnQuery { limit: Some(2), ..TurnQuery::default() }).await, "32");
    assert_eq!(ask(TurnQuery { conversation: Some(one.id), ..TurnQuery::default() }).await, "31");
    assert_eq!(ask(TurnQuery { model: Some("zoo/parrot".into()), ..TurnQuery::default() }).await, "3");
    assert_eq!(ask(TurnQuery { model: Some("zoo".into()), ..TurnQuery::default() }).await, "");
}

async fn deleted_conversations_show_no_turns_unless_asked_for(store: &dyn Store) {
    let made = talk(store, "deleted").await;
    say(store, &made, None, "words").await;
    let change = crate::ConversationChange { deleted: Some(true), ..Default::default() };
    store.change(made.id, change).await.unwrap();
    for search in [None, Some("words".to_owned())] {
        let all = TurnQuery { search: search.clone(), ..TurnQuery::default() };
        assert_eq!(store.turns(all).await.unwrap(), []);
        let of_it = TurnQuery { search, conversation: Some(made.id), ..TurnQuery::default() };
        assert_eq!(store.turns(of_it).await.unwrap().len(), 1);
    }
}

async fn huge_parts_are_kept(store: &dyn Store) {
    let made = talk(store, "huge").await;
    let text = "Ein Satz, der sich wiederholt. ".repeat(200_000);
    let movie = Bytes::from(vec![7u8; 20_000_000]);
    let parts = vec![Part::text(text), Part::media(Media::bytes("video/mp4", movie))];
    let new = NewTurn { parts: parts.clone(), ..turn(made.id, None, "") };
    let id = new.id;
    store.begin(new).await.unwrap();
    assert!(store.turn(id).await.unwrap().unwrap().parts == parts);
}

/// As deep as a vendor's answer may be.
async fn what_vendors_nest_is_kept(store: &dyn Store) {
    let made = talk(store, "deep").await;
    let deep = |levels| (0..levels).fold(json!("["), |inside, _| json!([inside]));
    let parts =
        vec![Part::native("zoo", "search", deep(127)), Part::tool_call("c1", "f", "[".repeat(500).as_str())];
    let new = NewTurn { parts: parts.clone(), ..turn(made.id, None, "") };
    let id = new.id;
    store.begin(new).await.unwrap();
    assert_eq!(store.turn(id).await.unwrap().unwrap().parts, parts);
    let options = json!({"deep": deep(120)}).as_object().unwrap().clone();
    let answer = Some(Box::new(Answer { options, ..Answer::default() }));
    let new = NewTurn { answer: answer.clone(), ..turn(made.id, None, "") };
    let id = new.id;
    store.begin(new).await.unwrap();
    assert_eq!(store.turn(id).await.unwrap().unwrap().answer, answer);
}

async fn what_is_wrong_is_refused_and_changes_nothing(store: &dyn Store) {
    let (made, other) = (talk(store, "here").await, talk(store, "there").await);
    let root = say(store, &made, None, "root").await;
    let elsewhere = say(store, &other, None, "elsewhere").await;
    refused(store.begin(turn(ConversationId::new(), None, "lost")).await);
    refused(store.begin(turn(made.id, Some(TurnId::new()), "orphan")).await);
    refused(store.begin(turn(made.id, Some(elsewhere), "stranger")).await);
    refused(store.begin(NewTurn { id: root, ..turn(made.id, None, "twice") }).await);
    let own = TurnId::new();
    refused(store.begin(NewTurn { id: own, ..turn(made.id, Some(own), "its own parent") }).await);
    refused(store.grow(TurnId::new(), vec![start(0)]).await);
    refused(store.end(TurnId::new(), ended("x")).await);
    refused(store.pin(TurnId::new(), true).await);
    let new = running(made.id, Some(root), "zoo/parrot");
    let id = new.id;
    store.begin(new).await.unwrap();
    refused(store.end(id, Ending { status: Status::Running, ..ended("x") }).await);
    assert_eq!(store.turn(id).await.unwrap().unwrap().status, Status::Running);
    assert_eq!(texts(&store.tree(made.id).await.unwrap()), ["root", ""]);
}

async fn what_is_appended_follows_what_there_is(store: &dyn Store) {
    let made = talk(store, "line").await;
    store.append(turn(made.id, None, "a")).await.unwrap();
    let other = say(store, &made, None, "another beginning").await;
    // Whatever its parent says.
    let last = turn(made.id, Some(TurnId::new()), "b");
    let id = last.id;
    store.append(last).await.unwrap();
    let path = store.path(id).await.unwrap();
    assert_eq!((texts(&path), path[1].parent), (vec!["another beginning".into(), "b".into()], Some(other)));
    assert_eq!(store.conversation(made.id).await.unwrap().unwrap().tip, Some(id));
    refused(store.append(turn(ConversationId::new(), None, "lost")).await);
    refused(store.append(NewTurn { id, ..turn(made.id, None, "twice") }).await);
}

async fn of_several_that_are_appended_at_once_one_follows_the_other(store: &dyn Store) {
    let made = talk(store, "line").await;
    std::thread::scope(|threads| {
        for writer in 0..8 {
            threads.spawn(move || {
                for number in 0..20 {
                    let new = turn(made.id, None, &format!("{writer}.{number}"));
                    pollster::block_on(store.append(new)).unwrap();
                }
            });
        }
    });
    let tip = store.conversation(made.id).await.unwrap().unwrap().tip.unwrap();
    assert_eq!(store.path(tip).await.unwrap().len(), 160, "none is beside another");
}

async fn many_grow_at_once(store: &dyn Store) {
    let made = talk(store, "many").await;
    let ids: Vec<TurnId> = (0..20).map(|_| TurnId::new()).collect();
    std::thread::scope(|threads| {
        for &id in &ids {
            threads.spawn(move || {
                pollster::block_on(async {
                    store.begin(NewTurn { id, ..running(made.id, None, "zoo/parrot") }).await.unwrap();
                    store.grow(id, vec![start(0)]).await.unwrap();
                    for _ in 0..20 {
                        store.grow(id, vec![more(0, "x")]).await.unwrap();
                    }
                    store.end(id, ended(&id.to_string())).await.unwrap();
                });
            });
        }
    });
    for id in ids {
        assert_eq!(texts(&[store.turn(id).await.unwrap().unwrap()]), [id.to_string()]);
    }
    assert_eq!(store.tree(made.id).await.unwrap().len(), 20);
}
