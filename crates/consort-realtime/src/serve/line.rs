//! One connection, from its first message to its last.
use super::Frame;
use super::outbox::Outbox;
use crate::wire::ServedWire;
use crate::wire::served::{Away, Close, Reply};
use bytes::Bytes;
use consort_core::{
    BoxFuture, CloseReason, Context, Error, Modality, Object, Phase, RealtimeModel, RealtimeSession,
    SessionConfig, SessionEvent, SessionInput,
};
use futures_util::{Sink, Stream, StreamExt as _};
use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::{Instant, sleep_until, timeout};

/// The longest message of a client: four minutes of sound at once, as samples, or half an hour, as a telephone sends it.
pub const LONGEST_MESSAGE: usize = 16 << 20;
/// A message of which more comes than can be read in passing: seconds of sound.
const LONG_MESSAGE: usize = 32 << 10;

/// How many inputs wait for a session that opens, or is slow.
const MOST_INPUTS: usize = 256;
/// How many kinds of warnings of one connection are told in the log, each of them once.
const MOST_WARNED: usize = 64;
/// How long a session may take to open.
const OPENING: Duration = Duration::from_mins(1);
/// How often a sign of life is asked for, and how long one may be missing.
const PING: Duration = Duration::from_secs(20);
const DEAD: Duration = Duration::from_secs(90);
/// How long a client may say nothing, and how long it may take nothing of what it is sent.
const IDLE: Duration = Duration::from_mins(30);
const STALL: Duration = Duration::from_secs(30);
/// How long connections may go on once the server is asked to end, and how long a goodbye may take.
const LEFT: Duration = Duration::from_secs(5);
const GOODBYE: Duration = Duration::from_secs(2);

/// A model that a client named, and what its sessions are opened with: clients have no words for a model's own options.
#[derive(Clone)]
pub struct Found {
    pub model: Arc<dyn RealtimeModel>,
    pub context: Context,
    pub options: Object,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found").field("model", &self.model.card().id).finish_non_exhaustive()
    }
}

/// Finds a model by the name that a client calls it.
pub type Find = Arc<dyn Fn(String) -> BoxFuture<'static, Result<Found, Error>> + Send + Sync>;

/// Serves one client until it or the session is gone, or `leaving` becomes true and its time is over.
pub async fn serve<S, E>(wire: Box<dyn ServedWire>, socket: S, find: Find, mut leaving: watch::Receiver<bool>)
where
    S: Stream<Item = Result<Frame, E>> + Sink<Frame> + Unpin + Send,
{
    let now = Instant::now();
    let mut line = Line {
        wire,
        find,
        model: None,
        opening: None,
        session: None,
        inputs: VecDeque::new(),
        room: None,
        out: Outbox::default(),
        begun: now,
        heard: now,
        spoken: now,
        pinged: now,
        moved: now,
        ends: None,
        close: None,
        warned: Vec::new(),
    };
    let (mut sink, mut stream) = socket.split();
    let greeting = line.wire.greet();
    line.carry_out(greeting).await;
    while line.close.is_none() {
        if !line.turn(&mut sink, &mut stream, &mut leaving).await {
            return;
        }
    }
    line.say_goodbye(&mut sink).await;
}

struct Line {
    wire: Box<dyn ServedWire>,
    find: Find,
    model: Option<Found>,
    opening: Option<BoxFuture<'static, Result<RealtimeSession, Error>>>,
    session: Option<RealtimeSession>,
    /// What waits for the session, and for its room for the first of it.
    inputs: VecDeque<SessionInput>,
    room: Option<BoxFuture<'static, ()>>,
    out: Outbox,
    begun: Instant,
    /// When the client last gave a sign of life, said something, was asked for one, took something. What it says while nobody
    /// listens is heard later: that time is no silence.
    heard: Instant,
    spoken: Instant,
    pinged: Instant,
    moved: Instant,
    /// When the server ends.
    ends: Option<Instant>,
    close: Option<Close>,
    /// What kinds of things its sessions warned of: they are told in the log once.
    warned: Vec<String>,
}

/// What happened.
enum What<E> {
    Frame(Option<Result<Frame, E>>),
    Event(Option<SessionEvent>),
    Opened(Result<RealtimeSession, Error>),
    Room,
    Sent(bool),
    Leaving,
    Time,
}

impl Line {
    /// Waits for one thing and does what comes of it; false when the client is gone.
    async fn turn<S, T, E>(
        &mut self,
        sink: &mut S,
        stream: &mut T,
        leaving: &mut watch::Receiver<bool>,
    ) -> bool
    where
        S: Sink<Frame> + Unpin,
        T: Stream<Item = Result<Frame, E>> + Unpin,
    {
        self.ask_for_room();
        let listens = self.out.has_room() && self.inputs.len() < MOST_INPUTS;
        if !listens {
            // No silence of the client's; that nothing is said for half an hour ends it all the same.
            self.heard = Instant::now();
        }
        let (is_light, has_news) = (self.out.is_light(), !self.out.is_empty());
        let wake = self.wake();
        let what = tokio::select! {
            sent = poll_fn(|cx| self.out.poll_send(sink, cx)), if has_news => What::Sent(sent.is_ok()),
            frame = stream.next(), if listens => What::Frame(frame),
            event = next(&mut self.session), if is_light => What::Event(event),
            opened = done(&mut self.opening) => What::Opened(opened),
            () = done(&mut self.room) => What::Room,
            // Also where whoever could say so is gone.
            _ = leaving.wait_for(|leaving| *leaving), if self.ends.is_none() => What::Leaving,
            () = sleep_until(wake) => What::Time,
        };
        match what {
            What::Sent(false) | What::Frame(None | Some(Err(_) | Ok(Frame::Close(_)))) => return false,
            What::Sent(true) => self.moved = Instant::now(),
            What::Frame(Some(Ok(frame))) => self.hear(frame).await,
            What::Event(Some(event)) => self.tell(event).await,
            What::Event(None) => self.session = None,
            What::Opened(opened) => self.opened(opened),
            What::Room => {
                self.hand_on();
                // Many that wait are heard one after the other: others have their turn between them.
                yield_now().await;
            }
            What::Leaving => {
                self.ends = Some(Instant::now() + LEFT);
                let reply = self.wire.leave(LEFT);
                self.carry_out(reply).await;
            }
            What::Time => return self.look_at_the_clock().await,
        }
        true
    }

    fn at(&self) -> Duration {
        self.begun.elapsed()
    }

    async fn hear(&mut self, frame: Frame) {
        self.heard = Instant::now();
        let message = match frame {
            Frame::Text(text) => Bytes::from(text),
            Frame::Binary(bytes) => bytes,
            Frame::Ping | Frame::Pong | Frame::Close(_) => return,
        };
        self.spoken = self.heard;
        if message.len() > LONGEST_MESSAGE {
            let reason = format!("a message of more than {} MiB", LONGEST_MESSAGE >> 20);
            self.close = Some(Close::new(1009, &reason));
            return;
        }
        let reply = self.read(message).await;
        self.carry_out(reply).await;
    }

    /// A long message is read where it holds up this connection and no other: to hear minutes of sound takes seconds.
    async fn read(&mut self, message: Bytes) -> Reply {
        let at = self.at();
        if message.len() < LONG_MESSAGE {
            return self.wire.message(&message, at);
        }
        let mut wire = std::mem::replace(&mut self.wire, Box::new(Away));
        let read = spawn_blocking(move || {
            let reply = wire.message(&message, at);
            (wire, reply)
        });
        if let Ok((wire, reply)) = read.await {
            self.wire = wire;
            reply
        } else {
            let close = Some(Close::new(1011, "the message could not be read"));
            Reply { close, ..Reply::default() }
        }
    }

    async fn tell(&mut self, event: SessionEvent) {
        if let SessionEvent::Warning { warning } = &event
            && self.warned.len() < MOST_WARNED
            && !self.warned.contains(&warning.code)
        {
            self.warned.push(warning.code.clone());
            tracing::warn!(code = warning.code, "a served live session: {}", warning.message);
        }
        let reply = self.wire.event(event, self.at());
        self.carry_out(reply).await;
    }

    /// Does what comes of one thing.
    async fn carry_out(&mut self, reply: Reply) {
        let Reply { find, messages, open, inputs, close } = reply;
        if let Some(name) = find {
            let found = timeout(OPENING, (self.find)(name)).await;
            match found
                .unwrap_or_else(|_| Err(Error::timeout(Phase::Deadline, "the model was not found in time")))
            {
                Ok(found) => {
                    self.wire.speaks(found.model.card().capabilities.output.contains(&Modality::Audio));
                    self.model = Some(found);
                }
                Err(error) => return self.fail(error),
            }
        }
        self.post(messages);
        if let Some(config) = open {
            self.open(config);
        }
        for input in inputs {
            self.say(input);
        }
        self.close = self.close.take().or(close);
    }

    fn open(&mut self, mut config: SessionConfig) {
        let Some(Found { model, context, options }) = &self.model else { return };
        config.options.clone_from(options);
        let (model, context) = (model.clone(), context.clone().within(OPENING));
        self.session = None;
        self.hand_over();
        self.opening = Some(Box::pin(async move { model.connect(config, context).await }));
    }

    /// What the session that is left was not told yet. A turn that was said aloud is for the next one; words are in what that
    /// begins with; what is being said the format says again; a cut, or what a call gave, is for nobody else.
    fn hand_over(&mut self) {
        self.room = None;
        let said =
            self.inputs.iter().rposition(|input| *input == SessionInput::Commit).map_or(0, |at| at + 1);
        self.inputs.truncate(said);
        let is_said_aloud = |input: &SessionInput| {
            matches!(input, SessionInput::Audio(_) | SessionInput::Video { .. } | SessionInput::Commit)
        };
        self.inputs.retain(is_said_aloud);
    }

    fn opened(&mut self, opened: Result<RealtimeSession, Error>) {
        self.opening = None;
        match opened {
            Ok(session) => self.session = Some(session),
            Err(error) => self.fail(error),
        }
    }

    /// There is no session: the client is told why.
    fn fail(&mut self, error: Error) {
        let reason = CloseReason::Failed { error };
        let reply = self.wire.event(SessionEvent::Closed { reason }, self.at());
        self.post(reply.messages);
        self.close = reply.close;
    }

    fn post(&mut self, messages: Vec<String>) {
        if self.out.is_empty() {
            self.moved = Instant::now();
        }
        messages.into_iter().for_each(|message| self.out.push(Frame::Text(message)));
    }

    /// A cut overtakes the sound that waits: it is of before.
    fn say(&mut self, input: SessionInput) {
        let only_sound = self.inputs.iter().all(|waiting| matches!(waiting, SessionInput::Audio(_)));
        match &self.session {
            Some(session) if only_sound && matches!(input, SessionInput::Interrupt { .. }) => {
                // The session's end is told by its last event.
                let _ = session.sink.push(input);
            }
            _ => self.inputs.push_back(input),
        }
    }

    /// Waits for room for the next input.
    fn ask_for_room(&mut self) {
        if self.room.is_none()
            && !self.inputs.is_empty()
            && let Some(session) = &self.session
        {
            let sink = session.sink.clone();
            self.room = Some(Box::pin(async move { sink.room().await }));
        }
    }

    /// Gives the session the next input, for which there is room.
    fn hand_on(&mut self) {
        self.room = None;
        if let Some(session) = &self.session
            && let Some(input) = self.inputs.pop_front()
        {
            // The session's end is told by its last event.
            let _ = session.sink.push(input);
        }
    }

    /// When the clock is to be looked at.
    fn wake(&self) -> Instant {
        let mut wake = (self.pinged + PING).min(self.heard + DEAD).min(self.spoken + IDLE);
        if !self.out.is_empty() {
            wake = wake.min(self.moved + STALL);
        }
        if let Some(due) = self.wire.due() {
            wake = wake.min(self.begun + due);
        }
        self.ends.map_or(wake, |ends| wake.min(ends))
    }

    async fn look_at_the_clock(&mut self) -> bool {
        let now = Instant::now();
        if !self.out.is_empty() && self.moved + STALL <= now {
            // Nobody reads.
            return false;
        }
        if self.pinged + PING <= now {
            self.pinged = now;
            if self.out.is_empty() {
                self.moved = now;
                self.out.push(Frame::Ping);
            }
        }
        if self.heard + DEAD <= now {
            let reason = format!("no sign of life came for {} s", DEAD.as_secs());
            self.close = Some(Close::new(1008, &reason));
        } else if self.spoken + IDLE <= now {
            self.close = Some(Close::new(1000, "nothing was said for half an hour"));
        } else if self.ends.is_some_and(|ends| ends <= now) {
            self.close = Some(Close::new(1001, "the server ends"));
        }
        let reply = self.wire.tick(self.at());
        self.carry_out(reply).await;
        true
    }

    /// Sends what is left, and the reason of the end.
    async fn say_goodbye<S: Sink<Frame> + Unpin>(mut self, sink: &mut S) {
        self.session = None;
        if let Some(Close { code, reason }) = self.close.take() {
            self.out.push(Frame::Close(Some((code, reason))));
        }
        let all = async {
            while !self.out.is_empty() {
                if poll_fn(|cx| self.out.poll_send(sink, cx)).await.is_err() {
                    return;
                }
            }
        };
        // Who does not take it is not waited for.
        let _ = timeout(GOODBYE, all).await;
    }
}

async fn next(session: &mut Option<RealtimeSession>) -> Option<SessionEvent> {
    match session {
        Some(session) => session.events.next().await,
        None => pending().await,
    }
}

async fn done<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}
