//! Conversations, turns and summaries in memory.
use crate::media;
use crate::words::{Search, index};
use crate::{
    Conversation, ConversationChange, ConversationId, ConversationQuery, Ending, Hit, NewConversation,
    NewTurn, Status, Summary, SummaryId, Turn, TurnId, TurnQuery, growth, refuse,
};
use consort_core::{Error, Event, Media};
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(super) struct Log {
    conversations: Vec<Conversation>,
    /// In the order in which they began.
    turns: Vec<Said>,
    places: HashMap<TurnId, usize>,
    summaries: Vec<Summary>,
    /// Counts changes, so that the order of conversations depends on no clock.
    changes: u64,
}

#[derive(Debug)]
struct Said {
    /// As it began, or ended: what it is found by.
    turn: Turn,
    grown: Vec<Event>,
}

fn is_titled(talk: &Conversation, search: &Search) -> bool {
    search.matches(&index(talk.title.as_deref().unwrap_or_default()))
}

impl Said {
    fn matches(&self, search: &Search) -> bool {
        search.matches(&index(&growth::text(&self.turn.parts)))
    }

    fn now(&self) -> Turn {
        let mut turn = self.turn.clone();
        growth::grow(&mut turn, self.grown.iter().cloned());
        turn
    }
}

impl Log {
    pub(super) fn create(&mut self, new: NewConversation) -> Conversation {
        if let Some(there) = new.id.and_then(|id| self.conversation(id)) {
            return there;
        }
        let conversation = Conversation { changed: self.changes + 1, ..new.begun() };
        self.changes += 1;
        self.conversations.push(conversation.clone());
        conversation
    }

    fn talk(&mut self, id: ConversationId) -> Result<&mut Conversation, Error> {
        self.conversations.iter_mut().find(|talk| talk.id == id).ok_or_else(|| refuse::no_conversation(id))
    }

    fn touch(&mut self, id: ConversationId) -> Result<(), Error> {
        self.changes += 1;
        let changes = self.changes;
        let talk = self.talk(id)?;
        talk.changed = changes;
        talk.revision += 1;
        talk.updated = growth::now();
        Ok(())
    }

    pub(super) fn conversation(&self, id: ConversationId) -> Option<Conversation> {
        self.conversations.iter().find(|talk| talk.id == id).cloned()
    }

    pub(super) fn conversations(&self, query: &ConversationQuery) -> Vec<Conversation> {
        let search = Search::read(query.search.as_deref(), false);
        let found = |talk: &&Conversation| {
            talk.deleted.is_some() == query.deleted
                && query.ids.as_ref().is_none_or(|ids| ids.contains(&talk.id))
                && search.as_ref().is_none_or(|search| {
                    let mut turns = self.turns.iter().filter(|said| said.turn.conversation == talk.id);
                    is_titled(talk, search) || turns.any(|said| said.matches(search))
                })
        };
        let mut found: Vec<&Conversation> = self.conversations.iter().filter(found).collect();
        found.sort_by_key(|talk| std::cmp::Reverse((talk.pinned, talk.changed)));
        let limit = query.limit.unwrap_or(usize::MAX);
        found.into_iter().skip(query.offset).take(limit).cloned().collect()
    }

    pub(super) fn change(&mut self, id: ConversationId, change: ConversationChange) -> Result<bool, Error> {
        let revision = self.talk(id)?.revision;
        if let Some(Some(tip)) = change.tip {
            self.in_conversation(tip, id)?;
        }
        if change.from.is_some_and(|from| from != revision) {
            return Ok(false);
        }
        if change.is_nothing() {
            return Ok(true);
        }
        let moves = change.moves();
        let talk = self.talk(id)?;
        if !moves {
            talk.revision += 1;
        }
        if let Some(title) = change.title {
            talk.title = title;
        }
        talk.pinned = change.pinned.unwrap_or(talk.pinned);
        talk.tip = change.tip.unwrap_or(talk.tip);
        if let Some(settings) = change.settings {
            talk.settings = settings;
        }
        match change.deleted {
            Some(true) if talk.deleted.is_none() => talk.deleted = Some(growth::now()),
            Some(false) => talk.deleted = None,
            _ => {}
        }
        if moves {
            self.touch(id)?;
        }
        Ok(true)
    }

    pub(super) fn purge(&mut self, id: ConversationId) {
        self.conversations.retain(|talk| talk.id != id);
        self.turns.retain(|said| said.turn.conversation != id);
        self.summaries.retain(|summary| summary.conversation != id);
        self.places = self.turns.iter().enumerate().map(|(at, said)| (said.turn.id, at)).collect();
    }

    pub(super) fn begin(&mut self, new: NewTurn) -> Result<Turn, Error> {
        self.talk(new.conversation)?;
        refuse::parent(&new)?;
        if let Some(parent) = new.parent {
            self.in_conversation(parent, new.conversation)?;
        }
        if self.places.contains_key(&new.id) {
            return Err(refuse::turn_exists(new.id));
        }
        let follows = new.follows;
        let turn = new.begun();
        self.places.insert(turn.id, self.turns.len());
        self.turns.push(Said { turn: turn.clone(), grown: Vec::new() });
        let talk = self.talk(turn.conversation)?;
        if !follows || talk.tip == turn.parent {
            talk.tip = Some(turn.id);
        }
        self.touch(turn.conversation)?;
        Ok(turn)
    }

    fn said(&mut self, id: TurnId) -> Result<&mut Said, Error> {
        let at = self.places.get(&id).ok_or_else(|| refuse::no_turn(id))?;
        self.turns.get_mut(*at).ok_or_else(|| refuse::no_turn(id))
    }

    fn in_conversation(&mut self, turn: TurnId, conversation: ConversationId) -> Result<(), Error> {
        let inside = self.said(turn)?.turn.conversation == conversation;
        if inside { Ok(()) } else { Err(refuse::elsewhere(turn)) }
    }

    pub(super) fn grow(&mut self, id: TurnId, events: Vec<Event>) -> Result<(), Error> {
        let said = self.said(id)?;
        refuse::running(said.turn.status, id)?;
        said.grown.extend(events);
        Ok(())
    }

    pub(super) fn end(&mut self, id: TurnId, ending: Ending) -> Result<Turn, Error> {
        if ending.status == Status::Running {
            return Err(refuse::no_ending());
        }
        let said = self.said(id)?;
        refuse::running(said.turn.status, id)?;
        let mut turn = said.now();
        turn.status = ending.status;
        turn.parts = ending.parts;
        turn.answer = ending.answer.or(turn.answer);
        said.turn = turn.clone();
        said.grown = Vec::new();
        self.touch(turn.conversation)?;
        Ok(turn)
    }

    pub(super) fn pin(&mut self, id: TurnId, pinned: bool) -> Result<(), Error> {
        let said = self.said(id)?;
        said.turn.pinned = pinned;
        let conversation = said.turn.conversation;
        self.talk(conversation)?.revision += 1;
        Ok(())
    }

    pub(super) fn turn(&self, id: TurnId) -> Option<Turn> {
        self.turns.get(*self.places.get(&id)?).map(Said::now)
    }

    pub(super) fn media(&self, hash: &str) -> Option<Media> {
        let turns = self.turns.iter().map(Said::now);
        turns.flat_map(|turn| turn.parts).find_map(|part| media::hashed(&part, hash))
    }

    pub(super) fn path(&self, to: TurnId) -> Vec<Turn> {
        let mut path: Vec<Turn> =
            std::iter::successors(self.turn(to), |turn| turn.parent.and_then(|parent| self.turn(parent)))
                .collect();
        path.reverse();
        path
    }

    pub(super) fn tree(&self, conversation: ConversationId) -> Vec<Turn> {
        self.turns.iter().filter(|said| said.turn.conversation == conversation).map(Said::now).collect()
    }

    pub(super) fn turns(&self, query: &TurnQuery) -> Vec<Hit> {
        let search = Search::read(query.search.as_deref(), false);
        let shown = |said: &&Said| {
            let turn = &said.turn;
            let conversation = match query.conversation {
                Some(wanted) => turn.conversation == wanted,
                // What was deleted is only shown to who asks for it.
                None => self.conversation(turn.conversation).is_some_and(|found| found.deleted.is_none()),
            };
            let model = turn.answer.as_ref().map(|answer| answer.model.as_str());
            conversation
                && query.model.as_deref().is_none_or(|wanted| model == Some(wanted))
                && search.as_ref().is_none_or(|search| said.matches(search))
        };
        let hit = |said: &Said| {
            let turn = said.now();
            let snippet = search.as_ref().and_then(|search| search.snippet(&growth::text(&turn.parts)));
            Hit { turn, snippet }
        };
        let limit = query.limit.unwrap_or(usize::MAX);
        self.turns.iter().rev().filter(shown).take(limit).map(hit).collect()
    }

    pub(super) fn summaries(&self, conversation: ConversationId) -> Vec<Summary> {
        self.summaries.iter().filter(|summary| summary.conversation == conversation).cloned().collect()
    }

    pub(super) fn put_summary(&mut self, mut summary: Summary) -> Result<(), Error> {
        self.talk(summary.conversation)?;
        self.in_conversation(summary.up_to, summary.conversation)?;
        summary.created = growth::time(growth::micros(summary.created));
        match self.summaries.iter_mut().find(|kept| kept.id == summary.id) {
            Some(kept) => *kept = summary,
            None => self.summaries.push(summary),
        }
        Ok(())
    }

    pub(super) fn remove_summary(&mut self, id: SummaryId) {
        self.summaries.retain(|summary| summary.id != id);
    }
}
