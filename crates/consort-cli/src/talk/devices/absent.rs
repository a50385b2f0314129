//! What stands for devices in a program that was built without them.
use crate::exit;
use consort_core::{Error, Pcm};
use consort_realtime::audio::Shape;
use std::time::Duration;

/// There is none.
#[derive(Debug)]
pub(in super::super) enum Microphone {}

/// There is none.
#[derive(Debug)]
pub(in super::super) enum Speaker {}

fn absent(what: &str) -> Error {
    exit::usage(format!("this program was built without a {what}"))
        .hint("build it with one: `cargo build --release --package consort --features microphone`")
        .hint("the web chat has a microphone: `consort serve --open`")
}

impl Microphone {
    pub(in super::super) fn open(_name: Option<&str>) -> Result<Self, Error> {
        Err(absent("microphone"))
    }

    #[allow(clippy::unused_async, reason = "it is as the real one")]
    pub(in super::super) async fn next(&mut self) -> Result<Pcm, Error> {
        match *self {}
    }
}

impl Speaker {
    pub(in super::super) fn open(_name: Option<&str>) -> Result<Self, Error> {
        Err(absent("speaker"))
    }

    pub(in super::super) fn shape(&self) -> Shape {
        match *self {}
    }

    pub(in super::super) fn play(&mut self, _pcm: &Pcm) -> Result<(), Error> {
        match *self {}
    }

    pub(in super::super) fn flush(&mut self) {
        match *self {}
    }

    pub(in super::super) fn position(&self) -> Duration {
        match *self {}
    }

    pub(in super::super) fn failure(&mut self) -> Option<Error> {
        match *self {}
    }

    #[allow(clippy::unused_async, reason = "it is as the real one")]
    pub(in super::super) async fn finish(&self) {
        match *self {}
    }
}
