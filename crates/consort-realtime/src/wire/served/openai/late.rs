//! What the model still tells of answers that are over for the client.
use super::super::Reply;
use super::super::patience::Came;
use super::{Last, OpenAiServed};
use crate::heard::is_beginning;
use consort_core::TranscriptMode;
use serde_json::json;
use std::time::Duration;

impl OpenAiServed {
    /// Nothing more of the answer under way came in all the time that it was waited for.
    pub(super) fn learn(&mut self) {
        let answer = self.answer.as_ref().filter(|answer| answer.cut.is_none() && answer.failed.is_none());
        if let Some(answer) = answer.filter(|answer| !answer.called) {
            self.habits.learn(answer.came());
        }
    }

    /// A model that did not say that an answer is over goes on with it: for the client, in another one, or in one that the user's
    /// speech began and of which nothing came yet. Gives the item as it was.
    pub(super) fn goes_on(&mut self, theirs: &str, owes: fn(Came) -> bool) -> Option<String> {
        let is_free = self.answer.as_ref().is_none_or(|answer| {
            answer.expected && answer.is_empty() && answer.cut.is_none() && owes(Came::Words)
        });
        if !is_free || self.owed == 0 {
            return None;
        }
        let mut said = self.said.iter_mut().rev();
        let said = said.find(|said| said.theirs == theirs && owes(said.rest))?;
        said.theirs.clear();
        self.owed -= 1;
        Some(said.id.clone())
    }

    /// What sounds now are words that were told before: they are heard as far as this is.
    pub(super) fn sound_of(&mut self, theirs: &str, words: Option<String>) {
        let Some(id) = words.filter(|id| !self.past.text_of(id).is_empty()) else { return };
        let mut items = self.answer.iter_mut().flat_map(|answer| &mut answer.items);
        if let Some(item) = items.find(|item| item.theirs == theirs) {
            item.words_of = Some(id);
        }
    }

    /// So much of an item was heard, and of the words that it is the sound of.
    pub(super) fn heard(&mut self, id: &str, heard: Duration) {
        self.past.heard(id, heard);
        let items = self.answer.iter().flat_map(|answer| &answer.items);
        let mut known = items
            .map(|item| (&item.id, &item.words_of))
            .chain(self.said.iter().map(|said| (&said.id, &said.words_of)));
        let words = known.find(|(known, _)| *known == id).and_then(|(_, words)| words.clone());
        if let Some(words) = words {
            self.past.voiced(&words, id);
            self.past.heard(&words, heard);
        }
    }

    /// Words of an answer that is over, all of whose sound came: they are its own still. A model that said itself that it is over
    /// has its last words left to say, where it gives answers names.
    pub(super) fn last_words(
        &mut self,
        theirs: &str,
        mode: TranscriptMode,
        text: &str,
        reply: &mut Reply,
    ) -> bool {
        if theirs.is_empty() || self.has(theirs) {
            return false;
        }
        let (is_final, owes) = (mode == TranscriptMode::Final, self.owed > 0);
        let Some(said) = self.said.iter_mut().rev().find(|said| said.theirs == theirs) else { return false };
        let is_it = is_final || (owes && said.rest == Came::Sound);
        let Some(last) = said.last.as_mut().filter(|_| is_it) else { return false };
        let more = last.words.add(mode, text);
        let whole = last.words.whole().to_owned();
        let Last { response, output, content, .. } = &*last;
        let event = |kind: &str| {
            json!({
                "type": format!("response.output_audio_transcript.{kind}"), "response_id": response,
                "item_id": said.id, "output_index": output, "content_index": content,
            })
        };
        let (mut delta, mut done) = (event("delta"), event("done"));
        let id = said.id.clone();
        said.last.take_if(|_| is_final);
        self.past.set_right(&id, &whole);
        if let Some(more) = more {
            delta["delta"] = more.into();
            self.tell(reply, delta);
        }
        if is_final {
            done["transcript"] = whole.into();
            self.tell(reply, done);
        }
        true
    }

    /// Whether the end of an item's sound is one of the answer under way. It may be all that is told of an item.
    pub(super) fn is_of_answer(&self, theirs: &str, interrupted: bool) -> bool {
        let is_new = !interrupted && self.owed == 0 && !self.is_past(theirs);
        self.answer.is_some() && (is_new || self.has(theirs))
    }

    pub(super) fn is_past(&self, theirs: &str) -> bool {
        self.said.iter().any(|said| said.theirs == theirs)
    }

    /// Whether this is what was heard of an answer that is over: clients of this format know it.
    pub(super) fn is_heard(&self, theirs: &str, text: &str) -> bool {
        let is_under_way = self.has(theirs);
        let mut said = self.said.iter().filter(|said| said.theirs == theirs);
        !is_under_way && said.any(|said| is_beginning(text, self.past.text_of(&said.id)))
    }
}
