//! A live session held for a surface: what is said goes in, frames to play and what happens come out.
//!
//! ```text
//!  microphone, words, pictures ─► Call ─► the session's sink
//!  the session's events ────────► Call ─► CallEvent::Frame    20 ms to play, each at its time
//!                                   │ ───► CallEvent::Session  all that is no sound
//!                                   │ ───► CallEvent::Cut      forget what was not played yet
//!                                   └────► the log: what was said, as far as it was heard
//! ```
//!
//! A call paces the answer's sound and forgets it when somebody speaks into it, tells the model how much was heard, runs
//! the tools that the model asks for, and keeps the conversation: the user's turns by their transcripts, the model's as
//! they were heard. It does nothing by itself: whoever holds it awaits [`next`](Call::next) again and again.
//!
//! ```
//! use consort_core::{Context, SessionConfig, SessionEvent};
//! use consort_realtime::call::{Call, CallEvent, CallSetup, Pace};
//! # use consort_core::Host;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let model = Host::new().provider(consort_providers::DemoProvider::new()).find_realtime("demo/live").await?;
//! let mut setup = CallSetup::new(SessionConfig::default(), Context::default());
//! setup.pace = Pace::AtOnce;
//! let mut call = Call::open(model.as_ref(), setup).await?;
//! call.say("Good morning!");
//! call.close();
//! let (mut frames, mut words) = (0, String::new());
//! while let Some(event) = call.next().await {
//!     match event {
//!         CallEvent::Frame(_) => frames += 1,
//!         CallEvent::Session(SessionEvent::Transcript { text, .. }) => words = text,
//!         _ => {}
//!     }
//! }
//! assert_eq!((frames, words.as_str()), (32, "You said: Good morning!"));
//! # Ok::<(), consort_core::Error>(()) }).unwrap();
//! ```
mod ahead;
mod answer;
mod end;
mod event;
mod hold;
mod keep;
mod knows;
mod minutes;
mod open;
mod said;
mod say;
mod spoken;
mod tools;
mod turns;

pub use event::{CallEvent, Pace};
pub use hold::Call;
pub use open::{CallSetup, Keep};
