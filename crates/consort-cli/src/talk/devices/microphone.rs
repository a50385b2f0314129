//! The microphone: what a device hears, as frames of one shape.
use super::found::{Side, find, is_end};
use consort_core::{Error, Pcm};
use consort_realtime::audio::{Intake, Shape};
use cpal::Stream;
use cpal::traits::{DeviceTrait, StreamTrait};
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, channel};

const FRAME: Duration = Duration::from_millis(20);
/// So many pieces of a device wait at most: seconds of sound.
const WAITING: usize = 512;

/// It hears as long as it is held.
pub(in super::super) struct Microphone {
    _stream: Stream,
    heard: Receiver<Result<Vec<u8>, Error>>,
    intake: Intake,
    ready: VecDeque<Pcm>,
}

impl Microphone {
    pub(in super::super) fn open(name: Option<&str>) -> Result<Self, Error> {
        let side = Side::Microphone;
        let (device, config, format) = find(side, name)?;
        let (to, heard) = channel(WAITING);
        let gone = to.clone();
        let stream = device
            .build_input_stream_raw(
                config.config(),
                config.sample_format(),
                // Where nobody takes it, it is not heard: a device does not wait.
                move |data, _| drop(to.try_send(Ok(data.bytes().to_vec()))),
                move |error| {
                    if is_end(&error) {
                        drop(gone.try_send(Err(side.failed(&error))));
                    }
                },
                None,
            )
            .and_then(|stream| stream.play().map(|()| stream))
            .map_err(|error| side.failed(&error))?;
        let intake = Intake::new(format, Shape::MONO_24K, FRAME)?;
        Ok(Self { _stream: stream, heard, intake, ready: VecDeque::new() })
    }

    /// The next frame. It may be dropped and asked again at any time.
    pub(in super::super) async fn next(&mut self) -> Result<Pcm, Error> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(frame);
            }
            match self.heard.recv().await {
                Some(piece) => self.ready.extend(self.intake.push(&piece?)),
                // The stream that is held here sends.
                None => std::future::pending().await,
            }
        }
    }
}

impl fmt::Debug for Microphone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Microphone").finish_non_exhaustive()
    }
}
