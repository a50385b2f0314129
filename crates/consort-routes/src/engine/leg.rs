//! One try at one target, up to its first content.
use super::Course;
use super::report::{certainly_free, took_nothing};
use super::watch::{Pace, Watch, out_of_time};
use crate::limit::Permit;
use crate::state::Probe;
use crate::target::Target;
use consort_core::{
    Context, Error, ErrorKind, Event, EventStream, FinishReason, Request, Usage, estimate_tokens,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// More events than this before the first content are no answer.
const MOST_HELD: usize = 10_000;

/// And how much they may say: what is thought before the first content, mostly.
const MOST_HELD_BYTES: usize = 8 << 20;

/// What a target's answer is thought to be long, while nobody knows.
const USUAL_OUTPUT: u64 = 500;

/// A try that is about to be made.
pub(super) struct Leg<'a> {
    pub(super) course: Course<'a>,
    pub(super) target: &'a Target,
    pub(super) request: Arc<Request>,
    /// Whether to wait for a turn under the limits of the target. Otherwise another target is free.
    pub(super) queue: bool,
    /// Whether others may take over what this one's filter withholds.
    pub(super) filtered_fails: bool,
    pub(super) probe: Option<Probe>,
}

/// What is known of a try, also when it is broken off.
#[derive(Default)]
pub(super) struct Log {
    pub(super) waited: Duration,
    pub(super) sent: Option<Instant>,
    /// Which rest of the target was the last when it was sent.
    pub(super) era: u64,
    pub(super) first: Option<Duration>,
    pub(super) usage: Option<Usage>,
    /// Whether the target said anything.
    pub(super) began: bool,
    /// Whether it told tries of its own: it is a route itself, and they are the tries.
    pub(super) told: bool,
    /// Whether any of those may have used something.
    pub(super) spent: bool,
}

/// How a try went.
pub(super) enum Opened {
    Answer(Box<Opening>),
    Failed(Error),
    /// A success without anything in it.
    Empty,
    /// A limit of ours, and another target is free.
    Full(Error),
    /// The budget of the target is spent, or nobody knows whether it is.
    Spent(Error),
    /// Another try answered first.
    Beaten,
}

/// An answer from its first content on.
pub(super) struct Opening {
    pub(super) stream: EventStream,
    pub(super) watch: Watch,
    pub(super) pace: Pace,
    /// What came before its first content, and that.
    pub(super) held: Vec<Event>,
    pub(super) permits: Vec<Permit>,
    /// Held as long as the answer lasts.
    pub(super) probe: Option<Probe>,
}

impl Log {
    /// Takes note of what passes.
    pub(super) fn hear(&mut self, event: &Event) {
        match event {
            Event::Usage(usage) => self.usage.get_or_insert_default().update(usage),
            Event::Attempt(attempt) => {
                self.told = true;
                self.spent |= !took_nothing(attempt);
            }
            _ => {}
        }
        self.began |= !matches!(event, Event::Warning(_) | Event::Attempt(_));
    }
}

impl Leg<'_> {
    pub(super) async fn open(mut self, log: &mut Log) -> Opened {
        let mut watch = Watch::new();
        let Course { context, plan, ledgers, turns, .. } = self.course;
        let asked = context.clock.now();
        let mut permits = match self.permits(&mut watch).await {
            Ok(permits) => permits,
            Err(opened) => {
                log.waited += context.clock.now().saturating_duration_since(asked);
                return opened;
            }
        };
        let sent = context.clock.now();
        log.waited += sent.saturating_duration_since(asked);
        log.sent = Some(sent);
        log.era = self.target.state.era();
        permits.iter_mut().for_each(Permit::sent);
        turns.sent();
        // Who meets a request that is too long asks once for a smaller one, and that is this route.
        let context = Context { shrink: None, ..context.clone() };
        let stream = self.target.stream(self.request.clone(), context, ledgers);
        let pace = Pace::new(&plan.timeouts, sent);
        let probe = self.probe.take();
        let mut opening = Opening { stream, watch, pace, held: Vec::new(), permits, probe };
        match self.listen(&mut opening, log).await {
            Err(Opened::Failed(error)) if certainly_free(log, Some(&error)) => {
                opening.permits.into_iter().for_each(Permit::give_back);
                Opened::Failed(error)
            }
            heard => {
                turns.spent();
                heard.map_or_else(|failed| failed, |()| Opened::Answer(Box::new(opening)))
            }
        }
    }

    /// Reads up to the first content. Warnings and tries are told at once; all else of a try that fails is never told.
    async fn listen(&self, opening: &mut Opening, log: &mut Log) -> Result<(), Opened> {
        let context = self.course.context;
        let Opening { stream, watch, pace, held, .. } = opening;
        let mut bytes = 0;
        loop {
            let event = match pace.next(stream, watch, context).await {
                Some(Ok(event)) => event,
                Some(Err(error)) => return Err(Opened::Failed(error)),
                None => return Err(Opened::Failed(ended_early())),
            };
            log.hear(&event);
            bytes += event.size();
            match event {
                Event::Warning(_) | Event::Attempt(_) => self.course.pass_on(self.target, event).await,
                Event::Finished(ref finish) => {
                    let reason = finish.reason;
                    held.push(event);
                    return match reason {
                        FinishReason::ContentFilter | FinishReason::Refusal if self.filtered_fails => {
                            Err(Opened::Failed(withheld()))
                        }
                        FinishReason::ContentFilter | FinishReason::Refusal | FinishReason::Pause => Ok(()),
                        _ => Err(Opened::Empty),
                    };
                }
                content if content.is_content() => {
                    let now = context.clock.now();
                    log.first = log.sent.map(|sent| now.saturating_duration_since(sent));
                    held.push(content);
                    return Ok(());
                }
                _ if held.len() >= MOST_HELD || bytes > MOST_HELD_BYTES => {
                    let what = "the target sends events without end and no content";
                    return Err(Opened::Failed(Error::protocol(what)));
                }
                other => held.push(other),
            }
        }
    }

    /// A turn under each limit, the key's before the target's own.
    async fn permits(&self, watch: &mut Watch) -> Result<Vec<Permit>, Opened> {
        let mut permits = Vec::with_capacity(self.target.limiters.len());
        if self.target.limiters.is_empty() {
            return Ok(permits);
        }
        let context = self.course.context;
        let (tokens, guessed) = self.size();
        for limiter in &self.target.limiters {
            // What can never be had here may be had elsewhere.
            let tokens = limiter.fit(tokens, guessed).map_err(Opened::Full)?;
            permits.push(if self.queue {
                let turn = limiter.take(tokens, context.clock.as_ref(), context.remaining());
                watch.over(context, turn).await.and_then(|turn| turn).map_err(Opened::Failed)?
            } else {
                limiter.take_now(tokens, context.clock.now()).map_err(Opened::Full)?
            });
        }
        if context.remaining().is_some_and(|left| left.is_zero()) {
            return Err(Opened::Failed(out_of_time()));
        }
        Ok(permits)
    }

    /// The tokens of the request with its longest answer, as far as that is known, and a guess at the rest.
    fn size(&self) -> (u64, u64) {
        if self.target.limiters.iter().all(|limiter| limiter.limits().tokens_per_minute.is_none()) {
            return (0, 0);
        }
        let prompt = estimate_tokens(&self.request).tokens;
        match (self.request.longest_answer(), self.target.state.output_p95()) {
            (Some(most), usual) => (prompt.saturating_add(usual.map_or(most, |usual| usual.min(most))), 0),
            (None, usual) => (prompt, usual.unwrap_or(USUAL_OUTPUT)),
        }
    }
}

pub(super) fn ended_early() -> Error {
    Error::new(ErrorKind::Interrupted, "the answer ended before it was finished")
}

fn withheld() -> Error {
    Error::new(ErrorKind::ContentFilter, "the answer was withheld")
}
