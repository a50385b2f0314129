//! Where a session's events go: straight to whoever reads it, or, behind sound whose file is still being read, in its turn.
use consort_core::{CloseReason, SessionEvent, SessionTeller};
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So many bytes of a plugin's lines may wait for a caller that is behind, or for a file.
const MOST_BEHIND: usize = 8 << 20;
/// So many different complaints about a session are shown.
const MOST_TOLD: usize = 32;
/// So many files of a session are read at once or have been and wait, and each is read for so long.
const MOST_FILES: usize = 8;
const FILE_WAIT: Duration = Duration::from_secs(10);

/// What goes out of one session. Clones are the same.
#[derive(Clone)]
pub(super) struct Outlet(Arc<Inner>);

struct Inner {
    tell: SessionTeller,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Slot>,
    /// How many cuts wait of those that the plugin told.
    cuts: u64,
    files: u64,
    /// How much came since somebody was last in time.
    behind: usize,
    /// What was complained of.
    told: HashSet<String>,
    ended: bool,
}

enum Slot {
    Event(Box<SessionEvent>),
    /// This file's sound, which is being read.
    File(u64),
    /// Sound of a file, behind one that is still being read.
    Read(Box<SessionEvent>),
}

impl Slot {
    fn is_of_file(&self) -> bool {
        matches!(self, Self::File(_) | Self::Read(_))
    }
}

impl Outlet {
    pub(super) fn new(tell: SessionTeller) -> Self {
        Self(Arc::new(Inner { tell, state: Mutex::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, event: SessionEvent) {
        let mut state = self.lock();
        if state.ended {
            return;
        }
        if state.waiting.is_empty() {
            return self.0.tell.push(event);
        }
        state.cuts += u64::from(is_cut(&event));
        state.waiting.push_back(Slot::Event(Box::new(event)));
    }

    /// Says what is wrong with the plugin's events; the same thing once.
    pub(super) fn complain(&self, wrong: String) {
        if self.lock().is_news(&wrong) {
            self.push(SessionEvent::warning("plugin", wrong));
        }
    }

    /// Behind all that was pushed before.
    pub(super) fn close(&self, reason: CloseReason) {
        self.push(SessionEvent::Closed { reason });
    }

    /// At once, whatever waits.
    pub(super) fn end(&self, reason: CloseReason) {
        let mut state = self.lock();
        state.ended = true;
        state.waiting = VecDeque::new();
        self.0.tell.close(reason);
    }

    /// The epoch in which an answer is that begins now: the cuts that the plugin told before it count, told on or not.
    pub(super) fn epoch(&self) -> u64 {
        let state = self.lock();
        self.0.tell.epoch() + state.cuts
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.tell.is_closed()
    }

    pub(super) fn has_room(&self) -> bool {
        self.0.tell.has_room()
    }

    /// Counts a line that came. False where too much waits.
    pub(super) fn bears(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        if state.waiting.is_empty() && self.has_room() {
            state.behind = 0;
            return true;
        }
        state.behind += bytes;
        state.behind <= MOST_BEHIND
    }

    /// Sound that is read from a file, on a thread that may wait. An error says what is wrong with asking for it.
    pub(super) fn file(
        &self,
        read: impl FnOnce() -> Result<SessionEvent, String> + Send + 'static,
    ) -> Result<(), String> {
        let number = {
            let mut state = self.lock();
            if state.waiting.iter().filter(|slot| slot.is_of_file()).count() >= MOST_FILES {
                return Err(format!("sound was left out: {MOST_FILES} files of it are waiting already"));
            }
            state.files += 1;
            let number = state.files;
            state.waiting.push_back(Slot::File(number));
            number
        };
        let outlet = self.clone();
        tokio::spawn(async move {
            let read = tokio::time::timeout(FILE_WAIT, tokio::task::spawn_blocking(read)).await;
            let event = match read {
                Ok(Ok(read)) => read,
                Ok(Err(_)) => Err("sound was left out: its file could not be read".to_owned()),
                Err(_) => {
                    let limit = FILE_WAIT.as_secs();
                    Err(format!("sound was left out: its file was not read within {limit} s"))
                }
            };
            outlet.fill(number, event);
        });
        Ok(())
    }

    /// A file was read: what waited for that alone goes on.
    fn fill(&self, number: u64, read: Result<SessionEvent, String>) {
        let mut state = self.lock();
        let is_own = |slot: &Slot| matches!(slot, Slot::File(file) if *file == number);
        let Some(at) = state.waiting.iter().position(is_own) else { return };
        let event = read
            .map_or_else(|wrong| state.is_news(&wrong).then(|| SessionEvent::warning("plugin", wrong)), Some);
        match event {
            Some(event) => state.waiting[at] = Slot::Read(Box::new(event)),
            None => drop(state.waiting.remove(at)),
        }
        while let Some(slot) = state.waiting.pop_front() {
            match slot {
                Slot::Event(event) | Slot::Read(event) => {
                    state.cuts -= u64::from(is_cut(&event));
                    self.0.tell.push(*event);
                }
                file @ Slot::File(_) => {
                    state.waiting.push_front(file);
                    return;
                }
            }
        }
    }
}

impl State {
    fn is_news(&mut self, wrong: &str) -> bool {
        self.told.len() < MOST_TOLD && self.told.insert(wrong.to_owned())
    }
}

fn is_cut(event: &SessionEvent) -> bool {
    matches!(event, SessionEvent::Interrupted { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_core::{Pcm, RealtimeSession, SessionInput};
    use std::sync::mpsc;

    fn text(text: &str) -> SessionEvent {
        SessionEvent::Text { item: "i".into(), text: text.into() }
    }

    fn kinds(events: &[SessionEvent]) -> Vec<&'static str> {
        events.iter().map(SessionEvent::kind).collect()
    }

    async fn rest(session: &mut RealtimeSession) -> Vec<SessionEvent> {
        let mut all = Vec::new();
        while let Some(event) = session.events.next().await {
            all.push(event);
        }
        all
    }

    #[tokio::test]
    async fn what_comes_behind_a_file_waits_for_it_and_nobody_else_does() {
        let (mut session, _inputs, tell) = RealtimeSession::pair();
        let outlet = Outlet::new(tell);
        outlet.push(text("before"));
        let (slow, file) = mpsc::channel::<()>();
        let sound = |epoch| SessionEvent::Audio { item: "i".into(), epoch, pcm: Pcm::mono(vec![1], 8000) };
        let first = sound(outlet.epoch());
        outlet
            .file(move || {
                file.recv().unwrap();
                Ok(first)
            })
            .unwrap();
        outlet.file(|| Err("no such file".into())).unwrap();
        outlet.file(|| Err("no such file".into())).unwrap();
        outlet.push(text("behind"));
        outlet.push(SessionEvent::Interrupted { item: None });
        // What begins behind a cut that waits is of the epoch behind it.
        outlet.push(sound(outlet.epoch()));
        outlet.close(CloseReason::Asked);
        assert_eq!(session.events.next().await, Some(text("before")));
        tokio::time::timeout(Duration::from_millis(50), session.events.next()).await.unwrap_err();
        slow.send(()).unwrap();
        let events = rest(&mut session).await;
        assert_eq!(kinds(&events), ["warning", "text", "interrupted", "audio", "closed"]);
    }

    #[tokio::test]
    async fn a_session_that_is_ended_waits_for_no_file_and_asks_for_few() {
        let (mut session, _inputs, tell) = RealtimeSession::pair();
        let outlet = Outlet::new(tell);
        let asked = (0..=MOST_FILES).map(|_| outlet.file(|| Err("none".into())));
        assert_eq!(asked.filter(Result::is_err).count(), 1);
        outlet.end(CloseReason::Asked);
        outlet.push(text("late"));
        assert_eq!(kinds(&rest(&mut session).await), ["closed"]);
        session.sink.push(SessionInput::Commit).unwrap_err();
    }

    #[tokio::test]
    async fn files_that_wait_behind_another_are_few_too() {
        let (session, _inputs, tell) = RealtimeSession::pair();
        let outlet = Outlet::new(tell);
        let (slow, file) = mpsc::channel::<()>();
        let hold = move || file.recv().map(|()| text("first")).map_err(|_| "gone".into());
        outlet.file(hold).unwrap();
        for _ in 1..MOST_FILES {
            outlet.file(|| Ok(text("read"))).unwrap();
        }
        // All but the first are read by then, and wait for it.
        while outlet.lock().waiting.iter().filter(|slot| matches!(slot, Slot::Read(_))).count()
            < MOST_FILES - 1
        {
            tokio::task::yield_now().await;
        }
        outlet.file(|| Ok(text("more"))).unwrap_err();
        slow.send(()).unwrap();
        drop(session);
    }

    #[tokio::test]
    async fn a_caller_that_does_not_read_is_known_by_what_waits() {
        let (mut session, _inputs, tell) = RealtimeSession::pair();
        let outlet = Outlet::new(tell);
        (0..5000).for_each(|_| outlet.push(text("x")));
        assert!(outlet.bears(MOST_BEHIND));
        assert!(!outlet.bears(1));
        for _ in 0..2000 {
            session.events.next().await.unwrap();
        }
        assert!(outlet.bears(MOST_BEHIND) && outlet.bears(MOST_BEHIND));
    }
}
