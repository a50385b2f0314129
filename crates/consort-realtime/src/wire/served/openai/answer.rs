//! One answer on its way to the client, and what it says so far.
use super::super::words::Words;
use super::super::{QUIET, Reply};
use super::settings::{Settings, format_json};
use super::wish::Wish;
use crate::audio::Format;
use crate::heard::Played;
use crate::wire::sound::Outgoing;
use consort_core::{Error, Usage};
use serde_json::{Value, json};
use std::time::Duration;

/// An answer that is not over.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) id: String,
    /// Whether it is spoken; else what is said aloud is written.
    pub(super) speaks: bool,
    pub(super) format: Format,
    about: Value,
    pub(super) items: Vec<Item>,
    /// Whether calls were told: their results are the client's to give, so it does not go on without them.
    pub(super) called: bool,
    /// Why it was cut, in the vendor's word, and whether the client knows by itself.
    pub(super) cut: Option<(&'static str, bool)>,
    pub(super) failed: Option<Error>,
    /// When it is over, where the model does not say so before.
    pub(super) due: Option<Duration>,
    /// Whether a spoken turn began it, rather than the client.
    pub(super) expected: bool,
    /// When it is given up, where nothing of it comes.
    pub(super) limit: Option<Duration>,
    /// What was changed for it alone is to be changed back.
    pub(super) overrides: bool,
}

/// One thing that is said in it.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    /// The model's own name of it.
    pub(super) theirs: String,
    /// What is before it in the conversation.
    pub(super) before: Option<String>,
    /// Its two sides, at their places in the content once they began.
    pub(super) spoken: Option<usize>,
    pub(super) written: Option<usize>,
    pub(super) words: Words,
    pub(super) text: String,
    pub(super) sound: Option<Outgoing>,
    pub(super) sound_done: bool,
    /// Whether all of its sound was sent.
    pub(super) is_whole: bool,
    pub(super) words_done: bool,
    /// The sound that was sent.
    pub(super) played: Played<Duration>,
    /// How much of it the model was told to be heard.
    pub(super) told: Option<Duration>,
    /// A call, as it is shown.
    pub(super) call: Option<Value>,
}

impl Answer {
    pub(super) fn new(id: String, settings: &Settings, wish: &Wish) -> Self {
        let Wish { speaks, format, .. } = *wish;
        let about = json!({"output_modalities": [if speaks { "audio" } else { "text" }], "metadata": wish.metadata,
            "audio": {"format": format_json(format), "voice": settings.voice}});
        Self {
            id,
            speaks,
            format,
            about,
            items: Vec::new(),
            called: false,
            cut: None,
            failed: None,
            due: None,
            expected: false,
            limit: None,
            overrides: false,
        }
    }

    pub(super) fn begin(&self, conversation: &str, reply: &mut Reply, event: &mut dyn FnMut(Value) -> Value) {
        let response = self.response(conversation, "in_progress", Value::Null, Value::Null, &[]);
        reply.send(event(json!({"type": "response.created", "response": response})));
    }

    pub(super) fn response(
        &self,
        conversation: &str,
        status: &str,
        details: Value,
        usage: Value,
        output: &[Value],
    ) -> Value {
        json!({
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": output,
            "conversation_id": conversation,
            "output_modalities": self.about["output_modalities"],
            "max_output_tokens": "inf",
            "audio": {"output": {"format": self.about["audio"]["format"], "voice": self.about["audio"]["voice"]}},
            "usage": usage,
            "metadata": self.about["metadata"],
        })
    }

    pub(super) fn has(&self, theirs: &str) -> bool {
        self.items.iter().any(|item| item.theirs == theirs)
    }

    /// Something came of it. Where more of it need not come, its end is waited for, and not for ever: some models say none.
    pub(super) fn wait(&mut self, at: Duration) {
        self.limit = None;
        if self.cut.is_none() {
            // Also where the client only reads: what is said aloud has an end all the same.
            let sounds = self.items.iter().any(|item| item.sounds() || item.sound_done);
            let is_heard = sounds && self.items.iter().all(Item::is_quiet);
            self.due = (is_heard || self.called || self.failed.is_some()).then_some(at + QUIET);
        }
    }

    /// How much of each item was heard by now.
    pub(super) fn heard(&self, at: Duration) -> Vec<Duration> {
        self.items.iter().map(|item| item.played.heard(at)).collect()
    }
}

impl Item {
    pub(super) fn new(id: &str, theirs: &str, before: Option<String>) -> Self {
        Self {
            id: id.to_owned(),
            theirs: theirs.to_owned(),
            before,
            spoken: None,
            written: None,
            words: Words::default(),
            text: String::new(),
            sound: None,
            sound_done: false,
            is_whole: false,
            words_done: false,
            played: Played::default(),
            told: None,
            call: None,
        }
    }

    /// Whether sound of it came that is told to the client, or is about to be.
    pub(super) fn sounds(&self) -> bool {
        self.sound.is_some() || !self.played.sounded().is_zero()
    }

    fn is_quiet(&self) -> bool {
        !self.sounds() || self.sound_done
    }

    /// All that it says, aloud or not.
    pub(super) fn says(&self) -> String {
        if self.text.is_empty() { self.words.whole().to_owned() } else { self.text.clone() }
    }

    /// All that was said, also where a model took back what was not heard.
    pub(super) fn all(&self) -> &str {
        if self.text.is_empty() { self.words.said() } else { &self.text }
    }

    /// The item as the client sees it.
    pub(super) fn shown(&self, status: &str) -> Value {
        let mut shown = json!({"id": self.id, "object": "realtime.item", "status": status});
        if let Some(call) = &self.call {
            shown["type"] = "function_call".into();
            for key in ["call_id", "name", "arguments"] {
                shown[key] = call[key].clone();
            }
            return shown;
        }
        let spoken =
            self.spoken.map(|at| (at, json!({"type": "output_audio", "transcript": self.words.whole()})));
        let written = self.written.map(|at| (at, json!({"type": "output_text", "text": self.text})));
        let mut content: Vec<(usize, Value)> = spoken.into_iter().chain(written).collect();
        content.sort_by_key(|(at, _)| *at);
        shown["type"] = "message".into();
        shown["role"] = "assistant".into();
        shown["content"] = content.into_iter().map(|(_, part)| part).collect();
        shown
    }
}

/// Tokens as the vendor counts them: those that were read again are among those that went in.
pub(super) fn counts(usage: &Usage) -> Value {
    let (input, output) = (usage.all_input(), usage.all_output());
    let total = usage.total.or_else(|| Some(input? + output?));
    let cached = usage.cached.unwrap_or(0);
    let (heard, spoken) = (usage.audio_input.unwrap_or(0), usage.audio_output.unwrap_or(0));
    let mut counts = json!({
        "input_token_details": {
            "text_tokens": input.unwrap_or(0).saturating_sub(heard), "audio_tokens": heard, "image_tokens": 0,
            "cached_tokens": cached,
            "cached_tokens_details": {"text_tokens": cached, "audio_tokens": 0, "image_tokens": 0},
        },
        "output_token_details": {
            "text_tokens": output.unwrap_or(0).saturating_sub(spoken), "audio_tokens": spoken,
        },
    });
    // What nobody counted is left out: clients take a number or nothing.
    for (key, count) in [("total_tokens", total), ("input_tokens", input), ("output_tokens", output)] {
        if let Some(count) = count {
            counts[key] = count.into();
        }
    }
    if let Some(reasoning) = usage.reasoning {
        counts["output_token_details"]["reasoning_tokens"] = reasoning.into();
    }
    counts
}
