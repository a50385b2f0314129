//! Lists and the doctor. The whole catalogue changes often, so only what is sure is held on to.
use super::support::{Place, run};
use insta::assert_snapshot;

#[test]
fn models_for_people() {
    assert_snapshot!(run(&["models", "search", "demo"]), @r#"
      MODEL       STATE  CAN                                           CONTEXT  $ IN/OUT PER M
      demo        ready  image audio pdf video tools schema reasoning  128k     0/0
      demo/think  ready  image audio pdf video tools schema reasoning  128k     0/0
      demo/slow   ready  image audio pdf video tools schema reasoning  128k     0/0
      demo/text   ready                                                128k     0/0
      demo/embed  ready  embed                                                  0/0
      demo/live   ready  live image audio video tools                           0/0
    --- stderr

    default: demo (`consort models default ID` changes it)
    "#);
    assert_snapshot!(run(&["models", "-q", "no such thing"]), @r#"
    --- stderr
    no model fits; `consort models` lists all
    "#);
    let all = run(&["models"]);
    assert!(all.stdout.lines().count() > 50, "{all}");
    assert!(all.stdout.lines().nth(1).unwrap().starts_with("  demo "), "{all}");
}

#[test]
fn models_for_programs() {
    let list = run(&["models", "--json", "-q", "demo/text"]).json();
    assert_snapshot!(format!("{list:#}"), @r#"
    [
      {
        "id": "demo/text",
        "provider": "demo",
        "name": "text",
        "title": "Demo: text only",
        "aliases": [],
        "kind": "chat",
        "state": "ready",
        "capabilities": {
          "input": [
            "text"
          ],
          "output": [],
          "tools": "no",
          "schema": "no",
          "reasoning": "no",
          "streaming": "yes"
        },
        "limits": {
          "context": 128000,
          "output": 8192
        },
        "price": {
          "input": 0,
          "output": 0,
          "cached": null,
          "cache_write": null,
          "audio_input": null,
          "audio_output": null,
          "source": "the demo model runs in this program"
        },
        "default": false
      }
    ]
    "#);
    let whole = run(&["models", "list", "--json"]).json();
    for model in whole.as_array().unwrap() {
        for field in ["id", "provider", "state", "capabilities"] {
            assert!(!model[field].is_null(), "{model}");
        }
    }
    let defaults = whole.as_array().unwrap().iter().filter(|model| model["default"] == true).count();
    assert_eq!(defaults, 1);
}

#[test]
fn models_that_can() {
    let found = run(&["models", "-q", "demo", "--can", "vision", "--json"]).json();
    let ids: Vec<&str> =
        found.as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["demo", "demo/think", "demo/slow", "demo/live"]);
    let found = run(&["models", "-q", "demo", "--can", "embed", "--json"]).json();
    assert_eq!(found[0]["id"], "demo/embed");
}

#[test]
fn options_of_a_model() {
    let run = run(&["models", "options", "demo"]);
    assert!(run.stdout.contains("  delay_ms          integer 0..3600000"), "{run}");
    let schema = super::support::run(&["models", "options", "demo", "--json"]).json();
    assert_eq!(schema["type"], "object");
}

#[test]
fn the_doctor_says_what_to_do() {
    let place = Place::new();
    let ill = place.run(&["doctor"]);
    assert!(ill.code == 0 && ill.stderr.is_empty(), "{ill}");
    for words in
        ["~/home/consort.toml", "Ready\n  demo", "consort keys set", "What to do\n  give Consort a key"]
    {
        assert!(ill.stdout.contains(words), "{words}: {ill}");
    }
    let well = place.run_with(&[("MISTRAL_API_KEY", "sk-very-secret")], &["doctor"]);
    assert!(well.stdout.ends_with("What to do\n  nothing: ask away\n"), "{well}");
    assert!(!well.stdout.contains("sk-very-secret"));
    place.file("home/consort.toml", "default_model = 'nope'\noops = 1\n");
    let wrong = place.run(&["doctor"]);
    assert!(wrong.code == 0 && wrong.stdout.contains("consort.toml:2: `oops` is not a setting"), "{wrong}");
    assert!(wrong.stdout.contains("none: no model is named `nope`"), "{wrong}");
}

#[test]
fn the_doctor_says_what_talks() {
    let place = Place::new();
    let bare = place.run(&["doctor"]);
    for words in
        ["set `ears` below [voice] in consort.toml", "espeak-ng", "piper", "whisper-server", "microphone"]
    {
        assert!(bare.stdout.contains(words), "{words}: {bare}");
    }
    let settings = "[voice]\nears = \"openai/whisper-1\"\nvoice = \"nobody/x\"\n\n[voices.anna]\nmodel = \"demo\"\n\
                    voice = \"test\"\n\n[voices.ben]\nmodel = \"demo\"\nears = \"test\"\nvoice = \"test\"\n";
    place.file("home/consort.toml", settings);
    let doctor = place.run(&["doctor"]);
    let row = |name: &str| {
        let row = doctor.stdout.lines().find(|row| row.trim_start().starts_with(&format!("{name} ")));
        row.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("ears"), "ears openai/whisper-1 needs OPENAI_API_KEY", "{doctor}");
    assert_eq!(row("voice"), "voice nobody/x broken: nothing that speaks is named `nobody/x`", "{doctor}");
    assert_eq!(row("voice/anna"), "voice/anna needs OPENAI_API_KEY", "{doctor}");
    assert_eq!(row("voice/ben"), "voice/ben ready", "{doctor}");
    for advice in [
        "  ears of [voice]: store its key with `consort keys set openai`, or set OPENAI_API_KEY\n",
        "  voice of [voice]: these do: ",
    ] {
        assert!(doctor.stdout.contains(advice), "{advice}: {doctor}");
    }
    let models = place.run(&["models", "--json", "-q", "voice/"]).json();
    let states: Vec<_> =
        models.as_array().unwrap().iter().map(|model| (&model["id"], &model["state"])).collect();
    assert_eq!(states[0], (&"voice/ben".into(), &"ready".into()), "{models}");
    assert_eq!(states[1], (&"voice/anna".into(), &"needs setup".into()), "{models}");
    assert_eq!(models[1]["missing"], "OPENAI_API_KEY", "{models}");
    place.file("home/consort.toml", "[voice]\nears = \"whisper-server/whisper\"\nvoice = \"openai/tts-9\"\n");
    let doctor = place.run_with(&[("OPENAI_API_KEY", "sk-secret")], &["doctor"]);
    for advice in [
        "whisper-server/whisper  if its server runs\n",
        "  ears of [voice]: see that its server runs: nobody looks before it is needed\n",
        "  voice of [voice]: `openai/tts-9` is none of the models that are known here, which are openai/",
    ] {
        assert!(doctor.stdout.contains(advice), "{advice}: {doctor}");
    }
}

#[test]
fn embeddings() {
    assert_snapshot!(run(&["embed", "-m", "demo/embed", "-d", "2", "hello", "hello world"]), @r#"
    [0.0,-1.0]
    [1.0,0.0]
    "#);
    assert_snapshot!(run(&["embed", "-m", "demo/embed", "-d", "2", "--json", "hello"]), @r#"{"model":"demo/embed","resolved_model":"embed","vectors":[[0.0,-1.0]],"usage":{"input":1,"output":null,"cached":null,"cache_write":null,"reasoning":null,"total":1,"cached_in_input":false,"reasoning_in_output":false,"source":"reported"}}"#);
    assert_snapshot!(run(&["embed", "-m", "demo/embed"]), @r#"
    exit 2
    --- stderr
    error: there is nothing to embed
      help: consort embed "a text" "another", or pipe lines in
    "#);
    assert_eq!(Place::new().pipe("a\nb\n", &["embed", "-m", "demo/embed"]).stdout.lines().count(), 2);
}

#[test]
fn help_and_completions() {
    assert_snapshot!(run(&["-h"]), @r#"
    Ask any language model.

    Usage: consort [OPTIONS] [PROMPT]...
           consort <COMMAND>

    Commands:
      chat         Talk with a model, on the terminal
      talk         Talk with a model: by microphone, with sound from and to WAV files, or in words
      realtime     Tools for live sessions: play recorded ones again
      serve        Serve the web chat and its API
      logs         See what was asked and answered
      cost         Say what was used and what it cost
      events       Watch what all running programs of yours ask and answer
      models       List, search and choose models
      keys         Store keys
      providers    List providers, and show where each is described
      routes       List routes: models made of others, with retry, fallback and limits
      plugins      See, check, install and make plugins
      mcp          See, try, add and remove MCP servers
      doctor       Say what is set up, what is missing, and what to do
      embed        Turn texts into vectors
      completions  Print completions for a shell
      help         Print this message or the help of the given subcommand(s)

    Arguments:
      [PROMPT]...  What to ask; text piped in follows it

    Options:
      -m, --model <MODEL>
              The model to ask: an id, an alias, or a name that only one provider has
      -s, --system <TEXT>
              Instructions for the model
      -f, --fragment <PREFIX:NAME|FILE>
              Put what a plugin loads, or a text file, before the prompt
      -t, --template <PREFIX:NAME>
              Start from a template that a plugin loads; the prompt fills its `$input`
          --param <NAME> <VALUE>
              Fill a place of the template: `$NAME` or `${NAME}` in its prompt or instructions
      -o, --option <NAME> <VALUE>
              Set an option of the model (`consort models options MODEL` lists them)
      -a, --attachment <FILE|URL|->
              Attach a file, a URL, or stdin with `-`
          --attachment-type <FILE|URL|-> <MIME>
              Attach a file of a type that its content does not tell [alias: --at]
      -c, --continue
              Go on with the newest conversation
          --cid <ID>
              Go on with this conversation: its id, or the beginning of one [alias: --conversation]
      -n, --no-log
              Keep nothing of this
      -T, --tool <NAME>
              Let the model use a tool: its name, PLUGIN:TOOL, PLUGIN:TOOLBOX, or SERVER[:TOOL]
          --approve
              Ask before each call of a tool
          --schema <SCHEMA>
              Answer with JSON that fits: a JSON Schema, a file that holds one, or fields as `name, age
              int`
          --key <KEY>
              Use this key instead of a stored one
          --no-stream
              Ask for the whole answer at once
          --timeout <SECONDS>
              Give up after this many seconds [default: what the provider's file says, mostly 600]
          --strict
              Exit with 8 when the answer was refused or cut short
          --plugins <DIR>
              A folder of plugins, beside the usual ones
      -h, --help
              Print help (see more with '--help')
      -V, --version
              Print version

    Output:
          --json          Print one JSON object: text, model, usage, cost, attempts, finish, tool calls,
                          or the error
          --jsonl         Print each event as a line of JSON
      -u, --usage         Say what the answer used and cost
      -q, --quiet         Print nothing but the answer and errors
          --raw           Print the bytes as they come, terminal control codes included
          --color <WHEN>  When to use colours [default: auto] [possible values: auto, always, never]

    Examples:
      consort "why is the sky blue"                ask the default model
      git diff | consort "write a commit message"  the piped text follows the prompt
      consort -m demo "hello"                      a model that needs no key
      consort -a photo.jpg "what is this"          show it a file, or a URL
      consort --json "2+2" | jq -r .text           one object: text, usage, cost
      consort -o temperature 0.2 "name a colour"   an option of the model
      consort -c "and shorter?"                    go on with the newest conversation
      consort                                      a chat, on a terminal

    Exit codes:
      0 answered         1 other failure     2 usage           3 no key, or refused
      4 no such model    5 provider error    6 rate limited    7 network or timeout
      8 with --strict: declined or cut short                   130 interrupted

    Start with `consort doctor`: what is set up, what is missing, and what to do.
    "#);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell]);
        assert!(script.code == 0 && script.stdout.contains("doctor"), "{shell}");
    }
    assert_eq!(run(&["--version"]).stdout, format!("consort {}\n", env!("CARGO_PKG_VERSION")));
}
