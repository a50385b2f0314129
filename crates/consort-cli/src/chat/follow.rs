//! A chat follows the user's files: plugins that change, settings, routes, keys.
use super::session::Session;
use crate::setup::find;
use crate::stamps::Stamps;

impl Session {
    /// Follows what changed since the last look.
    pub(super) fn refresh(&mut self) {
        let plugins_changed = self.changes.as_mut().is_some_and(|changes| {
            let changed = changes.has_changed().unwrap_or(false);
            changes.borrow_and_update();
            changed
        });
        let now = Stamps::of(&self.setup);
        if now != self.seen {
            self.seen = now;
            self.read_again();
        } else if plugins_changed {
            self.look_again();
        }
    }

    /// Reads the settings anew. What is wrong in them is told once, and what was good of them holds.
    fn read_again(&mut self) {
        self.host = self.setup.read_again();
        // Where stderr is closed, nobody is left to tell.
        let _ = self.setup.tell_problems();
        self.follow_host();
    }

    /// Makes the host anew from the plugins as they are now. The set itself stays: it is the one that is watched.
    fn look_again(&mut self) {
        self.host = self.setup.host_now();
        self.follow_host();
    }

    /// The model that answers, and the names that can be typed, as they are now. A model that is gone says so when it is asked.
    fn follow_host(&mut self) {
        let aliases = self.setup.settings.aliases.keys().cloned();
        self.names.set(&self.host, aliases, self.setup.plugins.clone());
        if let Ok(model) = find(&self.host, &self.model.card().id) {
            self.model = model;
        }
    }
}
