//! A plugin that misbehaves on request, for tests of hosts. The prompt says how: a word, and what belongs to it.
//!
//! `say N [TEXT]` N events · `slow MS` four words with pauses · `sleep MS` nothing, without looking up · `die` exits
//! with 3 · `kill` kills itself · `panic` · `hang` blocks for ever · `hog` allocates without end · `flood [LINES]`
//! writes to stderr · `print [LINES]` writes to fd 1 · `stray [LINES]` lines that are no protocol · `long` a line of
//! 9 MB · `big` a text of 9 MB · `fork` leaves a child behind · `error KIND` · `deaf` reads nothing more and never
//! answers · `secret NAME` a key's length · `http URL` · `tool NAME [JSON]` runs a tool of the request · `env NAME` ·
//! `wrong` an answer of wrong types · `twice` two answers · `early` an answer before its events · `half` a line
//! without an end, then exit · `pid`. Anything else is said back.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::exit, clippy::panic, reason = "it misbehaves")]
use consort_core::{
    ConfigKey, Context, Delta, Error, ErrorKind, Event, EventStream, FinishReason, Model, ModelCard, PartKey,
    PartKind, Provider, ProviderCard, Request, ToolCall,
};
use consort_plugin::{HttpRequest, Link, Plugin, Say, answer};
use serde_json::{Value, json};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

/// Misbehaves, or says back what it was told.
struct Trouble(ModelCard);

impl Model for Trouble {
    fn card(&self) -> &ModelCard {
        &self.0
    }

    fn stream(&self, request: Arc<Request>, context: Context) -> EventStream {
        let text = request.last_user_text();
        // Many events are handed on by a stream of their own, without the steps of `answer`.
        if let Some(rest) = text.strip_prefix("say ") {
            let (count, word) = rest.split_once(' ').unwrap_or((rest, "word "));
            return Box::pin(Many { left: number(count), word: word.to_owned(), state: 0 });
        }
        answer(move |say| trouble(text, context, say))
    }
}

async fn trouble(text: String, context: Context, mut say: Say) -> Result<consort_core::Finish, Error> {
    let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
    let link = Link::current();
    let raw = |line: &str| {
        if let Some(link) = &link {
            link.write_raw(line);
        }
    };
    let id = link.as_ref().and_then(Link::request).map_or(Value::Null, |id| json!(id));
    match word {
        "slow" => {
            for n in 0..4 {
                say.text(&format!("{n} ")).await;
                context.clock.sleep(Duration::from_millis(number(rest))).await;
            }
        }
        "sleep" => {
            std::thread::sleep(Duration::from_millis(number(rest)));
            say.text("slept").await;
        }
        "die" => std::process::exit(3),
        "kill" => kill_itself(),
        "panic" => panic!("asked to"),
        "hang" => loop {
            std::thread::sleep(Duration::from_hours(1));
        },
        "hog" => {
            let mut all = Vec::new();
            loop {
                all.push(vec![1u8; 16 << 20]);
            }
        }
        "flood" => (0..number(rest).max(1)).for_each(|n| eprintln!("{n} {}", "flood ".repeat(30))),
        "print" => (0..number(rest).max(1)).for_each(|n| println!("{n} printed")),
        "stray" => (0..number(rest).max(1)).for_each(|n| raw(&format!("{n} stray\n"))),
        "long" => {
            let text = "x".repeat(9 << 20);
            let event = json!({"type": "text", "text": text});
            let params = json!({"request": id, "events": [event]});
            raw(&format!("{}\n", json!({"jsonrpc": "2.0", "method": "generate/event", "params": params})));
        }
        "big" => say.text(&"x".repeat(9 << 20)).await,
        "fork" => {
            let child = Command::new("sleep").arg("1000").spawn();
            say.text(&child.map_or_else(|error| error.to_string(), |child| child.id().to_string())).await;
        }
        "error" => {
            let kind = ErrorKind::parse(rest.trim()).unwrap_or(ErrorKind::PluginBug);
            say.text("so far ").await;
            return Err(Error::new(kind, "asked to fail").hint("ask for something else"));
        }
        "deaf" => {
            if let Some(link) = &link {
                link.go_deaf();
            }
            say.text("deaf").await;
            loop {
                std::thread::sleep(Duration::from_hours(1));
            }
        }
        "secret" => {
            let key =
                ConfigKey { name: rest.trim().into(), secret: true, required: true, ..ConfigKey::default() };
            let length = context.credentials.resolve("trouble", &key).await?.map(|key| key.expose().len());
            say.text(&length.map_or("none".to_owned(), |length| length.to_string())).await;
        }
        "http" => {
            let link = link.ok_or_else(|| Error::unsupported("there is no host to ask"))?;
            let url = rest.trim().to_owned();
            let request = HttpRequest { method: "GET".into(), url, ..HttpRequest::default() };
            let response = link.http(request).await?;
            let status = response.status;
            let body = response.bytes().await?;
            say.text(&format!("{status} {}", String::from_utf8_lossy(&body))).await;
        }
        "tool" => {
            let tools = context.tools.ok_or_else(|| Error::unsupported("whoever asked runs no tools"))?;
            let (name, arguments) = rest.split_once(' ').unwrap_or((rest, "{}"));
            let output =
                tools.run(ToolCall { id: "c1".into(), name: name.into(), arguments: arguments.into() });
            let output = output.await?;
            let text: String = output.content.iter().filter_map(consort_core::Part::as_text).collect();
            say.text(&format!("{}{text}", if output.is_error { "failed: " } else { "" })).await;
        }
        "env" => say.text(&std::env::var(rest.trim()).unwrap_or_else(|_| "not set".into())).await,
        "wrong" => {
            let result = json!({"finishReason": 7, "usage": "many", "content": {"type": "text"}});
            raw(&format!("{}\n", json!({"jsonrpc": "2.0", "id": id, "result": result})));
        }
        "twice" => raw(&format!("{}\n", json!({"jsonrpc": "2.0", "id": id, "result": {}}))),
        "early" => {
            raw(&format!("{}\n", json!({"jsonrpc": "2.0", "id": id, "result": {"finishReason": "stop"}})));
            say.text("late").await;
        }
        "half" => {
            raw(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"finishRea"#));
            std::process::exit(0);
        }
        "pid" => say.text(&std::process::id().to_string()).await,
        _ => say.text(&text).await,
    }
    Ok(FinishReason::Stop.into())
}

fn number(text: &str) -> u64 {
    text.trim().parse().unwrap_or(0)
}

#[cfg(unix)]
fn kill_itself() {
    use rustix::process::{Signal, getpid, kill_process};
    let _ = kill_process(getpid(), Signal::KILL);
}

#[cfg(not(unix))]
fn kill_itself() {
    std::process::abort();
}

/// One text, in this many events.
struct Many {
    left: u64,
    word: String,
    state: u8,
}

impl futures_core::Stream for Many {
    type Item = Result<Event, Error>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let part = PartKey(0);
        let event = match self.state {
            0 => Event::Started { model: None, response_id: None },
            1 => Event::PartStart { part, choice: 0, kind: PartKind::Text },
            2 if self.left > 0 => {
                self.left -= 1;
                let delta = Delta::Text(self.word.clone());
                return std::task::Poll::Ready(Some(Ok(Event::PartDelta { part, delta })));
            }
            2 => Event::PartEnd { part },
            3 => Event::Finished(FinishReason::Stop.into()),
            _ => return std::task::Poll::Ready(None),
        };
        self.state += 1;
        std::task::Poll::Ready(Some(Ok(event)))
    }
}

/// Its models: one that needs nothing, one that needs a key.
struct Troubles {
    card: ProviderCard,
    models: Vec<Arc<dyn Model>>,
}

impl Provider for Troubles {
    fn card(&self) -> &ProviderCard {
        &self.card
    }

    fn models(&self) -> consort_core::BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        Box::pin(std::future::ready(Ok(self.models.clone())))
    }
}

fn main() -> ExitCode {
    let models: Vec<Arc<dyn Model>> = vec![Arc::new(Trouble(ModelCard::new("locked", "locked")))];
    let mut card = ProviderCard::new("locked", "Locked");
    let env = vec!["TROUBLE_API_KEY".to_owned()];
    card.keys =
        vec![ConfigKey { name: "trouble".into(), env, secret: true, required: true, ..ConfigKey::default() }];
    Plugin::new("Trouble")
        .model(Trouble(ModelCard::new("trouble", "trouble")))
        .provider(Troubles { card, models })
        .serve()
}
