//! The library that people depend on: the contract, assistants, and a host that runs.
//!
//! [`Host`] is where providers come together. Whatever implements the contract can be added: the same type that is served
//! as a plugin by `consort-plugin` compiles into a program of your own. With the feature `cli`, which is on unless it is
//! turned off, the host is the whole program.
//!
//! An [`Assistant`] answers with a model, remembers, and uses tools. An [`engine`] keeps the conversations of
//! many models. [`ask_for`] gives an answer as a Rust value.
//!
//! This crate must never know: how anything is done. It names what the other crates do.
pub use consort_core::*;
pub use consort_engine::{
    Approval, Engine, Envelope, NoMemory, StoreMemory, Structured, StructuredError, ToolLimits, Tools, What,
    ask_for, function, structured,
};
pub use consort_routes as routes;
#[cfg(feature = "sqlite")]
pub use consort_store::SqliteStore;
pub use consort_store::{ConversationId, MemoryStore, Store};

pub use consort_engine as engine;
#[cfg(feature = "providers")]
pub use consort_providers as providers;
#[cfg(feature = "voice")]
pub use consort_realtime as realtime;
#[cfg(feature = "providers")]
pub use consort_settings as settings;
pub use consort_store as store;

mod assistant;
mod host;

pub use assistant::{
    Ability, Assistant, AssistantBuilder, Check, Failed, Health, Input, Reply, Said, Talk, Toolset,
};
#[cfg(feature = "testing")]
pub use consort_engine::testing;
pub use host::Host;

/// The guides for library users: their examples are tests.
#[cfg(all(doctest, feature = "cli"))]
mod guides {
    #[doc = include_str!("../../../docs/guides/library.md")]
    struct Library;

    #[doc = include_str!("../../../docs/guides/assistants.md")]
    struct Assistants;

    #[doc = include_str!("../../../docs/guides/memory-backends.md")]
    struct MemoryBackends;

    #[doc = include_str!("../../../docs/guides/abilities.md")]
    struct Abilities;
}
