//! What starts answered, by the page's own keys: a start that is sent again starts nothing.
use consort_store::ConversationId;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many are remembered.
const REMEMBERED: usize = 1000;

/// An answer, once there is one. Whoever holds it makes it.
type Cell = Arc<tokio::sync::Mutex<Option<Value>>>;

#[derive(Default)]
pub(crate) struct Started(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// Each with the conversation that its key belongs to.
    cells: HashMap<String, (ConversationId, Cell)>,
    order: std::collections::VecDeque<String>,
}

impl Started {
    /// None where the key was used in another conversation.
    pub(super) fn cell(&self, key: &str, conversation: ConversationId) -> Option<Cell> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, cell)) = kept.cells.get(key) {
            return (*of == conversation).then(|| cell.clone());
        }
        if kept.order.len() >= REMEMBERED
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.cells.remove(&oldest);
        }
        kept.order.push_back(key.to_owned());
        let cell = Cell::default();
        kept.cells.insert(key.to_owned(), (conversation, cell.clone()));
        Some(cell)
    }
}
