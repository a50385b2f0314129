//! One streamed answer: from the process's lines to whoever reads it.
use super::connection::Connection;
use super::files::files_below;
use super::masked;
use super::odd::{Odd, Slip};
use super::{LogRing, Supervisor};
use consort_core::{BoxFuture, Context, Error, ErrorKind, Event, EventStream, RunTool, Warning};
use consort_plugin::protocol::{EventReader, GenerateParams, GenerateResult, WireEvent};
use consort_providers::{Timers, Watch};
use futures_core::Stream;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{self, Poll, ready};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc};

/// How many bytes of an answer may wait for their reader, and for how long the plugin waits with them.
const MOST_WAITING: usize = 4 << 20;
const WAIT: Duration = Duration::from_secs(10);

/// How much one answer may say, media aside: far more than any model does. One without an end would fill the host's memory.
const MOST_SAID: usize = 24 << 20;

/// The longest file that an answer may give by path.
const MOST_FILE: u64 = 256 << 20;

/// How a line of the log begins that tells of an answer that failed.
pub(crate) const FAILED: &str = "an answer failed: ";

/// The bytes that were read and not yet taken.
#[derive(Debug, Default)]
pub(super) struct Budget {
    waiting: AtomicUsize,
    taken: Notify,
}

impl Budget {
    /// Waits until there is room. False when that took too long.
    pub(super) async fn room(&self) -> bool {
        let free = async {
            while self.waiting.load(Relaxed) > MOST_WAITING {
                self.taken.notified().await;
            }
        };
        tokio::time::timeout(WAIT, free).await.is_ok()
    }

    fn take(&self, bytes: usize) {
        let before = self.waiting.fetch_sub(bytes, Relaxed);
        if before > MOST_WAITING {
            self.taken.notify_one();
        }
    }
}

/// What one line of the plugin gave.
struct Batch {
    events: Result<Vec<Event>, Error>,
    bytes: usize,
    /// How many of them are no media.
    said: usize,
}

/// Where the events of one request go.
pub(super) struct Sink {
    reader: EventReader,
    to: mpsc::UnboundedSender<Batch>,
    budget: Arc<Budget>,
    native: bool,
    tools: Option<Arc<dyn RunTool>>,
    log: Arc<LogRing>,
    /// What came and could not be taken.
    pub(super) odd: Odd,
    /// Whether anything came that answers.
    gave: bool,
}

impl Sink {
    /// Reads events, which stand in this text. Gives the budget where it is used up.
    pub(super) fn events(
        &mut self,
        events: Vec<WireEvent<'_>>,
        unread: &[String],
        bytes: usize,
        text: &str,
    ) -> Option<Arc<Budget>> {
        let mut read = Vec::with_capacity(events.len());
        let has_media = events.iter().any(|event| event.kind == "media");
        for event in events {
            self.odd.look_at(&event, text);
            if event.kind != "raw" || self.native {
                self.reader.read(event, &mut read);
            }
        }
        masked::warnings(&self.log, &mut read);
        // What it held may have been text: whoever reads the answer is told that there was more.
        unread.iter().for_each(|error| self.odd.note(&Slip::Unread, error));
        self.gave |= read.iter().any(Event::is_content);
        if read.is_empty() {
            return None;
        }
        let waiting = self.budget.waiting.fetch_add(bytes, Relaxed) + bytes;
        // Whoever asked may be gone: then the request is being cancelled.
        let said = if has_media { 0 } else { bytes };
        let _ = self.to.send(Batch { events: Ok(read), bytes, said });
        (waiting > MOST_WAITING).then(|| self.budget.clone())
    }

    /// The answer that ends the request, which stands in this text.
    pub(super) fn finish(mut self, result: GenerateResult, text: &str) {
        let mut read = Vec::new();
        self.reader.finish(result, &mut read);
        masked::warnings(&self.log, &mut read);
        self.gave |= read.iter().any(Event::is_content);
        if !self.gave {
            self.odd.look_at_answer(text);
        }
        // Nothing comes behind the end.
        let end = read.pop();
        read.extend(self.warnings().into_iter().map(Event::Warning));
        read.extend(end);
        let _ = self.to.send(Batch { events: Ok(read), bytes: 0, said: 0 });
    }

    pub(super) fn fail(mut self, error: Error) {
        let told: Vec<Event> = self.warnings().into_iter().map(Event::Warning).collect();
        if !told.is_empty() {
            let _ = self.to.send(Batch { events: Ok(told), bytes: 0, said: 0 });
        }
        let _ = self.to.send(Batch { events: Err(error), bytes: 0, said: 0 });
    }

    /// What is to be told of what could not be taken, once.
    pub(super) fn warnings(&mut self) -> Vec<Warning> {
        self.odd.take(self.gave)
    }

    pub(super) fn tools(&self) -> Option<Arc<dyn RunTool>> {
        self.tools.clone()
    }
}

/// What is asked, ready to be sent once the process runs.
pub(crate) struct Question {
    pub(crate) params: GenerateParams,
    pub(crate) warnings: Vec<Warning>,
    /// Files that were written for this request.
    pub(crate) files: Files,
}

/// Files that are gone when the request is over.
#[derive(Debug, Default)]
pub(crate) struct Files(pub(crate) Vec<PathBuf>);

impl Drop for Files {
    fn drop(&mut self) {
        for file in &self.0 {
            // One that is gone already is as good.
            let _ = std::fs::remove_file(file);
        }
    }
}

/// The events of the answer. Nothing happens before the first poll; dropping it cancels the request.
pub(crate) fn answer(
    supervisor: Arc<Supervisor>,
    question: BoxFuture<'static, Result<Question, Error>>,
    context: Context,
) -> EventStream {
    Box::pin(Events {
        opening: Some(Box::pin(open(supervisor, question, context.clone()))),
        watch: Watch::new(&Timers::default(), &context),
        running: None,
        late: None,
        ready: VecDeque::new(),
        failed: None,
        over: false,
    })
}

/// A request that was sent.
struct Running {
    connection: Arc<Connection>,
    id: u64,
    batches: mpsc::UnboundedReceiver<Batch>,
    budget: Arc<Budget>,
    said: usize,
    done: bool,
    _turn: OwnedSemaphorePermit,
    _files: Files,
    /// The process stays while this does.
    _supervisor: Arc<Supervisor>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.done {
            self.connection.abandon(self.id);
        }
    }
}

impl Running {
    fn too_long(&self) -> Error {
        let message = format!("the plugin's answer is longer than {} MiB: it was stopped", MOST_SAID >> 20);
        self.connection.named(Error::new(ErrorKind::PluginBug, message))
    }
}

async fn open(
    supervisor: Arc<Supervisor>,
    question: BoxFuture<'static, Result<Question, Error>>,
    context: Context,
) -> Result<(Running, Vec<Warning>), Error> {
    let Question { mut params, warnings, files } = question.await?;
    let connection = supervisor.connection().await?;
    let turn = connection.turns.clone().acquire_owned().await.map_err(|_| Error::cancelled())?;
    params.secrets = supervisor.secrets_for(&params.model, &context).await?;
    for secret in params.secrets.values().filter_map(|value| value.as_str()) {
        connection.log.hide(consort_core::Secret::new(secret));
    }
    params.deadline_ms = context.remaining().map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
    params.meta.traceparent = context.trace.as_ref().map(|trace| trace.traceparent.clone());
    params.meta.participant.clone_from(&context.participant);
    params.meta.raw = context.native_events;
    params.meta.run_tools = Some(context.tools.is_some());
    let (to, batches) = mpsc::unbounded_channel();
    let budget = Arc::new(Budget::default());
    let sink = Sink {
        reader: EventReader::new(&connection.wire).files(files_below(connection.folder.clone(), MOST_FILE)),
        to,
        budget: budget.clone(),
        native: context.native_events,
        tools: context.tools.clone(),
        log: connection.log.clone(),
        odd: Odd::new(&connection.plugin, connection.log.clone()),
        gave: false,
    };
    let id = connection.generate(&params, sink)?;
    let running = Running {
        connection,
        id,
        batches,
        budget,
        said: 0,
        done: false,
        _turn: turn,
        _files: files,
        _supervisor: supervisor,
    };
    Ok((running, warnings))
}

type Opening = BoxFuture<'static, Result<(Running, Vec<Warning>), Error>>;

struct Events {
    opening: Option<Opening>,
    watch: Watch,
    running: Option<Running>,
    /// It was not in time: where it is, is being asked.
    late: Option<BoxFuture<'static, Error>>,
    ready: VecDeque<Event>,
    /// Why it failed, to be told behind what is ready.
    failed: Option<Error>,
    over: bool,
}

impl Events {
    fn step(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        if let Some(opening) = &mut self.opening {
            match opening.as_mut().poll(cx) {
                Poll::Ready(opened) => {
                    self.opening = None;
                    let (running, warnings) = opened?;
                    self.ready.extend(warnings.into_iter().map(Event::Warning));
                    self.running = Some(running);
                }
                Poll::Pending => return self.watch.poll(cx).map(Err),
            }
        }
        if let Some(late) = &mut self.late {
            return late.as_mut().poll(cx).map(Err);
        }
        let Some(running) = &mut self.running else { return Poll::Pending };
        match running.batches.poll_recv(cx) {
            Poll::Pending => {
                let error = ready!(self.watch.poll(cx));
                if error.kind() != ErrorKind::Timeout {
                    return Poll::Ready(Err(error));
                }
                let (connection, id) = (running.connection.clone(), running.id);
                self.late = Some(Box::pin(async move { connection.late_answer(error, id).await }));
                // It is looked at at once.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(None) => Poll::Ready(Err(running.connection.gone())),
            Poll::Ready(Some(batch)) => {
                running.budget.take(batch.bytes);
                running.said += batch.said;
                if running.said > MOST_SAID {
                    // Its end cancels the request.
                    return Poll::Ready(Err(running.too_long()));
                }
                self.watch.began();
                self.watch.heard();
                match batch.events {
                    Ok(events) => self.ready.extend(events),
                    Err(error) => {
                        running.done = true;
                        return Poll::Ready(Err(error));
                    }
                }
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl Stream for Events {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(event) = this.ready.pop_front() {
                if matches!(event, Event::Finished(_))
                    && let Some(mut running) = this.running.take()
                {
                    running.done = true;
                    this.over = true;
                }
                return Poll::Ready(Some(Ok(event)));
            }
            if this.over {
                return Poll::Ready(this.failed.take().map(Err));
            }
            if let Err(error) = ready!(this.step(cx)) {
                this.over = true;
                if let Some(running) = this.running.as_ref().filter(|_| error.kind() != ErrorKind::Cancelled)
                {
                    // Beside what the plugin said itself: its row may say that it is ready, and so it is.
                    let line = format!("{FAILED}{}", error.message());
                    running.connection.log.add(super::Writer::Host, &line);
                    this.ready
                        .extend(running.connection.warnings_of(running.id).into_iter().map(Event::Warning));
                }
                // Dropping what runs cancels it.
                (this.running, this.opening) = (None, None);
                this.failed = Some(error);
            }
        }
    }
}
