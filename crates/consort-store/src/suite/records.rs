//! Promises on what is remembered.
use super::kit::refused;
use super::promises;
use crate::{NewRecord, RecordId, RecordQuery, Store, Vector};
use serde_json::json;

promises!(
    records_are_kept_and_forgotten,
    words_find_the_best_first,
    vectors_find_the_nearest_first,
    both_find_what_is_good_in_both,
    vectors_of_other_embedders_do_not_count,
    hostile_records_are_records,
);

fn note(text: &str, vector: Option<&[f32]>) -> NewRecord {
    let vector = vector.map(|values| Vector { embedder: "zoo/eye".into(), values: values.to_vec() });
    NewRecord { scope: "ada".into(), text: text.into(), vector, ..NewRecord::default() }
}

async fn find(
    store: &dyn Store,
    search: Option<&str>,
    vector: Option<&[f32]>,
    limit: Option<usize>,
) -> Vec<String> {
    let vector = vector.map(|values| Vector { embedder: "zoo/eye".into(), values: values.to_vec() });
    let query = RecordQuery { scope: "ada".into(), search: search.map(str::to_owned), vector, limit };
    store.records(query).await.unwrap().into_iter().map(|record| record.text).collect()
}

async fn records_are_kept_and_forgotten(store: &dyn Store) {
    let data = json!({"source": "chat"}).as_object().unwrap().clone();
    let one = store.remember(NewRecord { data, ..note("Likes tea.", None) }).await.unwrap();
    store.remember(NewRecord { scope: "bob".into(), ..note("Likes coffee.", None) }).await.unwrap();
    let two = store.remember(note("Lives in Oslo.", None)).await.unwrap();
    let all = RecordQuery { scope: "ada".into(), ..RecordQuery::default() };
    assert_eq!(store.records(all.clone()).await.unwrap(), [two.clone(), one.clone()]);
    assert_eq!(find(store, Some("  "), None, Some(1)).await, ["Lives in Oslo."]);
    assert!(store.forget(one.id).await.unwrap());
    assert!(!store.forget(one.id).await.unwrap() && !store.forget(RecordId::new()).await.unwrap());
    assert_eq!(store.records(all).await.unwrap(), [two]);
    assert_eq!(find(store, Some("tea"), None, None).await, Vec::<String>::new());
}

async fn words_find_the_best_first(store: &dyn Store) {
    for text in
        ["Likes green tea.", "Likes black tea and green tea.", "Likes coffee.", "Owns a green bicycle."]
    {
        store.remember(note(text, None)).await.unwrap();
    }
    let found = find(store, Some("tea or BICYCLE"), None, None).await;
    assert_eq!(found.len(), 3);
    assert_eq!(found[0], "Owns a green bicycle.", "the rarer word weighs more");
    assert_eq!(find(store, Some("gree"), None, None).await, Vec::<String>::new(), "whole words only");
    assert_eq!(find(store, Some("\"black tea\" coffee"), None, None).await.len(), 2);
    assert_eq!(find(store, Some("?!"), None, None).await, Vec::<String>::new());
}

async fn vectors_find_the_nearest_first(store: &dyn Store) {
    for (text, vector) in [("east", [1.0, 0.0]), ("north", [0.0, 5.0]), ("west", [-2.0, 0.0])] {
        store.remember(note(text, Some(&vector))).await.unwrap();
    }
    assert_eq!(find(store, None, Some(&[3.0, 1.0]), None).await, ["east", "north", "west"]);
    assert_eq!(find(store, None, Some(&[-3.0, 1.0]), Some(2)).await, ["west", "north"]);
}

async fn both_find_what_is_good_in_both(store: &dyn Store) {
    store.remember(note("the cat sleeps", Some(&[0.0, 1.0]))).await.unwrap();
    store.remember(note("a cat eats", Some(&[1.0, 0.1]))).await.unwrap();
    store.remember(note("the dog eats", Some(&[1.0, 0.0]))).await.unwrap();
    let found = find(store, Some("cat"), Some(&[1.0, 0.0]), None).await;
    assert_eq!((found.len(), found[0].as_str()), (3, "a cat eats"));
}

async fn vectors_of_other_embedders_do_not_count(store: &dyn Store) {
    store.remember(note("same", Some(&[1.0, 0.0]))).await.unwrap();
    store.remember(note("longer", Some(&[1.0, 0.0, 0.0]))).await.unwrap();
    let other = Vector { embedder: "zoo/ear".into(), values: vec![1.0, 0.0] };
    store.remember(NewRecord { vector: Some(other), ..note("other", None) }).await.unwrap();
    assert_eq!(find(store, None, Some(&[1.0, 0.0]), None).await, ["same"]);
}

async fn hostile_records_are_records(store: &dyn Store) {
    for text in ["", "a\0b", "'); DROP TABLE records; --"] {
        let kept = store.remember(note(text, None)).await.unwrap();
        assert_eq!(kept.text, text);
    }
    refused(store.remember(note("no direction", Some(&[0.0, 0.0]))).await);
    refused(store.remember(note("no number", Some(&[f32::NAN, 1.0]))).await);
    let vector = Some(Vector { embedder: "zoo/eye".into(), values: vec![] });
    refused(store.records(RecordQuery { scope: "ada".into(), vector, ..RecordQuery::default() }).await);
    assert_eq!(find(store, None, None, None).await.len(), 3);
}
