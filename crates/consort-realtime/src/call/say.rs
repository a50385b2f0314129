//! What whoever holds a call says and shows in it.
use super::{Call, CallEvent, Pace};
use crate::shown::PICTURES;
use consort_core::{
    Frame, Media, MediaSource, Pcm, SessionEvent, SessionInput, SessionSink, SessionUpdate, Warning,
};
use consort_engine::Decision;
use std::time::Duration;

/// Sound that is louder than this may be speech.
const LOUD: f32 = 0.02;

impl Call {
    /// A piece of what the microphone hears, and who speaks, where that is known. It never waits: where the model is far
    /// behind, the oldest sound is dropped, after a warning.
    pub fn hear(&mut self, pcm: Pcm, by: Option<&str>) {
        if !self.knows.is_empty() {
            self.knows.watch(&Frame::Audio { participant: self.who(by), pcm: pcm.clone() });
        }
        if pcm.peak() > LOUD {
            self.speech_comes(by);
        }
        self.put(SessionInput::Audio(pcm));
    }

    /// Sound will be sent by [`sink`](Self::sink): somebody speaks.
    pub fn speech_comes(&mut self, by: Option<&str>) {
        self.knows.loud(&self.minutes, self.is_answering);
        self.minutes().spoke(by);
    }

    /// The way for sound that may wait and must not be dropped: files. What is sent by it is told the model at once, before
    /// words that wait for processors.
    pub fn sink(&self) -> SessionSink {
        self.sink.clone()
    }

    /// A whole turn in words, to be answered now. It cuts the answer that plays.
    pub fn say(&mut self, text: &str) {
        self.barge_in();
        self.minutes().said(text);
        self.write();
        self.put(SessionInput::text(text));
        self.is_answering = true;
    }

    /// A picture that belongs to the turn that is being spoken.
    pub fn show(&mut self, media: Media) {
        self.watch(&media);
        if !self.minutes().shown(media.clone()) {
            let words = format!(
                "more pictures were shown than one turn keeps: the newest are kept, {PICTURES} at most"
            );
            self.tell(SessionEvent::warning("dropped", words));
        }
        self.put(SessionInput::Image { media });
    }

    /// A frame of what a camera or a screen shows. It is not kept.
    pub fn frame(&mut self, media: Media) {
        self.watch(&media);
        self.put(SessionInput::Video { media });
    }

    /// The turn is over: answer now.
    pub fn commit(&mut self) {
        self.put(SessionInput::Commit);
        self.is_answering = true;
    }

    /// Cuts the answer, and tells the model how much of it was heard. Nothing happens where none is under way.
    pub fn interrupt(&mut self) {
        if !self.is_answering && !self.is_sounding() {
            return;
        }
        let (ahead, flushed) = (self.ahead.cut(), self.track.flush(self.epoch + 1));
        let waiting = flushed.items.into_iter().next().map(|cut| (cut.item, cut.heard));
        let cut = ahead.or(waiting);
        let (item, heard) =
            cut.map_or((None, Duration::ZERO), |(item, heard)| (Some(item.to_string()), heard));
        self.put(SessionInput::Interrupt { item, heard });
        self.forget_sound();
    }

    /// Somebody speaks into what is being heard. Whoever plays as fast as it goes has heard it.
    pub(super) fn barge_in(&mut self) {
        if self.pace != Pace::AtOnce && self.is_sounding() {
            self.interrupt();
        }
    }

    /// Whoever plays has played so much of all the sound that it was given, dropped sound included.
    pub fn played(&mut self, position: Duration) {
        let heard = self.ahead.heard(position);
        self.note_heard(heard);
        self.write();
    }

    /// Tells something as a warning of the session, among its events.
    pub fn warn(&mut self, warning: Warning) {
        self.tell(SessionEvent::Warning { warning });
    }

    pub fn update(&mut self, update: SessionUpdate) {
        self.put(SessionInput::Update { update });
    }

    /// What somebody says about a tool that waits for a yes. False where none of this call waits.
    pub fn decide(&mut self, call_id: &str, decision: Decision, reason: &str) -> bool {
        self.calls.decide(call_id, decision, reason)
    }

    /// The tool of a call that waits for a yes.
    pub fn tool_of(&self, call_id: &str) -> Option<&str> {
        self.calls.tool_of(call_id)
    }

    /// Ends the call: what was said before still counts, and what is being played is heard to its end.
    pub fn close(&mut self) {
        for input in self.knows.give_up() {
            // The session's end is told by its last event.
            let _ = self.sink.push(input);
        }
        self.sink.close();
    }

    fn watch(&self, media: &Media) {
        let MediaSource::Bytes(bytes) = &media.source else { return };
        if !self.knows.is_empty() {
            let participant = self.who(None);
            let frame = Frame::Video { participant, mime: media.mime.clone(), bytes: bytes.clone() };
            self.knows.watch(&frame);
        }
    }

    fn who(&self, by: Option<&str>) -> Option<String> {
        by.map(str::to_owned).or_else(|| self.participant.clone())
    }

    pub(super) fn put(&mut self, input: SessionInput) {
        for input in self.knows.pass(input, &self.minutes, self.is_answering) {
            // The session's end is told by its last event.
            let _ = self.sink.push(input);
        }
    }

    /// What waited to be played is not heard any more.
    pub(super) fn forget_sound(&mut self) {
        self.sounding = Duration::ZERO;
        self.minutes().cut();
        self.write();
        self.ready.push_back(CallEvent::Cut);
    }
}
