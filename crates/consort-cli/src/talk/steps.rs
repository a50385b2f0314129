//! What is said in a session, one thing after the other.
use consort_core::{BoxFuture, Pcm, SessionInput, SessionSink};
use std::time::Duration;

/// So much of a file is sent at once.
const PIECE: Duration = Duration::from_millis(20);

/// One thing to say.
#[derive(Debug)]
pub(super) enum Step {
    Text(String),
    Speech(Pcm),
}

impl Step {
    pub(super) fn duration(&self) -> Duration {
        match self {
            Self::Text(_) => Duration::ZERO,
            Self::Speech(pcm) => pcm.duration(),
        }
    }
}

/// Plays a file to the model, in the time that it takes or as fast as it goes. A session that ends meanwhile says so
/// itself.
pub(super) fn play(pcm: Pcm, sink: SessionSink, fast: bool) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let begun = tokio::time::Instant::now();
        let mut said = Duration::ZERO;
        for piece in pcm.pieces(PIECE) {
            if !fast {
                tokio::time::sleep_until(begun + said).await;
            }
            said += piece.duration();
            if sink.send(SessionInput::Audio(piece)).await.is_err() {
                return;
            }
        }
    })
}
