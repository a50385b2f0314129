//! A second try beside a slow first one: whichever has content first answers.
use super::Course;
use super::field::Field;
use super::leg::{Leg, Log, Opened};
use consort_core::Request;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// A try that is over, or that answers.
pub(super) struct Tried {
    pub(super) at: usize,
    pub(super) log: Log,
    pub(super) opened: Opened,
}

impl Course<'_> {
    /// Makes a try, and after a while a second one beside it. What failed comes first in the answer.
    pub(super) async fn race<'a>(
        &'a self,
        first: (usize, Leg<'a>, Log),
        after: Duration,
        field: &mut Field<'a>,
        request: &Arc<Request>,
    ) -> Vec<Tried> {
        let (one, leg, mut one_log) = first;
        let mut two_log = Log::default();
        let (mut one_opened, mut two_opened) = (None, None);
        let two;
        {
            let mut first = pin!(self.open(leg, &mut one_log));
            let mut alarm = self.context.clock.sleep(after);
            let early = poll_fn(|cx| match first.as_mut().poll(cx) {
                Poll::Ready(opened) => Poll::Ready(Some(opened)),
                Poll::Pending => alarm.as_mut().poll(cx).map(|()| None),
            });
            one_opened = early.await.or(one_opened);
            let now = self.context.clock.now();
            let second = if one_opened.is_none() { field.second(one, now) } else { None };
            two = second.as_ref().map(|(two, _)| *two);
            if let Some((two, probe)) = second {
                let leg = self.leg(field, two, request, Some(probe));
                let mut second = pin!(self.open(leg, &mut two_log));
                poll_fn(|cx| {
                    let both = [&mut one_opened, &mut two_opened];
                    let [one, two] = both;
                    if one.is_none()
                        && let Poll::Ready(opened) = first.as_mut().poll(cx)
                    {
                        *one = Some(opened);
                    }
                    let answered = |opened: &Option<Opened>| matches!(opened, Some(Opened::Answer(_)));
                    if two.is_none()
                        && !answered(one)
                        && let Poll::Ready(opened) = second.as_mut().poll(cx)
                    {
                        *two = Some(opened);
                    }
                    let over = answered(one) || answered(two) || (one.is_some() && two.is_some());
                    if over { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
            } else if one_opened.is_none() {
                one_opened = Some(first.await);
            }
        }
        let mut tried = vec![Tried { at: one, log: one_log, opened: one_opened.unwrap_or(Opened::Beaten) }];
        tried.extend(two.map(|at| Tried { at, log: two_log, opened: two_opened.unwrap_or(Opened::Beaten) }));
        tried.sort_by_key(|tried| matches!(tried.opened, Opened::Answer(_)));
        tried
    }
}
