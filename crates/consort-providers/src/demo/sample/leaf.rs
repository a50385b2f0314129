//! Values without parts: listed ones, numbers and texts.
use super::{NoFit, Sampled, count, pattern};
use consort_core::Object;
use serde_json::{Value, json};

/// The values that the schema itself lists, if it does: by rule, or as examples.
pub(super) fn listed(keys: &Object) -> Option<Vec<&Value>> {
    if let Some(one) = keys.get("const") {
        return Some(vec![one]);
    }
    keys.get("enum").and_then(Value::as_array).map(|all| all.iter().collect())
}

/// The types to try, the likeliest first.
pub(super) fn kinds(keys: &Object) -> Vec<&str> {
    match keys.get("type") {
        Some(Value::String(kind)) => return vec![kind],
        Some(Value::Array(kinds)) => {
            let mut kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
            // A value says more than none.
            kinds.sort_by_key(|kind| *kind == "null");
            return kinds;
        }
        _ => {}
    }
    let has = |names: &[&str]| names.iter().any(|name| keys.contains_key(*name));
    let likely =
        if has(&["properties", "required", "additionalProperties", "patternProperties", "minProperties"]) {
            "object"
        } else if has(&["items", "prefixItems", "minItems", "contains", "uniqueItems"]) {
            "array"
        } else if has(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]) {
            "number"
        } else {
            "string"
        };
    let rest = ["string", "number", "object", "array", "boolean", "null"];
    std::iter::once(likely).chain(rest.into_iter().filter(|kind| *kind != likely)).collect()
}

/// One end of a range.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub(super) at: f64,
    /// The end itself does not belong to the range.
    pub(super) open: bool,
}

/// The range of a number, in the words of any draft.
pub(super) fn bounds(keys: &Object) -> (Option<Bound>, Option<Bound>) {
    let bound = |closed: &str, open: &str, tighter: fn(f64, f64) -> bool| {
        let closed = keys.get(closed).and_then(Value::as_f64);
        // Draft 4 says with a boolean that the closed end is open.
        if keys.get(open) == Some(&Value::Bool(true)) {
            return closed.map(|at| Bound { at, open: true });
        }
        match (closed, keys.get(open).and_then(Value::as_f64)) {
            (Some(closed), Some(open)) if tighter(closed, open) => Some(Bound { at: closed, open: false }),
            (_, Some(at)) => Some(Bound { at, open: true }),
            (closed, None) => closed.map(|at| Bound { at, open: false }),
        }
    };
    (
        bound("minimum", "exclusiveMinimum", |closed, open| closed > open),
        bound("maximum", "exclusiveMaximum", |closed, open| closed < open),
    )
}

/// A number: the lent one, else a small one in the range, `salt` steps along.
pub(super) fn number(keys: &Object, lent: Option<f64>, salt: usize, whole: bool) -> Sampled {
    if let Some(lent) = lent {
        return Ok(to_json(lent));
    }
    let (low, high) = bounds(keys);
    let given = keys.get("multipleOf").and_then(Value::as_f64).filter(|step| *step > 0.0);
    let step = match given {
        // Whole numbers that are multiples of a fraction: whole multiples of it are, where it divides one.
        Some(step) if whole && step.fract() != 0.0 => {
            (1..=1000).map(|n| step * f64::from(n)).find(|n| n.fract().abs() < 1e-9)
        }
        Some(step) => Some(step),
        None if whole => Some(1.0),
        None => None,
    };
    let Some(step) = step else {
        return if given.is_some() { Err(NoFit) } else { between(low, high, salt) };
    };
    let first = low.map(|low| {
        let times = (low.at / step).ceil();
        if low.open && times * step <= low.at { times + 1.0 } else { times }
    });
    let last = high.map(|high| {
        let times = (high.at / step).floor();
        if high.open && times * step >= high.at { times - 1.0 } else { times }
    });
    let start = match (first, last) {
        (Some(first), _) => first.max(last.map_or(1.0, |last| last.min(1.0))),
        (None, Some(last)) => last.min(1.0),
        (None, None) => 1.0,
    };
    let mut times = start + salt as f64;
    if let Some(last) = last.filter(|last| times > *last) {
        // Past the end: go on below the start.
        times = start - (times - last);
    }
    if first.is_some_and(|first| times < first) || last.is_some_and(|last| times > last) {
        return Err(NoFit);
    }
    Ok(to_json(rounded(times * step, step)))
}

/// A number of a range that has no steps.
fn between(low: Option<Bound>, high: Option<Bound>, salt: usize) -> Sampled {
    let good = |number: f64| {
        low.is_none_or(|low| number > low.at || (!low.open && number >= low.at))
            && high.is_none_or(|high| number < high.at || (!high.open && number <= high.at))
    };
    let step = 0.5 * salt as f64;
    let fraction = 1.0 / (salt as f64 + 2.0);
    let candidates = match (low, high) {
        (Some(low), Some(high)) => {
            [1.5 + step, low.at + (high.at - low.at) * fraction, low.at + (high.at - low.at) / 3.0, low.at]
        }
        (Some(low), None) => [1.5 + step, low.at + 1.0 + step, low.at * 2.0, low.at],
        (None, Some(high)) => [high.at.min(1.5) - 1.0 - step, high.at - 1.0 - step, high.at * 2.0, high.at],
        (None, None) => [1.5 + step; 4],
    };
    candidates.into_iter().find(|number| number.is_finite() && good(*number)).map(to_json).ok_or(NoFit)
}

/// The number with no more decimals than its step has: 0.3, not 0.30000000000000004.
fn rounded(number: f64, step: f64) -> f64 {
    let decimals = step.to_string().split_once('.').map_or(0, |(_, decimals)| decimals.len());
    format!("{number:.decimals$}").parse().unwrap_or(number)
}

/// As JSON: whole numbers without a point.
pub(super) fn to_json(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}

/// A text: the lent one, else one of the format, of the pattern, or `demo` and the property's name.
pub(super) fn text(keys: &Object, lent: Option<String>, name: &str, salt: usize) -> Sampled {
    if let Some(lent) = lent {
        return Ok(Value::String(lent));
    }
    let least = count(keys, "minLength").unwrap_or(0);
    let most = count(keys, "maxLength").unwrap_or(u64::MAX);
    if least > most || least > LONGEST {
        return Err(NoFit);
    }
    if let Some(pattern) = keys.get("pattern").and_then(Value::as_str) {
        return pattern::sample(pattern, least, most, salt).map(Value::String).ok_or(NoFit);
    }
    if let Some(format) =
        keys.get("format").and_then(Value::as_str).and_then(|format| of_format(format, salt))
    {
        let size = format.chars().count() as u64;
        return (least <= size && size <= most).then_some(Value::String(format)).ok_or(NoFit);
    }
    let number = if salt == 0 { String::new() } else { format!(" {}", salt + 1) };
    let words =
        [format!("demo {name}{number}"), format!("demo{number}"), (salt + 1).to_string(), letter(salt)];
    let mut text = words
        .into_iter()
        .map(|words| words.trim().replace("  ", " "))
        .find(|words| words.chars().count() as u64 <= most)
        .unwrap_or_default();
    while (text.chars().count() as u64) < least {
        text.push('.');
    }
    Ok(Value::String(text))
}

/// The longest text that is made.
const LONGEST: u64 = 100_000;

fn letter(salt: usize) -> String {
    char::from(b'a' + (salt % 26) as u8).to_string()
}

/// A text of a known format.
fn of_format(format: &str, salt: usize) -> Option<String> {
    let day = 1 + salt % 28;
    Some(match format {
        "date-time" => format!("2026-01-{day:02}T12:00:00Z"),
        "date" => format!("2026-01-{day:02}"),
        "time" => format!("12:00:{:02}Z", salt % 60),
        "duration" => format!("P{}D", salt + 1),
        "email" | "idn-email" => format!("demo{salt}@example.com"),
        "hostname" | "idn-hostname" => format!("demo{salt}.example.com"),
        "ipv4" => format!("192.0.2.{}", salt % 256),
        "ipv6" => format!("2001:db8::{:x}", salt % 0xffff + 1),
        "uri" | "iri" | "url" => format!("https://example.com/demo{salt}"),
        "uri-reference" | "iri-reference" => format!("/demo{salt}"),
        "uri-template" => format!("https://example.com/{{demo{salt}}}"),
        "uuid" => format!("00000000-0000-4000-8000-{salt:012x}"),
        "json-pointer" => format!("/demo{salt}"),
        "relative-json-pointer" => format!("{salt}/demo"),
        "regex" => format!("^demo{salt}$"),
        _ => return None,
    })
}
