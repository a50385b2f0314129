//! What a plugin keeps in its host's memory: conversations of its own, which nobody else can name.
use super::Services;
use crate::home::OpenMemory;
use consort_core::{Error, ErrorKind, Memory};
use consort_plugin::protocol::{
    AppendParams, ClearParams, Failure, HistoryParams, HistoryResult, MAX_MESSAGE, Message, code,
};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Letters of a conversation's name.
const LONGEST_NAME: usize = 512;
/// What one process may keep: more is a plugin that fills the disk.
const MOST_KEPT: usize = 64 << 20;

/// The memory of one plugin.
pub struct Remembered {
    plugin: String,
    open: OpenMemory,
    kept: AtomicUsize,
    /// Messages of one conversation are added one after the other: each follows the last.
    turn: tokio::sync::Mutex<()>,
}

impl Remembered {
    pub(crate) fn new(plugin: &str, open: OpenMemory) -> Self {
        Self {
            plugin: plugin.to_owned(),
            open,
            kept: AtomicUsize::new(0),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// What the memory calls a conversation. No plugin's id holds a slash, so that none can reach another's.
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

    /// Counts what is about to be kept.
    fn count(&self, bytes: usize) -> Result<(), Failure> {
        if self.kept.fetch_add(bytes, Relaxed).saturating_add(bytes) <= MOST_KEPT {
            return Ok(());
        }
        let message =
            format!("this plugin has kept {} MiB since it started, the most that it may", MOST_KEPT >> 20);
        Err(Failure::from(&Error::new(ErrorKind::Quota, message)))
    }
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
        own.count(json!(asked.messages).to_string().len())?;
        let read = asked.messages.into_iter().map(|message| message.into_core(wire));
        let messages = read.collect::<Result<Vec<_>, _>>();
        let messages = messages.map_err(|error| Failure::new(code::INVALID_PARAMS, error))?;
        let _turn = own.turn.lock().await;
        for message in messages {
            memory.append(&name, message).await.map_err(|error| Failure::from(&error))?;
        }
        Ok(json!({}))
    }

    /// Forgets one of the plugin's conversations.
    pub(super) async fn clear(&self, asked: ClearParams) -> Result<Value, Failure> {
        let own = self.remembered()?;
        let (name, memory) = (own.name(&asked.conversation)?, own.memory()?);
        let _turn = own.turn.lock().await;
        memory.clear(&name).await.map_err(|error| Failure::from(&error))?;
        Ok(json!({}))
    }
}
