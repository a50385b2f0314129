//! Voices that are programs on this machine: one process for each clause, held like a plugin's.
use super::hosted::SoundReader;
use super::{Speech, Synthesiser, Tell, told};
use crate::audio::{Encoding, Format, Shape};
use consort_core::{BoxStream, Context, Error, ErrorKind, Pcm};
use consort_process::{Launch, Limits, LogRing, describe, keep_log};
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long a process that has said everything may take to end.
const END: Duration = Duration::from_secs(2);
const PIECE: usize = 16 << 10;

/// A program that reads a text and writes sound.
#[derive(Debug, Clone)]
pub struct CommandVoice {
    id: String,
    program: PathBuf,
    arguments: Vec<OsString>,
    /// What the name of a voice follows, where it may be chosen.
    voice_flag: Option<&'static str>,
    raw: Format,
    folder: PathBuf,
    /// How one gets it.
    hint: &'static str,
}

impl CommandVoice {
    pub const ESPEAK: &str = "espeak-ng";
    pub const PIPER: &str = "piper";

    /// eSpeak NG, which is small and speaks more than a hundred languages. It works in this folder.
    pub fn espeak(folder: &Path) -> Self {
        Self {
            id: Self::ESPEAK.into(),
            program: Self::ESPEAK.into(),
            arguments: ["--stdin", "--stdout"].map(OsString::from).to_vec(),
            voice_flag: Some("-v"),
            raw: Format::new(Encoding::S16, Shape::MONO_24K),
            folder: folder.to_owned(),
            hint: "install it, for instance with `apt install espeak-ng` or `brew install espeak-ng`",
        }
    }

    /// Piper with a voice from a file `NAME.onnx`, beside which `NAME.onnx.json` says its rate.
    pub fn piper(model: &Path, folder: &Path) -> Result<Self, Error> {
        let described = PathBuf::from(format!("{}.json", model.display()));
        let unread = |why: String| {
            let message = format!("the piper voice {} cannot be used: {why}", model.display());
            Error::new(ErrorKind::Setup, message).hint("a voice is two files, NAME.onnx and NAME.onnx.json")
        };
        let text = std::fs::read_to_string(&described).map_err(|error| unread(error.to_string()))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| unread(error.to_string()))?;
        let rate = value["audio"]["sample_rate"].as_u64().and_then(|rate| u32::try_from(rate).ok());
        let rate = rate.ok_or_else(|| unread("its description says no sample rate".into()))?;
        Ok(Self {
            id: format!("{}/{}", Self::PIPER, model.display()),
            program: Self::PIPER.into(),
            arguments: vec!["--model".into(), model.into(), "--output_raw".into()],
            voice_flag: None,
            raw: Format::new(Encoding::S16, Shape::new(rate, 1)?),
            folder: folder.to_owned(),
            hint: "install it, for instance with `pipx install piper-tts`",
        })
    }

    fn launch(&self, voice: Option<&str>) -> Result<Launch, Error> {
        let mut arguments = self.arguments.clone();
        if let (Some(flag), Some(voice)) = (self.voice_flag, voice) {
            // Whoever asks for a session may name the voice: it must be a name, and neither a flag nor a file.
            if voice.starts_with('-') || !voice.chars().all(|c| c.is_alphanumeric() || "-_+".contains(c)) {
                let message = format!("`{voice}` is no name of a voice of {}", self.id);
                return Err(Error::new(ErrorKind::InvalidRequest, message).hint("such as `en-us` or `de+f3`"));
            }
            arguments.extend([flag.into(), voice.into()]);
        }
        let env =
            ["PATH", "HOME"].into_iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
        let (program, folder) = (self.program.clone(), self.folder.clone());
        Ok(Launch { program, arguments, env: env.collect(), folder, limits: Limits::default() })
    }

    async fn run(&self, speech: &Speech, tell: &Tell<Result<Pcm, Error>>) -> Result<(), Error> {
        let launch = self.launch(speech.voice.as_deref())?;
        let mut started = launch.start().await.map_err(|error| {
            let message = format!("{} cannot be started: {error}", self.program.display());
            Error::new(ErrorKind::Setup, message).hint(self.hint)
        })?;
        let (input, output) = (started.child.stdin.take(), started.child.stdout.take());
        let (Some(mut input), Some(mut output)) = (input, output) else {
            return Err(Error::new(ErrorKind::Server, format!("{} has no pipes", self.id)));
        };
        let log = Arc::new(LogRing::default());
        let logging = started.child.stderr.take().map(|stderr| tokio::spawn(keep_log(stderr, log.clone())));
        let text = format!("{}\n", speech.text.replace(['\n', '\r'], " "));
        let writing = async move {
            // One that does not read says so by its end.
            let _ = input.write_all(text.as_bytes()).await;
            drop(input);
        };
        let reading = async {
            let (mut reader, mut piece) = (SoundReader::new(self.raw), vec![0; PIECE]);
            loop {
                let count = output.read(&mut piece).await.unwrap_or(0);
                if count == 0 {
                    return Ok::<bool, Error>(reader.has_begun());
                }
                let pcm = reader.push(&piece[..count], "")?;
                tell.item(Ok(pcm));
            }
        };
        let ((), spoke) = tokio::join!(writing, reading);
        let status = tokio::time::timeout(END, started.child.wait()).await;
        if let Some(logging) = logging {
            let _ = tokio::time::timeout(END, logging).await;
        }
        match status {
            Ok(Ok(status)) if status.success() && spoke? => Ok(()),
            Ok(Ok(status)) => Err(self.failed(&describe(status), &log)),
            _ => Err(self.failed("did not end", &log)),
        }
    }

    fn failed(&self, how: &str, log: &LogRing) -> Error {
        let said = log.last().map(|line| format!(": {}", line.trim())).unwrap_or_default();
        Error::new(ErrorKind::Server, format!("{} {how} and has not said everything{said}", self.id))
    }
}

impl Synthesiser for CommandVoice {
    fn id(&self) -> &str {
        &self.id
    }

    fn speak(&self, speech: Speech, _: Context) -> BoxStream<'static, Result<Pcm, Error>> {
        let voice = self.clone();
        told(|tell| async move {
            if let Err(error) = voice.run(&speech, &tell).await {
                tell.item(Err(error));
            }
        })
    }
}
