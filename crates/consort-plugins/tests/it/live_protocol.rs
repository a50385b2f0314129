//! Live sessions with a plugin that keeps to the protocol, or does not: floods, early and late words, files, deafness.
#![cfg(unix)]
use super::support::{Place, closed, has_python, heard, kinds, live, live_with};
use consort_core::{
    CloseReason, Context, ErrorKind, Media, Pcm, RealtimeSession, SessionConfig, SessionEvent, SessionInput,
};
use consort_plugins::Plugins;
use std::time::{Duration, Instant};

/// Does what it is told in words.
const PLUGIN: &str = r#"
import base64, json, os, sys, time
last = 0

def send(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()

def say(session, *events):
    send(method="realtime/event", params={"session": session, "events": list(events)})

def sound(session, item, value, **more):
    data = base64.b64encode(bytes([value, 0] * 480)).decode()
    say(session, {"type": "audio", "item": item, "data": data, "rate": 24000, "channels": 1, **more})

def told(session, text):
    word, _, rest = text.partition(" ")
    if word == "flood":
        for n in range(int(rest) // 50):
            say(session, *({"type": "text", "item": "i", "text": str(50 * n + m)} for m in range(50)))
    elif word == "path":
        path = os.path.join(folder, "sound.pcm")
        with open(path, "wb") as file:
            file.write(bytes([7, 0] * 24000))
        say(session, {"type": "audio", "item": "i", "path": path, "rate": 24000, "channels": 1},
            {"type": "audio", "item": "i", "path": "/etc/hostname", "rate": 24000, "channels": 1})
    elif word == "long":
        path = os.path.join(folder, "long.pcm")
        with open(path, "wb") as file:
            file.truncate(int(rest))
        say(session, {"type": "audio", "item": "i", "path": path, "rate": 24000, "channels": 1})
    elif word == "odd":
        say(session, {"type": "smell"}, {"type": "transcript", "role": "cat"}, 7, {"type": "audio", "item": "i", "rate": 0})
    elif word == "sound":
        sound(session, *json.loads(rest))
    elif word == "leave":
        say(session, {"type": "closed", "reason": rest}, {"type": "text", "item": "i", "text": "late"})
        say(session, {"type": "text", "item": "i", "text": "later"})
    elif word == "die":
        os._exit(3)
    say(session, {"type": "turn_done", "finishReason": "stop"})

for line in sys.stdin:
    message = json.loads(line)
    ident, method, params = message.get("id"), message.get("method"), message.get("params") or {}
    if method == "initialize":
        folder = params["dataDir"]
        send(id=ident, result={"protocolVersion": 1, "capabilities": {"realtime": True}})
    elif method == "models/list":
        send(id=ident, result={"models": [{"id": "raw", "kind": "realtime"}]})
    elif method == "realtime/open":
        last += 1
        do = params.get("system", "")
        if do == "early":
            say(f"rt{last}", {"type": "text", "item": "i", "text": "early"})
        if do == "slow":
            time.sleep(1)
        send(id=ident, result=7 if do == "odd" else {"session": "rt1" if do == "same" else f"rt{last}"})
        if do == "deaf":
            time.sleep(1000)
    elif method == "realtime/input":
        for each in params["inputs"]:
            if each["type"] == "text":
                told(params["session"], each["text"])
            elif each["type"] in ("image", "video"):
                size = os.path.getsize(each["path"]) if "path" in each else len(base64.b64decode(each["data"]))
                say(params["session"], {"type": "text", "item": "i", "text": f"{each['type']} of {size}"})
            elif each["type"] == "audio" and len(each["data"]) > 100000:
                say(params["session"], {"type": "warning", "message": "a piece that is too long"})
    elif method == "realtime/close":
        print(params["session"], "closed", file=sys.stderr)
        say(params["session"], {"type": "closed", "reason": "asked for"})
        send(id=ident, result={})
    elif ident is not None:
        send(id=ident, result={})
"#;

fn place() -> Option<(Place, Plugins)> {
    has_python().then(|| {
        let place = Place::new();
        std::fs::write(place.path("raw.py"), PLUGIN).unwrap();
        let run =
            format!("protocol = 1\nrun = ['python3', {:?}]\n", place.path("raw.py").display().to_string());
        place.plugin("raw.toml", &run);
        let plugins = place.open();
        (place, plugins)
    })
}

async fn told(plugins: &Plugins, how: &str) -> Result<RealtimeSession, consort_core::Error> {
    let config = SessionConfig { instructions: how.into(), ..SessionConfig::default() };
    live_with(plugins, "raw", config, Context::default()).await
}

fn text(words: &str) -> SessionInput {
    SessionInput::text(words)
}

#[tokio::test]
async fn nothing_of_a_flood_is_lost_to_a_slow_reader() {
    let Some((_place, plugins)) = place() else { return };
    let mut session = live(&plugins, "raw").await;
    session.sink.push(text("flood 40000")).unwrap();
    let mut next = 0u32;
    loop {
        match session.events.next().await.unwrap() {
            SessionEvent::Text { text, .. } => {
                assert_eq!(text, next.to_string());
                next += 1;
                if next.is_multiple_of(5000) {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            SessionEvent::TurnDone { .. } => break,
            SessionEvent::Connected { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(next, 40_000);
}

#[tokio::test]
async fn early_words_are_kept_and_late_ones_are_not() {
    let Some((_place, plugins)) = place() else { return };
    let mut session = told(&plugins, "early").await.unwrap();
    assert_eq!(kinds(&heard(&mut session, "text").await), ["connected", "text"]);
    session.sink.push(text("leave enough")).unwrap();
    assert_eq!(closed(&mut session).await, CloseReason::Ended { message: "enough".into() });
    assert!(session.events.next().await.is_none());
    let error = told(&plugins, "odd").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PluginBug, "{error}");
    let mut one = told(&plugins, "same").await.unwrap();
    assert!(told(&plugins, "same").await.unwrap_err().to_string().contains("one name"));
    one.sink.push(text("odd")).unwrap();
    let events = heard(&mut one, "turn_done").await;
    assert_eq!(kinds(&events), ["connected", "warning", "warning", "warning", "turn_done"], "{events:?}");
    one.sink.push(text("die")).unwrap();
    let CloseReason::Failed { error } = closed(&mut one).await else { panic!("it did not fail") };
    assert!(
        error.kind() == ErrorKind::PluginCrash && error.to_string().contains("exited with code 3"),
        "{error}"
    );
}

#[tokio::test]
async fn one_that_opens_when_nobody_waits_is_closed() {
    let Some((_place, plugins)) = place() else { return };
    let plugin = plugins.find("raw").unwrap();
    plugin.check().await;
    let opening = tokio::time::timeout(Duration::from_millis(200), told(&plugins, "slow"));
    assert!(opening.await.is_err());
    let begun = Instant::now();
    while !plugin.log().lines().iter().any(|line| line.contains("rt1 closed")) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", plugin.log().lines());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(live(&plugins, "raw").await);
}

#[tokio::test]
async fn sound_and_pictures_go_by_file_where_they_are_large() {
    let Some((place, plugins)) = place() else { return };
    let mut session = live(&plugins, "raw").await;
    session.sink.push(text("path")).unwrap();
    let events = heard(&mut session, "turn_done").await;
    assert_eq!(kinds(&events), ["connected", "audio", "warning", "turn_done"]);
    assert!(
        matches!(&events[1], SessionEvent::Audio { pcm, .. } if pcm.duration() == Duration::from_secs(1))
    );
    let picture = |bytes: usize| Media::bytes("image/png", vec![0u8; bytes]);
    for (input, said) in [
        (SessionInput::Image { media: picture(10) }, "image of 10"),
        (SessionInput::Video { media: picture(3 << 20) }, "video of 3145728"),
    ] {
        session.sink.push(input).unwrap();
        let events = heard(&mut session, "text").await;
        assert!(matches!(events.last(), Some(SessionEvent::Text { text, .. }) if text == said), "{events:?}");
    }
    // A piece of ten minutes goes in pieces of half a second.
    session.sink.push(SessionInput::Audio(Pcm::mono(vec![0; 16_000 * 600], 16_000))).unwrap();
    session.sink.push(text("done")).unwrap();
    assert_eq!(kinds(&heard(&mut session, "turn_done").await), ["turn_done"]);
    session.sink.close();
    assert_eq!(closed(&mut session).await, CloseReason::Asked);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let left = |folder: std::path::PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let media = left(place.path("data/plugin-state/media")).filter(|entry| entry.path().is_dir());
    assert_eq!(media.flat_map(|entry| left(entry.path())).count(), 0, "files of a session that is over");
}

#[tokio::test]
async fn sound_of_an_answer_that_was_cut_is_not_heard() {
    let Some((_place, plugins)) = place() else { return };
    let mut session = live(&plugins, "raw").await;
    session.sink.push(text(r#"sound ["a", 1]"#)).unwrap();
    heard(&mut session, "turn_done").await;
    session.sink.push(SessionInput::Interrupt { item: None, heard: Duration::from_millis(10) }).unwrap();
    // It goes on with the old answer before it begins the next.
    session.sink.push(text(r#"sound ["a", 2]"#)).unwrap();
    session.sink.push(text(r#"sound ["b", 3]"#)).unwrap();
    assert_eq!(kinds(&heard(&mut session, "turn_done").await), ["turn_done"]);
    let events = heard(&mut session, "turn_done").await;
    assert!(matches!(&events[0], SessionEvent::Audio { item, epoch: 1, .. } if item == "b"), "{events:?}");
}

#[tokio::test]
async fn an_answer_that_goes_on_behind_a_cut_of_another_is_heard() {
    let Some((_place, plugins)) = place() else { return };
    let mut session = live(&plugins, "raw").await;
    for words in [r#"sound ["a", 1]"#, r#"sound ["b", 2]"#] {
        session.sink.push(text(words)).unwrap();
        heard(&mut session, "turn_done").await;
    }
    let item = Some("a".to_owned());
    session.sink.push(SessionInput::Interrupt { item, heard: Duration::from_millis(10) }).unwrap();
    session.sink.push(text(r#"sound ["a", 3]"#)).unwrap();
    session.sink.push(text(r#"sound ["b", 4]"#)).unwrap();
    assert_eq!(kinds(&heard(&mut session, "turn_done").await), ["turn_done"]);
    let events = heard(&mut session, "turn_done").await;
    // Of the newest epoch, too: who holds the session may know of epochs alone.
    assert!(matches!(&events[0], SessionEvent::Audio { item, epoch: 1, .. } if item == "b"), "{events:?}");
}

#[tokio::test]
async fn a_session_that_nobody_reads_holds_up_no_other() {
    let Some((_place, plugins)) = place() else { return };
    let mut deaf = live(&plugins, "raw").await;
    let mut other = live(&plugins, "raw").await;
    deaf.sink.push(text("flood 20000")).unwrap();
    let begun = Instant::now();
    for _ in 0..20 {
        other.sink.push(text("hi")).unwrap();
        heard(&mut other, "turn_done").await;
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // It is all still there.
    let events = heard(&mut deaf, "turn_done").await;
    assert_eq!(events.iter().filter(|event| event.kind() == "text").count(), 20_000);
    // Without an end it is none.
    deaf.sink.push(text("flood 400000")).unwrap();
    let mut ended = false;
    for _ in 0..200 {
        other.sink.push(text("hi")).unwrap();
        heard(&mut other, "turn_done").await;
        ended |= deaf.sink.is_closed();
        if ended {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(ended, "it holds all of it");
    let CloseReason::Failed { error } = closed(&mut deaf).await else { panic!("it did not fail") };
    assert!(error.kind() == ErrorKind::Interrupted && error.to_string().contains("not read"), "{error}");
}

#[tokio::test]
async fn sound_by_path_has_a_bound() {
    let Some((_place, plugins)) = place() else { return };
    let mut session = live(&plugins, "raw").await;
    session.sink.push(text(&format!("long {}", 8 << 20))).unwrap();
    assert_eq!(kinds(&heard(&mut session, "turn_done").await), ["connected", "audio", "turn_done"]);
    session.sink.push(text(&format!("long {}", (8 << 20) + 2))).unwrap();
    let events = heard(&mut session, "turn_done").await;
    assert!(
        matches!(&events[0], SessionEvent::Warning { warning } if warning.message.contains("more than 8388608 bytes, which are the most")),
        "{events:?}"
    );
}

#[tokio::test]
async fn sound_of_an_endless_name_is_left_out() {
    let Some((_place, plugins)) = place() else { return };
    let mut session = live(&plugins, "raw").await;
    session.sink.push(text(&format!("sound [\"{}\", 1]", "a".repeat(5000)))).unwrap();
    assert_eq!(kinds(&heard(&mut session, "turn_done").await), ["connected", "warning", "turn_done"]);
}

#[tokio::test]
async fn one_that_reads_nothing_is_ended_and_its_sound_is_dropped() {
    let Some((_place, plugins)) = place() else { return };
    let mut session = told(&plugins, "deaf").await.unwrap();
    for _ in 0..600 {
        session.sink.push(SessionInput::Audio(Pcm::mono(vec![0; 24_000], 24_000))).unwrap();
    }
    let events = heard(&mut session, "warning").await;
    assert!(matches!(events.last(), Some(SessionEvent::Warning { warning }) if warning.code == "dropped"));
    let begun = Instant::now();
    session.sink.close();
    let CloseReason::Failed { error } = closed(&mut session).await else { panic!("it did not fail") };
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
}

/// `cargo test -p consort-plugins --test it how_fast -- --ignored --nocapture`
#[tokio::test]
#[ignore = "a measure, not a test"]
async fn how_fast() {
    let Some((_place, plugins)) = place() else { return };
    plugins.find("raw").unwrap().check().await;
    let begun = Instant::now();
    let mut session = live(&plugins, "raw").await;
    eprintln!("a session opens in {:?}", begun.elapsed());
    const EVENTS: u32 = 500_000;
    let begun = Instant::now();
    session.sink.push(text(&format!("flood {EVENTS}"))).unwrap();
    heard(&mut session, "turn_done").await;
    eprintln!("{:.0} events/s", f64::from(EVENTS) / begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    for n in 0..2000 {
        session.sink.send(text(&format!("sound [\"i{n}\", 1]"))).await.unwrap();
        heard(&mut session, "turn_done").await;
    }
    eprintln!("{:?} from a word to 20 ms of sound", begun.elapsed() / 2000);
}
