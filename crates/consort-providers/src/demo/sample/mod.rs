//! A value that fits a JSON Schema, made without guessing at its meaning.
//!
//! The schema is flattened ([`flat`]), its choices are tried in order, and whatever involves a choice or a
//! negation is checked ([`fits`]) before it is taken. Words and numbers that stand in the prompt are used where
//! they fit, so that "add 2 and 3" calls `add` with 2 and 3.
mod fits;
mod flat;
mod leaf;
mod pattern;

use consort_core::Object;
use flat::Flat;
use serde_json::{Map, Value, json};

/// A value that fits the schema; nothing when none was found. `prompt` lends its numbers and quoted words.
pub(super) fn sample(schema: &Value, prompt: &str) -> Option<Value> {
    if let Some(given) = object_in(prompt).filter(|given| fits::fits(schema, schema, given)) {
        return Some(given);
    }
    // A lender whose words do not fit together (a schema with `not`, for instance) is worth one more try without.
    [Lender::of(prompt), Lender::default()].into_iter().find_map(|lender| {
        let mut sampler = Sampler { root: schema, lender, open: Vec::new(), salt: 0, nodes: 0 };
        [false, true]
            .into_iter()
            .find_map(|lean| sampler.value(schema, "", lean).ok().filter(|v| fits::fits(schema, schema, v)))
    })
}

/// No value was found here.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoFit;

type Sampled = Result<Value, NoFit>;

/// How often a definition may stand inside itself before only a value without it will do.
const RECURSION: usize = 3;
/// How many values are made before every optional thing is left out.
const NODES: usize = 2_000;
/// How many values are made in all: some schemas have more choices than time.
const MOST_NODES: usize = 20_000;
/// How many items are made for an array at most.
const MOST_ITEMS: u64 = 1_000;

struct Sampler<'a> {
    root: &'a Value,
    lender: Lender,
    /// The references that the value being made stands in.
    open: Vec<String>,
    /// Makes values differ where an array wants different ones.
    salt: usize,
    nodes: usize,
}

impl Sampler<'_> {
    /// A value for a schema. `lean` leaves out everything optional.
    fn value(&mut self, schema: &Value, name: &str, lean: bool) -> Sampled {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(NoFit);
        }
        let mut opened = Vec::new();
        let flat = Flat::of(self.root, schema, &mut opened).ok_or(NoFit)?;
        let again = opened.iter().any(|reference| self.open.contains(reference));
        let too_deep = |reference| self.open.iter().filter(|open| *open == reference).count() >= RECURSION;
        if opened.iter().any(too_deep) {
            return Err(NoFit);
        }
        let before = self.open.len();
        self.open.extend(opened);
        let made = self.flat(flat, name, lean || again || self.nodes > NODES);
        self.open.truncate(before);
        made
    }

    /// A value for a flattened schema: its first choice that works out.
    fn flat(&mut self, mut flat: Flat, name: &str, lean: bool) -> Sampled {
        if flat.choices.is_empty() {
            return self.plain(&flat, name, lean);
        }
        let branches = flat.choices.remove(0);
        for lean in if lean { &[true][..] } else { &[false, true] } {
            for branch in &branches {
                let mut opened = Vec::new();
                let Some(branch) = Flat::of(self.root, branch, &mut opened) else { continue };
                let Some(merged) = flat.clone().and(branch) else { continue };
                let before = self.open.len();
                if opened.iter().any(|one| self.open.iter().filter(|open| *open == one).count() >= RECURSION)
                {
                    continue;
                }
                self.open.extend(opened);
                let made = self.flat(merged, name, *lean);
                self.open.truncate(before);
                if let Ok(value) = made
                    && flat.checks.iter().all(|check| fits::fits(self.root, check, &value))
                {
                    return Ok(value);
                }
            }
        }
        Err(NoFit)
    }

    /// A value for a schema without choices.
    fn plain(&mut self, flat: &Flat, name: &str, lean: bool) -> Sampled {
        let keys = &flat.keys;
        let whole = Value::Object(keys.clone());
        if let Some(known) = leaf::listed(keys) {
            let fitting: Vec<&Value> =
                known.into_iter().filter(|value| fits::fits(self.root, &whole, value)).collect();
            let picked = fitting.get(self.salt % fitting.len().max(1)).ok_or(NoFit)?;
            return self.checked(flat, (*picked).clone());
        }
        for kind in leaf::kinds(keys) {
            if let Ok(value) = self.kind(kind, keys, name, lean)
                && let Ok(value) = self.checked(flat, value)
            {
                return Ok(value);
            }
        }
        Err(NoFit)
    }

    fn checked(&self, flat: &Flat, value: Value) -> Sampled {
        let good = flat.checks.iter().all(|check| fits::fits(self.root, check, &value));
        good.then_some(value).ok_or(NoFit)
    }

    fn kind(&mut self, kind: &str, keys: &Object, name: &str, lean: bool) -> Sampled {
        match kind {
            "null" => Ok(Value::Null),
            "boolean" => Ok(Value::Bool(self.salt.is_multiple_of(2))),
            "integer" => leaf::number(keys, self.lender.number(keys, true), self.salt, true),
            "number" => leaf::number(keys, self.lender.number(keys, false), self.salt, false),
            "string" => leaf::text(keys, self.lender.text(keys), name, self.salt),
            "array" => self.array(keys, name, lean),
            _ => self.object(keys, lean),
        }
    }

    fn array(&mut self, keys: &Object, name: &str, lean: bool) -> Sampled {
        let least = count(keys, "minItems").unwrap_or(0);
        let most = count(keys, "maxItems").unwrap_or(u64::MAX);
        if least > most.min(MOST_ITEMS) {
            return Err(NoFit);
        }
        let (first, rest) = flat::items(keys);
        let wanted = if lean { 0 } else { (first.len() as u64).max(1) };
        let held = keys.get("contains").map_or(0, |_| count(keys, "minContains").unwrap_or(1));
        let target = wanted.max(least).max(held).min(most);
        let different = keys.get("uniqueItems") == Some(&Value::Bool(true));
        let mut made: Vec<Value> = Vec::new();
        let outer = self.salt;
        // Some salts give a value again: an enumeration may have fewer values than there are salts.
        for attempt in 0..target * 4 + 8 {
            let at = made.len();
            if at as u64 >= target {
                break;
            }
            let item = first.get(at).or(rest).cloned().unwrap_or(Value::Bool(true));
            let schema = match keys.get("contains") {
                Some(contains) if (at as u64) < held => json!({"allOf": [item, contains]}),
                _ => item,
            };
            self.salt = if different { attempt as usize } else { outer };
            match self.value(&schema, name, lean) {
                Ok(value) if different && made.contains(&value) => {}
                Ok(value) => made.push(value),
                Err(NoFit) => break,
            }
        }
        self.salt = outer;
        let enough = made.len() as u64 >= least.max(held);
        enough.then_some(Value::Array(made)).ok_or(NoFit)
    }

    fn object(&mut self, keys: &Object, lean: bool) -> Sampled {
        let none = Map::new();
        let properties = keys.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required = flat::required(keys, properties, lean);
        let most = count(keys, "maxProperties").unwrap_or(u64::MAX);
        let others = flat::others(keys);
        let mut made = Map::new();
        let mut room = most.saturating_sub(required.len() as u64);
        for (name, schema) in properties {
            let needed = required.contains(name);
            if !needed && (lean || room == 0) {
                continue;
            }
            match self.value(schema, name, lean) {
                Ok(value) => {
                    room -= u64::from(!needed);
                    made.insert(name.clone(), value);
                }
                Err(NoFit) if needed => return Err(NoFit),
                Err(NoFit) => {}
            }
        }
        for name in required.iter().filter(|name| !properties.contains_key(*name)) {
            let value = self.value(&others, name, lean)?;
            made.insert(name.clone(), value);
        }
        let least = count(keys, "minProperties").unwrap_or(0);
        let example = !lean && properties.is_empty() && others.is_object() && room > 0;
        self.fill(keys, &others, &mut made, least.max(u64::from(example)))?;
        let good = least <= made.len() as u64 && made.len() as u64 <= most;
        good.then_some(Value::Object(made)).ok_or(NoFit)
    }

    /// Adds properties that the schema does not name, until there are enough.
    fn fill(&mut self, keys: &Object, others: &Value, made: &mut Object, least: u64) -> Result<(), NoFit> {
        let optional: Vec<(String, Value)> = keys
            .get("properties")
            .and_then(Value::as_object)
            .map(|all| all.iter().map(|(name, schema)| (name.clone(), schema.clone())).collect())
            .unwrap_or_default();
        for (name, schema) in optional {
            if made.len() as u64 >= least {
                return Ok(());
            }
            if !made.contains_key(&name)
                && let Ok(value) = self.value(&schema, &name, true)
            {
                made.insert(name, value);
            }
        }
        let names = keys.get("propertyNames").cloned().unwrap_or(Value::Bool(true));
        let outer = self.salt;
        for attempt in 0..least.min(MOST_ITEMS) * 2 {
            if made.len() as u64 >= least {
                break;
            }
            self.salt = outer + attempt as usize;
            let name = match keys
                .get("patternProperties")
                .and_then(Value::as_object)
                .and_then(|all| all.keys().next())
            {
                Some(pattern) => self.value(&json!({"type": "string", "pattern": pattern}), "key", true)?,
                None => self.value(&json!({"allOf": [{"type": "string"}, names]}), "key", true)?,
            };
            if let Some(name) = name.as_str() {
                let value = self.value(others, name, true)?;
                made.insert(name.to_owned(), value);
            }
        }
        self.salt = outer;
        Ok(())
    }
}

fn count(keys: &Object, name: &str) -> Option<u64> {
    let value = keys.get(name)?;
    value.as_u64().or_else(|| value.as_f64().map(|number| number.max(0.0) as u64))
}

/// The first JSON object that stands in a text.
fn object_in(text: &str) -> Option<Value> {
    text.match_indices('{')
        .take(16)
        .find_map(|(at, _)| serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>().next()?.ok())
}

/// Numbers and quoted words of the prompt, each lent once.
#[derive(Default)]
struct Lender {
    numbers: Vec<f64>,
    texts: Vec<String>,
}

impl Lender {
    fn of(prompt: &str) -> Self {
        let numbers = prompt
            .split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))
            .filter_map(|word| word.trim_end_matches('.').parse().ok())
            .take(32)
            .collect();
        let texts =
            prompt.split('"').skip(1).step_by(2).filter(|text| !text.is_empty()).take(32).map(str::to_owned);
        Self { numbers, texts: texts.collect() }
    }

    fn number(&mut self, keys: &Object, whole: bool) -> Option<f64> {
        let schema = Value::Object(keys.clone());
        let at = self.numbers.iter().position(|number| {
            (!whole || number.fract() == 0.0) && fits::fits(&schema, &schema, &leaf::to_json(*number))
        })?;
        Some(self.numbers.remove(at))
    }

    fn text(&mut self, keys: &Object) -> Option<String> {
        if keys.contains_key("pattern") || keys.contains_key("format") {
            return None;
        }
        let schema = Value::Object(keys.clone());
        let fitting = |text: &String| fits::fits(&schema, &schema, &Value::String(text.clone()));
        let at = self.texts.iter().position(fitting)?;
        Some(self.texts.remove(at))
    }
}

#[cfg(test)]
mod tests;
