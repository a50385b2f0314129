//! Ears and a voice for tests and first steps: texts as tones, and back, without a key, a network or a model.
use super::{Heard, Hearing, Recogniser, Speech, Synthesiser, told};
use crate::audio::{Shape, Sound, SpellingReader, VoiceSort};
use consort_core::{BoxStream, Context, Error, Pcm};
use std::future::poll_fn;
use std::time::Duration;

/// How long the pieces are that it speaks in.
const PIECE: Duration = Duration::from_millis(100);

/// Speaks in tones that spell the words, and reads such tones back. People do not understand it.
#[derive(Debug, Clone, Copy, Default)]
pub struct TestVoice;

impl TestVoice {
    pub const ID: &str = "test";
}

impl Recogniser for TestVoice {
    fn id(&self) -> &'static str {
        Self::ID
    }

    fn hear(
        &self,
        mut sound: BoxStream<'static, Pcm>,
        _: Hearing,
        _: Context,
    ) -> BoxStream<'static, Result<Heard, Error>> {
        told(|tell| async move {
            let (mut reader, mut all) = (SpellingReader::new(), Vec::new());
            while let Some(piece) = poll_fn(|cx| sound.as_mut().poll_next(cx)).await {
                match reader.push(&piece) {
                    Ok(words) if words.is_empty() => {}
                    Ok(words) => {
                        all.extend(words);
                        tell.item(Ok(Heard::Replacement(all.join(" "))));
                    }
                    Err(error) => return tell.item(Err(error)),
                }
            }
            all.extend(reader.finish());
            tell.item(Ok(Heard::Final(all.join(" "))));
        })
    }

    fn streams(&self) -> bool {
        true
    }

    fn sort(&self) -> VoiceSort {
        VoiceSort::Any
    }
}

impl Synthesiser for TestVoice {
    fn id(&self) -> &'static str {
        Self::ID
    }

    fn voices(&self) -> Option<Vec<String>> {
        Some(Vec::new())
    }

    fn speak(&self, speech: Speech, _: Context) -> BoxStream<'static, Result<Pcm, Error>> {
        told(move |tell| async move {
            let shape = speech.rate.and_then(|rate| Shape::new(rate, 1).ok()).unwrap_or(Shape::MONO_24K);
            let sound = Sound::spelled(&speech.text, shape).to_pcm();
            sound.pieces(PIECE).for_each(|piece| tell.item(Ok(piece)));
        })
    }
}
