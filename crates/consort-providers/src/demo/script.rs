//! The course of one answer: which events come, after which waits, and where it goes wrong.
use super::options::{self, Options};
use super::{ID, answer, tokens, tools};
use consort_core::{
    ChoiceFinish, Delta, Effort, Error, ErrorKind, Event, Finish, FinishReason, ModelCard, PartKey, PartKind,
    Phase, Request, Usage,
};
use std::collections::VecDeque;
use std::time::Duration;

/// One step of an answer: what comes, and how long to wait before it.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) wait: Duration,
    pub(super) item: Result<Event, Error>,
}

/// How many pieces a text is streamed in at most: a long one must not take long.
const PIECES: usize = 240;
/// How many answers can be asked for side by side.
const CHOICES: u32 = 8;

/// The whole course of an answer.
pub(super) fn steps(card: &ModelCard, preset: &Options, request: &Request) -> VecDeque<Step> {
    let planned = || {
        let request = options::settled(request)?;
        let options = Options::read(preset, &request.last_user_text(), &request.options)?;
        Ok((plan(card, &options, &request)?, options))
    };
    match planned() {
        Ok((steps, options)) => misbehave(steps, &options),
        Err(error) => VecDeque::from([Step { wait: Duration::ZERO, item: Err(error) }]),
    }
}

fn plan(card: &ModelCard, options: &Options, request: &Request) -> Result<VecDeque<Step>, Error> {
    let input = tokens::of_request(request);
    if let Some(limit) = card.limits.context.filter(|limit| input > *limit) {
        let what = format!("the request is {input} tokens long and the limit is {limit}");
        return Err(Error::new(ErrorKind::ContextLength, what).provider(ID).status(400).hint("send less"));
    }
    let mut writer = Writer::new(options, request.stream);
    writer.push(Event::Started { model: Some(card.name.clone()), response_id: None });
    let mut reasoning = 0;
    if thinks(request, options) {
        let text = answer::reasoning(request);
        reasoning = tokens::of_text(&text);
        writer.part(0, PartKind::Reasoning { redacted: false }, &text, Delta::Text);
    }
    let mut output = reasoning;
    let calls = tools::calls(request)?;
    let finish = if options.finish == Some(FinishReason::Refusal) {
        let text = "I decline to answer, because I was asked to.";
        output += tokens::of_text(text);
        writer.part(0, PartKind::Refusal, text, Delta::Text);
        FinishReason::Refusal.into()
    } else if calls.is_empty() {
        let (text, finish) = ended(answer::text(request, options)?, card, request);
        let choices = request.sampling.choices.unwrap_or(1).clamp(1, CHOICES);
        for choice in 0..choices {
            output += tokens::of_text(&text);
            writer.part(choice, PartKind::Text, &text, Delta::Text);
        }
        let reason = finish.reason;
        let others = (1..choices).map(|choice| ChoiceFinish { choice, reason, vendor_reason: None });
        Finish { others: others.collect(), ..finish }
    } else {
        for call in calls {
            output += tokens::of_text(call.arguments.raw());
            let raw = call.arguments.raw().to_owned();
            writer.part(0, PartKind::ToolCall { id: call.id, name: call.name }, &raw, Delta::Arguments);
        }
        FinishReason::ToolCalls.into()
    };
    writer.push(Event::Usage(Usage {
        input: Some(input),
        output: Some(output),
        reasoning: (reasoning > 0).then_some(reasoning),
        total: Some(input + output),
        reasoning_in_output: true,
        ..Usage::default()
    }));
    writer.push(Event::Finished(options.finish.map_or(finish, Finish::from)));
    Ok(writer.steps)
}

fn thinks(request: &Request, options: &Options) -> bool {
    let reasoning = &request.reasoning;
    match reasoning.effort {
        Some(Effort::None) => false,
        Some(_) => true,
        None => {
            options.think
                || reasoning.budget_tokens.is_some_and(|budget| budget > 0)
                || reasoning.show == Some(true)
        }
    }
}

/// The text up to the first stop sequence and the limit of tokens, and how it therefore ends.
fn ended(mut text: String, card: &ModelCard, request: &Request) -> (String, Finish) {
    let mut finish = Finish::from(FinishReason::Stop);
    let stops = request.sampling.stop.iter().filter(|stop| !stop.is_empty());
    if let Some((at, stop)) = stops.filter_map(|stop| Some((text.find(stop.as_str())?, stop))).min() {
        text.truncate(at);
        finish.stop_sequence = Some(stop.clone());
    }
    let limit = request.sampling.max_tokens.or(card.limits.output).unwrap_or(u64::MAX);
    if tokens::of_text(&text) > limit {
        let mut used = 0;
        let kept = pieces(&text, usize::MAX).into_iter().take_while(|piece| {
            used += tokens::of_text(piece);
            used <= limit
        });
        text = kept.collect();
        finish = FinishReason::Length.into();
    }
    (text, finish)
}

/// Puts the failure that was asked for into the course.
fn misbehave(mut steps: VecDeque<Step>, options: &Options) -> VecDeque<Step> {
    let is_content = |step: &Step| matches!(&step.item, Ok(event) if event.is_content());
    let content = steps.iter().filter(|step| is_content(step)).count() as u64;
    let (error, after) = match options.fail {
        Some(kind) => (failure(kind, options), options.fail_after),
        None if options.cut => {
            let what = "the stream was cut, because it was asked to be (option `cut`)";
            let half = (content / 2).max(1);
            let after = if options.fail_after > 0 { options.fail_after } else { half };
            (Error::new(ErrorKind::Interrupted, what).provider(ID), after)
        }
        None => return steps,
    };
    let mut seen = 0;
    let at = if after == 0 {
        0
    } else {
        let ends = |step: &Step| {
            seen += u64::from(is_content(step));
            seen == after
        };
        // After more than there is: instead of the end.
        steps.iter().position(ends).map_or(steps.len() - 1, |last| last + 1)
    };
    steps.truncate(at);
    let wait = if at == 0 { Duration::from_millis(options.slow_first_ms) } else { Duration::ZERO };
    steps.push_back(Step { wait, item: Err(error) });
    steps
}

fn failure(kind: ErrorKind, options: &Options) -> Error {
    let message = format!("failed with `{kind}`, because it was asked to (option `fail`)");
    let error = match kind {
        ErrorKind::Timeout if options.fail_after == 0 => Error::timeout(Phase::FirstEvent, message),
        ErrorKind::Timeout => Error::timeout(Phase::Idle, message),
        kind => Error::new(kind, message),
    };
    let error = match status(kind) {
        Some(status) => error.status(status),
        None => error,
    };
    let wait = options.retry_after.map(Duration::from_secs_f64);
    error.provider(ID).retry_in(wait).hint("ask without the option `fail`")
}

/// The status that a vendor would answer with.
fn status(kind: ErrorKind) -> Option<u16> {
    Some(match kind {
        ErrorKind::Auth => 401,
        ErrorKind::Quota => 402,
        ErrorKind::Permission => 403,
        ErrorKind::ModelNotFound => 404,
        ErrorKind::ContextLength => 413,
        ErrorKind::RateLimit => 429,
        ErrorKind::Server => 500,
        ErrorKind::Overloaded => 529,
        ErrorKind::InvalidRequest | ErrorKind::Unsupported | ErrorKind::ContentFilter => 400,
        _ => return None,
    })
}

/// Writes the events of parts with their waits.
struct Writer {
    steps: VecDeque<Step>,
    next_part: u32,
    /// The wait before the next piece.
    wait: Duration,
    delay: Duration,
    streams: bool,
}

impl Writer {
    fn new(options: &Options, streams: bool) -> Self {
        let delay = if streams { options.delay_ms } else { 0 };
        Self {
            steps: VecDeque::new(),
            next_part: 0,
            wait: Duration::from_millis(options.slow_first_ms),
            delay: Duration::from_millis(delay),
            streams,
        }
    }

    fn push(&mut self, event: Event) {
        self.steps.push_back(Step { wait: Duration::ZERO, item: Ok(event) });
    }

    fn part(&mut self, choice: u32, kind: PartKind, text: &str, delta: fn(String) -> Delta) {
        let part = PartKey(self.next_part);
        self.next_part += 1;
        // A part that has begun is content for some kinds: the first wait comes before it.
        let wait = std::mem::take(&mut self.wait);
        self.steps.push_back(Step { wait, item: Ok(Event::PartStart { part, choice, kind }) });
        for piece in pieces(text, if self.streams { PIECES } else { 1 }) {
            let item = Ok(Event::PartDelta { part, delta: delta(piece.to_owned()) });
            self.steps.push_back(Step { wait: self.delay, item });
        }
        self.push(Event::PartEnd { part });
    }
}

/// A text in at most `most` pieces, each one or more whole words with the blanks behind them.
fn pieces(text: &str, most: usize) -> Vec<&str> {
    let words = text.split_inclusive(char::is_whitespace).count();
    let together = words.div_ceil(most).max(1);
    let mut pieces = Vec::new();
    let (mut start, mut end) = (0, 0);
    for (at, word) in text.split_inclusive(char::is_whitespace).enumerate() {
        end += word.len();
        if (at + 1) % together == 0 {
            pieces.push(&text[start..end]);
            start = end;
        }
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    pieces
}
