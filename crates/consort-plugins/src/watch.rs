//! Watches the plugin folders: a file that is saved is looked at again.
use crate::set::Plugins;
use notify::{RecursiveMode, Watcher};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

/// Editors save in several steps: after so long without another, they are done.
const QUIET: Duration = Duration::from_millis(75);
/// And they are taken to be after this.
const LONGEST: Duration = Duration::from_millis(300);
/// Some folders (mounts, networks) tell nothing: they are looked at anyway.
const POLL: Duration = Duration::from_secs(5);

impl Plugins {
    /// Watches until the returned handle is dropped. Folders that appear later are found by looking.
    pub fn watch(&self) -> Watching {
        let (to, mut events) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| event.paths.iter().any(|path| matters(path))) {
                // Nobody listens any more when the program ends.
                let _ = to.send(());
            }
        });
        // Without a watcher (too many already, say) the folders are still looked at.
        let mut watcher = watcher.ok();
        let plugins = self.clone();
        let task = tokio::spawn(async move {
            loop {
                if let Some(watcher) = &mut watcher {
                    watch_folders(watcher, &plugins);
                }
                tokio::select! {
                    _ = events.recv(), if watcher.is_some() => {
                        // Somebody who never stops writing must not keep the rest from being seen.
                        let begun = std::time::Instant::now();
                        while begun.elapsed() < LONGEST
                            && let Ok(Some(())) = tokio::time::timeout(QUIET, events.recv()).await {}
                    }
                    () = tokio::time::sleep(POLL) => {}
                }
                plugins.rescan();
            }
        });
        Watching(task)
    }
}

/// Watches while it lives.
#[derive(Debug)]
pub struct Watching(tokio::task::JoinHandle<()>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Watches the folders that are there. Again each time: one that was removed and made anew is another.
fn watch_folders(watcher: &mut impl Watcher, plugins: &Plugins) {
    for folder in plugins.folders().iter().filter(|folder| folder.path.is_dir()) {
        // A folder that cannot be watched is still looked at.
        let _ = watcher.watch(&folder.path, RecursiveMode::NonRecursive);
    }
}

/// Not the drafts of editors.
fn matters(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !(name.starts_with('.') || name.ends_with('~') || name.ends_with(".tmp") || name.ends_with(".swp"))
}
