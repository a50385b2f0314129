//! `consort chat`: a conversation on the terminal.
mod command;
mod commands;
mod complete;
mod editor;
#[cfg(unix)]
mod ending;
mod follow;
mod line;
mod names;
mod say;
mod session;

use crate::args::Chat;
use crate::exit::{self, Done};
use crate::setup::Setup;
use crate::terminal::Style;
use command::Command;
use line::{Line, Typed};
use session::Session;
use std::io::{self, IsTerminal, Write};

/// What a line led to.
enum Next {
    On,
    /// The answer was stopped: another Ctrl+C leaves.
    Stopped,
    Leave,
}

pub(crate) fn run(args: &Chat, setup: Setup) -> Done {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(exit::usage("a chat needs a terminal to type in")
            .hint("ask one question: consort \"why is the sky blue\"")
            .hint("go on with it: consort -c \"and at night?\"")
            .into());
    }
    #[cfg(unix)]
    ending::with_the_terminal();
    let mut session = Session::open(args, setup)?;
    let mut line = Line::open(&session);
    session.greet()?;
    let done = converse(&mut session, &mut line);
    session.close();
    done
}

fn converse(session: &mut Session, line: &mut Line) -> Done {
    let mut leaving = false;
    loop {
        session.refresh();
        let typed = line.read(&session.model.card().id, session.signs())?;
        session.refresh();
        let next = match typed {
            Typed::Text(text) if text.trim().is_empty() => Ok(Next::On),
            Typed::Text(text) => act(session, &text),
            Typed::CtrlC if leaving => return Ok(exit::INTERRUPTED),
            Typed::CtrlC => {
                say_dim("(Ctrl+C again to leave)")?;
                Ok(Next::Stopped)
            }
            Typed::End => Ok(Next::Leave),
        };
        match next {
            Ok(Next::On) => leaving = false,
            Ok(Next::Stopped) => leaving = true,
            Ok(Next::Leave) => return Ok(exit::OK),
            // What went wrong with one line does not end the chat.
            Err(exit::Failure::Error(error)) => {
                exit::tell(&error)?;
                leaving = false;
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn act(session: &mut Session, text: &str) -> Result<Next, exit::Failure> {
    match Command::read(text)? {
        Some(command) => commands::run(session, command),
        None => session.say(text),
    }
}

fn say_dim(text: &str) -> io::Result<()> {
    writeln!(anstream::stderr(), "{}", Style::Dim.paint(text))
}
