//! Sound that is played: even frames, each at its time, out of whatever arrives whenever it does.
use super::format::Shape;
use super::framer::{Framer, Span};
use super::sound::pcm;
use consort_core::{Clock, Error, Pcm};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A frame that is later than this is not made up for: those behind it are as far apart as ever.
const LATEST: Duration = Duration::from_millis(100);
/// So many items may wait,
const ITEMS: usize = 10_000;
/// and, however short it sounds, so much: half an hour of what models speak is less.
const MEGABYTES: usize = 128;
/// So often may the shape of what waits change: each time something is to be made that converts it.
const CHANGES: usize = 1_000;

/// How a track plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackSettings {
    pub shape: Shape,
    pub frame: Duration,
    /// What comes into silence waits so long, or until so much is there: it hides that pieces come unevenly.
    pub prebuffer: Duration,
    /// A piece at the end that fills no frame waits so long for more, unless its item has ended.
    pub patience: Duration,
    pub idle: Idle,
    /// Where more than this waits, frames are given at once until no more than `prebuffer` does: for a microphone, whose
    /// delay would otherwise stay for ever.
    pub deepest: Option<Duration>,
    /// No more than this is taken.
    pub most: Duration,
}

/// What there is between sounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// No frames.
    Nothing,
    /// Frames of silence, from the first sound on.
    Silence,
}

impl TrackSettings {
    /// An answer on its way to whom it is for: it begins at once, and says nothing when there is nothing.
    pub fn speaker(shape: Shape) -> Self {
        Self {
            shape,
            frame: Duration::from_millis(20),
            prebuffer: Duration::ZERO,
            patience: Duration::from_millis(40),
            idle: Idle::Nothing,
            deepest: None,
            most: Duration::from_mins(30),
        }
    }

    /// What a microphone sends in fits and starts, or not at all while nobody speaks, as an even stream.
    pub fn microphone(shape: Shape) -> Self {
        Self {
            prebuffer: Duration::from_millis(60),
            idle: Idle::Silence,
            deepest: Some(Duration::from_millis(500)),
            ..Self::speaker(shape)
        }
    }
}

/// Sound that is played, in the time of its clock. It does nothing by itself: who owns it asks when the next frame is
/// due and takes it then, or waits for it with [`next`](Track::next).
///
/// Sound belongs to an item (an answer's, or a speaker's) and to an epoch. When somebody interrupts, [`flush`](Track::flush)
/// forgets what waits, tells how much of each item was heard, and from then on what still comes of epochs before is let
/// go. Nothing else is ever left out, and nothing is played twice.
///
/// ```
/// # use consort_core::{ManualClock, Pcm};
/// # use consort_realtime::audio::{Shape, Track, TrackSettings};
/// # use std::{sync::Arc, time::Duration};
/// let mut track = Track::new(TrackSettings::speaker(Shape::MONO_24K), Arc::new(ManualClock::default()));
/// track.write(1, "answer", Pcm { samples: vec![0; 24_000], rate: 24_000, channels: 1 })?;
/// let frame = pollster::block_on(track.next());
/// assert_eq!(frame.pcm.samples.len(), 480);
/// let flushed = track.flush(2);
/// assert_eq!(flushed.items[0].heard, Duration::from_millis(20));
/// # Ok::<(), consort_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Track {
    settings: TrackSettings,
    clock: Arc<dyn Clock>,
    framer: Framer<u64>,
    /// Frames that are given once more, before all else.
    again: VecDeque<Frame>,
    /// What is not yet wholly played, oldest first; the last one also when it is.
    items: VecDeque<Item>,
    numbered: u64,
    epoch: u64,
    /// When the next frame may be.
    next: Option<Instant>,
    /// Until when what came into silence waits.
    hold: Option<Instant>,
    /// When something last came.
    touched: Option<Instant>,
    /// Whether there was nothing to play when there should have been.
    dry: bool,
    catching_up: bool,
}

#[derive(Debug)]
struct Item {
    number: u64,
    name: Arc<str>,
    written: Duration,
    /// In frames.
    heard: u64,
    ended: bool,
}

/// A frame, and what it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub pcm: Pcm,
    /// When it was due.
    pub at: Instant,
    /// Whose sound it holds, in its order; the rest of it is silence.
    pub played: Vec<Played>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    pub item: Arc<str>,
    /// How many samples of each channel.
    pub frames: usize,
    /// How much of the item has been heard by the end of it.
    pub heard: Duration,
}

/// What was cut off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flushed {
    /// What had not been heard to its end, oldest first.
    pub items: Vec<Heard>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub item: Arc<str>,
    pub heard: Duration,
    pub dropped: Duration,
}

/// What the next frame would be.
enum Next {
    Again,
    Whole,
    Rest,
    Silence,
}

impl Track {
    pub fn new(settings: TrackSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings,
            clock,
            framer: Framer::new(settings.shape, settings.frame),
            again: VecDeque::new(),
            items: VecDeque::new(),
            numbered: 0,
            epoch: 0,
            next: None,
            hold: None,
            touched: None,
            dry: true,
            catching_up: false,
        }
    }

    /// Adds sound of any shape. False where it belongs to an epoch that was flushed, and is let go.
    pub fn write(&mut self, epoch: u64, item: &str, piece: Pcm) -> Result<bool, Error> {
        if epoch < self.epoch {
            return Ok(false);
        }
        let shape = Shape::of(&piece)?;
        let time = shape.time_of((piece.samples.len() / shape.width()) as u64);
        if time.is_zero() {
            return Ok(true);
        }
        self.check_room(item, shape, time, piece.size())?;
        let was_full = self.framer.is_full();
        let number = self.number_of(item);
        self.framer.push(number, piece)?;
        if let Some(last) = self.items.back_mut() {
            last.written += time;
        }
        self.touched = Some(self.clock.now());
        self.wake(was_full);
        Ok(true)
    }

    /// Whether there is room for such a piece: what waits is bounded in each way in which it can grow.
    fn check_room(&self, item: &str, shape: Shape, time: Duration, bytes: usize) -> Result<(), Error> {
        let most = self.settings.most;
        let (waiting, changes) = self.framer.load();
        let is_new = self.items.back().is_some_and(|last| &*last.name != item);
        let too_much = if self.framer.queued() + time > most {
            format!("more than {} s of sound wait to be played", most.as_secs())
        } else if waiting + bytes > MEGABYTES << 20 {
            format!("more than {MEGABYTES} MB of sound wait to be played")
        } else if changes >= CHANGES && self.framer.changes_with(shape) {
            format!("more than {CHANGES} changes of rate or channels wait to be played")
        } else if self.items.len() >= ITEMS && is_new {
            format!("the sound of more than {ITEMS} answers waits to be played")
        } else {
            return Ok(());
        };
        Err(Error::protocol(too_much))
    }

    /// No more will come of an item: what is left of it need not wait for more.
    pub fn end(&mut self, item: &str) {
        let was_full = self.framer.is_full();
        if let Some(item) = self.items.iter_mut().rev().find(|other| &*other.name == item) {
            item.ended = true;
        }
        self.wake(was_full);
        self.forget_heard(None);
    }

    /// Takes frames back that it gave and nobody heard, oldest first: they are given again, before what waits.
    pub fn take_back(&mut self, frames: Vec<Frame>) {
        let now = self.clock.now();
        if !frames.is_empty() && self.next.is_none_or(|next| next < now) {
            self.next = Some(now);
        }
        frames.into_iter().rev().for_each(|frame| self.again.push_front(frame));
    }

    /// Forgets what waits, and refuses what still comes of epochs before this one.
    pub fn flush(&mut self, epoch: u64) -> Flushed {
        self.epoch = self.epoch.max(epoch);
        let again = self.forget_again();
        let shape = self.settings.shape;
        let cut = |item: Item| {
            let heard = shape.time_of(item.heard).min(item.written);
            Heard { item: item.name, heard, dropped: item.written.saturating_sub(heard) }
        };
        self.framer.clear();
        (self.hold, self.dry, self.catching_up) = (None, true, false);
        let mut items = again;
        for item in self.items.drain(..).map(cut) {
            match items.last_mut().filter(|last| last.item == item.item) {
                Some(last) => last.dropped += item.dropped,
                None => items.push(item),
            }
        }
        Flushed { items }
    }

    /// What is not given again after all: of each item, how much was heard.
    fn forget_again(&mut self) -> Vec<Heard> {
        let shape = self.settings.shape;
        let mut items: Vec<Heard> = Vec::new();
        for one in self.again.drain(..).flat_map(|frame| frame.played) {
            let dropped = shape.time_of(one.frames as u64);
            match items.last_mut().filter(|last| last.item == one.item) {
                Some(last) => last.dropped += dropped,
                None => {
                    items.push(Heard { item: one.item, heard: one.heard.saturating_sub(dropped), dropped });
                }
            }
        }
        items
    }

    /// How much of an item has been heard; none where it is not being played, or no longer.
    pub fn heard(&self, item: &str) -> Option<Duration> {
        let waits = self.again.iter().flat_map(|frame| &frame.played).find(|one| &*one.item == item);
        if let Some(one) = waits {
            return Some(one.heard.saturating_sub(self.settings.shape.time_of(one.frames as u64)));
        }
        let item = self.items.iter().rev().find(|other| &*other.name == item)?;
        Some(self.settings.shape.time_of(item.heard).min(item.written))
    }

    /// How long what waits will sound.
    pub fn queued(&self) -> Duration {
        self.framer.queued() + self.settings.frame * self.again.len() as u32
    }

    /// When the next frame is to be taken, as far as is known.
    pub fn due(&mut self) -> Option<Instant> {
        self.plan().map(|(_, at)| at)
    }

    /// The frame that is due now, if there is one.
    pub fn take(&mut self) -> Option<Frame> {
        let (next, at) = self.plan()?;
        let now = self.clock.now();
        if at > now {
            return None;
        }
        if let Some(frame) = self.again.pop_front() {
            self.pace(at, now);
            return Some(Frame { at, ..frame });
        }
        let made = match next {
            Next::Again | Next::Silence => None,
            Next::Whole => self.framer.take(),
            Next::Rest => self.framer.rest(),
        };
        self.dry = made.is_none();
        self.hold = self.hold.filter(|_| self.dry);
        let (pcm, spans) = made.unwrap_or_else(|| (self.silence(), Vec::new()));
        let played = spans.into_iter().filter_map(|span| self.account(&span)).collect();
        self.pace(at, now);
        Some(Frame { pcm, at, played })
    }

    /// Waits for the next frame; for ever while nothing is written. It may be dropped and asked again at any time.
    pub async fn next(&mut self) -> Frame {
        loop {
            let Some(due) = self.due() else { std::future::pending().await };
            let wait = due.saturating_duration_since(self.clock.now());
            if !wait.is_zero() {
                self.clock.sleep(wait).await;
            }
            if let Some(frame) = self.take() {
                return frame;
            }
        }
    }

    /// The number of the item that is written now, which ends those before it.
    fn number_of(&mut self, name: &str) -> u64 {
        if let Some(last) = self.items.back_mut() {
            last.ended = &*last.name != name;
            if !last.ended {
                return last.number;
            }
        }
        self.numbered += 1;
        let number = self.numbered;
        self.items.push_back(Item {
            number,
            name: name.into(),
            written: Duration::ZERO,
            heard: 0,
            ended: false,
        });
        number
    }

    /// Something came: where there was nothing to play, time begins now.
    fn wake(&mut self, was_full: bool) {
        let now = self.clock.now();
        let late = self.next.is_none_or(|next| next <= now);
        if !was_full && (self.dry || late) && !self.framer.is_empty() {
            if self.hold.is_none() && !self.settings.prebuffer.is_zero() {
                self.hold = Some(now + self.settings.prebuffer);
            }
            if late {
                self.next = Some(now);
            }
        }
        if self.framer.queued() >= self.settings.prebuffer || self.has_ended() {
            self.hold = None;
        }
    }

    fn has_ended(&self) -> bool {
        self.items.back().is_none_or(|last| last.ended)
    }

    fn plan(&mut self) -> Option<(Next, Instant)> {
        let slot = self.next?;
        if !self.again.is_empty() {
            return Some((Next::Again, slot));
        }
        let held = self.hold.map_or(slot, |hold| slot.max(hold));
        let content = if self.framer.is_full() {
            Some((Next::Whole, held))
        } else if self.framer.is_empty() {
            None
        } else {
            let patient = self.touched.map_or(slot, |touched| touched + self.settings.patience);
            Some((Next::Rest, if self.has_ended() { held } else { held.max(patient) }))
        };
        match (content, self.settings.idle) {
            (Some((next, at)), Idle::Silence) if at <= slot => Some((next, at)),
            (_, Idle::Silence) => Some((Next::Silence, slot)),
            (content, Idle::Nothing) => content,
        }
    }

    fn silence(&self) -> Pcm {
        pcm(vec![0; self.framer.frame() * self.settings.shape.width()], self.settings.shape)
    }

    fn account(&mut self, span: &Span<u64>) -> Option<Played> {
        self.forget_heard(Some(span.owner));
        let shape = self.settings.shape;
        let item = self.items.iter_mut().find(|item| item.number == span.owner)?;
        item.heard += span.frames as u64;
        let heard = shape.time_of(item.heard).min(item.written);
        Some(Played { item: item.name.clone(), frames: span.frames, heard })
    }

    /// Forgets what was heard to its end: everything before the item that is playing, or what has ended when nothing waits.
    fn forget_heard(&mut self, playing: Option<u64>) {
        let is_empty = self.framer.is_empty();
        while self.items.front().is_some_and(|first| match playing {
            Some(playing) => first.number < playing,
            None => is_empty && first.ended,
        }) {
            self.items.pop_front();
        }
    }

    /// Sets when the next frame may be.
    fn pace(&mut self, at: Instant, now: Instant) {
        self.forget_heard(None);
        let queued = self.framer.queued();
        let deep = self.settings.deepest.is_some_and(|deepest| queued > deepest);
        self.catching_up = deep || self.catching_up && queued > self.settings.prebuffer;
        let frame = self.settings.frame;
        self.next = Some(match now.saturating_duration_since(at) {
            _ if self.catching_up => at,
            late if late > LATEST => now + frame,
            _ => at + frame,
        });
    }
}
