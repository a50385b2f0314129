//! The fields of one server, whichever file they stand in.
use super::{McpReach, McpServer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What was read so far.
#[derive(Default)]
pub(super) struct Fields {
    command: Option<String>,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    url: Option<String>,
    headers: BTreeMap<String, String>,
    tools: Option<Vec<String>>,
    timeout: Option<Duration>,
    disabled: bool,
}

/// What is wrong, and what to do.
pub(super) struct Wrong(pub(super) String, pub(super) String);

pub(super) const NAMES: &str = "command, args, env, url, headers, tools, timeout, disabled";

impl Fields {
    /// Takes one field. Gives false where the name means nothing.
    pub(super) fn take(&mut self, name: &str, value: &Value) -> Result<bool, Wrong> {
        let wrong = |what: &str, example: &str| {
            Wrong(format!("`{name}` must be {what}"), format!("for instance {example}"))
        };
        match name {
            "command" => {
                let no = || wrong("the program to start", "command = \"npx\"");
                self.command = Some(text(value).ok_or_else(no)?);
            }
            "args" => {
                let no = || wrong("a list of texts", "args = [\"-y\", \"some-server\"]");
                self.args = texts(value).ok_or_else(no)?;
            }
            "env" => {
                let no = || wrong("a table of texts", "env = { TOKEN = \"${secret:NAME}\" }");
                self.env = pairs(value).ok_or_else(no)?;
            }
            "url" => {
                let no = || wrong("an address", "url = \"https://example.com/mcp\"");
                self.url = Some(text(value).ok_or_else(no)?);
            }
            "headers" => {
                let no =
                    || wrong("a table of texts", "headers = { Authorization = \"Bearer ${secret:NAME}\" }");
                self.headers = pairs(value).ok_or_else(no)?;
            }
            "tools" => {
                let no = || wrong("a list of names", "tools = [\"read_file\"]");
                self.tools = Some(texts(value).ok_or_else(no)?);
            }
            "timeout" => {
                let no = || wrong("a number of seconds", "timeout = 60");
                let seconds = value.as_f64().filter(|seconds| *seconds > 0.0).ok_or_else(no)?;
                self.timeout = Some(Duration::try_from_secs_f64(seconds).map_err(|_| no())?);
            }
            "disabled" => {
                self.disabled = value.as_bool().ok_or_else(|| wrong("true or false", "disabled = true"))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The server, if it can be reached in one way.
    pub(super) fn server(self, name: &str, file: PathBuf, line: usize) -> Result<McpServer, Wrong> {
        let reach = match (self.command, self.url) {
            (Some(command), None) => {
                if self.args.iter().any(|word| word.contains("${secret:")) {
                    let help = "put it into `env`, where only the server itself sees it".to_owned();
                    return Err(Wrong(
                        "a key may not stand in `args`: every program can read them".into(),
                        help,
                    ));
                }
                McpReach::Command { command, args: self.args, env: self.env }
            }
            (None, Some(url)) => McpReach::Url { url, headers: self.headers },
            (Some(_), Some(_)) => {
                let what = "it has a `command` and a `url`, and can be only one of both";
                return Err(Wrong(what.into(), "take one away".into()));
            }
            (None, None) => {
                let what = "it has neither a `command` nor a `url`";
                return Err(Wrong(what.into(), "say what to start, or where the server is".into()));
            }
        };
        let (tools, timeout, disabled) = (self.tools, self.timeout, self.disabled);
        Ok(McpServer { name: name.to_owned(), reach, tools, timeout, disabled, file, line })
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn pairs(value: &Value) -> Option<BTreeMap<String, String>> {
    let all = value.as_object()?.iter();
    all.map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
