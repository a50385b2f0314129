//! Promises on conversations.
use super::kit::{refused, say, talk, texts};
use super::promises;
use crate::{ConversationChange, ConversationId, ConversationQuery, NewConversation, Store, TurnId};
use consort_core::Object;
use serde_json::json;

promises!(
    a_conversation_is_kept_as_it_began,
    a_named_one_is_made_once,
    what_changes_is_kept_and_the_rest_stays,
    a_deleted_one_can_be_taken_back,
    purging_leaves_nothing_but_the_others,
    the_last_changed_comes_first_and_pinned_ones_before,
    lists_come_in_pages,
    each_change_raises_the_revision,
    a_change_from_an_older_revision_changes_nothing,
    some_are_found_by_the_beginning_of_an_id,
    hostile_titles_are_titles,
    unknown_ones_are_refused,
);

async fn a_conversation_is_kept_as_it_began(store: &dyn Store) {
    let settings: Object =
        json!({"model": "zoo/parrot", "deep": [1.5, null, "ü"]}).as_object().unwrap().clone();
    let new = NewConversation { settings: settings.clone(), ..NewConversation::default() };
    let made = store.create(new).await.unwrap();
    assert_eq!((&made.title, made.tip, made.pinned, made.deleted), (&None, None, false, None));
    assert_eq!(made.settings, settings);
    assert_eq!(made.created, made.updated);
    assert_eq!(store.conversation(made.id).await.unwrap(), Some(made));
    assert_eq!(store.conversation(ConversationId::new()).await.unwrap(), None);
}

async fn a_named_one_is_made_once(store: &dyn Store) {
    let id = ConversationId::named("desk/front door");
    assert_eq!((ConversationId::named("desk/front door"), ConversationId::named(&id.to_string())), (id, id));
    assert_ne!(ConversationId::named("desk/back door"), id);
    let new = NewConversation { id: Some(id), title: Some("Door".into()), ..NewConversation::default() };
    let made = store.create(new).await.unwrap();
    assert_eq!(made.id, id);
    let said = say(store, &made, None, "hello").await;
    let again = NewConversation { id: Some(id), title: Some("Other".into()), ..NewConversation::default() };
    let there = store.create(again).await.unwrap();
    assert_eq!((there.id, there.title.as_deref(), there.tip), (id, Some("Door"), Some(said)));
}

async fn what_changes_is_kept_and_the_rest_stays(store: &dyn Store) {
    let made = talk(store, "first").await;
    let root = say(store, &made, None, "hello").await;
    let other = say(store, &made, None, "hello, edited").await;
    let get = || async { store.conversation(made.id).await.unwrap().unwrap() };
    assert_eq!(get().await.tip, Some(other));
    let change = ConversationChange { tip: Some(Some(root)), ..ConversationChange::default() };
    store.change(made.id, change).await.unwrap();
    let now = get().await;
    assert_eq!((now.tip, now.title.as_deref(), now.created), (Some(root), Some("first"), made.created));
    assert!(now.updated >= made.updated);
    let settings: Object = json!({"a": 1}).as_object().unwrap().clone();
    let change = ConversationChange {
        title: Some(None),
        pinned: Some(true),
        tip: Some(None),
        settings: Some(settings.clone()),
        ..ConversationChange::default()
    };
    store.change(made.id, change).await.unwrap();
    let now = get().await;
    assert_eq!((now.title, now.pinned, now.tip, now.settings), (None, true, None, settings));
}

async fn a_deleted_one_can_be_taken_back(store: &dyn Store) {
    let made = talk(store, "kept").await;
    say(store, &made, None, "words").await;
    let set = |deleted| ConversationChange { deleted: Some(deleted), ..ConversationChange::default() };
    store.change(made.id, set(true)).await.unwrap();
    let deleted = store.conversation(made.id).await.unwrap().unwrap();
    assert!(deleted.deleted.is_some());
    assert_eq!(store.conversations(ConversationQuery::default()).await.unwrap(), []);
    let bin = ConversationQuery { deleted: true, ..ConversationQuery::default() };
    assert_eq!(store.conversations(bin.clone()).await.unwrap(), [deleted]);
    store.change(made.id, set(false)).await.unwrap();
    assert_eq!(store.conversations(bin).await.unwrap(), []);
    assert_eq!(store.conversations(ConversationQuery::default()).await.unwrap()[0].deleted, None);
    assert_eq!(texts(&store.tree(made.id).await.unwrap()), ["words"]);
}

async fn purging_leaves_nothing_but_the_others(store: &dyn Store) {
    let (gone, stays) = (talk(store, "gone").await, talk(store, "stays").await);
    let root = say(store, &gone, None, "secret words").await;
    say(store, &gone, Some(root), "more words").await;
    let kept = say(store, &stays, None, "kept words").await;
    store.purge(gone.id).await.unwrap();
    store.purge(gone.id).await.unwrap();
    assert_eq!(store.conversation(gone.id).await.unwrap(), None);
    assert_eq!(store.turn(root).await.unwrap(), None);
    assert_eq!(store.tree(gone.id).await.unwrap(), []);
    let query = crate::TurnQuery { search: Some("words".into()), ..Default::default() };
    let found = store.turns(query).await.unwrap();
    assert_eq!(found.iter().map(|hit| hit.turn.id).collect::<Vec<_>>(), [kept]);
    say(store, &stays, Some(kept), "and goes on").await;
}

async fn the_last_changed_comes_first_and_pinned_ones_before(store: &dyn Store) {
    let [a, b, c] = [talk(store, "a").await, talk(store, "b").await, talk(store, "c").await];
    let order = || async {
        let all = store.conversations(ConversationQuery::default()).await.unwrap();
        all.into_iter().map(|one| one.title.unwrap()).collect::<String>()
    };
    assert_eq!(order().await, "cba");
    say(store, &a, None, "hello").await;
    assert_eq!(order().await, "acb");
    let pin = |pinned| ConversationChange { pinned: Some(pinned), ..ConversationChange::default() };
    store.change(b.id, pin(true)).await.unwrap();
    assert_eq!(order().await, "bac");
    say(store, &c, None, "hello").await;
    assert_eq!(order().await, "bca");
    store.change(b.id, pin(false)).await.unwrap();
    assert_eq!(order().await, "cab", "a pin is no change of what is in it");
}

async fn each_change_raises_the_revision(store: &dyn Store) {
    let made = talk(store, "counted").await;
    assert_eq!(made.revision, 1);
    let root = say(store, &made, None, "hello").await;
    let mut last = 1;
    let mut goes_up = async |what: &str| {
        let now = store.conversation(made.id).await.unwrap().unwrap().revision;
        assert!(now > last, "{what}: {now} after {last}");
        last = now;
    };
    goes_up("a turn begins").await;
    let none = ConversationChange::default;
    for (what, change) in [
        ("a title", ConversationChange { title: Some(None), ..none() }),
        ("a pin", ConversationChange { pinned: Some(true), ..none() }),
        ("a tip", ConversationChange { tip: Some(None), ..none() }),
        ("settings", ConversationChange { settings: Some(Object::new()), ..none() }),
        ("a deletion", ConversationChange { deleted: Some(true), ..none() }),
        ("taken back", ConversationChange { deleted: Some(false), ..none() }),
    ] {
        assert!(store.change(made.id, change).await.unwrap());
        goes_up(what).await;
    }
    store.pin(root, true).await.unwrap();
    goes_up("a turn is pinned").await;
    let running = super::kit::running(made.id, Some(root), "zoo/parrot");
    let id = running.id;
    store.begin(running).await.unwrap();
    goes_up("an answer begins").await;
    store.end(id, super::kit::ended("done")).await.unwrap();
    goes_up("it ends").await;
}

async fn a_change_from_an_older_revision_changes_nothing(store: &dyn Store) {
    let made = talk(store, "first").await;
    let titled = |title: &str, from| ConversationChange {
        title: Some(Some(title.to_owned())),
        from: Some(from),
        ..ConversationChange::default()
    };
    assert!(store.change(made.id, titled("second", made.revision)).await.unwrap());
    let now = store.conversation(made.id).await.unwrap();
    assert!(!store.change(made.id, titled("third", made.revision)).await.unwrap());
    assert_eq!(store.conversation(made.id).await.unwrap(), now);
    let now = now.unwrap();
    assert_eq!((now.title.as_deref(), now.revision), (Some("second"), made.revision + 1));
}

async fn lists_come_in_pages(store: &dyn Store) {
    for number in 0..5 {
        talk(store, &number.to_string()).await;
    }
    let page = |limit, offset| async move {
        let query = ConversationQuery { limit, offset, ..ConversationQuery::default() };
        store
            .conversations(query)
            .await
            .unwrap()
            .into_iter()
            .map(|one| one.title.unwrap())
            .collect::<String>()
    };
    assert_eq!(page(Some(2), 0).await, "43");
    assert_eq!(page(Some(2), 2).await, "21");
    assert_eq!(page(Some(2), 4).await, "0");
    assert_eq!(page(None, 3).await, "10");
    assert_eq!(page(Some(0), 0).await, "");
    assert_eq!(page(Some(usize::MAX), usize::MAX).await, "");
}

async fn some_are_found_by_the_beginning_of_an_id(store: &dyn Store) {
    let named = |text: &str| NewConversation {
        id: Some(text.parse().unwrap()),
        title: Some(text[..2].to_owned()),
        ..NewConversation::default()
    };
    for id in ["0199a1b2-c3d4-7000-8000-000000000000", "0299ffff-ffff-7fff-bfff-ffffffffffff"] {
        store.create(named(id)).await.unwrap();
    }
    let gone = store.create(named("0399a1b2-c3d4-7000-8000-000000000000")).await.unwrap();
    store.change(gone.id, ConversationChange { deleted: Some(true), ..Default::default() }).await.unwrap();
    let found = |text: &'static str, search: Option<&'static str>| async move {
        let ids = ConversationId::beginning(text);
        assert!(ids.is_some(), "{text}");
        let query = ConversationQuery { ids, search: search.map(str::to_owned), ..Default::default() };
        let found = store.conversations(query).await.unwrap();
        found.into_iter().map(|one| one.title.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(found("", None).await, ["02", "01"]);
    assert_eq!(found("0", None).await, ["02", "01"]);
    assert_eq!(found("0199a1b2-c3", None).await, ["01"]);
    assert_eq!(found("0299FFFF-FFFF-7FFF-BFFF-FFFFFFFFFFFF", None).await, ["02"]);
    assert_eq!(found("03", None).await, Vec::<String>::new());
    assert_eq!(
        (found("0", Some("02")).await, found("01", Some("02")).await),
        (vec!["02".to_owned()], vec![])
    );
    for no in ["x", "0199a1b2c", "0199a1b2-c3d4-7000-8000-0000000000000", "é"] {
        assert_eq!(ConversationId::beginning(no), None, "{no}");
    }
}

async fn hostile_titles_are_titles(store: &dyn Store) {
    let long = "long ".repeat(100_000);
    for title in ["", "a\0b", "'; DROP TABLE turns; --", "\"*) OR (NEAR", "%_\\", "\u{202e}\u{feff}", &long] {
        let made = talk(store, title).await;
        assert_eq!(store.conversation(made.id).await.unwrap().unwrap().title.as_deref(), Some(title));
    }
}

async fn unknown_ones_are_refused(store: &dyn Store) {
    let made = talk(store, "here").await;
    let other = talk(store, "there").await;
    let turn = say(store, &other, None, "hello").await;
    refused(store.change(ConversationId::new(), ConversationChange::default()).await);
    for tip in [TurnId::new(), turn] {
        let change = ConversationChange {
            tip: Some(Some(tip)),
            title: Some(Some("new".into())),
            ..ConversationChange::default()
        };
        refused(store.change(made.id, change).await);
    }
    let now = store.conversation(made.id).await.unwrap();
    assert_eq!(now, Some(made), "what is refused changes nothing");
}
