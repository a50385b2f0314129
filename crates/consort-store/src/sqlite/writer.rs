//! The one thread that writes. What waits is written together: many turns that grow cost one commit.
use super::call::Work;
use super::fault::{Done, Fault};
use super::lease::Lease;
use super::{open, recover};
use consort_core::{Error, ErrorKind};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

/// More in one commit would only keep the first waiting.
const TOGETHER: usize = 256;

/// What work that writes is given.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    lease: Option<Lease>,
}

impl Session {
    /// This process's number among those that write, where it has one.
    pub(super) fn writer(&self) -> Option<i64> {
        self.lease.as_ref().map(|lease| lease.writer)
    }
}

/// Work, and whether it begins a turn that runs on.
struct Job {
    work: Box<dyn Work<Session>>,
    runs: bool,
}

#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    thread: Mutex<Option<(Sender<Job>, JoinHandle<()>)>>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

impl Writer {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, thread: Mutex::new(None) }
    }

    /// Hands work over; the thread starts with the first.
    pub(super) fn send(&self, work: Box<dyn Work<Session>>, runs: bool) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let job = Job { work, runs };
        if let Some((to, _)) = &*thread {
            // A thread that is gone drops the job, which says so.
            let _ = to.send(job);
            return;
        }
        let (to, from) = channel();
        let path = self.path.clone();
        let _ = to.send(job);
        if let Ok(handle) =
            std::thread::Builder::new().name("store writer".into()).spawn(move || write(path, &from))
        {
            *thread = Some((to, handle));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((to, handle)) = thread {
            drop(to);
            let _ = handle.join();
        }
    }
}

fn write(path: PathBuf, from: &Receiver<Job>) {
    let mut session: Option<Session> = None;
    while let Ok(first) = from.recv() {
        let mut jobs = vec![first];
        jobs.extend(from.try_iter().take(TOGETHER - 1));
        let ready = match session.take() {
            Some(session) => Ok(session),
            None => open::to_write(&path).map(|connection| Session {
                connection,
                path: path.clone(),
                lease: None,
            }),
        };
        match ready {
            Ok(mut ready) => {
                together(&mut ready, jobs);
                session = Some(ready);
            }
            // The next one tries again: the disk may have room by then.
            Err(error) => answer(jobs, &path, Some(&error)),
        }
    }
    if let Some(mut session) = session
        && let Some(lease) = session.lease.take()
    {
        let _ = lease.give_back(&session.connection);
    }
}

fn answer(jobs: Vec<Job>, path: &Path, failed: Option<&Error>) {
    for job in jobs {
        job.work.answer(path, failed);
    }
}

/// Does all of it in one transaction, and says the results when they are kept.
fn together(session: &mut Session, mut jobs: Vec<Job>) {
    let had = session.lease.is_some();
    let failed = attempt(session, &mut jobs).err().map(|fault| fault.of(&session.path));
    if failed.is_some() {
        if !session.connection.is_autocommit() {
            let _ = session.connection.execute_batch("ROLLBACK");
        }
        if !had && let Some(lease) = session.lease.take() {
            lease.remove();
        }
    }
    answer(jobs, &session.path, failed.as_ref());
}

fn attempt(session: &mut Session, jobs: &mut [Job]) -> Done<()> {
    session.connection.execute_batch("BEGIN IMMEDIATE")?;
    if session.lease.is_none() && jobs.iter().any(|job| job.runs) {
        recover::interrupted(&session.connection, &session.path)?;
        session.lease = Some(Lease::take(&session.connection, &session.path)?);
    }
    for job in jobs {
        session.connection.execute_batch("SAVEPOINT job")?;
        if job.work.run(session).is_err() {
            if session.connection.is_autocommit() {
                // The database gave the whole transaction up: what came before this one is not kept either.
                let what = "the database gave up what was being written; there may be no room left";
                return Err(Fault::Said(Error::new(ErrorKind::Server, what)));
            }
            session.connection.execute_batch("ROLLBACK TO job")?;
        }
        session.connection.execute_batch("RELEASE job")?;
    }
    session.connection.execute_batch("COMMIT")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::{ConversationQuery, NewConversation, SqliteStore, Store};
    use consort_core::ErrorKind;
    use pollster::block_on;

    #[test]
    fn a_full_disk_is_said_and_takes_nothing_with_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = SqliteStore::open(folder.path().join("consort.db")).unwrap();
        let create = || {
            let title = Some("x".repeat(30_000));
            block_on(store.create(NewConversation { title, ..NewConversation::default() }))
        };
        create().unwrap();
        let most = |pages: u32| {
            block_on(store.write(move |session| {
                Ok(session
                    .connection
                    .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, u32>(0))?)
            }))
        };
        most(100).unwrap();
        let mut kept = 1;
        let error = loop {
            match create() {
                Ok(_) => kept += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Setup);
        assert!(error.message().starts_with("there is no room left"), "{error}");
        most(1_000_000).unwrap();
        create().unwrap();
        let all = block_on(store.conversations(ConversationQuery::default())).unwrap();
        assert_eq!(all.len(), kept + 1);
    }
}
