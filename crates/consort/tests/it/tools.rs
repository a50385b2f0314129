//! Tools on the command line.
use super::support::Place;

#[test]
fn a_tool_runs_and_is_shown() {
    let place = Place::new();
    let run = place.run(&["-m", "demo", "-o", "delay_ms", "0", "-T", "time", "what time is it"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("The tool `time` answered: 20"), "{run}");
    assert!(run.stderr.starts_with("time({})\n  20") && run.stderr.contains(" UTC (0.0 s)"), "{run}");
    let quiet = place.run(&["-q", "-m", "demo", "-o", "delay_ms", "0", "-T", "time", "what time is it"]);
    assert_eq!(quiet.stderr, "", "{quiet}");
    let lines = place.run(&["--jsonl", "-m", "demo", "-o", "delay_ms", "0", "-T", "time", "what time is it"]);
    let kinds: Vec<String> = lines
        .stdout
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].as_str().unwrap().to_owned()
        })
        .collect();
    let place_of = |kind: &str| kinds.iter().position(|found| found == kind).unwrap();
    assert!(place_of("tool_started") < place_of("tool_ended"), "{kinds:?}");
    let kept = place.run(&[
        "logs",
        "show",
        place.run(&["logs", "--json"]).json()[0]["conversation"].as_str().unwrap(),
    ]);
    assert!(kept.stdout.contains("time({})") && kept.stdout.contains("## Tools"), "{kept}");
}

#[test]
fn without_a_terminal_nobody_says_yes() {
    let run = Place::new().run(&[
        "-m",
        "demo",
        "-o",
        "delay_ms",
        "0",
        "-T",
        "time",
        "--approve",
        "what time is it",
    ]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("there is no terminal to ask on"), "{run}");
    assert!(run.stdout.contains("the user said no"), "{run}");
}

#[test]
fn tools_that_are_not_there_are_told() {
    let place = Place::new();
    let run = place.run(&["-m", "demo", "-T", "tiem", "hi"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("there is no tool `tiem`") && run.stderr.contains("built in: time"), "{run}");
    assert_eq!(place.run(&["-m", "demo", "-T", "time", "-T", "time", "hi"]).code, 3);
    let run = place.run(&["-m", "demo", "-T", "time(1)", "hi"]);
    assert!(run.code == 2 && run.stderr.contains("`time` takes no settings"), "{run}");
    assert_eq!(place.run(&["-m", "demo", "--approve", "hi"]).code, 2);
}
