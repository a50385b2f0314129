//! The vendors' own libraries, unmodified from PyPI, hold live sessions with the models of `consort serve`.
//!
//! What each of them does with which model is the table in `table.rs`. Beside it are things that only one library has, and
//! both formats spoken from one `consort serve` to another.
mod stage;
mod table;

use crate::support::Place;
use stage::{Served, Stage, Way, vendor};
use std::collections::BTreeSet;
use table::{GOOGLE, Library, OPENAI};

/// Fills a library's cells, and looks at what the vendors thought of it.
fn fill(library: &Library) {
    let stage = Stage::build(library.way);
    let mut client = stage.served.client(&stage.place, library.script);
    let output = client.args(library.arguments()).output().unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let notes = stage.notes();
    let held: BTreeSet<&str> = said.lines().filter_map(|line| line.strip_prefix("held ")).collect();
    let wanted = library.wanted();
    let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    assert_eq!(held, wanted, "{said}\n{wrong}\n{notes}");
    assert!(!notes.contains("WRONG"), "{notes}");
    for what in ["openai vanished", "openai left", "gemini vanished", "gemini left", "gemini resumed"] {
        assert!(notes.lines().any(|line| line == what), "{what} is not among {notes}");
    }
    eprintln!("{said}not there, or in part:\n{}", library.reasons());
}

#[test]
#[ignore = "installs packages"]
fn realtime_table_of_the_official_openai_library() {
    fill(&OPENAI);
}

#[test]
#[ignore = "installs packages"]
fn realtime_table_of_the_official_google_library() {
    fill(&GOOGLE);
}

/// What stands beside the table: with the demo's models, here and behind another server in each format.
fn hold(script: &str, way: Way) {
    let (place, elsewhere) = (Place::new(), Place::new());
    let far = Served::start(&elsewhere, "", Way::Plain);
    vendor(&place, "far", "openai", &far.address, "demo/live");
    vendor(&place, "away", "gemini", &far.address, "demo/live");
    let served = Served::start(&place, &far.token, way);
    let mut client = served.client(&place, script);
    let output = client.args(["demo/live", "far/demo/live", "away/demo/live"]).output().unwrap();
    let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.ends_with("all held\n"), "{said}\n{wrong}");
}

#[test]
#[ignore = "installs packages"]
fn realtime_sessions_of_the_official_openai_library() {
    hold("beside_openai.py", OPENAI.way);
}

#[test]
#[ignore = "installs packages"]
fn realtime_sessions_of_the_official_google_library() {
    hold("beside_google.py", GOOGLE.way);
}
