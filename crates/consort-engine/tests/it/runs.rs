//! Runs: what is kept, what is told, stopping, branches.
use crate::support::{Desk, Scripted, Step, all, kinds};
use consort_core::{
    Body, BoxFuture, Context, Error, ErrorKind, ModelCard, Money, Part, Price, Processor, Request, Role,
};
use consort_engine::{Ask, Heard, Place};
use consort_store::{SpendQuery, Status};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[tokio::test]
async fn an_answer_is_kept_and_told() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Think("hm"), Step::Say("Good "), Step::Say("day.")]]);
    let mut bus = desk.engine.bus().subscribe();
    let (outcome, envelopes) = desk.run(desk.ask(&model, "Hello")).await;
    assert_eq!((outcome.status, outcome.kept), (Status::Complete, true));
    assert_eq!(outcome.response.unwrap().text(), "Good day.");
    let branch = desk.branch().await;
    assert_eq!(branch.iter().map(|turn| turn.role).collect::<Vec<_>>(), [Role::User, Role::Assistant]);
    assert_eq!(branch[1].parts.len(), 3);
    let answer = branch[1].answer.as_ref().unwrap();
    assert_eq!((answer.model.as_str(), answer.resolved_model.as_deref()), ("test/model", Some("model-1")));
    assert_eq!(answer.attempts.len(), 1);
    assert_eq!(
        kinds(&envelopes),
        ["turn_started", "turn_ended", "run_started", "turn_started", "completed", "turn_ended", "run_ended"]
    );
    let numbers: Vec<u64> = envelopes.iter().map(|envelope| envelope.sequence_number).collect();
    assert_eq!(numbers, (1..=envelopes.len() as u64).collect::<Vec<_>>());
    let deltas: String = envelopes.iter().filter_map(|envelope| envelope.delta()).collect();
    assert_eq!(deltas, "hmGood day.");
    // The bus tells the same.
    for envelope in &envelopes {
        match bus.next().await {
            Some(Heard::Envelope(heard)) => assert_eq!(heard.sequence_number, envelope.sequence_number),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_chunk_has_the_fields_that_ecosystems_know() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Say("Hi")]]);
    let (_, envelopes) = desk.run(Ask { participant: Some("ada".into()), ..desk.ask(&model, "Hello") }).await;
    let chunk = envelopes.iter().find(|envelope| envelope.delta().is_some()).unwrap();
    let json = serde_json::to_value(chunk.as_ref()).unwrap();
    assert_eq!((&json["kind"], &json["delta"]), (&"chunk".into(), &"Hi".into()));
    assert_eq!((&json["plugin_name"], &json["model"]), (&"test".into(), &"test/model".into()));
    assert_eq!((&json["participant"], &json["content_index"]), (&"ada".into(), &0.into()));
    assert_eq!((&json["item_id"], &json["output_index"]), (&json["turn"], &1.into()));
    let completed =
        envelopes.iter().find(|envelope| matches!(envelope.what, consort_engine::What::Completed { .. }));
    let json = serde_json::to_value(completed.unwrap().as_ref()).unwrap();
    assert_eq!((&json["text"], &json["original"]["resolved_model"]), (&"Hi".into(), &"model-1".into()));
}

#[tokio::test]
async fn the_next_question_sends_what_was_said() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Say("One.")], vec![Step::Say("Two.")]]);
    desk.run(desk.ask(&model, "first")).await;
    desk.run(desk.ask(&model, "second")).await;
    let sent = &model.requests()[1].messages;
    assert_eq!(sent.iter().map(consort_core::Message::text).collect::<Vec<_>>(), ["first", "One.", "second"]);
}

#[tokio::test]
async fn stopping_keeps_the_text() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Say("So far"), Step::Hang]]);
    let run = desk.engine.start(desk.ask(&model, "Hello")).await.unwrap();
    let mut events = run.events(0);
    while events.next().await.unwrap().delta().is_none() {}
    run.stop();
    let outcome = run.done().await;
    assert_eq!((outcome.status, outcome.error.unwrap().kind()), (Status::Interrupted, ErrorKind::Cancelled));
    let branch = desk.branch().await;
    assert_eq!((branch[1].status, branch[1].parts[0].as_text()), (Status::Interrupted, Some("So far")));
    assert!(desk.engine.runs().is_empty());
}

#[tokio::test]
async fn the_end_of_a_stream_is_no_success() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Say("Half"), Step::Vanish]]);
    let (outcome, _) = desk.run(desk.ask(&model, "Hello")).await;
    assert_eq!(
        (outcome.status, outcome.error.unwrap().kind()),
        (Status::Interrupted, ErrorKind::Interrupted)
    );
    assert_eq!(outcome.response.unwrap().text(), "Half");
}

#[tokio::test]
async fn a_failure_before_the_first_word_keeps_the_question() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![
        vec![Step::Fail(Error::new(ErrorKind::Auth, "no such key"))],
        vec![Step::Say("Yes")],
    ]);
    let (outcome, _) = desk.run(desk.ask(&model, "Hello")).await;
    assert_eq!(outcome.status, Status::Failed);
    let branch = desk.branch().await;
    assert_eq!((branch[0].parts[0].as_text(), branch[1].status), (Some("Hello"), Status::Failed));
    assert_eq!(branch[1].answer.as_ref().unwrap().error.as_ref().unwrap().kind(), ErrorKind::Auth);
    // Asked again behind the question, the failed turn is a branch that is left.
    let again = Ask::again(desk.conversation, model.clone(), Place::After(branch[0].id));
    let (outcome, _) = desk.run(again).await;
    assert_eq!(outcome.response.unwrap().text(), "Yes");
    assert_eq!(desk.store.tree(desk.conversation).await.unwrap().len(), 3);
    assert_eq!(desk.branch().await.len(), 2);
}

#[tokio::test]
async fn how_long_it_thought_and_when_it_was_asked_is_kept() {
    let desk = Desk::new().await;
    let before = SystemTime::now();
    desk.run(desk.ask(&Scripted::new(vec![vec![Step::Think("hm"), Step::Say("Yes")]]), "Hello")).await;
    desk.run(desk.ask(&Scripted::new(vec![vec![Step::Say("No")]]), "And now?")).await;
    let branch = desk.branch().await;
    let answer = branch[1].answer.as_ref().unwrap();
    assert!(answer.thought.unwrap() <= answer.took.unwrap());
    let started = answer.attempts[0].started.unwrap();
    assert!(started >= before - Duration::from_millis(1) && started <= SystemTime::now());
    assert_eq!(branch[3].answer.as_ref().unwrap().thought, None);
}

#[tokio::test]
async fn of_several_answers_side_by_side_the_first_is_where_it_goes_on() {
    let desk = Desk::new().await;
    let question =
        desk.engine.say(desk.conversation, Place::Start, vec![Part::text("Both?")], None).await.unwrap();
    let (tool, _) = crate::tools::tool("echo", crate::tools::Does::Echo);
    let tools = consort_engine::Tools::new(vec![tool]).unwrap();
    let mut runs = Vec::new();
    for number in 0..2 {
        let steps = vec![
            vec![Step::Wait(Duration::from_millis(30 * (number + 1))), Step::Call("a", "echo", "{}")],
            vec![Step::Say("done")],
        ];
        let ask = Ask {
            tools: tools.clone(),
            shown: number == 0,
            ..Ask::again(desk.conversation, Scripted::new(steps), Place::After(question))
        };
        let run = desk.engine.start(ask).await.unwrap();
        let mut events = run.events(0);
        while !matches!(events.next().await.unwrap().what, consort_engine::What::TurnStarted { .. }) {}
        runs.push(run);
    }
    for run in &runs {
        assert_eq!(run.done().await.status, Status::Complete);
    }
    let branch = desk.branch().await;
    assert_eq!(branch.len(), 4, "the first run's own turns are followed");
    assert!(branch[1..].iter().all(|turn| turn.run == Some(runs[0].id().0)));
}

#[tokio::test]
async fn a_viewer_that_comes_late_misses_nothing() {
    let desk = Desk::new().await;
    let words = vec![Step::Say("a"), Step::Wait(Duration::from_millis(20)), Step::Say("b")];
    let run = desk.engine.start(desk.ask(&Scripted::new(vec![words]), "Hello")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let late = all(&run).await;
    let again: Vec<u64> = {
        let mut events = run.events(3);
        let mut found = Vec::new();
        while let Some(envelope) = events.next().await {
            found.push(envelope.sequence_number);
        }
        found
    };
    assert_eq!(late.first().unwrap().sequence_number, 1);
    assert_eq!(again, (4..=late.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_slow_listener_is_told_what_it_missed() {
    let bus = consort_engine::Bus::with_capacity(4);
    let desk = Desk::new().await;
    let engine = consort_engine::Engine::with_bus(desk.store.clone(), bus);
    let mut slow = engine.bus().subscribe();
    let model = Scripted::new(vec![(0..10).map(|_| Step::Say("word")).collect()]);
    let run = engine.start(desk.ask(&model, "Hello")).await.unwrap();
    run.done().await;
    let total = all(&run).await.len() as u64;
    let Some(Heard::Missed(missed)) = slow.next().await else { panic!("it missed some") };
    assert_eq!(missed, total - 4);
}

struct Clock;

impl Processor for Clock {
    fn name(&self) -> &'static str {
        "clock"
    }

    fn contribute<'a>(&'a self, _: &'a Request, _: Context) -> BoxFuture<'a, Result<Vec<Part>, Error>> {
        Box::pin(async { Ok(vec![Part::text("It is noon.")]) })
    }
}

struct Stuck;

impl Processor for Stuck {
    fn name(&self) -> &'static str {
        "stuck"
    }

    fn contribute<'a>(&'a self, _: &'a Request, _: Context) -> BoxFuture<'a, Result<Vec<Part>, Error>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_processor_that_hangs_ends_with_its_run() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Say("never")]]);
    let ask = || Ask { processors: vec![Arc::new(Stuck)], ..desk.ask(&model, "What time is it?") };
    let run = desk.engine.start(ask()).await.unwrap();
    run.stop();
    let outcome = tokio::time::timeout(Duration::from_secs(5), run.done()).await.unwrap();
    assert_eq!(outcome.error.unwrap().kind(), ErrorKind::Cancelled);
    let mut late = ask();
    late.context = late.context.within(Duration::from_millis(50));
    let run = desk.engine.start(late).await.unwrap();
    let outcome = tokio::time::timeout(Duration::from_secs(5), run.done()).await.unwrap();
    assert_eq!(outcome.error.unwrap().kind(), ErrorKind::Timeout);
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn a_processor_adds_to_the_question_and_not_to_the_log() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Say("Noon.")]]);
    let ask = Ask { processors: vec![Arc::new(Clock)], ..desk.ask(&model, "What time is it?") };
    desk.run(ask).await;
    let parts = &model.requests()[0].messages[0].parts;
    assert_eq!(
        parts.iter().map(|part| part.as_text().unwrap()).collect::<Vec<_>>(),
        ["It is noon.", "What time is it?"]
    );
    assert_eq!(desk.branch().await[0].parts.len(), 1);
}

#[tokio::test]
async fn what_it_cost_is_booked() {
    let desk = Desk::new().await;
    let mut card = ModelCard::new("test", "priced");
    card.price = Some(Price { input: 1_000_000, output: 2_000_000, ..Price::default() });
    let model = Scripted::with(card, vec![vec![Step::Say("Yes"), Step::Used(100, 10)]]);
    desk.run(desk.ask(&model, "Hello")).await;
    let spend = desk.store.spend(SpendQuery::default()).await.unwrap();
    assert_eq!((spend.cost, spend.unpriced, spend.input), (Money::from_micros(120), 0, 100));
    let unpriced = Scripted::new(vec![vec![Step::Say("Yes"), Step::Used(1, 1)]]);
    desk.run(desk.ask(&unpriced, "Hello")).await;
    let spend = desk.store.spend(SpendQuery::default()).await.unwrap();
    assert_eq!((spend.cost, spend.unpriced), (Money::from_micros(120), 1));
}

#[tokio::test]
async fn a_conversation_may_change_its_model() {
    let desk = Desk::new().await;
    let thinking = Scripted::new(vec![vec![Step::Think("private"), Step::Say("One")]]);
    let other = Scripted::with(ModelCard::new("other", "model"), vec![vec![Step::Say("Two")]]);
    desk.run(desk.ask(&thinking, "a")).await;
    desk.run(desk.ask(&other, "b")).await;
    let sent = &other.requests()[0].messages;
    assert_eq!(sent.len(), 3);
    assert!(matches!(sent[1].parts[0].body, Body::Reasoning { .. }));
    let models: Vec<_> =
        desk.branch().await.iter().filter_map(|turn| Some(turn.answer.as_ref()?.model.clone())).collect();
    assert_eq!(models, ["test/model", "other/model"]);
}

#[tokio::test]
async fn nothing_to_answer_is_said() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Say("?")]]);
    let error = desk.engine.start(desk.again(&model)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    let unknown = Ask { conversation: consort_store::ConversationId::new(), ..desk.ask(&model, "x") };
    assert_eq!(desk.engine.start(unknown).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn a_model_goes_on_with_its_own_words() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Say("One, two,"), Step::Vanish], vec![Step::Say("three.")]]);
    desk.run(desk.ask(&model, "Count")).await;
    let (outcome, _) = desk.run(desk.again(&model)).await;
    assert_eq!(outcome.response.unwrap().text(), "three.");
    let sent = model.requests()[1].messages.clone();
    assert_eq!((sent.len(), sent[2].role), (3, Role::User));
    assert!(sent[2].text().starts_with("Go on exactly"));
    assert_eq!(desk.branch().await.len(), 3);
}

#[tokio::test]
async fn several_models_answer_one_question() {
    let desk = Desk::new().await;
    let question =
        desk.engine.say(desk.conversation, Place::Tip, vec![Part::text("Which?")], None).await.unwrap();
    let (one, two) = (Scripted::new(vec![vec![Step::Say("1")]]), Scripted::new(vec![vec![Step::Say("2")]]));
    for model in [&one, &two] {
        let group = Some("g".to_owned());
        desk.run(Ask { group, ..Ask::again(desk.conversation, model.clone(), Place::After(question)) }).await;
    }
    let tree = desk.store.tree(desk.conversation).await.unwrap();
    let answers: Vec<_> = tree.iter().filter(|turn| turn.parent == Some(question)).collect();
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|turn| turn.answer.as_ref().unwrap().group.as_deref() == Some("g")));
}

#[tokio::test]
async fn what_one_alone_watches_is_held_for_nobody_else() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Say("a"), Step::Say("b")]]);
    let mut ask = desk.ask(&model, "Hello");
    ask.watched_once = true;
    let run = desk.engine.start(ask).await.unwrap();
    let seen = all(&run).await;
    assert_eq!(seen.last().unwrap().sequence_number, seen.len() as u64);
    assert!(run.events(0).next().await.is_none(), "it went by");
}

#[tokio::test]
async fn who_alone_watches_is_not_left_far_behind() {
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Say("word "); 5000]]);
    let mut ask = desk.ask(&model, "Hello");
    ask.watched_once = true;
    let run = desk.engine.start(ask).await.unwrap();
    let (mut events, mut most) = (run.events(0), 0);
    while events.next().await.is_some() {
        most = most.max(run.so_far().len());
    }
    assert!(most < 400, "{most} of them waited");
}
