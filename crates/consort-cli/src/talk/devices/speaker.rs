//! The speaker: frames on time, through a ring, to a device that asks when it likes.
use super::found::{Side, find, is_end};
use super::ring::Ring;
use consort_core::{Error, Pcm};
use consort_realtime::audio::{Converter, Format, Shape, Sound};
use cpal::Stream;
use cpal::traits::{DeviceTrait, StreamTrait};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, channel};

/// What is gathered before something is played, and the most that waits.
const BEFORE: Duration = Duration::from_millis(80);
const MOST: Duration = Duration::from_secs(30);
/// What a device holds itself, at most.
const HELD: Duration = Duration::from_millis(300);

/// It plays as long as it is held.
pub(in super::super) struct Speaker {
    _stream: Stream,
    ring: Arc<Mutex<Ring>>,
    failed: Receiver<Error>,
    format: Format,
    converter: Converter,
}

impl Speaker {
    pub(in super::super) fn open(name: Option<&str>) -> Result<Self, Error> {
        let side = Side::Speaker;
        let (device, config, format) = find(side, name)?;
        let bytes = |time| format.shape.frames_in(time) * format.frame_size();
        let ring = Arc::new(Mutex::new(Ring::new(bytes(BEFORE), bytes(MOST))));
        let (from, (gone, failed)) = (ring.clone(), channel(1));
        let stream = device
            .build_output_stream_raw(
                config.config(),
                config.sample_format(),
                move |data, _| lock(&from).pull(data.bytes_mut()),
                move |error| {
                    if is_end(&error) {
                        drop(gone.try_send(side.failed(&error)));
                    }
                },
                None,
            )
            .and_then(|stream| stream.play().map(|()| stream))
            .map_err(|error| side.failed(&error))?;
        let converter = Converter::new(format.shape.with_channels(1)?, format.shape)?;
        Ok(Self { _stream: stream, ring, failed, format, converter })
    }

    /// What it is to be given: the device's own rate.
    pub(in super::super) fn shape(&self) -> Shape {
        self.converter.from()
    }

    pub(in super::super) fn play(&mut self, pcm: &Pcm) -> Result<(), Error> {
        let sound = self.converter.push(&Sound::from_pcm(pcm)?)?;
        lock(&self.ring).push(&sound.to_bytes(self.format.encoding));
        Ok(())
    }

    /// Forgets what was not played yet.
    pub(in super::super) fn flush(&mut self) {
        lock(&self.ring).flush();
    }

    /// How much of all that it was given was played or dropped.
    pub(in super::super) fn position(&self) -> Duration {
        self.format.shape.time_of(lock(&self.ring).gone() / self.format.frame_size() as u64)
    }

    /// Why it plays no more.
    pub(in super::super) fn failure(&mut self) -> Option<Error> {
        self.failed.try_recv().ok()
    }

    /// Waits until all is played.
    pub(in super::super) async fn finish(&self) {
        let played = async {
            while !lock(&self.ring).is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // One that takes nothing is not waited for.
        if tokio::time::timeout(Duration::from_secs(2), played).await.is_ok() {
            tokio::time::sleep(HELD).await;
        }
    }
}

fn lock(ring: &Mutex<Ring>) -> MutexGuard<'_, Ring> {
    ring.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speaker").field("format", &self.format).finish_non_exhaustive()
    }
}
