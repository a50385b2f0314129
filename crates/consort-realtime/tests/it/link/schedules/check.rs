//! What must hold of a session after any schedule: what its caller was told, and what another connection knows.
use super::*;

/// The newest picture is known, and none is shown twice.
pub(super) fn check_pictures(tongue: Tongue, heard: &str, pictures: usize) -> Result<(), TestCaseError> {
    let shown = |number: usize| heard.matches(&STANDARD.encode(picture(number))).count();
    prop_assert!((0..pictures).all(|number| shown(number) <= 1), "{}", heard);
    if pictures > 0 && matches!(tongue, Tongue::OpenAi | Tongue::Gemini) {
        prop_assert_eq!(shown(pictures - 1), 1, "{}", heard);
    }
    Ok(())
}

/// What a server was told, with the newest of its settings alone: they take the place of those before, and may repeat what was
/// said.
pub(super) fn in_force(mut heard: Vec<Value>) -> Vec<Value> {
    let is_settings = |message: &Value| message["type"] == "session.update";
    if let Some(newest) = heard.iter().rfind(|message| is_settings(message)).cloned() {
        heard.retain(|message| !is_settings(message));
        heard.insert(0, newest);
    }
    heard
}

/// The same without its sound, for whoever reads why it is wrong.
pub(super) fn short(mut value: Value) -> Value {
    match &mut value {
        Value::String(text) if text.len() > 400 && !text.contains(' ') => *text = "...".into(),
        Value::Array(all) => all.iter_mut().for_each(|one| *one = short(one.take())),
        Value::Object(all) => all.values_mut().for_each(|one| *one = short(one.take())),
        _ => {}
    }
    value
}

/// What the server told before it went was told to us, once and in order.
pub(super) fn check_events(
    tongue: Tongue,
    events: &[SessionEvent],
    told: &Told,
    connections: usize,
) -> Result<(), TestCaseError> {
    let count = |kind: &str| events.iter().filter(|event| event.kind() == kind).count();
    prop_assert_eq!(count("closed"), 1);
    let is_asked = matches!(events.last(), Some(SessionEvent::Closed { reason: CloseReason::Asked }));
    prop_assert!(is_asked, "{:?}", events.last());
    prop_assert_eq!(count("connected"), connections);
    prop_assert_eq!(count("reconnecting"), connections - 1);
    let words = |who: Speaker| -> Vec<&str> {
        let of = |event| match event {
            &SessionEvent::Transcript { by, mode: TranscriptMode::Final, ref text, .. } if by == who => {
                Some(text.as_str())
            }
            _ => None,
        };
        events.iter().filter_map(of).collect()
    };
    let users = told.of(|owed| if let Owed::User(words) = owed { Some(words) } else { None });
    let agents = told.of(|owed| if let Owed::Agent(words) = owed { Some(words) } else { None });
    let calls = told.of(|owed| if let Owed::Call(id) = owed { Some(id) } else { None });
    prop_assert_eq!(words(Speaker::User), users, "{:?}", events);
    prop_assert_eq!(words(Speaker::Assistant), agents);
    let called = events.iter().filter_map(|event| match event {
        SessionEvent::ToolCall { call } => Some(call.id.as_str()),
        _ => None,
    });
    prop_assert_eq!(called.collect::<Vec<_>>(), calls);
    prop_assert_eq!(count("turn_done"), told.count(|owed| matches!(owed, Owed::Done)));
    if !tongue.is_gemini() {
        let of = |wanted: &SessionEvent| events.iter().filter(|event| *event == wanted).count();
        let by = Speaker::User;
        prop_assert_eq!(of(&SessionEvent::SpeechStarted { by }), told.count(|o| matches!(o, Owed::Started)));
        prop_assert_eq!(of(&SessionEvent::SpeechStopped { by }), told.count(|o| matches!(o, Owed::Stopped)));
    }
    Ok(())
}

/// The last connection knows all of it: as it was said, or as what was said before, once and in its order.
pub(super) fn check_past(
    tongue: Tongue,
    heard: &str,
    told: &Told,
    answers: &Heard,
    typed: usize,
    has_turns: bool,
    stalls: bool,
) -> Result<(), TestCaseError> {
    for number in 0..typed {
        let words = format!("typed {number}.");
        prop_assert_eq!(heard.matches(&words).count(), 1, "{} in {}", words, heard);
    }
    let is_known = |words: &&String| {
        told.all.iter().any(|owed| matches!(owed, Owed::User(own) | Owed::Whole(own) if own == *words))
    };
    let mut reached = 0;
    for words in told.places.iter().filter(is_known) {
        // Nobody said that these are all the words, and what they are of was heard once more instead.
        let answer = words.replace("said", "answer");
        let is_answered = told.all.iter().any(|owed| matches!(owed, Owed::Agent(own) if *own == answer));
        if tongue.is_gemini() && has_turns && !is_answered && !heard.contains(words.as_str()) {
            continue;
        }
        match answers.is_told(words, stalls) {
            Some(false) => {
                prop_assert!(!heard.contains(words.as_str()), "{} was cut: {}", words, heard);
                continue;
            }
            None if !heard.contains(words.as_str()) => continue,
            _ => {}
        }
        prop_assert_eq!(heard.matches(words.as_str()).count(), 1, "{} in {}", words, heard);
        let at = heard.find(words.as_str()).unwrap_or_default();
        prop_assert!(at > reached, "{} stands too early in {}; {:?}", words, heard, told.places);
        reached = at;
    }
    // The sessions of this one that called are gone, and the results with them.
    for id in told.of(|owed| if let Owed::Call(id) = owed { Some(id) } else { None }) {
        if tongue.reads() && !tongue.is_gemini() {
            let result = format!("result of {id}\"");
            prop_assert_eq!(heard.matches(&result).count(), 1, "{} in {}", result, heard);
        }
    }
    Ok(())
}
