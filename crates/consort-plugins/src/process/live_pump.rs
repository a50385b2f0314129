//! A live session from its opening to its end, and what goes into it.
use super::Supervisor;
use super::answer::Files;
use super::connection::{Connection, Pending};
use super::failed::Refused;
use super::live::{Opening, Session};
use crate::home::Home;
use crate::start::shell_word;
use consort_core::{
    CloseReason, Context, Error, Media, MediaSource, Phase, RealtimeSession, SessionEvent, SessionInput,
    SessionInputs, SessionTeller, Warning,
};
use consort_plugin::protocol::{
    self, Failure, Id, LiveInput, LiveInputs, LiveOpenParams, LiveSession, MAX_INLINE_MEDIA, MOST_SOUND,
};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a session may take to open where nobody says, and to close.
const OPENING: Duration = Duration::from_mins(1);
const CLOSING: Duration = Duration::from_secs(8);
/// So much may wait in the pipe; the rest waits in the session, where old sound is dropped.
const MOST_IN_PIPE: usize = 256 << 10;
/// So many files of pictures are kept for the plugin to read.
const MOST_FILES: usize = 16;

/// What is asked for.
pub(crate) struct SessionWish {
    pub(crate) params: LiveOpenParams,
    pub(crate) warnings: Vec<Warning>,
    /// Files that were written for the opening.
    pub(crate) files: Files,
}

/// Opens a session. Dropping the future gives it up.
pub(crate) async fn open_session(
    supervisor: Arc<Supervisor>,
    wish: SessionWish,
    home: Arc<Home>,
    context: Context,
) -> Result<RealtimeSession, Error> {
    let SessionWish { mut params, warnings, files } = wish;
    let connection = supervisor.connection().await?;
    params.secrets = supervisor.secrets_for(&params.model, &context).await?;
    for secret in params.secrets.values().filter_map(|value| value.as_str()) {
        connection.log.hide(consort_core::Secret::new(secret));
    }
    params.meta.traceparent = context.trace.as_ref().map(|trace| trace.traceparent.clone());
    params.meta.participant.clone_from(&context.participant);
    params.meta.raw = context.native_events;
    let (session, inputs, tell) = RealtimeSession::pair();
    let opened = begin(&connection, &params, tell.clone(), context.native_events)?;
    let limit = context.remaining().unwrap_or(OPENING);
    let answer = tokio::select! {
        answer = tokio::time::timeout(limit, opened.answer()) => answer,
        () = context.cancel.cancelled() => return Err(connection.named(Error::cancelled())),
    };
    let id = match answer {
        Ok(Ok(id)) => id,
        Ok(Err(refused)) => return Err(connection.error_of(refused)),
        Err(_) => {
            let message = format!("the session did not open within {} s", limit.as_secs());
            let error = connection.named(Error::timeout(Phase::Connect, message));
            return Err(
                error.hint(format!("its log: consort plugins log {}", shell_word(&connection.plugin)))
            );
        }
    };
    drop(files);
    for warning in warnings {
        tell.push(SessionEvent::Warning { warning });
    }
    let feeding = Feeding { connection, id, inputs, tell, home, files: Vec::new(), _supervisor: supervisor };
    tokio::spawn(feeding.run());
    Ok(session)
}

/// Sends `realtime/open`.
fn begin(
    connection: &Arc<Connection>,
    params: &LiveOpenParams,
    tell: SessionTeller,
    native: bool,
) -> Result<Asked, Error> {
    let (opened, answer) = oneshot::channel();
    let opening = Opening { session: Session::new(tell, native, connection.log.clone()), opened };
    connection.touch();
    connection.live().opening += 1;
    let id = connection.open(Pending::Session(Box::new(opening)));
    let id = id.inspect_err(|_| connection.opening_is_over())?;
    connection.send(protocol::request(&Id::Number(id), "realtime/open", params));
    Ok(Asked { connection: connection.clone(), id, answer: Some(answer) })
}

/// A session that is being opened. Dropping it gives it up.
struct Asked {
    connection: Arc<Connection>,
    id: u64,
    answer: Option<oneshot::Receiver<Result<String, Failure>>>,
}

impl Asked {
    async fn answer(mut self) -> Result<String, Refused> {
        let Some(answer) = &mut self.answer else { return Err(Refused::Gone(self.connection.gone())) };
        let answer = answer.await;
        self.answer = None;
        match answer {
            Ok(opened) => opened.map_err(Refused::Failed),
            Err(_) => Err(Refused::Gone(self.connection.gone())),
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(mut answer) = self.answer.take() {
            // It may have been opened a moment ago.
            if let Ok(Ok(id)) = answer.try_recv() {
                self.connection.end_session(&id, CloseReason::Asked);
                self.connection.close_unheard(&id);
            }
            self.connection.abandon(self.id);
        }
        self.connection.opening_is_over();
    }
}

/// What goes into a session, up to its end.
struct Feeding {
    connection: Arc<Connection>,
    id: String,
    inputs: SessionInputs,
    tell: SessionTeller,
    home: Arc<Home>,
    files: Vec<Files>,
    /// The process stays while this does.
    _supervisor: Arc<Supervisor>,
}

impl Feeding {
    async fn run(mut self) {
        while let Some(input) = self.inputs.next().await {
            match input {
                SessionInput::ToolResult { result } => self.connection.tool_was_run(&self.id, result),
                SessionInput::Audio(pcm) => {
                    for piece in pcm.pieces(MOST_SOUND) {
                        self.feed(SessionInput::Audio(piece)).await;
                    }
                }
                input => {
                    if let SessionInput::Interrupt { item: Some(item), .. } = &input {
                        self.connection.item_was_cut(&self.id, item);
                    }
                    self.feed(input).await;
                }
            }
        }
        self.close().await;
    }

    async fn feed(&mut self, mut input: SessionInput) {
        if let SessionInput::Image { media } | SessionInput::Video { media } = &mut input
            && let Err(error) = self.spill(media)
        {
            return self.connection.warn_session(&self.id, error);
        }
        match LiveInput::of(&input) {
            Ok(Some(input)) => {
                tokio::select! {
                    () = self.connection.pipe_has_room() => {}
                    // Nobody waits for a plugin that does not read.
                    () = self.tell.closed() => {}
                }
                let params = LiveInputs { session: self.id.clone(), inputs: vec![input] };
                self.connection.touch();
                self.connection.send(protocol::notification("realtime/input", params));
            }
            Ok(None) => {}
            Err(wrong) => self.connection.warn_session(&self.id, wrong),
        }
    }

    /// Puts a large picture into a file: a line is no place for it.
    fn spill(&mut self, media: &mut Media) -> Result<(), String> {
        if let MediaSource::Bytes(bytes) = &media.source
            && bytes.len() > MAX_INLINE_MEDIA
        {
            let written = self.home.media.write(bytes);
            let file = written.map_err(|error| format!("a picture cannot be handed over: {error}"))?;
            media.source = MediaSource::Path(file.clone());
            if self.files.len() == MOST_FILES {
                self.files.remove(0);
            }
            self.files.push(Files(vec![file]));
        }
        Ok(())
    }

    /// Has the plugin close the session, unless it did, and sees to it that it is over.
    async fn close(self) {
        if !self.connection.has_session(&self.id) {
            return;
        }
        let params = LiveSession { session: self.id.clone() };
        let closed = tokio::time::timeout(CLOSING, self.connection.ask("realtime/close", params)).await;
        let reason = match &closed {
            Err(_) => {
                let message = format!("the plugin did not close its session within {} s", CLOSING.as_secs());
                self.connection.named(Error::timeout(Phase::Deadline, message)).into()
            }
            Ok(_) => CloseReason::Asked,
        };
        self.connection.end_session(&self.id, reason);
        if closed.is_err() {
            self.connection.replace_if_stuck("it did not close its session").await;
        }
    }
}

impl Connection {
    /// Returns when the process took most of what it was sent.
    pub(super) async fn pipe_has_room(&self) {
        loop {
            let mut written = std::pin::pin!(self.written.notified());
            // Listening comes before looking: nothing is missed between the two.
            written.as_mut().enable();
            if self.queued.load(Relaxed) <= MOST_IN_PIPE {
                return;
            }
            written.await;
        }
    }
}
