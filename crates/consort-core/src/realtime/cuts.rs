//! Which sound the cuts of a session drop.
//!
//! **Cuts have an order: the model's.** A cut has its place where the model learns of it: where it takes an
//! [`Interrupt`](super::SessionInput::Interrupt), or tells an [`Interrupted`](super::SessionEvent::Interrupted) of its own.
//! The epoch is how many such places there were, and the cut at the n-th place has the number n. An `Interrupt` that waits
//! has no number yet; whatever the model says meanwhile began before it knew of that cut, so the number is above all that
//! there are, however many cuts of the model's own come first.
//!
//! **The invariant:** sound of an item, of an answer that began in epoch e, is dropped when there is a cut that is above e
//! and means the item, and at no other time. A cut means an item where it names that, or none. It counts from when it is
//! put or told, and for sound that waits already as for what still comes.
//!
//! So it does not matter in which order interrupts are put, taken, and met by the model's own.
use std::collections::VecDeque;

/// So many cuts of single items are remembered: their sound is over by then.
const MOST_ITEMS: usize = 64;

/// The cuts of one session, as far as sound may still come that they mean.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    epoch: u64,
    /// The cuts that name nothing: how many wait, and the newest number.
    whole: Cut,
    /// Those of single items, the newest name last.
    items: VecDeque<(String, Cut)>,
}

/// The cuts of one kind: how many of them the model does not know yet, and the number of the newest that it knows.
#[derive(Debug, Default)]
struct Cut {
    waiting: usize,
    number: u64,
}

impl Cut {
    fn is_above(&self, epoch: u64) -> bool {
        self.waiting > 0 || self.number > epoch
    }
}

impl Cuts {
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The caller cuts an item, or everything.
    pub(super) fn put(&mut self, item: Option<&str>) {
        let Some(item) = item else {
            self.whole.waiting += 1;
            return;
        };
        let known = self.items.iter().position(|(name, _)| name == item);
        let known = known.and_then(|at| self.items.remove(at));
        let (name, mut cut) = known.unwrap_or_else(|| (item.to_owned(), Cut::default()));
        cut.waiting += 1;
        self.items.push_back((name, cut));
        if self.items.len() > MOST_ITEMS
            && let Some(oldest) = self.items.iter().position(|(_, cut)| cut.waiting == 0)
        {
            self.items.remove(oldest);
        }
    }

    /// The model takes the oldest cut of this item, or of everything.
    pub(super) fn take(&mut self, item: Option<&str>) {
        self.epoch += 1;
        let cut = match item {
            None => Some(&mut self.whole),
            Some(item) => self.items.iter_mut().find(|(name, _)| name == item).map(|(_, cut)| cut),
        };
        if let Some(cut) = cut {
            cut.waiting = cut.waiting.saturating_sub(1);
            cut.number = self.epoch;
        }
        if item.is_none() {
            self.forget_items();
        }
    }

    /// The model cuts everything.
    pub(super) fn told(&mut self) {
        self.epoch += 1;
        self.whole.number = self.epoch;
        self.forget_items();
    }

    /// What everything was cut behind needs no cut of its own any more.
    fn forget_items(&mut self) {
        self.items.retain(|(_, cut)| cut.waiting > 0);
    }

    /// Whether a cut drops sound of this item, of an answer that began in this epoch.
    pub(super) fn hits(&self, item: &str, epoch: u64) -> bool {
        self.whole.is_above(epoch) || self.items.iter().any(|(name, cut)| name == item && cut.is_above(epoch))
    }
}
