//! Asks the user on the terminal whether a tool may run.
use crate::terminal::{Style, tamed};
use consort_core::ToolCall;
use consort_engine::Decision;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};

/// How often it is looked whether the user has typed.
#[cfg(unix)]
const LOOK: std::time::Duration = std::time::Duration::from_millis(30);

/// What the user says to a call. Where there is no terminal to ask on, it is no.
pub(super) async fn ask(call: &ToolCall) -> io::Result<Decision> {
    let Some(terminal) = terminal() else {
        let note = "note: there is no terminal to ask on, so the tool does not run";
        writeln!(anstream::stderr(), "{}", Style::Warning.paint(note))?;
        return Ok(Decision::No);
    };
    let shown = tamed(&format!("{}({})", call.name, call.arguments.raw()));
    let mut to = anstream::stderr().lock();
    writeln!(to, "{} {shown}", Style::Bold.paint("may it run?"))?;
    write!(to, "  y yes, a always for this tool, n no [n] ")?;
    to.flush()?;
    drop(to);
    // Once it is stopped, nothing may wait for a line any more: the next one is somebody else's.
    #[cfg(unix)]
    while !terminal.has_line() {
        tokio::time::sleep(LOOK).await;
    }
    let line = tokio::task::spawn_blocking(move || read_line(terminal)).await;
    Ok(line.ok().map_or(Decision::No, |line| decision(&line)))
}

fn decision(line: &str) -> Decision {
    match line.trim().to_lowercase().as_str() {
        "y" | "yes" => Decision::Yes,
        "a" | "always" => Decision::Always,
        _ => Decision::No,
    }
}

/// Where the user types, also when the prompt was piped in.
enum Terminal {
    Stdin,
    Device(File),
}

#[cfg(unix)]
impl Terminal {
    /// Whether a line waits to be read. Where that cannot be told, one is waited for.
    fn has_line(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let ready = match self {
            Self::Stdin => poll(&mut [PollFd::new(&io::stdin(), PollFlags::IN)], Some(&now)),
            Self::Device(file) => poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&now)),
        };
        ready != Ok(0)
    }
}

fn terminal() -> Option<Terminal> {
    if io::stdin().is_terminal() {
        return Some(Terminal::Stdin);
    }
    if !io::stderr().is_terminal() {
        return None;
    }
    let device = if cfg!(windows) { "CONIN$" } else { "/dev/tty" };
    File::open(device).ok().map(Terminal::Device)
}

fn read_line(terminal: Terminal) -> String {
    let mut line = String::new();
    // A terminal that cannot be read says nothing, which is no.
    let _ = match terminal {
        Terminal::Stdin => io::stdin().lock().read_line(&mut line),
        Terminal::Device(file) => BufReader::new(file).read_line(&mut line),
    };
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_clear_yes_is_one() {
        for (line, said) in [("y\n", Decision::Yes), ("A", Decision::Always), ("YES", Decision::Yes)] {
            assert_eq!(decision(line), said);
        }
        for line in ["", "n", "yse", "yy"] {
            assert_eq!(decision(line), Decision::No, "{line}");
        }
    }
}
