//! Memory: where a conversation's history is kept, and what is to be known in later conversations.
use crate::{BoxFuture, Error, Message, Object};
use serde::{Deserialize, Serialize};

/// Keeps conversations, or things to be remembered over all of them, or both. What a backend does not keep it leaves to
/// the methods that are there: they read nothing, and refuse to write.
///
/// ```
/// use consort_core::{BoxFuture, Error, Keeps, Memory, MemoryRecord};
///
/// /// Knows one thing, and can be told nothing.
/// struct Motto;
///
/// impl Memory for Motto {
///     fn name(&self) -> &str {
///         "motto"
///     }
///     fn keeps(&self) -> Keeps {
///         Keeps::Records
///     }
///     fn list<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<MemoryRecord>, Error>> {
///         Box::pin(async { Ok(vec![MemoryRecord::new("1", "Measure twice, cut once.")]) })
///     }
/// }
///
/// # pollster::block_on(async {
/// assert!(Motto.history("any").await.unwrap().is_empty());
/// assert_eq!(Motto.add("ada", "Likes tea.".into()).await.unwrap_err().message(), "`motto` keeps no records");
/// # });
/// ```
pub trait Memory: Send + Sync {
    fn name(&self) -> &str;

    /// Which half this backend keeps: a caller keeps the other half elsewhere.
    fn keeps(&self) -> Keeps;

    /// All that was said in a conversation, oldest first; nothing where it never began.
    fn history<'a>(&'a self, _conversation: &'a str) -> BoxFuture<'a, Result<Vec<Message>, Error>> {
        nothing()
    }

    /// Keeps one more message. It is kept when the future is done.
    fn append<'a>(&'a self, _conversation: &'a str, _message: Message) -> BoxFuture<'a, Result<(), Error>> {
        refused(self.name(), "history")
    }

    /// Forgets a conversation; one that never began is no error.
    fn clear<'a>(&'a self, _conversation: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        nothing()
    }

    /// Remembers a text. The scope says whose memory it is in: a user's, an assistant's, a project's.
    fn add<'a>(&'a self, _scope: &'a str, _text: String) -> BoxFuture<'a, Result<MemoryRecord, Error>> {
        refused(self.name(), "records")
    }

    /// The records of a scope that answer this text, best first, at most so many.
    fn search<'a>(
        &'a self,
        _scope: &'a str,
        _text: &'a str,
        _limit: usize,
    ) -> BoxFuture<'a, Result<Vec<MemoryRecord>, Error>> {
        nothing()
    }

    /// All records of a scope, newest first.
    fn list<'a>(&'a self, _scope: &'a str) -> BoxFuture<'a, Result<Vec<MemoryRecord>, Error>> {
        nothing()
    }

    /// Forgets a record; false where the scope has none of this id.
    fn forget<'a>(&'a self, _scope: &'a str, _id: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        nothing()
    }

    /// Whether it can be reached, and why not.
    fn check(&self) -> BoxFuture<'_, Result<(), Error>> {
        nothing()
    }
}

/// Which halves a backend keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// Nothing is kept, and nobody else is to keep it.
    Nothing,
    History,
    Records,
    Both,
}

impl Keeps {
    pub fn history(self) -> bool {
        matches!(self, Self::History | Self::Both)
    }

    pub fn records(self) -> bool {
        matches!(self, Self::Records | Self::Both)
    }
}

/// Something that is remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryRecord {
    /// Names it within its scope.
    pub id: String,
    pub text: String,
    /// What the backend says beside it.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub data: Object,
}

impl MemoryRecord {
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self { id: id.into(), text: text.into(), data: Object::new() }
    }
}

fn nothing<'a, T: Default + Send + 'a>() -> BoxFuture<'a, Result<T, Error>> {
    Box::pin(std::future::ready(Ok(T::default())))
}

fn refused<'a, T: Send + 'a>(name: &str, what: &str) -> BoxFuture<'a, Result<T, Error>> {
    Box::pin(std::future::ready(Err(Error::unsupported(format!("`{name}` keeps no {what}")))))
}
