//! One route's table, understood.
use super::reader::{Reader, number};
use crate::settings::{Budget, Hedge, Keep, Limits, Order, Per, Period, Retry, Timeouts};
use consort_core::Money;
use consort_settings::{Field, Located, LocatedValue, Problem, Section};
use std::time::Duration;

/// What a table says.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    pub targets: Vec<TargetSpec>,
    pub too_long: Vec<TargetSpec>,
    pub filtered: Vec<TargetSpec>,
    pub order: Order,
    pub timeouts: Timeouts,
    pub retry: Option<Retry>,
    pub breaker: bool,
    /// For the route as a whole.
    pub limit: Option<Limits>,
    /// For a provider, which is a key, or for one model.
    pub limits: Vec<(String, Limits)>,
    pub keep: Option<Keep>,
    pub hedge: Option<Hedge>,
    pub budgets: Vec<Budget>,
}

/// A model that a table names.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetSpec {
    pub model: String,
    pub line: usize,
    pub weight: u32,
    pub self_retrying: bool,
}

/// What a file that comes with a folder may not set: it could spend more, or unmake what the user has limited.
const OWN: [&str; 7] = ["limit", "limits", "cache", "cache_seconds", "hedge", "budgets", "breaker"];

/// The most retries that can be set.
const MOST_RETRIES: u32 = 10;

pub(super) fn read(section: &Section) -> Result<Spec, Vec<Problem>> {
    let mut reader = Reader::new(&section.file, &section.fields);
    let spec = fields(&mut reader);
    if section.of_project {
        for field in section.fields.iter().filter(|field| OWN.contains(&field.name.as_str())) {
            let what = format!("a project's file may not set `{}`: routes may name models here", field.name);
            let problem = Problem::new(&section.file, what).at_line(field.line);
            reader.problems.push(problem.help("put the route into your own settings file"));
        }
    }
    reader.end();
    let mut problems = reader.problems;
    if spec.targets.is_empty() && problems.is_empty() {
        let problem = Problem::new(&section.file, "the route has no targets").at_line(section.line);
        problems.push(problem.help("for instance targets = [\"demo\"]"));
    }
    problems.sort_by_key(|problem| problem.line);
    if problems.is_empty() { Ok(spec) } else { Err(problems) }
}

fn fields(reader: &mut Reader<'_>) -> Spec {
    const CACHES: [(&str, Option<bool>); 3] = [("off", None), ("cold", Some(false)), ("all", Some(true))];
    let orders = [("listed", Order::Listed), ("weighted", Order::Weighted), ("latency", Order::Latency)];
    let targets = targets(reader, "targets");
    let too_long = self::targets(reader, "too_long");
    let filtered = self::targets(reader, "filtered");
    let order = reader.word("order", &orders).unwrap_or_default();
    let timeouts = Timeouts {
        whole: reader.seconds("timeout"),
        first_event: reader.seconds("first_event"),
        idle: reader.seconds("idle"),
    };
    let retries = reader.count("retries", 0, MOST_RETRIES).unwrap_or(Retry::default().most);
    let breaker = reader.flag("breaker").unwrap_or(true);
    let limit = reader.table("limit").map(|fields| reader.inner(fields, limits));
    let limits = reader.table("limits").map_or_else(Vec::new, |all| named_limits(reader, all));
    let warm = reader.word("cache", &CACHES).flatten();
    let age = reader.seconds("cache_seconds").unwrap_or(Keep::default().age);
    Spec {
        targets,
        too_long,
        filtered,
        order,
        timeouts,
        retry: (retries > 0).then(|| Retry { most: retries, ..Retry::default() }),
        breaker,
        limit,
        limits,
        keep: warm.map(|warm| Keep { warm, age, ..Keep::default() }),
        hedge: hedge(reader),
        budgets: reader.list("budgets").map_or_else(Vec::new, |all| budgets(reader, all)),
    }
}

fn targets(reader: &mut Reader<'_>, name: &'static str) -> Vec<TargetSpec> {
    let items = reader.list(name).unwrap_or_default();
    items.iter().filter_map(|item| target(reader, item)).collect()
}

fn target(reader: &mut Reader<'_>, item: &Located) -> Option<TargetSpec> {
    let plain =
        |model: &str, line| TargetSpec { model: model.to_owned(), line, weight: 1, self_retrying: false };
    match &item.value {
        LocatedValue::Text(model) if !model.is_empty() => Some(plain(model, item.line)),
        LocatedValue::Table(fields) => {
            let mut inner = Reader::new(reader.file(), fields);
            let model = inner.text("model");
            let weight = inner.count("weight", 0, 1_000_000);
            let self_retrying = inner.flag("self_retrying").unwrap_or(false);
            if model.is_none() {
                inner.wrong(item.line, "a target must name its `model`");
            }
            inner.end();
            reader.problems.append(&mut inner.problems);
            let (model, line) = model?;
            Some(TargetSpec { weight: weight.unwrap_or(1), self_retrying, ..plain(model, line) })
        }
        _ => {
            reader.wrong(item.line, "a target must be the name of a model, or a table with `model`");
            None
        }
    }
}

fn limits(reader: &mut Reader<'_>) -> Limits {
    const MOST: u32 = 1_000_000;
    if let (Some(line), false) = (reader.line_of("burst"), reader.line_of("requests_per_minute").is_some()) {
        reader
            .wrong(line, "`burst` says how many of `requests_per_minute` may come at once, which is not set");
    }
    Limits {
        requests_per_minute: reader.count("requests_per_minute", 1, MOST),
        burst: reader.count("burst", 1, MOST),
        tokens_per_minute: reader.count("tokens_per_minute", 1, u32::MAX).map(u64::from),
        parallel: reader.count("parallel", 1, MOST),
        wait: reader.seconds("wait"),
    }
}

fn named_limits<'a>(reader: &mut Reader<'a>, all: &'a [Field]) -> Vec<(String, Limits)> {
    let mut named = Vec::new();
    for field in all {
        match &field.value.value {
            LocatedValue::Table(fields) => named.push((field.name.clone(), reader.inner(fields, limits))),
            _ => reader.wrong(field.value.line, format!("the limits of `{}` must be a table", field.name)),
        }
    }
    named
}

/// `true`, or after how many seconds.
fn hedge(reader: &mut Reader<'_>) -> Option<Hedge> {
    let field = reader.take("hedge")?;
    match (&field.value.value, number(&field.value)) {
        (LocatedValue::Bool(yes), _) => yes.then(Hedge::default),
        (_, Some(seconds)) if seconds > 0.0 && seconds <= 3600.0 => {
            Some(Hedge { after: Some(Duration::from_secs_f64(seconds)) })
        }
        _ => {
            reader.wrong(field.value.line, "`hedge` must be true, false, or a number of seconds");
            None
        }
    }
}

fn budgets<'a>(reader: &mut Reader<'a>, all: &'a [Located]) -> Vec<Budget> {
    let mut budgets = Vec::new();
    for item in all {
        let LocatedValue::Table(fields) = &item.value else {
            reader.wrong(item.line, "a budget must be a table");
            continue;
        };
        let budget = reader.inner(fields, |inner| {
            let money = |dollars: Option<f64>| dollars.map(Money::from_dollars);
            let pers = [("all", Per::All), ("key", Per::Key), ("model", Per::Model)];
            Budget {
                per: inner.word("per", &pers).unwrap_or(Per::All),
                period: inner
                    .word("period", &[("day", Period::Day), ("month", Period::Month)])
                    .unwrap_or(Period::Month),
                soft: money(inner.dollars("soft")),
                hard: money(inner.dollars("hard")),
            }
        });
        if matches!((budget.soft, budget.hard), (Some(soft), Some(hard)) if soft > hard) {
            reader
                .wrong(item.line, "the `soft` sum of a budget is above its `hard` one: it would never warn");
        }
        if budget.soft.is_none() && budget.hard.is_none() {
            reader.wrong(item.line, "a budget must have `soft` or `hard`, in dollars");
        }
        budgets.push(budget);
    }
    budgets
}
