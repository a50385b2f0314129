//! Live models of plugins, talked with by their users: the example of another project's guide, and one of our own.
use super::Plugged;
use super::blocks::blocks;
use crate::talk::{read, voice};

const TEACHER: &str = "from vision_agents.core.llm import realtime

class Teacher(realtime.Realtime):
    async def simple_audio_response(self, pcm, participant=None):
        self.heard = getattr(self, 'heard', 0) + pcm.duration

    async def commit_audio(self):
        self._emit_user_speech_transcription(f'{self.heard:.2f} s')
        self._emit_agent_speech_transcription(self._instructions + ' ', mode='delta')
        self._emit_agent_speech_transcription('Good.', mode='delta')
        self._emit_audio_output_event(bytes(4800), 24000)
        self._emit_audio_output_done_event()
";

/// A live model, up to its methods.
const LIVE: &str =
    "import asyncio\nfrom vision_agents.core.llm import realtime\n\nclass One(realtime.Realtime):\n";

#[test]
fn a_live_plugin_hears_a_file_and_answers() {
    let Some(place) = Plugged::with_python() else { return };
    place.plugin("teacher.py", TEACHER);
    place.place.file("in.wav", voice());
    let args =
        ["talk", "teacher", "--wav-in", "in.wav", "--wav-out", "out.wav", "--fast", "-q", "-s", "Well."];
    let run = place.run(&args);
    assert_eq!(run.stdout, "user: 0.50 s\nassistant: Well. Good.\n", "{run}");
    let (rate, heard) = read(&std::fs::read(place.place.path("out.wav")).unwrap());
    assert_eq!((rate, heard.len()), (24_000, 2400));
    let card = place.run(&["models", "-q", "teacher", "--json"]).json();
    assert_eq!((&card[0]["id"], &card[0]["kind"]), (&"teacher".into(), &"realtime".into()), "{card}");
    let asked = place.ask("teacher", "hello");
    assert!(asked.code == 2 && asked.stderr.contains("consort talk teacher"), "{asked}");
    let check = place.run(&["plugins", "check", "teacher"]);
    assert!(check.code == 0 && check.stdout.contains("opens a session"), "{check}");
}

#[test]
fn the_test_of_a_live_plugin_says_what_came_of_a_text() {
    let Some(place) = Plugged::with_python() else { return };
    let method = |body: &str| {
        format!(
            "{LIVE}    async def simple_response(self, text, processors=None, participant=None):\n        {body}\n"
        )
    };
    place.plugin("fine.py", method("self._emit_agent_speech_transcription('heard ' + text)"));
    place.plugin("slip.py", method("self._emit_agent_speech_transcription(txt)"));
    place.plugin("mute.py", method("pass"));
    place.plugin(
        "stuck.py",
        method("pass\n\n    async def close(self):\n        raise ValueError('it is stuck')"),
    );
    let check = |id: &str| place.run(&["plugins", "check", id, "--prompt", "one"]);
    let fine = check("fine");
    assert!(fine.code == 0 && fine.stdout.contains("fine answers \"heard one\", in words alone"), "{fine}");
    let slip = check("slip");
    assert!(slip.code == 1 && slip.stdout.contains("slip.py:6"), "{slip}");
    let mute = check("mute");
    assert!(mute.code == 0 && mute.stdout.contains("mute does not answer a text"), "{mute}");
    let stuck = check("stuck");
    assert!(stuck.stdout.contains("it is stuck"), "{stuck}");
}

#[test]
fn a_chat_plugin_that_nobody_looked_at_yet_talks_at_once() {
    let Some(place) = Plugged::with_python() else { return };
    place.place.file("home/consort.toml", "[voice]\nears = \"test\"\nvoice = \"test\"\n");
    place.plugin("new_one.py", "from llm_utils import LLMClient\n\n\nclass New(LLMClient):\n    def generate_response(self, system, user_message, max_tokens=1, temperature=0):\n        yield 'Well.'\n");
    let run = place.run(&["talk", "new_one", "--text", "one", "--fast", "-q"]);
    assert_eq!((run.code, &*run.stdout), (0, "user: one\nassistant: Well.\n"), "{run}");
}

#[test]
fn a_misspelt_field_of_an_event_has_its_line() {
    let Some(place) = Plugged::with_python() else { return };
    let body = "    async def simple_response(self, text, processors=None, participant=None):
        from vision_agents.core.llm.events import RealtimeAudioOutputEvent
        self.events.send(RealtimeAudioOutputEvent(audio_data=bytes(9600), samplerate=24000))
";
    place.plugin("misspelt.py", format!("{LIVE}{body}"));
    let run = place.run(&["talk", "misspelt", "--text", "one", "--fast", "-q", "--wait", "5"]);
    let told =
        "RealtimeAudioOutputEvent has no field 'samplerate': did you mean 'sample_rate'? at misspelt.py:7";
    assert!(run.code != 0 && run.stderr.contains(told), "{run}");
}

#[test]
fn each_answer_to_a_text_is_shown() {
    let Some(place) = Plugged::with_python() else { return };
    let body = "    async def simple_response(self, text, processors=None, participant=None):
        self._emit_agent_speech_transcription('heard ' + text)
        self._emit_response_event(text='heard ' + text)
";
    place.plugin("ear.py", format!("{LIVE}{body}"));
    let run = place.run(&["talk", "ear", "--text", "one", "--text", "two", "--fast", "-q"]);
    assert_eq!(run.stdout, "user: one\nassistant: heard one\nuser: two\nassistant: heard two\n", "{run}");
}

#[test]
fn a_model_that_is_silent_for_ever_is_not_waited_for() {
    let Some(place) = Plugged::with_python() else { return };
    let body = "    async def _handle_events(self):
        while True:
            self._emit_audio_output_event(bytes(960), 24000)
            await asyncio.sleep(0.02)

    async def simple_response(self, text, processors=None, participant=None):
        self._emit_agent_speech_transcription('heard ' + text)
";
    place.plugin("hum.py", format!("{LIVE}{body}"));
    for more in [&[][..], &["--fast"]] {
        let run = place.run(&[&["talk", "hum", "--text", "one", "--wait", "1", "-q"], more].concat());
        assert_eq!((run.code, &*run.stdout), (0, "user: one\nassistant: heard one\n"), "{run}");
    }
}

#[test]
fn what_a_plugin_cuts_of_its_answer_is_not_heard() {
    let Some(place) = Plugged::with_python() else { return };
    let body = "    async def simple_response(self, text, processors=None, participant=None):
        self._emit_audio_output_event(bytes([1, 9]) * 24000 * 60, 24000)
        await asyncio.sleep(0.5)
        self._emit_audio_output_done_event(interrupted=True)
";
    place.plugin("cut.py", format!("{LIVE}{body}"));
    let told = place.run(&["talk", "cut", "--text", "one", "--json"]).json();
    assert!(told["heard_s"].as_f64().unwrap() < 20.0, "{told}");
}

/// A service that has hung up leaves no session that is silent: it ends, and says where the plugin's reading did.
#[test]
fn a_session_behind_its_reader_ends_with_its_reason() {
    let Some(place) = Plugged::with_python() else { return };
    let body = "    async def _handle_events(self):
        await asyncio.sleep(0.1)

    async def simple_response(self, text, processors=None, participant=None): pass
";
    place.plugin("gone.py", format!("{LIVE}{body}"));
    let run = place.run(&["talk", "gone", "--text", "one", "--wait", "30"]);
    assert!(run.stderr.contains("its `_handle_events` ended (gone.py:5)"), "{run}");
    place.plugin(
        "lost.py",
        format!("{LIVE}{}", body.replace("await asyncio.sleep(0.1)", "raise OSError('no line')")),
    );
    let run = place.run(&["talk", "lost", "--text", "one", "--wait", "30", "-q"]);
    assert!(run.code != 0 && run.stderr.contains("no line at lost.py:6"), "{run}");
}

/// How a talk ends is how its last turn did: what failed in it is told once, and what failed in an earlier one is over.
#[test]
fn a_talk_whose_last_turn_failed_fails() {
    let Some(place) = Plugged::with_python() else { return };
    let body = "    async def simple_response(self, text, processors=None, participant=None):
        if text == 'bad':
            raise RuntimeError('no money left')
        self._emit_agent_speech_transcription('heard ' + text)
";
    place.plugin("fickle.py", format!("{LIVE}{body}"));
    let talk = ["talk", "fickle", "--fast", "--wait", "2"];
    let wanted = "no money left at fickle.py:7";
    for (said, code) in [(&["good", "bad"], 5), (&["bad", "good"], 0)] {
        let texts = ["--text", said[0], "--text", said[1]];
        for more in [&[][..], &["-q"]] {
            let run = place.run(&[&talk[..], &texts, more].concat());
            let times = usize::from(more.is_empty() || code != 0);
            assert_eq!((run.code, run.stderr.matches(wanted).count()), (code, times), "{run}");
            assert_eq!(run.stderr.matches("error: RuntimeError").count(), times, "{run}");
        }
        let told = place.run(&[&talk[..], &texts, &["--json"]].concat());
        assert_eq!((told.code, told.json()["error"].is_null()), (code, code == 0), "{told}");
    }
}

/// What the guide leaves to its reader: the sound, and a client that is faked.
const REST: &str = r#"
audio_content = bytes([1, 0] * 4800)

class Chunk:
    def __init__(self, text): self.text = text

class FakeClient:
    async def mynativemethod(self, *args, **kwargs):
        return (Chunk(word) for word in ("I ", "was ", "told: ", str(kwargs.get("system"))))

def create_llm(model):
    return MyRealtime(model, FakeClient())
"#;

#[test]
fn a_plugin_that_raises_behind_what_it_told_fails_the_talk() {
    let Some(place) = Plugged::with_python() else { return };
    let body = "    async def simple_response(self, text, processors=None, participant=None):
        self._emit_response_event(text='half of ')
        raise ValueError('boom')
";
    place.plugin("half.py", format!("{LIVE}{body}"));
    let run = place.run(&["talk", "half", "--text", "one", "--fast", "--json"]);
    assert_ne!(run.code, 0, "{run}");
    let error = &run.json()["error"]["message"];
    assert!(error.as_str().unwrap_or_default().contains("boom at half.py:7"), "{run}");
}

#[test]
fn the_guides_example_runs_as_it_is_printed() {
    let Some(blocks) = blocks("001") else { return };
    let Some(place) = Plugged::with_python() else { return };
    let page = blocks.iter().find(|block| block.contains("class MyRealtime")).unwrap();
    place.plugin("my_realtime.py", format!("{page}\n{REST}"));
    place.place.file("in.wav", voice());
    let args =
        ["talk", "my_realtime", "--text", "hi", "--wav-out", "out.wav", "--fast", "-q", "-s", "Be brief."];
    let run = place.run(&args);
    assert_eq!(run.stdout, "user: hi\nassistant: I was told: [{'text': 'Be brief.'}]\n", "{run}");
    // It writes each piece to the bus and to its track: it is heard once.
    let (rate, heard) = read(&std::fs::read(place.place.path("out.wav")).unwrap());
    assert_eq!((rate, heard.len(), heard[100]), (24_000, 4800, 1));
    let args = ["talk", "my_realtime", "--wav-in", "in.wav", "--fast", "--json", "--wait", "1"];
    let told = place.run(&args).json();
    assert_eq!((&told["error"], &told["said_s"]), (&serde_json::Value::Null, &0.5.into()), "{told}");
}

#[test]
fn an_option_that_a_live_plugin_has_not_is_refused_and_a_close_that_fails_is_told() {
    let Some(place) = Plugged::with_python() else { return };
    let body = "    async def simple_response(self, text, processors=None, participant=None):
        self._emit_response_event(text='heard ' + text)

    async def close(self):
        raise OSError('the socket is gone')
";
    place.plugin("leaky.py", format!("{LIVE}{body}"));
    let run = place.run(&["talk", "leaky", "--text", "one", "--fast", "-o", "nope", "1"]);
    assert!(run.code == 2 && run.stderr.contains("leaky has no option `nope`"), "{run}");
    let run = place.run(&["talk", "leaky", "--text", "one", "--fast"]);
    let told = "warning: `close` failed: OSError: the socket is gone (leaky.py:9)";
    assert!(run.code == 0 && run.stderr.contains(told), "{run}");
}
