//! Sends the question and shows the answer as it comes, until its end, an error or Ctrl+C.
use super::Question;
use super::talk::{Asked, Talk};
use crate::answer::{Followed, Show, Spinner, follow};
use crate::args::Ask;
use crate::exit::{self, Done};
use crate::setup::Setup;
use consort_core::FinishReason;
use consort_engine::{Outcome, holding_schemas};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

pub(super) fn run(question: Question, ask: &Ask, setup: &Setup, talk: Talk, runtime: Runtime) -> Done {
    let asked = runtime.block_on(async { talk.ask(question, setup) })?;
    let database = asked.database.clone();
    let done = runtime.block_on(play(asked, ask, setup));
    setup.end_plugins(&runtime);
    // Nobody waits for what still runs in the background.
    runtime.shutdown_background();
    if let Some(database) = database {
        database.close();
    }
    done
}

/// A look in the background may take this long: the answer mostly takes longer.
const LOOK: Duration = Duration::from_secs(3);

/// What a look gets after the end of an answer that was quicker.
const GRACE: Duration = Duration::from_millis(300);

async fn play(asked: Asked, ask: &Ask, setup: &Setup) -> Done {
    let Asked { told, ask: mut question, database, kept } = asked;
    let card = question.model.card().clone();
    let conversation = kept.then_some(question.conversation);
    if ask.schema.is_some() {
        question.model = holding_schemas(question.model);
    }
    question.watched_once = true;
    let mut show = Show::new(ask, setup.signs, &card);
    let begun = Instant::now();
    let run = told.engine.start(question).await?;
    let look = setup.local.is_due().then(|| tokio::spawn(setup.local.clone().look(LOOK)));
    let spinner = Spinner::new(!ask.quiet, setup.signs, &card.id);
    let followed = follow(&run, begun, database.as_deref(), spinner, &mut show).await;
    drop(run);
    let Followed { outcome, times } = match followed {
        Ok(followed) => followed,
        Err(failure) => {
            told.finish().await;
            return Err(failure);
        }
    };
    show.end(&outcome, conversation, &times)?;
    told.finish().await;
    if let Some(look) = look.filter(|look| outcome.error.is_none() && !look.is_finished()) {
        let _ = tokio::time::timeout(GRACE, look).await;
    }
    match outcome.error {
        Some(error) => Err(error.into()),
        None if ask.strict && is_cut(&outcome) => Ok(exit::CUT),
        None => Ok(exit::OK),
    }
}

/// Whether an answer that ends so is not what was asked for.
fn is_cut(outcome: &Outcome) -> bool {
    outcome.response.as_ref().is_some_and(|response| {
        matches!(
            response.finish.reason,
            FinishReason::Length | FinishReason::ContentFilter | FinishReason::Refusal
        )
    })
}
