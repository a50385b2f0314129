//! Replay: judges the wires by recorded traffic.
mod answer;
mod live;
mod meaning;
mod meaning_gemini;
mod meaning_responses;
mod others;
mod recording;
mod request;
mod special;
mod spelling;

pub(crate) use recording::Recording;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// The disagreements that stand, each with its reason: `id: reason`, a line each.
const EXCEPTIONS: &str = include_str!("exceptions.txt");
/// No more of what is judged may stand there.
const MOST_EXCEPTIONS: f64 = 0.01;

/// Which recordings to judge.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub provider: Option<String>,
    pub kind: Option<String>,
    pub only: Option<String>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    pub passed: usize,
    /// One line for each.
    pub failures: Vec<String>,
    /// Disagreements that stand with a reason.
    pub excepted: Vec<String>,
    /// Requests that were read and rewritten.
    pub requests: usize,
    /// Kinds that no wire is for.
    pub not_judged: BTreeMap<String, usize>,
}

/// Judges every recording below `dir`.
pub fn run(dir: &Path, filter: &Filter) -> Result<Report, String> {
    let exceptions: BTreeMap<&str, &str> = EXCEPTIONS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(": "))
        .collect();
    let mut report = Report::default();
    for file in files(dir)? {
        let recording = match Recording::read(&file) {
            Ok(recording) => recording,
            Err(error) => {
                report.failures.push(error);
                continue;
            }
        };
        if !filter.takes(&recording) {
            continue;
        }
        judge(&recording, &exceptions, &mut report);
    }
    let judged = report.passed + report.failures.len() + report.excepted.len();
    if report.excepted.len() as f64 > judged as f64 * MOST_EXCEPTIONS && judged > 100 {
        let count = report.excepted.len();
        report.failures.push(format!("exceptions: {count} of {judged} judged are over 1%"));
    }
    Ok(report)
}

fn judge(recording: &Recording, exceptions: &BTreeMap<&str, &str>, report: &mut Report) {
    let mut wrong = match (recording.kind.as_str(), recording.wire()) {
        ("realtime-ws", _) => live::check(recording),
        (kind, None) => {
            *report.not_judged.entry(kind.to_owned()).or_default() += 1;
            return;
        }
        ("embeddings", Some(wire)) => others::embeddings(recording, wire),
        ("models", Some(wire)) => others::models(recording, wire),
        ("count-tokens", Some(wire)) => others::count(recording, wire),
        (_, Some(wire)) => answer::check(recording, wire),
    };
    if let Some(wire) = recording.wire().filter(|_| recording.has_chat_request()) {
        report.requests += 1;
        wrong.extend(request::check(recording, wire));
    }
    if wrong.is_empty() {
        report.passed += 1;
        return;
    }
    let line = format!("{}: {}", recording.id, wrong.join("; "));
    match exceptions.get(recording.id.as_str()) {
        Some(reason) => report.excepted.push(format!("{line} (stands: {reason})")),
        None => report.failures.push(line),
    }
}

pub(crate) fn files(dir: &Path) -> Result<BTreeSet<PathBuf>, String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "json")
                && path.file_stem() != Some("index".as_ref())
            {
                found.insert(path);
            }
        }
    }
    Ok(found)
}

impl Filter {
    fn takes(&self, recording: &Recording) -> bool {
        let fits =
            |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
        fits(&self.provider, &recording.provider)
            && fits(&self.kind, &recording.kind)
            && fits(&self.only, &recording.id)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.failures {
            writeln!(f, "FAIL {line}")?;
        }
        for line in &self.excepted {
            writeln!(f, "known {line}")?;
        }
        for (kind, count) in &self.not_judged {
            writeln!(f, "not judged: {count} of kind {kind}")?;
        }
        writeln!(
            f,
            "{} requests read and rewritten, {} known disagreements",
            self.requests,
            self.excepted.len()
        )?;
        writeln!(f, "{} passed, {} failed", self.passed, self.failures.len())
    }
}
