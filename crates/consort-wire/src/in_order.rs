//! One part after another: for formats whose parts do not interleave.
use consort_core::{Event, PartKey};
use std::collections::VecDeque;

/// Brings the events of parts into an order in which each part ends before the next one starts. What comes for
/// a later part waits until the ones before it have ended.
#[derive(Debug, Default)]
pub(crate) struct InOrder {
    open: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    part: PartKey,
    /// What came for it while another part was being written.
    events: Vec<Event>,
    ended: bool,
}

impl InOrder {
    /// Takes an event, and calls `sink` with what is due. Only the first answer's parts are passed on.
    pub(crate) fn push(&mut self, event: &Event, sink: &mut dyn FnMut(&Event)) {
        match event {
            Event::PartStart { part, choice: 0, .. } => {
                self.open.push_back(Waiting { part: *part, events: Vec::new(), ended: false });
                self.pass(*part, event, sink);
            }
            Event::PartStart { .. } => {}
            Event::PartDelta { part, .. } => self.pass(*part, event, sink),
            Event::PartEnd { part } => {
                self.pass(*part, event, sink);
                if let Some(waiting) = self.open.iter_mut().find(|waiting| waiting.part == *part) {
                    waiting.ended = true;
                }
                self.advance(sink);
            }
            Event::Finished(_) => {
                // A part that nobody ended ends here.
                let open = self.open.iter().filter(|waiting| !waiting.ended).map(|waiting| waiting.part);
                for part in open.collect::<Vec<_>>() {
                    self.push(&Event::PartEnd { part }, sink);
                }
                sink(event);
            }
            _ => sink(event),
        }
    }

    fn pass(&mut self, part: PartKey, event: &Event, sink: &mut dyn FnMut(&Event)) {
        match self.open.iter().position(|waiting| waiting.part == part) {
            Some(0) => sink(event),
            Some(at) => self.open[at].events.push(event.clone()),
            None => {}
        }
    }

    /// Drops what has ended, and passes on what waited behind it.
    fn advance(&mut self, sink: &mut dyn FnMut(&Event)) {
        while self.open.front().is_some_and(|first| first.ended) {
            self.open.pop_front();
            if let Some(next) = self.open.front_mut() {
                std::mem::take(&mut next.events).iter().for_each(&mut *sink);
            }
        }
    }
}
