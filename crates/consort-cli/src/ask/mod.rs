//! Asking one question: the request is put together and checked, sent, and shown as it is answered.
pub(crate) mod attach;
mod check;
mod input;
mod kind;
mod loaded;
pub(crate) mod options;
mod play;
mod schema;
mod talk;
mod template;

use crate::args::Ask;
use crate::exit::{self, Done, Failure};
use crate::seek::seek;
use crate::setup::{Chosen, Setup, runtime};
use crate::stop::wait_for;
use crate::terminal::Style;
use crate::tools;
use consort_core::{Context, Error, Host, Media, Model, Output, Part, Phase, Request};
use consort_engine::Tools;
use consort_plugins::shell_word;
use consort_providers::TokioClock;
use serde_json::json;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use talk::Talk;
use template::{Filled, Template};
use tokio::runtime::Runtime;

/// A question that is ready to be sent.
struct Question {
    model: Arc<dyn Model>,
    /// Nothing where the model's calls of tools wait to be answered.
    input: Option<Vec<Part>>,
    /// What the request is made from: instructions, options, schema.
    request: Request,
    tools: Tools,
    context: Context,
}

pub(crate) fn run(ask: &Ask, mut setup: Setup) -> Done {
    if ask.no_log {
        setup.without_log();
    }
    // It opens while the question is put together.
    let talk = Talk::open(ask, &setup);
    // One runtime for all: a plugin that is started to be looked at answers too.
    let runtime = runtime()?;
    match prepare(ask, &mut setup, &talk, &runtime) {
        Ok(question) => play::run(question, ask, &setup, talk, runtime),
        Err(failure) => {
            // Nobody waits for what still runs.
            runtime.shutdown_background();
            if let Failure::Error(error) = &failure {
                tell_programs(ask, error)?;
            }
            Err(failure)
        }
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
fn prepare(ask: &Ask, setup: &mut Setup, talk: &Talk, runtime: &Runtime) -> Result<Question, Failure> {
    let attachments = attach::read(ask)?;
    let schema = ask.schema.as_deref().map(schema::read).transpose()?;
    let others = attachments.len() + ask.fragment.len() + usize::from(ask.template.is_some());
    let mut waiting = None;
    let prompt = input::prompt(ask, others, || {
        waiting = talk.waits()?;
        Ok(waiting.is_some())
    })?;
    // No words, and nothing else: only what was cut can go on so.
    let resumes = others == 0 && prompt.is_empty();
    let before = talk.before()?;
    let host = setup.host();
    if !ask.quiet {
        setup.tell_problems()?;
    }
    let template = Template::load(ask.template.as_deref(), setup, runtime)?;
    let Words { prompt, system, media } = words(ask, &template, &prompt, setup, runtime)?;
    let attachments: Vec<Media> = attachments.into_iter().chain(media).collect();
    let schema = schema.or(template.schema);
    // To look for the model is a part of the time that was given.
    let mut context = setup.context(ask.key.as_deref(), TokioClock);
    if let Some(seconds) = ask.timeout {
        context = context.within(Duration::from_secs(seconds));
    }
    let named = ask.model.as_deref().or(template.model.as_deref()).or(before.model.as_deref());
    let chosen = choose(named, host, setup, runtime, &context)?;
    let host = chosen.host;
    let model = chosen.model;
    let given = setup.settings.models.get(&model.card().id).map(|model| &model.options);
    let mut base = given.cloned().unwrap_or_default();
    // Options are the model's own: another one may not know them.
    if before.model.as_deref() == Some(&model.card().id) {
        base.extend(before.options);
    }
    base.extend(template.options);
    let options = options::read(&ask.option, Some(&base), model.card(), &host)?;
    check::reads(model.card(), &attachments, &host)?;
    if chosen.fallback && !ask.quiet {
        let note = "note: no key is set up, so the demo model answers; `consort doctor` says what to do";
        writeln!(anstream::stderr(), "{}", Style::Dim.paint(note))?;
    }
    if let Some(namesakes) = chosen.namesakes.filter(|_| !ask.quiet) {
        writeln!(anstream::stderr(), "{}", Style::Dim.paint(format!("note: {namesakes}")))?;
    }
    let named: Vec<String> = template.tools.iter().chain(&ask.tool).cloned().collect();
    let tools = tools::named(&named, ask.approve, setup, runtime)?;
    let mut input: Vec<Part> = attachments.into_iter().map(Part::media).collect();
    input.extend((!prompt.is_empty()).then(|| Part::text(prompt)));
    if let Some(missing) = waiting.iter().flatten().find(|name| resumes && tools.get(name).is_none()) {
        return Err(exit::usage(format!(
            "the conversation waits for the tool `{missing}`, which is not named"
        ))
        .hint("name what it may use: consort -c -T NAME")
        .into());
    }
    let mut request = Request::new(Vec::new());
    request.stream = !ask.no_stream;
    request.options = options;
    let system = system.or(before.system).filter(|text| !text.trim().is_empty());
    request.instructions = system.into_iter().map(Part::text).collect();
    if let Some(schema) = schema {
        request.output =
            Output::Schema { name: "answer".to_owned(), description: None, schema, strict: None };
    }
    Ok(Question { model, input: (!resumes).then_some(input), request, tools, context })
}

/// What the user, a template and fragments say together.
struct Words {
    prompt: String,
    system: Option<String>,
    media: Vec<Media>,
}

fn words(
    ask: &Ask,
    template: &Template,
    prompt: &str,
    setup: &Setup,
    runtime: &Runtime,
) -> Result<Words, Failure> {
    let wanted: Vec<String> = template.fragments.iter().chain(&ask.fragment).cloned().collect();
    let (mut texts, mut media) = loaded::fragments(&wanted, setup, runtime)?;
    let (mut instructions, shown) = loaded::fragments(&template.system_fragments, setup, runtime)?;
    media.extend(shown);
    for (place, mime) in template.attachments() {
        media.push(attach::one(place, mime)?);
    }
    let Filled { prompt, system } = template.fill(prompt, &ask.parameters())?;
    texts.extend(Some(prompt).filter(|prompt| !prompt.is_empty()));
    instructions.extend(ask.system.clone().or(system));
    if let (false, Some(part)) = (ask.quiet, template.unused().next()) {
        let note = format!("note: the template's `{part}` is not used");
        writeln!(anstream::stderr(), "{}", Style::Dim.paint(note))?;
    }
    let system = (!instructions.is_empty()).then(|| instructions.join("\n\n"));
    Ok(Words { prompt: texts.join("\n"), system, media })
}

/// A plugin's start, within what is left of the time that was given. One that is too slow is ended.
async fn in_time<T>(
    context: &Context,
    plugin: &str,
    start: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(left) = context.remaining() else { return start.await };
    let Ok(started) = tokio::time::timeout(left, start).await else {
        let late = Error::timeout(Phase::Deadline, "the plugin did not start in the time that was given");
        let log = format!("see what it does: consort plugins log {}", shell_word(plugin));
        return Err(late.provider(plugin).hint(log));
    };
    started
}

/// The model that answers, and the host that it was found in.
struct Answering {
    model: Arc<dyn Model>,
    fallback: bool,
    host: Host,
    /// Who else has the name that was asked for.
    namesakes: Option<String>,
}

/// The model that answers.
fn choose(
    named: Option<&str>,
    host: Host,
    setup: &mut Setup,
    runtime: &Runtime,
    context: &Context,
) -> Result<Answering, Error> {
    let name =
        named.or(setup.settings.default_model.as_deref()).map(|name| setup.settings.resolve(name).to_owned());
    let (chosen, host) =
        seek(setup, host, name.as_deref(), Some(runtime), context.remaining(), |setup, host| {
            setup.choose(host, named)
        })?;
    let Chosen { model, fallback } = chosen;
    // What a plugin's model can do is known once it ran.
    let Some(plugin) = setup.plugin_of(model.card()) else {
        return Ok(Answering { model, fallback, host, namesakes: None });
    };
    let model = wait_for(runtime, in_time(context, plugin.id(), plugin.model_for(model.card())))?;
    let is_named = name.is_some_and(|name| name == plugin.id());
    let namesakes = is_named.then(|| Setup::namesakes(host.providers(), plugin.id())).flatten();
    Ok(Answering { model, fallback, host, namesakes })
}
