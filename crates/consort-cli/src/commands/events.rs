//! `consort events`: what all running programs of this user ask and answer.
use crate::args::Events;
use crate::exit::{self, Done};
use crate::setup::Setup;

#[cfg(not(unix))]
pub(crate) fn run(_: &Events, _: &Setup) -> Done {
    Err(exit::usage("events cannot be watched on this system yet")
        .hint("webhooks tell of them too: [[webhooks]]")
        .into())
}

#[cfg(unix)]
pub(crate) fn run(args: &Events, setup: &Setup) -> Done {
    unix::run(args, setup)
}

#[cfg(unix)]
mod unix {
    use super::{Done, Events, Setup, exit};
    use crate::kept;
    use crate::setup::runtime;
    use crate::stop;
    use crate::terminal::{Style, tamed};
    use consort_core::{Error, ErrorKind};
    use consort_engine::{Listener, line};
    use serde_json::Value;
    use std::io::{self, IsTerminal, Write};

    /// Letters of an answer that are shown.
    const LETTERS: usize = 100;

    pub(super) fn run(args: &Events, setup: &Setup) -> Done {
        let conversation = match &args.conversation {
            // One that is not kept yet may begin later.
            Some(id) if id.len() == 36 => Some(id.to_lowercase()),
            Some(id) => Some(kept::find(&kept::to_read(setup)?, id)?.id.to_string()),
            None => None,
        };
        let folder = setup.folders.events_dir(&setup.env);
        let runtime = runtime()?;
        runtime.block_on(async {
            let mut listener = Listener::bind(&folder).map_err(|error| {
                let what = format!("nobody can listen in {}: {error}", folder.display());
                Error::new(ErrorKind::Setup, what)
                    .hint("the folder must be yours, on this machine, and its path short")
            })?;
            if io::stderr().is_terminal() {
                let note = "listening: what programs ask from now on is shown; Ctrl+C ends it";
                writeln!(anstream::stderr(), "{}", Style::Dim.paint(note))?;
            }
            let mut stop = std::pin::pin!(stop::asked());
            loop {
                let line = tokio::select! {
                    biased;
                    () = &mut stop => return Ok(exit::OK),
                    line = listener.next() => line,
                };
                let Some(line) = line else { return Ok(exit::OK) };
                show(&line, conversation.as_deref(), args.jsonl)?;
            }
        })
    }

    fn show(line: &str, conversation: Option<&str>, jsonl: bool) -> io::Result<()> {
        let Ok(event) = serde_json::from_str::<Value>(line) else { return Ok(()) };
        // What was missed may have been of any conversation.
        let of = event["conversation"].as_str();
        if conversation.is_some() && of.is_some() && of != conversation {
            return Ok(());
        }
        let mut to = io::stdout().lock();
        if jsonl {
            writeln!(to, "{line}")?;
        } else if let Some(words) = words(&event) {
            writeln!(to, "{words}")?;
        }
        to.flush()
    }

    /// An event in a line for people; nothing for pieces of an answer, which come whole later.
    fn words(event: &Value) -> Option<String> {
        let text = |path: &str| tamed(event.pointer(path).and_then(Value::as_str).unwrap_or_default());
        let kind = event["kind"].as_str()?;
        let about = match kind {
            "chunk" | "event" => return None,
            "missed" => return Some(format!("({} events were missed)", event["count"])),
            "turn_started" => text("/role"),
            "completed" => line(&text("/text"), LETTERS),
            "turn_ended" | "run_ended" => match event.pointer("/error/message") {
                Some(_) => format!("{}: {}", text("/status"), text("/error/message")),
                None => text("/status"),
            },
            "tool_started" | "approval_wanted" => text("/call/name"),
            "tool_ended" => text("/result/name"),
            "notice" => text("/warning/message"),
            _ => String::new(),
        };
        let id: String = text("/conversation").chars().take(13).collect();
        Some(format!("{id}  {}  {kind}  {about}", text("/model")).trim_end().to_owned())
    }
}
