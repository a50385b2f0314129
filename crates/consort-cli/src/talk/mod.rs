//! `consort talk`: a live session from a terminal, with sound from and to files or devices.
mod conversation;
mod devices;
mod files;
mod heard;
mod kept;
mod outcome;
mod shown;
mod steps;

use crate::args::Talk;
use crate::ask::options;
use crate::exit::{self, Done, Failure};
use crate::seek::seek;
use crate::setup::{Setup, runtime};
use crate::stop;
use crate::tools;
use consort_core::{Error, ErrorKind, Host, ModelCard, Object, RealtimeModel, SessionConfig};
use consort_providers::TokioClock;
use consort_realtime::audio::Shape;
use consort_realtime::call::{Call, CallSetup, Pace};
use conversation::Conversation;
use devices::Devices;
use kept::Kept;
use outcome::Outcome;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;
use steps::Step;
use tokio::runtime::Runtime;

/// How long a session may take to open.
const OPENING: Duration = Duration::from_mins(1);

pub(crate) fn run(talk: Talk, mut setup: Setup) -> Done {
    if talk.no_log {
        setup.without_log();
    }
    files::are_apart(&talk)?;
    setup.recorder = talk.record.as_deref().map(files::recorder).transpose()?;
    let host = setup.host();
    setup.tell_problems()?;
    let (steps, listens) = said(&talk)?;
    let written = files::Written::of(&talk)?;
    let devices = Devices::open(&talk, listens)?;
    let runtime = runtime()?;
    let (model, host) = named(&talk.model, &mut setup, host, &runtime)?;
    let options = options(&talk, &setup, model.card(), &host);
    let done =
        options.and_then(|options| hold(&talk, &setup, model.as_ref(), options, steps, devices, &runtime));
    setup.end_plugins(&runtime);
    runtime.shutdown_background();
    let outcome = done.inspect_err(|_| files::forget_recording(&talk, &setup))?;
    // What was said and heard is given, whatever fails then.
    let kept = written.zip(outcome.heard.kept());
    let written = kept.map_or(Ok(()), |(file, heard)| file.write(heard, talk.rate));
    let recorded = files::recorded(&talk, &setup);
    outcome.show(&model.card().id, talk.json, files::is_stdout(&talk))?;
    let Some(failed) = &outcome.failed else {
        written.and(recorded)?;
        return Ok(exit::OK);
    };
    for error in [written, recorded].into_iter().filter_map(Result::err) {
        exit::tell(&error)?;
    }
    if outcome.was_told(failed) {
        return Ok(exit::code(failed));
    }
    Err(Failure::Error(failed.clone()))
}

/// What is said one after the other, and whether the microphone is listened to behind it.
fn said(talk: &Talk) -> Result<(Vec<Step>, bool), Error> {
    let mut steps: Vec<Step> = talk.text.iter().cloned().map(Step::Text).collect();
    steps.extend(talk.wav_in.as_deref().map(files::read).transpose()?.map(Step::Speech));
    if talk.mic.is_some() || !steps.is_empty() {
        return Ok((steps, talk.mic.is_some()));
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() && cfg!(feature = "microphone") && !talk.fast {
        return Ok((steps, true));
    }
    if !stdin.is_terminal() {
        // A pipe says its lines.
        let unread = |error| exit::usage(format!("stdin cannot be read as text: {error}"));
        let lines = stdin.lines().collect::<Result<Vec<_>, _>>().map_err(unread)?;
        steps.extend(lines.into_iter().filter(|line| !line.trim().is_empty()).map(Step::Text));
    }
    if steps.is_empty() {
        let error = exit::usage("there is nothing to say");
        return Err(error
            .hint("--wav-in FILE plays a file to it, --text TEXT says words, and a pipe its lines")
            .hint(if cfg!(feature = "microphone") {
                "--mic talks by the microphone"
            } else {
                "the web chat has a microphone: `consort serve --open`"
            }));
    }
    Ok((steps, false))
}

/// The live model of an id, alias or name; a chat model becomes one.
fn named(
    name: &str,
    setup: &mut Setup,
    host: Host,
    runtime: &Runtime,
) -> Result<(Arc<dyn RealtimeModel>, Host), Error> {
    let name = setup.settings.resolve(name).to_owned();
    let host = if setup.look_at(&name, runtime) { setup.host_again() } else { host };
    seek(setup, host, Some(&name), Some(runtime), None, |setup, host| {
        pollster::block_on(host.find_realtime(&name)).or_else(|error| match error.kind() {
            ErrorKind::ModelNotFound => {
                Err(setup.explain(error, &name).hint("`consort models --can live` lists them"))
            }
            // A model that answers questions talks with ears and a voice.
            ErrorKind::Unsupported => setup.talking(host, &name),
            _ => Err(error),
        })
    })
}

/// The options of the session: those of the settings, then those of the command line.
fn options(talk: &Talk, setup: &Setup, card: &ModelCard, host: &Host) -> Result<Object, Error> {
    let given = setup.settings.models.get(&card.id).map(|model| &model.options);
    options::read(&talk.option, given, card, host)
}

fn hold(
    talk: &Talk,
    setup: &Setup,
    model: &dyn RealtimeModel,
    options: Object,
    steps: Vec<Step>,
    devices: Devices,
    runtime: &Runtime,
) -> Result<Outcome, Error> {
    let tools = tools::named(&talk.tool, false, setup, runtime)?;
    let kept = Kept::open(talk, setup)?;
    let system = talk.system.as_deref().or(kept.system()).unwrap_or_default().to_owned();
    let config = SessionConfig {
        instructions: system.clone(),
        voice: talk.voice.clone(),
        input_rate: steps.iter().find_map(|step| match step {
            Step::Speech(pcm) => Some(pcm.rate),
            Step::Text(_) => None,
        }),
        options,
        ..SessionConfig::default()
    };
    let context = setup.context(talk.key.as_deref(), TokioClock).within(OPENING);
    let call = CallSetup {
        tools,
        keep: Some(kept.keep()),
        window: setup.settings.context.window,
        shape: match &devices.speaker {
            Some(speaker) => speaker.shape(),
            None => Shape::new(talk.rate, 1)?,
        },
        pace: match &devices.speaker {
            _ if talk.fast => Pace::AtOnce,
            Some(_) => Pace::Reported,
            None => Pace::Time,
        },
        ..CallSetup::new(config, context)
    };
    let call = stop::wait_for(runtime, Call::open(model, call))?;
    // Where nothing went over the network by now, nothing will.
    files::is_recorded(talk, setup, model.card())?;
    kept.begin(&system, &model.card().id)?;
    let outcome = runtime.block_on(Conversation::new(talk, call, devices).hold(steps));
    kept.close();
    Ok(outcome)
}
