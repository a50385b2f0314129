//! One session of the demo: turns heard or read, tools called, answers given word by word.
use super::super::{ID, tokens, tools};
use super::ear::{Ear, Heard};
use super::tone::tone;
use consort_core::{
    Clock, CloseReason, Error, ErrorKind, Finish, FinishReason, Request, SessionConfig, SessionEvent,
    SessionInput, SessionInputs, SessionTeller, Speaker, ToolResult, ToolSpec, TranscriptMode, Usage,
};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

const RATE: u32 = 24_000;
/// How much of the sound that comes while it speaks is heard afterwards.
const MOST_LATER: Duration = Duration::from_secs(30);

/// What the session is, and how far it came.
pub(super) struct Talk {
    config: SessionConfig,
    clock: Arc<dyn Clock>,
    delay: Duration,
    rate: u32,
    ear: Ear,
    pictures: usize,
    turns: usize,
    /// What was said to it while it spoke.
    later: VecDeque<SessionInput>,
    leaving: bool,
}

impl Talk {
    pub(super) fn new(config: SessionConfig, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let delay = match config.options.get("delay_ms") {
            None => 0,
            Some(value) => value.as_u64().filter(|ms| *ms <= 60_000).ok_or_else(|| wrong("delay_ms"))?,
        };
        if let Some(name) = config.options.keys().find(|name| *name != "delay_ms") {
            return Err(wrong(name));
        }
        let rate = config.output_rate.filter(|rate| (8_000..=48_000).contains(rate)).unwrap_or(RATE);
        Ok(Self {
            config,
            clock,
            delay: Duration::from_millis(delay),
            rate,
            ear: Ear::default(),
            pictures: 0,
            turns: 0,
            later: VecDeque::new(),
            leaving: false,
        })
    }

    /// Holds the session up to its end.
    pub(super) async fn hold(mut self, mut inputs: SessionInputs, say: SessionTeller) -> CloseReason {
        say.push(SessionEvent::Connected { model: Some(format!("{ID}/live")), session: None });
        has_voice(self.config.voice.as_deref(), &say);
        while let Some(input) = self.next(&mut inputs).await {
            match input {
                SessionInput::Audio(pcm) => {
                    for heard in self.ear.listen(&pcm, self.config.turn_detection != Some(false)) {
                        match heard {
                            Heard::Began => say.push(SessionEvent::SpeechStarted { by: Speaker::User }),
                            Heard::Ended(spoken) => self.answer_sound(spoken, &mut inputs, &say).await,
                        }
                    }
                }
                SessionInput::Commit => match self.ear.commit() {
                    Some(spoken) if spoken.is_zero() => silent(&say),
                    Some(spoken) => self.answer_sound(spoken, &mut inputs, &say).await,
                    None => {}
                },
                SessionInput::Text { text } => self.answer_text(&text, &mut inputs, &say).await,
                SessionInput::Image { .. } | SessionInput::Video { .. } => self.pictures += 1,
                SessionInput::Update { update } => {
                    has_voice(update.voice.as_deref(), &say);
                    self.config.update(update);
                }
                // What is spoken into a silence cuts nothing, and a result of a call that was cut is late.
                SessionInput::Interrupt { .. } | SessionInput::ToolResult { .. } => {}
            }
        }
        CloseReason::Asked
    }

    async fn next(&mut self, inputs: &mut SessionInputs) -> Option<SessionInput> {
        match self.later.pop_front() {
            Some(input) => Some(input),
            None if self.leaving => None,
            None => inputs.next().await,
        }
    }

    /// Keeps what it is told while it speaks; of sound and frames, the newest.
    fn keep(&mut self, input: SessionInput) {
        if matches!(input, SessionInput::Video { .. }) {
            self.later.retain(|earlier| !matches!(earlier, SessionInput::Video { .. }));
        }
        self.later.push_back(input);
        let heard = |input: &SessionInput| match input {
            SessionInput::Audio(pcm) => Some(pcm.duration()),
            _ => None,
        };
        while self.later.iter().filter_map(heard).sum::<Duration>() > MOST_LATER {
            let Some(oldest) = self.later.iter().position(|input| heard(input).is_some()) else { return };
            self.later.remove(oldest);
        }
    }

    async fn answer_sound(&mut self, spoken: Duration, inputs: &mut SessionInputs, say: &SessionTeller) {
        let length = format!("{:.1} s", spoken.as_secs_f64());
        say.push(SessionEvent::SpeechStopped { by: Speaker::User });
        say.push(SessionEvent::Transcript {
            item: format!("user{}", self.turns),
            by: Speaker::User,
            mode: TranscriptMode::Final,
            text: format!("({length} of sound)"),
        });
        self.answer(format!("I heard {length} of sound."), inputs, say).await;
    }

    async fn answer_text(&mut self, text: &str, inputs: &mut SessionInputs, say: &SessionTeller) {
        let mut request = Request::ask(text);
        request.tools = self.config.tools.iter().cloned().map(ToolSpec::Function).collect();
        let calls = match tools::calls(&request) {
            Ok(calls) => calls,
            Err(error) => return say.push(SessionEvent::Error { error }),
        };
        let mut waiting: Vec<String> = Vec::new();
        for mut call in calls {
            call.id = format!("call{}_{}", self.turns, waiting.len());
            waiting.push(call.id.clone());
            say.push(SessionEvent::ToolCall { call });
        }
        let mut answer = format!("You said: {text}");
        while !waiting.is_empty() {
            match inputs.next().await {
                Some(SessionInput::ToolResult { result }) => {
                    waiting.retain(|id| *id != result.call_id);
                    answer += &told(&result);
                }
                // The turn is cut before a word of it was said; a cut of an item means what was said before.
                Some(SessionInput::Interrupt { item: None, .. }) => {
                    waiting.drain(..).for_each(|id| say.push(SessionEvent::ToolCancelled { id }));
                    let finish = Finish::new(FinishReason::Other, "interrupted");
                    return say.push(SessionEvent::TurnDone { finish, usage: None });
                }
                Some(SessionInput::Interrupt { .. }) => {}
                Some(other) => self.keep(other),
                None => {
                    self.leaving = true;
                    return;
                }
            }
        }
        self.answer(answer, inputs, say).await;
    }

    /// Says an answer, each word as a tone; and what else it was given.
    async fn answer(&mut self, mut text: String, inputs: &mut SessionInputs, say: &SessionTeller) {
        if !self.config.instructions.is_empty() {
            text = format!("{text} My instructions: {}", self.config.instructions);
        }
        if self.pictures > 0 {
            text = format!("{text} You showed me {} picture(s).", std::mem::take(&mut self.pictures));
        }
        let (item, epoch) = (format!("answer{}", self.turns), say.epoch());
        self.turns += 1;
        say.push(SessionEvent::SpeechStarted { by: Speaker::Assistant });
        let (mut said, mut cut) = (String::new(), false);
        for word in text.split_inclusive(' ') {
            cut = self.is_cut(&item, inputs).await;
            if cut {
                break;
            }
            said += word;
            let (by, mode) = (Speaker::Assistant, TranscriptMode::Delta);
            say.push(SessionEvent::Transcript { item: item.clone(), by, mode, text: word.to_owned() });
            let pcm = tone(word.trim(), self.rate);
            say.send(SessionEvent::Audio { item: item.clone(), epoch, pcm }).await;
        }
        if cut {
            say.push(SessionEvent::Interrupted { item: Some(item.clone()) });
        }
        say.push(SessionEvent::AudioDone { item: item.clone(), interrupted: cut });
        let (by, mode) = (Speaker::Assistant, TranscriptMode::Final);
        let words = said.trim_end().to_owned();
        say.push(SessionEvent::Transcript { item, by, mode, text: words });
        say.push(SessionEvent::SpeechStopped { by: Speaker::Assistant });
        let finish =
            if cut { Finish::new(FinishReason::Other, "interrupted") } else { FinishReason::Stop.into() };
        let output = tokens::of_text(&said);
        let usage = Usage { output: Some(output), total: Some(output), ..Usage::default() };
        say.push(SessionEvent::TurnDone { finish, usage: Some(usage) });
    }

    /// Waits before a word. Whether somebody spoke into it meanwhile, or wants no more.
    async fn is_cut(&mut self, own: &str, inputs: &mut SessionInputs) -> bool {
        if self.delay.is_zero() {
            return self.leaving;
        }
        let mut pause = self.clock.sleep(self.delay);
        loop {
            let input = tokio::select! {
                biased;
                input = inputs.next(), if !self.leaving => input,
                () = &mut pause => return self.leaving,
            };
            match input {
                Some(SessionInput::Interrupt { item, .. }) => {
                    if item.is_none_or(|item| item == own) {
                        return true;
                    }
                }
                Some(other) => self.keep(other),
                None => {
                    self.leaving = true;
                    return true;
                }
            }
        }
    }
}

/// Whoever asks for an answer waits for its end, also where nobody said anything.
fn silent(say: &SessionTeller) {
    say.push(SessionEvent::warning("unheard", "nothing was heard but silence"));
    let finish = Finish::new(FinishReason::Other, "unheard");
    say.push(SessionEvent::TurnDone { finish, usage: None });
}

fn told(result: &ToolResult) -> String {
    let verb = if result.is_error { "failed" } else { "said" };
    format!(" {} {verb}: {}", result.name, result.text())
}

fn wrong(name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidRequest,
        format!("the option `{name}` is none of the demo, or has a value that does not fit"),
    )
    .provider(ID)
    .hint("it has delay_ms, from 0 to 60000")
}

/// It has one voice, of tones: who asks for another one is told.
fn has_voice(asked: Option<&str>, say: &SessionTeller) {
    let none = asked.and_then(|voice| SessionEvent::no_such_voice(&format!("{ID}/live"), voice, &[]));
    none.into_iter().for_each(|warning| say.push(warning));
}
