//! A live model made of three: ears, any chat model, and a voice.
//!
//! ```text
//!  sound ─► Ears (who speaks, turns) ─► Recogniser ─► words ─┐
//!                                                            ▼
//!  sound ◄─ Mouth (in order, overlapping) ◄─ Clauses ◄─ the chat model, with the conversation as it was heard
//! ```
//!
//! Silence ends a turn. The chat model is asked a little before that, and what it says is held back until the turn is over
//! and its words are the same. What it says is cut into clauses, which become sound while it goes on. Speech that is long
//! enough, or more than a "mhm", interrupts; what was heard up to there is what the conversation holds, and where nothing
//! was said after all, the answer goes on. What fails is told, and the session goes on.
//!
//! A session needs no runtime: it works while its events are asked for, in the time of its context's clock.
mod answer;
mod backchannel;
mod clauses;
mod ears;
mod history;
mod mouth;
mod record;
mod session;
mod settings;
mod timer;

pub use settings::{CascadeLimits, CascadeSettings};

use crate::voices::{Recogniser, Synthesiser};
use consort_core::{
    BoxFuture, Capabilities, Context, Error, Modality, Model, ModelCard, ModelKind, RealtimeModel,
    RealtimeSession, SessionConfig, Support,
};
use session::Session;
use std::fmt;
use std::sync::Arc;

/// A chat model that listens and speaks.
///
/// ```
/// use consort_core::{Context, RealtimeModel, SessionConfig, SessionEvent, SessionInput};
/// use consort_providers::DemoProvider;
/// use consort_realtime::{cascade::Cascade, voices::TestVoice};
/// use std::sync::Arc;
///
/// # pollster::block_on(async {
/// let demo = consort_core::Host::new().provider(DemoProvider::new()).find("demo").await?;
/// let voice = Cascade::new(demo, Arc::new(TestVoice), Arc::new(TestVoice));
/// let mut session = voice.connect(SessionConfig::default(), Context::default()).await?;
/// session.sink.send(SessionInput::text("Hello!")).await?;
/// session.sink.close();
/// let mut sound = std::time::Duration::ZERO;
/// while let Some(event) = session.events.next().await {
///     if let SessionEvent::Audio { pcm, .. } = event {
///         sound += pcm.duration();
///     }
/// }
/// assert!(!sound.is_zero());
/// # Ok::<(), consort_core::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Cascade {
    card: ModelCard,
    model: Arc<dyn Model>,
    ears: Arc<dyn Recogniser>,
    voice: Arc<dyn Synthesiser>,
    settings: Arc<CascadeSettings>,
}

/// The provider of cascades that have a name.
pub const PROVIDER: &str = "voice";

/// Why a turn in which nothing was understood gets no answer.
pub(crate) const UNHEARD: &str = "unheard";

impl Cascade {
    /// Its name is that of the chat model.
    pub fn new(model: Arc<dyn Model>, ears: Arc<dyn Recogniser>, voice: Arc<dyn Synthesiser>) -> Self {
        let card = card(model.card(), ears.as_ref(), voice.as_ref());
        Self { card, model, ears, voice, settings: Arc::default() }
    }

    /// With a name of its own: `voice/NAME`.
    pub fn named(mut self, name: &str) -> Self {
        (self.card.id, self.card.name) = (format!("{PROVIDER}/{name}"), name.to_owned());
        PROVIDER.clone_into(&mut self.card.provider);
        self
    }

    /// How long it waits, and how much it takes.
    pub fn limits(&self) -> CascadeLimits {
        self.settings.limits
    }

    pub fn settings(mut self, settings: CascadeSettings) -> Self {
        self.settings = Arc::new(settings);
        self
    }
}

fn card(model: &ModelCard, ears: &dyn Recogniser, voice: &dyn Synthesiser) -> ModelCard {
    let mut card = model.clone();
    card.title = Some(format!("{}, heard by {} and spoken by {}", model.id, ears.id(), voice.id()));
    card.kind = ModelKind::Realtime;
    card.aliases.clear();
    let mut input = vec![Modality::Text, Modality::Audio];
    if model.capabilities.reads(Modality::Image) != Support::No {
        input.extend([Modality::Image, Modality::Video]);
    }
    card.capabilities = Capabilities {
        input: Some(input),
        output: vec![Modality::Audio],
        schema: Support::No,
        ..card.capabilities
    };
    card
}

impl RealtimeModel for Cascade {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn connect(
        &self,
        config: SessionConfig,
        context: Context,
    ) -> BoxFuture<'_, Result<RealtimeSession, Error>> {
        let session = Session::new(self, config, context);
        Box::pin(std::future::ready(Ok(RealtimeSession::driven(|inputs, say| session.hold(inputs, say)))))
    }
}

impl fmt::Debug for Cascade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cascade")
            .field("id", &self.card.id)
            .field("ears", &self.ears)
            .field("voice", &self.voice)
            .finish_non_exhaustive()
    }
}
