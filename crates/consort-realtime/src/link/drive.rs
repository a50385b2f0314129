//! The loop of one session: what is said goes to the other side, what it says is told, and a connection that ends is made
//! anew where that helps.
use super::again::{LONGEST, Tries, is_final, too_slow};
use super::channel::Connect;
use super::inputs::{Inputs, Next};
use super::line::{GOODBYE, Line};
use super::lost::lost;
use super::memory::Memory;
use super::soon::Soon;
use crate::wire::{LiveWire, Step, Then};
use consort_core::{Clock, CloseReason, Context, Error, ErrorKind, SessionEvent, SessionTeller, Warning};
use consort_providers::Arrived;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// How long one try may take to open the session again.
const ATTEMPT: Duration = Duration::from_secs(20);

pub(super) struct Drive {
    wire: Box<dyn LiveWire>,
    connect: Arc<dyn Connect>,
    context: Context,
    say: SessionTeller,
    memory: Memory,
}

/// How a connection came to its end.
pub(super) enum Cut {
    /// Nobody wants more.
    Left,
    Close(CloseReason),
    /// Another is to take over: since this one failed, unless it is wanted by us.
    Renew {
        reason: String,
        wanted: bool,
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
        memory: Memory,
    ) -> Self {
        Self { wire, connect, context, say, memory }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.context.clock.clone()
    }

    /// Makes a connection and opens the session on it, as far as that it can be talked to.
    pub(super) async fn open(&mut self, context: Context, inputs: &mut Inputs) -> Result<Line, Unopened> {
        let clock = self.clock();
        let connecting = inputs.during(self.connect.connect(context), &mut self.memory, &*clock).await;
        let channel = connecting.map_err(|error| Unopened::of(error.into()))?;
        let mut line = Line::new(channel, clock.clone());
        let mut step = self.begin();
        loop {
            let (then, is_connected) = self.take(step, &mut line);
            match then {
                // What is to happen soon is said again.
                Then::Go | Then::Soon(_) if is_connected => return Ok(line),
                Then::Go | Then::Soon(_) => {}
                Then::Renew { reason } => {
                    return Err(Unopened::Again(Error::new(ErrorKind::Network, reason)));
                }
                Then::Close(reason) => return Err(Unopened::of(shown(reason, &line))),
            }
            step = match inputs.during(line.next(), &mut self.memory, &*clock).await {
                Arrived::Message(message) => self.wire.message(&message),
                Arrived::Ended { code, reason } => self.wire.ended(code, &reason),
                Arrived::Alive => Step::default(),
            };
        }
    }

    /// What the connection begins with.
    fn begin(&mut self) -> Step {
        if self.wire.takes_over() {
            return self.wire.open(&self.memory.unkept());
        }
        let past = self.memory.past();
        for what in self.memory.missing() {
            let what = format!("{what} are not told to the new connection");
            self.say.push(SessionEvent::warning("dropped", what));
        }
        self.wire.open(&past)
    }

    /// Holds the session up to its end, and says why it is over.
    pub(super) async fn hold(mut self, line: Line, inputs: &mut Inputs) -> CloseReason {
        let (reason, is_asked_again) = self.last(line, inputs).await;
        // It was promised to be kept.
        lost(inputs, is_asked_again).into_iter().for_each(|event| self.say.push(event));
        reason
    }

    /// One connection after the other. Why the last one was that, and whether something waits that another would be asked again.
    async fn last(&mut self, mut line: Line, inputs: &mut Inputs) -> (CloseReason, bool) {
        let mut tries = Tries::default();
        loop {
            let cut = self.talk(&mut line, inputs).await;
            let age = line.age();
            let (reason, wanted) = match cut {
                Cut::Left => {
                    self.leave(line, inputs).await;
                    return (CloseReason::Asked, false);
                }
                Cut::Close(reason) => {
                    let reason = shown(reason, &line);
                    self.leave(line, inputs).await;
                    return (reason, false);
                }
                Cut::Renew { reason, wanted } => (line.hide(reason), wanted),
            };
            tracing::debug!(reason, wanted, "a live session connects anew");
            self.leave(line, inputs).await;
            self.say.push(SessionEvent::Reconnecting { reason });
            let again = self.memory.again();
            if again.is_committed {
                self.wire.owe(None);
            } else if let Some(words) = self.memory.owed() {
                self.wire.owe(Some(&words));
            }
            if wanted {
                tries = Tries::default();
            } else {
                tries.lost(age, self.context.clock.now());
            }
            line = match self.again(&mut tries, inputs).await {
                Ok(line) => line,
                Err(reason) => return (reason, self.wire.waits() || !again.inputs.is_empty()),
            };
            for input in again.inputs {
                let step = self.wire.input(input);
                let _ = self.take(step, &mut line);
            }
        }
    }

    /// Takes one thing after the other, whichever comes first, for as long as the connection lasts.
    async fn talk(&mut self, line: &mut Line, inputs: &mut Inputs) -> Cut {
        let (say, clock) = (self.say.clone(), self.clock());
        let mut given_up = pin!(async {
            say.closed().await;
            clock.sleep(GOODBYE).await;
        });
        let mut soon: Option<Soon> = None;
        loop {
            let limit = soon.as_ref().and_then(|soon| soon.wait(self.memory.is_open(), clock.now()));
            if let Some(soon) = soon.take_if(|_| limit == Some(Duration::ZERO)) {
                return soon.cut();
            }
            let (has_room, is_calm) = (self.say.has_room(), line.is_calm());
            let step = tokio::select! {
                // A caller that is far behind is not told more: the other side waits meanwhile.
                arrived = line.next(), if has_room => match arrived {
                    Arrived::Message(message) => self.wire.message(&message),
                    Arrived::Ended { code, reason } => self.wire.ended(code, &reason),
                    Arrived::Alive => continue,
                },
                next = inputs.next(), if is_calm => {
                    let Some(Next { input, is_known }) = next else { return Cut::Left };
                    if !is_known {
                        self.memory.input(&input, self.wire.finds_turns(), clock.now());
                    }
                    self.wire.input(input)
                }
                () = clock.sleep(limit.unwrap_or_default()), if limit.is_some() => continue,
                () = self.say.room(), if !has_room => continue,
                // What waits cannot be sent, and nobody wants to wait for it.
                () = &mut given_up, if !is_calm => return Cut::Left,
            };
            match self.take(step, line).0 {
                Then::Go => {}
                Then::Soon(leaving) => soon = Some(Soon::new(soon, leaving, clock.now())),
                Then::Renew { reason } => return Cut::Renew { reason, wanted: false },
                Then::Close(reason) => return Cut::Close(reason),
            }
        }
    }

    /// Says and tells what a step holds; whether it told that the session is open.
    fn take(&mut self, mut step: Step, line: &mut Line) -> (Then, bool) {
        line.say(std::mem::take(&mut step.messages));
        if matches!(step.then, Then::Renew { .. } | Then::Close(_)) {
            self.memory.cut();
        }
        let then = std::mem::take(&mut step.then);
        (then, self.tell(step, line))
    }

    /// Tells what came of something; whether the session is open by it.
    fn tell(&mut self, step: Step, line: &Line) -> bool {
        if let Some(turn) = step.turn {
            self.memory.named(&turn);
        }
        let finds_turns = self.wire.finds_turns();
        let (mut is_connected, now) = (false, self.context.clock.now());
        for event in step.events {
            match &event {
                SessionEvent::Audio { item, epoch, pcm } if self.say.drops(item, *epoch) => {
                    self.memory.unplayed(item, pcm.duration(), now);
                }
                event => self.memory.event(event, finds_turns, now),
            }
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
        if step.kept {
            self.memory.keep();
        }
        is_connected
    }

    /// Says goodbye, tells what the other side still says, and ends what is open.
    async fn leave(&mut self, line: Line, inputs: &mut Inputs) {
        let (mut late, clock) = (Vec::new(), self.clock());
        let goodbye = line.close(|message| late.push(self.wire.message(message)));
        let line = inputs.during(goodbye, &mut self.memory, &*clock).await;
        for step in late {
            self.tell(step, &line);
        }
        self.memory.cut();
        let end = self.wire.ended(None, "");
        self.tell(end, &line);
    }

    /// Makes the connection anew, or says why the session is over.
    async fn again(&mut self, tries: &mut Tries, inputs: &mut Inputs) -> Result<Line, CloseReason> {
        let clock = self.clock();
        let mut last: Option<Error> = None;
        while let Some(wait) = tries.wait(last.as_ref(), clock.now()) {
            let say = self.say.clone();
            tokio::select! {
                () = inputs.during(clock.sleep(wait), &mut self.memory, &*clock), if !wait.is_zero() => {}
                () = say.closed() => return Err(CloseReason::Asked),
                () = std::future::ready(()), if wait.is_zero() => {}
            }
            let context = self.context.clone().within(ATTEMPT);
            let mut limit = clock.sleep(ATTEMPT);
            let opened = tokio::select! {
                opened = self.open(context, inputs) => opened,
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

fn shown(reason: CloseReason, line: &Line) -> CloseReason {
    match reason {
        CloseReason::Failed { error } => line.complete(error).into(),
        other => other,
    }
}
