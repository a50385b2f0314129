//! `consort realtime replay`: a recorded session, played by a server on this machine.
use crate::args::Replay;
use crate::engine;
use crate::exit::{self, Done};
use crate::setup::runtime;
use crate::stop;
use crate::terminal::{Style, tamed};
use consort_realtime::record::{self, Recording, Told};
use std::io::Write;
use tokio::net::TcpListener;

/// Up to the user's wish to stop. The address goes to stdout, what happens to stderr.
pub(crate) fn replay(replay: Replay) -> Done {
    let shown = replay.file.display();
    let text = std::fs::read_to_string(&replay.file)
        .map_err(|error| exit::usage(format!("{shown} cannot be read: {error}")))?;
    let recording = Recording::read(&text)
        .map_err(|error| error.map_message(|message| format!("{shown} cannot be played: {message}")))?;
    if recording.is_cut_off {
        engine::warn(&format!("{shown} was cut off in the middle of a line, which is left out"));
    }
    let runtime = runtime()?;
    let done = runtime.block_on(async {
        let listener = TcpListener::bind(replay.listen).await.map_err(|error| {
            exit::usage(format!("nothing can listen on {}: {error}", replay.listen))
                .hint("`--listen 127.0.0.1:0` takes any free port")
        })?;
        let mut to = std::io::stdout();
        writeln!(to, "http://{}", listener.local_addr()?)?;
        to.flush()?;
        tokio::select! {
            () = stop::asked() => Ok(exit::OK),
            served = record::Replay::new(recording, replay.fault, tell).serve(listener) => {
                served?;
                Ok(exit::OK)
            }
        }
    });
    runtime.shutdown_background();
    done
}

fn tell(told: Told) {
    let line = match told {
        Told::Connected(path) => format!("a client asks for {path}"),
        Told::Fault(fault) => format!("fault: {fault}"),
        Told::Never(fault) => {
            format!("the fault {fault} did not happen: nothing in the recording is its place")
        }
        Told::Missing(what) => {
            format!("the client did not say `{what}` in time; the recording goes on without")
        }
        Told::Over => "all was played".to_owned(),
        Told::Gone => "the connection is over".to_owned(),
    };
    // Where stderr is closed, nobody is left to tell.
    let _ = writeln!(anstream::stderr(), "{} {}", Style::Dim.paint("replay:"), tamed(&line));
}
