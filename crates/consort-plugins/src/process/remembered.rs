//! What a plugin keeps in its host's memory: conversations of its own, which nobody else can name.
use super::Services;
use crate::home::OpenMemory;
use consort_core::{Error, ErrorKind, Memory};
use consort_plugin::protocol::{
    AppendParams, ClearParams, Failure, HistoryParams, HistoryResult, MAX_MESSAGE, Message, code,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Letters of a conversation's name.
const LONGEST_NAME: usize = 512;
/// What one plugin may keep, as far as its host has met it: more is a plugin that fills the disk.
const MOST_KEPT: usize = 64 << 20;

/// The memory of one plugin.
pub struct Remembered {
    plugin: String,
    open: OpenMemory,
    kept: Kept,
}

/// How many bytes each conversation of one plugin holds that was added to since the program began. It outlives the plugin's
/// processes. Whoever holds it is alone: messages follow each other, and one conversation at a time is in memory.
pub(crate) type Kept = Arc<tokio::sync::Mutex<HashMap<String, usize>>>;

impl Remembered {
    /// Of the plugin of this name, which is nobody else's.
    pub(crate) fn new(plugin: String, open: OpenMemory, kept: Kept) -> Self {
        Self { plugin, open, kept }
    }

    /// What the memory calls a conversation. No plugin's name is the beginning of another's up to a slash.
    fn name(&self, conversation: &str) -> Result<String, Failure> {
        if conversation.is_empty() || conversation.len() > LONGEST_NAME {
            let message = format!("a conversation's name has 1 to {LONGEST_NAME} bytes");
            return Err(Failure::new(code::INVALID_PARAMS, message));
        }
        Ok(format!("{}/{conversation}", self.plugin))
    }

    fn memory(&self) -> Result<Arc<dyn Memory>, Failure> {
        (self.open)().map_err(|error| Failure::from(&error))
    }
}

/// Counts what is about to be kept in a conversation that holds so much already.
fn count(kept: &mut HashMap<String, usize>, name: &str, held: usize, more: usize) -> Result<(), Failure> {
    let others = kept.iter().filter(|(other, _)| *other != name).map(|(_, bytes)| bytes);
    let whole = held.saturating_add(more);
    if others.sum::<usize>().saturating_add(whole) <= MOST_KEPT {
        kept.insert(name.to_owned(), whole);
        return Ok(());
    }
    let message = format!("this plugin has kept {} MiB, the most that it may", MOST_KEPT >> 20);
    let error = Error::new(ErrorKind::Quota, message).hint("forget a conversation: memory/clear");
    Err(Failure::from(&error))
}

fn size(messages: &[Message]) -> usize {
    json!(messages).to_string().len()
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}

impl Services {
    /// Whether plugins are remembered for at all.
    pub(super) fn remembers(&self) -> bool {
        self.memory.is_some()
    }

    fn remembered(&self) -> Result<&Remembered, Failure> {
        let none = || Failure::from(&Error::unsupported("this host keeps nothing for plugins"));
        self.memory.as_ref().ok_or_else(none)
    }

    /// The messages of one of the plugin's conversations, or the last of them.
    pub(super) async fn history(&self, asked: HistoryParams, wire: &str) -> Result<Value, Failure> {
        let own = self.remembered()?;
        let (name, memory) = (own.name(&asked.conversation)?, own.memory()?);
        if asked.limit == Some(0) {
            return Ok(json!(HistoryResult { messages: Vec::new() }));
        }
        let _alone = own.kept.lock().await;
        let mut kept = memory.history(&name).await.map_err(|error| Failure::from(&error))?;
        let first = asked.limit.map_or(0, |limit| kept.len().saturating_sub(limit));
        let messages =
            kept.drain(first..).filter_map(|message| Message::for_plugin(&message, wire)).collect();
        let found = json!(HistoryResult { messages });
        // Some room for what stands around it in its line.
        if found.to_string().len() > MAX_MESSAGE - 1024 {
            let error =
                Error::new(ErrorKind::InvalidRequest, "the conversation is larger than one line may be")
                    .hint("ask for its last messages by `limit`");
            return Err(Failure::from(&error));
        }
        Ok(found)
    }

    /// Adds messages to one of the plugin's conversations.
    pub(super) async fn append(&self, asked: AppendParams, wire: &str) -> Result<Value, Failure> {
        let own = self.remembered()?;
        let (name, memory) = (own.name(&asked.conversation)?, own.memory()?);
        // An empty list is kept nowhere, and a name counts too.
        if asked.messages.is_empty() {
            return Ok(json!({}));
        }
        let more = size(&asked.messages).saturating_add(name.len());
        let read = asked.messages.into_iter().map(|message| message.into_core(wire));
        let messages = read.collect::<Result<Vec<_>, _>>();
        let messages = messages.map_err(|error| Failure::new(code::INVALID_PARAMS, error))?;
        let mut kept = own.kept.lock().await;
        let held = if let Some(held) = kept.get(&name) {
            *held
        } else {
            let found = memory.history(&name).await.map_err(|error| Failure::from(&error))?;
            size(&found.iter().filter_map(|one| Message::for_plugin(one, wire)).collect::<Vec<_>>())
        };
        count(&mut kept, &name, held, more)?;
        for message in messages {
            memory.append(&name, message).await.map_err(|error| Failure::from(&error))?;
        }
        Ok(json!({}))
    }

    /// Forgets one of the plugin's conversations.
    pub(super) async fn clear(&self, asked: ClearParams) -> Result<Value, Failure> {
        let own = self.remembered()?;
        let (name, memory) = (own.name(&asked.conversation)?, own.memory()?);
        let mut kept = own.kept.lock().await;
        memory.clear(&name).await.map_err(|error| Failure::from(&error))?;
        kept.remove(&name);
        Ok(json!({}))
    }
}
