//! What another connection is told of a session, and what is missing in that.
use super::{Heard, Said, What};
use crate::heard::Speed;
use consort_core::Message;

impl Heard {
    /// The vendor keeps all of it.
    pub(in crate::link) fn keep(&mut self) {
        self.kept = true;
        self.said.iter_mut().for_each(|said| said.kept = true);
    }

    /// What was said since. The vendor has the results of calls that it keeps, or is given them as such.
    pub(in crate::link) fn unkept(&self) -> Vec<Message> {
        let before = if self.kept { &[][..] } else { self.before.as_slice() };
        self.told(before, |said| !said.kept)
    }

    /// The conversation.
    pub(in crate::link) fn past(&mut self) -> Vec<Message> {
        self.trim();
        self.told(&self.before, |_| true)
    }

    /// What is missing in it that was not missing before, in words.
    pub(in crate::link) fn missing(&mut self) -> Vec<String> {
        let (old, pictures) = (std::mem::take(&mut self.forgotten), std::mem::take(&mut self.faded));
        let old = (old > 0).then(|| format!("the {old} oldest things that were said"));
        let pictures = (pictures > 0).then(|| format!("{pictures} older pictures"));
        old.into_iter().chain(pictures).collect()
    }

    /// What is told of all that was said. A result without its call answers nothing.
    fn told(&self, before: &[Message], is_wanted: impl Fn(&Said) -> bool) -> Vec<Message> {
        let wanted = || self.said.iter().filter(|said| !said.is_again && is_wanted(said));
        let calls: Vec<&str> = wanted().filter_map(Said::call).collect();
        let answers = |said: &&Said| match &said.what {
            What::Result(result) => calls.contains(&result.call_id.as_str()),
            _ => true,
        };
        let speed = self.speed();
        let said = wanted().filter(answers).filter_map(|said| said.message(speed));
        before.iter().cloned().chain(said).collect()
    }

    /// How fast the answers are spoken, by those of which all is there.
    fn speed(&self) -> Speed {
        let whole = self.said.iter().filter(|said| said.is_whole && said.heard.is_none());
        let spoken = whole.map(|said| (said.text.as_str(), said.played.sounded()));
        // What is read has no speed.
        Speed::of(spoken.filter(|(_, sound)| !sound.is_zero()))
    }
}
