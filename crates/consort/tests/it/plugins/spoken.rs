//! A plugin that speaks the protocol by itself: the keys of its models, its templates, aliases, events and fetches.
use super::Plugged;
use crate::support::Vendor;
use consort_testkit::Reply;

const TEXT: &str = r#"{"id": "plain", "capabilities": {"input": ["text"], "structuredOutput": "native"}}"#;
const KEYED: &str = r#"{"id": "keyed", "aliases": ["my-keyed"], "needs": {"secrets": ["hosted"], "env": ["HOSTED_API_KEY"]}}"#;

/// One with these models and this template.
fn spoken(models: &str, template: &str, hosts: &str) -> Option<Plugged> {
    let place = Plugged::with_python()?;
    let text = include_str!("samples/spoken.py").replace("[HOSTS]", &format!("[{hosts}]"));
    let text = text.replace("\"\"\"MODELS\"\"\"", &format!("r\"\"\"[{models}]\"\"\""));
    place.plugin("spoken.py", text.replace("\"\"\"TEMPLATE\"\"\"", &format!("r\"\"\"{template}\"\"\"")));
    Some(place)
}

/// A plugin answers with one model while another of its lacks its key.
#[test]
fn a_model_whose_key_is_not_there_says_so_and_is_not_chosen() {
    let Some(place) = spoken(&format!("{KEYED}, {TEXT}"), "{}", "") else { return };
    assert_eq!(place.run(&["plugins", "reload", "spoken"]).code, 0);
    let models = place.run(&["models", "--json"]).json();
    let row = |id: &str| models.as_array().unwrap().iter().find(|row| row["id"] == id).unwrap().clone();
    let keyed = row("spoken/keyed");
    assert_eq!((&keyed["state"], &keyed["missing"]), (&"needs setup".into(), &"the key `hosted`".into()));
    assert_eq!(row("spoken/plain")["state"], "ready");
    assert_eq!(place.state("spoken"), "ready");
    // Nobody set a key: the demo answers, with its note.
    let run = place.run(&["models"]);
    assert!(run.stderr.contains("default: demo"), "{run}");
    // With its key it is the one that was set up.
    assert_eq!(place.run(&["plugins", "grant", "spoken", "hosted"]).code, 0);
    assert_eq!(place.pipe("sk-hosted-1", &["keys", "set", "hosted"]).code, 0);
    assert_eq!(place.run(&["plugins", "reload", "spoken"]).code, 0);
    let run = place.run(&["show secrets"]);
    assert_eq!(run.stdout.trim(), "{\"hosted\": \"sk-hosted-1\"}", "{run}");
}

#[test]
fn a_template_is_used_whole() {
    let template = r#"{"prompt": "A $input, ${tone}", "system": "be $tone, $$5", "defaults": {"tone": "curt"},
        "fragments": ["house rules.txt"]}"#;
    let Some(place) = spoken(TEXT, template, "") else { return };
    place.place.file("house rules.txt", "the rules");
    let run = place.run(&["-m", "spoken", "-t", "house:any", "hi $tone"]);
    assert!(run.stdout.contains("be curt, $5") && run.stdout.contains("A hi $tone, curt"), "{run}");
    assert!(run.stdout.contains("the rules"), "{run}");
    let schema = r#"{"prompt": "$input", "schema": {"type": "object"}}"#;
    let Some(place) = spoken(TEXT, schema, "") else { return };
    let run = place.run(&["-m", "spoken", "-t", "house:any", "x"]);
    assert!(run.stdout.contains("\"type\": \"object\""), "{run}");
    let Some(place) = spoken(TEXT, r#"{"prompt": "$input $mood"}"#, "") else { return };
    let run = place.run(&["-m", "spoken", "-t", "house:any", "x"]);
    assert!(run.code == 2 && run.stderr.contains("mood"), "{run}");
}

#[test]
fn an_embedder_is_found_by_its_aliases_and_by_its_plugin() {
    let models = r#"{"id": "emb-3", "kind": "embedding", "aliases": ["emb3"]}"#;
    let Some(place) = spoken(models, "{}", "") else { return };
    assert_eq!(place.run(&["plugins", "reload", "spoken"]).code, 0);
    for name in ["emb-3", "emb3", "spoken/emb3", "spoken"] {
        let run = place.run(&["embed", "-m", name, "x"]);
        assert_eq!(run.code, 0, "{name}: {run}");
    }
}

#[test]
fn an_event_that_cannot_be_read_is_told_and_the_others_count() {
    let Some(place) = spoken(TEXT, "{}", "") else { return };
    let run = place.ask("spoken", "odd");
    assert_eq!(run.stdout, "before behind", "{run}");
    assert!(run.stderr.contains("warning:") && run.stderr.contains("could not be read"), "{run}");
}

/// What is fetched comes as fast as the plugin reads it.
#[test]
fn a_body_waits_for_the_plugin_that_asked_for_it() {
    const SIZE: usize = 70 << 20;
    let server = Vendor::new([Reply::new(200, "text/plain", "x".repeat(SIZE))]);
    let host = format!("'{}'", server.url().trim_start_matches("http://"));
    let Some(place) = spoken(TEXT, "{}", &host) else { return };
    let run = place.ask("spoken", &format!("fetch {}/all", server.url()));
    assert_eq!(run.stdout, format!("{SIZE} None"), "{run}");
}
