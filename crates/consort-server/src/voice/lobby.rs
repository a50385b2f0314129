//! Who holds the live session of a conversation: one tab, or nobody for a moment.
use super::talking::Talking;
use consort_store::ConversationId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How long a session waits for a tab that lost its connection.
const GRACE: Duration = Duration::from_secs(20);

/// How long a tab may take to hand its session over.
const HANDING: Duration = Duration::from_secs(5);

/// A wish of another tab to have the session.
pub(super) type Wish = oneshot::Sender<Box<Talking>>;

#[derive(Default, Clone)]
pub(crate) struct Lobby(Arc<Mutex<Seats>>);

#[derive(Default)]
struct Seats {
    seats: HashMap<ConversationId, (u64, Seat)>,
    /// How many seats there were.
    numbered: u64,
}

enum Seat {
    /// Held by the tab of this name, where it has one.
    Held(Option<String>, mpsc::Sender<Wish>),
    /// Its tab is gone, and may come back.
    Waiting(Box<Talking>),
}

/// A tab's hold of a conversation. When it is dropped, the conversation is free.
pub(super) struct Held {
    lobby: Lobby,
    conversation: ConversationId,
    number: u64,
    /// Wishes of other tabs.
    pub(super) wishes: mpsc::Receiver<Wish>,
}

/// Another tab has the session.
#[derive(Debug)]
pub(super) struct Taken;

impl Lobby {
    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody talks in this conversation, nor may come back to.
    pub(super) fn is_free(&self, conversation: ConversationId) -> bool {
        !self.lock().seats.contains_key(&conversation)
    }

    /// Takes the place of a conversation's tab, and the session that is there. The tab itself may always: its other connection
    /// is one that it lost, whether the server saw that or not.
    pub(super) async fn enter(
        &self,
        conversation: ConversationId,
        tab: Option<&str>,
        take_over: bool,
    ) -> Result<(Held, Option<Box<Talking>>), Taken> {
        let (say, wishes) = mpsc::channel(1);
        let (number, before) = {
            let mut seats = self.lock();
            let is_others = match seats.seats.get(&conversation) {
                Some((_, Seat::Held(holder, _))) => tab.is_none() || holder.as_deref() != tab,
                Some((_, Seat::Waiting(_))) | None => false,
            };
            if is_others && !take_over {
                return Err(Taken);
            }
            seats.numbered += 1;
            let number = seats.numbered;
            let before = seats.seats.insert(conversation, (number, Seat::Held(tab.map(str::to_owned), say)));
            (number, before.map(|(_, seat)| seat))
        };
        let held = Held { lobby: self.clone(), conversation, number, wishes };
        let talking = match before {
            None => None,
            Some(Seat::Waiting(talking)) => Some(talking),
            Some(Seat::Held(_, other)) => handed_over(other).await,
        };
        Ok((held, talking))
    }
}

/// The session of another tab; none where that has none yet, or does not answer.
async fn handed_over(other: mpsc::Sender<Wish>) -> Option<Box<Talking>> {
    let (wish, talking) = oneshot::channel();
    other.send(wish).await.ok()?;
    tokio::time::timeout(HANDING, talking).await.ok()?.ok()
}

impl Held {
    /// The tab is gone: the session waits for it, unless the server is `leaving`.
    pub(super) fn leave(self, talking: Box<Talking>, mut leaving: watch::Receiver<bool>) {
        let (lobby, conversation) = (self.lobby.clone(), self.conversation);
        let number = {
            let mut seats = lobby.lock();
            if seats.seats.get(&conversation).is_none_or(|(number, _)| *number != self.number) {
                // Another tab came meanwhile, and found nothing.
                drop(seats);
                return talking.end();
            }
            seats.numbered += 1;
            let number = seats.numbered;
            seats.seats.insert(conversation, (number, Seat::Waiting(talking)));
            number
        };
        tokio::spawn(async move {
            let _ = tokio::time::timeout(GRACE, leaving.wait_for(|leaving| *leaving)).await;
            let late = {
                let mut seats = lobby.lock();
                let is_same = seats.seats.get(&conversation).is_some_and(|(seat, _)| *seat == number);
                if is_same { seats.seats.remove(&conversation) } else { None }
            };
            if let Some((_, Seat::Waiting(talking))) = late {
                talking.end();
            }
        });
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut seats = self.lobby.lock();
        if seats.seats.get(&self.conversation).is_some_and(|(number, _)| *number == self.number) {
            seats.seats.remove(&self.conversation);
        }
    }
}
