//! One message and its answer.
use super::Next;
use super::session::Session;
use crate::answer::{Followed, Show, Spinner, follow};
use crate::args;
use crate::exit::{self, Failure};
use crate::kept;
use consort_core::{ErrorKind, Part, Role};
use consort_engine::{Ask, Place, open_calls};
use consort_providers::TokioClock;
use consort_store::{ConversationId, NewTurn, Status, TurnId};
use std::sync::Arc;
use std::time::Instant;

/// A message of the user, and what it follows.
pub(super) struct Said {
    pub(super) turn: TurnId,
    pub(super) parent: Option<TurnId>,
    pub(super) parts: Vec<Part>,
}

impl Session {
    /// Says this, behind what was said last.
    pub(super) fn say(&mut self, text: &str) -> Result<Next, Failure> {
        let mut parts: Vec<Part> = std::mem::take(&mut self.attached).into_iter().map(Part::media).collect();
        parts.push(Part::text(text));
        let place = self.tip.map_or(Place::Start, Place::After);
        self.answer(Some(parts), place)
    }

    /// Has the model answer at a place, after these words where there are some.
    pub(super) fn answer(&mut self, input: Option<Vec<Part>>, place: Place) -> Result<Next, Failure> {
        let conversation = self.begun(input.as_deref().unwrap_or_default())?;
        let said = input.clone();
        let mut ask = Ask::again(conversation, self.model.clone(), place);
        ask.input = input;
        ask.request = self.request();
        ask.tools = self.tools.clone();
        ask.window = self.setup.settings.context.window;
        ask.summariser = self.summariser();
        ask.context = self.setup.context(self.key.as_deref(), TokioClock);
        ask.watched_once = true;
        let card = self.model.card().clone();
        let (engine, signs) = (self.told.engine.clone(), self.signs());
        let flags = args::Ask::default();
        let followed = self.runtime.block_on(async {
            let begun = Instant::now();
            let run = engine.start(ask).await?;
            let mut show = Show::new(&flags, signs, &card);
            let followed = follow(&run, begun, None, Spinner::new(true, signs, &card.id), &mut show).await?;
            show.end(&followed.outcome, None, &followed.times)?;
            Ok::<_, Failure>(followed)
        });
        let Followed { outcome, .. } = followed?;
        if outcome.kept {
            self.tip = outcome.tip.or(self.tip);
        } else {
            self.forget_log();
            self.remember(said, outcome.response.map(|response| Arc::unwrap_or_clone(response).parts))?;
        }
        match outcome.error {
            Some(error) if error.kind() == ErrorKind::Cancelled => {
                exit::tell(&error)?;
                Ok(Next::Stopped)
            }
            Some(error) => Err(error.into()),
            None => Ok(Next::On),
        }
    }

    /// The conversation, which begins with these words where there is none yet.
    fn begun(&mut self, parts: &[Part]) -> Result<ConversationId, Failure> {
        if let Some(id) = self.conversation {
            return Ok(id);
        }
        let new = kept::begins(parts, self.settings());
        let made = pollster::block_on(self.store().create(new));
        let id = match made {
            Ok(made) => made.id,
            Err(error) => {
                exit::tell(&error)?;
                self.forget_log();
                pollster::block_on(self.store().create(kept::begins(parts, self.settings())))?.id
            }
        };
        self.conversation = Some(id);
        Ok(id)
    }

    /// Puts what could not be kept behind the rest, for as long as the chat lasts.
    fn remember(&mut self, said: Option<Vec<Part>>, answered: Option<Vec<Part>>) -> Result<(), Failure> {
        let said = said.map(|parts| (Role::User, parts));
        for (role, parts) in said.into_iter().chain(answered.map(|parts| (Role::Assistant, parts))) {
            let conversation = self.begun(&parts)?;
            let turn = NewTurn::complete(conversation, self.tip, role, parts);
            let id = turn.id;
            pollster::block_on(self.store().begin(turn))?;
            self.tip = Some(id);
        }
        Ok(())
    }

    /// The end of this branch, where a round of tools was cut: calls that were not answered and may be now, or results that no
    /// answer followed.
    pub(super) fn waits_for_tools(&self) -> Result<Option<TurnId>, Failure> {
        let Some(tip) = self.tip.filter(|_| !self.tools.is_empty()) else { return Ok(None) };
        let path = pollster::block_on(self.store().path(tip))?;
        let has_results = path.last().is_some_and(|newest| newest.role == Role::Tool);
        Ok(Some(tip).filter(|_| has_results || !open_calls(&path).is_empty()))
    }

    /// The last message of the user on this branch, and what it follows.
    pub(super) fn last_said(&self) -> Result<Option<Said>, Failure> {
        let Some(tip) = self.tip else { return Ok(None) };
        let path = pollster::block_on(self.store().path(tip))?;
        let said =
            path.into_iter().rev().find(|turn| turn.role == Role::User && turn.status == Status::Complete);
        Ok(said.map(|turn| Said { turn: turn.id, parent: turn.parent, parts: turn.parts }))
    }
}
