//! An answer that says nothing of its tokens, with an estimate of them before its end.
use consort_core::{
    Delta, Error, Event, EventStream, Message, Part, Request, Role, Usage, UsageSource, estimate_tokens,
};
use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The same answer; where it brings no usage, with an estimated one. `asked` is what the question takes, by an estimate too.
pub(crate) fn counted(stream: EventStream, asked: u64) -> EventStream {
    Box::pin(Counted { stream, asked, said: Said::default(), counts: false, waiting: None })
}

struct Counted {
    stream: EventStream,
    asked: u64,
    said: Said,
    /// Whether the plugin counted something itself.
    counts: bool,
    waiting: Option<Event>,
}

impl Stream for Counted {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(end) = self.waiting.take() {
            return Poll::Ready(Some(Ok(end)));
        }
        let item = ready!(self.stream.as_mut().poll_next(context));
        match item {
            Some(Ok(Event::Finished(end))) if !self.counts => {
                self.waiting = Some(Event::Finished(end));
                return Poll::Ready(Some(Ok(Event::Usage(Usage {
                    input: Some(self.asked),
                    output: Some(self.said.tokens()),
                    source: UsageSource::Estimated,
                    ..Usage::default()
                }))));
            }
            Some(Ok(Event::PartDelta {
                delta: Delta::Text(ref text) | Delta::Arguments(ref text), ..
            })) => {
                self.said.add(text);
            }
            Some(Ok(Event::Usage(ref usage))) => {
                self.counts |= usage.input.is_some() || usage.output.is_some();
            }
            _ => {}
        }
        Poll::Ready(item)
    }
}

/// What was said so far. Only a little of it is kept.
#[derive(Default)]
struct Said {
    text: String,
    tokens: u64,
}

impl Said {
    fn add(&mut self, text: &str) {
        const ENOUGH: usize = 16 << 10;
        self.text.push_str(text);
        if self.text.len() > ENOUGH {
            self.tokens = self.tokens();
            self.text.clear();
        }
    }

    fn tokens(&self) -> u64 {
        let message = |text: &str| Request::new(vec![Message::new(Role::Assistant, vec![Part::text(text)])]);
        // What a message costs beside its words is no part of an answer.
        let words = estimate_tokens(&message(&self.text)).tokens - estimate_tokens(&message("")).tokens;
        self.tokens + words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_core::{Response, collect, events_of};

    fn answer(events: Vec<Event>) -> Result<Response, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(collect(counted(events_of(events), 7)))
    }

    fn usage_of(events: Vec<Event>) -> Usage {
        answer(events).unwrap().usage.unwrap()
    }

    #[test]
    fn what_nobody_counted_is_estimated() {
        let usage = usage_of(Event::text_answer("eight chars more"));
        assert_eq!((usage.input, usage.output, usage.source), (Some(7), Some(4), UsageSource::Estimated));
        assert_eq!(usage_of(Event::text_answer(&"word".repeat(100_000))).output, Some(100_000));
        assert_eq!(usage_of(Event::text_answer("")).output, Some(0));
    }

    #[test]
    fn what_was_counted_stays() {
        let mut events = Event::text_answer("hello");
        events.insert(1, Event::Usage(Usage { output: Some(99), ..Usage::default() }));
        let usage = usage_of(events);
        assert_eq!((usage.input, usage.output, usage.source), (None, Some(99), UsageSource::Reported));
        let mut events = Event::text_answer("hello");
        events.insert(1, Event::Usage(Usage::default()));
        assert_eq!(usage_of(events).input, Some(7), "a usage without numbers counts nothing");
    }

    #[test]
    fn an_answer_that_breaks_has_no_more_than_its_error() {
        let mut events = Event::text_answer("hello");
        events.pop();
        assert!(answer(events).is_err());
    }
}
