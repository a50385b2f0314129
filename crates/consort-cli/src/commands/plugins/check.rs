//! The contract test of a plugin, for its author.
use crate::exit::{self, Done};
use crate::setup::{Setup, runtime};
use crate::stop::wait_for;
use crate::terminal::{Style, print_json, tamed};
use consort_plugins::{Finding, Level, Plugin, examine_aloud};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;

/// The exit code where the contract is not kept.
const WRONG: u8 = 1;

pub(super) fn run(plugin: &Arc<Plugin>, prompt: &str, as_json: bool, setup: &Setup) -> Done {
    let runtime = runtime()?;
    let name = format!("{} ({})", Style::Bold.paint(plugin.id()), plugin.sort());
    let (mut findings, mut printed) = (Vec::new(), Ok(()));
    if !as_json {
        printed = writeln!(anstream::stdout(), "{name}");
    }
    // What was found is told also where the next thing hangs, and the user stops it.
    let ended = wait_for(&runtime, async {
        let hear = |finding: &Finding| {
            if !as_json && printed.is_ok() {
                printed = tell(finding, setup);
            }
            findings.push(finding.clone());
        };
        examine_aloud(plugin, prompt, hear).await;
        Ok(())
    });
    drop(runtime);
    printed?;
    if as_json {
        print_json(&findings.iter().map(to_json).collect())?;
    }
    if ended.is_err() {
        writeln!(anstream::stderr(), "{}", Style::Dim.paint("(stopped: the check is not whole)"))?;
        return Ok(exit::INTERRUPTED);
    }
    let wrong = findings.iter().any(|finding| finding.level == Level::Error);
    Ok(if wrong { WRONG } else { exit::OK })
}

fn tell(finding: &Finding, setup: &Setup) -> std::io::Result<()> {
    let mut to = anstream::stdout().lock();
    let (style, word) = match finding.level {
        Level::Good => (Style::Good, setup.signs.good.to_owned()),
        Level::Note => (Style::Dim, "note:".to_owned()),
        Level::Warning => (Style::Warning, "warning:".to_owned()),
        Level::Error => (Style::Error, "error:".to_owned()),
    };
    let place = finding.at.as_ref().map(|at| format!("{at}: ")).unwrap_or_default();
    writeln!(to, "{} {}", style.paint(word), tamed(&format!("{place}{}", finding.message)))?;
    if let Some(help) = &finding.help {
        writeln!(to, "  {} {}", Style::Help.paint("help:"), tamed(help))?;
    }
    to.flush()
}

fn to_json(finding: &Finding) -> Value {
    let level = match finding.level {
        Level::Good => "good",
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    json!({"level": level, "at": finding.at, "message": finding.message, "help": finding.help})
}
