//! The files of a talk: sound that is played to a model, sound that was heard, what went over the network.
use crate::args::Talk;
use crate::engine;
use crate::exit;
use crate::setup::Setup;
use consort_core::{Error, ModelCard, Pcm};
use consort_realtime::audio::{Encoding, Shape, Sound, wav};
use consort_realtime::record::Recorder;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

fn unwritten(file: &Path, error: &std::io::Error) -> Error {
    exit::usage(format!("{} cannot be written: {error}", file.display()))
}

/// No file that is written is one that is read, or written as something else.
pub(super) fn are_apart(talk: &Talk) -> Result<(), Error> {
    let options = [("--wav-in", &talk.wav_in), ("--wav-out", &talk.wav_out), ("--record", &talk.record)];
    let named: Vec<(&str, &PathBuf)> = options
        .into_iter()
        .filter_map(|(option, file)| Some((option, file.as_ref()?)))
        .filter(|(_, file)| *file != "-")
        .collect();
    for (at, (option, file)) in named.iter().enumerate() {
        if let Some((before, _)) = named[..at].iter().find(|(_, other)| is_same(file, other)) {
            return Err(exit::usage(format!("{before} and {option} are the same file, {}", file.display()))
                .hint(format!("give {option} another name")));
        }
    }
    Ok(())
}

fn is_same(one: &Path, other: &Path) -> bool {
    let place = |file: &Path| file.canonicalize().ok();
    one == other || place(one).is_some_and(|one| place(other) == Some(one))
}

/// The sound of a file, or of stdin.
pub(super) fn read(file: &Path) -> Result<Pcm, Error> {
    let shown = if file == "-" { "stdin".to_owned() } else { file.display().to_string() };
    let mut bytes = Vec::new();
    let read = if file == "-" {
        std::io::stdin().read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    read.map_err(|error| exit::usage(format!("{shown} cannot be read: {error}")))?;
    let sound = Sound::from_wav(&bytes).map_err(|error| {
        let error = error.map_message(|message| format!("{shown} cannot be played: {message}"));
        match infer::get(&bytes) {
            Some(kind) if kind.mime_type() != "audio/x-wav" => error.hint(format!(
                "it is {}; ffmpeg makes a WAV file of sound: `ffmpeg -i {shown} sound.wav`",
                kind.mime_type()
            )),
            _ => error,
        }
    })?;
    if sound.is_empty() {
        return Err(exit::usage(format!("{shown} holds no sound")));
    }
    let missing = wav::head(&bytes)?.map_or(Duration::ZERO, |head| head.missing(bytes.len()));
    if !missing.is_zero() {
        let missing = missing.as_secs_f64();
        engine::warn(&format!(
            "{shown} was cut off: {missing:.1} s of the sound that it tells of are missing"
        ));
    }
    Ok(sound.to_pcm())
}

/// Whether what is heard goes to stdout.
pub(super) fn is_stdout(talk: &Talk) -> bool {
    talk.wav_out.as_deref().is_some_and(|file| file == "-")
}

/// A place for what is heard, which can be written: that is known before anything is said.
pub(super) enum Written {
    Stdout,
    File {
        path: PathBuf,
        file: Anew,
        /// It was made for this, and nothing is in it.
        is_new: bool,
    },
}

impl Written {
    pub(super) fn of(talk: &Talk) -> Result<Option<Self>, Error> {
        let Some(path) = talk.wav_out.clone() else { return Ok(None) };
        if !is_stdout(talk) {
            let is_new = !path.exists();
            return Ok(Some(Self::File { file: Anew::open(&path)?, path, is_new }));
        }
        if talk.json {
            return Err(exit::usage("--json and --wav-out - both want stdout")
                .hint("give --wav-out the name of a file"));
        }
        if std::io::stdout().is_terminal() {
            return Err(exit::usage("--wav-out - writes a WAV file to stdout, which is a terminal")
                .hint("pipe it on, or give --wav-out the name of a file")
                .hint("`--speaker` plays what is heard"));
        }
        Ok(Some(Self::Stdout))
    }

    pub(super) fn write(mut self, heard: &Pcm, rate: u32) -> Result<(), Error> {
        let wav = Sound::from_pcm(heard)?.converted(Shape::new(rate, 1)?)?.to_wav(Encoding::S16);
        match &mut self {
            Self::Stdout => {
                let mut to = std::io::stdout().lock();
                to.write_all(&wav)
                    .and_then(|()| to.flush())
                    .map_err(|error| unwritten(Path::new("stdout"), &error))
            }
            Self::File { path, file, is_new } => {
                *is_new = false;
                file.write_all(&wav).map_err(|error| unwritten(path, &error))
            }
        }
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Self::File { path, is_new: true, .. } = self {
            // What is not gone is an empty file.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A file that is written anew. What is in it stays until there is something else.
pub(super) struct Anew {
    file: File,
    begun: bool,
}

impl Anew {
    fn open(file: &Path) -> Result<Self, Error> {
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(file);
        Ok(Self { file: opened.map_err(|error| unwritten(file, &error))?, begun: false })
    }
}

impl Write for Anew {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if !std::mem::replace(&mut self.begun, true) && self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

pub(super) fn recorder(file: &Path) -> Result<Arc<Recorder>, Error> {
    Ok(Arc::new(Recorder::new(BufWriter::new(Anew::open(file)?))))
}

/// No session was opened: where nothing was recorded and nothing was there before, no file is left.
pub(super) fn forget_recording(talk: &Talk, setup: &Setup) {
    let (Some(recorder), Some(file)) = (&setup.recorder, &talk.record) else { return };
    let is_empty = recorder.finish().is_ok_and(|frames| frames == 0)
        && std::fs::metadata(file).is_ok_and(|about| about.is_file() && about.len() == 0);
    if is_empty {
        // What is not gone is an empty file.
        let _ = std::fs::remove_file(file);
    }
}

/// Fails where a session is to be recorded that nothing can be recorded of: it is open by now.
pub(super) fn is_recorded(talk: &Talk, setup: &Setup, card: &ModelCard) -> Result<(), Error> {
    let (Some(recorder), Some(file)) = (&setup.recorder, &talk.record) else { return Ok(()) };
    if recorder.finish().is_ok_and(|frames| frames == 0) {
        forget_recording(talk, setup);
        let shown = file.display();
        return Err(exit::usage(format!(
            "{shown} would stay empty: no session of `{}` can be recorded",
            card.id
        ))
        .hint("only live models of hosted APIs have a session that goes over the network"));
    }
    Ok(())
}

/// What was recorded is written, or it is told why not.
pub(super) fn recorded(talk: &Talk, setup: &Setup) -> Result<(), Error> {
    let (Some(recorder), Some(file)) = (&setup.recorder, &talk.record) else { return Ok(()) };
    recorder.finish().map(drop).map_err(|error| unwritten(file, &error))
}
