//! How much to think: a budget of tokens on older Claude models, an effort on newer ones.
use consort_core::{Effort, Object, Reasoning, Sampling, Warning};
use serde_json::{Value, json};

/// The vendor takes no smaller budget.
const SMALLEST_BUDGET: u64 = 1024;

/// How a model is told to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `thinking: {type: "enabled", budget_tokens}`
    Budget,
    /// Either.
    Both,
    /// `thinking: {type: "adaptive"}` with `output_config: {effort}`
    Adaptive,
}

impl Style {
    /// Claude 4.6 brought adaptive thinking and is the last that takes a budget; other vendors copied the budget.
    pub(crate) fn of(model: &str) -> Self {
        if model.is_empty() {
            return Self::Both;
        }
        let model = model.to_ascii_lowercase();
        let Some((_, rest)) = model.split_once("claude") else { return Self::Budget };
        match version(rest) {
            Some(version) if version < (4, 6) => Self::Budget,
            Some((4, 6)) => Self::Both,
            _ => Self::Adaptive,
        }
    }
}

/// `-3-7-sonnet-20250219` is 3.7; `-sonnet-4-20250514` is 4.0.
fn version(name: &str) -> Option<(u8, u8)> {
    let number = |word: &str| word.parse::<u8>().ok().filter(|_| word.len() <= 2);
    let mut words = name.split(['-', '.', '@', ':', '_']).skip_while(|word| number(word).is_none());
    let major = number(words.next()?)?;
    Some((major, words.next().and_then(number).unwrap_or(0)))
}

/// Says it in the way that the model knows.
pub(crate) fn normalise(reasoning: &mut Reasoning, model: &str, warnings: &mut Vec<Warning>) {
    if reasoning.effort == Some(Effort::None) {
        *reasoning = Reasoning { effort: reasoning.effort, ..Reasoning::default() };
        return;
    }
    let style = Style::of(model);
    match (style, reasoning.effort, reasoning.budget_tokens) {
        (Style::Budget, Some(effort), None) => {
            reasoning.budget_tokens = Some(budget_of(effort));
            reasoning.effort = None;
        }
        (Style::Adaptive, effort, Some(budget)) => {
            reasoning.effort = effort.or(Some(effort_of(budget)));
            reasoning.budget_tokens = None;
            warnings.push(Warning::new(
                "changed",
                "this model takes no thinking budget; an effort is asked for instead",
            ));
        }
        _ => {}
    }
    if reasoning.effort == Some(Effort::Minimal) {
        reasoning.effort = Some(Effort::Low);
    }
    if let Some(budget) = &mut reasoning.budget_tokens {
        *budget = (*budget).max(SMALLEST_BUDGET);
    }
    if style == Style::Budget {
        reasoning.show = None;
    }
}

/// Makes room for the budget: it counts as output, and the vendor fixes the sampling meanwhile.
pub(crate) fn make_room(sampling: &mut Sampling, reasoning: &Reasoning, warnings: &mut Vec<Warning>) {
    let Some(budget) = reasoning.budget_tokens else { return };
    if let Some(limit) = sampling.max_tokens.as_mut().filter(|limit| **limit <= budget) {
        *limit = limit.saturating_add(budget);
        warnings.push(Warning::new(
            "changed",
            "the limit of output tokens was raised by the thinking budget, which counts towards it",
        ));
    }
    let only = |temperature: &mut f64| (*temperature - 1.0).abs() > f64::EPSILON;
    let fixed = sampling.temperature.take_if(only).is_some();
    if fixed | sampling.top_k.take().is_some() {
        warnings.push(Warning::new("dropped", "this model fixes the temperature and top_k while it thinks"));
    }
}

fn budget_of(effort: Effort) -> u64 {
    match effort {
        Effort::None | Effort::Minimal => SMALLEST_BUDGET,
        Effort::Low => 2048,
        Effort::Medium => 8192,
        Effort::High => 16_384,
        Effort::XHigh => 24_576,
        Effort::Max => 32_000,
    }
}

fn effort_of(budget: u64) -> Effort {
    match budget {
        0..=2048 => Effort::Low,
        2049..=8192 => Effort::Medium,
        _ => Effort::High,
    }
}

/// Writes `thinking` and `output_config.effort`.
pub(crate) fn write(reasoning: &Reasoning, body: &mut Object) {
    let mut thinking = match (reasoning.budget_tokens, reasoning.effort, reasoning.show) {
        (Some(budget), ..) => json!({"type": "enabled", "budget_tokens": budget}),
        (None, Some(Effort::None), _) => json!({"type": "disabled"}),
        (None, None, None) => return,
        (None, ..) => json!({"type": "adaptive"}),
    };
    if let Some(show) = reasoning.show {
        thinking["display"] = json!(if show { "summarized" } else { "omitted" });
    }
    body.insert("thinking".into(), thinking);
    if let Some(effort) = reasoning.effort.filter(|effort| *effort != Effort::None) {
        let config = body.entry("output_config").or_insert_with(|| json!({}));
        config["effort"] = json!(effort.as_str());
    }
}

/// Reads both, and takes them out of the body. What is said in another way stays there.
pub(crate) fn read(body: &mut Object, reasoning: &mut Reasoning) {
    let effort = body.get("output_config").and_then(|config| effort_word(&config["effort"]));
    match body.get("thinking") {
        None | Some(Value::Null) => {
            if effort.is_some() {
                reasoning.effort = effort;
                take_effort(body);
                // An effort alone: remembered as the absence of the word that would go with it.
                body.insert("thinking".into(), Value::Null);
            } else if reasoning.effort.is_none() {
                body.shift_remove("thinking");
            }
        }
        Some(thinking) => {
            let Some(read) = read_thinking(thinking, effort) else { return };
            let took_effort = read.effort.is_some_and(|effort| effort != Effort::None);
            *reasoning = read;
            body.shift_remove("thinking");
            if took_effort {
                take_effort(body);
            }
        }
    }
}

fn read_thinking(thinking: &Value, effort: Option<Effort>) -> Option<Reasoning> {
    let object = thinking.as_object()?;
    if !object.keys().all(|key| matches!(key.as_str(), "type" | "budget_tokens" | "display")) {
        return None;
    }
    let show = match object.get("display") {
        None => None,
        Some(word) if word == "summarized" => Some(true),
        Some(word) if word == "omitted" => Some(false),
        Some(_) => return None,
    };
    let budget = object.get("budget_tokens");
    match (object.get("type")?.as_str()?, budget) {
        ("enabled", Some(budget)) => Some(Reasoning { effort, budget_tokens: Some(budget.as_u64()?), show }),
        ("adaptive", None) if effort.is_some() || show.is_some() => {
            Some(Reasoning { effort, budget_tokens: None, show })
        }
        ("disabled", None) if effort.is_none() && show.is_none() => {
            Some(Reasoning { effort: Some(Effort::None), ..Reasoning::default() })
        }
        _ => None,
    }
}

fn effort_word(word: &Value) -> Option<Effort> {
    Effort::parse(word.as_str()?).filter(|effort| !matches!(effort, Effort::None | Effort::Minimal))
}

fn take_effort(body: &mut Object) {
    if let Some(Value::Object(config)) = body.get_mut("output_config") {
        config.shift_remove("effort");
        if config.is_empty() {
            body.shift_remove("output_config");
        }
    }
}
