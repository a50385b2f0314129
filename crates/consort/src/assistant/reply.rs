//! A reply: watched while it comes, or awaited whole.
use consort_core::{BoxFuture, Cancel, Delta, Error, Event, PartKey, PartKind, Response, Warning};
use consort_engine::{Decision, Envelope, Outcome, Run, RunEvents, What};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What an assistant answers. It begins at once, and goes on when this is dropped; `.await` gives the whole.
pub struct Reply {
    state: State,
    cancel: Cancel,
    /// The parts of the turn that comes which are text of the answer.
    texts: HashSet<PartKey>,
}

enum State {
    Starting(oneshot::Receiver<Result<Run, Error>>),
    Running(Run, RunEvents),
    Failed(Error),
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Said {
    pub text: String,
    /// The last answer, with the tries of the whole run.
    pub response: Response,
    /// What the user should know of: a memory that failed, an ability that is missing.
    pub notices: Vec<Warning>,
    /// Whether the conversation holds it.
    pub kept: bool,
}

/// Why there is no whole answer, and the text that came before. The conversation holds it too.
#[derive(Debug, Clone)]
pub struct Failed {
    pub error: Error,
    pub text: String,
    pub notices: Vec<Warning>,
    pub kept: bool,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Failed {}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

impl Reply {
    pub(super) fn starting(run: oneshot::Receiver<Result<Run, Error>>, cancel: Cancel) -> Self {
        Self { state: State::Starting(run), cancel, texts: HashSet::new() }
    }

    pub(super) fn failed(error: Error) -> Self {
        Self { state: State::Failed(error), cancel: Cancel::default(), texts: HashSet::new() }
    }

    /// What happens next; nothing once it is over, or where it did not begin.
    pub async fn next(&mut self) -> Option<Arc<Envelope>> {
        self.begun().await;
        match &mut self.state {
            State::Running(_, events) => events.next().await,
            _ => None,
        }
    }

    /// The next piece of the answer's text; nothing once it is over. Thinking and tools are left out: `next` has them.
    pub async fn next_text(&mut self) -> Option<String> {
        while let Some(envelope) = self.next().await {
            if let Some(text) = self.text_of(&envelope.what) {
                return Some(text);
            }
        }
        None
    }

    fn text_of(&mut self, what: &What) -> Option<String> {
        match what {
            What::TurnStarted { .. } => self.texts.clear(),
            What::Event { event: Event::PartStart { part, choice: 0, kind: PartKind::Text } } => {
                self.texts.insert(*part);
            }
            What::Chunk { event: Event::PartDelta { part, delta: Delta::Text(text) } }
                if self.texts.contains(part) =>
            {
                return Some(text.clone());
            }
            _ => {}
        }
        None
    }

    /// Stops it: what was said is kept.
    pub fn stop(&self) {
        self.cancel.cancel();
    }

    /// Says whether a tool that asked may run; false where no call of this id waits.
    pub fn decide(&self, call_id: &str, decision: Decision) -> bool {
        match &self.state {
            State::Running(run, _) => run.decide(call_id, decision),
            _ => false,
        }
    }

    /// The run behind it, once it has begun: to watch it from elsewhere.
    pub async fn run(&mut self) -> Option<Run> {
        self.begun().await;
        match &self.state {
            State::Running(run, _) => Some(run.clone()),
            _ => None,
        }
    }

    async fn begun(&mut self) {
        if let State::Starting(run) = &mut self.state {
            let started = run.await.unwrap_or_else(|_| Err(Error::cancelled()));
            self.state = match started {
                Ok(run) => State::Running(run.clone(), run.events(0)),
                Err(error) => State::Failed(error),
            };
        }
    }

    async fn whole(mut self) -> Result<Said, Failed> {
        self.begun().await;
        let run = match self.state {
            State::Running(run, _) => run,
            State::Failed(error) => return Err(never(error)),
            State::Starting(_) => return Err(never(Error::cancelled())),
        };
        let Outcome { response, attempts, error, kept, .. } = run.done().await;
        // Of a run with tools, each answer was paid for.
        let response = response.map(|response| Response { attempts, ..Arc::unwrap_or_clone(response) });
        let mut notices = Vec::new();
        let mut events = run.events(0);
        while let Some(envelope) = events.next().await {
            if let What::Notice { warning } = &envelope.what {
                notices.push(warning.clone());
            }
        }
        let text = response.as_ref().map(Response::text).unwrap_or_default();
        match (error, response) {
            (None, Some(response)) => Ok(Said { text, response, notices, kept }),
            (error, _) => {
                let error = error.unwrap_or_else(|| Error::protocol("the run ended without an answer"));
                Err(Failed { error, text, notices, kept })
            }
        }
    }
}

/// Of a reply that did not begin.
fn never(error: Error) -> Failed {
    Failed { error, text: String::new(), notices: Vec::new(), kept: false }
}

impl IntoFuture for Reply {
    type Output = Result<Said, Failed>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.whole())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Starting(_) => "starting",
            State::Running(..) => "running",
            State::Failed(_) => "failed",
        };
        f.debug_struct("Reply").field("state", &state).finish_non_exhaustive()
    }
}
