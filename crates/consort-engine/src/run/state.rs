//! What a run is while it lives: its log of envelopes, its switch, and who waits for a yes.
use crate::bus::Bus;
use crate::envelope::{Decision, Envelope, What};
use crate::run::Outcome;
use crate::run::approvals::{Approvals, Said};
use consort_core::{Cancel, ToolCall};
use consort_store::{ConversationId, TurnId};
use serde::{Deserialize, Serialize};
use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;
use tokio::sync::watch;
use uuid::Uuid;

/// How many envelopes a run that is watched once may hold unread before its follower is given a turn.
const AHEAD: usize = 256;

/// Names one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub Uuid);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A run, shared by what drives it and by all who watch it.
pub(crate) struct RunState {
    pub(crate) id: RunId,
    pub(crate) conversation: ConversationId,
    pub(crate) model: Arc<str>,
    pub(crate) provider: Arc<str>,
    pub(crate) participant: Option<Arc<str>>,
    pub(crate) cancel: Cancel,
    once: bool,
    bus: Bus,
    log: Mutex<Log>,
    /// How long the log is: who watches is woken by it.
    length: watch::Sender<usize>,
    pub(crate) outcome: watch::Sender<Option<Outcome>>,
    approvals: Approvals,
}

/// What happened so far.
#[derive(Default)]
struct Log {
    /// From the number `gone` on.
    envelopes: VecDeque<Arc<Envelope>>,
    gone: usize,
    turn: Option<TurnId>,
    output_index: u32,
}

impl Log {
    fn length(&self) -> usize {
        self.gone + self.envelopes.len()
    }
}

/// Who a run is about.
pub(crate) struct Who {
    pub(crate) conversation: ConversationId,
    pub(crate) model: Arc<str>,
    pub(crate) provider: Arc<str>,
    pub(crate) participant: Option<Arc<str>>,
}

impl RunState {
    pub(crate) fn new(who: Who, cancel: Cancel, once: bool, bus: Bus, allowed: HashSet<String>) -> Self {
        Self {
            id: RunId(Uuid::now_v7()),
            conversation: who.conversation,
            model: who.model,
            provider: who.provider,
            participant: who.participant,
            cancel,
            once,
            bus,
            log: Mutex::default(),
            length: watch::Sender::new(0),
            outcome: watch::Sender::new(None),
            approvals: Approvals::new(allowed),
        }
    }

    /// The turn that what follows belongs to.
    pub(crate) fn turn_begins(&self, turn: TurnId, what: What) {
        let mut log = self.log();
        if log.turn.is_some() {
            log.output_index += 1;
        }
        log.turn = Some(turn);
        self.push(&mut log, what);
    }

    /// Numbers what happened, and tells everybody.
    pub(crate) fn emit(&self, what: What) {
        let mut log = self.log();
        self.push(&mut log, what);
    }

    fn push(&self, log: &mut Log, what: What) {
        let outside = matches!(what, What::RunStarted | What::RunEnded { .. });
        let envelope = Arc::new(Envelope {
            run: self.id,
            sequence_number: log.length() as u64 + 1,
            conversation: self.conversation,
            turn: log.turn.filter(|_| !outside),
            output_index: log.output_index,
            model: self.model.clone(),
            plugin_name: self.provider.clone(),
            participant: self.participant.clone(),
            at: SystemTime::now(),
            what,
        });
        log.envelopes.push_back(envelope.clone());
        // In order on the bus too: the log is still locked.
        self.bus.publish(envelope);
        self.length.send_replace(log.length());
    }

    /// Asks whoever watches whether this call may run, unless its tool always may. It waits as long as nobody says
    /// anything.
    pub(crate) async fn ask(&self, call: &ToolCall) -> Said {
        let Some(answer) = self.approvals.wait(call) else { return Decision::Yes.into() };
        self.emit(What::ApprovalWanted { call: call.clone() });
        let said = answer.await.unwrap_or_else(|_| Decision::No.into());
        let (call_id, reason) = (call.id.clone(), said.reason.clone());
        self.emit(What::ApprovalGiven { call_id, decision: said.decision, reason });
        said
    }

    /// Says whether a call may run; false where none of this id waits.
    pub(crate) fn decide(&self, call_id: &str, said: Said) -> bool {
        self.approvals.answer(call_id, said)
    }

    pub(crate) fn allow(&self, tool: &str) {
        self.approvals.allow(tool);
    }

    /// The envelope of this number, if it is there already.
    pub(crate) fn envelope(&self, number: usize) -> Option<Arc<Envelope>> {
        let mut log = self.log();
        let found = log.envelopes.get(number.checked_sub(log.gone)?).cloned()?;
        while self.once && log.gone <= number {
            log.envelopes.pop_front();
            log.gone += 1;
        }
        Some(found)
    }

    /// Whether its only follower has more before it than it should: whoever drives the run then lets it read.
    pub(crate) fn is_ahead(&self) -> bool {
        self.once && self.log().envelopes.len() > AHEAD
    }

    pub(crate) fn envelopes(&self) -> Vec<Arc<Envelope>> {
        self.log().envelopes.iter().cloned().collect()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<usize> {
        self.length.subscribe()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
