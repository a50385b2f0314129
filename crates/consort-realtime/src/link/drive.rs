//! The loop of one session: what is said goes to the other side, what it says is told, and a connection that ends is made
//! anew where that helps.
use super::again::{LONGEST, Tries, is_final};
use super::channel::Connect;
use super::heard::Heard;
use super::line::Line;
use super::spoken::Spoken;
use crate::wire::{LiveWire, Step, Then};
use consort_core::{
    Clock, CloseReason, Context, Error, ErrorKind, Message, SessionEvent, SessionInputs, SessionTeller,
    Warning,
};
use consort_providers::Arrived;
use std::sync::Arc;
use std::time::Duration;

/// How long one try may take to open the session again.
const ATTEMPT: Duration = Duration::from_secs(20);

pub(super) struct Drive {
    wire: Box<dyn LiveWire>,
    connect: Arc<dyn Connect>,
    context: Context,
    say: SessionTeller,
    heard: Heard,
    spoken: Spoken,
}

/// How a connection came to its end.
enum Cut {
    /// Nobody wants more.
    Left,
    Close(CloseReason),
    /// Another is to take over: since this one failed, or because we want it.
    Renew {
        reason: String,
        failed: bool,
    },
}

/// Why a session did not open.
pub(super) enum Unopened {
    Again(Error),
    Over(CloseReason),
}

impl Unopened {
    fn of(reason: CloseReason) -> Self {
        match reason {
            CloseReason::Failed { error } if !is_final(&error) => Self::Again(error),
            reason => Self::Over(reason),
        }
    }
}

impl Drive {
    pub(super) fn new(
        wire: Box<dyn LiveWire>,
        connect: Arc<dyn Connect>,
        context: Context,
        say: SessionTeller,
        before: Vec<Message>,
    ) -> Self {
        Self { wire, connect, context, say, heard: Heard::new(before), spoken: Spoken::default() }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.context.clock.clone()
    }

    /// Makes a connection and opens the session on it, as far as that it can be talked to.
    pub(super) async fn open(&mut self, context: Context) -> Result<Line, Unopened> {
        let connecting = self.connect.connect(context).await;
        let channel = connecting.map_err(|error| Unopened::of(error.into()))?;
        let mut line = Line::new(channel, self.clock());
        let (past, forgotten) = self.heard.past();
        if forgotten > 0 {
            let what =
                format!("the {forgotten} oldest things that were said are not told to the new connection");
            self.say.push(SessionEvent::warning("dropped", what));
        }
        let mut step = self.wire.open(&past);
        loop {
            let (then, is_connected) = self.take(step, &mut line);
            match then {
                Then::Go if is_connected => return Ok(line),
                Then::Go => {}
                Then::Renew { reason } => {
                    return Err(Unopened::Again(Error::new(ErrorKind::Network, reason)));
                }
                Then::Close(reason) => return Err(Unopened::of(shown(reason, &line))),
            }
            step = match line.next().await {
                Arrived::Message(message) => self.wire.message(&message),
                Arrived::Ended { code, reason } => self.wire.ended(code, &reason),
                Arrived::Alive => Step::default(),
            };
        }
    }

    /// Holds the session up to its end, and says why it is over.
    pub(super) async fn hold(mut self, mut line: Line, mut inputs: SessionInputs) -> CloseReason {
        let mut tries = Tries::default();
        loop {
            let cut = self.talk(&mut line, &mut inputs).await;
            let age = line.age();
            match cut {
                Cut::Left => {
                    line.close().await;
                    return CloseReason::Asked;
                }
                Cut::Close(reason) => {
                    let reason = shown(reason, &line);
                    line.close().await;
                    return reason;
                }
                Cut::Renew { reason, failed } => {
                    tracing::debug!(reason, failed, "a live session connects anew");
                    self.say.push(SessionEvent::Reconnecting { reason: line.hide(reason) });
                    let again = self.spoken.again();
                    line.close().await;
                    if failed {
                        tries.lost(age, self.context.clock.now());
                    } else {
                        tries = Tries::default();
                    }
                    line = match self.again(&mut tries).await {
                        Ok(line) => line,
                        Err(reason) => return reason,
                    };
                    for input in again {
                        let step = self.wire.input(input);
                        let _ = self.take(step, &mut line);
                    }
                }
            }
        }
    }

    /// Takes one thing after the other, whichever comes first, for as long as the connection lasts.
    async fn talk(&mut self, line: &mut Line, inputs: &mut SessionInputs) -> Cut {
        loop {
            let has_room = self.say.has_room();
            let (step, is_ours) = tokio::select! {
                // A caller that is far behind is not told more: the other side waits meanwhile.
                arrived = line.next(), if has_room => match arrived {
                    Arrived::Message(message) => (self.wire.message(&message), false),
                    Arrived::Ended { code, reason } => (self.wire.ended(code, &reason), false),
                    Arrived::Alive => continue,
                },
                input = inputs.next(), if line.is_calm() => {
                    let Some(input) = input else { return Cut::Left };
                    self.heard.input(&input);
                    self.spoken.input(&input);
                    (self.wire.input(input), true)
                }
                () = self.say.room(), if !has_room => continue,
            };
            match self.take(step, line).0 {
                Then::Go => {}
                Then::Renew { reason } => return Cut::Renew { reason, failed: !is_ours },
                Then::Close(reason) => return Cut::Close(reason),
            }
        }
    }

    /// Says and tells what a step holds; whether it told that the session is open.
    fn take(&mut self, step: Step, line: &mut Line) -> (Then, bool) {
        line.say(step.messages);
        let mut is_connected = false;
        for event in step.events {
            self.heard.event(&event);
            self.spoken.event(&event);
            let event = match event {
                SessionEvent::Native { .. } if !self.context.native_events => continue,
                SessionEvent::Error { error } => SessionEvent::Error { error: line.complete(error) },
                SessionEvent::Warning { warning } => SessionEvent::Warning {
                    warning: Warning { message: line.hide(warning.message), ..warning },
                },
                event => event,
            };
            is_connected |= matches!(event, SessionEvent::Connected { .. });
            self.say.push(event);
        }
        (step.then, is_connected)
    }

    /// Makes the connection anew, or says why the session is over.
    async fn again(&mut self, tries: &mut Tries) -> Result<Line, CloseReason> {
        let clock = self.clock();
        let mut last: Option<Error> = None;
        while let Some(wait) = tries.wait(last.as_ref(), clock.now()) {
            let say = self.say.clone();
            tokio::select! {
                () = clock.sleep(wait), if !wait.is_zero() => {}
                () = say.closed() => return Err(CloseReason::Asked),
                () = std::future::ready(()), if wait.is_zero() => {}
            }
            let context = self.context.clone().within(ATTEMPT);
            let mut limit = clock.sleep(ATTEMPT);
            let opened = tokio::select! {
                opened = self.open(context) => opened,
                () = &mut limit => Err(Unopened::Again(too_slow(ATTEMPT))),
                () = say.closed() => return Err(CloseReason::Asked),
            };
            match opened {
                Ok(line) => return Ok(line),
                Err(Unopened::Over(reason)) => return Err(reason),
                Err(Unopened::Again(error)) => last = Some(error),
            }
        }
        let error = last.unwrap_or_else(|| Error::new(ErrorKind::Network, "each connection ended at once"));
        let limit = LONGEST.as_secs();
        Err(error
            .map_message(|why| {
                format!("the connection was lost, and none could be made within {limit} s: {why}")
            })
            .into())
    }
}

/// The session did not open in time.
pub(super) fn too_slow(limit: Duration) -> Error {
    let message = format!("the session did not open within {} s", limit.as_secs());
    Error::timeout(consort_core::Phase::Connect, message)
}

fn shown(reason: CloseReason, line: &Line) -> CloseReason {
    match reason {
        CloseReason::Failed { error } => line.complete(error).into(),
        other => other,
    }
}
