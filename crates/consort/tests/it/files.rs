//! The user's files: keys, settings, provider files, and what is wrong in them.
use super::support::{Place, run};
use insta::assert_snapshot;

#[test]
fn a_key_that_is_not_there_is_not_to_be_stored_before_it_is_removed() {
    let place = Place::new();
    assert!(place.run(&["keys", "get", "mistral"]).stderr.contains("help: consort keys set mistral"));
    assert!(!place.run(&["keys", "remove", "mistral"]).stderr.contains("help:"));
}

#[test]
fn keys_come_and_go() {
    let place = Place::new();
    assert_snapshot!(place.run(&["keys", "list"]), @r#"
    --- stderr
    no keys are stored; `consort keys set NAME` stores one
    "#);
    assert_snapshot!(place.pipe("sk-1\n", &["keys", "set", "mistral"]), @r#"
    --- stderr
    ok: saved `mistral` to ~/home/keys.json (mode 600)
    "#);
    assert_snapshot!(place.pipe("sk-2\n", &["keys", "set", "mistrall"]), @r#"
    --- stderr
    ok: saved `mistrall` to ~/home/keys.json (mode 600)
    warning: no provider uses a key named `mistrall`; did you mean `mistral`?
    "#);
    assert_snapshot!(place.run(&["keys", "list"]), @r#"
    mistral
    mistrall
    "#);
    assert_snapshot!(place.run(&["keys", "get", "mistral"]), @"sk-1");
    assert_snapshot!(place.run(&["keys", "remove", "mistrall"]), @r#"
    --- stderr
    ok: forgot the key `mistrall`
    "#);
    assert_snapshot!(place.run(&["keys", "get", "nope"]), @r#"
    exit 3
    --- stderr
    error: no key named `nope` is stored
      help: stored are mistral
    "#);
    assert_snapshot!(place.run(&["keys", "path"]), @"[PLACE]/home/keys.json");
    assert_eq!(place.run(&["keys", "list", "--json"]).json(), serde_json::json!(["mistral"]));
    assert_snapshot!(place.pipe(" \n", &["keys", "set", "openai"]), @r#"
    exit 2
    --- stderr
    error: the key is empty; nothing was stored
    "#);
    assert_eq!(place.pipe("two words", &["keys", "set", "openai"]).code, 2);
}

#[cfg(unix)]
#[test]
fn keys_that_others_could_read() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let path = place.file("home/keys.json", r#"{"acme": "sk-1"}"#);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_snapshot!(place.run(&["keys", "list"]), @r#"
    acme
    --- stderr
    warning: [PLACE]/home/keys.json: other people could read the keys (mode 644)
      help: it is mode 600 now; replace the keys if others use this machine
    "#);
    assert_snapshot!(place.run(&["keys", "list"]), @"acme");
}

#[test]
fn a_broken_keys_file_is_named_and_kept() {
    let place = Place::new();
    let broken = "{\n  \"acme\": \"sk-very-secret\",\n}";
    let path = place.file("home/keys.json", broken);
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_snapshot!(place.pipe("sk-2", &["keys", "set", "openai"]), @r#"
    exit 3
    --- stderr
    error: [PLACE]/home/keys.json:3: this is not JSON
      help: mend the file by hand, or move it away and store the keys again; it was left as it is
    "#);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), broken);
    assert_snapshot!(place.run(&["-m", "demo", "-o", "say", "x", "hi"]), @r#"
    x<no newline>
    --- stderr
    warning: [PLACE]/home/keys.json:3: this is not JSON
      help: mend the file by hand, or move it away and store the keys again; it was left as it is
    "#);
    let doctor = place.run(&["doctor"]);
    assert!(doctor.code == 0 && doctor.stdout.contains("keys.json:3: this is not JSON"), "{doctor}");
}

#[test]
fn broken_toml_stops_nothing_else() {
    let place = Place::new();
    place.file("home/consort.toml", "default_model = 'demo'\nmodle = 'x'\n[aliases\n");
    assert_snapshot!(place.run(&["-m", "demo", "-o", "say", "x", "hi"]), @r#"
    x<no newline>
    --- stderr
    warning: [PLACE]/home/consort.toml:3: unclosed table, expected `]`
      help: mend this line; until then the file counts for nothing
    "#);
    place.file("home/consort.toml", "");
    place.file("home/providers/acme.toml", "wire = 'openai-chat'\nbase_url = 'https://acme.example'\noops\n");
    place.file(
        "home/providers/fine.toml",
        "wire = 'openai-chat'\nbase_url = 'https://fine.example'\nkey_env = ['FINE_KEY']\n",
    );
    let run = place.run(&["providers", "list"]);
    assert!(run.stderr.starts_with("warning: [PLACE]/home/providers/acme.toml:3: "), "{run}");
    assert!(run.stdout.contains("  fine "), "{run}");
    assert!(!run.stdout.contains("  acme "), "{run}");
    assert_eq!(place.run(&["-q", "-m", "demo", "-o", "say", "x", "hi"]).stderr, "");
}

#[test]
fn a_provider_whose_description_is_broken_is_not_asked_elsewhere() {
    let place = Place::new();
    place.file("home/providers/openai.toml", "base_url = 'http://127.0.0.1:9/v1'\nbase_ulr = 'x'\n");
    let key = [("OPENAI_API_KEY", "sk-x")];
    let run = place.run_with(&key, &["-q", "-m", "openai/gpt-4o", "hi"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.starts_with("error: the provider `openai` did not load\n"), "{run}");
    assert!(run.stderr.contains("[PLACE]/home/providers/openai.toml:2: unknown field `base_ulr`"), "{run}");
    assert!(place.run(&["providers", "show", "openai"]).stderr.contains("did not load"));
    std::fs::remove_file(place.path("home/providers/openai.toml")).unwrap();
    place.file(
        "home/consort.toml",
        "[aliases]\nx = 'y'\n\n[providers.openai]\nbase_url = 'http://127.0.0.1:9/v1'\n\n# and\nwire = 'smoke'\n",
    );
    let run = place.run_with(&key, &["-q", "-m", "openai/gpt-4o", "hi"]);
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("consort.toml:8: [providers.openai]: no wire is named `smoke`"), "{run}");
    // The others are as they were.
    assert_eq!(place.run(&["-m", "anthropic/claude-opus-5", "hi"]).code, 3);
    assert_eq!(place.run(&["-q", "-m", "demo", "-o", "say", "x", "hi"]).stdout, "x");
}

#[test]
fn the_default_model() {
    let place = Place::new();
    place.file("home/consort.toml", "# mine\n[aliases]\nt = 'demo/think'\n");
    assert_snapshot!(place.run(&["models", "default"]), @r#"
    demo
    --- stderr
    (none is set; no key is set up)
    "#);
    assert_snapshot!(place.run(&["models", "default", "t"]), @r#"
    --- stderr
    ok: demo/think answers when no other model is named
    "#);
    assert_snapshot!(place.run(&["models", "default"]), @"demo/think");
    assert_eq!(place.run(&["models", "default", "nope"]).code, 4);
    let text = std::fs::read_to_string(place.path("home/consort.toml")).unwrap();
    assert_snapshot!(text, @r#"
    default_model = "demo/think"
    # mine
    [aliases]
    t = 'demo/think'
    "#);
}

#[test]
fn the_first_provider_with_a_key_answers() {
    let place = Place::new();
    let env = [("MISTRAL_API_KEY", "sk-1")];
    let first = place.run_with(&env, &["models", "default"]);
    assert!(first.stdout.starts_with("mistral/"), "{first}");
    assert_snapshot!(first.stderr, @"(none is set; the first one with a key)");
}

#[test]
fn where_a_provider_is_described() {
    let place = Place::new();
    place.file(
        "home/providers/acme.toml",
        "name = 'Acme'\nwire = 'openai-chat'\nbase_url = 'https://acme.example/v1'\nkey_env = ['ACME_KEY']\nkey_url = 'https://acme.example/keys'\n",
    );
    place.file("home/consort.toml", "[providers.groq]\nbase_url = 'https://proxy.example'\n");
    assert_snapshot!(place.run(&["providers", "show", "acme"]), @r#"
    Acme (acme)
      state   needs ACME_KEY
      from    [PLACE]/home/providers/acme.toml
      key     consort keys set acme or ACME_KEY
              https://acme.example/keys
      models  0 known; consort models -q acme
      proved  not yet: no recorded traffic
    "#);
    let groq = place.run(&["providers", "show", "groq", "--json"]).json();
    assert_eq!(groq["source"][0], "[PLACE]/home/consort.toml");
    assert_snapshot!(place.run(&["providers", "path"]), @"[PLACE]/home/providers");
    assert_snapshot!(run(&["providers", "show", "acmee"]), @r#"
    exit 2
    --- stderr
    error: no provider is named `acmee`
      help: `consort providers` lists them
    "#);
    assert_snapshot!(run(&["providers", "show", "mistrl"]), @r#"
    exit 2
    --- stderr
    error: no provider is named `mistrl`
      tip: did you mean `mistral`?
      help: `consort providers` lists them
    "#);
}
