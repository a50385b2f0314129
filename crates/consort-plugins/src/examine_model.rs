//! The contract test of one model: asked, counted with, stopped.
use crate::examine::{Finding, Found, Level, good, of_error, told, wrong};
use crate::plugin::Plugin;
use crate::process::Stop;
use consort_core::{Accumulator, Error, ErrorKind, Event, Model, Request, Response, Support, TokenCount};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the plugin may take for the test's prompt.
const PROMPT: Duration = Duration::from_mins(2);
/// A cancelled answer ends sooner.
const SOON: Duration = Duration::from_secs(1);

/// What came of the prompt.
struct Answer {
    /// What it said before it failed, too.
    said: Response,
    failed: Option<Error>,
    first: Option<Duration>,
    whole: Duration,
}

/// One model, asked in all ways that its card allows.
pub(crate) async fn asked(
    plugin: &Arc<Plugin>,
    model: &dyn Model,
    prompt: &str,
    found: &mut Found<impl FnMut(&Finding)>,
) {
    let id = &model.card().id;
    let answer = ask(plugin, model, prompt).await;
    let text = answer.said.text();
    found.extend(answer.said.warnings.iter().map(|warning| {
        let is_why = text.is_empty() && warning.code == "dropped" && answer.failed.is_none();
        told(if is_why { Level::Error } else { Level::Warning }, id, &warning.message)
    }));
    if let Some(error) = &answer.failed {
        found.push(of_error(&format!("{id} does not answer"), error));
        return;
    }
    found.extend(said(plugin, id, &answer));
    found.extend(counted(plugin, model, prompt).await);
    if model.card().capabilities.streaming != Support::No {
        found.push(stopped(plugin, model, prompt, answer.left()).await);
    }
}

impl Answer {
    /// How long it went on behind its first word.
    fn left(&self) -> Duration {
        self.whole.saturating_sub(self.first.unwrap_or(self.whole))
    }
}

/// Its words, or that there are none.
fn said(plugin: &Plugin, id: &str, answer: &Answer) -> Option<Finding> {
    let Answer { said, first, whole, .. } = answer;
    let text = said.text();
    if !text.is_empty() || said.tool_calls().next().is_some() || said.media().next().is_some() {
        let shown: String = text.chars().take(40).collect();
        let (first, whole) = (first.map_or(0, |first| first.as_millis()), whole.as_millis());
        return Some(good(format!("{id} answers {shown:?}: first word {first} ms, whole {whole} ms")));
    }
    if said.warnings.iter().any(|warning| warning.code == "dropped") {
        // Why it is empty was said.
        return None;
    }
    let help = if plugin.is_python() {
        "return the answer's text, or yield its pieces"
    } else {
        "send its pieces as `generate/event` with {\"type\":\"text\",\"text\":\"…\"}, before the answer to the request, or all of \
         it in `content` of that answer"
    };
    Some(wrong(format!("{id} answers with nothing"), help))
}

/// How it counts tokens, where it does.
async fn counted(plugin: &Arc<Plugin>, model: &dyn Model, prompt: &str) -> Option<Finding> {
    let id = &model.card().id;
    // That it has no counter is among its notes.
    if !plugin.counts_tokens().await {
        return None;
    }
    let note = |message| Finding { level: Level::Note, at: None, message, help: None };
    Some(match plugin.count_tokens(&model.card().name, &Request::ask(prompt), &plugin.context()).await {
        Ok(TokenCount { tokens, exact: true }) => good(format!("{id} counts {tokens} tokens")),
        // Our worker estimates where the plugin's own counter fails.
        Ok(TokenCount { exact: false, .. }) if plugin.is_python() => {
            note(format!("{id} could not count the tokens: they are estimated"))
        }
        Ok(TokenCount { tokens, exact: false }) => {
            good(format!("{id} counts {tokens} tokens, which is an estimate by its own word"))
        }
        Err(error) => {
            note(format!("{id} could not count the tokens: they are estimated ({})", error.message()))
        }
    })
}

async fn ask(plugin: &Arc<Plugin>, model: &dyn Model, prompt: &str) -> Answer {
    let begun = Instant::now();
    let mut stream = model.stream(Request::ask(prompt).into(), plugin.context().within(PROMPT));
    let mut fold = Accumulator::default();
    let (mut first, mut finished, mut failed) = (None, false, None);
    while let Some(event) = poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        match event {
            Ok(event) => {
                if first.is_none() && event.is_content() {
                    first = Some(begun.elapsed());
                }
                finished |= matches!(event, Event::Finished(_));
                fold.push(event);
            }
            Err(error) => failed = Some(error),
        }
    }
    if !finished && failed.is_none() {
        failed = Some(Error::new(ErrorKind::PluginBug, "its answer has no end"));
    }
    Answer { said: fold.partial(), failed, first, whole: begun.elapsed() }
}

/// Stops an answer after its first event, and asks again: the plugin must be there. `left` is how long an answer goes on behind
/// its first word where nobody stops it.
async fn stopped(plugin: &Arc<Plugin>, model: &dyn Model, prompt: &str, left: Duration) -> Finding {
    let id = &model.card().id;
    // What is left of another is not this one's.
    stop_of(plugin, Duration::ZERO).await;
    let mut stream = model.stream(Request::ask(prompt).into(), plugin.context().within(PROMPT));
    let begun = poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
    drop(stream);
    let stop = match begun {
        Some(Ok(event)) if !matches!(event, Event::Finished(_)) => {
            // As long as its host waits for the answer, and then for a ping.
            stop_of(plugin, Duration::from_secs(11)).await
        }
        _ => Some(Stop::over()),
    };
    if let Some(error) = ask(plugin, model, prompt).await.failed {
        return of_error(&format!("{id} does not answer after it was stopped"), &error);
    }
    let warning = |message| {
        Finding {
        level: Level::Warning,
        at: None,
        message,
        help: Some(
            "behind a `cancel` it stops soon, and answers the request with \"finishReason\":\"cancelled\" or the error -32800"
                .to_owned(),
        ),
    }
    };
    match stop {
        None => warning(format!("{id} never answered a request that was cancelled")),
        Some(Stop { after, .. }) if after >= SOON => {
            warning(format!("{id} went on for {:.1} s after it was cancelled", after.as_secs_f32()))
        }
        // It was not over yet by itself.
        Some(Stop { is_cancelled: false, said, .. }) if left >= SOON => {
            warning(format!("{id} stops when it is cancelled, but its answer says `{said}`"))
        }
        Some(Stop { is_cancelled: true, .. }) => good(format!("{id} can be stopped, and answers again")),
        Some(_) => good(format!("{id} answers again behind a `cancel`, which came when its answer was over")),
    }
}

/// How the cancelled request ended, within this time.
async fn stop_of(plugin: &Arc<Plugin>, limit: Duration) -> Option<Stop> {
    const STEP: Duration = Duration::from_millis(10);
    let begun = Instant::now();
    loop {
        let connection = plugin.supervisor().running()?;
        if let Some(stop) = connection.take_stop() {
            return Some(stop);
        }
        if begun.elapsed() >= limit {
            return None;
        }
        tokio::time::sleep(STEP).await;
    }
}
