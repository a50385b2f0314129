//! A live model's part of the contract test: a session opens, answers a text, and closes.
use crate::examine::{Finding, Found, Level, good, of_error, told, wrong};
use consort_core::{
    CloseReason, Context, Pcm, RealtimeModel, RealtimeSession, SessionConfig, SessionEvent, SessionInput,
    Speaker, TranscriptMode,
};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tokio::time::{sleep_until, timeout};

/// For how long what is waited for.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// A session that opens.
    opening: Duration,
    /// The end of an answer, and of a session.
    answer: Duration,
    /// More of an answer that has no end, and the end of what comes unasked.
    quiet: Duration,
    /// More of what comes unasked.
    pause: Duration,
}

impl Patience {
    pub(crate) const USUAL: Self = Self {
        opening: Duration::from_secs(30),
        answer: Duration::from_secs(20),
        quiet: Duration::from_secs(2),
        pause: Duration::from_millis(500),
    };
}

pub(crate) async fn talked(
    context: Context,
    model: &dyn RealtimeModel,
    prompt: &str,
    patience: Patience,
    found: &mut Found<impl FnMut(&Finding)>,
) {
    let id = &model.card().id;
    let begun = Instant::now();
    let opened = model.connect(SessionConfig::default(), context.within(patience.opening)).await;
    let mut session = match opened {
        Ok(session) => session,
        Err(error) => return found.push(of_error(&format!("{id} opens no session"), &error)),
    };
    let taken = begun.elapsed().as_millis();
    found.push(good(format!("{id} opens a session, in {taken} ms")));
    let mut answer = Answer::default();
    greeted(id, &mut session, patience, &mut answer, found).await;
    let said = Instant::now();
    // One that is over already says so among its events.
    let _ = session.sink.send(SessionInput::text(prompt)).await;
    while !answer.is_over {
        // Some sound never ends.
        let most = said + patience.answer;
        let limit = if answer.is_some() { most.min(Instant::now() + patience.quiet) } else { most };
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
    let closed = timeout(patience.answer, closes).await.is_ok();
    if closed && !end.has_failed && !answer.has_failed {
        found.push(good(format!("{id} closes its session")));
    } else if !closed {
        let help = "end `close` where its connection is closed";
        found.push(wrong(format!("a session of {id} does not close"), help));
    }
}

/// Waits for the end of what a model says before it is asked anything.
async fn greeted(
    id: &str,
    session: &mut RealtimeSession,
    patience: Patience,
    answer: &mut Answer,
    found: &mut Found<impl FnMut(&Finding)>,
) {
    let most = Instant::now() + patience.quiet;
    while !answer.is_over {
        let limit = most.min(Instant::now() + patience.pause);
        tokio::select! {
            event = session.events.next() => match event {
                Some(event) if answer.greeting.note(&event) => {}
                Some(event) => answer.take(id, event, most, found),
                None => break,
            },
            () = sleep_until(limit.into()) => break,
        }
    }
    if answer.greeting.is_open {
        found.push(good(format!("{id} greets whoever opens a session")));
    }
}

/// What a model says before it is asked anything. It is no part of the answer, whenever the rest of it comes.
#[derive(Default)]
struct Greeting {
    /// The items that said something, and those that were silence.
    said: HashSet<String>,
    silent: HashSet<String>,
    /// Whether its end may yet come.
    is_open: bool,
}

impl Greeting {
    /// Notes something that came unasked. False where it says nothing.
    fn note(&mut self, event: &SessionEvent) -> bool {
        match event {
            SessionEvent::Audio { item, pcm, .. } if is_silence(pcm) => {
                self.silent.insert(item.clone());
            }
            SessionEvent::Audio { item, .. }
            | SessionEvent::Text { item, .. }
            | SessionEvent::Transcript { item, by: Speaker::Assistant, .. } => {
                self.said.insert(item.clone());
                self.is_open = true;
            }
            SessionEvent::ToolCall { .. } | SessionEvent::TurnDone { .. } => {}
            _ => return false,
        }
        true
    }

    /// Whether this, which came behind the text, is still of it.
    fn holds(&self, event: &SessionEvent) -> bool {
        match event {
            SessionEvent::Audio { item, pcm, .. } => {
                self.said.contains(item) || (self.silent.contains(item) && is_silence(pcm))
            }
            SessionEvent::Text { item, .. } | SessionEvent::Transcript { item, .. } => {
                self.said.contains(item)
            }
            _ => false,
        }
    }
}

fn is_silence(pcm: &Pcm) -> bool {
    pcm.peak() <= 0.0
}

/// What came of what was said.
#[derive(Default)]
struct Answer {
    words: String,
    sound: Duration,
    first: Option<Duration>,
    has_failed: bool,
    is_over: bool,
    greeting: Greeting,
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
        if self.greeting.holds(&event) {
            return;
        }
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
            // The first end may be that of a greeting, where nothing of the answer came.
            SessionEvent::TurnDone { .. } if !self.is_some() && self.greeting.is_open => {
                self.greeting.is_open = false;
            }
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

#[cfg(test)]
mod tests;
