//! Random work on two stores at once, which must say the same.
use super::kit::{attempt, more, start};
use crate::{
    Answer, ConversationChange, ConversationId, ConversationQuery, Ending, GroupBy, NewConversation,
    NewRecord, NewTurn, RecordQuery, SpendQuery, Status, Store, TurnId, TurnQuery, Vector,
};
use consort_core::{Error, Event, Media, Part, Role};
use std::collections::HashMap;
use std::fmt::Debug;

const WORDS: [&str; 12] =
    ["apple", "Äpfel", "applet", "pear", "東京", "東京都", "naïve", "fig_tree", "o'clock", "x", "\"", "the"];

/// Does the same random work on both stores, and compares every answer. The same seed does the same work.
///
/// # Panics
/// Where they differ: with the seed and the step.
pub fn compare(one: &dyn Store, other: &dyn Store, seed: u64, steps: usize) {
    let mut work =
        Work { one, other, dice: Dice(seed.wrapping_mul(2).wrapping_add(1)), names: Names::default() };
    for step in 0..steps {
        let kind = work.dice.roll(20);
        let (mine, theirs) = pollster::block_on(work.step(kind));
        assert_eq!(mine, theirs, "seed {seed}, step {step} (kind {kind})");
    }
    for kind in 12..20 {
        let (mine, theirs) = pollster::block_on(work.step(kind));
        assert_eq!(mine, theirs, "seed {seed}, at the end (kind {kind})");
    }
}

struct Work<'a> {
    one: &'a dyn Store,
    other: &'a dyn Store,
    dice: Dice,
    names: Names,
}

/// Ids that the stores made themselves, by the order in which they did: each store makes its own.
#[derive(Default)]
struct Names {
    talks: Vec<(ConversationId, ConversationId)>,
    turns: Vec<(usize, TurnId)>,
    known: HashMap<String, String>,
}

impl Work<'_> {
    async fn step(&mut self, kind: usize) -> (String, String) {
        match kind {
            0 | 1 => self.create().await,
            2..=5 => self.begin().await,
            6 | 7 => {
                let (turn, events) = (self.turn(), self.events());
                self.both(|store, _| store.grow(turn, events.clone())).await
            }
            8 | 9 => {
                let (turn, ending) = (self.turn(), self.ending());
                self.both(|store, _| store.end(turn, ending.clone())).await
            }
            10 => self.change().await,
            11 => self.remember().await,
            12 => {
                let query = ConversationQuery {
                    search: self.maybe_words(),
                    limit: self.dice.maybe(3),
                    offset: self.dice.roll(2),
                    ids: None,
                    deleted: self.dice.roll(4) == 0,
                };
                self.both(|store, _| store.conversations(query.clone())).await
            }
            13 => {
                let turn = self.turn();
                self.both(|store, _| store.path(turn)).await
            }
            14 => {
                let talk = self.talk();
                self.both(|store, side| store.tree(pick(talk, side))).await
            }
            15 | 16 => {
                let (search, limit, talk) = (self.maybe_words(), self.dice.maybe(5), self.talk());
                let (in_talk, model) =
                    (self.dice.roll(3) == 0, self.dice.maybe(3).map(|n| format!("zoo/{n}")));
                let query = |side| TurnQuery {
                    search: search.clone(),
                    conversation: in_talk.then(|| pick(talk, side)),
                    model: model.clone(),
                    limit,
                };
                self.both(|store, side| store.turns(query(side))).await
            }
            17 => {
                let (search, vector, limit) = (self.maybe_words(), self.vector(), self.dice.maybe(4));
                let query = RecordQuery { scope: "s".into(), search, vector, limit };
                self.both(|store, _| store.records(query.clone())).await
            }
            18 => {
                let model = self.dice.maybe(3).map(|n| format!("zoo/{n}"));
                let query = SpendQuery { model, ..SpendQuery::default() };
                let by = [GroupBy::Model, GroupBy::Key, GroupBy::Month][self.dice.roll(3)];
                self.both(|store, _| store.costs(query.clone(), by)).await
            }
            _ if self.dice.roll(6) == 0 => {
                let talk = self.talk();
                self.both(|store, side| store.purge(pick(talk, side))).await
            }
            _ => {
                let (turn, pinned) = (self.turn(), self.dice.roll(2) == 0);
                self.both(|store, _| store.pin(turn, pinned)).await
            }
        }
    }

    /// Asks both, and writes down what they said, with ids and times that they may choose taken out.
    async fn both<'s, T: Debug>(
        &'s self,
        ask: impl Fn(&'s dyn Store, usize) -> consort_core::BoxFuture<'s, Result<T, Error>>,
    ) -> (String, String) {
        let (mine, theirs) = (ask(self.one, 0).await, ask(self.other, 1).await);
        (self.names.plain(&mine), self.names.plain(&theirs))
    }

    async fn create(&mut self) -> (String, String) {
        let new = NewConversation { title: self.maybe_words(), ..NewConversation::default() };
        let (mine, theirs) = (self.one.create(new.clone()).await, self.other.create(new).await);
        if let (Ok(mine), Ok(theirs)) = (&mine, &theirs) {
            let name = format!("talk {}", self.names.talks.len());
            self.names.talks.push((mine.id, theirs.id));
            self.names.known.insert(mine.id.to_string(), name.clone());
            self.names.known.insert(theirs.id.to_string(), name);
        }
        (self.names.plain(&mine), self.names.plain(&theirs))
    }

    async fn begin(&mut self) -> (String, String) {
        let place = self.dice.roll(self.names.talks.len() + 1);
        let talk = self.names.talk(place);
        let id = TurnId::new();
        let parent = (self.dice.roll(4) > 0).then(|| {
            let inside: Vec<TurnId> =
                self.names.turns.iter().filter(|(of, _)| *of == place).map(|(_, turn)| *turn).collect();
            if inside.is_empty() { self.turn() } else { inside[self.dice.roll(inside.len())] }
        });
        let status = [Status::Running, Status::Complete, Status::Running][self.dice.roll(3)];
        let answer = (self.dice.roll(2) == 0).then(|| Box::new(self.answer()));
        let parts = self.parts();
        let follows = self.dice.roll(2) == 0;
        let turn = |side| NewTurn {
            id,
            conversation: pick(talk, side),
            parent,
            role: Role::Assistant,
            participant: None,
            parts: parts.clone(),
            status,
            answer: answer.clone(),
            run: Some(id.0),
            follows,
        };
        let appends = self.dice.roll(3) == 0;
        let said = self
            .both(|store, side| if appends { store.append(turn(side)) } else { store.begin(turn(side)) })
            .await;
        self.names.turns.push((place, id));
        said
    }

    async fn change(&mut self) -> (String, String) {
        let talk = self.talk();
        let change = ConversationChange {
            title: (self.dice.roll(2) == 0).then(|| self.maybe_words()),
            pinned: self.dice.maybe(2).map(|n| n == 0),
            tip: (self.dice.roll(4) == 0).then(|| (self.dice.roll(3) > 0).then(|| self.turn())),
            settings: None,
            deleted: self.dice.maybe(6).map(|n| n == 0),
            from: (self.dice.roll(4) == 0).then(|| 1 + self.dice.roll(4) as u64),
        };
        self.both(|store, side| store.change(pick(talk, side), change.clone())).await
    }

    async fn remember(&mut self) -> (String, String) {
        let text = self.words();
        let new = NewRecord { scope: "s".into(), text, vector: self.vector(), ..NewRecord::default() };
        let (mine, theirs) = (self.one.remember(new.clone()).await, self.other.remember(new).await);
        (format!("{:?}", mine.map(|record| record.text)), format!("{:?}", theirs.map(|record| record.text)))
    }

    fn talk(&mut self) -> (ConversationId, ConversationId) {
        let place = self.dice.roll(self.names.talks.len() + 1);
        self.names.talk(place)
    }

    fn turn(&mut self) -> TurnId {
        let place = self.dice.roll(self.names.turns.len() + 1);
        self.names.turns.get(place).map_or(TurnId(uuid::Uuid::nil()), |(_, turn)| *turn)
    }

    fn words(&mut self) -> String {
        let count = 1 + self.dice.roll(6);
        (0..count).map(|_| WORDS[self.dice.roll(WORDS.len())]).collect::<Vec<_>>().join(" ")
    }

    fn maybe_words(&mut self) -> Option<String> {
        let count = self.dice.roll(3);
        let words: Vec<&str> = (0..count).map(|_| WORDS[self.dice.roll(WORDS.len())]).collect();
        (count > 0).then(|| words.join(" "))
    }

    fn vector(&mut self) -> Option<Vector> {
        let coordinate = |dice: &mut Dice| dice.roll(7) as f32 - 3.0;
        (self.dice.roll(2) == 0).then(|| Vector {
            embedder: "eye".into(),
            values: vec![coordinate(&mut self.dice), 0.5, coordinate(&mut self.dice)],
        })
    }

    fn parts(&mut self) -> Vec<Part> {
        let mut parts = vec![Part::text(self.words())];
        if self.dice.roll(4) == 0 {
            parts.push(Part::media(Media::bytes("image/png", vec![self.dice.roll(2) as u8; 5000])));
        }
        parts
    }

    fn answer(&mut self) -> Answer {
        let attempts = (0..self.dice.roll(3))
            .map(|_| {
                let (target, input) = (format!("zoo/{}", self.dice.roll(3)), self.dice.roll(100) as u64);
                attempt(&target, input, self.dice.maybe(1000).map(|cost| cost as u64))
            })
            .collect();
        let key = self.dice.maybe(2).map(|n| format!("key {n}"));
        Answer { model: format!("zoo/{}", self.dice.roll(3)), attempts, key, ..Answer::default() }
    }

    fn ending(&mut self) -> Ending {
        let status =
            [Status::Complete, Status::Interrupted, Status::Failed, Status::Running][self.dice.roll(4)];
        let answer = (self.dice.roll(2) == 0).then(|| Box::new(self.answer()));
        Ending { status, parts: self.parts(), answer }
    }

    fn events(&mut self) -> Vec<Event> {
        let key = self.dice.roll(2) as u32;
        let mut events = vec![more(key, WORDS[self.dice.roll(WORDS.len())])];
        if self.dice.roll(2) == 0 {
            events.insert(0, start(key));
        }
        if self.dice.roll(4) == 0 {
            events.push(Event::Attempt(Box::new(attempt("zoo/1", 3, Some(4)))));
        }
        events
    }
}

impl Names {
    /// The conversation at this place, or one that no store has.
    fn talk(&self, place: usize) -> (ConversationId, ConversationId) {
        let nobody = ConversationId(uuid::Uuid::nil());
        self.talks.get(place).copied().unwrap_or((nobody, nobody))
    }

    fn plain(&self, said: &impl Debug) -> String {
        let mut text = format!("{said:?}");
        for (id, name) in &self.known {
            text = text.replace(id, name);
        }
        // Times and places in the order are each store's own, and so are the ids of records.
        for own in ["tv_sec: ", "tv_nsec: ", "changed: ", "RecordId("] {
            let pieces = text.split(own).map(|piece| {
                piece.trim_start_matches(|letter: char| letter.is_ascii_hexdigit() || letter == '-')
            });
            text = pieces.collect();
        }
        text
    }
}

fn pick(talk: (ConversationId, ConversationId), side: usize) -> ConversationId {
    if side == 0 { talk.0 } else { talk.1 }
}

/// Numbers that look random, the same ones for the same seed.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % sides.max(1)
    }

    fn maybe(&mut self, sides: usize) -> Option<usize> {
        (self.roll(2) == 0).then(|| self.roll(sides))
    }
}
