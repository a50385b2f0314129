//! A plugin that was not in time: where it is, and what its author can do about it.
use super::connection::Connection;
use consort_core::{Error, Phase};

impl Connection {
    /// The error of a request that was not answered in time, in words for the plugin's author.
    pub(super) async fn late_answer(&self, error: Error, request: u64) -> Error {
        let place = self.place().await;
        let at = place.as_ref().map(|place| format!(": it is at {place}")).unwrap_or_default();
        let message = format!("{}{at}", error.message());
        let phase = error.phase().filter(|phase| matches!(phase, Phase::FirstEvent | Phase::Idle));
        let Some(phase) = phase else { return self.named(error.map_message(|_| message)) };
        let help = help(place.as_deref(), self.code.is_some(), phase, request);
        self.named(Error::timeout(phase, message)).hint(help)
    }

    /// What to do about one that did not answer `initialize` in time.
    pub(super) fn start_help(&self) -> String {
        let long = "one that takes long says so in its manifest, for instance limits = { start_s = 120 }";
        if self.code.is_some() {
            return long.to_owned();
        }
        let odd = self.take_odd();
        match odd.first() {
            Some(warning) => format!("{}; {long}", warning.message),
            None => format!("it sent no answer to `initialize`: answer it, and flush every line; {long}"),
        }
    }
}

/// What an author can do about an answer that does not come, or does not go on.
fn help(place: Option<&str>, is_worker: bool, phase: Phase, request: u64) -> String {
    match (place, is_worker) {
        (Some(place), _) => {
            format!(
                "see why it stays at {place}: with a timeout of its own, what it waits for fails and says why"
            )
        }
        (None, true) => "none of its code runs just now: see what its answer waits for".to_owned(),
        (None, false) if phase == Phase::FirstEvent => format!(
            "it took the request {request} and sent nothing of it: answer every request, and flush every line; one \
             that takes long sends an event early, for instance {{\"type\":\"model\"}}"
        ),
        (None, false) => format!(
            "it never answered the request {request}: behind the last event comes {{\"jsonrpc\":\"2.0\",\
             \"id\":{request},\"result\":{{\"finishReason\":\"stop\"}}}}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authors_are_told_what_they_can_do() {
        let python = help(Some("acme.py:6"), true, Phase::FirstEvent, 3);
        assert!(python.contains("acme.py:6"), "{python}");
        let silent = help(None, false, Phase::FirstEvent, 3);
        assert!(silent.contains("the request 3") && silent.contains("flush"), "{silent}");
        let endless = help(None, false, Phase::Idle, 3);
        assert!(
            endless.contains(r#"{"jsonrpc":"2.0","id":3,"result":{"finishReason":"stop"}}"#),
            "{endless}"
        );
        for help in [python, silent, endless, help(None, true, Phase::Idle, 3)] {
            assert!(!help.contains("timers"), "a plugin has none: {help}");
        }
    }
}
