//! Error bodies: every shape that vendors use, read into the one error.
#[cfg(test)]
mod tests;

use crate::http::ResponseHead;
use consort_core::{Error, ErrorKind};
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// The error of an answer whose status says error.
pub(crate) fn read(head: &ResponseHead, body: &[u8]) -> Error {
    let said = match serde_json::from_slice::<Value>(body) {
        Ok(value) => Said::read(&value),
        Err(_) => Said { message: plain_text(body), ..Said::default() },
    };
    // Bedrock names the error in a header only: `ValidationException:http://…`.
    let header_type =
        head.header("x-amzn-errortype").and_then(|kind| kind.split(':').next()).map(str::to_owned);
    let said = Said { kind: said.kind.or(header_type), ..said };
    said.into_error(head.status).request_id(head.request_id()).retry_in(retry_after(head))
}

/// The error inside a body or event that was sent with a good status, if it is one.
pub(crate) fn inside(value: &Value) -> Option<Error> {
    let object = value.as_object()?;
    let told = match object.get("error") {
        Some(Value::Null) | None => object.get("type").is_some_and(|kind| kind == "error"),
        Some(_) => true,
    };
    told.then(|| from_value(value))
}

/// The error that this JSON tells of, in an answer that began well.
pub(crate) fn from_value(value: &Value) -> Error {
    let said = Said::read(value);
    let status = said.status;
    said.into_error(status.unwrap_or(0))
}

/// The error that a framing announces by name (Bedrock's exceptions, in lower or upper camel case).
pub(crate) fn named(name: &str, data: &[u8]) -> Error {
    let mut said = serde_json::from_slice::<Value>(data).map(|value| Said::read(&value)).unwrap_or_default();
    said.kind = Some(name.to_owned());
    said.into_error(0)
}

/// What an error body says, whatever its shape.
#[derive(Debug, Default)]
struct Said {
    message: String,
    kind: Option<String>,
    code: Option<String>,
    /// A status inside the body.
    status: Option<u16>,
    retry: Option<Duration>,
}

impl Said {
    fn read(value: &Value) -> Self {
        let value = match value {
            Value::Array(items) => items.first().unwrap_or(&Value::Null),
            other => other,
        };
        let inner = match &value["error"] {
            Value::Object(_) => &value["error"],
            _ => value,
        };
        let mut said = Self {
            message: message_of(value, inner),
            kind: text(&inner["type"]).or_else(|| text(&inner["status"])).or_else(|| text(&inner["__type"])),
            code: text(&inner["code"]),
            status: None,
            retry: retry_info(inner),
        };
        said.status = status_in(&inner["code"])
            .or_else(|| status_in(&inner["status"]))
            .or_else(|| status_in(&value["status"]));
        // OpenRouter wraps what the upstream vendor said.
        if let Some(raw) = inner["metadata"]["raw"].as_str()
            && !raw.is_empty()
            && said.message == "Provider returned error"
        {
            said.message = format!("{}: {}", said.message, shorten(raw));
        }
        said
    }

    fn into_error(self, status: u16) -> Error {
        let kind = classify(status, &self);
        let message =
            if self.message.is_empty() { default_message(kind, status) } else { shorten(&self.message) };
        let error = Error::new(kind, message).vendor(self.kind, self.code).retry_in(self.retry);
        if status == 0 { error } else { error.status(status) }
    }
}

/// The message, in the first place that has one.
fn message_of(value: &Value, inner: &Value) -> String {
    let places = [
        &inner["message"],
        &value["message"],
        &value["error"],
        &value["detail"],
        &inner["Message"],
        &value["error_description"],
    ];
    for place in places {
        match place {
            Value::String(message) if !message.is_empty() => return message.clone(),
            // FastAPI's list of complaints.
            Value::Array(items) => {
                let words: Vec<String> = items.iter().filter_map(|item| text(&item["msg"])).collect();
                if !words.is_empty() {
                    return words.join("; ");
                }
            }
            Value::Object(object) => {
                if let Some(Value::String(message)) = object.get("detail").or_else(|| object.get("message")) {
                    return message.clone();
                }
            }
            _ => {}
        }
    }
    String::new()
}

/// What went wrong: by the vendor's words first, by the status second.
fn classify(status: u16, said: &Said) -> ErrorKind {
    let words =
        format!("{} {}", said.kind.as_deref().unwrap_or_default(), said.code.as_deref().unwrap_or_default())
            .to_lowercase();
    let message = said.message.to_lowercase();
    let says = |needles: &[&str]| needles.iter().any(|needle| message.contains(needle));
    let is = |needles: &[&str]| needles.iter().any(|needle| words.contains(needle));

    if is(&["context_length", "context_window", "exceed_context_size"])
        || says(&[
            "maximum context length",
            "context length exceeded",
            "context window",
            "prompt is too long",
            "input is too long",
            "exceeds the maximum number of tokens",
            "exceeds the available context size",
            "too many input tokens",
            "exceed context limit",
            "maximum prompt length is",
            "must be less than or equal to the model's context",
            "exceeds the model's context",
            "exceeds the context length",
            "input tokens plus",
            "`inputs` tokens + `max_new_tokens` must be",
            "too many tokens: size limit exceeded",
        ])
    {
        return ErrorKind::ContextLength;
    }
    if is(&["insufficient_quota", "billing", "credit", "payment"])
        || says(&[
            "credit balance is too low",
            "insufficient credit",
            "insufficient balance",
            "exceeded your current quota",
        ]) && status != 400
        || says(&["credit balance is too low"])
    {
        return ErrorKind::Quota;
    }
    if is(&["content_filter", "content_policy", "responsibleaipolicy", "safety"]) {
        return ErrorKind::ContentFilter;
    }
    if is(&["model_not_found", "modelnotfound", "deploymentnotfound"])
        || says(&["provided model identifier is invalid"])
        || (status == 404 || status == 400)
            && message.contains("model")
            && says(&["not found", "does not exist", "not exist", "unknown model", "invalid model"])
    {
        return ErrorKind::ModelNotFound;
    }
    if is(&[
        "authentication",
        "invalid_api_key",
        "unauthenticated",
        "unauthorized",
        "unrecognizedclient",
        "expiredtoken",
        "invalidsignature",
    ]) || says(&["api key not valid", "invalid api key", "incorrect api key"])
    {
        return ErrorKind::Auth;
    }
    if is(&["rate_limit", "ratelimit", "throttl", "resource_exhausted", "too_many_requests"]) {
        return ErrorKind::RateLimit;
    }
    if is(&["overloaded", "unavailable", "modelnotready"]) {
        return ErrorKind::Overloaded;
    }
    if is(&["permission", "access_denied", "accessdenied", "forbidden"]) {
        return ErrorKind::Permission;
    }
    if is(&["modeltimeout", "deadline_exceeded"]) {
        return ErrorKind::Timeout;
    }
    if is(&["invalid_request", "invalid_argument", "validation", "badrequest", "unsupported_parameter"])
        && (status == 0 || status == 400)
    {
        return ErrorKind::InvalidRequest;
    }
    if is(&["api_error", "server_error", "internal", "modelstreamerror", "serviceunavailable"])
        && status < 500
        && status != 429
    {
        return if (400..500).contains(&status) { ErrorKind::of_status(status) } else { ErrorKind::Server };
    }
    ErrorKind::of_status(status)
}

/// How long the vendor asks to wait, in any form: milliseconds, seconds, a date, a reset time.
pub(crate) fn retry_after(head: &ResponseHead) -> Option<Duration> {
    let milliseconds = |name: &str| Some(Duration::from_millis(number(head.header(name)?)? as u64));
    milliseconds("retry-after-ms")
        .or_else(|| milliseconds("x-ms-retry-after-ms"))
        .or_else(|| {
            let value = head.header("retry-after")?;
            match number(value) {
                Some(seconds) => Some(Duration::from_secs_f64(seconds.min(1e9))),
                None => until(value, head),
            }
        })
        .or_else(|| {
            let resets = ["x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"];
            let exhausted = |name: &&&str| {
                head.header(&name.replace("reset", "remaining"))
                    .is_some_and(|left| left.trim().starts_with('0'))
            };
            resets.iter().filter(exhausted).filter_map(|name| go_duration(head.header(name)?)).max()
        })
}

/// A date, measured against the answer's own date, or against when it came.
fn until(date: &str, head: &ResponseHead) -> Option<Duration> {
    let at = httpdate::parse_http_date(date).ok()?;
    let received = || head.received.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    let now = head.header("date").and_then(|date| httpdate::parse_http_date(date).ok()).or_else(received)?;
    Some(at.duration_since(now).unwrap_or_default())
}

/// Google's `RetryInfo` inside the error's details.
fn retry_info(inner: &Value) -> Option<Duration> {
    inner["details"].as_array()?.iter().find_map(|detail| go_duration(detail["retryDelay"].as_str()?))
}

/// `1m6.5s`, `12ms`, `34s`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut seconds = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let unit_end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        seconds += value
            * match &after[..unit_end] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &after[unit_end..];
    }
    Some(Duration::from_secs_f64(seconds.min(1e9)))
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn status_in(value: &Value) -> Option<u16> {
    let status = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u16::try_from(status).ok().filter(|status| (400..600).contains(status))
}

/// The words of a body that is not JSON: tags are left out.
fn plain_text(body: &[u8]) -> String {
    let mut words = String::new();
    let mut in_tag = false;
    for c in String::from_utf8_lossy(body).chars().take(4000) {
        match c {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                words.push(' ');
            }
            _ if !in_tag => words.push(c),
            _ => {}
        }
    }
    shorten(&words.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Vendors put whole payloads into messages; people read the first lines.
fn shorten(message: &str) -> String {
    const LONGEST: usize = 600;
    match message.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &message[..at]),
        None => message.trim().to_owned(),
    }
}

fn default_message(kind: ErrorKind, status: u16) -> String {
    let what = match kind {
        ErrorKind::Auth => "the key was refused",
        ErrorKind::Permission => "not allowed",
        ErrorKind::Quota => "the account has no credit left",
        ErrorKind::RateLimit => "too many requests",
        ErrorKind::Overloaded => "the vendor is overloaded",
        ErrorKind::ModelNotFound => "not found",
        ErrorKind::ContextLength => "the request is too large",
        _ => "the vendor answered with an error",
    };
    if status == 0 { what.to_owned() } else { format!("{what} (HTTP {status})") }
}
