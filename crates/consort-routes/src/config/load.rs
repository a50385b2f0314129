//! Builds the routes of the settings: names become models, circles and missing models are found.
use super::provider::{Resolve, Row};
use super::read::{self, Spec, TargetSpec};
use crate::card::PROVIDER;
use crate::registry::Registry;
use crate::route::Route;
use crate::settings::Breaker;
use crate::spend::Ledger;
use crate::target::Target;
use consort_core::State;
use consort_settings::{Problem, Section};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) struct Loader<'a> {
    pub(super) sections: &'a BTreeMap<String, Section>,
    pub(super) resolve: Resolve<'a>,
    pub(super) registry: &'a Registry,
    pub(super) ledger: &'a Arc<dyn Ledger>,
    pub(super) rows: BTreeMap<String, Row>,
    /// The routes that are being built, outermost first.
    pub(super) path: Vec<String>,
}

impl Loader<'_> {
    /// Builds a route and those that it names.
    pub(super) fn load(&mut self, name: &str, section: &Section) {
        if self.rows.contains_key(name) {
            return;
        }
        self.path.push(name.to_owned());
        let read = check_name(name, section).and_then(|()| read::read(section));
        let (spec, built) = match read {
            Ok(spec) => {
                let built = self.build(name, section, &spec);
                (Some(spec), built)
            }
            Err(problems) => (None, Err(problems)),
        };
        self.path.pop();
        let (route, problems) = match built {
            Ok(route) => (Some(route), Vec::new()),
            Err(problems) => (None, problems),
        };
        let row = Row {
            name: name.to_owned(),
            file: section.file.clone(),
            line: section.line,
            spec,
            route,
            problems,
        };
        self.rows.insert(name.to_owned(), row);
    }

    fn build(&mut self, name: &str, section: &Section, spec: &Spec) -> Result<Route, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut all = |targets: &[TargetSpec]| -> Vec<Target> {
            let target = |target: &TargetSpec| match self.target(section, spec, target) {
                Ok(target) => Some(target),
                Err(problem) => {
                    problems.push(problem);
                    None
                }
            };
            targets.iter().filter_map(target).collect()
        };
        let (targets, too_long, filtered) = (all(&spec.targets), all(&spec.too_long), all(&spec.filtered));
        for (limited, _) in &spec.limits {
            let mut cards = targets.iter().chain(&too_long).chain(&filtered).map(Target::card);
            if problems.is_empty() && !cards.any(|card| *limited == card.id || *limited == card.provider) {
                let what = format!(
                    "`limits.{limited}` limits nothing: no target is `{limited}` or of that provider"
                );
                problems.push(Problem::new(&section.file, what).at_line(section.line));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut route = Route::of(targets)
            .named(name)
            .order(spec.order)
            .timeouts(spec.timeouts.clone())
            .when_too_long(too_long)
            .when_filtered(filtered)
            // Also without a budget of its own: what it spends may count towards another's.
            .budgets(spec.budgets.clone(), self.ledger.clone());
        if let Some(retry) = &spec.retry {
            route = route.retry(retry.clone());
        }
        if spec.breaker {
            route = route.breaker(Breaker::default());
        }
        if let Some(limit) = &spec.limit {
            route = route.limit_in(limit.clone(), self.registry);
        }
        if let Some(keep) = &spec.keep {
            route = route.keep_in(keep, self.registry);
        }
        if let Some(hedge) = &spec.hedge {
            route = route.hedge(hedge.clone());
        }
        Ok(route)
    }

    fn target(&mut self, section: &Section, spec: &Spec, named: &TargetSpec) -> Result<Target, Problem> {
        let wrong = |what: String| Problem::new(&section.file, what).at_line(named.line);
        let target = match named.model.strip_prefix(PROVIDER).and_then(|rest| rest.strip_prefix('/')) {
            Some(route) => Target::from(self.route(route).map_err(wrong)?),
            None => Target::new((self.resolve)(&named.model).map_err(|error| {
                let problem = wrong(error.message().to_owned());
                match error.hints().first() {
                    Some(hint) => problem.help(hint),
                    None => problem,
                }
            })?),
        };
        let self_retrying = target.self_retrying || named.self_retrying;
        let mut target = target.weight(named.weight).self_retrying(self_retrying).remembered(self.registry);
        for (name, limits) in &spec.limits {
            let card = target.card();
            if *name == card.id || *name == card.provider {
                target = target.limit_shared(name, limits.clone(), self.registry);
            }
        }
        Ok(target)
    }

    /// Another route.
    fn route(&mut self, name: &str) -> Result<Route, String> {
        if let Some(from) = self.path.iter().position(|outer| outer == name) {
            let circle: Vec<&str> = self.path[from..].iter().map(String::as_str).chain([name]).collect();
            return Err(format!("the routes go in a circle: {}", circle.join(", ")));
        }
        let Some(section) = self.sections.get(name) else {
            return Err(format!("no route is named `{name}`"));
        };
        self.load(name, section);
        let route = self.rows.get(name).and_then(|row| row.route.clone());
        route.ok_or_else(|| format!("the route `{name}` is broken itself"))
    }
}

fn check_name(name: &str, section: &Section) -> Result<(), Vec<Problem>> {
    let good = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.' | '+');
    if !name.is_empty() && name.chars().all(good) {
        return Ok(());
    }
    let what = "the name of a route is made of letters, digits and `-`, `_`, `.`, `+`";
    Err(vec![Problem::new(&section.file, what).at_line(section.line)])
}

/// How a row stands.
pub(super) fn state(problems: &[Problem]) -> State {
    match problems.first() {
        Some(problem) => State::Broken { reason: problem.to_string() },
        None => State::Ready,
    }
}
