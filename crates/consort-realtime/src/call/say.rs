//! What whoever holds a call says and shows in it.
use super::hold::{Call, CallEvent, Pace};
use consort_core::{Frame, Media, MediaSource, Part, Pcm, SessionInput, SessionSink, SessionUpdate};
use consort_engine::Decision;
use std::time::Duration;

/// Sound that is louder than this may be speech.
const LOUD: f32 = 0.02;

impl Call {
    /// A piece of what the microphone hears, and who speaks, where that is known. It never waits: where the model is far
    /// behind, the oldest sound is dropped, after a warning.
    pub fn hear(&mut self, pcm: Pcm, by: Option<&str>) {
        if !self.processors.is_empty() {
            let frame = Frame::Audio { participant: self.who(by), pcm: pcm.clone() };
            self.processors.iter().for_each(|processor| processor.watch(&frame));
        }
        if pcm.peak() > LOUD {
            self.speech_comes(by);
        }
        self.put(SessionInput::Audio(pcm));
    }

    /// Sound will be sent by [`sink`](Self::sink): somebody speaks.
    pub fn speech_comes(&mut self, by: Option<&str>) {
        if let Some(minutes) = self.minutes() {
            minutes.spoke(by);
        }
    }

    /// The way for sound that may wait and must not be dropped: files.
    pub fn sink(&self) -> SessionSink {
        self.sink.clone()
    }

    /// A whole turn in words, to be answered now. It cuts the answer that plays.
    pub fn say(&mut self, text: &str) {
        self.barge_in();
        if let Some(minutes) = self.minutes() {
            minutes.said(text);
        }
        self.write();
        self.put(SessionInput::text(text));
    }

    /// A picture that belongs to the turn that is being spoken.
    pub fn show(&mut self, media: Media) {
        self.watch(&media);
        if let Some(minutes) = self.minutes() {
            minutes.shown(Part::media(media.clone()));
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
    }

    /// Cuts the answer, and tells the model how much of it was heard. Nothing happens where none is under way.
    pub fn interrupt(&mut self) {
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
        self.sink.close();
    }

    fn watch(&self, media: &Media) {
        let MediaSource::Bytes(bytes) = &media.source else { return };
        if !self.processors.is_empty() {
            let participant = self.who(None);
            let frame = Frame::Video { participant, mime: media.mime.clone(), bytes: bytes.clone() };
            self.processors.iter().for_each(|processor| processor.watch(&frame));
        }
    }

    fn who(&self, by: Option<&str>) -> Option<String> {
        by.map(str::to_owned).or_else(|| self.participant.clone())
    }

    fn put(&self, input: SessionInput) {
        // The session's end is told by its last event.
        let _ = self.sink.push(input);
    }

    /// What waited to be played is not heard any more.
    pub(super) fn forget_sound(&mut self) {
        self.sounding = Duration::ZERO;
        if let Some(minutes) = self.minutes() {
            minutes.cut();
        }
        self.write();
        self.ready.push_back(CallEvent::Cut);
    }
}
