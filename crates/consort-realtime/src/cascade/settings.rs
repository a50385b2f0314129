//! How a cascade behaves, and its limits.
use consort_core::Object;
use std::time::Duration;

/// How a cascade behaves. The defaults are those of a talk between two people.
#[derive(Debug, Clone, PartialEq)]
pub struct CascadeSettings {
    /// The voice that speaks, by the speaker's name of it, where the session asks for none.
    pub voice: Option<String>,
    /// The language that is spoken, such as `en`; absent where nobody knows.
    pub language: Option<String>,
    /// So much silence ends a turn.
    pub silence: Duration,
    /// After so much silence the model is asked already; its answer is held back until the turn is over, and dropped where
    /// the turn goes on or is understood differently. None: it is asked at the end.
    pub eager: Option<Duration>,
    /// Less speech than this is no turn.
    pub least: Duration,
    /// So much speech interrupts an answer; less is a turn only where it is more than a "mhm".
    pub barge_in: Duration,
    /// Whether an answer that was interrupted by no words goes on.
    pub resume: bool,
    /// Words that interrupt nothing, beside those that are known.
    pub backchannels: Vec<String>,
    /// How many clauses are made sound of at the same time.
    pub ahead: usize,
    /// The chat model's own options.
    pub options: Object,
    pub limits: CascadeLimits,
}

/// How long a cascade waits, and how much it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CascadeLimits {
    /// For the words of a turn that is over, beside as long as it is: a third of this, and once more the rest.
    pub hearing: Duration,
    /// For the next sign of life of the chat model.
    pub thinking: Duration,
    /// For the next sound of a clause.
    pub speaking: Duration,
    /// For the results of tools; one that comes later is told with the next turn.
    pub tools: Duration,
    /// How often a turn's words, or a clause's sound, are asked for when that fails.
    pub tries: u32,
    /// A turn that is longer is over; one that nobody detects is understood in parts of this length.
    pub turn: Duration,
    /// How many times in a row a model may ask for tools.
    pub rounds: usize,
    /// How many turns are remembered.
    pub turns: usize,
}

impl Default for CascadeSettings {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            voice: None,
            language: None,
            silence: ms(500),
            eager: Some(ms(200)),
            least: ms(100),
            barge_in: ms(400),
            resume: true,
            backchannels: Vec::new(),
            ahead: 2,
            options: Object::new(),
            limits: CascadeLimits::default(),
        }
    }
}

impl Default for CascadeLimits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            hearing: seconds(15),
            thinking: seconds(30),
            speaking: seconds(15),
            tools: seconds(60),
            tries: 3,
            turn: seconds(120),
            rounds: 16,
            turns: 1000,
        }
    }
}
