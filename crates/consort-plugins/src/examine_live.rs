//! A live model's part of the contract test: a session opens, answers a text, and closes.
use crate::examine::{Finding, Found, Level, good, of_error, told, wrong};
use crate::plugin::Plugin;
use consort_core::{
    CloseReason, RealtimeModel, SessionConfig, SessionEvent, SessionInput, Speaker, TranscriptMode,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{sleep_until, timeout};

/// How long a session may take to open.
const OPENING: Duration = Duration::from_secs(30);
/// How long it may take to answer, and how long nothing more comes of an answer that has no end.
const ANSWER: Duration = Duration::from_secs(20);
const QUIET: Duration = Duration::from_secs(2);

pub(crate) async fn talked(
    plugin: &Arc<Plugin>,
    model: &dyn RealtimeModel,
    prompt: &str,
    found: &mut Found<impl FnMut(&Finding)>,
) {
    let id = &model.card().id;
    let begun = Instant::now();
    let opened = model.connect(SessionConfig::default(), plugin.context().within(OPENING)).await;
    let mut session = match opened {
        Ok(session) => session,
        Err(error) => return found.push(of_error(&format!("{id} opens no session"), &error)),
    };
    let taken = begun.elapsed().as_millis();
    found.push(good(format!("{id} opens a session, in {taken} ms")));
    let mut answer = Answer::default();
    let said = Instant::now();
    // One that is over already says so among its events.
    let _ = session.sink.send(SessionInput::text(prompt)).await;
    while !answer.is_over {
        let limit = if answer.is_some() { Instant::now() + QUIET } else { said + ANSWER };
        tokio::select! {
            event = session.events.next() => match event {
                Some(event) => answer.take(id, event, said, found),
                None => break,
            },
            () = sleep_until(limit.into()) => break,
        }
    }
    answer.tell(id, found);
    session.sink.close();
    let mut end = Answer::default();
    let closes = async {
        while let Some(event) = session.events.next().await {
            end.take(id, event, said, found);
        }
    };
    let closed = timeout(ANSWER, closes).await.is_ok();
    if closed && !end.has_failed && !answer.has_failed {
        found.push(good(format!("{id} closes its session")));
    } else if !closed {
        let help = "end `close` where its connection is closed";
        found.push(wrong(format!("a session of {id} does not close"), help));
    }
}

/// What came of what was said.
#[derive(Default)]
struct Answer {
    words: String,
    sound: Duration,
    first: Option<Duration>,
    has_failed: bool,
    is_over: bool,
}

impl Answer {
    fn is_some(&self) -> bool {
        self.first.is_some()
    }

    fn take(
        &mut self,
        id: &str,
        event: SessionEvent,
        said: Instant,
        found: &mut Found<impl FnMut(&Finding)>,
    ) {
        match event {
            SessionEvent::Transcript { by: Speaker::Assistant, mode, text, .. } => {
                self.came(said);
                match mode {
                    TranscriptMode::Delta => self.words.push_str(&text),
                    // What was told in pieces is all there.
                    TranscriptMode::Final if !self.words.is_empty() => {}
                    _ => self.words = text,
                }
            }
            SessionEvent::Text { text, .. } => {
                self.came(said);
                self.words.push_str(&text);
            }
            SessionEvent::Audio { pcm, .. } => {
                self.came(said);
                self.sound += pcm.duration();
            }
            SessionEvent::ToolCall { .. } => self.came(said),
            SessionEvent::TurnDone { .. } => self.is_over = true,
            SessionEvent::Warning { warning } => found.push(told(Level::Warning, id, &warning.message)),
            SessionEvent::Error { error } => {
                self.has_failed = true;
                found.push(of_error(&format!("{id} fails"), &error));
            }
            SessionEvent::Closed { reason } => {
                self.is_over = true;
                if let CloseReason::Failed { error } = reason {
                    self.has_failed = true;
                    found.push(of_error(&format!("a session of {id} fails"), &error));
                }
            }
            _ => {}
        }
    }

    fn came(&mut self, said: Instant) {
        self.first.get_or_insert_with(|| said.elapsed());
    }

    fn tell(&self, id: &str, found: &mut Found<impl FnMut(&Finding)>) {
        let Some(first) = self.first.map(|first| first.as_millis()) else {
            if !self.has_failed {
                let message = format!("{id} does not answer a text");
                let help = "where it answers sound alone, that is fine; else say something, and then that its turn is over";
                found.push(Finding { level: Level::Warning, at: None, message, help: Some(help.to_owned()) });
            }
            return;
        };
        let words: String = self.words.chars().take(40).collect();
        let sound = self.sound.as_secs_f64();
        let what = match (words.is_empty(), self.sound.is_zero()) {
            (true, true) => "with a call of a tool".to_owned(),
            (false, true) => format!("{words:?}, in words alone"),
            (true, false) => format!("with {sound:.1} s of sound"),
            (false, false) => format!("{words:?}, with {sound:.1} s of sound"),
        };
        found.push(good(format!("{id} answers {what}: first piece {first} ms")));
    }
}
