//! `consort embed`: texts in, vectors out.
use crate::args::Embed;
use crate::exit::{self, Done};
use crate::seek::seek;
use crate::setup::{DEMO, Setup, runtime};
use crate::terminal::Style;
use consort_core::{EmbedRequest, Embedder, Error, ErrorKind, Host, State};
use consort_providers::TokioClock;
use serde_json::{Value, json};
use std::io::{IsTerminal, Read, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

const LIMIT: Duration = Duration::from_mins(10);

pub(crate) fn run(embed: Embed, mut setup: Setup) -> Done {
    let host = setup.host();
    setup.tell_problems()?;
    let runtime = runtime()?;
    let embedder = match &embed.model {
        Some(name) => named(name, &mut setup, host, &runtime)?,
        None => unnamed(&host)?,
    };
    let inputs = if embed.texts.is_empty() { piped()? } else { embed.texts };
    let request = EmbedRequest { dimensions: embed.dimensions, ..EmbedRequest::new(inputs) };
    let answered = runtime.block_on(async {
        let context = setup.context(embed.key.as_deref(), TokioClock).within(LIMIT);
        embedder.embed(request, context).await
    });
    runtime.shutdown_background();
    let answer = answered?;
    let mut to = std::io::stdout().lock();
    if embed.json {
        let object = json!({
            "model": embedder.card().id,
            "resolved_model": answer.model,
            "vectors": answer.vectors,
            "usage": answer.usage,
        });
        writeln!(to, "{object}")?;
        return Ok(exit::OK);
    }
    for vector in answer.vectors {
        writeln!(to, "{}", Value::from(vector))?;
    }
    Ok(exit::OK)
}

/// The embedder that was named.
fn named(name: &str, setup: &mut Setup, host: Host, runtime: &Runtime) -> Result<Arc<dyn Embedder>, Error> {
    let name = setup.settings.resolve(name).to_owned();
    let found = seek(setup, host, Some(&name), Some(runtime), None, |setup, host| {
        pollster::block_on(host.find_embedder(&name)).map_err(|error| match error.kind() {
            ErrorKind::ModelNotFound => {
                setup.explain(error, &name).hint("`consort models --can embed` lists them")
            }
            ErrorKind::Unsupported => error.hint("`consort models --can embed` lists those that do"),
            _ => error,
        })
    });
    found.map(|(embedder, _)| embedder)
}

/// The first embedder of a provider with a key, else the demo.
fn unnamed(host: &Host) -> Result<Arc<dyn Embedder>, Error> {
    let keyed = host.providers().iter().filter(|provider| {
        provider.card().state == State::Ready && provider.card().keys.iter().any(|key| key.required)
    });
    if let Some(embedder) = keyed.flat_map(|provider| provider.embedders()).next() {
        return Ok(embedder);
    }
    let note = "note: no embedding model has a key, so the demo answers";
    // Only a courtesy: the vectors are what was asked for.
    let _ = writeln!(anstream::stderr(), "{}", Style::Dim.paint(note));
    pollster::block_on(host.find_embedder(&format!("{DEMO}/embed")))
}

/// Each line of stdin.
fn piped() -> Result<Vec<String>, Error> {
    let nothing = || {
        exit::usage("there is nothing to embed")
            .hint("consort embed \"a text\" \"another\", or pipe lines in")
    };
    if std::io::stdin().is_terminal() {
        return Err(nothing());
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| exit::usage(format!("stdin cannot be read as text: {error}")))?;
    let lines: Vec<String> = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    if lines.is_empty() { Err(nothing()) } else { Ok(lines) }
}
