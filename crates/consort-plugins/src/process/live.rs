//! The live sessions of one process, as its reader sees them: opened, told of, and over.
use super::connection::{Connection, Pending};
use super::files::files_below;
use super::live_outlet::Outlet;
use super::masked;
use super::reading::Slow;
use super::stop::Abandoned;
use super::{LogRing, Writer};
use consort_core::{
    Arguments, CloseReason, Error, ErrorKind, SessionEvent, SessionTeller, ToolCall, ToolResult,
};
use consort_plugin::protocol::{
    self, Content, Failure, Id, LiveEvent, LiveEventReader, LiveEvents, LiveSession, RunToolParams,
    ToolResultContent, code,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;

/// How much of sessions that are not yet open is kept for when they are.
const MOST_EARLY: usize = 4 << 20;
/// So many answers of a session may be under way.
const MOST_ITEMS: usize = 256;
/// The longest name of an answer, in bytes.
const LONGEST_ITEM: usize = 1024;
/// The longest file of sound, in bytes: as much as may wait of a session's sound.
const MOST_SOUND_FILE: u64 = 8 << 20;

/// The sessions of one process.
#[derive(Default)]
pub(super) struct Live {
    open: HashMap<String, Session>,
    /// How many are being opened. What comes of sessions that nobody knows is kept as long as there are any.
    pub(super) opening: usize,
    early: Vec<(String, String)>,
    early_bytes: usize,
}

/// A session that is being opened.
pub(super) struct Opening {
    pub(super) session: Session,
    pub(super) opened: oneshot::Sender<Result<String, Failure>>,
}

impl Opening {
    pub(super) fn refuse(self, failure: Failure) {
        // Whoever asked may be gone.
        let _ = self.opened.send(Err(failure));
    }
}

/// One session.
pub(super) struct Session {
    reader: LiveEventReader,
    tell: Outlet,
    /// In which epoch each answer began, the oldest first.
    items: Vec<(String, u64)>,
    /// The calls of tools that nobody answered yet.
    calls: HashMap<String, oneshot::Sender<ToolResult>>,
    native: bool,
    log: Arc<LogRing>,
}

impl Session {
    pub(super) fn new(tell: SessionTeller, native: bool, log: Arc<LogRing>) -> Self {
        let (reader, tell) = (LiveEventReader::default(), Outlet::new(tell));
        Self { reader, tell, items: Vec::new(), calls: HashMap::new(), native, log }
    }

    /// Reads one event and says it. True where it was the last.
    fn event(&mut self, raw: &RawValue, folder: &Path) -> bool {
        let read = serde_json::from_str::<LiveEvent<'_>>(raw.get());
        let read = read.map_err(|error| format!("an event could not be read: {error}"));
        let read = match read {
            Ok(event) if event.sound_file().is_some() => {
                self.sound_file(event, folder);
                return false;
            }
            read => read,
        };
        let read = read.and_then(|mut event| {
            masked::live_event(&self.log, &mut event);
            self.reader.read(event)
        });
        match read {
            Err(wrong) => self.complain(wrong),
            Ok(None) => {}
            Ok(Some(SessionEvent::Native { .. })) if !self.native => {}
            Ok(Some(SessionEvent::Closed { reason })) => {
                let asked = self.tell.is_closed() && !matches!(reason, CloseReason::Failed { .. });
                self.tell.close(if asked { CloseReason::Asked } else { reason });
                return true;
            }
            Ok(Some(event)) => self.say(event),
        }
        false
    }

    /// Sound in a file is read elsewhere: a disk may be slow, and this is the task that hears of all sessions.
    fn sound_file(&mut self, event: LiveEvent<'_>, folder: &Path) {
        let item = event.item.as_deref().unwrap_or_default().to_owned();
        if item.len() > LONGEST_ITEM {
            return self.complain(endless_name());
        }
        let epoch = self.began(&item);
        let (read, path) = (files_below(folder.to_owned(), MOST_SOUND_FILE), event.path.unwrap_or_default());
        let (rate, channels) = (event.rate, event.channels);
        let log = self.log.clone();
        let asked = self.tell.file(move || {
            let left_out = |error| log.masked(&format!("sound was left out: {error}"));
            let bytes = read(&path).map_err(left_out)?;
            let pcm = protocol::sound(&bytes, rate, channels);
            let pcm = pcm.map_err(|error| format!("it was left out: {error}"))?;
            Ok(SessionEvent::Audio { item, epoch, pcm })
        });
        if let Err(wrong) = asked {
            self.complain(wrong);
        }
    }

    fn say(&mut self, mut event: SessionEvent) {
        match &mut event {
            SessionEvent::Audio { item, .. } if item.len() > LONGEST_ITEM => {
                return self.complain(endless_name());
            }
            SessionEvent::Audio { item, epoch, .. } => *epoch = self.began(item),
            SessionEvent::AudioDone { item, .. } => self.items.retain(|(name, _)| name != item),
            _ => {}
        }
        self.tell.push(event);
    }

    /// The epoch in which an answer began: now, where it begins.
    fn began(&mut self, item: &str) -> u64 {
        // The newest is the one that mostly comes again.
        if let Some((_, began)) = self.items.iter().rev().find(|(name, _)| name == item) {
            return *began;
        }
        if self.items.len() >= MOST_ITEMS {
            self.items.remove(0);
        }
        let now = self.tell.epoch();
        self.items.push((item.to_owned(), now));
        now
    }

    /// The user cut this item alone: the answers that go on are of the epoch behind that cut.
    pub(super) fn renew_others(&mut self, item: &str) {
        let now = self.tell.epoch();
        self.items.iter_mut().filter(|(name, _)| name != item).for_each(|(_, epoch)| *epoch = now);
    }

    fn complain(&self, wrong: String) {
        self.tell.complain(self.log.masked(&wrong));
    }
}

impl Connection {
    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to `realtime/open`.
    pub(super) fn session_opened(&self, opening: Opening, result: Result<&RawValue, Failure>) {
        let Opening { session, opened } = opening;
        let read = result.and_then(|raw| {
            serde_json::from_str::<LiveSession>(raw.get()).map_err(|error| {
                Failure::new(code::KIND, format!("its answer to `realtime/open` could not be read: {error}"))
            })
        });
        let id = match read {
            Ok(LiveSession { session }) => session,
            Err(failure) => return Opening { session, opened }.refuse(failure),
        };
        let mut live = self.live();
        if live.open.contains_key(&id) {
            drop(live);
            let message = format!("it gave two sessions one name, `{id}`");
            return Opening { session, opened }.refuse(Failure::new(code::KIND, message));
        }
        session.tell.push(SessionEvent::Connected { model: None, session: Some(id.clone()) });
        live.open.insert(id.clone(), session);
        self.held.fetch_add(1, Relaxed);
        for (_, text) in live.early.extract_if(.., |(of, _)| *of == id).collect::<Vec<_>>() {
            live.early_bytes -= text.len();
            if let Ok(batch) = serde_json::from_str::<LiveEvents<'_, &RawValue>>(&text) {
                self.told(&mut live, &id, batch.events);
            }
        }
        drop(live);
        if let Err(Ok(id)) = opened.send(Ok(id)) {
            self.close_unheard(&id);
        }
    }

    /// Events of a session. Gives the session whose reader is behind.
    pub(super) fn session_events(&self, text: &str) -> Option<Slow> {
        let batch = match serde_json::from_str::<LiveEvents<'_, &RawValue>>(text) {
            Ok(batch) => batch,
            Err(error) => {
                self.log.add(Writer::Host, &format!("an event could not be read: {error}"));
                return None;
            }
        };
        let mut live = self.live();
        if let Some(session) = live.open.get(&*batch.session) {
            let keeps_up = session.tell.clone();
            self.awaited.fetch_add(1, Relaxed);
            let id = batch.session.into_owned();
            self.told(&mut live, &id, batch.events);
            drop(live);
            if !keeps_up.bears(text.len()) {
                self.end_unread(&id);
            }
            return (!keeps_up.has_room()).then_some(Slow::Session);
        }
        // What comes behind a session's end is late, and nobody's.
        if live.opening > 0 {
            if live.early_bytes + text.len() <= MOST_EARLY {
                live.early_bytes += text.len();
                live.early.push((batch.session.into_owned(), text.to_owned()));
            } else {
                self.log.add(
                    Writer::Host,
                    "it says too much of a session before it is open; the rest is left out",
                );
            }
        }
        None
    }

    /// Says the events of a line.
    fn told(&self, live: &mut Live, id: &str, events: Vec<&RawValue>) {
        let Some(session) = live.open.get_mut(id) else { return };
        // Nothing comes behind the last event.
        if events.into_iter().any(|event| session.event(event, &self.folder)) {
            live.open.remove(id);
            self.held.fetch_sub(1, Relaxed);
        }
        self.touch();
    }

    /// One that was opening is open, refused, or no longer wanted.
    pub(super) fn opening_is_over(&self) {
        let mut live = self.live();
        live.opening -= 1;
        if live.opening == 0 {
            live.early = Vec::new();
            live.early_bytes = 0;
        }
    }

    /// Ends a session of which more waits than may: nothing of it may be dropped, and nobody else waits for its caller.
    fn end_unread(&self, id: &str) {
        let Some(session) = self.live().open.remove(id) else { return };
        self.held.fetch_sub(1, Relaxed);
        let message = "the session was not read, and too much of it waits";
        session.tell.end(self.named(Error::new(ErrorKind::Interrupted, message)).into());
        self.close_unheard(id);
    }

    /// Ends a session on this side, where it is open.
    pub(super) fn end_session(&self, id: &str, reason: CloseReason) {
        if let Some(session) = self.live().open.remove(id) {
            self.held.fetch_sub(1, Relaxed);
            session.tell.close(reason);
        }
    }

    pub(super) fn has_session(&self, id: &str) -> bool {
        self.live().open.contains_key(id)
    }

    /// Has the plugin close a session that nobody hears, without waiting for it.
    pub(super) fn close_unheard(&self, id: &str) {
        if self.live().open.remove(id).is_some() {
            self.held.fetch_sub(1, Relaxed);
        }
        let (to, _) = oneshot::channel();
        if let Ok(request) = self.open(Pending::Abandoned(Abandoned { answered: to, since: Instant::now() }))
        {
            self.send(protocol::request(&Id::Number(request), "realtime/close", json!({"session": id})));
        }
    }

    /// A request that nobody waits for was answered: where it opened a session, that is closed.
    pub(super) fn close_unwanted(&self, answer: Option<&RawValue>) {
        let opened = answer.and_then(|raw| serde_json::from_str::<LiveSession>(raw.get()).ok());
        if let Some(LiveSession { session }) = opened {
            self.close_unheard(&session);
        }
    }

    /// The process is gone, and so are its sessions.
    pub(super) fn fail_sessions(&self, error: &Error) {
        let sessions = std::mem::take(&mut self.live().open);
        sessions.into_values().for_each(|session| session.tell.close(error.clone().into()));
    }

    /// A cut of one item went in.
    pub(super) fn item_was_cut(&self, id: &str, item: &str) {
        if let Some(session) = self.live().open.get_mut(id) {
            session.renew_others(item);
        }
    }

    /// What goes wrong with one input is told, and the session goes on.
    pub(super) fn warn_session(&self, id: &str, wrong: String) {
        if let Some(session) = self.live().open.get_mut(id) {
            session.complain(wrong);
        }
    }

    // -- tools

    /// `tools/run` of a session: whoever holds the session is asked, and answers.
    pub(super) async fn run_for_session(&self, id: &str, params: RunToolParams) -> Result<Value, Failure> {
        let call_id = params.id.clone();
        let (to, result) = oneshot::channel();
        {
            let mut live = self.live();
            let session = live
                .open
                .get_mut(id)
                .ok_or_else(|| Failure::new(code::INVALID_PARAMS, format!("no session is open as `{id}`")))?;
            if session.calls.contains_key(&call_id) {
                let message = format!("a call is open as `{call_id}`");
                return Err(Failure::new(code::INVALID_PARAMS, message));
            }
            session.calls.insert(call_id.clone(), to);
            let arguments = Arguments::from(params.arguments);
            let call = ToolCall { id: call_id.clone(), name: params.name, arguments };
            session.tell.push(SessionEvent::ToolCall { call });
        }
        let mut unanswered = Unanswered { connection: self, session: id, call: Some(&call_id) };
        let result = result.await;
        unanswered.call = None;
        let result = result.map_err(|_| Failure::new(code::CANCELLED, "the session is over"))?;
        let content =
            result.content.iter().filter_map(|part| Content::for_plugin(part, &self.wire)).collect();
        Ok(json!(ToolResultContent { content, is_error: result.is_error }))
    }

    /// Whoever holds the session ran a tool.
    pub(super) fn tool_was_run(&self, id: &str, result: ToolResult) {
        let mut live = self.live();
        let Some(session) = live.open.get_mut(id) else { return };
        match session.calls.remove(&result.call_id) {
            // The plugin may no longer want it.
            Some(to) => drop(to.send(result)),
            None => session.complain(format!("no call is open as `{}`", result.call_id)),
        }
    }
}

fn endless_name() -> String {
    format!("an `item` of more than {LONGEST_ITEM} bytes: its sound is left out")
}

/// A call whose asker went away has no result that anybody wants.
struct Unanswered<'a> {
    connection: &'a Connection,
    session: &'a str,
    call: Option<&'a str>,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let Some(call) = self.call else { return };
        if let Some(session) = self.connection.live().open.get_mut(self.session)
            && session.calls.remove(call).is_some()
        {
            session.tell.push(SessionEvent::ToolCancelled { id: call.to_owned() });
        }
    }
}
