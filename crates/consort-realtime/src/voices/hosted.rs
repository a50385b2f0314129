//! Ears and voices of hosted APIs, and of servers on this machine that speak as they do.
use super::{Heard, Hearing, Recogniser, Speech, Synthesiser, Tell, told};
use crate::audio::{Encoding, Format, Framer, Reader, Shape, Sound, wav};
use consort_core::{BoxStream, Context, Error, ErrorKind, Pcm};
use consort_providers::{AudioAnswer, HostedAudio};
use consort_wire::{Words, WordsReader};
use std::future::poll_fn;
use std::time::Duration;

/// What is sent, and what raw samples are that come.
const SENT: Shape = Shape::MONO_16K;
const RAW: Format = Format { encoding: Encoding::S16, shape: Shape::MONO_24K };
const FRAME: Duration = Duration::from_millis(20);

/// A hosted model as ears: it is sent a whole turn.
#[derive(Debug, Clone)]
pub struct HostedEars(pub HostedAudio);

/// A hosted model as a voice: its sound is told as it comes.
#[derive(Debug, Clone)]
pub struct HostedVoice(pub HostedAudio);

impl Recogniser for HostedEars {
    fn id(&self) -> &str {
        &self.0.card().id
    }

    fn hears_early(&self) -> bool {
        !self.0.is_local()
    }

    fn hear(
        &self,
        mut sound: BoxStream<'static, Pcm>,
        hearing: Hearing,
        context: Context,
    ) -> BoxStream<'static, Result<Heard, Error>> {
        let model = self.0.clone();
        told(|tell| async move {
            let (mut framer, mut whole) = (Framer::new(SENT, FRAME), Sound::empty(SENT));
            let mut append = |frame: &Pcm| whole.append(&Sound::from_pcm(frame)?);
            while let Some(piece) = poll_fn(|cx| sound.as_mut().poll_next(cx)).await {
                if let Err(error) = framer.push((), piece) {
                    return tell.item(Err(error));
                }
                while let Some((frame, _)) = framer.take() {
                    // A frame has the shape that it was made in.
                    let _ = append(&frame);
                }
            }
            while let Some((frame, _)) = framer.rest() {
                let _ = append(&frame);
            }
            let wav = whole.to_wav(Encoding::S16);
            match model.transcribe(&wav, hearing.language.as_deref(), &context).await {
                Ok(answer) => words(answer, &tell).await,
                Err(error) => tell.item(Err(error)),
            }
        })
    }
}

/// Tells the words of an answer.
async fn words(mut answer: AudioAnswer, tell: &Tell<Result<Heard, Error>>) {
    let mut reader = WordsReader::new(&answer.head);
    loop {
        let piece = answer.next().await;
        let is_end = piece.is_none();
        let words = match piece {
            Some(Ok(bytes)) => reader.feed(&bytes),
            Some(Err(error)) => Err(error),
            None => reader.end(),
        };
        match words {
            Ok(words) => words.into_iter().for_each(|words| {
                tell.item(Ok(match words {
                    Words::Delta(more) => Heard::Delta(more),
                    Words::Whole(all) => Heard::Final(all),
                }));
            }),
            Err(error) => return tell.item(Err(answer.complete(error))),
        }
        if is_end {
            return;
        }
    }
}

impl Synthesiser for HostedVoice {
    fn id(&self) -> &str {
        &self.0.card().id
    }

    fn speak(&self, speech: Speech, context: Context) -> BoxStream<'static, Result<Pcm, Error>> {
        let model = self.0.clone();
        told(|tell| async move {
            let mut answer = match model.speak(&speech.text, speech.voice.as_deref(), &context).await {
                Ok(answer) => answer,
                Err(error) => return tell.item(Err(error)),
            };
            let mut reader = SoundReader::new(RAW);
            let kind = answer.head.content_type().to_owned();
            while let Some(bytes) = answer.next().await {
                let sound = bytes.and_then(|bytes| reader.push(&bytes, &kind));
                match sound.map_err(|error| answer.complete(error)) {
                    Ok(pcm) if pcm.is_empty() => {}
                    Ok(pcm) => tell.item(Ok(pcm)),
                    Err(error) => return tell.item(Err(error)),
                }
            }
            if !reader.has_begun() {
                tell.item(Err(answer.complete(Error::protocol("the answer to a text holds no sound"))));
            }
        })
    }
}

/// Reads sound as it comes: raw samples, or a WAV file, which says so itself.
#[derive(Debug)]
pub(super) struct SoundReader {
    raw: Format,
    /// What came before it was known what it is.
    head: Vec<u8>,
    reader: Option<Reader>,
}

impl SoundReader {
    pub(super) fn new(raw: Format) -> Self {
        Self { raw, head: Vec::new(), reader: None }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.reader.is_some()
    }

    /// The sound that these bytes complete. `kind` is the type that was said, where one was.
    pub(super) fn push(&mut self, bytes: &[u8], kind: &str) -> Result<Pcm, Error> {
        if let Some(reader) = &mut self.reader {
            return Ok(reader.push(bytes).to_pcm());
        }
        self.head.extend_from_slice(bytes);
        let mark = &self.head[..self.head.len().min(4)];
        if mark.len() < 4 {
            return Ok(Sound::empty(self.raw.shape).to_pcm());
        }
        let (format, start) = if mark == b"RIFF" {
            let Some(head) = wav::head(&self.head)? else { return Ok(Sound::empty(self.raw.shape).to_pcm()) };
            (head.format, head.start)
        } else if is_packed(mark, kind) {
            let message = format!("the sound comes as `{kind}`, which is not read here");
            let hint = "let it come as `pcm` or `wav`: quirks = { body = { response_format = \"wav\" } } on the model";
            return Err(Error::new(ErrorKind::Unsupported, message).hint(hint));
        } else {
            (self.raw, 0)
        };
        let mut reader = Reader::new(format);
        let sound = reader.push(&self.head[start..]).to_pcm();
        (self.reader, self.head) = (Some(reader), Vec::new());
        Ok(sound)
    }
}

/// Whether it is compressed, or no sound at all.
fn is_packed(mark: &[u8], kind: &str) -> bool {
    const KINDS: [&str; 8] = [
        "audio/mpeg",
        "audio/mp3",
        "audio/ogg",
        "audio/opus",
        "audio/aac",
        "audio/flac",
        "text/",
        "application/json",
    ];
    matches!(mark, b"ID3\x03" | b"ID3\x04" | b"OggS" | b"fLaC")
        || KINDS.iter().any(|packed| kind.starts_with(packed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_samples_is_refused_and_not_kept_for_ever() {
        let mut file = b"RIFF\xff\xff\xff\xffWAVE".to_vec();
        file.extend((0..300_000).flat_map(|_| *b"note\x00\x00\x00\x00"));
        let mut reader = SoundReader::new(RAW);
        let read = file.chunks(16 << 10).map(|piece| reader.push(piece, "audio/wav"));
        let refused = read.collect::<Result<Vec<_>, _>>().unwrap_err();
        assert!(refused.message().contains("no samples"), "{refused:?}");
        assert!(reader.head.len() < 2 << 20, "{}", reader.head.len());
    }
}
