//! The tool loop: what runs, what is told, what is cut, what is caught.
use crate::support::{Desk, Scripted, Step, kinds};
use consort_core::{Body, BoxFuture, Context, Error, ErrorKind, FunctionSpec, Phase, Role, Tool, ToolOutput};
use consort_engine::{Approval, Ask, Decision, ToolLimits, Tools, What, function};
use consort_store::{Status, Turn};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What a test's tool does.
pub(crate) enum Does {
    Echo,
    Sleep(Duration),
    Hang,
    Panic,
    Flood(usize),
    Count,
}

struct TestTool {
    spec: FunctionSpec,
    time: Option<Duration>,
    does: Does,
    ran: Arc<AtomicU32>,
}

pub(crate) fn tool(name: &str, does: Does) -> (Arc<dyn Tool>, Arc<AtomicU32>) {
    let ran = Arc::new(AtomicU32::new(0));
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let spec = FunctionSpec::new(name, "A tool", schema);
    (Arc::new(TestTool { spec, time: None, does, ran: ran.clone() }), ran)
}

impl Tool for TestTool {
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn time_limit(&self) -> Option<Duration> {
        self.time
    }

    fn call(&self, arguments: Value, _: Context) -> BoxFuture<'_, Result<ToolOutput, Error>> {
        let times = self.ran.fetch_add(1, Ordering::SeqCst) + 1;
        Box::pin(async move {
            Ok(match &self.does {
                Does::Echo => ToolOutput::text(arguments.to_string()),
                Does::Sleep(time) => {
                    tokio::time::sleep(*time).await;
                    ToolOutput::text("slept")
                }
                Does::Hang => std::future::pending().await,
                Does::Panic => panic!("boom"),
                Does::Flood(letters) => ToolOutput::text("é".repeat(*letters)),
                Does::Count => ToolOutput::text(times.to_string()),
            })
        })
    }
}

fn results(branch: &[Turn]) -> Vec<String> {
    let parts = branch.iter().filter(|turn| turn.role == Role::Tool).flat_map(|turn| &turn.parts);
    let results = parts.filter_map(|part| match &part.body {
        consort_core::Body::ToolResult(result) => Some(result.text()),
        _ => None,
    });
    results.collect()
}

/// Runs a model that calls these, then says `done`.
async fn run(
    calls: Vec<Vec<Step>>,
    tools: Tools,
) -> (Desk, Arc<Scripted>, consort_engine::Outcome, Vec<Turn>) {
    let desk = Desk::new().await;
    let mut scripts = calls;
    scripts.push(vec![Step::Say("done")]);
    let model = Scripted::new(scripts);
    let ask = Ask { tools, ..desk.ask(&model, "go") };
    let (outcome, _) = desk.run(ask).await;
    let branch = desk.branch().await;
    (desk, model, outcome, branch)
}

#[tokio::test]
async fn a_result_goes_back_to_the_model() {
    let (echo, _) = tool("echo", Does::Echo);
    let tools = Tools::new(vec![echo]).unwrap();
    let (_, model, outcome, branch) = run(vec![vec![Step::Call("c1", "echo", r#"{"n": 1}"#)]], tools).await;
    assert_eq!(outcome.response.unwrap().text(), "done");
    assert_eq!(results(&branch), [r#"{"n":1}"#]);
    let roles: Vec<Role> = model.requests()[1].messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool]);
    assert_eq!(model.requests()[0].functions().count(), 1);
}

#[tokio::test]
async fn calls_of_one_answer_overlap() {
    let (slow, ran) = tool("slow", Does::Sleep(Duration::from_millis(200)));
    let calls = vec![
        Step::Call("a", "slow", r#"{"n":1}"#),
        Step::Call("b", "slow", r#"{"n":2}"#),
        Step::Call("c", "slow", r#"{"n":3}"#),
    ];
    let begun = Instant::now();
    let (_, model, _, branch) = run(vec![calls], Tools::new(vec![slow]).unwrap()).await;
    assert!(begun.elapsed() < Duration::from_millis(550), "{:?}", begun.elapsed());
    assert_eq!((ran.load(Ordering::SeqCst), results(&branch).len()), (3, 3));
    // Three turns, one message.
    assert_eq!(model.requests()[1].messages.last().unwrap().parts.len(), 3);
}

#[tokio::test]
async fn a_call_made_twice_at_once_runs_once() {
    let (count, ran) = tool("count", Does::Count);
    let calls = vec![Step::Call("a", "count", "{}"), Step::Call("b", "count", "{}")];
    let (_, _, _, branch) = run(vec![calls], Tools::new(vec![count]).unwrap()).await;
    assert_eq!((ran.load(Ordering::SeqCst), results(&branch)), (1, vec!["1".to_owned(), "1".to_owned()]));
}

#[tokio::test]
async fn a_tool_that_hangs_is_cut_and_the_run_goes_on() {
    let (hang, _) = tool("hang", Does::Hang);
    let (echo, _) = tool("echo", Does::Echo);
    let limits = ToolLimits { time: Duration::from_millis(50), ..ToolLimits::default() };
    let tools = Tools::new(vec![hang, echo]).unwrap().limits(limits);
    let calls = vec![Step::Call("a", "hang", "{}"), Step::Call("b", "echo", "{}")];
    let (_, _, outcome, branch) = run(vec![calls], tools).await;
    assert_eq!(outcome.status, Status::Complete);
    assert_eq!(results(&branch), ["{}", "it took longer than 0.05 s and was stopped"]);
}

#[tokio::test]
async fn a_tool_may_name_its_own_longest_time() {
    let spec = FunctionSpec::new("slow", "A tool", json!({"type": "object"}));
    let (does, ran) = (Does::Sleep(Duration::from_millis(100)), Arc::default());
    let slow = TestTool { spec, time: Some(Duration::from_mins(1)), does, ran };
    let limits = ToolLimits { time: Duration::from_millis(20), ..ToolLimits::default() };
    let tools = Tools::new(vec![Arc::new(slow)]).unwrap().limits(limits);
    let (_, _, _, branch) = run(vec![vec![Step::Call("a", "slow", "{}")]], tools).await;
    assert_eq!(results(&branch), ["slept"]);
}

#[tokio::test]
async fn tools_and_approvals_end_with_the_time_of_the_run() {
    for approval in [Approval::Auto, Approval::Ask] {
        let (hang, _) = tool("hang", Does::Hang);
        let desk = Desk::new().await;
        let model = Scripted::new(vec![vec![Step::Call("a", "hang", "{}")]]);
        let mut ask =
            Ask { tools: Tools::new(vec![hang]).unwrap().approval(approval), ..desk.ask(&model, "go") };
        ask.context = ask.context.within(Duration::from_millis(100));
        let run = desk.engine.start(ask).await.unwrap();
        let outcome = tokio::time::timeout(Duration::from_secs(5), run.done()).await.unwrap();
        let error = outcome.error.unwrap();
        assert_eq!(
            (error.kind(), error.phase()),
            (ErrorKind::Timeout, Some(Phase::Deadline)),
            "{approval:?}"
        );
    }
}

#[tokio::test]
async fn a_tool_that_panics_takes_nothing_with_it() {
    let (broken, _) = tool("broken", Does::Panic);
    let (_, _, outcome, branch) =
        run(vec![vec![Step::Call("a", "broken", "{}")]], Tools::new(vec![broken]).unwrap()).await;
    assert_eq!(outcome.status, Status::Complete);
    assert_eq!(results(&branch), ["the tool itself is broken: it panicked"]);
}

#[tokio::test]
async fn a_long_result_is_cut_visibly() {
    let (flood, _) = tool("flood", Does::Flood(1000));
    let limits = ToolLimits { output: 10, ..ToolLimits::default() };
    let (_, _, _, branch) =
        run(vec![vec![Step::Call("a", "flood", "{}")]], Tools::new(vec![flood]).unwrap().limits(limits))
            .await;
    assert_eq!(results(&branch), ["éééééééééé\n[cut here: 990 letters are left out]"]);
}

#[tokio::test]
async fn bad_arguments_are_fed_back_once_and_then_reported() {
    let (echo, ran) = tool("echo", Does::Echo);
    let tools = Tools::new(vec![echo]).unwrap();
    let bad = vec![Step::Call("a", "echo", r#"{"n": "#)];
    let unfit = vec![Step::Call("b", "echo", r#"{"n": "many"}"#)];
    let good = vec![Step::Call("c", "echo", r#"{"n": 3}"#)];
    let (_, _, outcome, branch) =
        run(vec![bad.clone(), good.clone(), unfit.clone(), good], tools.clone()).await;
    assert_eq!((outcome.status, ran.load(Ordering::SeqCst)), (Status::Complete, 2));
    assert!(results(&branch)[0].starts_with("the arguments are not JSON"), "{:?}", results(&branch));
    assert!(results(&branch)[2].contains(r#""many" is not of type "integer""#), "{:?}", results(&branch));
    let (_, _, outcome, _) = run(vec![bad, unfit], tools).await;
    let error = outcome.error.unwrap();
    assert_eq!((outcome.status, error.kind()), (Status::Failed, ErrorKind::Protocol));
    assert!(error.message().contains("`echo` wrongly 2 times"), "{error}");
}

#[tokio::test]
async fn bad_calls_of_one_answer_are_one_fault() {
    let (echo, ran) = tool("echo", Does::Echo);
    let bad = vec![Step::Call("a", "echo", r#"{"n": "many"}"#), Step::Call("b", "echo", r#"{"n": "more"}"#)];
    let good = vec![Step::Call("c", "echo", r#"{"n": 3}"#)];
    let (_, _, outcome, _) = run(vec![bad, good], Tools::new(vec![echo]).unwrap()).await;
    assert_eq!((outcome.status, ran.load(Ordering::SeqCst)), (Status::Complete, 1), "{:?}", outcome.error);
}

#[tokio::test]
async fn an_unknown_tool_is_told_with_the_known_ones() {
    let (echo, _) = tool("echo", Does::Echo);
    let (_, _, _, branch) =
        run(vec![vec![Step::Call("a", "ecco", "{}")]], Tools::new(vec![echo]).unwrap()).await;
    assert_eq!(results(&branch), ["there is no tool `ecco`. There are: echo"]);
}

#[tokio::test]
async fn the_same_call_again_and_again_is_caught() {
    let (echo, ran) = tool("echo", Does::Echo);
    let (count, counted) = tool("count", Does::Count);
    let again: Vec<Vec<Step>> =
        (0..5).map(|_| vec![Step::Call("a", "echo", r#"{"n":1}"#), Step::Call("b", "count", "{}")]).collect();
    let (_, _, _, branch) = run(again, Tools::new(vec![echo, count]).unwrap()).await;
    // What gives something new each time is no repetition.
    assert_eq!((ran.load(Ordering::SeqCst), counted.load(Ordering::SeqCst)), (3, 5));
    assert!(results(&branch).iter().any(|text| text.starts_with("not run: `echo` was called 3 times")));
}

#[tokio::test]
async fn rounds_are_bounded() {
    let (count, ran) = tool("count", Does::Count);
    let limits = ToolLimits { rounds: 4, ..ToolLimits::default() };
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Call("a", "count", "{}")]]);
    let ask = Ask { tools: Tools::new(vec![count]).unwrap().limits(limits), ..desk.ask(&model, "go") };
    let (outcome, _) = desk.run(ask).await;
    assert_eq!(
        (outcome.status, ran.load(Ordering::SeqCst), model.requests().len()),
        (Status::Interrupted, 4, 4)
    );
    assert!(outcome.error.unwrap().message().contains("asked 4 times"));
}

#[tokio::test]
async fn a_tool_asks_first_where_it_must() {
    let (echo, ran) = tool("echo", Does::Echo);
    let desk = Desk::new().await;
    let scripts = vec![
        vec![Step::Call("a", "echo", r#"{"n":1}"#)],
        vec![Step::Call("b", "echo", r#"{"n":2}"#)],
        vec![Step::Call("c", "echo", r#"{"n":3}"#)],
        vec![Step::Say("done")],
    ];
    let tools = Tools::new(vec![echo]).unwrap().approval(Approval::Ask);
    let run = desk.engine.start(Ask { tools, ..desk.ask(&Scripted::new(scripts), "go") }).await.unwrap();
    let mut events = run.events(0);
    let mut asked = Vec::new();
    while let Some(envelope) = events.next().await {
        if let What::ApprovalWanted { call } = &envelope.what {
            asked.push(call.id.clone());
            let decision = if call.id == "a" { Decision::No } else { Decision::Always };
            assert!(run.decide(&call.id, decision));
            assert!(!run.decide(&call.id, decision));
        }
    }
    assert_eq!((asked, ran.load(Ordering::SeqCst)), (vec!["a".to_owned(), "b".to_owned()], 2));
    assert_eq!(results(&desk.branch().await)[0], "not run: the user said no");
}

#[tokio::test]
async fn a_yes_is_for_the_call_that_was_shown_also_where_a_vendor_counts_from_nought() {
    let (echo, _) = tool("echo", Does::Echo);
    let desk = Desk::new().await;
    let scripts = vec![
        vec![Step::Call("call_0", "echo", r#"{"n":1}"#), Step::Call("call_0", "echo", r#"{"n":2}"#)],
        vec![Step::Call("call_0", "echo", r#"{"n":3}"#)],
        vec![Step::Say("done")],
    ];
    let model = Scripted::new(scripts);
    let tools = Tools::new(vec![echo]).unwrap().approval(Approval::Ask);
    let run = desk.engine.start(Ask { tools, ..desk.ask(&model, "go") }).await.unwrap();
    let mut events = run.events(0);
    let mut asked = Vec::new();
    while let Some(envelope) = events.next().await {
        if let What::ApprovalWanted { call } = &envelope.what {
            let is_first = call.arguments.raw() == r#"{"n":1}"#;
            asked.push(call.id.clone());
            assert!(run.decide(&call.id, if is_first { Decision::Yes } else { Decision::No }));
        }
    }
    asked.sort();
    assert_eq!(asked, ["call_0", "call_0_2", "call_0_3"]);
    let mut results = results(&desk.branch().await);
    results.sort();
    assert_eq!(results, ["not run: the user said no", "not run: the user said no", r#"{"n":1}"#]);
    // Each call that is sent has its result.
    let last = model.requests().pop().unwrap();
    let parts = || last.messages.iter().flat_map(|message| &message.parts);
    let calls: Vec<&str> =
        parts().filter_map(consort_core::Part::as_tool_call).map(|call| call.id.as_str()).collect();
    let answered: Vec<&str> = parts()
        .filter_map(|part| match &part.body {
            Body::ToolResult(result) => Some(result.call_id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!((calls.len(), answered.len()), (3, 3));
    assert!(calls.iter().all(|call| answered.contains(call)), "{calls:?} {answered:?}");
}

#[tokio::test]
async fn an_answer_of_nothing_is_told() {
    let desk = Desk::new().await;
    let (outcome, envelopes) = desk.run(desk.ask(&Scripted::new(vec![vec![]]), "Who?")).await;
    assert_eq!(outcome.status, Status::Complete);
    let told = |what: &What| matches!(what, What::Notice { warning } if warning.code == "empty");
    assert!(envelopes.iter().any(|envelope| told(&envelope.what)), "{:?}", kinds(&envelopes));
}

#[tokio::test]
async fn the_model_reads_why_it_may_not() {
    let (echo, ran) = tool("echo", Does::Echo);
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Call("a", "echo", "{}")], vec![Step::Say("done")]]);
    let tools = Tools::new(vec![echo]).unwrap().approval(Approval::Ask);
    let run = desk.engine.start(Ask { tools, ..desk.ask(&model, "go") }).await.unwrap();
    let mut events = run.events(0);
    let mut given = None;
    while let Some(envelope) = events.next().await {
        match &envelope.what {
            What::ApprovalWanted { call } => assert!(run.refuse(&call.id, " not that file ")),
            What::ApprovalGiven { reason, .. } => given.clone_from(reason),
            _ => {}
        }
    }
    let told = model.requests()[1].messages.last().unwrap().parts[0].clone();
    let Body::ToolResult(told) = told.body else { panic!("{told:?}") };
    assert_eq!((told.text().as_str(), told.is_error), ("not run: the user said no: not that file", true));
    assert_eq!((given.as_deref(), ran.load(Ordering::SeqCst)), (Some("not that file"), 0));
}

#[tokio::test]
async fn a_tool_that_always_may_lets_its_other_calls_run_and_asks_no_more() {
    let (echo, ran) = tool("echo", Does::Echo);
    let (other, _) = tool("other", Does::Echo);
    let desk = Desk::new().await;
    let tools = Tools::new(vec![echo, other]).unwrap().approval(Approval::Ask);
    let calls = vec![
        Step::Call("a", "echo", r#"{"n":1}"#),
        Step::Call("b", "echo", r#"{"n":2}"#),
        Step::Call("c", "other", r#"{"n":3}"#),
    ];
    let model = Scripted::new(vec![calls, vec![Step::Say("done")]]);
    let run = desk.engine.start(Ask { tools: tools.clone(), ..desk.ask(&model, "go") }).await.unwrap();
    let mut events = run.events(0);
    let mut waiting = Vec::new();
    while waiting.len() < 3 {
        if let What::ApprovalWanted { call } = &events.next().await.unwrap().what {
            waiting.push(call.id.clone());
        }
    }
    run.allow("echo");
    assert!(!run.decide("a", Decision::No) && !run.decide("b", Decision::No), "both run");
    assert!(run.decide("c", Decision::Yes));
    assert_eq!((run.done().await.status, ran.load(Ordering::SeqCst)), (Status::Complete, 2));
    // What was allowed in an earlier run of the conversation.
    let model = Scripted::new(vec![vec![Step::Call("d", "echo", "{}")], vec![Step::Say("done")]]);
    let (outcome, envelopes) =
        desk.run(Ask { tools: tools.allowing(["echo".to_owned()]), ..desk.ask(&model, "again") }).await;
    assert_eq!((outcome.status, ran.load(Ordering::SeqCst)), (Status::Complete, 3));
    assert!(!kinds(&envelopes).contains(&"approval_wanted".to_owned()));
}

#[tokio::test]
async fn a_stopped_loop_goes_on_without_running_a_finished_tool_again() {
    let (quick, ran_quick) = tool("quick", Does::Echo);
    let (slow, ran_slow) = tool("slow", Does::Sleep(Duration::from_millis(150)));
    let tools = Tools::new(vec![quick, slow]).unwrap();
    let desk = Desk::new().await;
    let model = Scripted::new(vec![
        vec![Step::Call("a", "quick", "{}"), Step::Call("b", "slow", "{}")],
        vec![Step::Say("done")],
    ]);
    let run = desk.engine.start(Ask { tools: tools.clone(), ..desk.ask(&model, "go") }).await.unwrap();
    let mut events = run.events(0);
    while !matches!(events.next().await.unwrap().what, What::ToolEnded { .. }) {}
    run.stop();
    assert_eq!(run.done().await.status, Status::Interrupted);
    let (outcome, envelopes) = desk.run(Ask { tools, ..desk.again(&model) }).await;
    assert_eq!(outcome.response.unwrap().text(), "done");
    assert_eq!((ran_quick.load(Ordering::SeqCst), ran_slow.load(Ordering::SeqCst)), (1, 2));
    assert_eq!(kinds(&envelopes).iter().filter(|kind| *kind == "tool_started").count(), 1);
    let sent = &model.requests()[1].messages;
    assert_eq!(sent.last().unwrap().parts.len(), 2);
}

#[tokio::test]
async fn calls_that_were_left_are_answered_for_the_next_question() {
    let (slow, _) = tool("slow", Does::Hang);
    let desk = Desk::new().await;
    let model = Scripted::new(vec![vec![Step::Call("a", "slow", "{}")], vec![Step::Say("done")]]);
    let tools = Tools::new(vec![slow]).unwrap();
    let run = desk.engine.start(Ask { tools: tools.clone(), ..desk.ask(&model, "go") }).await.unwrap();
    let mut events = run.events(0);
    while !matches!(events.next().await.unwrap().what, What::ToolStarted { .. }) {}
    run.stop();
    run.done().await;
    desk.run(desk.ask(&model, "never mind")).await;
    let sent = &model.requests()[1].messages;
    let roles: Vec<Role> = sent.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::User]);
}

#[tokio::test]
async fn calls_may_be_left_to_the_caller() {
    let (echo, ran) = tool("echo", Does::Echo);
    let tools = Tools::new(vec![echo]).unwrap().approval(Approval::Manual);
    let (_, _, outcome, _) = run(vec![vec![Step::Call("a", "echo", "{}")]], tools).await;
    assert_eq!((outcome.status, ran.load(Ordering::SeqCst)), (Status::Complete, 0));
    assert_eq!(outcome.response.unwrap().tool_calls().count(), 1);
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Sum {
    /// The numbers to add.
    numbers: Vec<f64>,
}

#[tokio::test]
async fn a_function_is_a_tool() {
    let add = function("add", "Adds numbers.", |sum: Sum, _| async move {
        Ok(ToolOutput::text(sum.numbers.iter().sum::<f64>().to_string()))
    });
    let tools = Tools::new(vec![Arc::new(add)]).unwrap();
    let (_, model, _, branch) =
        run(vec![vec![Step::Call("a", "add", r#"{"numbers": [1, 2.5]}"#)]], tools).await;
    assert_eq!(results(&branch), ["3.5"]);
    let spec = model.requests()[0].functions().next().unwrap().clone();
    assert_eq!(spec.parameters["properties"]["numbers"]["description"], "The numbers to add.");
    assert_eq!(spec.parameters["required"], json!(["numbers"]));
}

#[test]
fn two_tools_of_one_name_are_an_error() {
    let (one, _) = tool("same", Does::Echo);
    let (two, _) = tool("same", Does::Echo);
    assert_eq!(Tools::new(vec![one, two]).unwrap_err().kind(), ErrorKind::Setup);
}
