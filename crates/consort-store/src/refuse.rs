//! What a store refuses, in the same words whatever it keeps things in.
use crate::{NewTurn, Status};
use consort_core::{Error, ErrorKind};
use std::fmt::Display;

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message)
}

pub(crate) fn no_conversation(id: impl Display) -> Error {
    invalid(format!("there is no conversation {id}")).hint("it was deleted for good, or is kept elsewhere")
}

pub(crate) fn conversation_exists(id: impl Display) -> Error {
    invalid(format!("there is a conversation {id} already"))
}

pub(crate) fn no_turn(id: impl Display) -> Error {
    invalid(format!("there is no turn {id}"))
        .hint("its conversation was deleted for good, or is kept elsewhere")
}

pub(crate) fn not_running(id: impl Display) -> Error {
    invalid(format!("the turn {id} has ended: nothing of it changes any more"))
}

pub(crate) fn turn_exists(id: impl Display) -> Error {
    invalid(format!("there is a turn {id} already"))
}

pub(crate) fn elsewhere(turn: impl Display) -> Error {
    invalid(format!("the turn {turn} is not one of this conversation"))
}

pub(crate) fn no_ending() -> Error {
    invalid("a turn cannot end as one that is running".to_owned())
}

/// A turn that follows itself has no path.
pub(crate) fn parent(turn: &NewTurn) -> Result<(), Error> {
    if turn.parent == Some(turn.id) { Err(elsewhere(turn.id)) } else { Ok(()) }
}

pub(crate) fn running(status: Status, id: impl Display) -> Result<(), Error> {
    if status == Status::Running { Ok(()) } else { Err(not_running(id)) }
}
