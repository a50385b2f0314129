//! `consort talk`: a live session from a terminal, with sound from and to files.
mod conversation;
mod shown;
mod steps;

use crate::args::Talk;
use crate::exit::{self, Done, Failure};
use crate::seek::seek;
use crate::setup::{Setup, runtime};
use crate::stop;
use crate::tools;
use consort_core::{Error, ErrorKind, Host, ModelCard, Pcm, RealtimeModel, SessionConfig};
use consort_providers::TokioClock;
use consort_realtime::audio::{Encoding, Sound};
use consort_realtime::record::Recorder;
use conversation::{Conversation, Outcome};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use steps::Step;
use tokio::runtime::Runtime;

/// How long a session may take to open.
const OPENING: Duration = Duration::from_mins(1);

pub(crate) fn run(talk: Talk, mut setup: Setup) -> Done {
    setup.recorder = talk.record.as_deref().map(recorder).transpose()?;
    let host = setup.host();
    setup.tell_problems()?;
    let mut steps: Vec<Step> = talk.text.iter().cloned().map(Step::Text).collect();
    steps.extend(talk.wav_in.as_deref().map(read).transpose()?.map(Step::Speech));
    if steps.is_empty() {
        let error = exit::usage("there is nothing to say");
        return Err(error.hint("--wav-in FILE plays a file to it, --text TEXT says words").into());
    }
    let runtime = runtime()?;
    let model = named(&talk.model, &mut setup, host, &runtime)?;
    let done = hold(&talk, &setup, model.as_ref(), steps, &runtime);
    setup.end_plugins(&runtime);
    runtime.shutdown_background();
    if let (Some(recorder), Some(file)) = (&setup.recorder, &talk.record) {
        kept(recorder, file, model.card())?;
    }
    let outcome = done?;
    if let Some(file) = &talk.wav_out {
        write(file, &outcome.heard)?;
    }
    outcome.show(&model.card().id, talk.json)?;
    outcome.failed.map_or(Ok(exit::OK), |error| Err(Failure::Error(error)))
}

fn recorder(file: &Path) -> Result<Arc<Recorder>, Error> {
    let to = std::fs::File::create(file)
        .map_err(|error| exit::usage(format!("{} cannot be written: {error}", file.display())))?;
    Ok(Arc::new(Recorder::new(std::io::BufWriter::new(to))))
}

/// What was recorded is kept, or it is told why not.
fn kept(recorder: &Recorder, file: &Path, card: &ModelCard) -> Result<(), Error> {
    let shown = file.display();
    match recorder.finish() {
        Ok(0) => {
            Err(exit::usage(format!("{shown} stays empty: nothing of `{}` goes over the network", card.id))
                .hint("only sessions of hosted models have frames to keep"))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(exit::usage(format!("{shown} cannot be written: {error}"))),
    }
}

/// The live model of an id, alias or name; a chat model becomes one.
fn named(
    name: &str,
    setup: &mut Setup,
    host: Host,
    runtime: &Runtime,
) -> Result<Arc<dyn RealtimeModel>, Error> {
    let name = setup.settings.resolve(name).to_owned();
    let found = seek(setup, host, Some(&name), Some(runtime), |setup, host| {
        pollster::block_on(host.find_realtime(&name)).or_else(|error| match error.kind() {
            ErrorKind::ModelNotFound => {
                Err(setup.explain(error, &name).hint("`consort models --can live` lists them"))
            }
            // A model that answers questions talks with ears and a voice.
            ErrorKind::Unsupported => setup.talking(host, &name),
            _ => Err(error),
        })
    });
    found.map(|(model, _)| model)
}

fn hold(
    talk: &Talk,
    setup: &Setup,
    model: &dyn RealtimeModel,
    steps: Vec<Step>,
    runtime: &Runtime,
) -> Result<Outcome, Error> {
    let tools = tools::named(&talk.tool, false, setup, runtime)?;
    let names: Vec<String> = tools.names().map(str::to_owned).collect();
    let specs = names.iter().filter_map(|name| tools.get(name)).map(|tool| tool.spec().clone());
    let config = SessionConfig {
        instructions: talk.system.clone().unwrap_or_default(),
        voice: talk.voice.clone(),
        tools: specs.collect(),
        input_rate: steps.iter().find_map(|step| match step {
            Step::Speech(pcm) => Some(pcm.rate),
            Step::Text(_) => None,
        }),
        output_rate: Some(talk.rate),
        options: talk.option.chunks_exact(2).map(|pair| (pair[0].clone(), value(&pair[1]))).collect(),
        ..SessionConfig::default()
    };
    let context = setup.context(talk.key.as_deref(), TokioClock);
    let opening = model.connect(config, context.clone().within(OPENING));
    let session = stop::wait_for(runtime, opening)?;
    runtime.block_on(Conversation::new(talk, context, tools, session)?.hold(steps))
}

/// A word as JSON where it is some, else as text.
fn value(word: &str) -> Value {
    serde_json::from_str(word).unwrap_or_else(|_| word.into())
}

fn read(file: &Path) -> Result<Pcm, Error> {
    let shown = file.display();
    let bytes =
        std::fs::read(file).map_err(|error| exit::usage(format!("{shown} cannot be read: {error}")))?;
    let sound = Sound::from_wav(&bytes)
        .map_err(|error| error.map_message(|message| format!("{shown} cannot be played: {message}")))?;
    if sound.is_empty() {
        return Err(exit::usage(format!("{shown} holds no sound")));
    }
    Ok(sound.to_pcm())
}

fn write(file: &Path, heard: &Pcm) -> Result<(), Error> {
    let wav = Sound::from_pcm(heard)?.to_wav(Encoding::S16);
    std::fs::write(file, wav)
        .map_err(|error| exit::usage(format!("{} cannot be written: {error}", file.display())))
}
