//! Abilities: tools that belong together, how to use them, and what they need to run.
use consort_core::{BoxFuture, Error, Tool};
use std::fmt;
use std::sync::Arc;

/// Something that an assistant can do: tools under one name. [`Toolset`] is the usual one; a connection to something
/// else, which begins, may be lost and ends, is a type of its own.
pub trait Ability: Send + Sync {
    fn name(&self) -> &str;

    /// How the model uses the tools; added to the assistant's instructions.
    #[allow(clippy::unnecessary_literal_bound, reason = "other abilities give a text that they hold")]
    fn instructions(&self) -> &str {
        ""
    }

    /// Begins, and gives its tools. Where it fails, the assistant goes without it, and says so.
    fn tools(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Tool>>, Error>>;

    /// Whether it works now, and why not.
    fn health(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Ends it. It may begin again.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Tools that need nothing else, under one name.
#[derive(Clone)]
pub struct Toolset {
    name: String,
    instructions: String,
    tools: Vec<Arc<dyn Tool>>,
}

impl Toolset {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), instructions: String::new(), tools: Vec::new() }
    }

    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = instructions.into();
        self
    }

    pub fn tool(mut self, tool: impl Tool + 'static) -> Self {
        self.tools.push(Arc::new(tool));
        self
    }
}

impl Ability for Toolset {
    fn name(&self) -> &str {
        &self.name
    }

    fn instructions(&self) -> &str {
        &self.instructions
    }

    fn tools(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Tool>>, Error>> {
        Box::pin(std::future::ready(Ok(self.tools.clone())))
    }
}

impl fmt::Debug for Toolset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tools: Vec<&str> = self.tools.iter().map(|tool| tool.spec().name.as_str()).collect();
        f.debug_struct("Toolset").field("name", &self.name).field("tools", &tools).finish_non_exhaustive()
    }
}
