//! A process's stdin and stdout as a transport: lines of bounded length in both directions.
use crate::flood::{Due, Flood};
use crate::process::Wish;
use consort_process::{Line, Lines, LogRing, Writer};
use rmcp::RoleClient;
use rmcp::model::{ErrorCode, ErrorData, JsonRpcMessage, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde::Deserialize;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::mpsc;

/// A line may hold a picture; more than this is no message.
pub(crate) const MOST_OF_LINE: usize = 16 << 20;
/// A server that does not read what it is sent is stopped when this much waits.
const MOST_QUEUED: usize = 32 << 20;

pub(crate) struct Pipe {
    lines: Lines<ChildStdout>,
    reader: Reader,
    out: Option<mpsc::UnboundedSender<String>>,
    queued: Arc<AtomicUsize>,
    wish: Arc<Wish>,
}

struct Reader {
    log: Arc<LogRing>,
    due: Due,
    flood: Flood,
}

/// What can be told of a line that is no message of the protocol.
#[derive(Deserialize)]
struct Sketch {
    id: Option<RequestId>,
    method: Option<String>,
}

impl Pipe {
    pub(crate) fn new(stdin: ChildStdin, stdout: ChildStdout, log: Arc<LogRing>, wish: Arc<Wish>) -> Self {
        let (out, lines) = mpsc::unbounded_channel();
        let queued = Arc::<AtomicUsize>::default();
        tokio::spawn(write(stdin, lines, queued.clone()));
        let reader = Reader { log, due: Due::default(), flood: Flood::default() };
        Self { lines: Lines::new(stdout, MOST_OF_LINE), reader, out: Some(out), queued, wish }
    }

    fn put(&mut self, message: &TxJsonRpcMessage<RoleClient>) -> io::Result<()> {
        let gone = || io::Error::new(io::ErrorKind::NotConnected, "the server is gone");
        let mut line = serde_json::to_string(message)?;
        line.push('\n');
        self.reader.due.sent(message);
        let queued = self.queued.fetch_add(line.len(), Relaxed) + line.len();
        if queued > MOST_QUEUED {
            self.wish.kill("it does not read what it is sent");
        }
        self.out.as_ref().ok_or_else(gone)?.send(line).map_err(|_| gone())
    }
}

impl Transport<RoleClient> for Pipe {
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        std::future::ready(self.put(&item))
    }

    /// Whoever stops waiting loses nothing: what was read so far stays.
    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            self.reader.flood.rest().await;
            let message = match self.lines.next().await {
                Ok(Some(Line::Whole(line))) => self.reader.line(line),
                Ok(Some(Line::Passing(bytes))) => {
                    self.reader.flood.add(bytes);
                    None
                }
                Ok(Some(Line::TooLong)) => self.reader.too_long(),
                Ok(None) | Err(_) => {
                    self.wish.silent();
                    return None;
                }
            };
            if message.is_some() {
                return message;
            }
        }
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        // Its stdin closes, which asks a server to end.
        self.out = None;
        std::future::ready(Ok(()))
    }
}

impl Reader {
    fn line(&mut self, line: &[u8]) -> Option<RxJsonRpcMessage<RoleClient>> {
        if line.iter().all(u8::is_ascii_whitespace) {
            self.flood.add(0);
            return None;
        }
        let Ok(message) = serde_json::from_slice::<RxJsonRpcMessage<RoleClient>>(line) else {
            self.flood.add(line.len());
            return self.no_message(line);
        };
        if !self.due.is_answer(&message) {
            self.flood.add(line.len());
        }
        Some(message)
    }

    /// A line that is no message: words that were meant for people, or an answer that is none.
    fn no_message(&mut self, line: &[u8]) -> Option<RxJsonRpcMessage<RoleClient>> {
        match serde_json::from_slice::<Sketch>(line) {
            Ok(Sketch { id: Some(id), method: None }) if self.due.take(&id) => {
                Some(failed(id, "the server's answer could not be read"))
            }
            // A notification of a kind that nobody knows here.
            Ok(Sketch { method: Some(_), .. }) => None,
            _ => {
                self.log.add(Writer::Stdout, &format!("stray output: {}", String::from_utf8_lossy(line)));
                None
            }
        }
    }

    /// A line was too long: where one request alone is open, it was meant.
    fn too_long(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let what = format!("the server sent more than {} MiB in one line", MOST_OF_LINE >> 20);
        self.log.add(Writer::Host, &what);
        let id = self.due.only()?;
        Some(failed(id, what))
    }
}

/// An answer in the place of one that was none.
fn failed(id: RequestId, what: impl Into<String>) -> RxJsonRpcMessage<RoleClient> {
    JsonRpcMessage::error(ErrorData::new(UNREADABLE, what.into(), None), Some(id))
}

/// Marks an answer that was made here: the server's own could not be read.
pub(crate) const UNREADABLE: ErrorCode = ErrorCode(-32_099);

/// Writes lines to the process until it is gone, or nothing more is to be sent.
async fn write(mut stdin: ChildStdin, mut lines: mpsc::UnboundedReceiver<String>, queued: Arc<AtomicUsize>) {
    while let Some(line) = lines.recv().await {
        let written = stdin.write_all(line.as_bytes()).await;
        queued.fetch_sub(line.len(), Relaxed);
        if written.is_err() {
            return;
        }
    }
}
