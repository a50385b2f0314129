//! Long-term memory as tools: the model itself remembers, looks up and forgets.
use crate::tools::function;
use consort_core::{Context, Memory, MemoryRecord, Tool, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// How many records a search gives the model.
const FOUND: usize = 10;

#[derive(Deserialize, JsonSchema)]
struct Remember {
    /// One fact, in a sentence that can be understood without this conversation.
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Look {
    /// What to look for.
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Forget {
    /// The id of the memory, as `recall` gives it.
    id: String,
}

/// The tools `remember`, `recall` and `forget` on one scope of a memory.
pub fn memory_tools(memory: &Arc<dyn Memory>, scope: &str) -> Vec<Arc<dyn Tool>> {
    let place = || (memory.clone(), Arc::<str>::from(scope));
    let (kept, at) = place();
    let remember = function(
        "remember",
        "Keeps a fact for later conversations. For what the user tells of themselves or wants kept; never secrets.",
        move |arguments: Remember, _: Context| {
            let (kept, at) = (kept.clone(), at.clone());
            async move { Ok(ToolOutput::text(line(&kept.add(&at, arguments.text).await?))) }
        },
    );
    let (kept, at) = place();
    let recall = function(
        "recall",
        "Looks up what was kept in earlier conversations.",
        move |arguments: Look, _: Context| {
            let (kept, at) = (kept.clone(), at.clone());
            async move {
                let found = kept.search(&at, &arguments.text, FOUND).await?;
                let lines: Vec<String> = found.iter().map(line).collect();
                Ok(ToolOutput::text(if lines.is_empty() { "nothing".to_owned() } else { lines.join("\n") }))
            }
        },
    );
    let (kept, at) = place();
    let forget = function(
        "forget",
        "Forgets one memory, by its id. When the user asks for it, or when it is not true any more.",
        move |arguments: Forget, _: Context| {
            let (kept, at) = (kept.clone(), at.clone());
            async move {
                Ok(if kept.forget(&at, &arguments.id).await? {
                    ToolOutput::text("forgotten")
                } else {
                    ToolOutput::failure(format!("there is no memory `{}`", arguments.id))
                })
            }
        },
    );
    vec![Arc::new(remember), Arc::new(recall), Arc::new(forget)]
}

fn line(record: &MemoryRecord) -> String {
    format!("{}: {}", record.id, record.text)
}
