//! Live models: they listen and speak in one session, instead of answering a request.
mod config;
mod cuts;
mod event;
mod input;
mod model_end;
mod pcm;
mod queue;
mod session;

pub use config::{SessionConfig, SessionUpdate};
pub use event::{CloseReason, SessionEvent, Speaker, TranscriptMode};
pub use input::SessionInput;
pub use model_end::{SessionInputs, SessionTeller};
pub use pcm::{Pcm, unbase64};
pub use session::{RealtimeSession, SessionEvents, SessionSink};

use crate::{BoxFuture, Context, Error, ModelCard};

/// A model that listens and speaks in one session.
///
/// Its sessions take sound of any rate and number of channels, and say of each piece that they give what it has.
/// The tools of a session are called by [`SessionEvent::ToolCall`] and answered by [`SessionInput::ToolResult`]: the
/// context's `tools` have no part in it.
///
/// ```
/// use consort_core::{
///     BoxFuture, CloseReason, Context, Error, ModelCard, RealtimeModel, RealtimeSession, SessionConfig, SessionEvent,
///     SessionInput,
/// };
///
/// /// Says back the sound that it hears.
/// struct Echo(ModelCard);
///
/// impl RealtimeModel for Echo {
///     fn card(&self) -> &ModelCard {
///         &self.0
///     }
///     fn connect(&self, _: SessionConfig, _: Context) -> BoxFuture<'_, Result<RealtimeSession, Error>> {
///         Box::pin(async {
///             Ok(RealtimeSession::driven(|mut inputs, say| async move {
///                 say.send(SessionEvent::connected()).await;
///                 while let Some(input) = inputs.next().await {
///                     if let SessionInput::Audio(pcm) = input {
///                         say.send(SessionEvent::audio("1", pcm)).await;
///                     }
///                 }
///                 CloseReason::Asked
///             }))
///         })
///     }
/// }
///
/// # pollster::block_on(async {
/// let echo = Echo(ModelCard::new("zoo", "echo"));
/// let mut session = echo.connect(SessionConfig::default(), Context::default()).await?;
/// session.sink.send(SessionInput::Audio(consort_core::Pcm::mono(vec![1, 2, 3], 8000))).await?;
/// session.sink.close();
/// let mut kinds = Vec::new();
/// while let Some(event) = session.events.next().await {
///     kinds.push(event.kind());
/// }
/// assert_eq!(kinds, ["connected", "audio", "closed"]);
/// # Ok::<(), consort_core::Error>(()) }).unwrap();
/// ```
pub trait RealtimeModel: Send + Sync {
    fn card(&self) -> &ModelCard;

    /// Opens a session; done when it can be talked to. Dropping the future, or the context's `cancel`, gives it up.
    ///
    /// The context's deadline and cancellation are for the opening alone: a session ends by
    /// [`SessionSink::close`], by dropping its events, or by itself.
    fn connect(
        &self,
        config: SessionConfig,
        context: Context,
    ) -> BoxFuture<'_, Result<RealtimeSession, Error>>;
}
