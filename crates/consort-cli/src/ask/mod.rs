//! Asking one question: the request is put together and checked, sent, and shown as it is answered.
mod attach;
mod check;
mod input;
mod kind;
mod options;
mod play;
mod show;
mod spinner;

use crate::args::Ask;
use crate::exit::{self, Done, Failure};
use crate::local::LocalServers;
use crate::setup::{Chosen, Setup, runtime};
use crate::terminal::Style;
use consort_core::{Error, ErrorKind, Host, Message, Model, Part, Request, Role};
use consort_providers::TokioClock;
use serde_json::json;
use std::io::{self, Write};
use std::sync::Arc;

/// A question that is ready to be sent.
struct Question {
    model: Arc<dyn Model>,
    request: Arc<Request>,
    /// Looked for while the answer comes.
    local: LocalServers,
}

pub(crate) fn run(ask: &Ask, mut setup: Setup) -> Done {
    match prepare(ask, &mut setup) {
        Ok(question) => play::run(&question, ask, &setup),
        Err(Failure::Error(error)) => {
            tell_programs(ask, &error)?;
            Err(error.into())
        }
        Err(other) => Err(other),
    }
}

/// Says an error before the first event to programs, in the form that they asked for.
fn tell_programs(ask: &Ask, error: &Error) -> io::Result<()> {
    let error = exit::to_json(error);
    if ask.json {
        writeln!(io::stdout(), "{}", json!({"error": error}))?;
    } else if ask.jsonl {
        writeln!(io::stdout(), "{}", json!({"type": "error", "error": error}))?;
    }
    Ok(())
}

/// Puts the question together. Nothing is sent before all of it was found good.
fn prepare(ask: &Ask, setup: &mut Setup) -> Result<Question, Failure> {
    let attachments = attach::read(ask)?;
    let prompt = input::prompt(ask, attachments.len())?;
    let host = setup.host();
    if !ask.quiet {
        setup.tell_problems()?;
    }
    let local = LocalServers::of(&host, setup);
    let chosen = choose(ask, &host, &local, setup)?;
    let model = chosen.model;
    let given = setup.settings.models.get(&model.card().id).map(|model| &model.options);
    let options = options::read(&ask.option, given, model.card(), &host)?;
    check::reads(model.card(), &attachments, &host)?;
    if chosen.fallback && !ask.quiet {
        let note = "note: no key is set up, so the demo model answers; `consort doctor` says what to do";
        writeln!(anstream::stderr(), "{}", Style::Dim.paint(note))?;
    }
    let mut parts: Vec<Part> = attachments.into_iter().map(Part::media).collect();
    parts.extend((!prompt.is_empty()).then(|| Part::text(prompt)));
    let mut request = Request::new(vec![Message::new(Role::User, parts)]);
    request.model.clone_from(&model.card().name);
    request.stream = !ask.no_stream;
    request.options = options;
    let system = ask.system.iter().filter(|text| !text.trim().is_empty());
    request.instructions = system.map(|text| Part::text(text.as_str())).collect();
    Ok(Question { model, request: Arc::new(request), local })
}

/// The model that answers. A name that nobody knows may be that of a local server which was not looked for yet.
fn choose(ask: &Ask, host: &Host, local: &LocalServers, setup: &Setup) -> Result<Chosen, Error> {
    let named = ask.model.as_deref();
    match setup.choose(host, named) {
        Err(error) if error.kind() == ErrorKind::ModelNotFound => {
            runtime()?.block_on(local.clone().look(setup.context(None, TokioClock)));
            setup.choose(host, named)
        }
        chosen => chosen,
    }
}
