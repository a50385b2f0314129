//! The branch that a run writes: each turn goes to the log, to the journal and to whoever watches.
use crate::envelope::What;
use crate::run::journal::Journal;
use crate::run::state::RunState;
use consort_core::{Body, Error, Part, Role, ToolCall, ToolResult, Warning};
use consort_store::{Answer, Ending, NewTurn, Status, Turn, TurnId};
use std::collections::HashSet;
use std::sync::Arc;

/// The branch so far.
pub(crate) struct Branch {
    pub(crate) log: Vec<Turn>,
    pub(crate) journal: Journal,
    pub(crate) run: Arc<RunState>,
    /// Whether what it writes next only follows the conversation's tip. Its first turn makes a branch the shown one.
    pub(crate) follows: bool,
}

impl Branch {
    pub(crate) fn tip(&self) -> Option<TurnId> {
        self.log.last().map(|turn| turn.id)
    }

    /// Adds a turn that is complete from the start.
    pub(crate) async fn add(&mut self, role: Role, parts: Vec<Part>) {
        self.begin(role, parts, Status::Complete, None).await;
        self.run.emit(What::TurnEnded { status: Status::Complete, error: None });
    }

    /// Begins a turn of the model.
    pub(crate) async fn answer(&mut self, answer: Answer) -> TurnId {
        self.begin(Role::Assistant, Vec::new(), Status::Running, Some(Box::new(answer))).await
    }

    async fn begin(
        &mut self,
        role: Role,
        parts: Vec<Part>,
        status: Status,
        answer: Option<Box<Answer>>,
    ) -> TurnId {
        let new = NewTurn {
            participant: self.run.participant.as_deref().filter(|_| role == Role::User).map(Into::into),
            status,
            answer,
            run: Some(self.run.id.0),
            follows: std::mem::replace(&mut self.follows, true),
            ..NewTurn::complete(self.run.conversation, self.tip(), role, parts)
        };
        let id = new.id;
        let started = What::TurnStarted { role, parent: new.parent };
        self.log.push(new.clone().begun());
        // Kept before anybody is shown it.
        let refused = self.journal.begin(new).await;
        self.run.turn_begins(id, started);
        self.tell(refused);
        id
    }

    /// Ends the turn that the model began.
    pub(crate) async fn end(&mut self, ending: Ending, error: Option<Error>) {
        let Some(last) = self.log.last_mut() else { return };
        let (id, status) = (last.id, ending.status);
        last.status = status;
        last.parts.clone_from(&ending.parts);
        last.answer.clone_from(&ending.answer);
        let refused = self.journal.end(id, ending).await;
        self.tell(refused);
        self.run.emit(What::TurnEnded { status, error });
    }

    pub(crate) async fn result(&mut self, result: ToolResult) {
        self.add(Role::Tool, vec![Body::ToolResult(result).into()]).await;
    }

    /// The calls of the newest answer that have no result yet.
    pub(crate) fn open_calls(&self) -> Vec<ToolCall> {
        open_calls(&self.log)
    }

    /// Tells that something is not kept.
    fn tell(&self, refused: Option<Error>) {
        if let Some(error) = refused {
            let words = format!("this conversation is not kept from here on: {}", error.message());
            self.run.emit(What::Notice { warning: Warning::new("not_kept", words) });
        }
    }
}

/// Whether a branch goes on without a word: a question that was not answered, results of tools that no answer followed, calls
/// that wait, an answer that was cut.
pub fn is_unfinished(log: &[Turn]) -> bool {
    log.last().is_some_and(|newest| match newest.role {
        Role::Assistant => newest.status != Status::Complete || !open_calls(log).is_empty(),
        Role::User | Role::Tool => true,
        Role::System => false,
    })
}

/// The calls of a branch's newest answer that have no result yet. A run that goes on at its end runs them, and no other.
pub fn open_calls(log: &[Turn]) -> Vec<ToolCall> {
    let newest = log.iter().rposition(|turn| turn.role == Role::Assistant);
    let Some(at) = newest.filter(|at| log[*at].status == Status::Complete) else {
        return Vec::new();
    };
    // Once something else was said behind it, its calls are history.
    if log[at + 1..].iter().any(|turn| turn.role != Role::Tool) {
        return Vec::new();
    }
    let done: HashSet<&str> = log[at + 1..]
        .iter()
        .flat_map(|turn| &turn.parts)
        .filter_map(|part| match &part.body {
            Body::ToolResult(result) => Some(result.call_id.as_str()),
            _ => None,
        })
        .collect();
    let calls = log[at].parts.iter().filter_map(Part::as_tool_call);
    calls.filter(|call| !done.contains(call.id.as_str())).cloned().collect()
}
