//! Hosted models that hear or speak: a file of sound to words, a text to sound.
use crate::catalogue::quirks;
use crate::transport::{Answer, Body, Endpoint};
use bytes::Bytes;
use consort_core::{Context, Error, ModelCard};
use consort_wire::{ResponseHead, WireRequest, speech_request, transcription_request};
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;

/// A model of a hosted API, or of a server on this machine, that hears or speaks.
#[derive(Clone)]
pub struct HostedAudio {
    card: ModelCard,
    endpoint: Arc<Endpoint>,
}

/// What it answers, as it comes.
pub struct AudioAnswer {
    pub head: ResponseHead,
    body: Body,
    endpoint: Arc<Endpoint>,
}

impl HostedAudio {
    pub(crate) fn new(card: ModelCard, endpoint: Arc<Endpoint>) -> Self {
        Self { card, endpoint }
    }

    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Whether its provider's file says that it is a server on this machine.
    pub fn is_local(&self) -> bool {
        self.endpoint.spec().local.is_some()
    }

    /// Asks for the words of a WAV file. [`WordsReader`](consort_wire::WordsReader) reads the answer.
    pub async fn transcribe(
        &self,
        wav: &[u8],
        language: Option<&str>,
        context: &Context,
    ) -> Result<AudioAnswer, Error> {
        let quirks = quirks(self.endpoint.spec(), &self.card.name);
        self.ask(transcription_request(&self.card.name, wav, language, &quirks), context).await
    }

    /// Asks for a text as sound: 16-bit samples at 24 kHz, or a WAV file.
    pub async fn speak(
        &self,
        text: &str,
        voice: Option<&str>,
        context: &Context,
    ) -> Result<AudioAnswer, Error> {
        let quirks = quirks(self.endpoint.spec(), &self.card.name);
        self.ask(speech_request(&self.card.name, text, voice, &quirks), context).await
    }

    async fn ask(&self, request: WireRequest, context: &Context) -> Result<AudioAnswer, Error> {
        let Answer { head, body } = self.endpoint.send(request, context).await?;
        if head.status < 400 {
            return Ok(AudioAnswer { head, body, endpoint: self.endpoint.clone() });
        }
        let mask = body.mask.clone();
        let (head, body) =
            Answer { head, body }.whole().await.map_err(|error| self.endpoint.complete(error))?;
        Err(self.endpoint.complete(mask.error(consort_wire::read_error(&head, &body))))
    }
}

impl AudioAnswer {
    /// The next bytes.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        let next = poll_fn(|cx| self.body.poll(cx)).await?;
        self.body.began();
        Some(next.map_err(|error| self.complete(error)))
    }

    /// Names the provider on an error in what came.
    pub fn complete(&self, error: Error) -> Error {
        self.endpoint.complete(self.body.mask.error(error))
    }
}

impl fmt::Debug for HostedAudio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostedAudio").field(&self.card.id).finish()
    }
}

impl fmt::Debug for AudioAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AudioAnswer").field("status", &self.head.status).finish_non_exhaustive()
    }
}
