//! When two questions are the same.
use crate::settings::Keep;
use crate::spend;
use consort_core::{Body, Context, MediaSource, ModelCard, Part, Request};
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// What stands for a question: nobody can make two that share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

/// The key of a question to these targets by one who asks; nothing for one whose answer is not to be kept.
pub(crate) fn key_of<'a>(
    keep: &Keep,
    targets: impl Iterator<Item = &'a ModelCard>,
    request: &Request,
    context: &Context,
) -> Option<Key> {
    // Tools that run inside an answer do something besides answering.
    if context.tools.is_some() || context.native_events || !(keep.warm || is_cold(request)) {
        return None;
    }
    let mut parts =
        request.instructions.iter().chain(request.messages.iter().flat_map(|message| &message.parts));
    if parts.any(may_change) {
        return None;
    }
    let mut hash = Hasher(Sha256::new());
    for target in targets {
        hash.text(&target.id);
        hash.text(target.version.as_deref().unwrap_or_default());
    }
    hash.text(spend::key(context));
    hash.text(context.participant.as_deref().unwrap_or_default());
    // The name of a route and whether the answer is streamed change nothing in it, but both are rarely different.
    serde_json::to_writer(&mut hash, request).ok()?;
    Some(Key(hash.0.finalize().into()))
}

fn is_cold(request: &Request) -> bool {
    let option = request.options.get("temperature").and_then(serde_json::Value::as_f64);
    request.sampling.temperature.or(option) == Some(0.0)
}

/// Whether what a part names may be another thing tomorrow.
fn may_change(part: &Part) -> bool {
    match &part.body {
        Body::Media(media) => !matches!(media.source, MediaSource::Bytes(_)),
        Body::ToolResult(result) => result.content.iter().any(may_change),
        _ => false,
    }
}

struct Hasher(Sha256);

impl Hasher {
    /// A text with its length, so that two that follow each other are not another two.
    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
