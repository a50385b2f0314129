//! What was said in a session so far, as it was heard: another connection begins with it.
use crate::heard::heard_of;
use consort_core::{
    Body, Media, Message, Part, Role, SessionEvent, SessionInput, Speaker, ToolCall, ToolResult,
    TranscriptMode,
};
use std::time::Duration;

/// So much of a long session is told to another connection: the newest.
const MOST_SAID: usize = 400;
const MOST_TEXT: usize = 256 * 1024;

/// The conversation of a session.
#[derive(Debug, Default)]
pub(super) struct Heard {
    before: Vec<Message>,
    said: Vec<Said>,
    /// How many of the oldest were let go since that was last told.
    forgotten: usize,
}

#[derive(Debug)]
struct Said {
    what: What,
    /// Its name; none yet for words that are still to come: those of one who speaks come later than their place, often
    /// behind the answer to them.
    item: Option<String>,
    text: String,
    shown: Vec<Media>,
    /// How long it sounds, and how much of that was heard where it was cut.
    sound: Duration,
    heard: Option<Duration>,
}

#[derive(Debug)]
enum What {
    User,
    Answer,
    Call(ToolCall),
    Result(ToolResult),
}

impl Heard {
    pub(super) fn new(before: Vec<Message>) -> Self {
        Self { before, ..Self::default() }
    }

    pub(super) fn input(&mut self, input: &SessionInput) {
        match input {
            SessionInput::Text { text } => {
                let turn = self.turn();
                turn.text.clone_from(text);
                turn.item = Some(String::new());
            }
            SessionInput::Image { media } => self.turn().shown.push(media.clone()),
            SessionInput::ToolResult { result } => {
                self.push(What::Result(result.clone()), None);
            }
            SessionInput::Interrupt { item, heard } => self.cut(item.as_deref(), *heard),
            SessionInput::Audio(_)
            | SessionInput::Video { .. }
            | SessionInput::Commit
            | SessionInput::Update { .. } => {}
        }
    }

    pub(super) fn event(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::SpeechStopped { by: Speaker::User } => {
                self.turn();
            }
            SessionEvent::Transcript { item, by, mode, text } => {
                let said = match by {
                    Speaker::User => self.user(item),
                    Speaker::Assistant => self.answer(item),
                };
                if *mode != TranscriptMode::Delta {
                    said.text.clear();
                }
                said.text.push_str(text);
            }
            SessionEvent::Text { item, text } => self.answer(item).text.push_str(text),
            SessionEvent::Audio { item, pcm, .. } => self.answer(item).sound += pcm.duration(),
            SessionEvent::ToolCall { call } => {
                self.push(What::Call(call.clone()), None);
            }
            SessionEvent::ToolCancelled { id } => {
                self.said.retain(|said| !matches!(&said.what, What::Call(call) if call.id == *id));
            }
            _ => {}
        }
    }

    /// The conversation, and how many of its oldest pieces are missing that were not missing before.
    pub(super) fn past(&mut self) -> (Vec<Message>, usize) {
        self.trim();
        let calls: Vec<&str> = self.said.iter().filter_map(Said::call).collect();
        // A result whose call is gone answers nothing.
        let answers = |said: &&Said| match &said.what {
            What::Result(result) => calls.contains(&result.call_id.as_str()),
            _ => true,
        };
        let said = self.said.iter().filter(answers).filter_map(Said::message);
        let messages = self.before.iter().cloned().chain(said).collect();
        (messages, std::mem::take(&mut self.forgotten))
    }

    fn push(&mut self, what: What, item: Option<String>) -> &mut Said {
        let new =
            Said { what, item, text: String::new(), shown: Vec::new(), sound: Duration::ZERO, heard: None };
        self.said.push(new);
        self.trim();
        let last = self.said.len() - 1;
        &mut self.said[last]
    }

    /// Lets the oldest go where there is too much.
    fn trim(&mut self) {
        while self.said.len() > 1
            && (self.said.len() > MOST_SAID || self.said.iter().map(Said::size).sum::<usize>() > MOST_TEXT)
        {
            // What was said before the session is older than all of it.
            if self.before.is_empty() {
                self.said.remove(0);
            } else {
                self.before.remove(0);
            }
            self.forgotten += 1;
        }
    }

    /// The place of the user's turn that is not told yet.
    fn turn(&mut self) -> &mut Said {
        match self.said.last() {
            Some(Said { what: What::User, item: None, .. }) => {
                let last = self.said.len() - 1;
                &mut self.said[last]
            }
            _ => self.push(What::User, None),
        }
    }

    /// What the user said under this name: the oldest place that waits for words, where the name is new.
    fn user(&mut self, item: &str) -> &mut Said {
        let users = |said: &Said| matches!(said.what, What::User);
        let known = self.said.iter().position(|said| users(said) && said.item.as_deref() == Some(item));
        let place = known.or_else(|| self.said.iter().position(|said| users(said) && said.item.is_none()));
        match place {
            Some(at) => {
                self.said[at].item = Some(item.to_owned());
                &mut self.said[at]
            }
            None => self.push(What::User, Some(item.to_owned())),
        }
    }

    fn answer(&mut self, item: &str) -> &mut Said {
        let is_its = |said: &Said| matches!(said.what, What::Answer) && said.item.as_deref() == Some(item);
        match self.said.iter().rposition(is_its) {
            Some(at) => &mut self.said[at],
            None => self.push(What::Answer, Some(item.to_owned())),
        }
    }

    /// The user spoke into an answer: the one of this name, else the last one that sounded.
    fn cut(&mut self, item: Option<&str>, heard: Duration) {
        let is_meant = |said: &&mut Said| {
            matches!(said.what, What::Answer)
                && item.map_or(!said.sound.is_zero(), |item| said.item.as_deref() == Some(item))
        };
        if let Some(answer) = self.said.iter_mut().rev().find(is_meant) {
            answer.heard = Some(heard);
        }
    }
}

impl Said {
    fn call(&self) -> Option<&str> {
        match &self.what {
            What::Call(call) => Some(&call.id),
            _ => None,
        }
    }

    fn size(&self) -> usize {
        match &self.what {
            What::User | What::Answer => self.text.len(),
            What::Call(call) => call.arguments.raw().len(),
            What::Result(result) => result.text().len(),
        }
    }

    /// Nothing where nothing was said.
    fn message(&self) -> Option<Message> {
        let (role, mut parts) = match &self.what {
            What::Call(call) => (Role::Assistant, vec![Body::ToolCall(call.clone()).into()]),
            What::Result(result) => (Role::Tool, vec![Body::ToolResult(result.clone()).into()]),
            What::User => (Role::User, self.shown.iter().cloned().map(Part::media).collect()),
            What::Answer => (Role::Assistant, Vec::new()),
        };
        let text = match self.heard {
            Some(heard) => heard_of(&self.text, heard, self.sound),
            None => &self.text,
        };
        if !text.trim().is_empty() {
            parts.push(Part::text(text));
        }
        (!parts.is_empty()).then(|| Message::new(role, parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_core::Pcm;

    fn told(heard: &mut Heard) -> Vec<String> {
        let (messages, _) = heard.past();
        let short = |message: &Message| match &message.parts[0].body {
            Body::ToolCall(call) => format!("call {}", call.id),
            Body::ToolResult(result) => format!("result {}", result.call_id),
            _ => format!("{:?}: {}", message.role, message.text()),
        };
        messages.iter().map(short).collect()
    }

    fn words(item: &str, by: Speaker, mode: TranscriptMode, text: &str) -> SessionEvent {
        SessionEvent::Transcript { item: item.into(), by, mode, text: text.into() }
    }

    #[test]
    fn late_words_stand_where_they_were_spoken() {
        let mut heard = Heard::new(vec![Message::user("Before.")]);
        heard.event(&SessionEvent::SpeechStopped { by: Speaker::User });
        heard.event(&words("a1", Speaker::Assistant, TranscriptMode::Delta, "Good "));
        heard.event(&SessionEvent::SpeechStopped { by: Speaker::User });
        heard.event(&words("a1", Speaker::Assistant, TranscriptMode::Final, "Good day."));
        heard.event(&words("u1", Speaker::User, TranscriptMode::Delta, "Hel"));
        heard.event(&words("u2", Speaker::User, TranscriptMode::Final, "And?"));
        heard.event(&words("u1", Speaker::User, TranscriptMode::Final, "Hello."));
        heard.input(&SessionInput::text("Typed."));
        let wanted = ["User: Before.", "User: Hello.", "Assistant: Good day.", "User: And?", "User: Typed."];
        assert_eq!(told(&mut heard), wanted);
    }

    #[test]
    fn an_answer_is_what_was_heard_of_it() {
        let check = |text: &str, heard_ms: u64, wanted: &str| {
            let mut heard = Heard::default();
            heard.event(&SessionEvent::audio("a", Pcm::mono(vec![1; 24_000], 24_000)));
            heard.event(&words("a", Speaker::Assistant, TranscriptMode::Final, text));
            heard.input(&SessionInput::Interrupt { item: None, heard: Duration::from_millis(heard_ms) });
            let (messages, _) = heard.past();
            assert_eq!(messages.first().map(Message::text).unwrap_or_default(), wanted);
        };
        check("one two three four", 1_000, "one two three four");
        check("one two three four", 2_000, "one two three four");
        check("one two three four", 500, "one two");
        check("one two three four", 390, "one two");
        check("one two three four", 100, "");
        check("one two three four", 0, "");
        check("今日はいい天気ですね。", 500, "今日はいい");
    }

    #[test]
    fn calls_and_results_belong_together() {
        let mut heard = Heard::default();
        let result = |id: &str| {
            let (call_id, content) = (id.into(), vec![Part::text("noon")]);
            let result = ToolResult { call_id, name: "clock".into(), content, is_error: false };
            SessionInput::ToolResult { result }
        };
        for id in ["1", "2", "3"] {
            let call = ToolCall { id: id.into(), name: "clock".into(), arguments: "{}".into() };
            heard.event(&SessionEvent::ToolCall { call });
        }
        heard.input(&result("1"));
        heard.event(&SessionEvent::ToolCancelled { id: "2".into() });
        heard.input(&result("2"));
        assert_eq!(told(&mut heard), ["call 1", "call 3", "result 1"]);
    }

    #[test]
    fn a_long_session_is_bounded_and_says_so() {
        let mut heard = Heard::new(vec![Message::user("Before.")]);
        for number in 0..MOST_SAID + 9 {
            heard.input(&SessionInput::text(number.to_string()));
        }
        let (messages, forgotten) = heard.past();
        assert_eq!((messages.len(), forgotten), (MOST_SAID, 10));
        assert_eq!(messages[0].text(), "9");
        heard.input(&SessionInput::text("x".repeat(MOST_TEXT + 1)));
        let (messages, forgotten) = heard.past();
        assert_eq!((messages.len(), forgotten), (1, MOST_SAID));
    }
}
