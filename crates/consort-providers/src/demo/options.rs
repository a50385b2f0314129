//! What the demo models can be told to do, and to do wrong.
use super::ID;
use consort_core::{Effort, Error, ErrorKind, FinishReason, Object, Request};
use serde_json::{Value, json};

/// The options of one request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Options {
    pub(super) say: Option<String>,
    pub(super) words: Option<u64>,
    pub(super) think: bool,
    pub(super) delay_ms: u64,
    pub(super) slow_first_ms: u64,
    pub(super) finish: Option<FinishReason>,
    pub(super) fail: Option<ErrorKind>,
    pub(super) fail_after: u64,
    pub(super) retry_after: Option<f64>,
    pub(super) cut: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            say: None,
            words: None,
            think: false,
            delay_ms: 12,
            slow_first_ms: 0,
            finish: None,
            fail: None,
            fail_after: 0,
            retry_after: None,
            cut: false,
        }
    }
}

/// The longest wait that can be asked for, in milliseconds: an hour.
const LONGEST: u64 = 3_600_000;
/// The most words that can be asked for.
const MOST_WORDS: u64 = 100_000;

/// How an answer can be told to end.
const FINISHES: [FinishReason; 6] = [
    FinishReason::Stop,
    FinishReason::Length,
    FinishReason::ContentFilter,
    FinishReason::Refusal,
    FinishReason::Pause,
    FinishReason::Other,
];

/// JSON Schema of the options, for the models' cards.
pub(super) fn schema() -> Value {
    let kinds = ErrorKind::ALL.map(ErrorKind::as_str);
    let finishes = FINISHES.map(FinishReason::as_str);
    let efforts = Effort::ALL.map(Effort::as_str);
    let plain = Options::default();
    let wait = |what: &str, default: u64| json!({"type": "integer", "minimum": 0, "maximum": LONGEST, "default": default, "description": what});
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "say": {"type": "string", "description": "Say exactly this"},
            "words": {"type": "integer", "minimum": 1, "maximum": MOST_WORDS, "description": "Say this many words"},
            "think": {"type": "boolean", "default": false, "description": "Show some reasoning first"},
            "delay_ms": wait("Wait this long before each word", plain.delay_ms),
            "slow_first_ms": wait("Wait this long before the first word", plain.slow_first_ms),
            "finish": {"type": "string", "enum": finishes, "description": "End for this reason"},
            "fail": {"type": "string", "enum": kinds, "description": "Fail with this kind of error"},
            "fail_after": {"type": "integer", "minimum": 0, "description": "Fail or cut after this many pieces of the answer"},
            "retry_after": {"type": "number", "minimum": 0, "maximum": LONGEST / 1000, "description": "Seconds to wait that the error names"},
            "cut": {"type": "boolean", "default": false, "description": "End the stream in the middle of the answer"},
            "max_tokens": {"type": "integer", "minimum": 1, "description": "The longest answer, in tokens"},
            "stop": {"type": ["string", "array"], "items": {"type": "string"}, "description": "Texts that end the answer"},
            "reasoning_effort": {"type": "string", "enum": efforts, "description": "Think first, unless `none`"},
            "temperature": {"type": "number", "minimum": 0, "maximum": 2, "description": "Taken, and without effect: a rule knows no chance"},
        }
    })
}

impl Options {
    /// The preset, changed by the commands in the prompt, then by the request's own options.
    pub(super) fn read(preset: &Self, prompt: &str, given: &Object) -> Result<Self, Error> {
        let mut options = preset.clone();
        for (name, value) in commands(prompt) {
            options.set(name, &word_value(value))?;
        }
        for (name, value) in given {
            options.set(name, value)?;
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), Error> {
        let set = match name {
            "say" => value.as_str().map(|text| self.say = Some(text.to_owned())),
            "words" => number(value, 1, MOST_WORDS).map(|number| self.words = Some(number)),
            "think" => value.as_bool().map(|yes| self.think = yes),
            "delay_ms" => number(value, 0, LONGEST).map(|number| self.delay_ms = number),
            "slow_first_ms" => number(value, 0, LONGEST).map(|number| self.slow_first_ms = number),
            "finish" => finish(value).map(|reason| self.finish = Some(reason)),
            "fail" => value.as_str().and_then(ErrorKind::parse).map(|kind| self.fail = Some(kind)),
            "fail_after" => number(value, 0, u64::MAX).map(|number| self.fail_after = number),
            "retry_after" => seconds(value).map(|number| self.retry_after = Some(number)),
            "cut" => value.as_bool().map(|yes| self.cut = yes),
            "temperature" => value.as_f64().map(|_| ()),
            _ => return Err(unknown(name)),
        };
        set.ok_or_else(|| wrong(name))
    }
}

/// The request with those options that the contract has fields for in their fields.
pub(super) fn settled(request: &Request) -> Result<Request, Error> {
    let mut request = request.clone();
    let mut take = |name: &'static str| request.options.shift_remove(name).map(|value| (name, value));
    let (limit, stop, effort) = (take("max_tokens"), take("stop"), take("reasoning_effort"));
    if let Some((name, value)) = limit {
        request.sampling.max_tokens = Some(number(&value, 1, u64::MAX).ok_or_else(|| wrong(name))?);
    }
    if let Some((name, value)) = stop {
        let list = if value.is_string() { Value::Array(vec![value]) } else { value };
        let texts = list.as_array().into_iter().flatten().map(|text| text.as_str().map(str::to_owned));
        request.sampling.stop = texts.collect::<Option<_>>().ok_or_else(|| wrong(name))?;
    }
    if let Some((name, value)) = effort {
        request.reasoning.effort = Some(value.as_str().and_then(Effort::parse).ok_or_else(|| wrong(name))?);
    }
    Ok(request)
}

fn number(value: &Value, least: u64, most: u64) -> Option<u64> {
    value.as_u64().filter(|number| (least..=most).contains(number))
}

fn seconds(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| (0.0..=(LONGEST / 1000) as f64).contains(number))
}

fn finish(value: &Value) -> Option<FinishReason> {
    let word = value.as_str()?;
    FINISHES.into_iter().find(|reason| reason.as_str() == word)
}

fn unknown(name: &str) -> Error {
    let schema = schema();
    let names: Vec<&str> =
        schema["properties"].as_object().into_iter().flat_map(Object::keys).map(String::as_str).collect();
    Error::new(ErrorKind::InvalidRequest, format!("the demo model has no option `{name}`"))
        .provider(ID)
        .hint(format!("it has {}", names.join(", ")))
}

fn wrong(name: &str) -> Error {
    let schema = schema();
    Error::new(ErrorKind::InvalidRequest, format!("the option `{name}` has a value that does not fit"))
        .provider(ID)
        .hint(format!("it must fit {}", schema["properties"][name]))
}

/// The commands in a prompt: `[demo name=value name=value]`.
fn commands(prompt: &str) -> impl Iterator<Item = (&str, &str)> {
    let blocks = prompt.split("[demo ").skip(1).filter_map(|rest| rest.split_once(']'));
    blocks.flat_map(|(block, _)| block.split_whitespace()).filter_map(|word| word.split_once('='))
}

/// A word as JSON if it is JSON, else as text.
fn word_value(word: &str) -> Value {
    serde_json::from_str(word).unwrap_or_else(|_| Value::from(word))
}
