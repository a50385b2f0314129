//! One plugin: what was found, what was learnt, and the process that answers for it.
use crate::examine::Findings;
use crate::found::{Dialect, Found, Kind};
use crate::home::Home;
use crate::learnt::{Learnt, Outcome};
use crate::process::{FAILED, LogLine, LogRing, MakeStart, Supervisor};
use crate::start::{folder, is_same_key, keys, start_of};
use crate::trouble::is_elsewhere;
use consort_core::{Context, Error};
use consort_plugin::protocol::Capabilities;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How long a plugin may take to list its models. Some ask a server.
pub(crate) const LISTING: Duration = Duration::from_secs(15);

/// One plugin.
pub struct Plugin {
    pub(crate) found: Found,
    pub(crate) home: Arc<Home>,
    pub(crate) supervisor: Arc<Supervisor>,
    learnt: Arc<Mutex<Option<Arc<Learnt>>>>,
    /// One check at a time.
    pub(crate) checking: tokio::sync::Mutex<()>,
    /// Somebody asks it again after it said that its models changed.
    pub(crate) following: AtomicBool,
    pub(crate) loading: Mutex<bool>,
    /// Its file was removed: what runs may end, and nothing new begins.
    pub(crate) gone: AtomicBool,
    pub(crate) folder: PathBuf,
}

impl Plugin {
    /// A plugin as it was found. What a cache knows of it is taken over; nothing runs.
    pub(crate) fn new(found: Found, home: Arc<Home>) -> Arc<Self> {
        // What was learnt of it while it was allowed to run says nothing when it is not.
        let runs = !found.untrusted && found.problem.is_none();
        let learnt = runs.then(|| home.cache().read(&found).map(Arc::new)).flatten();
        let kept = Arc::new(Mutex::new(learnt));
        let start: MakeStart = {
            let (found, home, kept) = (found.clone(), home.clone(), kept.clone());
            Box::new(move || {
                let (found, home) = (found.clone(), home.clone());
                let learnt = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Box::pin(async move { start_of(found, home, learnt.as_deref()).await })
            })
        };
        let plugin = Arc::new_cyclic(|own: &Weak<Self>| Self {
            folder: folder(&found, &home),
            supervisor: Arc::new(Supervisor::new(
                &found.id,
                LogRing::kept_in(home.logs(&found.id)),
                start,
                {
                    let own = own.clone();
                    Arc::new(move || own.upgrade().iter().for_each(Self::told_of_change))
                },
            )),
            found,
            home,
            learnt: kept,
            checking: tokio::sync::Mutex::default(),
            following: AtomicBool::new(false),
            loading: Mutex::default(),
            gone: AtomicBool::new(false),
        });
        plugin.tell_needs();
        plugin
    }

    pub fn id(&self) -> &str {
        &self.found.id
    }

    /// What stands on disk.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// Its last words.
    pub fn log(&self) -> &Arc<LogRing> {
        &self.supervisor.log
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn supervisor(&self) -> &Arc<Supervisor> {
        &self.supervisor
    }

    pub(crate) fn wire(&self) -> String {
        format!("plugin:{}", self.found.id)
    }

    /// What is known of it without running it.
    pub fn learnt(&self) -> Option<Arc<Learnt>> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is known of it; where nothing is, it is started and asked.
    pub async fn known(&self) -> Arc<Learnt> {
        match self.learnt() {
            Some(learnt) => learnt,
            None => self.check().await,
        }
    }

    /// What is known of it, where it can answer. One that could not is looked at again: it may have been mended.
    pub(crate) async fn ready(&self) -> Result<Arc<Learnt>, Error> {
        if self.gone.load(Ordering::Relaxed) {
            return Err(self.not_ready());
        }
        // A plugin that says that its models changed is asked again.
        if self.has_news() {
            self.list_again().await;
        }
        let known = self.learnt().filter(|learnt| learnt.outcome == Outcome::Ready);
        let learnt = match known {
            Some(learnt) => learnt,
            None => self.check().await,
        };
        if learnt.outcome == Outcome::Ready { Ok(learnt) } else { Err(self.not_ready()) }
    }

    /// Starts it, asks what it has, and keeps that. A plugin that is broken is a result and not an error.
    pub async fn check(&self) -> Arc<Learnt> {
        self.looked_at(false).await.0
    }

    /// The same, with what a plugin that did not start finds in itself, where `inspect` is set.
    pub(crate) async fn looked_at(&self, inspect: bool) -> (Arc<Learnt>, Option<Findings>) {
        let _turn = self.checking.lock().await;
        let (learnt, findings) = {
            let _loading = Loading::of(&self.loading);
            self.look(inspect).await
        };
        (self.keep(learnt), findings)
    }

    /// Takes over what it said of itself.
    pub(crate) fn keep(&self, learnt: Learnt) -> Arc<Learnt> {
        let learnt = Arc::new(learnt);
        *self.learnt.lock().unwrap_or_else(PoisonError::into_inner) = Some(learnt.clone());
        if self.cannot_run().is_none() {
            // Without the cache it is only asked again.
            let _ = self.home.cache().write(&self.found, &learnt);
        }
        self.tell_needs();
        learnt
    }

    async fn look(&self, inspect: bool) -> (Learnt, Option<Findings>) {
        if let Some(outcome) = self.cannot_run() {
            return (Learnt::of(outcome), None);
        }
        let connection = match self.supervisor.start(inspect).await {
            Ok(connection) => connection,
            Err(no) => return (Learnt::of(self.outcome_of(&no)), no.findings),
        };
        // What it said before this is answered by it.
        connection.took_change();
        let learnt = match connection.models(LISTING).await {
            Ok(listed) => self.lacking_key(Learnt::ready(self.id(), &connection.hello(), &listed)),
            Err(no) => Learnt::of(match self.outcome_of(&no) {
                Outcome::Broken { reason, at, .. } if is_elsewhere(&no) => Outcome::Unlisted { reason, at },
                Outcome::Broken { reason, at, help } => {
                    Outcome::Broken { reason: format!("it cannot list its models: {reason}"), at, help }
                }
                outcome => outcome,
            }),
        };
        (learnt, None)
    }

    fn tell_needs(&self) {
        let Some(learnt) = self.learnt() else { return };
        let needs = learnt.models.iter().map(|known| (known.card.name.clone(), known.secrets.clone()));
        self.supervisor.set_needs(needs.collect());
        if let Some(connection) = self.supervisor.running() {
            // It was started when nobody knew what its models need.
            let granted = self.home.granted(&self.found.file);
            connection.services.set_keys(keys(&self.found, Some(&learnt), &granted));
        }
    }

    pub(crate) async fn counts_tokens(&self) -> bool {
        Capabilities::has(&self.known().await.capabilities.count_tokens)
    }

    /// What sort of plugin it is, in a word.
    pub fn sort(&self) -> &'static str {
        match &self.found.kind {
            Kind::Process { .. } => "protocol",
            Kind::Python { dialect } => dialect.word(),
            Kind::Package { .. } => "package",
            Kind::Unknown => "unknown",
        }
    }

    /// The package that it stands for.
    pub fn package(&self) -> Option<&str> {
        match &self.found.kind {
            Kind::Package { name } => Some(name),
            _ => None,
        }
    }

    /// The packages that its file asks for.
    pub fn wanted_packages(&self) -> Vec<String> {
        let mut packages = self.found.dependencies.clone();
        if self.found.kind == (Kind::Python { dialect: Dialect::Llm })
            && !packages.iter().any(|package| package.starts_with("llm"))
        {
            packages.insert(0, "llm".into());
        }
        packages
    }

    /// The environment variables that it reads.
    pub fn variables(&self) -> Vec<String> {
        let learnt = self.learnt();
        let mut all = self.found.env.clone();
        all.extend(learnt.iter().flat_map(|learnt| learnt.env.iter().cloned()));
        all.sort();
        all.dedup();
        all
    }

    /// The variables that it reads, that are set, and that it does not see.
    pub fn withheld(&self) -> Vec<String> {
        let seen: BTreeSet<String> = self.home.plain_env().into_iter().map(|(name, _)| name).collect();
        let granted = self.granted();
        let keys = self.found.manifest.env.clone().unwrap_or_default();
        let mut all = self.variables();
        all.retain(|name| {
            let is_its = seen.contains(name) || granted.contains(name) || keys.contains_key(name);
            !is_its && self.home.env.get(name).is_some()
        });
        all
    }

    /// What it was granted.
    pub fn granted(&self) -> BTreeSet<String> {
        self.home.granted(&self.found.file)
    }

    /// Its file is gone.
    pub(crate) fn vanish(&self) {
        self.gone.store(true, Ordering::Relaxed);
        self.supervisor.stop();
    }

    /// Grants it the keys that its models name, or its list needs, and that are nobody else's: done where the user installs it. Gives the
    /// names of those that it was granted.
    pub fn grant_own_keys(&self) -> Result<Vec<String>, Error> {
        let Some(learnt) = self.learnt() else { return Ok(Vec::new()) };
        let (allowed, _) = self.home.allowed.read();
        let file = std::fs::canonicalize(&self.found.file).unwrap_or_else(|_| self.found.file.clone());
        let mut given = Vec::new();
        for name in learnt.keys().into_iter().map(|key| key.name) {
            // By any spelling: a name in other letters reaches the same variable.
            let is_it = |known: &String| is_same_key(known, &name);
            let is_owned = self.home.owned.iter().any(is_it);
            let is_others =
                allowed.grants().any(|(_, other, names)| other != file && names.iter().any(is_it));
            if !is_owned && !is_others && self.home.allowed.grant(&self.found, &name)? {
                given.push(name);
            }
        }
        Ok(given)
    }

    /// What it may use changed: its process is ended. What was learnt of it holds until it is looked at again.
    pub fn renew(&self) {
        self.home.cache().forget(&self.found);
        self.supervisor.stop();
    }

    /// Whether it is known to answer, whatever its keys are now.
    pub(crate) fn has_answered(&self) -> bool {
        let known = || self.learnt().is_some_and(|learnt| learnt.outcome == Outcome::Ready);
        !self.gone.load(Ordering::Relaxed) && self.cannot_run().is_none() && known()
    }

    /// Forgets what was learnt of it: it is looked at anew.
    pub fn forget(&self) {
        self.home.cache().forget(&self.found);
        *self.learnt.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.supervisor.stop();
    }

    /// Its last words, also those of another process that ran it.
    pub fn kept_log(&self) -> Vec<LogLine> {
        let own = self.supervisor.log.said();
        if !own.is_empty() {
            return own;
        }
        LogRing::kept(&self.home.logs(self.id()))
    }

    /// Why its last answer that failed did, as far back as its log goes.
    pub fn last_failure(&self) -> Option<String> {
        let log = self.kept_log();
        log.iter().rev().find_map(|line| line.text.strip_prefix(FAILED).map(str::to_owned))
    }

    /// Whether its process answers, and how quickly.
    pub async fn ping(&self) -> Result<Duration, Error> {
        const LIMIT: Duration = Duration::from_secs(5);
        let connection = self.supervisor.connection().await?;
        let begun = Instant::now();
        connection.call::<Value>("ping", json!({}), LIMIT).await?;
        Ok(begun.elapsed())
    }

    /// The context of calls that nobody else makes one for: with the user's stored keys.
    pub(crate) fn context(&self) -> Context {
        self.home.context(None)
    }

    /// Whether it is written in Python.
    pub fn is_python(&self) -> bool {
        matches!(self.found.kind, Kind::Python { .. } | Kind::Package { .. })
    }
}

/// Notes that it is being looked at, also until whoever looks goes away.
struct Loading<'a>(&'a Mutex<bool>);

impl<'a> Loading<'a> {
    fn of(flag: &'a Mutex<bool>) -> Self {
        *flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
        Self(flag)
    }
}

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Plugin").field(&self.found.id).finish()
    }
}
