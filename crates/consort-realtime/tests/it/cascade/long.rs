//! What a model is told of a long session, and what an early answer keeps back.
use super::parts::{Do, Script};
use super::{Talk, cascade, finals, lines};
use consort_core::{
    Body, ErrorKind, Media, SessionConfig, SessionEvent, SessionInput, SessionUpdate, Speaker,
};
use consort_realtime::cascade::{CascadeLimits, CascadeSettings};
use consort_realtime::voices::TestVoice;
use std::sync::Arc;

fn settings() -> CascadeSettings {
    CascadeSettings { eager: None, ..CascadeSettings::default() }
}

async fn open(model: &Arc<Script>, settings: CascadeSettings) -> Talk {
    Talk::open(&cascade(model, TestVoice, TestVoice, settings), SessionConfig::default()).await
}

/// Asks so many questions, one after the other.
async fn ask(talk: &Talk, many: usize) {
    for n in 0..many {
        let before = talk.lines().iter().filter(|line| line.starts_with("turn_done")).count();
        talk.sink.push(SessionInput::text(format!("question {n}"))).unwrap();
        talk.wait(before + 1, "turn_done").await;
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_model_is_told_too_much_the_older_half_is_left_out() {
    let says = || vec![Do::Say(0, "Yes.")];
    let model = Script::new(
        [says(), says(), says(), vec![Do::Fail(0, ErrorKind::ContextLength)], says(), says()].to_vec(),
    );
    let talk = open(&model, settings()).await;
    ask(&talk, 5).await;
    let lines = lines(&talk.close().await);
    assert!(!lines.iter().any(|line| line.starts_with("error")), "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| *line == "warning context_trimmed").count(), 1);
    let told = model.told();
    assert_eq!(told[3].len(), 7);
    assert_eq!(told[4], ["User: question 2", "Assistant: Yes.", "User: question 3"]);
    assert_eq!(told[5].last().unwrap(), "User: question 4");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_long_alone_fails_with_its_reason() {
    let model = Script::new((0..9).map(|_| vec![Do::Fail(0, ErrorKind::ContextLength)]));
    let talk = open(&model, settings()).await;
    ask(&talk, 1).await;
    assert!(lines(&talk.close().await).contains(&"error context_length".to_owned()));
    assert_eq!(model.told().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_stays_within_the_window() {
    let long: &'static str = Box::leak("A word and more of them. ".repeat(5).into_boxed_str());
    let model = Script::with_window(300, (0..20).map(|_| vec![Do::Say(0, long)]));
    let talk = open(&model, settings()).await;
    ask(&talk, 20).await;
    talk.close().await;
    for (at, request) in model.asked.lock().unwrap().iter().enumerate() {
        assert!(consort_core::estimate_tokens(request).tokens <= 150, "request {at}");
        assert_eq!(request.messages.last().unwrap().text(), format!("question {at}"));
        assert!(at < 3 || request.messages.len() > 1, "something of it is told");
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_pictures_of_the_last_turns_are_looked_at() {
    let model = Script::with_window(1_000_000, (0..6).map(|_| vec![Do::Say(0, "Seen.")]));
    let talk = open(&model, settings()).await;
    for n in 1..=6 {
        let media = Media::bytes("image/png", vec![n; 64]);
        talk.sink.push(SessionInput::Video { media }).unwrap();
        talk.sink.push(SessionInput::text("what is it")).unwrap();
        talk.wait(n.into(), "turn_done").await;
    }
    talk.close().await;
    let asked = model.asked.lock().unwrap();
    let pictures = |at: usize| {
        let parts = asked[at].messages.iter().flat_map(|message| &message.parts);
        parts.filter(|part| matches!(part.body, Body::Media(_))).count()
    };
    assert_eq!((0..6).map(pictures).collect::<Vec<_>>(), [1, 2, 3, 3, 3, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_a_held_answer_warns_of_is_told_when_it_is_wanted() {
    let model = Script::new([vec![Do::Warn(0), Do::Say(0, "Yes.")]]);
    let talk = open(&model, CascadeSettings::default()).await;
    talk.say("one two three").await;
    talk.silence(900).await;
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    assert_eq!(model.told().len(), 1, "it was asked early and that was right");
    assert_eq!(lines(&events).iter().filter(|line| *line == "warning scripted").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_dropped_answer_cost_so_far_is_counted() {
    let model = Script::new([vec![Do::Warn(0), Do::Say(60_000, "Never.")], vec![Do::Say(0, "Yes.")]]);
    let talk = open(&model, CascadeSettings::default()).await;
    talk.say("one two three").await;
    talk.silence(350).await;
    talk.say("four five six").await;
    talk.silence(900).await;
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    assert!(!lines(&events).contains(&"warning scripted".to_owned()), "nobody wanted it");
    let input = events.iter().find_map(|(_, event)| match event {
        SessionEvent::TurnDone { usage, .. } => usage.as_ref().and_then(|usage| usage.input),
        _ => None,
    });
    assert_eq!(input, Some(10), "{:?}", model.told());
}

#[tokio::test(start_paused = true)]
async fn a_held_answer_that_may_not_ask_for_tools_fails_and_is_asked_again() {
    let model = Script::new([vec![Do::Call(0, "c1")], vec![Do::Say(0, "Without.")]]);
    let limits = CascadeLimits { rounds: 0, ..CascadeLimits::default() };
    let talk = open(&model, CascadeSettings { limits, ..CascadeSettings::default() }).await;
    talk.say("one two three").await;
    talk.silence(900).await;
    talk.wait(1, "turn_done").await;
    let events = talk.close().await;
    assert!(lines(&events).iter().any(|line| line.ends_with("Without.")), "{:#?}", lines(&events));
}

#[tokio::test(start_paused = true)]
async fn the_model_is_told_who_speaks() {
    let model = Script::new([vec![Do::Say(0, "Hello.")], vec![Do::Say(0, "Yes.")]]);
    let cascade = cascade(&model, TestVoice, TestVoice, CascadeSettings::default());
    let talk = Talk::open_for(&cascade, SessionConfig::default(), Some("Ada")).await;
    ask(&talk, 1).await;
    talk.say("and once more").await;
    talk.silence(900).await;
    talk.wait(2, "turn_done").await;
    talk.close().await;
    let asked = model.asked.lock().unwrap();
    let names: Vec<_> =
        asked.last().unwrap().messages.iter().map(|message| message.name.as_deref()).collect();
    assert_eq!(names, [Some("Ada"), None, Some("Ada")]);
}

/// Speaks, does something in the pause in which the model was asked already, and gives what was answered.
async fn with_an_early_answer(model: &Arc<Script>, meanwhile: SessionInput) -> Vec<String> {
    let talk = open(model, CascadeSettings::default()).await;
    talk.say("one two three").await;
    talk.silence(350).await;
    assert_eq!(model.told().len(), 1, "it was asked early");
    talk.sink.push(meanwhile).unwrap();
    talk.silence(600).await;
    talk.wait(1, "turn_done").await;
    finals(&talk.close().await, Speaker::Assistant)
}

fn two_answers() -> Arc<Script> {
    Script::with_window(1_000_000, [vec![Do::Say(0, "Early.")], vec![Do::Say(0, "Late.")]])
}

fn update(update: SessionUpdate) -> SessionInput {
    SessionInput::Update { update }
}

#[tokio::test(start_paused = true)]
async fn an_early_answer_to_what_is_told_otherwise_by_now_is_not_given() {
    let instructions = Some("Be brief.".to_owned());
    let model = two_answers();
    let said =
        with_an_early_answer(&model, update(SessionUpdate { instructions, ..SessionUpdate::default() }))
            .await;
    assert_eq!(said, ["Late."]);
    assert_eq!(model.asked.lock().unwrap()[1].instructions[0].as_text(), Some("Be brief."));

    let picture = || Media::bytes("image/png", vec![1; 64]);
    for shown in [SessionInput::Image { media: picture() }, SessionInput::Video { media: picture() }] {
        let model = two_answers();
        assert_eq!(with_an_early_answer(&model, shown).await, ["Late."]);
        let asked = model.asked.lock().unwrap();
        let parts = &asked[1].messages[0].parts;
        assert!(parts.iter().any(|part| matches!(part.body, Body::Media(_))), "{parts:?}");
    }

    let voice = Some("another".to_owned());
    let said =
        with_an_early_answer(&two_answers(), update(SessionUpdate { voice, ..SessionUpdate::default() }))
            .await;
    assert_eq!(said, ["Late."], "it would be spoken by the voice of before");
}

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_costs_no_early_answer() {
    let same = SessionUpdate { instructions: Some(String::new()), ..SessionUpdate::default() };
    let model = two_answers();
    assert_eq!(with_an_early_answer(&model, update(same)).await, ["Early."]);
    assert_eq!(model.told().len(), 1);

    // A newer picture of a stream of them is as good as the one that the model has.
    let model = two_answers();
    let talk = open(&model, CascadeSettings::default()).await;
    let frame = |n| SessionInput::Video { media: Media::bytes("image/png", vec![n; 64]) };
    talk.sink.push(frame(1)).unwrap();
    talk.say("one two three").await;
    talk.silence(350).await;
    talk.sink.push(frame(2)).unwrap();
    talk.silence(600).await;
    talk.wait(1, "turn_done").await;
    assert_eq!(finals(&talk.close().await, Speaker::Assistant), ["Early."]);
}
