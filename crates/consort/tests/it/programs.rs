//! What programs read: `--json`, `--jsonl`.
use super::support::{self, Place, run};
use insta::assert_snapshot;
use serde_json::Value;

/// Pretty JSON with the times taken out.
fn steady(value: Value) -> String {
    format!("{:#}", support::steady(value))
}

#[test]
fn one_object() {
    let run = run(&["-m", "demo", "--json", "-o", "say", "Four.", "2+2"]);
    assert!(run.stderr.is_empty(), "{run}");
    assert!(run.json()["ms"]["first"].as_u64() <= run.json()["ms"]["total"].as_u64());
    assert_snapshot!(steady(run.json()), @r#"
    {
      "text": "Four.",
      "model": "demo",
      "provider": "demo",
      "resolved_model": "demo",
      "usage": {
        "input": 6,
        "output": 2,
        "total": 8,
        "cached_in_input": false,
        "reasoning_in_output": true,
        "source": "reported"
      },
      "cost": 0.0,
      "finish": "stop",
      "tool_calls": [],
      "ms": "[TIMES]"
    }
    "#);
}

#[test]
fn one_object_with_all_there_is() {
    let run = run(&["-m", "demo", "--json", "-o", "finish", "refusal", "-o", "think", "1", "hi"]);
    assert_snapshot!(steady(run.json()), @r#"
    {
      "text": "",
      "model": "demo",
      "provider": "demo",
      "resolved_model": "demo",
      "usage": {
        "input": 4,
        "output": 30,
        "reasoning": 19,
        "total": 34,
        "cached_in_input": false,
        "reasoning_in_output": true,
        "source": "reported"
      },
      "cost": 0.0,
      "finish": "refusal",
      "tool_calls": [],
      "reasoning": "The question has 1 word. My rule says: repeat it, and say what I am.",
      "refusal": "I decline to answer, because I was asked to.",
      "ms": "[TIMES]"
    }
    "#);
}

#[test]
fn an_error_is_an_object_too() {
    let args = [
        "-m",
        "demo",
        "--json",
        "-o",
        "fail",
        "rate_limit",
        "-o",
        "retry_after",
        "1.5",
        "-o",
        "say",
        "a b c",
    ];
    let after: Vec<&str> = args.iter().copied().chain(["-o", "fail_after", "2", "hi"]).collect();
    let failed = run(&after);
    assert_eq!(failed.code, 6);
    assert_snapshot!(steady(failed.json()), @r#"
    {
      "text": "a b ",
      "model": "demo",
      "provider": "demo",
      "resolved_model": "demo",
      "usage": null,
      "cost": 0.0,
      "finish": null,
      "tool_calls": [],
      "ms": "[TIMES]",
      "error": {
        "code": "rate_limit",
        "message": "failed with `rate_limit`, because it was asked to (option `fail`)",
        "provider": "demo",
        "status": 429,
        "retry_after_s": 1.5,
        "hint": "ask without the option `fail`"
      }
    }
    "#);
    assert_snapshot!(steady(run(&["-m", "dmo", "--json", "hi"]).json()), @r#"
    {
      "error": {
        "code": "model_not_found",
        "message": "no model is named `dmo`",
        "hint": "did you mean `demo`?\n`consort models` lists the models"
      }
    }
    "#);
    assert_snapshot!(steady(run(&["--json"]).json()), @r#"
    {
      "error": {
        "code": "invalid_request",
        "message": "there is nothing to ask: the prompt is empty",
        "hint": "consort \"why is the sky blue\"\nor pipe text in: git diff | consort \"write a commit message\""
      }
    }
    "#);
}

#[test]
fn events_by_line() {
    assert_snapshot!(run(&["-m", "demo", "--jsonl", "-o", "say", "a b", "hi"]), @r#"
    {"type":"started","model":"demo"}
    {"type":"part_start","part":0,"choice":0,"kind":{"type":"text"}}
    {"type":"part_delta","part":0,"delta":{"text":"a "}}
    {"type":"part_delta","part":0,"delta":{"text":"b"}}
    {"type":"part_end","part":0}
    {"type":"usage","input":4,"output":2,"cached":null,"cache_write":null,"reasoning":null,"total":6,"cached_in_input":false,"reasoning_in_output":true,"source":"reported"}
    {"type":"finished","reason":"stop"}
    "#);
    assert_snapshot!(run(&["-m", "demo", "--jsonl", "-o", "fail", "server", "hi"]).stdout, @r#"{"type":"error","error":{"code":"server","message":"failed with `server`, because it was asked to (option `fail`)","provider":"demo","status":500,"hint":"ask without the option `fail`"}}"#);
    assert_snapshot!(run(&["-m", "dmo", "--jsonl", "hi"]).stdout, @r#"{"type":"error","error":{"code":"model_not_found","message":"no model is named `dmo`","hint":"did you mean `demo`?\n`consort models` lists the models"}}"#);
}

#[test]
fn a_single_body_has_the_same_words() {
    let place = Place::new();
    let object = |extra: &[&str]| {
        let args: Vec<&str> =
            ["-m", "demo", "--json", "-o", "say", "a b c"].iter().chain(extra).copied().collect();
        support::steady(place.run(&args).json())
    };
    assert_eq!(object(&["hi"]), object(&["--no-stream", "hi"]));
}
