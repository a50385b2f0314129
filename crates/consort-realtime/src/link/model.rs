//! A live model: a format, and how to connect.
use super::again::too_slow;
use super::channel::Connect;
use super::drive::{Drive, Unopened};
use super::inputs::Inputs;
use super::memory::Memory;
use crate::wire::LiveWire;
use consort_core::{
    BoxFuture, Cancel, CloseReason, Context, Error, ErrorKind, ModelCard, RealtimeModel, RealtimeSession,
    SessionConfig,
};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a session may take to open, where the caller sets no deadline.
const OPENING: Duration = Duration::from_secs(30);

type MakeWire = dyn Fn(SessionConfig) -> Result<Box<dyn LiveWire>, Error> + Send + Sync;

/// A live model that is reached over some connection, in some format. Its sessions run on the runtime of tokio that opens them.
pub struct WireModel {
    card: ModelCard,
    connect: Arc<dyn Connect>,
    wire: Box<MakeWire>,
}

impl WireModel {
    pub fn new(
        card: ModelCard,
        connect: Arc<dyn Connect>,
        wire: impl Fn(SessionConfig) -> Result<Box<dyn LiveWire>, Error> + Send + Sync + 'static,
    ) -> Self {
        Self { card, connect, wire: Box::new(wire) }
    }

    async fn open(&self, config: SessionConfig, context: Context) -> Result<RealtimeSession, Error> {
        let limit = context.remaining().unwrap_or(OPENING);
        let memory = Memory::new(config.messages.clone(), config.at_once);
        let wire = (self.wire)(config)?;
        let (session, inputs, say) = RealtimeSession::pair();
        let mut inputs = Inputs::new(inputs);
        // The deadline and the cancellation are for the opening alone.
        let lasting = Context { deadline: None, cancel: Cancel::default(), ..context.clone() };
        let mut drive = Drive::new(wire, self.connect.clone(), lasting, say.clone(), memory);
        let (clock, cancel) = (context.clock.clone(), context.cancel.clone());
        let opened = tokio::select! {
            opened = drive.open(context, &mut inputs) => opened,
            () = clock.sleep(limit) => Err(Unopened::Again(too_slow(limit))),
            () = cancel.cancelled() => Err(Unopened::Again(Error::cancelled())),
        };
        let line = match opened {
            Ok(line) => line,
            Err(Unopened::Again(error) | Unopened::Over(CloseReason::Failed { error })) => {
                return Err(error.provider(&self.card.provider));
            }
            Err(Unopened::Over(CloseReason::Ended { message })) => {
                let message = format!("the session was ended as it opened: {message}");
                return Err(Error::new(ErrorKind::Interrupted, message).provider(&self.card.provider));
            }
            Err(Unopened::Over(CloseReason::Asked)) => return Err(Error::cancelled()),
        };
        tokio::spawn(async move {
            let reason = drive.hold(line, &mut inputs).await;
            say.close(reason);
        });
        Ok(session)
    }
}

impl RealtimeModel for WireModel {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn connect(
        &self,
        config: SessionConfig,
        context: Context,
    ) -> BoxFuture<'_, Result<RealtimeSession, Error>> {
        Box::pin(self.open(config, context))
    }
}

impl fmt::Debug for WireModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WireModel").field(&self.card.id).finish()
    }
}
