//! The scripted parts of a cascade: they take exactly their times.
use consort_core::{
    BoxStream, Context, Delta, Error, Event, EventStream, FinishReason, Model, ModelCard, NoCredentials,
    PartKey, PartKind, Pcm, RealtimeModel, RealtimeSession, Request, SessionConfig,
};
use consort_providers::TokioClock;
use consort_realtime::audio::{Shape, Sound};
use consort_realtime::cascade::{Cascade, CascadeSettings};
use consort_realtime::voices::{Heard, Hearing, Recogniser, Speech, Synthesiser, told};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

/// So much of it ends a turn.
pub(crate) const SILENCE: Duration = Duration::from_millis(500);
const HEARING: Duration = Duration::from_millis(150);
const THINKING: Duration = Duration::from_millis(200);
const SPEAKING: Duration = Duration::from_millis(100);
/// What each answer takes by itself.
pub(crate) const SCRIPTED: [Duration; 3] = [HEARING, THINKING, SPEAKING];

/// Ears that understand a turn so long after it is over.
#[derive(Debug)]
struct Ears;

impl Recogniser for Ears {
    fn id(&self) -> &'static str {
        "scripted"
    }
    fn hear(
        &self,
        mut sound: BoxStream<'static, Pcm>,
        _: Hearing,
        context: Context,
    ) -> BoxStream<'static, Result<Heard, Error>> {
        told(|tell| async move {
            while poll_fn(|cx| sound.as_mut().poll_next(cx)).await.is_some() {}
            context.clock.sleep(HEARING).await;
            tell.item(Ok(Heard::Final("what is there to say".into())));
        })
    }
}

/// A voice whose first sound takes its time; the rest comes twice as fast as it sounds, or all at once; 60 ms for each letter.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mouth {
    TwiceAsFast,
    AtOnce,
}

const PIECE: Duration = Duration::from_millis(100);
const LETTER: Duration = Duration::from_millis(60);

impl Synthesiser for Mouth {
    fn id(&self) -> &'static str {
        "scripted"
    }
    fn speak(&self, speech: Speech, context: Context) -> BoxStream<'static, Result<Pcm, Error>> {
        let pause = match self {
            Self::TwiceAsFast => PIECE / 2,
            Self::AtOnce => Duration::ZERO,
        };
        told(|tell| async move {
            let piece = Sound::tone(Shape::MONO_24K, 330.0, 0.3, PIECE).to_pcm();
            let pieces = (LETTER * speech.text.len() as u32).as_millis() / PIECE.as_millis() + 1;
            context.clock.sleep(SPEAKING).await;
            for _ in 0..pieces {
                tell.item(Ok(piece.clone()));
                if !pause.is_zero() {
                    context.clock.sleep(pause).await;
                }
            }
        })
    }
}

/// A model whose first word takes its time.
struct Mind(ModelCard, String);

impl Model for Mind {
    fn card(&self) -> &ModelCard {
        &self.0
    }
    fn stream(&self, _: Arc<Request>, context: Context) -> EventStream {
        let text = self.1.clone();
        told(move |tell| async move {
            context.clock.sleep(THINKING).await;
            let part = PartKey(0);
            tell.item(Ok(Event::PartStart { part, choice: 0, kind: PartKind::Text }));
            tell.item(Ok(Event::PartDelta { part, delta: Delta::Text(text) }));
            tell.item(Ok(Event::PartEnd { part }));
            tell.item(Ok(Event::Finished(FinishReason::Stop.into())));
        })
    }
}

pub(crate) fn settings() -> CascadeSettings {
    CascadeSettings { silence: SILENCE, ..CascadeSettings::default() }
}

pub(crate) fn cascade(mouth: Mouth, answer: &str, eager: Option<Duration>) -> Cascade {
    let mind = Mind(ModelCard::new("bench", "mind"), answer.to_owned());
    let settings = CascadeSettings { eager, ..settings() };
    Cascade::new(Arc::new(mind), Arc::new(Ears), Arc::new(mouth)).settings(settings)
}

pub(crate) async fn open(cascade: &Cascade) -> RealtimeSession {
    let context = Context::new(Arc::new(TokioClock), Arc::new(NoCredentials));
    cascade.connect(SessionConfig::default(), context).await.unwrap()
}
