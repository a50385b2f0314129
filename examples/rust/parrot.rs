//! A plugin in Rust: two models and a tool, in one file.
//!
//! Build it with `cargo build --release --example parrot`, copy the executable into a plugin folder, and put its
//! manifest beside it, as `parrot.toml`:
//!
//! ```toml
//! protocol = 1
//! name = "Parrot"
//! ```
use consort_core::{
    BoxFuture, Context, EmbedRequest, Embedder, Embeddings, Error, ErrorKind, EventStream, FinishReason,
    FunctionSpec, Modality, Model, ModelCard, Request, Support, Tool, ToolOutput, Usage,
};
use consort_plugin::{Plugin, answer};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::sync::Arc;

/// A model that says back what it was told, word by word.
struct Parrot {
    card: ModelCard,
}

impl Parrot {
    fn new() -> Self {
        let mut card = ModelCard::new("parrot", "parrot");
        card.title = Some("Parrot".into());
        // What is said here is refused or asked for by the host. What is not said is unknown, and tried.
        card.capabilities.input = Some(vec![Modality::Text]);
        card.capabilities.tools = Support::No;
        card.capabilities.schema = Support::No;
        card.capabilities.streaming = Support::Yes;
        card.limits.context = Some(4096);
        // The model's own options, as a JSON Schema. The host checks requests by it.
        card.options = Arc::new(json!({
            "type": "object",
            "properties": {"upper": {"type": "boolean", "description": "Say it in capitals", "default": false}},
            "additionalProperties": false,
        }));
        Self { card }
    }
}

impl Model for Parrot {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn stream(&self, request: Arc<Request>, context: Context) -> EventStream {
        answer(move |mut say| async move {
            let text = request.last_user_text();
            if text.trim().is_empty() {
                return Err(Error::new(ErrorKind::InvalidRequest, "there is nothing to say back")
                    .hint("ask with some words"));
            }
            let upper = request.options.get("upper").and_then(Value::as_bool).unwrap_or(false);
            let mut words = 0;
            for word in text.split_inclusive(char::is_whitespace) {
                // Whoever asked may have gone: a long answer looks up now and then.
                if context.cancel.is_cancelled() {
                    return Err(Error::cancelled());
                }
                if upper {
                    say.text(&word.to_uppercase()).await;
                } else {
                    say.text(word).await;
                }
                words += 1;
            }
            say.usage(Usage { input: Some(words), output: Some(words), ..Usage::default() }).await;
            Ok(FinishReason::Stop.into())
        })
    }
}

/// Vectors that are alike where texts have the same letters.
struct Letters {
    card: ModelCard,
}

impl Embedder for Letters {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn embed(&self, request: EmbedRequest, _: Context) -> BoxFuture<'_, Result<Embeddings, Error>> {
        let count = |text: &String, letter| text.to_lowercase().chars().filter(|c| *c == letter).count();
        let vector = |text| ('a'..='z').map(|letter| count(text, letter) as f32).collect();
        let vectors = request.inputs.iter().map(vector).collect();
        Box::pin(async move { Ok(Embeddings { vectors, ..Embeddings::default() }) })
    }
}

/// A tool that any model can be given.
struct Dice {
    spec: FunctionSpec,
}

impl Tool for Dice {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn call(&self, arguments: Value, _: Context) -> BoxFuture<'_, Result<ToolOutput, Error>> {
        Box::pin(async move {
            let sides = arguments["sides"].as_u64().unwrap_or(6);
            if sides == 0 {
                // A failure that the model should see is an output.
                return Ok(ToolOutput::failure("a die has sides"));
            }
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            let chance = u64::from(now.map(|time| time.subsec_nanos()).unwrap_or_default());
            Ok(ToolOutput::text((chance % sides + 1).to_string()))
        })
    }
}

fn main() -> ExitCode {
    let mut letters = ModelCard::new("parrot", "letters");
    letters.kind = consort_core::ModelKind::Embedding;
    let parameters = json!({"type": "object", "properties": {"sides": {"type": "integer", "minimum": 1}}});
    Plugin::new("Parrot")
        .version(env!("CARGO_PKG_VERSION"))
        .model(Parrot::new())
        .embedder(Letters { card: letters })
        .tool(Dice { spec: FunctionSpec::new("dice", "Rolls a die", parameters) })
        .serve()
}
