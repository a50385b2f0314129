//! Schedules of all kinds, with connections that end anywhere: no event but sound is lost or told twice, what was said is known
//! to the next connection in its order, nothing that was typed and no result is lost, and each session has one end.
mod check;

use super::vendor::{Server, Tongue, Vendor, script};
use base64::{Engine, engine::general_purpose::STANDARD};
use check::{check_events, check_past, check_pictures, in_force, short};
use consort_core::{
    CloseReason, Media, Part, Pcm, SessionEvent, SessionInput, SessionSink, SessionUpdate, Speaker,
    ToolResult, TranscriptMode,
};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// When a user's words are told: before speech has stopped, behind it, behind the answer, or behind the words of the next turn.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Words {
    Before,
    After,
    Behind,
    Swapped,
    /// They could not be written down.
    Never,
}

/// One thing that a server does.
#[derive(Debug, Clone)]
enum Act {
    User(Words),
    Answer,
    Call,
    Wait(u64),
    Stall(u64),
    Garbage,
    Leave,
    Close(u16),
}

/// One thing that is said to the session, after a wait.
#[derive(Debug, Clone)]
enum Said {
    Words,
    /// So many pieces of a microphone.
    Sound(usize),
    Commit,
    Picture,
    /// Nothing was heard of the answer that sounded last: by its name, or without.
    Interrupt {
        named: bool,
    },
    Update,
}

fn act() -> impl Strategy<Value = Act> {
    let words = prop_oneof![
        Just(Words::Before),
        Just(Words::After),
        Just(Words::Behind),
        Just(Words::Swapped),
        Just(Words::Never)
    ];
    prop_oneof![
        6 => words.prop_map(Act::User),
        3 => Just(Act::Answer),
        2 => Just(Act::Call),
        3 => (0_u64..3_000).prop_map(Act::Wait),
        1 => (0_u64..9_000).prop_map(Act::Stall),
        1 => Just(Act::Garbage),
        1 => Just(Act::Leave),
        1 => prop_oneof![Just(1001_u16), Just(1006), Just(1011)].prop_map(Act::Close),
    ]
}

fn said() -> impl Strategy<Value = (u64, Said)> {
    let what = prop_oneof![
        3 => Just(Said::Words),
        2 => (1_usize..100).prop_map(Said::Sound),
        1 => Just(Said::Commit),
        1 => Just(Said::Picture),
        1 => any::<bool>().prop_map(|named| Said::Interrupt { named }),
        1 => Just(Said::Update),
    ];
    (0_u64..2_000, what)
}

/// What a server does next, and what is owed to the caller by it.
enum Do {
    Tell(Value, Vec<Owed>),
    Wait(u64),
    Stall(u64),
    Garbage,
    Leave,
    Close(u16),
}

#[derive(Debug, Clone)]
enum Owed {
    /// A place in the conversation, for these words.
    Place(String),
    /// Words of the user or of the model that are told for good, now or when the connection ends.
    User(String),
    Agent(String),
    /// All sound of these words was told: else nobody heard them.
    Whole(String),
    Call(String),
    Started,
    Stopped,
    Done,
}

/// What all connections owe.
#[derive(Debug, Default)]
struct Told {
    places: Vec<String>,
    all: Vec<Owed>,
}

impl Told {
    fn of(&self, pick: impl Fn(&Owed) -> Option<&String>) -> Vec<&str> {
        self.all.iter().filter_map(pick).map(String::as_str).collect()
    }

    fn count(&self, is_it: impl Fn(&Owed) -> bool) -> usize {
        self.all.iter().filter(|owed| is_it(owed)).count()
    }
}

/// Messages, what the first of them owes, and what the last does.
fn tell(into: &mut Vec<Do>, messages: Vec<Value>, first: Vec<Owed>, last: Vec<Owed>) {
    let end = messages.len().saturating_sub(1);
    for (at, message) in messages.into_iter().enumerate() {
        let mut owed = Vec::new();
        owed.extend(first.iter().filter(|_| at == 0).cloned());
        owed.extend(last.iter().filter(|_| at == end).cloned());
        into.push(Do::Tell(message, owed));
    }
}

fn answer(tongue: Tongue, name: &str, into: &mut Vec<Do>) {
    let words = format!("answer {name}.");
    let begun = vec![Owed::Place(words.clone()), Owed::Done];
    // Its sound comes first, and its words behind that.
    tell(into, tongue.begin(name, &words), begun, vec![Owed::Agent(words.clone())]);
    tell(into, tongue.done(name, &words), vec![Owed::Whole(words.clone())], Vec::new());
}

fn user(tongue: Tongue, name: &str, words: Words, into: &mut Vec<Do>) {
    let said = format!("said {name}.");
    let (place, known) = (Owed::Place(said.clone()), Owed::User(said.clone()));
    if tongue.is_gemini() {
        // It tells of speech by words alone, and words come before the answer to them.
        if words == Words::After {
            return tell(into, vec![tongue.user(name, &said)], vec![place, known], Vec::new());
        }
        tell(into, vec![tongue.user_begins(name, &said)], vec![place, known], Vec::new());
        return answer(tongue, name, into);
    }
    tell(into, tongue.starts(name), vec![Owed::Started], Vec::new());
    let stops = |into: &mut Vec<Do>, place: Vec<Owed>| {
        let owed = [vec![Owed::Stopped], place].concat();
        tell(into, tongue.stops(name), owed, Vec::new());
    };
    match words {
        Words::Before => {
            tell(into, vec![tongue.user_begins(name, "...")], vec![place], Vec::new());
            stops(into, Vec::new());
            tell(into, vec![tongue.user(name, &said)], vec![known], Vec::new());
        }
        Words::After => {
            stops(into, vec![place]);
            tell(into, vec![tongue.user(name, &said)], vec![known], Vec::new());
        }
        Words::Behind => {
            stops(into, vec![place]);
            answer(tongue, name, into);
            tell(into, vec![tongue.user(name, &said)], vec![known], Vec::new());
        }
        Words::Swapped => {
            stops(into, vec![place]);
            answer(tongue, name, into);
            user(tongue, &format!("{name}b"), Words::After, into);
            tell(into, vec![tongue.user(name, &said)], vec![known], Vec::new());
        }
        Words::Never => {
            stops(into, Vec::new());
            let kind = "conversation.item.input_audio_transcription.failed";
            let failed = json!({"type": kind, "item_id": name, "error": {"message": "unclear"}});
            tell(into, vec![failed], Vec::new(), Vec::new());
        }
    }
}

/// What a server does on its connection of this number.
fn plan(tongue: Tongue, number: usize, acts: Vec<Act>) -> Vec<Do> {
    let mut all = Vec::new();
    for (at, act) in acts.into_iter().enumerate() {
        let name = format!("{number}-{at}");
        match act {
            Act::User(words) => user(tongue, &name, words, &mut all),
            Act::Answer => answer(tongue, &name, &mut all),
            Act::Call => {
                let call = format!("c{name}");
                let mut messages = tongue.call(&name, &call);
                if tongue.is_gemini() {
                    messages.push(json!({"serverContent": {"turnComplete": true}}));
                    tell(&mut all, messages, vec![Owed::Done, Owed::Call(call)], Vec::new());
                } else {
                    let end = messages.split_off(2);
                    tell(&mut all, messages, vec![Owed::Done], vec![Owed::Call(call)]);
                    tell(&mut all, end, Vec::new(), Vec::new());
                }
            }
            Act::Wait(ms) => all.push(Do::Wait(ms)),
            Act::Stall(ms) => all.push(Do::Stall(ms)),
            Act::Garbage => all.push(Do::Garbage),
            Act::Leave => all.push(Do::Leave),
            Act::Close(code) => all.push(Do::Close(code)),
        }
    }
    all
}

/// Does it, up to its end or to where it is cut.
async fn play(tongue: Tongue, plan: Vec<Do>, told: Arc<Mutex<Told>>, mut server: Server) {
    tongue.open(&mut server).await;
    for act in plan {
        if server.is_left() {
            // What it would have said nobody hears, and nobody is owed.
            return server.end(None, "");
        }
        match act {
            Do::Tell(message, owed) => {
                {
                    let mut told = told.lock().unwrap();
                    for owed in owed {
                        match owed {
                            Owed::Place(words) => told.places.push(words),
                            owed => told.all.push(owed),
                        }
                    }
                }
                server.tell([message]);
            }
            Do::Wait(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Do::Stall(ms) => {
                server.stall(true);
                tokio::time::sleep(Duration::from_millis(ms)).await;
                server.stall(false);
            }
            Do::Garbage => server.bytes("{\"type"),
            Do::Leave => {
                server.let_hear().await;
                server.tell([tongue.expired()]);
                return server.rest().await;
            }
            Do::Close(code) => {
                server.let_hear().await;
                return server.end(Some(code), "");
            }
        }
    }
    server.let_hear().await;
    server.end(None, "");
}

/// Longer than a goodbye may take.
const LEAVING: Duration = Duration::from_millis(2_100);

/// The answers that the caller heard something of.
#[derive(Debug, Default)]
struct Heard {
    answers: Vec<Answer>,
    /// Whether a wish for silence was said: what comes behind it may be what it cuts, since it may be on its way for long.
    is_hushed: bool,
    /// Whether no connection is there.
    is_apart: bool,
}

#[derive(Debug)]
struct Answer {
    item: String,
    words: String,
    /// When the last sound of it came, and whether nothing more of it comes.
    sounded: tokio::time::Instant,
    is_over: bool,
    /// Since when it is cut, before anything of it was heard; whether another connection followed that knows it; and whether it
    /// may have been cut.
    cut: Option<tokio::time::Instant>,
    is_gone: bool,
    may_be_cut: bool,
}

impl Heard {
    fn answer(&mut self, item: &str) -> &mut Answer {
        let at = self.answers.iter().rposition(|answer| answer.item == item).unwrap_or_else(|| {
            let (item, words, sounded) = (item.to_owned(), String::new(), tokio::time::Instant::now());
            let may_be_cut = self.is_hushed;
            self.answers.push(Answer {
                item,
                words,
                sounded,
                is_over: false,
                cut: None,
                is_gone: false,
                may_be_cut,
            });
            self.answers.len() - 1
        });
        &mut self.answers[at]
    }

    fn event(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::Audio { item, .. } => self.answer(item).sounded = tokio::time::Instant::now(),
            SessionEvent::AudioDone { item, .. } => self.answer(item).is_over = true,
            SessionEvent::Transcript { item, by: Speaker::Assistant, text, .. } => {
                self.answer(item).words.clone_from(text);
            }
            SessionEvent::Reconnecting { .. } => {
                self.is_apart = true;
                for answer in &mut self.answers {
                    answer.is_over = true;
                    // It may wait while a connection is left, and another is told what was said before it takes anything.
                    let cut = answer.cut.take().map(|cut| cut.elapsed());
                    answer.is_gone |= cut.is_some_and(|ago| ago > LEAVING);
                }
            }
            SessionEvent::Connected { .. } => self.is_apart = false,
            _ => {}
        }
    }

    /// The wish for silence. It cuts what is under way, and what waits to be played: what was over and played a while ago stays.
    fn interrupt(&mut self, named: bool) -> SessionInput {
        let now = tokio::time::Instant::now();
        let played = Duration::from_millis(5);
        self.is_hushed = true;
        for answer in
            self.answers.iter_mut().filter(|answer| !answer.is_over || answer.sounded + played > now)
        {
            answer.may_be_cut = true;
        }
        let last = self.answers.last_mut().filter(|_| named);
        let item = last.map(|answer| {
            answer.may_be_cut = true;
            answer.cut = Some(now).filter(|_| !self.is_apart);
            answer.item.clone()
        });
        SessionInput::Interrupt { item, heard: Duration::ZERO }
    }

    /// Whether an answer of these words is told, as far as that is known: on a connection that stalls nothing is taken.
    fn is_told(&self, words: &str, stalls: bool) -> Option<bool> {
        match self.answers.iter().find(|answer| answer.words == words) {
            Some(answer) if answer.is_gone && !stalls => Some(false),
            Some(answer) if answer.may_be_cut => None,
            _ => Some(true),
        }
    }
}

/// Says everything, and closes the session when the last connection heard what there is.
async fn say(
    sink: SessionSink,
    tongue: Tongue,
    inputs: Vec<(u64, Said)>,
    vendor: Arc<Vendor>,
    last: usize,
    heard: Arc<Mutex<Heard>>,
) {
    let (mut number, mut pictures, mut updates) = (0, 0, 0);
    for (wait, said) in inputs {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        match said {
            Said::Words if tongue.reads() => {
                sink.send(SessionInput::text(format!("typed {number}."))).await.unwrap();
                number += 1;
            }
            Said::Words => {}
            Said::Sound(pieces) => {
                for _ in 0..pieces {
                    sink.push(SessionInput::Audio(Pcm::mono(vec![1; 480], 24_000))).unwrap();
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            Said::Commit => sink.send(SessionInput::Commit).await.unwrap(),
            Said::Picture => {
                let media = Media::bytes("image/png", picture(pictures));
                sink.send(SessionInput::Image { media }).await.unwrap();
                pictures += 1;
            }
            Said::Interrupt { named } => {
                let input = heard.lock().unwrap().interrupt(named);
                sink.send(input).await.unwrap();
            }
            Said::Update => {
                updates += 1;
                let instructions = Some(format!("Be number {updates}."));
                let update = SessionUpdate { instructions, ..SessionUpdate::default() };
                sink.send(SessionInput::Update { update }).await.unwrap();
            }
        }
    }
    while vendor.connections() <= last {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Longer than a stall lasts, which may be of a connection that was left.
    tokio::time::sleep(Duration::from_secs(15)).await;
    sink.close();
}

fn picture(number: usize) -> Vec<u8> {
    format!("picture number {number:03}").into_bytes()
}

async fn run(
    tongue: Tongue,
    connections: Vec<(Vec<Act>, Option<Index>)>,
    inputs: Vec<(u64, Said)>,
) -> Result<(), TestCaseError> {
    let told = Arc::<Mutex<Told>>::default();
    let stalls = connections.iter().flat_map(|(acts, _)| acts).any(|act| matches!(act, Act::Stall(_)));
    let mut scripts: Vec<_> = Vec::new();
    for (number, (acts, cut)) in connections.into_iter().enumerate() {
        let mut plan = plan(tongue, number, acts);
        if let Some(cut) = cut.filter(|_| !plan.is_empty()) {
            plan.truncate(cut.index(plan.len()));
        }
        let told = told.clone();
        scripts.push(script(move |server| play(tongue, plan, told, server)));
    }
    let last = scripts.len();
    let count = |is_it: fn(&Said) -> bool| inputs.iter().filter(|(_, said)| is_it(said)).count();
    let (updates, pictures) =
        (count(|said| matches!(said, Said::Update)), count(|said| matches!(said, Said::Picture)));
    // Some take settings by another connection only.
    for _ in 0..=updates {
        scripts.push(script(move |mut server: Server| async move {
            tongue.open(&mut server).await;
            server.rest().await;
        }));
    }
    let vendor = Vendor::new(scripts);
    let mut session = tongue.session(&vendor).await;
    let typed = inputs.iter().filter(|(_, said)| tongue.reads() && matches!(said, Said::Words)).count();
    // Whether the user says of what was said aloud that it was a turn.
    let has_turns = inputs.iter().any(|(_, said)| matches!(said, Said::Commit));
    let answers = Arc::<Mutex<Heard>>::default();
    tokio::spawn(say(session.sink.clone(), tongue, inputs, vendor.clone(), last, answers.clone()));
    let mut events = Vec::new();
    while let Some(event) = session.events.next().await {
        answers.lock().unwrap().event(&event);
        if let SessionEvent::ToolCall { call } = &event {
            let content = vec![Part::text(format!("result of {}", call.id))];
            let (call_id, name) = (call.id.clone(), call.name.clone());
            let result = ToolResult { call_id, name, content, is_error: false };
            // The session may be over.
            let _ = session.sink.push(SessionInput::ToolResult { result });
        }
        events.push(event);
    }
    let told = told.lock().unwrap();
    check_events(tongue, &events, &told, vendor.connections())?;
    let last = vendor.connections() - 1;
    let heard = in_force(vendor.heard(last)).into_iter().map(short).collect();
    let heard = Value::Array(heard).to_string();
    check_past(tongue, &heard, &told, &answers.lock().unwrap(), typed, has_turns, stalls)?;
    check_pictures(tongue, &heard, pictures)?;
    // Gemini's leave when nobody speaks, which may be later.
    let is_updated = updates == 0 || tongue.is_gemini() || heard.contains(&format!("Be number {updates}."));
    prop_assert!(is_updated, "{}", heard);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_schedule_of_connections_loses_nothing_but_sound(
        connections in proptest::collection::vec((proptest::collection::vec(act(), 0..8), any::<Option<Index>>()), 1..4),
        inputs in proptest::collection::vec(said(), 0..8),
        tongue in proptest::sample::select(super::vendor::TONGUES.to_vec()),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(tongue, connections, inputs))?;
    }
}
