//! A text that comes in pieces, is corrected, and is known in the end; for formats that can only add to it.
use consort_core::TranscriptMode;

/// What is known of a text, and what was told of it.
#[derive(Debug, Default)]
pub(super) struct Words {
    told: String,
    known: Option<String>,
    is_final: bool,
}

impl Words {
    /// What is to be told now. What was told cannot be taken back: a correction waits for the end.
    pub(super) fn add(&mut self, mode: TranscriptMode, text: &str) -> Option<String> {
        self.is_final |= mode == TranscriptMode::Final;
        if mode == TranscriptMode::Delta {
            self.told.push_str(text);
            self.known = None;
            return Some(text.to_owned()).filter(|piece| !piece.is_empty());
        }
        self.known = Some(text.to_owned());
        let more = text.strip_prefix(self.told.as_str())?.to_owned();
        self.told.push_str(&more);
        Some(more).filter(|piece| !piece.is_empty())
    }

    /// All of it, as far as it is known.
    pub(super) fn whole(&self) -> &str {
        self.known.as_deref().unwrap_or(&self.told)
    }

    /// All that was said, also where it turned out that only the beginning of it was heard.
    pub(super) fn said(&self) -> &str {
        match &self.known {
            Some(known) if !self.told.starts_with(known.as_str()) => known,
            _ => &self.told,
        }
    }

    pub(super) fn is_final(&self) -> bool {
        self.is_final
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_only_added_to() {
        let mut words = Words::default();
        assert_eq!(words.add(TranscriptMode::Delta, "Hel").as_deref(), Some("Hel"));
        assert_eq!(words.add(TranscriptMode::Replacement, "Hello").as_deref(), Some("lo"));
        assert_eq!(words.add(TranscriptMode::Replacement, "Yellow"), None);
        assert_eq!((words.whole(), words.is_final()), ("Yellow", false));
        assert_eq!(words.add(TranscriptMode::Final, "Hello!").as_deref(), Some("!"));
        assert_eq!((words.whole(), words.is_final()), ("Hello!", true));
    }
}
