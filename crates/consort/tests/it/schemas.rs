//! `--schema`.
use super::support::{Place, Vendor};
use consort_testkit::Reply;
use serde_json::json;

fn answering(texts: &[&str]) -> (Vendor, Place) {
    let replies = texts.iter().map(|text| {
        let body = json!({"id": "1", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": text}}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}});
        Reply::json(&body.to_string())
    });
    let vendor = Vendor::new(replies.collect::<Vec<_>>());
    let place = Place::new();
    place.file(
        "home/providers/lab.toml",
        format!(
            "name = \"Lab\"\nwire = \"openai-chat\"\nbase_url = \"{}\"\nkey_optional = true\n",
            vendor.url()
        ),
    );
    (vendor, place)
}

const ASK: [&str; 6] = ["-m", "lab/old", "--no-stream", "--schema", "name, age int", "a dog"];

#[test]
fn the_value_alone_is_on_stdout() {
    let run = Place::new().run(&["-m", "demo", "--schema", "name, age int", "invent a dog"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run}");
    assert!(run.json()["name"].is_string() && run.json()["age"].is_i64(), "{run}");
}

#[test]
fn an_answer_that_does_not_fit_is_mended_once() {
    let (vendor, place) = answering(&["Sure! {\"name\": \"Rex\"}", "{\"name\": \"Rex\", \"age\": 3}"]);
    let run = place.run(&ASK);
    assert_eq!((run.code, run.stdout.as_str()), (0, "{\"name\":\"Rex\",\"age\":3}\n"), "{run}");
    assert_eq!(vendor.server.asked().len(), 2);
    let logged = place.run(&["logs", "--json"]).json();
    assert_eq!(logged[0]["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(logged[0]["schema"]["required"], json!(["name", "age"]));
}

#[test]
fn one_that_never_fits_is_an_error_of_its_own() {
    let (_vendor, place) = answering(&["I like dogs.", "I do."]);
    let run = place.run(&[&ASK[..], &["--json"]].concat());
    assert_eq!(run.code, 5, "{run}");
    let object = run.json();
    assert_eq!((&object["error"]["code"], &object["text"]), (&"protocol".into(), &"I do.".into()));
    let (_vendor, place) = answering(&["I like dogs.", "I do."]);
    let run = place.run(&ASK);
    assert_eq!((run.code, run.stdout.as_str()), (5, ""), "{run}");
    assert_eq!(place.run(&["logs", "--json"]).json()[0]["response"], "I do.");
}

#[test]
fn schemas_come_in_three_forms_and_bad_ones_are_refused() {
    let place = Place::new();
    let schema = r#"{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}"#;
    place.file("n.json", schema);
    for given in [schema, "n.json", "n int"] {
        let run = place.run(&["-m", "demo", "--schema", given, "hi"]);
        assert!(run.json()["n"].is_i64(), "{given}: {run}");
    }
    for bad in ["{", "[]", "missing.json", "n number", "{\"type\": 7}"] {
        let run = place.run(&["-m", "demo", "--schema", bad, "hi"]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{bad}: {run}");
    }
    assert_eq!(place.run(&["-m", "demo", "--schema", "n int", "-T", "time", "hi"]).code, 2);
}
