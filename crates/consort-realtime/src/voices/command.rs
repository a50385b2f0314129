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
/// How long it may say nothing, which is the most that `speaking_s` allows: whoever waits for less drops what it says, and so
/// ends it.
const SILENT: Duration = Duration::from_hours(1);
const PIECE: usize = 16 << 10;
const GET_ESPEAK: &str = "install it, for instance with `apt install espeak-ng` or `brew install espeak-ng`";
const GET_PIPER: &str = "install it, for instance with `pipx install piper-tts`";

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
    /// One that hangs for so long is ended.
    silent: Duration,
}

impl CommandVoice {
    pub const ESPEAK: &str = "espeak-ng";
    pub const PIPER: &str = "piper";

    /// Whether a program of this name is on this machine.
    pub fn is_installed(program: &str) -> bool {
        let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(&file).is_file())
    }

    /// How one gets a program that speaks.
    pub fn how_to_get(program: &str) -> Option<&'static str> {
        match program {
            Self::ESPEAK => Some(GET_ESPEAK),
            Self::PIPER => Some(GET_PIPER),
            _ => None,
        }
    }

    /// eSpeak NG, which is small and speaks more than a hundred languages. It works in this folder.
    pub fn espeak(folder: &Path) -> Self {
        Self {
            id: Self::ESPEAK.into(),
            program: Self::ESPEAK.into(),
            arguments: ["--stdin", "--stdout"].map(OsString::from).to_vec(),
            voice_flag: Some("-v"),
            raw: Format::new(Encoding::S16, Shape::MONO_24K),
            folder: folder.to_owned(),
            hint: GET_ESPEAK,
            silent: SILENT,
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
            hint: GET_PIPER,
            silent: SILENT,
        })
    }

    fn launch(&self, speech: &Speech) -> Result<Launch, Error> {
        let mut arguments = self.arguments.clone();
        // The usual voice of a language is named as the language is.
        let language = speech.language.as_ref().map(|language| language.replace('_', "-"));
        if let (Some(flag), Some(voice)) = (self.voice_flag, speech.voice.as_ref().or(language.as_ref())) {
            // Whoever asks for a session may name the voice: it must be a name, and neither a flag nor a file.
            if voice.starts_with('-') || !voice.chars().all(|c| c.is_alphanumeric() || "-_+".contains(c)) {
                let message = format!("`{voice}` is no name of a voice of {}", self.id);
                return Err(Error::new(ErrorKind::InvalidRequest, message).hint("such as `en-us` or `de+f3`"));
            }
            arguments.extend([flag.into(), OsString::from(voice)]);
        }
        let env =
            ["PATH", "HOME"].into_iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
        let (program, folder) = (self.program.clone(), self.folder.clone());
        Ok(Launch { program, arguments, env: env.collect(), folder, limits: Limits::default() })
    }

    async fn run(&self, speech: &Speech, tell: &Tell<Result<Pcm, Error>>) -> Result<(), Error> {
        let launch = self.launch(speech)?;
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
            std::future::pending::<()>().await;
        };
        let reading = async {
            let (mut reader, mut piece) = (SoundReader::new(self.raw), vec![0; PIECE]);
            loop {
                let read = tokio::time::timeout(self.silent, output.read(&mut piece)).await;
                let silent = |_| self.failed(&format!("was silent for {} s", self.silent.as_secs()), &log);
                let count = read.map_err(silent)?.map_err(|error| {
                    Error::new(ErrorKind::Server, format!("what {} says cannot be read: {error}", self.id))
                })?;
                if count == 0 {
                    return Ok::<bool, Error>(reader.has_begun());
                }
                let pcm = reader.push(&piece[..count], "")?;
                tell.item(Ok(pcm));
            }
        };
        // What it says is what counts: where that ends, or cannot be read, nobody waits for it to read the rest.
        let spoke = tokio::select! {
            spoke = reading => spoke?,
            () = writing => false,
        };
        let status = tokio::time::timeout(END, started.child.wait()).await;
        if let Some(logging) = logging {
            let _ = tokio::time::timeout(END, logging).await;
        }
        match status {
            Ok(Ok(status)) if status.success() && spoke => Ok(()),
            Ok(Ok(status)) => {
                Err(self.no_voice(speech, &log).unwrap_or_else(|| self.failed(&describe(status), &log)))
            }
            _ => Err(self.failed("did not end", &log)),
        }
    }

    /// Where it says so, it has no voice of the name that was asked for.
    fn no_voice(&self, speech: &Speech, log: &LogRing) -> Option<Error> {
        let asked = speech.voice.as_ref().or(speech.language.as_ref())?;
        log.last().filter(|line| line.contains("voice does not exist"))?;
        let error = Error::new(ErrorKind::InvalidRequest, format!("{} has no voice `{asked}`", self.id));
        Some(
            error
                .hint(format!("`{} --voices` lists those that there are, such as `en-us` or `de`", self.id))
                .hint("`speaker` in consort.toml names one, below [voice] or [voices.NAME]; `--voice` of a talk another"),
        )
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

    fn voices(&self) -> Option<Vec<String>> {
        // What has no flag for it has the voice of its file. The other's are hundreds: it says itself which it has not.
        self.voice_flag.is_none().then(Vec::new)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[tokio::test]
    async fn a_voice_that_it_has_not_is_told_by_its_name() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("mute");
        let text = "#!/bin/sh\necho 'Error: The specified espeak-ng voice does not exist.' >&2\nexit 1\n";
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let voice = CommandVoice { program, ..CommandVoice::espeak(folder.path()) };
        let mut speech = Speech { text: "Hello.".into(), voice: Some("alloy".into()), ..Speech::default() };
        let mut told = voice.speak(speech.clone(), Context::default());
        let error = std::future::poll_fn(|cx| told.as_mut().poll_next(cx)).await.unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::InvalidRequest, "espeak-ng has no voice `alloy`")
        );
        assert!(error.hints()[0].contains("espeak-ng --voices"), "{error:?}");
        // Where none was asked for, it is what it says.
        speech.voice = None;
        let mut told = voice.speak(speech, Context::default());
        let error = std::future::poll_fn(|cx| told.as_mut().poll_next(cx)).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_cannot_be_read_is_told_of_a_program_that_does_not_end_too() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("packed");
        std::fs::write(&program, "#!/bin/sh\nprintf 'OggS and more'\nexec sleep 60\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let voice = CommandVoice { program, ..CommandVoice::espeak(folder.path()) };
        let begun = std::time::Instant::now();
        let mut told = voice.speak(Speech { text: "Hello.".into(), ..Speech::default() }, Context::default());
        let error = std::future::poll_fn(|cx| told.as_mut().poll_next(cx)).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        assert!(begun.elapsed() < Duration::from_secs(20), "it is not waited for");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_that_does_not_read_ends_its_clause_where_it_fails_or_closes() {
        let text = "word ".repeat(100_000);
        for (script, says) in [
            ("printf 'OggS and more'\nexec sleep 60\n", "is not read here"),
            ("exec sleep 60 >&-\n", "did not end"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let begun = std::time::Instant::now();
            let error = said_by(&folder, script, &text).await;
            assert!(error.message().contains(says), "{error:?}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{script}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_that_neither_reads_nor_speaks_nor_ends_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let begun = std::time::Instant::now();
        let script = "echo $$ > ./its.id; echo 'waiting for a card' >&2; exec sleep 600\n";
        let error = said_by(&folder, script, &"word ".repeat(100_000)).await;
        assert_eq!(
            error.message(),
            "espeak-ng was silent for 3 s and has not said everything: waiting for a card"
        );
        assert!(begun.elapsed() < Duration::from_secs(20));
        let id = std::fs::read_to_string(folder.path().join("its.id")).unwrap();
        let begun = std::time::Instant::now();
        while Path::new("/proc").join(id.trim()).join("exe").exists() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it still runs");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Why a program, which is this script, does not say the text.
    #[cfg(unix)]
    async fn said_by(folder: &tempfile::TempDir, script: &str, text: &str) -> Error {
        use std::os::unix::fs::PermissionsExt;
        let program = folder.path().join("voice");
        std::fs::write(&program, format!("#!/bin/sh\n{script}")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let silent = Duration::from_secs(3);
        let voice = CommandVoice { program, silent, ..CommandVoice::espeak(folder.path()) };
        let mut told = voice.speak(Speech { text: text.into(), ..Speech::default() }, Context::default());
        loop {
            let next = std::future::poll_fn(|cx| told.as_mut().poll_next(cx)).await;
            match next.expect("it fails") {
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    }

    #[test]
    fn a_language_has_its_voice_where_none_is_named() {
        let voice = |voice: Option<&str>, language: Option<&str>| {
            let (voice, language) = (voice.map(str::to_owned), language.map(str::to_owned));
            let speech = Speech { voice, language, ..Speech::default() };
            let launch = CommandVoice::espeak(Path::new("/")).launch(&speech);
            launch.map(|launch| launch.arguments[2..].join(" ".as_ref()).into_string().unwrap())
        };
        assert_eq!(voice(None, None).unwrap(), "");
        assert_eq!(voice(None, Some("de")).unwrap(), "-v de");
        assert_eq!(voice(None, Some("pt_BR")).unwrap(), "-v pt-BR");
        assert_eq!(voice(Some("en-gb"), Some("de")).unwrap(), "-v en-gb");
        assert!(voice(None, Some("../x")).is_err() && voice(None, Some("--help")).is_err());
    }
}
