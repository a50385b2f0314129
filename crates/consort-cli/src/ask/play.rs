//! Sends the question and shows the answer as it comes, until its end, an error or Ctrl+C.
use super::Question;
use super::show::{Show, Times};
use super::spinner::Spinner;
use crate::args::Ask;
use crate::exit::{self, Done, Failure};
use crate::setup::Setup;
use crate::stop;
use consort_core::{Accumulator, Error, ErrorKind, Event, EventStream, FinishReason};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

pub(super) fn run(question: &Question, ask: &Ask, setup: &Setup, runtime: Runtime) -> Done {
    let done = runtime.block_on(play(question, ask, setup));
    setup.end_plugins(&runtime);
    // Nobody waits for what still runs in the background.
    runtime.shutdown_background();
    done
}

/// A look in the background may take this long: the answer mostly takes longer.
const LOOK: Duration = Duration::from_secs(3);

/// What a look gets after the end of an answer that was quicker.
const GRACE: Duration = Duration::from_millis(300);

/// How the stream came to its end.
type Ended = Result<FinishReason, Error>;

async fn play(question: &Question, ask: &Ask, setup: &Setup) -> Done {
    let mut stream = question.model.stream(question.request.clone(), question.context.clone());
    let mut show = Show::new(ask, setup.signs, question.model.card());
    let mut fold = Accumulator::default();
    let begun = Instant::now();
    let mut first = None;
    let look = setup.local.is_due().then(|| tokio::spawn(setup.local.clone().look(LOOK)));
    let ended = follow(&mut stream, ask, setup, question, |event| {
        if first.is_none() && event.is_content() {
            first = Some(begun.elapsed());
        }
        show.event(&event)?;
        fold.push(event);
        Ok(())
    })
    .await?;
    // Dropping the stream closes the connection: a stopped answer costs nothing more.
    drop(stream);
    let times = Times { first, total: begun.elapsed() };
    show.end(&fold.partial(), ended.as_ref().err(), &times)?;
    if let Some(look) = look.filter(|look| ended.is_ok() && !look.is_finished()) {
        let _ = tokio::time::timeout(GRACE, look).await;
    }
    match ended {
        Err(error) => Err(error.into()),
        Ok(reason) if ask.strict && is_cut(reason) => Ok(exit::CUT),
        Ok(_) => Ok(exit::OK),
    }
}

/// Hands each event on, until the stream ends or is stopped.
async fn follow(
    stream: &mut EventStream,
    ask: &Ask,
    setup: &Setup,
    question: &Question,
    mut each: impl FnMut(Event) -> Result<(), Failure>,
) -> Result<Ended, Failure> {
    let mut spinner = Spinner::new(!ask.quiet, setup.signs, &question.model.card().id);
    let mut stop = std::pin::pin!(stop::asked());
    let mut finished = None;
    loop {
        let item = tokio::select! {
            biased;
            () = &mut stop => Some(Err(Error::cancelled())),
            item = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)) => item,
            () = spinner.tick() => {
                spinner.draw()?;
                continue;
            }
        };
        match item {
            Some(Ok(event)) => {
                if event.is_content() || matches!(event, Event::Finished(_)) {
                    spinner.stop()?;
                }
                if let Event::Finished(finish) = &event {
                    finished = Some(finish.reason);
                }
                each(event)?;
            }
            Some(Err(error)) => {
                spinner.stop()?;
                return Ok(Err(error));
            }
            None => {
                spinner.stop()?;
                return Ok(finished.ok_or_else(|| {
                    Error::new(ErrorKind::Interrupted, "the answer ended before it was finished")
                }));
            }
        }
    }
}

/// Whether an answer that ends so is not what was asked for.
fn is_cut(reason: FinishReason) -> bool {
    matches!(reason, FinishReason::Length | FinishReason::ContentFilter | FinishReason::Refusal)
}
