//! All plugins at one moment, and how they change while the program runs.
use crate::found::{Folder, Found, Scan, StateFile, scan};
use crate::home::Home;
use crate::learnt::{Learnt, Outcome};
use crate::plugin::Plugin;
use crate::provider::PluginProvider;
use crate::start::conditions;
use consort_core::{Provider, State};
use consort_settings::Problem;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// All plugins. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub struct Plugins(Arc<Inner>);

struct Inner {
    home: Arc<Home>,
    folders: Vec<Folder>,
    entries: Mutex<BTreeMap<String, Entry>>,
}

/// One row: the plugin that answers, and the newer version that is being looked at or failed.
#[derive(Clone)]
struct Entry {
    plugin: Arc<Plugin>,
    next: Option<Arc<Plugin>>,
    gone: bool,
}

/// One row of a list.
#[derive(Debug, Clone)]
pub struct Row {
    /// The plugin that is on disk now.
    pub plugin: Arc<Plugin>,
    pub state: State,
    /// What to do about the state.
    pub help: Option<String>,
    /// Whether an older version still answers.
    pub older_answers: bool,
    /// What is known of it: of the version that still answers, while nobody looked at this one.
    pub learnt: Option<Arc<Learnt>>,
}

impl Plugins {
    /// What stands in the folders now. Nothing of it runs.
    ///
    /// What was wrong with the folders themselves is returned too.
    pub fn open(home: Home, folders: Vec<Folder>) -> (Self, Vec<Problem>) {
        let home = Arc::new(home);
        let Scan { found, problems } = look(&folders, &home);
        let entries = keyed(found).into_iter().map(|(key, found)| {
            let plugin = Plugin::new(found, home.clone());
            (key, Entry { plugin, next: None, gone: false })
        });
        let entries = Mutex::new(entries.collect());
        (Self(Arc::new(Inner { home, folders, entries })), problems)
    }

    /// What the user allows.
    pub fn allowed(&self) -> &StateFile {
        &self.0.home.allowed
    }

    /// Whether some plugin was granted this key or variable.
    pub fn is_granted(&self, name: &str) -> bool {
        self.allowed().read().0.grants().any(|(_, _, names)| names.contains(name))
    }

    /// Whether some plugin's file names this key.
    pub fn is_named(&self, key: &str) -> bool {
        self.entries().values().any(|entry| {
            let found = entry.plugin.found();
            let variables = found.manifest.env.iter().flatten();
            found.secrets.iter().any(|name| name == key) || variables.into_iter().any(|(_, name)| name == key)
        })
    }

    pub fn home(&self) -> &Arc<Home> {
        &self.0.home
    }

    pub(crate) fn folders(&self) -> &[Folder] {
        &self.0.folders
    }

    /// The rows, by id.
    pub fn rows(&self) -> Vec<Row> {
        self.entries().into_values().map(|entry| entry.row()).collect()
    }

    /// The plugin that answers under this id.
    pub fn find(&self, id: &str) -> Option<Arc<Plugin>> {
        self.entries().get(id).map(|entry| entry.plugin.clone())
    }

    /// The plugins as providers. A host is made of them anew after a change.
    pub fn providers(&self) -> Vec<Arc<dyn Provider>> {
        let entries = self.entries().into_iter();
        // Of several files with one name, only the first is a provider, and none that has a provider's name.
        let named = entries
            .filter(|(key, entry)| key == entry.plugin.id() && !self.0.home.taken.contains(key))
            .map(|(_, entry)| entry);
        named.map(|entry| Arc::new(PluginProvider::new(entry.plugin)) as Arc<dyn Provider>).collect()
    }

    /// Rings at each change of a row: a counter.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.home.changes.subscribe()
    }

    fn entries(&self) -> BTreeMap<String, Entry> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Entry>)) {
        change(&mut self.0.entries.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.home.changes.send_modify(|count| *count += 1);
    }

    /// Looks at the folders again. What is new or changed is checked in the background, and answers once it was found
    /// good; until then the old version does.
    pub fn rescan(&self) {
        let Scan { found, .. } = look(&self.0.folders, &self.0.home);
        let mut fresh: Vec<(String, Arc<Plugin>)> = Vec::new();
        let old = self.entries();
        let mut gone: Vec<String> = old.keys().cloned().collect();
        for (key, found) in keyed(found) {
            gone.retain(|old| *old != key);
            let same = |plugin: &Arc<Plugin>| is_same(plugin.found(), &found);
            let known = old.get(&key);
            let newest = known.map(|entry| entry.next.as_ref().unwrap_or(&entry.plugin));
            if newest.is_some_and(same) && known.is_some_and(|entry| !entry.gone) {
                continue;
            }
            fresh.push((key, Plugin::new(found, self.0.home.clone())));
        }
        gone.retain(|id| old.get(id).is_some_and(|entry| !entry.gone));
        if fresh.is_empty() && gone.is_empty() {
            return;
        }
        self.change(|entries| {
            for id in gone {
                if let Some(entry) = entries.get_mut(&id) {
                    entry.gone = true;
                    entry.next = None;
                    entry.plugin.vanish();
                }
            }
            for (key, plugin) in &fresh {
                match entries.get_mut(key) {
                    Some(entry) if !entry.gone && entry.plugin.has_answered() => {
                        entry.next = Some(plugin.clone());
                    }
                    _ => drop(
                        entries
                            .insert(key.clone(), Entry { plugin: plugin.clone(), next: None, gone: false }),
                    ),
                }
            }
        });
        for (_, plugin) in fresh {
            let plugins = self.clone();
            tokio::spawn(async move { plugins.check(plugin).await });
        }
    }

    /// What answered in an older set goes on answering here until it was looked at, also under other keys and grants.
    pub fn following(self, older: &Self) -> Self {
        let old = older.entries();
        self.change(|entries| {
            for (key, entry) in entries {
                let before = old.get(key).filter(|before| !before.gone).map(|before| &before.plugin);
                let is_its = |before: &&Arc<Plugin>| {
                    before.found().file == entry.plugin.found().file && before.has_answered()
                };
                if entry.plugin.state() == State::Unchecked
                    && let Some(before) = before.filter(is_its)
                {
                    entry.next = Some(std::mem::replace(&mut entry.plugin, before.clone()));
                }
            }
        });
        self
    }

    /// Checks all that nobody looked at yet, side by side but few at once.
    pub async fn check_all(&self) {
        const AT_ONCE: usize = 4;
        let mut waiting: Vec<Arc<Plugin>> = self
            .rows()
            .into_iter()
            .filter(|row| row.state == State::Unchecked)
            .map(|row| row.plugin)
            .collect();
        waiting.reverse();
        let mut running = tokio::task::JoinSet::new();
        loop {
            while running.len() < AT_ONCE
                && let Some(plugin) = waiting.pop()
            {
                let plugins = self.clone();
                running.spawn(async move { plugins.check(plugin).await });
            }
            if running.join_next().await.is_none() {
                return;
            }
        }
    }

    /// Checks one plugin, and lets it answer where it is good.
    pub async fn check(&self, plugin: Arc<Plugin>) {
        self.0.home.changes.send_modify(|count| *count += 1);
        let good = plugin.check().await.outcome == Outcome::Ready;
        self.change(|entries| {
            if let Some(entry) = entries.get_mut(plugin.id())
                && entry.next.as_ref().is_some_and(|next| Arc::ptr_eq(next, &plugin))
                && good
            {
                // Runs in flight hold the old one until they end.
                entry.plugin = plugin;
                entry.next = None;
            }
        });
    }

    /// Removes what is kept of plugins whose files are gone.
    pub fn sweep(&self) {
        self.0.home.cache().sweep();
    }

    /// Ends all processes in order, and waits for that a moment: what is not gone by then is ended at once when the
    /// runtime is.
    pub async fn end(&self, limit: Duration) {
        let entries = self.entries().into_values();
        let running: Vec<_> = entries.filter_map(|entry| entry.plugin.supervisor().running()).collect();
        self.stop();
        let all = async {
            for connection in running {
                connection.gone_for_good().await;
            }
        };
        // Whoever takes longer has had its chance.
        let _ = tokio::time::timeout(limit, all).await;
    }

    /// Ends all processes. The next call of a plugin starts its own again.
    pub fn stop(&self) {
        for entry in self.entries().into_values() {
            entry.plugin.supervisor().stop();
        }
    }
}

impl Entry {
    fn row(&self) -> Row {
        let newest = self.next.as_ref().unwrap_or(&self.plugin);
        Row {
            plugin: newest.clone(),
            state: newest.state(),
            help: newest.help(),
            older_answers: self.next.is_some(),
            learnt: newest.learnt().or_else(|| self.plugin.learnt()),
        }
    }
}

/// What stands in the folders, and what else decides how it runs.
fn look(folders: &[Folder], home: &Home) -> Scan {
    let mut scan = scan(folders, &home.salt());
    for found in &mut scan.found {
        if home.taken.contains(&found.id) && found.problem.is_none() {
            let message = format!("`{}` is already the name of a provider", found.id);
            found.problem = Some(Problem::new(&found.file, message).help("give the file another name"));
        }
        found.depends_on(&conditions(found, home));
    }
    scan
}

/// Each under its id; those whose id is taken by another, under their file too.
fn keyed(found: Vec<Found>) -> Vec<(String, Found)> {
    let (good, bad): (Vec<Found>, Vec<Found>) = found.into_iter().partition(|found| found.problem.is_none());
    let mut taken = BTreeSet::new();
    let all = good.into_iter().chain(bad);
    all.map(|found| {
        let key = if taken.insert(found.id.clone()) {
            found.id.clone()
        } else {
            format!("{}\0{}", found.id, found.file.display())
        };
        (key, found)
    })
    .collect()
}

fn is_same(one: &Found, other: &Found) -> bool {
    one.file == other.file && one.fingerprint == other.fingerprint && one.untrusted == other.untrusted
}

impl fmt::Debug for Plugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.entries().keys()).finish()
    }
}
