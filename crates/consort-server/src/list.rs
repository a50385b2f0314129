//! The list of models as all tabs are sent it: made once for each state of it, and shared.
use crate::house::ModelRow;
use crate::state::Shared;
use axum::extract::ws::Utf8Bytes;
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Mutex;

/// The list of one moment.
pub(crate) struct List {
    pub(crate) rows: Vec<ModelRow>,
    /// The message of the live socket that tells all of it.
    pub(crate) message: Utf8Bytes,
    /// The answer to who asks for it.
    pub(crate) body: Bytes,
}

/// What the list was made from: the house's revision, and that of the measures.
type State = (u64, u64);

#[derive(Default)]
pub(crate) struct Lists(Mutex<Option<(State, Arc<List>)>>);

impl Lists {
    /// The list as it is now. Who comes while it is made waits for it.
    pub(crate) async fn now(&self, shared: &Arc<Shared>) -> Arc<List> {
        let mut kept = self.0.lock().await;
        // The numbers first: rows may be newer than these, and never older.
        let state = (*shared.house.revision().borrow(), shared.measures.revision());
        if let Some((of, list)) = kept.as_ref()
            && *of == state
        {
            return list.clone();
        }
        let house = shared.house.clone();
        let made = tokio::task::spawn_blocking(move || (house.models(), house.default_model())).await;
        // A house that panics has no rows; the next revision asks it again.
        let (rows, default) = made.unwrap_or_default();
        let values: Vec<Value> = rows.iter().map(|one| row(shared, one)).collect();
        let mut whole = json!({"revision": state.0, "default": default, "rows": values});
        let body = whole.to_string().into();
        whole["type"] = "models".into();
        whole["removed"] = json!([]);
        whole["whole"] = true.into();
        let list = Arc::new(List { rows, message: whole.to_string().into(), body });
        *kept = Some((state, list.clone()));
        list
    }
}

/// ROW: one model, with how fast it was.
pub(crate) fn row(shared: &Shared, one: &ModelRow) -> Value {
    let mut value = json!(one);
    value["measured"] = shared.measures.of(&one.id);
    value
}
