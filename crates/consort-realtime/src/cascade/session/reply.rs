//! What a session answers, and what it asks the model.
use super::{LATER, Session};
use crate::cascade::answer::{Answer, Step};
use crate::cascade::backchannel::plain;
use consort_core::{
    Error, Media, Part, Request, SessionEvent, SessionTeller, ToolSpec, Usage, estimate_tokens,
};

/// So many tokens of the model's window are kept free for what it says, where half of the window is more.
const ANSWER: u64 = 4096;

impl Session {
    pub(super) fn step(&mut self, step: Step, say: &SessionTeller) {
        match step {
            Step::On => {}
            Step::Failed => self.drop_early(),
            Step::TooLong => {
                let Some(mut answer) = self.answer.take() else { return };
                match answer.too_long.take() {
                    Some(error) if self.shorten(&error, say) => {
                        answer.ask(self.request(&[], Some(&answer), say));
                    }
                    Some(error) => answer.fail_for_good(error, say),
                    None => {}
                }
                self.answer = Some(answer);
            }
            Step::Round => {
                let Some(mut answer) = self.answer.take() else { return };
                answer.ask(self.request(&[], Some(&answer), say));
                self.answer = Some(answer);
            }
            Step::Done => {
                let Some(mut answer) = self.answer.take() else { return };
                answer.end(say);
                self.history.answer(answer.record);
            }
        }
    }

    /// Answers what waits, when nobody speaks.
    pub(super) fn go_on(&mut self, say: &SessionTeller) {
        if self.paused.is_some() && !self.ears.is_busy() {
            self.resume(say);
        }
        let is_free = self.answer.is_none() && self.paused.is_none();
        // Where much waits, nothing more is taken, the end of what is being said neither.
        let speaks = self.ears.is_speaking() || self.ears.is_understanding();
        if !is_free || (speaks && self.later.len() < LATER) {
            return;
        }
        if let Some(parts) = self.later.pop_front() {
            parts.into_iter().for_each(|part| self.say_user(part, say));
            self.wanted = true;
        }
        if std::mem::take(&mut self.wanted) {
            let item = self.item();
            let mut answer = self.new_answer(item, say);
            answer.usage = self.spent.take();
            answer.ask(self.request(&[], None, say));
            self.answer = Some(answer);
        }
    }

    /// Asks the model what it would say if that was all.
    pub(super) fn ask_early(&mut self, text: String, say: &SessionTeller) {
        let says_nothing = plain(&text).is_empty();
        if says_nothing || self.wanted || !self.later.is_empty() || self.is_as_thought(&text) {
            return;
        }
        self.drop_early();
        if self.answer.is_some() || self.paused.is_some() {
            return;
        }
        let more = self.shown_with(&text, self.frame.as_ref());
        let item = self.item();
        let mut answer = self.new_answer(item, say);
        answer.usage = self.spent.take();
        answer.ask_early(text, self.frame.clone(), self.request(&more, None, say));
        self.answer = Some(answer);
    }

    /// Whether what was asked early is what would be asked now that these are all words: whatever was told meanwhile, by
    /// whomever, is part of that. Of pictures that are the newest for a moment any will do.
    pub(super) fn is_as_thought(&self, text: &str) -> bool {
        let Some(answer) = &self.answer else { return false };
        let Some(early) = &answer.held else { return false };
        let more = self.shown_with(&early.words, early.frame.as_ref().or(self.frame.as_ref()));
        plain(&early.words) == plain(text)
            && answer.has_voice(&self.config)
            && *early.asked == self.whole_request(&more, None)
    }

    /// What the user says, with what they showed.
    fn shown_with(&self, text: &str, frame: Option<&Media>) -> Vec<Part> {
        let shown = self.pictures.iter().chain(frame).cloned().map(Part::media);
        [Part::text(text)].into_iter().chain(shown).collect()
    }

    /// Drops an answer that nobody was told of.
    pub(super) fn drop_early(&mut self) {
        if let Some(mut early) = self.answer.take_if(|answer| answer.held.is_some()) {
            self.keep_spent(early.cost());
        }
    }

    pub(super) fn keep_spent(&mut self, usage: Option<Usage>) {
        if let Some(usage) = usage {
            self.spent.get_or_insert_default().add(&usage);
        }
    }

    /// Adds to the conversation what the user said, and showed meanwhile.
    pub(super) fn say_user(&mut self, part: Part, say: &SessionTeller) {
        let shown = self.pictures.drain(..).chain(self.frame.take()).map(Part::media);
        let parts = [part].into_iter().chain(shown).collect();
        self.history.user(parts);
        if self.history.forget(self.parts.settings.limits.turns) {
            self.tell_forgot(say);
        }
    }

    fn tell_forgot(&mut self, say: &SessionTeller) {
        if !std::mem::replace(&mut self.told_forgot, true) {
            let message = "the conversation is long; the oldest of it is no longer told to the model";
            say.push(SessionEvent::warning("context_trimmed", message));
        }
    }

    pub(super) fn item(&mut self) -> String {
        self.answers += 1;
        format!("answer{}", self.answers - 1)
    }

    pub(super) fn new_answer(&self, item: String, say: &SessionTeller) -> Answer {
        Answer::new(self.parts.clone(), item, &self.config, say.epoch())
    }

    /// The model was told more than it takes: whether it can be told less.
    fn shorten(&mut self, error: &Error, say: &SessionTeller) -> bool {
        self.window = error.named_window().or(self.window);
        let is_shorter = self.history.forget_half();
        if is_shorter {
            self.tell_forgot(say);
        }
        is_shorter
    }

    /// What the model is asked, with as much of the conversation as fits.
    fn request(&mut self, more: &[Part], under_way: Option<&Answer>, say: &SessionTeller) -> Request {
        let mut request = self.whole_request(more, under_way);
        let window = [self.window, self.parts.model.card().limits.context].into_iter().flatten().min();
        let Some(window) = window else { return request };
        let room = window - ANSWER.min(window / 2);
        while estimate_tokens(&request).tokens > room && self.history.forget_half() {
            self.tell_forgot(say);
            request = self.whole_request(more, under_way);
        }
        request
    }

    fn whole_request(&self, more: &[Part], under_way: Option<&Answer>) -> Request {
        let messages = self.history.messages(more, under_way.map(|answer| &answer.record));
        let mut request = Request::new(messages);
        if !self.config.instructions.is_empty() {
            request.instructions.push(Part::text(&self.config.instructions));
        }
        request.tools = self.config.tools.iter().cloned().map(ToolSpec::Function).collect();
        request.options.clone_from(&self.parts.settings.options);
        let own = self.config.options.iter().map(|(name, value)| (name.clone(), value.clone()));
        request.options.extend(own);
        request.sampling.clone_from(&self.config.sampling);
        request.reasoning.clone_from(&self.config.reasoning);
        request
    }
}
