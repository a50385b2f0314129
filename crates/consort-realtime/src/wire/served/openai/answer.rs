//! One answer on its way to the client, and what it says so far.
use super::super::patience::{Came, Habits, Piece, Side};
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
    /// What the model is known to do, and whether it told that no sound of this one comes.
    pub(super) habits: Habits,
    pub(super) soundless: bool,
    /// Sound that the client does not want: the model's name for what it is of, and whether that is all.
    pub(super) voices: Vec<(String, bool)>,
    /// What may still come of each item, where the model did not say that it is over.
    pub(super) rest: Vec<Came>,
    /// When something of it last came.
    pub(super) touched: Duration,
    /// When it is over, where the model does not say so before.
    pub(super) due: Option<Duration>,
    /// Whether a spoken turn began it, rather than the client.
    pub(super) expected: bool,
    /// When it is given up, where nothing of it comes, or nothing more of what need not be all.
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
    /// Whether the model told that it makes no sound.
    pub(super) silent: bool,
    /// Where it is the sound of words that were told before: the item that holds those.
    pub(super) words_of: Option<String>,
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
            habits: Habits::default(),
            soundless: false,
            voices: Vec::new(),
            rest: Vec::new(),
            touched: Duration::ZERO,
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
        self.items.iter().any(|item| item.theirs == theirs) || self.voice(theirs).is_some()
    }

    /// Something came of it. Where more of it need not come, its end is waited for, and not for ever: some models say none.
    pub(super) fn wait(&mut self, at: Duration) {
        (self.limit, self.touched) = (None, at);
        if self.cut.is_some() {
            return;
        }
        let came = self.came();
        if self.called || self.failed.is_some() {
            self.due = Some(at + QUIET);
        } else if came.may_be_over() {
            self.due = Some(at + came.patience(self.habits));
        } else {
            (self.due, self.limit) = (None, Some(at + came.patience(self.habits)));
        }
    }

    /// Whether nothing of it came yet.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.voices.is_empty()
    }

    /// Of the sound that the client does not want, what is of this item: whether that is all.
    fn voice(&self, theirs: &str) -> Option<bool> {
        self.voices.iter().find(|(name, _)| name == theirs).map(|(_, is_all)| *is_all)
    }

    /// How far it is. Also where the client only reads: what is said aloud has an end all the same.
    pub(super) fn came(&self) -> Came {
        let came = self.each().into_iter().max().unwrap_or_default();
        // Who only reads waits for no voice.
        if came == Came::Words && !self.speaks { Came::All } else { came }
    }

    /// Whether its words are all there, and their sound is awaited.
    pub(super) fn waits_for_voice(&self) -> bool {
        let is_under_way = self.cut.is_none() && self.failed.is_none() && !self.called;
        is_under_way && self.habits.speaks() && self.came() == Came::Words
    }

    /// Whether sound of it came that need not be all, and nothing more does. Its items have names, so that what is new is known.
    pub(super) fn is_played(&self, at: Duration) -> bool {
        let is_named = self.items.iter().all(|item| !item.theirs.is_empty());
        let is_quiet = self.touched + QUIET <= at && self.cut.is_none() && !self.items.is_empty();
        is_quiet && is_named && self.came() == Came::SomeSound
    }

    /// How far each of its items is, and behind them what is only heard by nobody.
    pub(super) fn each(&self) -> Vec<Came> {
        let unheard = |(name, is_all): &(String, bool)| {
            let sound = if *is_all { Side::All } else { Side::Some };
            let is_item = self.items.iter().any(|item| item.theirs == *name);
            (!is_item).then_some(Piece { sound, ..Piece::default() })
        };
        let items = self.items.iter().map(|item| self.piece(item));
        Piece::each(&items.chain(self.voices.iter().filter_map(unheard)).collect::<Vec<_>>())
    }

    fn piece(&self, item: &Item) -> Piece {
        let sound = match (item.sounds(), self.voice(&item.theirs)) {
            (true, _) if item.sound_done => Side::All,
            (true, _) | (_, Some(false)) => Side::Some,
            (_, Some(true)) => Side::All,
            (false, None) => Side::Nothing,
        };
        if item.call.is_some() || (sound == Side::Nothing && (item.silent || self.soundless)) {
            return Piece::WHOLE;
        }
        let words = if item.words.is_final() || item.words_of.is_some() {
            Side::All
        } else if item.says().is_empty() {
            Side::Nothing
        } else {
            Side::Some
        };
        Piece { words, sound }
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
            silent: false,
            words_of: None,
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

/// Tokens as the vendor counts them: those that were read again are among those that went in. What nobody counted is left out:
/// clients take a number or nothing.
pub(super) fn counts(usage: &Usage) -> Value {
    let (input, output) = (usage.all_input(), usage.all_output());
    let (heard, spoken) = (usage.audio_input.unwrap_or(0), usage.audio_output.unwrap_or(0));
    let total = input.and_then(|input| usage.total.or(Some(input + output?)));
    let mut counts = json!({});
    for (key, count) in [("total_tokens", total), ("input_tokens", input), ("output_tokens", output)] {
        if let Some(count) = count {
            counts[key] = count.into();
        }
    }
    if let Some(input) = input {
        let cached = usage.cached.unwrap_or(0);
        counts["input_token_details"] = json!({
            "text_tokens": input.saturating_sub(heard), "audio_tokens": heard, "image_tokens": 0,
            "cached_tokens": cached,
            "cached_tokens_details": {"text_tokens": cached, "audio_tokens": 0, "image_tokens": 0},
        });
    }
    if let Some(output) = output {
        counts["output_token_details"] =
            json!({"text_tokens": output.saturating_sub(spoken), "audio_tokens": spoken});
        if let Some(reasoning) = usage.reasoning {
            counts["output_token_details"]["reasoning_tokens"] = reasoning.into();
        }
    }
    counts
}
