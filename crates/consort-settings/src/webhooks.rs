//! The setting `[[webhooks]]`: who is told what happens.
use crate::Problem;
use crate::settings::Source;
use std::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// An address that is told what happens.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WebhookSettings {
    pub url: String,
    /// The kinds of events; all but single pieces of answers where absent.
    pub events: Option<Vec<String>>,
    /// What its messages are signed with.
    pub secret: Option<String>,
}

/// Neither the secret nor what may be one in the address.
impl fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSettings").field("events", &self.events).finish_non_exhaustive()
    }
}

const EXAMPLE: &str = "for instance [[webhooks]] and below it url = \"https://example.com/hook\"";

pub(crate) fn read(
    source: &Source<'_>,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Vec<Problem>,
) -> Vec<WebhookSettings> {
    let DeValue::Array(items) = value.get_ref() else {
        problems.push(source.problem(value.span(), "`webhooks` must be a list of tables").help(EXAMPLE));
        return Vec::new();
    };
    let mut hooks = Vec::new();
    for item in items {
        match item.get_ref() {
            DeValue::Table(table) => hooks.extend(one(source, item, table, problems)),
            _ => problems.push(source.problem(item.span(), "a webhook must be a table").help(EXAMPLE)),
        }
    }
    hooks
}

/// One of them; nothing where it is wrong, which is told.
fn one(
    source: &Source<'_>,
    item: &Spanned<DeValue<'_>>,
    table: &DeTable<'_>,
    problems: &mut Vec<Problem>,
) -> Option<WebhookSettings> {
    let mut hook = WebhookSettings::default();
    let before = problems.len();
    let mut wrong = |value: &Spanned<DeValue<'_>>, what: &str| {
        problems.push(source.problem(value.span(), what).help(EXAMPLE));
    };
    for (name, value) in table {
        match (name.get_ref().as_ref(), value.get_ref()) {
            ("url", DeValue::String(url)) if is_web(url) => hook.url = url.to_string(),
            ("url", _) => wrong(value, "the `url` of a webhook must begin with https:// or http://"),
            ("secret", DeValue::String(secret)) if !secret.is_empty() => {
                hook.secret = Some(secret.to_string());
            }
            ("secret", _) => wrong(value, "the `secret` of a webhook must be a text"),
            ("events", DeValue::Array(kinds)) if kinds.iter().all(|kind| kind.get_ref().is_str()) => {
                let kinds = kinds.iter().filter_map(|kind| kind.get_ref().as_str());
                hook.events = Some(kinds.map(str::to_owned).collect());
            }
            ("events", _) => wrong(value, "the `events` of a webhook must be a list of kinds"),
            (unknown, _) => {
                wrong(value, &format!("a webhook has no `{unknown}`: it has url, events, secret"));
            }
        }
    }
    if hook.url.is_empty() && problems.len() == before {
        problems.push(source.problem(item.span(), "a webhook needs its `url`").help(EXAMPLE));
    }
    (problems.len() == before).then_some(hook)
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}
