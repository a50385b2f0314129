//! Who is asked next: the targets of one request and how each has fared in it.
use crate::class::{Class, Next};
use crate::plan::Plan;
use crate::settings::Order;
use crate::state::{Probe, is_dead};
use crate::target::Target;
use consort_core::{Error, ErrorKind, Request};
use std::time::{Duration, Instant};

/// The targets of one request.
pub(super) struct Field<'a> {
    runners: Vec<Runner<'a>>,
    /// One that is asked again before all others.
    prefer: Option<usize>,
    /// What went wrong so far.
    failures: Vec<(&'a str, Error)>,
    /// What the user must hear of when somebody else is asked.
    unsaid: Vec<(&'a str, Error)>,
    patience: Duration,
}

struct Runner<'a> {
    target: &'a Target,
    stage: Stage,
    retries: u32,
    /// From when on it may be asked again.
    again: Option<Again>,
    /// It is asked although it rests: once.
    last: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fresh,
    Asked,
    /// It cannot do what is asked for, or would fail as another did.
    Out,
}

#[derive(Clone, Copy)]
pub(super) struct Again {
    pub(super) at: Instant,
    /// It failed, and this is a retry; otherwise it was only full, or the request has changed.
    pub(super) retry: bool,
}

/// Who is asked next.
pub(super) struct Choice {
    pub(super) at: usize,
    /// How long to wait before.
    pub(super) wait: Duration,
    pub(super) retry: bool,
    /// Whether this request comes to this target for the first time.
    pub(super) fresh: bool,
    pub(super) probe: Option<Probe>,
    /// Those that were passed over because they rest, and what they failed with.
    pub(super) resting: Vec<(String, Error)>,
}

impl<'a> Field<'a> {
    pub(super) fn new(plan: &'a Plan, targets: &'a [Target], request: &Request) -> Self {
        let able = |target: &Target| target.card().lacks(request).is_none();
        // Where nobody is known to be able, the vendor has the last word.
        let anybody = targets.iter().any(able);
        let runners = in_order(plan.order, targets).into_iter().map(|target| Runner {
            target,
            stage: if anybody && !able(target) { Stage::Out } else { Stage::Fresh },
            retries: 0,
            again: None,
            last: false,
        });
        Self {
            runners: runners.collect(),
            prefer: None,
            failures: Vec::new(),
            unsaid: Vec::new(),
            patience: plan.retry.clone().unwrap_or_default().patience,
        }
    }

    pub(super) fn target(&self, at: usize) -> &'a Target {
        self.runners[at].target
    }

    /// Those who cannot do what is asked for, where others can.
    pub(super) fn unable(&self) -> impl Iterator<Item = &'a Target> {
        self.runners.iter().filter(|runner| runner.stage == Stage::Out).map(|runner| runner.target)
    }

    /// Who is asked next: one that is asked again on purpose, one that is free, one that is worth waiting for, and
    /// the last that is left although it rests. Nobody, if all failed.
    pub(super) fn choose(&mut self, now: Instant, left: Option<Duration>) -> Option<Choice> {
        if let Some(choice) = self.prefer.take().and_then(|at| self.again(at, now)) {
            return Some(choice);
        }
        let mut resting = Vec::new();
        for at in 0..self.runners.len() {
            let runner = &mut self.runners[at];
            if runner.stage != Stage::Fresh {
                continue;
            }
            match runner.target.state.enter(now) {
                Ok(probe) => {
                    runner.stage = Stage::Asked;
                    let resting = self.passed_over(resting);
                    return Some(Choice { probe: Some(probe), fresh: true, resting, ..Choice::of(at) });
                }
                Err(rest) => resting.push((at, rest)),
            }
        }
        let waiting = self.runners.iter().enumerate().filter_map(|(at, runner)| Some((runner.again?.at, at)));
        if let Some(choice) = waiting.min().and_then(|(_, at)| self.again(at, now)) {
            let resting = self.passed_over(resting);
            return Some(Choice { resting, ..choice });
        }
        let place = (0..resting.len()).min_by_key(|place| resting[*place].1.until)?;
        let (at, rest) = resting.remove(place);
        // One that only asked to be left alone for a moment is left alone for that.
        let wait = rest.until.saturating_duration_since(now);
        let patience = left.map_or(self.patience, |left| left.min(self.patience));
        let wait = if rest.cooling && wait <= patience { wait } else { Duration::ZERO };
        self.runners[at].stage = Stage::Asked;
        self.runners[at].last = true;
        let resting = self.passed_over(resting);
        Some(Choice { wait, fresh: true, resting, ..Choice::of(at) })
    }

    fn again(&mut self, at: usize, now: Instant) -> Option<Choice> {
        let again = self.runners[at].again.take()?;
        let wait = again.at.saturating_duration_since(now);
        Some(Choice { wait, retry: again.retry, ..Choice::of(at) })
    }

    fn passed_over(&mut self, resting: Vec<(usize, crate::state::Resting)>) -> Vec<(String, Error)> {
        let mut told = Vec::new();
        for (at, rest) in resting {
            let id = self.runners[at].target.card().id.as_str();
            if is_dead(rest.error.kind()) {
                self.unsaid.push((id, rest.error.clone()));
            }
            told.push((id.to_owned(), rest.error));
        }
        told
    }

    /// Whether another target could be asked at once.
    pub(super) fn another_is_free(&self, at: usize, now: Instant) -> bool {
        self.free_beside(at, now).is_some()
    }

    fn free_beside(&self, at: usize, now: Instant) -> Option<usize> {
        let free = |place: &usize| {
            let runner = &self.runners[*place];
            *place != at && runner.stage == Stage::Fresh && runner.target.state.is_free(now)
        };
        (0..self.runners.len()).find(free)
    }

    /// One to be asked beside a slow one: another that is free, else the same once more, unless the slow one is to find
    /// out whether it works again. A second try is paid from the budget of retries.
    pub(super) fn second(&mut self, at: usize, now: Instant) -> Option<(usize, Probe)> {
        let second = self.free_beside(at, now).unwrap_or(at);
        let runner = &mut self.runners[second];
        let probe = runner.target.state.enter(now).ok()?;
        let paid = runner.target.state.may_retry(now);
        if paid {
            runner.stage = Stage::Asked;
        }
        paid.then_some((second, probe))
    }

    /// A try failed. What it leaves for the others.
    pub(super) fn failed(&mut self, at: usize, error: &Error, class: Class) {
        let target = self.runners[at].target;
        self.failures.push((&target.card().id, error.clone()));
        if matches!(class.next, Next::OtherKey | Next::OtherModel) {
            self.unsaid.push((&target.card().id, error.clone()));
        }
        if class.next == Next::OtherKey {
            for runner in self.runners.iter_mut().filter(|runner| runner.target.key() == target.key()) {
                runner.stage = Stage::Out;
                runner.again = None;
            }
        }
    }

    /// Whether this one may be asked again after a failure, as far as this request goes.
    pub(super) fn retries_of(&self, at: usize) -> Option<u32> {
        let runner = &self.runners[at];
        (!runner.last && runner.stage == Stage::Asked && !runner.target.self_retrying)
            .then_some(runner.retries)
    }

    pub(super) fn ask_again(&mut self, at: usize, again: Again, before_others: bool) {
        let runner = &mut self.runners[at];
        runner.again = Some(again);
        runner.retries += u32::from(again.retry);
        if before_others {
            self.prefer = Some(at);
        }
    }

    /// What the user must hear, now that this one is asked.
    pub(super) fn unsaid(&mut self, at: usize) -> Vec<(&'a str, Error)> {
        let id = &self.runners[at].target.card().id;
        std::mem::take(&mut self.unsaid).into_iter().filter(|(failed, _)| failed != id).collect()
    }

    /// The error of all of them: the last one's, with what became of the others.
    pub(super) fn verdict(self) -> Error {
        let mut failures = self.failures;
        let Some((last, error)) = failures.pop() else {
            return Error::new(ErrorKind::Setup, "the route has no target");
        };
        failures.retain(|(id, _)| *id != last);
        let mut others: Vec<String> =
            failures.iter().map(|(id, error)| format!("{id}: {}", error.kind().as_str())).collect();
        others.dedup();
        if others.is_empty() {
            error
        } else {
            error.hint(format!("asked before {last}: {}", others.join(", ")))
        }
    }
}

impl Choice {
    fn of(at: usize) -> Self {
        Self { at, wait: Duration::ZERO, retry: false, fresh: false, probe: None, resting: Vec::new() }
    }
}

fn in_order(order: Order, targets: &[Target]) -> Vec<&Target> {
    let mut listed: Vec<&Target> = targets.iter().collect();
    match order {
        Order::Listed => listed,
        Order::Latency => {
            listed.sort_by(|one, other| {
                let (one, other) = (one.state.pace().unwrap_or(0.0), other.state.pace().unwrap_or(0.0));
                one.total_cmp(&other)
            });
            listed
        }
        Order::Weighted => {
            let mut drawn = Vec::with_capacity(listed.len());
            while let Some(at) = draw(&listed) {
                drawn.push(listed.remove(at));
            }
            drawn
        }
    }
}

/// One of these by weight. Those of weight 0 come last, in their order.
fn draw(targets: &[&Target]) -> Option<usize> {
    let total: u64 = targets.iter().map(|target| u64::from(target.weight)).sum();
    if total == 0 {
        return (!targets.is_empty()).then_some(0);
    }
    let mut lot = fastrand::u64(..total);
    targets.iter().position(|target| {
        let weight = u64::from(target.weight);
        let hit = lot < weight;
        lot = lot.saturating_sub(weight);
        hit
    })
}
