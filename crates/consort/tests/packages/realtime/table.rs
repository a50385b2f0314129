//! The table: what the official libraries do with live models of each kind, cell by cell.
use super::stage::Way;
use Cell::{Held, No, Partly};

/// Whether a library does something with a model.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell {
    Held,
    /// Held as far as it can be; and what cannot.
    Partly(&'static str),
    /// It cannot be, for this reason.
    No(&'static str),
}

/// What is done, each in a session of its own; a function of `py/table_openai.py` and of `py/table_google.py` each.
pub(super) const FEATURES: [&str; 7] = [
    // A turn in words, answered in words, and by the same session aloud.
    "text",
    // A turn as sound, by silence and by the client's word for its end, answered with sound whose tones are checked.
    "audio",
    // A tool is called, twice; its result is used, and the session goes on.
    "tools",
    // The client and the user cut an answer, each by what they have: the sound stops, and the next answer is the next one.
    "interruption",
    // Of an answer that was cut the conversation holds what was heard: for the client, the model, and another session.
    "truncation",
    // The vendor's connection is gone in the middle of an answer; nothing of the conversation is.
    "vanishing",
    // The vendor says that the session ends, and ends it.
    "leaving",
];

/// Who answers, by which id.
pub(super) struct Model {
    pub(super) name: &'static str,
    pub(super) id: &'static str,
}

pub(super) const MODELS: [Model; 5] = [
    // The demo's own.
    Model { name: "demo", id: "demo/live" },
    // A plugin in Python, a class that derives from `Realtime` (`py/minded_live.py`).
    Model { name: "plugin", id: "minded_live" },
    // A chat model with the test ears and voice; the chat model is behind HTTP (`py/chat.py`).
    Model { name: "cascade", id: "talker/chat" },
    // Vendors of both formats, played by scripted servers that are strict (`py/vendor_openai.py`, `py/vendor_gemini.py`).
    Model { name: "openai", id: "far/gpt-realtime" },
    Model { name: "gemini", id: "away/gemini-live" },
];

/// A library: its script, and what it does with each of the models.
pub(super) struct Library {
    pub(super) script: &'static str,
    /// How it speaks to a server.
    pub(super) way: Way,
    pub(super) cells: [[Cell; 7]; 5],
}

const FORGETS: Cell =
    Partly("the demo remembers nothing that was said: only the server's own conversation is looked at");
const HERE: Cell = No("it runs here: there is no connection that could end before the session does");
const ASKS: Cell =
    No("its chat model is asked anew for each answer: there is no connection that outlives one");
const UNTOLD: Cell =
    Partly("this vendor cannot be told what was heard while a session lasts: the next one is");
const UNSAID: Cell = Partly("the format has no word for it: what is looked at is what was not heard");

pub(super) const OPENAI: Library = Library {
    script: "table_openai.py",
    way: Way::Plain,
    cells: [
        [Held, Held, Held, Held, FORGETS, HERE, HERE],
        [
            Held,
            Held,
            Held,
            Held,
            Partly("a plugin is told that it was cut, not when: the next session is told what was heard"),
            HERE,
            HERE,
        ],
        [Held, Held, Held, Held, Held, ASKS, ASKS],
        [Held, Held, Held, Held, Held, Held, Held],
        [Held, Held, Held, Held, UNTOLD, Held, Held],
    ],
};

pub(super) const GOOGLE: Library = Library {
    script: "table_google.py",
    // Over TLS and nothing else.
    way: Way::Tls,
    cells: [
        [Held, Held, Held, Held, FORGETS, HERE, HERE],
        [Held, Held, Held, Held, UNSAID, HERE, HERE],
        [Held, Held, Held, Held, UNSAID, ASKS, ASKS],
        [Held, Held, Held, Held, UNSAID, Held, Held],
        [Held, Held, Held, Held, UNSAID, Held, Held],
    ],
};

impl Library {
    /// The cells that are to be filled, as `MODEL FEATURE`.
    pub(super) fn wanted(&self) -> Vec<String> {
        let of = |(model, cells): (&Model, &[Cell; 7])| {
            let filled = FEATURES.iter().zip(cells).filter(|(_, cell)| !matches!(cell, No(_)));
            filled.map(|(feature, _)| format!("{} {feature}", model.name)).collect::<Vec<_>>()
        };
        MODELS.iter().zip(&self.cells).flat_map(of).collect()
    }

    /// The same as the scripts take them, a model each.
    pub(super) fn arguments(&self) -> Vec<String> {
        let of = |model: &Model| {
            let wanted = self.wanted();
            let own = wanted.iter().filter_map(|cell| cell.strip_prefix(model.name)?.strip_prefix(' '));
            format!("{}={}:{}", model.name, model.id, own.collect::<Vec<_>>().join(","))
        };
        MODELS.iter().map(of).collect()
    }

    /// What is not held, and why, for whoever reads the test's output.
    pub(super) fn reasons(&self) -> String {
        let mut reasons = Vec::new();
        for (model, cells) in MODELS.iter().zip(&self.cells) {
            for (feature, cell) in FEATURES.iter().zip(cells) {
                if let Partly(why) | No(why) = cell {
                    reasons.push(format!("{} {feature}: {why}", model.name));
                }
            }
        }
        reasons.join("\n")
    }
}
