//! `consort routes`: models made of others, what is around them, and what is broken.
use crate::args::{Routes, RoutesCommand, shown};
use crate::exit::{self, Done};
use crate::setup::{Setup, state_words};
use crate::terminal::{Style, print_json, table};
use consort_core::{Error, ErrorKind, Host, Model, ModelCard, Money};
use consort_routes::{Limits, Order, Per, Period, Row, Spec, TargetSpec};
use serde_json::{Value, json};
use std::io::Write;
use std::time::Duration;

pub(crate) fn run(routes: Routes, mut setup: Setup) -> Done {
    let host = setup.host();
    setup.tell_problems()?;
    let provider = setup.routes.clone();
    let rows = provider.as_ref().map(|provider| provider.rows()).unwrap_or_default();
    match routes.command {
        Some(RoutesCommand::Show { route, json }) => {
            let name = route.strip_prefix("route/").unwrap_or(&route);
            let row = rows.iter().find(|row| row.name == name).ok_or_else(|| no_route(&route))?;
            if json {
                print_json(&to_json(row))?;
            } else {
                show(row, &host)?;
            }
            Ok(exit::OK)
        }
        Some(RoutesCommand::List { json }) => list(rows, json || routes.json),
        None => list(rows, routes.json),
    }
}

fn no_route(wanted: &str) -> Error {
    Error::new(ErrorKind::ModelNotFound, format!("no route is named `{wanted}`"))
        .hint("`consort routes` lists them")
}

fn list(rows: &[Row], as_json: bool) -> Done {
    if as_json {
        print_json(&rows.iter().map(to_json).collect())?;
        return Ok(exit::OK);
    }
    if rows.is_empty() {
        let note = "no routes; one is two lines in consort.toml: [routes.fast] and targets = [\"demo\"]";
        writeln!(anstream::stderr(), "{}", Style::Dim.paint(note))?;
        return Ok(exit::OK);
    }
    let mut to = anstream::stdout().lock();
    let head = ["ROUTE", "STATE", "TARGETS", "AROUND THEM"].map(str::to_owned).to_vec();
    let line = |row: &Row| {
        let spec = row.spec.as_ref();
        let targets = spec.map(|spec| names(&spec.targets)).unwrap_or_default();
        let around = spec.map(|spec| around(spec).into_iter().map(|(name, what)| format!("{name} {what}")));
        let around = around.map(|words| words.collect::<Vec<_>>().join(", ")).unwrap_or_default();
        vec![row.id(), row.state().word().to_owned(), targets, around]
    };
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(rows.iter().map(line)).collect();
    table(&mut to, &lines, &[None, None, None, Some(Style::Dim)])?;
    for problem in rows.iter().flat_map(|row| &row.problems) {
        writeln!(to, "{} {problem}", Style::Error.paint("broken:"))?;
        if let Some(help) = &problem.help {
            writeln!(to, "  {} {help}", Style::Help.paint("help:"))?;
        }
    }
    Ok(exit::OK)
}

fn show(row: &Row, host: &Host) -> std::io::Result<()> {
    let mut to = anstream::stdout().lock();
    writeln!(to, "{}", Style::Bold.paint(row.id()))?;
    let mut lines = vec![
        ("state".to_owned(), state_words(&row.state())),
        ("from".to_owned(), format!("{}:{}", shown(&row.file), row.line)),
    ];
    for problem in row.problems.iter().skip(1) {
        lines.push((String::new(), problem.to_string()));
    }
    if let Some(spec) = &row.spec {
        for (at, target) in spec.targets.iter().enumerate() {
            let name = if at == 0 { "targets" } else { "" };
            lines.push((name.to_owned(), target_words(target, spec, row, host)));
        }
        lines.extend(around(spec).into_iter().map(|(name, what)| (name.to_owned(), what)));
    }
    if let Some(route) = &row.route {
        lines.push(("window".to_owned(), window(route.card())));
    }
    let lines: Vec<Vec<String>> = lines.into_iter().map(|(name, what)| vec![name, what]).collect();
    table(&mut to, &lines, &[Some(Style::Dim), None])
}

/// A target with how its provider stands.
fn target_words(target: &TargetSpec, spec: &Spec, row: &Row, host: &Host) -> String {
    let mut words = vec![target.model.clone()];
    if spec.order == Order::Weighted {
        words.push(format!("weight {}", target.weight));
    }
    let at = spec.targets.iter().position(|other| other == target);
    let built = row.route.as_ref().zip(at).and_then(|(route, at)| route.targets().get(at));
    if let Some(built) = built {
        let provider = host.provider_by_id(&built.card().provider);
        words.extend(provider.map(|provider| state_words(&provider.card().state)));
        words.extend(built.limits().map(|(name, limits)| format!("{name}: {}", limit_words(limits))));
    }
    words.join(", ")
}

fn window(card: &ModelCard) -> String {
    let words = |count: Option<u64>| count.map_or("unknown".to_owned(), crate::terminal::thousands);
    format!("{} tokens, answers of {}", words(card.limits.context), words(card.limits.output))
}

fn names(targets: &[TargetSpec]) -> String {
    targets.iter().map(|target| target.model.as_str()).collect::<Vec<_>>().join(", ")
}

/// What is around the targets, each by its field.
pub(crate) fn around(spec: &Spec) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    match spec.order {
        Order::Listed => {}
        Order::Weighted => all.push(("order", "weighted".to_owned())),
        Order::Latency => all.push(("order", "latency".to_owned())),
    }
    all.push(("retries", spec.retry.as_ref().map_or(0, |retry| retry.most).to_string()));
    let lists = [("too_long", &spec.too_long), ("filtered", &spec.filtered)];
    all.extend(
        lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, list)| (name, names(list))),
    );
    let times = &spec.timeouts;
    let times = [("timeout", times.whole), ("first_event", times.first_event), ("idle", times.idle)];
    all.extend(times.into_iter().filter_map(|(name, time)| Some((name, seconds(time?)))));
    if !spec.breaker {
        all.push(("breaker", "off".to_owned()));
    }
    all.extend(spec.limit.iter().map(|limits| ("limit", limit_words(limits))));
    all.extend(
        spec.limits.iter().map(|(name, limits)| ("limits", format!("{name}: {}", limit_words(limits)))),
    );
    if let Some(keep) = &spec.keep {
        let which = if keep.warm { "all" } else { "cold" };
        all.push(("cache", format!("{which}, {}", seconds(keep.age))));
    }
    if let Some(hedge) = &spec.hedge {
        all.push(("hedge", hedge.after.map_or("after what is usual".to_owned(), seconds)));
    }
    for budget in &spec.budgets {
        let per = match budget.per {
            Per::All => "all",
            Per::Key => "each key",
            Per::Model => "each model",
        };
        let period = match budget.period {
            Period::Day => "a day",
            Period::Month => "a month",
        };
        let sum = |name: &str, sum: Option<Money>| sum.map(|sum| format!("{name} {sum:#}"));
        let sums: Vec<String> =
            [sum("soft", budget.soft), sum("hard", budget.hard)].into_iter().flatten().collect();
        all.push(("budget", format!("{} {period} for {per}", sums.join(", "))));
    }
    all
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

fn limit_words(limits: &Limits) -> String {
    let mut words = Vec::new();
    words.extend(limits.requests_per_minute.map(|most| format!("{most} requests a minute")));
    words.extend(limits.burst.map(|most| format!("{most} at once")));
    words.extend(limits.tokens_per_minute.map(|most| format!("{most} tokens a minute")));
    words.extend(limits.parallel.map(|most| format!("{most} side by side")));
    words.extend(limits.wait.map(|time| format!("waits {}", seconds(time))));
    words.join(", ")
}

fn to_json(row: &Row) -> Value {
    let spec = row.spec.as_ref();
    let targets = |list: fn(&Spec) -> &Vec<TargetSpec>| -> Vec<Value> {
        let all = spec.map(list).into_iter().flatten();
        all.map(|target| json!({"model": target.model, "weight": target.weight})).collect()
    };
    let around: Vec<Value> = spec
        .map(around)
        .unwrap_or_default()
        .into_iter()
        .map(|(name, what)| json!({"field": name, "value": what}))
        .collect();
    json!({
        "id": row.id(),
        "state": row.state().word(),
        "file": row.file.display().to_string(),
        "line": row.line,
        "problems": row.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "targets": targets(|spec| &spec.targets),
        "too_long": targets(|spec| &spec.too_long),
        "filtered": targets(|spec| &spec.filtered),
        "around": around,
    })
}
