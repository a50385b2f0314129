//! What `consort doctor` says of talking: ears, voices, programs of this machine, the microphone.
use super::heading;
use crate::setup::{Setup, state_words};
use crate::terminal::{Style, table};
use consort_core::State;
use consort_realtime::configured::UsualPart;
use consort_realtime::voices::CommandVoice;
use std::io::{self, Write};

/// Tells of it, and returns what to do.
pub(super) fn tell(to: &mut impl Write, setup: &Setup) -> io::Result<Vec<String>> {
    heading(to, "To talk with models")?;
    let (mut rows, mut advice) = (Vec::new(), Vec::new());
    if let Some(voices) = &setup.voices {
        let [ears, voice] = voices.usual();
        for (name, part) in [("ears", &ears), ("voice", &voice)] {
            let help = part.iter().flat_map(|part| &part.help);
            advice.extend(help.map(|help| format!("{name} of [voice]: {help}")));
        }
        rows.extend([usual("ears", "hear", ears), usual("voice", "speak", voice)]);
        rows.extend(voices.rows().iter().map(|voice| row(&voice.id(), "", &state_words(&voice.state()))));
    }
    rows.extend([CommandVoice::ESPEAK, CommandVoice::PIPER].map(program));
    // Whether a server runs, only a look at its port would tell.
    rows.push(row("whisper.cpp", "ears", "`whisper-server/whisper`, if its server runs"));
    rows.push(row("microphone", "", microphone()));
    table(to, &rows, &[None, None, Some(Style::Dim)])?;
    Ok(advice)
}

fn row(name: &str, what: &str, note: &str) -> Vec<String> {
    [name, what, note].map(str::to_owned).to_vec()
}

/// What `[voice]` names for every chat model.
fn usual(part: &str, does: &str, named: Option<UsualPart<'_>>) -> Vec<String> {
    let Some(UsualPart { id, state, .. }) = named else {
        let how = format!("set `{part}` below [voice] in consort.toml, and every chat model can {does}");
        return row(part, "none", &how);
    };
    let is_local = state == State::Unchecked;
    row(part, id, &if is_local { "if its server runs".to_owned() } else { state_words(&state) })
}

fn program(name: &str) -> Vec<String> {
    let note = if CommandVoice::is_installed(name) { "installed" } else { "not installed, which is fine" };
    row(name, "a voice", note)
}

fn microphone() -> &'static str {
    if cfg!(feature = "microphone") {
        "built in: `consort talk MODEL --mic`"
    } else {
        "not in this build (feature `microphone`); the page of `consort serve --open` has one"
    }
}
