//! Tells other processes of the same user what happens: each one that listens has a socket in a folder that they share.
use crate::{Bus, Subscription};
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The end of a socket's name.
const END: &str = "sock";

/// How many lines of several processes may wait for the listener itself; then the processes' own buffers fill.
const WAITING: usize = 256;

/// The way out of this process. A run looks once, when it starts, whether anybody listens, and waits for nobody.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    told: Arc<Mutex<HashSet<PathBuf>>>,
    tellers: Mutex<JoinSet<()>>,
}

impl Feed {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner { folder: folder.into(), told: Arc::default(), tellers: Mutex::default() }))
    }

    /// Begins to tell those who listen and are not told yet.
    pub(crate) fn look(&self, bus: &Bus) {
        let Ok(entries) = std::fs::read_dir(&self.0.folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_socket = path.extension().is_some_and(|end| end == END);
            if is_socket && lock(&self.0.told).insert(path.clone()) {
                let (heard, told) = (bus.subscribe(), self.0.told.clone());
                lock(&self.0.tellers).spawn(async move {
                    // A listener that goes away takes nothing with it.
                    let _ = tell(heard, &path).await;
                    lock(&told).remove(&path);
                });
            }
        }
    }

    /// Waits a moment until all is told, once the engine is gone.
    pub async fn finish(&self, limit: Duration) {
        let mut tellers = std::mem::take(&mut *lock(&self.0.tellers));
        // Who does not read has had its moment.
        let _ = tokio::time::timeout(limit, async { while tellers.join_next().await.is_some() {} }).await;
    }
}

async fn tell(mut heard: Subscription, path: &Path) -> io::Result<()> {
    let mut to = match UnixStream::connect(path).await {
        Ok(to) => to,
        Err(error) => {
            // The socket of a listener that was killed.
            if error.kind() == io::ErrorKind::ConnectionRefused {
                let _ = std::fs::remove_file(path);
            }
            return Err(error);
        }
    };
    while let Some(next) = heard.next().await {
        to.write_all(next.line().as_bytes()).await?;
    }
    to.shutdown().await
}

/// The way in: hears what all processes tell that start a run from now on.
pub struct Listener {
    path: PathBuf,
    lines: mpsc::Receiver<String>,
    /// Ends with the listener.
    _task: JoinSet<()>,
}

impl Listener {
    /// Listens in this folder, which is made for its user alone.
    pub fn bind(folder: &Path) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join(format!("{}.{END}", uuid::Uuid::now_v7().simple()));
        let socket = UnixListener::bind(&path)?;
        let (to, lines) = mpsc::channel(WAITING);
        let mut task = JoinSet::new();
        task.spawn(accept(socket, to));
        Ok(Self { path, lines, _task: task })
    }

    /// The next line of JSON.
    pub async fn next(&mut self) -> Option<String> {
        self.lines.recv().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // One that stays is removed by the next process that finds nobody behind it.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn accept(socket: UnixListener, to: mpsc::Sender<String>) {
    let mut readers = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => match accepted {
                Ok((stream, _)) => drop(readers.spawn(read(stream, to.clone()))),
                // Too many open files, say: those that there are go on.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
            Some(_) = readers.join_next() => {}
        }
    }
}

async fn read(stream: UnixStream, to: mpsc::Sender<String>) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if to.send(line).await.is_err() {
            return;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("folder", &self.0.folder).finish_non_exhaustive()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("path", &self.path).finish_non_exhaustive()
    }
}
