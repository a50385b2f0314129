//! What is known of servers that do not run: how many tools each listed last.
use consort_settings::files::{self, Readers};
use consort_settings::{McpReach, McpServer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) folder: PathBuf,
}

/// What was learnt when the server ran last.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The description that it was started by.
    mark: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tools: Option<usize>,
    /// Why it did not start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl Cache {
    /// What is known, unless the description is another by now.
    pub(crate) fn read(&self, prefix: &str, server: &McpServer) -> Option<Kept> {
        let text = files::read(&self.folder.join(format!("{prefix}.json"))).ok()??;
        serde_json::from_str::<Kept>(&text).ok().filter(|kept| kept.mark == mark(server))
    }

    pub(crate) fn write(&self, prefix: &str, server: &McpServer, outcome: Result<usize, String>) {
        let (tools, reason) = match outcome {
            Ok(tools) => (Some(tools), None),
            Err(reason) => (None, Some(reason)),
        };
        let kept = Kept { mark: mark(server), tools, reason };
        if self.read(prefix, server).is_some_and(|known| known == kept) {
            return;
        }
        let Ok(text) = serde_json::to_string(&kept) else { return };
        // What cannot be kept is asked again.
        let _ = files::change(&self.folder.join(format!("{prefix}.json")), Readers::Anyone, |_| Ok(text));
    }

    /// Where the server's last words are kept, by each program that ran it.
    pub(crate) fn logs(&self, prefix: &str) -> PathBuf {
        self.folder.join(format!("{prefix}.logs"))
    }
}

/// A mark of the description. Values may be keys: they are in it as a digest only.
fn mark(server: &McpServer) -> String {
    let mut digest = Sha256::new();
    let mut add = |text: &str| {
        digest.update(text);
        digest.update([0]);
    };
    let pairs = match &server.reach {
        McpReach::Command { command, args, env } => {
            add(command);
            args.iter().for_each(|word| add(word));
            env
        }
        McpReach::Url { url, headers } => {
            add(url);
            headers
        }
    };
    pairs.iter().for_each(|(name, value)| {
        add(name);
        add(value);
    });
    server.tools.iter().flatten().for_each(|tool| add(tool));
    format!("{:x}", digest.finalize())
}
