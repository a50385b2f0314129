//! What processors know: asked when a call opens and whenever a turn begins, and told to the model where it changed.
//!
//! They are asked about what was said in the call, behind what was said before it: typed words with those words, spoken ones
//! before they are known.
//!
//! What a processor says is part of the instructions. What asks for an answer (words, the end of a turn) waits for it, so that
//! the answer knows, and what is said behind that waits too: the model is told everything in its order. Sound alone does not
//! wait, and is answered with what is known by the time that it is over; Gemini takes instructions by another connection only,
//! and knows them from the next turn on. An interrupt waits for nobody and overtakes nothing: what waits goes before it at
//! once, and does without.
use super::minutes::{Minutes, Write};
use super::said::Said;
use super::turns::Turns;
use consort_core::{
    Body, BoxFuture, Context, Frame, Media, Message, Part, Processor, Request, SessionConfig, SessionInput,
    SessionUpdate,
};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A processor that takes longer adds nothing.
const PATIENCE: Duration = Duration::from_secs(2);
/// So much may wait: about what a microphone and a camera hear and see meanwhile.
const WAITING: usize = 512;

/// What they have to add.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Added {
    text: String,
    pictures: Vec<Media>,
    warnings: Vec<String>,
}

/// The processors of one call.
pub(super) struct Knowledge {
    processors: Vec<Arc<dyn Processor>>,
    context: Context,
    /// What the session was told beside them.
    instructions: String,
    /// What was said before the call, and in it.
    messages: Vec<Message>,
    said: Said,
    told: Added,
    asking: Option<BoxFuture<'static, Added>>,
    turns: Turns,
    /// What is said behind their answer.
    held: Vec<SessionInput>,
}

impl Knowledge {
    /// Asks them for the first time, and adds what they say to what the session starts from. What they show is given back,
    /// and what went wrong.
    pub(super) async fn open(
        processors: Vec<Arc<dyn Processor>>,
        context: Context,
        config: &mut SessionConfig,
    ) -> (Self, Vec<Media>, Vec<String>) {
        let mut knowledge = Self {
            processors,
            context,
            instructions: config.instructions.clone(),
            messages: config.messages.clone(),
            said: Said::default(),
            told: Added::default(),
            asking: None,
            turns: Turns::default(),
            held: Vec::new(),
        };
        if !knowledge.processors.is_empty() {
            knowledge.told = knowledge.ask(Vec::new()).await;
            config.instructions = knowledge.whole();
        }
        let (pictures, warnings) = (knowledge.told.pictures.clone(), knowledge.told.warnings.clone());
        knowledge.context.deadline = None;
        (knowledge, pictures, warnings)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.processors.is_empty()
    }

    pub(super) fn watch(&self, frame: &Frame) {
        self.processors.iter().for_each(|processor| processor.watch(frame));
    }

    /// What came into the minutes.
    pub(super) fn note(&mut self, writes: &[Write]) {
        if !self.is_empty() {
            writes.iter().for_each(|write| self.said.note(write));
        }
    }

    /// It is loud: perhaps somebody speaks, and perhaps into an answer.
    pub(super) fn loud(&mut self, minutes: &Minutes, answering: bool) {
        let begins = self.turns.loud(self.now(), answering);
        self.ask_where(begins, minutes);
    }

    /// The model tells that somebody speaks.
    pub(super) fn speech_began(&mut self, minutes: &Minutes, answering: bool) {
        let begins = self.turns.told(self.now(), answering);
        self.ask_where(begins, minutes);
    }

    /// An answer is over.
    pub(super) fn answered(&mut self) {
        self.turns.answered();
    }

    /// What is said now, in order: nothing where it waits for them.
    pub(super) fn pass(
        &mut self,
        input: SessionInput,
        minutes: &Minutes,
        answering: bool,
    ) -> Vec<SessionInput> {
        if self.processors.is_empty() {
            return vec![self.told(input)];
        }
        let mut goes = Vec::new();
        let asks = match input {
            SessionInput::Text { .. } => {
                // Who was asked before did not know these words. What waited for that has waited long enough.
                let begins = self.turns.words(self.now(), answering);
                goes = self.give_up();
                self.ask_where(begins, minutes);
                true
            }
            SessionInput::Commit => {
                let begins = self.turns.committed(self.now(), answering);
                self.ask_where(begins, minutes);
                true
            }
            _ => false,
        };
        // What goes at once takes along what waits: nothing overtakes.
        let waits = match input {
            SessionInput::Interrupt { .. } => false,
            _ => self.asking.is_some() && (asks || !self.held.is_empty()),
        };
        self.held.push(input);
        if !waits || self.held.len() >= WAITING {
            goes.extend(self.release());
        }
        goes
    }

    /// What they answered: what the model is to be told, and what went wrong. It may be dropped and asked again at any time.
    pub(super) async fn next(&mut self) -> Added {
        let Some(asking) = &mut self.asking else { return std::future::pending().await };
        let added = asking.await;
        self.asking = None;
        added
    }

    /// Takes what they answered.
    pub(super) fn learn(&mut self, added: Added) -> (Vec<SessionInput>, Vec<String>) {
        let mut inputs = Vec::new();
        let before = std::mem::replace(&mut self.told, added);
        if before.text != self.told.text {
            let update = SessionUpdate { instructions: Some(self.whole()), ..SessionUpdate::default() };
            inputs.push(SessionInput::Update { update });
        }
        let shown = self.told.pictures.iter().filter(|media| !before.pictures.contains(media));
        inputs.extend(shown.map(|media| SessionInput::Image { media: media.clone() }));
        inputs.extend(self.release());
        let warnings = self.told.warnings.iter().filter(|warning| !before.warnings.contains(warning));
        (inputs, warnings.cloned().collect())
    }

    /// What was said waits for them no longer.
    pub(super) fn give_up(&mut self) -> Vec<SessionInput> {
        self.asking = None;
        self.release()
    }

    /// What waited, as it is told by now.
    fn release(&mut self) -> Vec<SessionInput> {
        std::mem::take(&mut self.held).into_iter().map(|input| self.told(input)).collect()
    }

    /// Instructions are told with what they know.
    fn told(&mut self, input: SessionInput) -> SessionInput {
        let SessionInput::Update { mut update } = input else { return input };
        if let Some(instructions) = update.instructions.take() {
            self.instructions = instructions;
            update.instructions = Some(self.whole());
        }
        SessionInput::Update { update }
    }

    /// Who is being asked is not asked again.
    fn ask_where(&mut self, begins: bool, minutes: &Minutes) {
        if begins && self.asking.is_none() && !self.processors.is_empty() {
            self.asking = Some(self.ask(self.said.messages(minutes)));
        }
    }

    fn now(&self) -> Instant {
        self.context.clock.now()
    }

    fn whole(&self) -> String {
        let parts = [&self.instructions, &self.told.text].into_iter().filter(|part| !part.is_empty());
        parts.map(String::as_str).collect::<Vec<_>>().join("\n\n")
    }

    fn ask(&self, said: Vec<Message>) -> BoxFuture<'static, Added> {
        let mut request = Request::new([self.messages.clone(), said].concat());
        request.instructions = vec![Part::text(self.instructions.as_str())];
        let (processors, context) = (self.processors.clone(), self.context.clone());
        Box::pin(async move {
            let asked = processors.iter().map(|one| contribution(one.as_ref(), &request, &context));
            let mut added = Added::default();
            for (processor, parts) in processors.iter().zip(join_all(asked).await) {
                added.take(processor.name(), parts);
            }
            added
        })
    }
}

/// What one of them says; they have the same time, since all are asked at once.
async fn contribution(
    processor: &dyn Processor,
    request: &Request,
    context: &Context,
) -> Result<Vec<Part>, String> {
    tokio::select! {
        parts = processor.contribute(request, context.clone()) => parts.map_err(|error| error.to_string()),
        () = context.clock.sleep(PATIENCE) => Err(format!("it took longer than {} s", PATIENCE.as_secs())),
    }
}

impl Added {
    fn take(&mut self, name: &str, parts: Result<Vec<Part>, String>) {
        let parts = parts.unwrap_or_else(|why| {
            self.warnings.push(format!("{name} added nothing: {why}"));
            Vec::new()
        });
        for part in parts {
            match part.body {
                Body::Text { text, .. } => {
                    let gap = if self.text.is_empty() { "" } else { "\n\n" };
                    self.text.push_str(gap);
                    self.text.push_str(&text);
                }
                Body::Media(media) => self.pictures.push(media),
                _ => self.warnings.push(format!("{name} added what no session takes")),
            }
        }
    }
}
