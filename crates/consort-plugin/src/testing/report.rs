//! What a contract test found, for people.
use std::fmt;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What must hold, for which model.
    pub what: String,
    /// Why it does not hold.
    pub wrong: Option<String>,
}

/// What a contract test found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub findings: Vec<Finding>,
}

impl Report {
    pub fn is_good(&self) -> bool {
        self.wrong().next().is_none()
    }

    /// What does not hold.
    pub fn wrong(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.wrong.is_some())
    }

    /// Fails the test that calls it, unless all holds.
    #[allow(clippy::panic, reason = "this is how a test fails")]
    #[track_caller]
    pub fn assert(&self) {
        assert!(self.is_good(), "the provider does not keep to the contract\n{self}");
    }

    pub(super) fn add(&mut self, what: impl Into<String>, held: Result<(), String>) {
        self.findings.push(Finding { what: what.into(), wrong: held.err() });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            match &finding.wrong {
                None => writeln!(f, "  ok     {}", finding.what)?,
                Some(wrong) => writeln!(f, "  WRONG  {}: {wrong}", finding.what)?,
            }
        }
        Ok(())
    }
}
