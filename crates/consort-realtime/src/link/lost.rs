//! What was said to a session and reaches nobody, since the session is over: its caller is told.
use super::inputs::Inputs;
use consort_core::{SessionEvent, SessionInput};
use futures_util::FutureExt as _;

/// Takes what waits, and says how much of it was to be kept; and whether something waits that another connection would have
/// been asked again. Sound that is no turn yet is lost with its moment.
pub(super) fn lost(inputs: &mut Inputs, is_asked_again: bool) -> Option<SessionEvent> {
    let mut lost = 0;
    while let Some(Some(next)) = inputs.next().now_or_never() {
        lost += usize::from(matches!(
            next.input,
            SessionInput::Text { .. }
                | SessionInput::Image { .. }
                | SessionInput::ToolResult { .. }
                | SessionInput::Commit
        ));
    }
    let unsent = match lost {
        0 => None,
        1 => Some("before 1 thing that was said to it could be sent".to_owned()),
        more => Some(format!("before {more} things that were said to it could be sent")),
    };
    let unasked = is_asked_again.then(|| "before what waited for an answer could be asked again".to_owned());
    let what: Vec<String> = unsent.into_iter().chain(unasked).collect();
    let what = (!what.is_empty()).then(|| format!("the session ended {}", what.join(", and ")));
    what.map(|what| SessionEvent::warning("dropped", what))
}
