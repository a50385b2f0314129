//! Our client against our server, for any schedule of turns: what the model tells arrives, all of it but sound that was cut.
use consort_core::{
    Arguments, Error, ErrorKind, Finish, FinishReason, FunctionSpec, Part, Pcm, SessionConfig, SessionEvent,
    SessionInput, SessionUpdate, Speaker, ToolCall, ToolResult, TranscriptMode, Usage,
};
use consort_realtime::wire::served::Reply;
use consort_realtime::wire::{
    GeminiLive, GeminiQuirks, GeminiServed, LiveWire, OpenAiLive, OpenAiQuirks, OpenAiServed, ServedWire,
    Step,
};
use proptest::prelude::*;
use serde_json::json;
use std::collections::HashMap;
use std::time::Duration;

/// Both ends of one connection, without one.
struct Both {
    client: Box<dyn LiveWire>,
    server: Box<dyn ServedWire>,
    at: Duration,
    /// What the client's session heard, and what the model's was told.
    heard: Vec<SessionEvent>,
    told: Vec<SessionInput>,
    opened: Vec<SessionConfig>,
}

impl Both {
    fn new(client: Box<dyn LiveWire>, server: Box<dyn ServedWire>) -> Self {
        let (at, heard, told, opened) = (Duration::ZERO, Vec::new(), Vec::new(), Vec::new());
        let mut both = Self { client, server, at, heard, told, opened };
        let step = both.client.open(&[]);
        both.serve(step);
        let greeting = both.server.greet();
        both.hear(greeting);
        both
    }

    fn openai() -> Self {
        let tools = vec![FunctionSpec::new("clock", "", json!({"type": "object"}))];
        let config = SessionConfig { tools, ..SessionConfig::default() };
        let client = OpenAiLive::new(config, OpenAiQuirks::default());
        let mut both = Self::new(Box::new(client), Box::new(OpenAiServed::new("m", "t")));
        both.input(SessionInput::text("Hello!"));
        both
    }

    /// The first words are answered by nothing; what is told from now on counts.
    fn answered(mut self) -> Self {
        self.tell(SessionEvent::TurnDone { finish: FinishReason::Stop.into(), usage: None });
        self.heard.clear();
        self
    }

    fn gemini() -> Self {
        let client = GeminiLive::new("m", SessionConfig::default(), GeminiQuirks::default());
        let mut both = Self::new(Box::new(client), Box::new(GeminiServed::new("t")));
        both.input(SessionInput::text("Hello!"));
        both
    }

    fn serve(&mut self, step: Step) {
        self.heard.extend(step.events);
        for message in step.messages {
            let reply = self.server.message(message.as_bytes(), self.at);
            self.hear(reply);
        }
    }

    fn hear(&mut self, reply: Reply) {
        self.opened.extend(reply.open);
        self.told.extend(reply.inputs);
        for message in reply.messages {
            let step = self.client.message(message.as_bytes());
            self.serve(step);
        }
    }

    fn input(&mut self, input: SessionInput) {
        let step = self.client.input(input);
        self.serve(step);
    }

    /// The model tells something, a millisecond later.
    fn tell(&mut self, event: SessionEvent) {
        self.at += Duration::from_millis(1);
        let reply = self.server.event(event, self.at);
        self.hear(reply);
        self.tick();
    }

    fn tick(&mut self) {
        if self.server.due().is_some_and(|due| due <= self.at) {
            let reply = self.server.tick(self.at);
            self.hear(reply);
        }
    }
}

/// How one turn goes.
#[derive(Debug, Clone)]
struct Turn {
    /// Pieces of what the user says, and where among the answer's events they come.
    user: Vec<(String, usize)>,
    /// Pieces of the answer: with words, with sound.
    answer: Vec<(String, usize)>,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Done,
    Length,
    Calls(usize),
    CutBySpeech,
    CutByModel,
    Failed,
    Written,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let ends = [
        End::Done,
        End::Done,
        End::Length,
        End::Calls(1),
        End::Calls(2),
        End::CutBySpeech,
        End::CutByModel,
        End::Failed,
        End::Written,
    ];
    let piece = ("[a-zäß ]{1,6}", 0_usize..6);
    let turn = (
        proptest::collection::vec(piece.clone(), 0..4),
        proptest::collection::vec(piece, 1..6),
        proptest::sample::select(ends.to_vec()),
    );
    proptest::collection::vec(turn.prop_map(|(user, answer, end)| Turn { user, answer, end }), 1..8)
}

fn transcript(by: Speaker, number: usize, mode: TranscriptMode, text: &str) -> SessionEvent {
    SessionEvent::Transcript { item: format!("{}{number}", by.as_str()), by, mode, text: text.to_owned() }
}

/// What a model tells of a turn; of one that was `spoken` into the answer before, the words only.
fn events(turn: &Turn, number: usize, interleaves: bool, spoken: bool) -> Vec<SessionEvent> {
    let (user, model) = (Speaker::User, Speaker::Assistant);
    let item = format!("assistant{number}");
    let mut late: Vec<(SessionEvent, usize)> = Vec::new();
    let mut events = Vec::new();
    if !turn.user.is_empty() {
        if !spoken {
            events.push(SessionEvent::SpeechStarted { by: user });
            events.push(SessionEvent::SpeechStopped { by: user });
        }
        let mut whole = String::new();
        let mut place = 0;
        for (piece, after) in &turn.user {
            whole += piece;
            place += after;
            late.push((transcript(user, number, TranscriptMode::Delta, piece), place));
        }
        late.push((transcript(user, number, TranscriptMode::Final, &whole), place));
    }
    if !interleaves {
        events.extend(late.drain(..).map(|(event, _)| event));
    }
    let mut answer = Vec::new();
    let mut said = String::new();
    let done = |reason: FinishReason, word: Option<&str>| SessionEvent::TurnDone {
        finish: word.map_or_else(|| reason.into(), |word| Finish::new(reason, word)),
        usage: (!matches!(reason, FinishReason::ToolCalls | FinishReason::Other)).then(|| Usage {
            input: Some(10 + number as u64),
            output: Some(5),
            total: Some(15 + number as u64),
            ..Usage::default()
        }),
    };
    let cut = matches!(turn.end, End::CutBySpeech | End::CutByModel);
    if turn.end == End::Written {
        let text =
            |(piece, _): &(String, usize)| SessionEvent::Text { item: item.clone(), text: piece.clone() };
        answer.extend(turn.answer.iter().map(text));
        answer.push(done(FinishReason::Stop, None));
    } else if let End::Calls(count) = turn.end {
        for call in 0..count {
            let call = ToolCall {
                id: format!("c{number}_{call}"),
                name: "clock".into(),
                arguments: Arguments::new("{\"a\":1}"),
            };
            answer.push(SessionEvent::ToolCall { call });
        }
        answer.push(done(FinishReason::ToolCalls, None));
    } else {
        for (at, (piece, samples)) in turn.answer.iter().enumerate() {
            if at == 0 {
                answer.push(SessionEvent::SpeechStarted { by: model });
            }
            if at == 0 || *samples > 0 {
                let pcm = Pcm::mono(vec![1; 24 * (samples + 1)], 24_000);
                answer.push(SessionEvent::audio(item.clone(), pcm));
            }
            said += piece;
            answer.push(transcript(model, number, TranscriptMode::Delta, piece));
        }
        if turn.end == End::CutBySpeech {
            answer.push(SessionEvent::SpeechStarted { by: user });
        }
        if cut {
            answer.push(SessionEvent::Interrupted { item: Some(item.clone()) });
        }
        answer.push(SessionEvent::AudioDone { item: item.clone(), interrupted: cut });
        answer.push(SessionEvent::SpeechStopped { by: model });
        answer.push(transcript(model, number, TranscriptMode::Final, &said));
        if turn.end == End::Failed {
            answer.push(SessionEvent::Error { error: Error::new(ErrorKind::Server, "it broke") });
        }
        answer.push(match turn.end {
            End::Done => done(FinishReason::Stop, None),
            End::Length => done(FinishReason::Length, None),
            End::Failed => done(FinishReason::Other, Some("failed")),
            _ => done(FinishReason::Other, Some("interrupted")),
        });
        if turn.end == End::CutBySpeech {
            answer.push(SessionEvent::SpeechStopped { by: user });
        }
    }
    for (event, place) in late.into_iter().rev() {
        answer.insert(place.min(answer.len()), event);
    }
    events.extend(answer);
    events
}

/// Events of one side in short, items by the order in which they appear.
fn lane(events: &[SessionEvent], by_user: bool, keeps: impl Fn(&SessionEvent) -> bool) -> Vec<String> {
    let mut names: HashMap<String, usize> = HashMap::new();
    let mut short = Vec::new();
    for event in events {
        let is_users = matches!(
            event,
            SessionEvent::SpeechStarted { by: Speaker::User }
                | SessionEvent::SpeechStopped { by: Speaker::User }
                | SessionEvent::Transcript { by: Speaker::User, .. }
        );
        if is_users != by_user || !keeps(event) {
            continue;
        }
        let mut name = |item: &str| {
            let next = names.len();
            *names.entry(item.to_owned()).or_insert(next)
        };
        short.push(match event {
            SessionEvent::Transcript { item, mode, text, .. } => format!("{mode:?} {} {text}", name(item)),
            SessionEvent::Text { item, text } => format!("text {} {text}", name(item)),
            SessionEvent::AudioDone { item, interrupted } => format!("hush {} {interrupted}", name(item)),
            SessionEvent::Interrupted { item } => format!("cut {}", name(item.as_deref().unwrap_or("-"))),
            SessionEvent::ToolCall { call } => format!("call {} {}", call.id, call.arguments.raw()),
            SessionEvent::TurnDone { finish, usage } => {
                let counts = usage.as_ref().map(|usage| (usage.input, usage.output, usage.total));
                format!("done {} {counts:?}", finish.reason.as_str())
            }
            other => other.kind().to_owned(),
        });
    }
    short
}

fn sound_of(events: &[SessionEvent]) -> usize {
    let lengths = events.iter().map(|event| match event {
        SessionEvent::Audio { pcm, .. } => pcm.samples.len(),
        _ => 0,
    });
    lengths.sum()
}

fn is_told(event: &SessionEvent) -> bool {
    !matches!(event.kind(), "audio" | "native" | "connected" | "warning")
}

/// Plays turns through both ends; gives what the model told.
fn play(both: &mut Both, turns: &[Turn], interleaves: bool) -> Vec<SessionEvent> {
    let (mut all, mut spoken) = (Vec::new(), false);
    for (number, turn) in turns.iter().enumerate() {
        let told = events(turn, number, interleaves, spoken);
        spoken = turn.end == End::CutBySpeech;
        for event in told {
            all.push(event.clone());
            both.tell(event);
        }
        if let End::Calls(count) = turn.end {
            for call in 0..count {
                let content = vec![Part::text("noon")];
                let call_id = format!("c{number}_{call}");
                let result = ToolResult { call_id, name: "clock".into(), content, is_error: false };
                both.input(SessionInput::ToolResult { result });
            }
            let after = [
                transcript(Speaker::Assistant, 100 + number, TranscriptMode::Delta, "noon"),
                transcript(Speaker::Assistant, 100 + number, TranscriptMode::Final, "noon"),
                SessionEvent::TurnDone { finish: FinishReason::Stop.into(), usage: None },
            ];
            for event in after {
                all.push(event.clone());
                both.tell(event);
            }
        }
        // The silence between turns: whoever still owes an end is not waited for.
        both.at += Duration::from_secs(3);
        both.tick();
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_in_one_format(turns in turns()) {
        let mut both = Both::openai().answered();
        let told = play(&mut both, &turns, true);
        prop_assert_eq!(lane(&both.heard, true, is_told), lane(&told, true, is_told));
        // A cut that the client could not know of is told by the answer's end, behind what else is told of it.
        let sorts = turns.iter().any(|turn| turn.end == End::CutByModel);
        let answers = |events: &[SessionEvent]| {
            let mut lines = lane(events, false, is_told);
            if sorts {
                lines.sort();
            }
            lines
        };
        prop_assert_eq!(answers(&both.heard), answers(&told));
        let results = both.told.iter().filter(|input| matches!(input, SessionInput::ToolResult { .. })).count();
        let calls = told.iter().filter(|event| event.kind() == "tool_call").count();
        prop_assert_eq!(results, calls);
        prop_assert_eq!(sound_of(&both.heard), sound_of(&told));
    }

    #[test]
    fn nothing_is_lost_in_the_other_format(turns in turns()) {
        let mut both = Both::gemini().answered();
        let told = play(&mut both, &turns, false);
        // The format says nothing of speech and of calls' ends, and knows one way in which turns end that were not cut.
        let keeps = |event: &SessionEvent| is_told(event) && !matches!(event,
            SessionEvent::SpeechStarted { .. } | SessionEvent::SpeechStopped { .. }
            | SessionEvent::TurnDone { finish: Finish { reason: FinishReason::ToolCalls, .. }, .. });
        // The client tells an answer's whole words at its end, behind what failed in it.
        let failures = |events: &[SessionEvent]| events.iter().filter(|event| event.kind() == "error").count();
        prop_assert_eq!(failures(&both.heard), failures(&told));
        let ends = |lane: Vec<String>| lane.into_iter().filter(|line| line != "error").map(|line| {
            if line.starts_with("done") { line.split(' ').next_back().unwrap_or_default().to_owned() } else { line }
        }).collect::<Vec<_>>();
        prop_assert_eq!(lane(&both.heard, true, keeps), lane(&told, true, keeps));
        prop_assert_eq!(ends(lane(&both.heard, false, keeps)), ends(lane(&told, false, keeps)));
        prop_assert_eq!(sound_of(&both.heard), sound_of(&told));
    }
}

#[test]
fn what_is_said_to_one_format_arrives() {
    let mut both = Both::openai();
    assert_eq!(both.opened.len(), 1);
    assert_eq!(both.opened[0].turn_detection, Some(true));
    assert_eq!(both.opened[0].tools.len(), 1);
    assert_eq!(both.told, [SessionInput::text("Hello!")]);
    let words = |text: &str| transcript(Speaker::Assistant, 0, TranscriptMode::Delta, text);
    both.tell(words("Yes"));
    both.tell(SessionEvent::audio("assistant0", Pcm::mono(vec![1; 24_000], 24_000)));
    both.at += Duration::from_millis(400);
    both.told.clear();
    both.input(SessionInput::Interrupt { item: None, heard: Duration::from_millis(300) });
    // By the clock first, and then as the client says.
    let heard = [400, 300].map(Duration::from_millis);
    let cut = heard.map(|heard| SessionInput::Interrupt { item: Some("assistant0".into()), heard });
    assert_eq!(both.told, cut);
    both.told.clear();
    let update = SessionUpdate {
        instructions: Some("Shout.".into()),
        turn_detection: Some(false),
        ..SessionUpdate::default()
    };
    both.input(SessionInput::Update { update: update.clone() });
    assert_eq!(both.told, [SessionInput::Update { update }]);
    both.told.clear();
    both.tell(SessionEvent::TurnDone {
        finish: Finish::new(FinishReason::Other, "interrupted"),
        usage: None,
    });
    let sound = Pcm::mono(vec![7; 4_800], 24_000);
    both.input(SessionInput::Audio(sound.clone()));
    assert_eq!(both.told, [], "it can still be taken back");
    both.input(SessionInput::Commit);
    assert_eq!(both.told, [SessionInput::Audio(sound), SessionInput::Commit]);
}

#[test]
fn what_is_said_to_the_other_format_arrives() {
    let mut both = Both::gemini();
    assert_eq!(both.told, [SessionInput::text("Hello!")]);
    both.told.clear();
    both.input(SessionInput::Audio(Pcm::mono(vec![7; 4_800], 48_000)));
    both.input(SessionInput::Commit);
    let length = both.told.iter().map(|input| match input {
        SessionInput::Audio(pcm) => (pcm.rate, pcm.samples.len()),
        _ => (16_000, 0),
    });
    assert!(length.clone().all(|(rate, _)| rate == 16_000));
    assert_eq!(length.map(|(_, samples)| samples).sum::<usize>(), 1_600);
    assert_eq!(both.told.last(), Some(&SessionInput::Commit));
}
