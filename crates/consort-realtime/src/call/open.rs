//! How a call opens: what the model is told of the conversation and by processors, and what is kept of it.
use super::keep::Keeper;
use super::knows::Knowledge;
use super::minutes::{About, Minutes};
use super::{Call, Pace};
use crate::audio::{Shape, Track, TrackSettings};
use consort_core::{
    Clock, Context, Error, ManualClock, Message, Modality, Processor, RealtimeModel, Request, SessionConfig,
    SessionEvent, SessionInput, estimate_tokens,
};
use consort_engine::{Budget, Counts, Tools, view};
use consort_store::{self as store, ConversationId, Store, TurnId};
use std::fmt;
use std::sync::Arc;

/// What is kept free of a model's window for what will be said.
const TALK: u64 = 4096;

/// How a call is held.
pub struct CallSetup {
    /// What the session starts from. Its tools and messages are the call's to fill in.
    pub config: SessionConfig,
    /// Its deadline and cancellation are for the opening. Its participant is who speaks, where nobody says otherwise.
    pub context: Context,
    pub tools: Tools,
    /// They are asked when the call opens and whenever a turn begins, and see all that is said and shown.
    pub processors: Vec<Arc<dyn Processor>>,
    /// Where the conversation is kept; nowhere where absent.
    pub keep: Option<Keep>,
    /// The model's window in tokens where its card knows none.
    pub window: Option<u64>,
    /// What is played.
    pub shape: Shape,
    pub pace: Pace,
}

/// The conversation that a call is part of.
#[derive(Clone)]
pub struct Keep {
    pub store: Arc<dyn Store>,
    pub conversation: ConversationId,
    /// The turn that the call goes on behind.
    pub tip: Option<TurnId>,
}

impl CallSetup {
    /// A call that is kept nowhere, in its time, with no tools.
    pub fn new(config: SessionConfig, context: Context) -> Self {
        Self {
            config,
            context,
            tools: Tools::default(),
            processors: Vec::new(),
            keep: None,
            window: None,
            shape: Shape::MONO_24K,
            pace: Pace::Time,
        }
    }
}

impl Call {
    /// Opens a session with a model, and holds it. It must be called within a tokio runtime.
    pub async fn open(model: &dyn RealtimeModel, setup: CallSetup) -> Result<Self, Error> {
        let CallSetup { mut config, context, tools, processors, keep, window, shape, pace } = setup;
        let card = model.card();
        config.tools.extend(tools.functions());
        config.output_rate.get_or_insert(shape.rate());
        config.at_once = pace == Pace::AtOnce;
        let said = config.instructions.clone();
        if let Some(keep) = &keep {
            config.messages = history(keep, card.limits.context.or(window), &config).await?;
        }
        let (knows, pictures, warnings) = Knowledge::open(processors, context.clone(), &mut config).await;
        let about = About {
            conversation: keep.as_ref().map_or_else(ConversationId::new, |keep| keep.conversation),
            tip: keep.as_ref().and_then(|keep| keep.tip),
            answer: store::Answer {
                model: card.id.clone(),
                instructions: said,
                options: config.options.clone(),
                tools: config.tools.clone(),
                key: context.key.clone(),
                ..store::Answer::default()
            },
            price: card.price.clone(),
            speaks: card.capabilities.output.contains(&Modality::Audio),
        };
        let session = model.connect(config, context.clone()).await?;
        for media in pictures {
            // The session's end is told by its last event.
            let _ = session.sink.push(SessionInput::Image { media });
        }
        let clock: Arc<dyn Clock> = match pace {
            // A clock that stands still plays as fast as it goes.
            Pace::AtOnce => Arc::new(ManualClock::default()),
            Pace::Time | Pace::Reported => context.clock.clone(),
        };
        let now = context.clock.now();
        let minutes = Minutes::new(about, context.participant.clone(), now);
        let keeper = keep.map(|keep| Keeper::start(keep.store, keep.conversation, context.key.clone()));
        let track = Track::new(TrackSettings::speaker(shape), clock);
        let context = Context { deadline: None, ..context };
        let mut call = Self::new(session, track, tools, knows, minutes, context, pace);
        call.keeper = keeper;
        for warning in warnings {
            call.tell(SessionEvent::warning("processor", warning));
        }
        Ok(call)
    }
}

/// What was said before, as far as it fits.
async fn history(keep: &Keep, window: Option<u64>, config: &SessionConfig) -> Result<Vec<Message>, Error> {
    let Some(tip) = keep.tip else { return Ok(Vec::new()) };
    let log = keep.store.path(tip).await?;
    let summaries = keep.store.summaries(keep.conversation).await.unwrap_or_default();
    let fixed = estimate_tokens(&Request::ask(&config.instructions)).tokens;
    let answer = window.map_or(TALK, |window| TALK.min(window / 2));
    let seen = view(&log, &Counts::guess(&log), &summaries, &Budget { window, answer, fixed })?;
    Ok(seen.messages)
}

impl fmt::Debug for CallSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallSetup")
            .field("tools", &self.tools)
            .field("shape", &self.shape)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keep")
            .field("conversation", &self.conversation)
            .field("tip", &self.tip)
            .finish_non_exhaustive()
    }
}
