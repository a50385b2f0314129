//! One try at one target, up to its first content.
use super::out::Out;
use super::watch::{Pace, Watch, out_of_time};
use crate::limit::Permit;
use crate::plan::Plan;
use crate::state::Probe;
use crate::target::Target;
use consort_core::{
    Context, Error, ErrorKind, Event, EventStream, FinishReason, Request, Usage, estimate_tokens,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// More events than this before the first content are no answer.
const MOST_HELD: usize = 10_000;

/// What a target's answer is thought to be long, while nobody knows.
const USUAL_OUTPUT: u64 = 500;

/// A try that is about to be made.
pub(super) struct Leg<'a> {
    pub(super) plan: &'a Plan,
    pub(super) target: &'a Target,
    pub(super) request: Arc<Request>,
    pub(super) context: &'a Context,
    pub(super) out: &'a Out,
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
    pub(super) first: Option<Duration>,
    pub(super) usage: Option<Usage>,
    /// Whether the target said anything.
    pub(super) began: bool,
    /// Whether it told tries of its own: it is a route itself, and they are the tries.
    pub(super) told: bool,
}

/// How a try went.
pub(super) enum Opened {
    Answer(Box<Opening>),
    Failed(Error),
    /// A success without anything in it.
    Empty,
    /// A limit of ours, and another target is free.
    Full(Error),
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
            Event::Attempt(_) => self.told = true,
            _ => {}
        }
        self.began |= !matches!(event, Event::Warning(_) | Event::Attempt(_));
    }
}

impl Leg<'_> {
    pub(super) async fn open(mut self, log: &mut Log) -> Opened {
        let mut watch = Watch::new();
        let asked = self.context.clock.now();
        let permits = match self.permits(&mut watch).await {
            Ok(permits) => permits,
            Err(opened) => {
                log.waited += self.context.clock.now().saturating_duration_since(asked);
                return opened;
            }
        };
        let sent = self.context.clock.now();
        log.waited += sent.saturating_duration_since(asked);
        log.sent = Some(sent);
        // Who meets a request that is too long asks once for a smaller one, and that is this route.
        let context = Context { shrink: None, ..self.context.clone() };
        let stream = self.target.model.stream(self.request.clone(), context);
        let pace = Pace::new(&self.plan.timeouts, sent);
        let probe = self.probe.take();
        let opening = Opening { stream, watch, pace, held: Vec::new(), permits, probe };
        self.listen(opening, log).await
    }

    /// Reads up to the first content. Warnings and tries are told at once; all else of a try that fails is never told.
    async fn listen(&self, mut opening: Opening, log: &mut Log) -> Opened {
        loop {
            let Opening { stream, watch, pace, held, .. } = &mut opening;
            let event = match pace.next(stream, watch, self.context).await {
                Some(Ok(event)) => event,
                Some(Err(error)) => return Opened::Failed(error),
                None => return Opened::Failed(ended_early()),
            };
            log.hear(&event);
            match event {
                Event::Warning(_) | Event::Attempt(_) => self.out.event(event).await,
                Event::Finished(ref finish) => {
                    let reason = finish.reason;
                    held.push(event);
                    return match reason {
                        FinishReason::ContentFilter | FinishReason::Refusal if self.filtered_fails => {
                            Opened::Failed(withheld())
                        }
                        FinishReason::ContentFilter | FinishReason::Refusal | FinishReason::Pause => {
                            Opened::Answer(Box::new(opening))
                        }
                        _ => Opened::Empty,
                    };
                }
                content if content.is_content() => {
                    let now = self.context.clock.now();
                    log.first = log.sent.map(|sent| now.saturating_duration_since(sent));
                    held.push(content);
                    return Opened::Answer(Box::new(opening));
                }
                _ if held.len() >= MOST_HELD => {
                    return Opened::Failed(Error::protocol(
                        "the target sends events without end and no content",
                    ));
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
        let (tokens, guessed) = self.size();
        for limiter in &self.target.limiters {
            // What can never be had here may be had elsewhere.
            let tokens = limiter.fit(tokens, guessed).map_err(Opened::Full)?;
            permits.push(if self.queue {
                let left = self.context.remaining();
                let turn = limiter.take(tokens, self.context.clock.as_ref(), left);
                watch.over(self.context, turn).await.and_then(|turn| turn).map_err(Opened::Failed)?
            } else {
                limiter.take_now(tokens, self.context.clock.now()).map_err(Opened::Full)?
            });
        }
        if self.context.remaining().is_some_and(|left| left.is_zero()) {
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
        let option = self.request.options.get("max_tokens").and_then(serde_json::Value::as_u64);
        let most = self.request.sampling.max_tokens.or(option);
        match (most, self.target.state.output_p95()) {
            (Some(most), usual) => (prompt + usual.map_or(most, |usual| usual.min(most)), 0),
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
