//! Live sessions with the real Python worker: each form of the contract, and every way in which one goes wrong.
#![cfg(unix)]
use super::support::{
    Place, ask, closed, drop_in, has_python, heard, kinds, live, live_with, model, processes,
};
use consort_core::{
    CloseReason, Context, ErrorKind, FunctionSpec, Pcm, RealtimeSession, Role, SessionConfig, SessionEvent,
    SessionInput, SessionUpdate, Speaker, ToolResult, TranscriptMode,
};
use consort_plugins::Plugins;
use serde_json::json;
use std::time::{Duration, Instant};

/// A live model of these methods.
fn file(body: &str) -> String {
    let lines = body.trim_matches('\n').lines().fold(String::new(), |all, line| all + "    " + line + "\n");
    format!(
        "import asyncio, time\nfrom vision_agents.core.llm import realtime\nfrom vision_agents.core.llm.events import *\n\
         from vision_agents.core.llm.realtime import *\n\nclass One(realtime.Realtime):\n{lines}"
    )
}

/// A place with this live model as `live`; nothing where this machine has no Python.
fn place(body: &str) -> Option<(Place, Plugins)> {
    has_python().then(|| {
        let place = Place::new();
        place.plugin("live.py", &file(body));
        let plugins = place.open();
        (place, plugins)
    })
}

fn sound() -> SessionInput {
    SessionInput::Audio(Pcm::mono((0..480).collect(), 24_000))
}

fn say(session: &RealtimeSession, inputs: impl IntoIterator<Item = SessionInput>) {
    inputs.into_iter().for_each(|input| session.sink.push(input).unwrap());
}

fn text_of(event: &SessionEvent) -> &str {
    match event {
        SessionEvent::Transcript { text, .. } | SessionEvent::Text { text, .. } => text,
        SessionEvent::Warning { warning } => &warning.message,
        SessionEvent::Error { error } => error.message(),
        _ => "",
    }
}

#[tokio::test]
async fn each_form_of_the_contract_is_heard_once() {
    for body in [
        // The oldest: bytes, by event and by track.
        "async def simple_audio_response(self, pcm):\n    self.events.send(RealtimeAudioOutputEvent(plugin_name='x', \
         audio_data=pcm.to_bytes(), sample_rate=24000))\n    await self.output_track.write(pcm.to_bytes())\n    \
         self._emit_agent_speech_transcription('hi')\n    self._emit_audio_output_done_event()\n",
        // The one between: PcmData, and an answer's id.
        "async def simple_audio_response(self, pcm, participant=None):\n    self.events.send(RealtimeAudioOutputEvent(\
         data=pcm, response_id='r', epoch=0))\n    self._emit_agent_speech_transcription('hi', mode='final')\n    \
         self._emit_audio_output_done_event(response_id='r')\n",
        // The newest: items of a stream.
        "async def simple_audio_response(self, pcm, participant=None):\n    self.output.send_nowait(RealtimeAudioOutput(\
         data=pcm, response_id='r'))\n    self.output.send_nowait(RealtimeAgentTranscript(mode='final', text='hi'))\n    \
         self.output.send_nowait(RealtimeAudioOutputDone(interrupted=False, response_id='r'))\n",
    ] {
        let Some((_place, plugins)) = place(body) else { return };
        let mut session = live(&plugins, "live").await;
        say(&session, [sound()]);
        let events = heard(&mut session, "audio_done").await;
        assert_eq!(kinds(&events), ["connected", "audio", "transcript", "audio_done"], "{body}");
        let SessionEvent::Audio { pcm, epoch: 0, .. } = &events[1] else { panic!("{events:?}") };
        assert_eq!(SessionInput::Audio(pcm.clone()), sound());
        // Without a word of how much it is, a transcript is a piece.
        let mode = if body.contains("('hi')") { TranscriptMode::Delta } else { TranscriptMode::Final };
        let by = Speaker::Assistant;
        assert!(
            matches!(&events[2], SessionEvent::Transcript { by: b, mode: m, .. } if (*b, *m) == (by, mode))
        );
        session.sink.close();
        assert_eq!(closed(&mut session).await, CloseReason::Asked);
    }
}

#[tokio::test]
async fn what_a_session_begins_with_reaches_the_model() {
    let body = "async def simple_audio_response(self, pcm, participant=None):\n    \
                said = [str(message.content) for message in self._conversation.messages]\n    \
                self._emit_agent_speech_transcription(f'{self._instructions}|{said}|{participant.id}|{pcm.sample_rate}')\n";
    let Some((_place, plugins)) = place(body) else { return };
    let config = SessionConfig {
        instructions: "Be kind.".into(),
        messages: vec![
            consort_core::Message::user("before"),
            consort_core::Message::new(Role::Assistant, vec!["yes".into()]),
        ],
        ..SessionConfig::default()
    };
    let context = Context { participant: Some("ada".into()), ..Context::default() };
    let mut session = live_with(&plugins, "live", config, context).await.unwrap();
    say(&session, [sound()]);
    let events = heard(&mut session, "transcript").await;
    assert_eq!(text_of(&events[1]), "Be kind.|['before', 'yes']|ada|24000");
    let update = SessionUpdate { instructions: Some("Be brief.".into()), ..SessionUpdate::default() };
    say(&session, [SessionInput::Update { update }, sound()]);
    assert!(text_of(&heard(&mut session, "transcript").await[0]).starts_with("Be brief.|"));
}

#[tokio::test]
async fn sessions_of_one_worker_do_not_meet() {
    let body = "async def simple_audio_response(self, pcm):\n    self._emit_agent_speech_transcription(self._instructions)\n";
    let Some((place, plugins)) = place(body) else { return };
    let mut all = Vec::new();
    for name in ["one", "two", "three"] {
        let config = SessionConfig { instructions: name.into(), ..SessionConfig::default() };
        all.push((name, live_with(&plugins, "live", config, Context::default()).await.unwrap()));
    }
    for (_, session) in all.iter().rev() {
        say(session, [sound()]);
    }
    for (name, session) in &mut all {
        assert_eq!(text_of(&heard(session, "transcript").await[1]), *name);
    }
    let workers = processes(&place.path("data/plugin-state/worker"));
    let ours = workers.iter().filter(|pid| !line_of(**pid).starts_with("sh")).count();
    assert_eq!(ours, 1, "{workers:?}");
    // One that ends hurts no other.
    drop(all.remove(0));
    say(&all[0].1, [sound()]);
    assert_eq!(text_of(&heard(&mut all[0].1, "transcript").await[0]), "two");
}

fn line_of(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}

#[tokio::test]
async fn a_killed_worker_ends_the_session_with_its_reason() {
    let Some((_place, plugins)) = place(
        "async def simple_audio_response(self, pcm):\n    import os\n    self._emit_agent_speech_transcription(str(os.getpid()))\n",
    ) else {
        return;
    };
    let mut session = live(&plugins, "live").await;
    say(&session, [sound()]);
    let pid = text_of(heard(&mut session, "transcript").await.last().unwrap()).to_owned();
    let killed = std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
    assert!(killed.success());
    let CloseReason::Failed { error } = closed(&mut session).await else { panic!("it did not fail") };
    assert_eq!(error.kind(), ErrorKind::PluginCrash);
    assert!(error.to_string().contains("was killed"), "{error}");
    assert!(session.sink.is_closed() && session.sink.push(sound()).is_err());
    let mut again = live(&plugins, "live").await;
    say(&again, [sound()]);
    heard(&mut again, "transcript").await;
}

#[tokio::test]
async fn an_exception_anywhere_is_told_where_it_belongs() {
    let Some((_place, plugins)) = place("async def connect(self):\n    raise ConnectionError('no line')\n")
    else {
        return;
    };
    let refused =
        live_with(&plugins, "live", SessionConfig::default(), Context::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Network, "{refused}");

    let (_place, plugins) = place("async def _handle_events(self):\n    raise ValueError('no')\n").unwrap();
    let mut session = live(&plugins, "live").await;
    let CloseReason::Failed { error } = closed(&mut session).await else { panic!("it did not fail") };
    assert!(error.kind() == ErrorKind::PluginBug && error.to_string().contains("live.py:"), "{error}");

    let (_place, plugins) = place(
        "async def simple_audio_response(self, pcm):\n    raise ValueError('deaf')\nasync def simple_response(self, text):\n    \
         raise ValueError('mute')\nasync def interrupt(self):\n    raise ValueError('rude')\nasync def close(self):\n    \
         raise ValueError('stay')\nasync def commit_audio(self):\n    self._emit_audio_output_done_event()\n",
    )
    .unwrap();
    let mut session = live(&plugins, "live").await;
    let interrupt = SessionInput::Interrupt { item: None, heard: Duration::ZERO };
    say(&session, [sound(), SessionInput::text("x"), interrupt]);
    let mut said = String::new();
    for _ in 0..3 {
        said += text_of(heard(&mut session, "error").await.last().unwrap());
    }
    assert!(["deaf", "mute", "rude"].iter().all(|each| said.contains(each)), "{said}");
    // It goes on.
    say(&session, [SessionInput::Commit]);
    heard(&mut session, "audio_done").await;
    session.sink.close();
    assert_eq!(closed(&mut session).await, CloseReason::Asked);
}

#[tokio::test]
async fn a_loop_that_holds_one_plugin_up_holds_up_no_other() {
    let Some((place, _)) = place(
        "async def simple_audio_response(self, pcm):\n    while True:\n        time.sleep(0.01)\nasync def simple_response(self, text):\n    \
         self._emit_agent_speech_transcription(text)\n",
    ) else {
        return;
    };
    place.plugin("other.py", &file("async def simple_audio_response(self, pcm):\n    self._emit_agent_speech_transcription('here')\n"));
    place.plugin("parrot.py", &drop_in("return user_message"));
    let plugins = place.open();
    let (mut stuck, mut sibling) = (live(&plugins, "live").await, live(&plugins, "live").await);
    let mut other = live(&plugins, "other").await;
    say(&stuck, [sound()]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begun = Instant::now();
    say(&other, [sound()]);
    heard(&mut other, "transcript").await;
    let parrot = plugins.find("parrot").unwrap();
    assert!(ask(&model(&parrot).await.unwrap(), "hello").await.error.is_none());
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    // It can be closed all the same, and then its sibling goes on.
    stuck.sink.close();
    assert_eq!(closed(&mut stuck).await, CloseReason::Asked);
    say(&sibling, [SessionInput::text("back")]);
    assert_eq!(text_of(heard(&mut sibling, "transcript").await.last().unwrap()), "back");
}

#[tokio::test]
async fn an_opening_can_be_given_up() {
    let Some((_place, plugins)) = place(
        "async def connect(self):\n    if self._instructions == 'slow':\n        await asyncio.sleep(60)\nasync def simple_audio_response(self, pcm):\n    self._emit_agent_speech_transcription('up')\n",
    ) else {
        return;
    };
    plugins.find("live").unwrap().check().await;
    let slow = || SessionConfig { instructions: "slow".into(), ..SessionConfig::default() };
    let context = Context::default();
    let cancel = context.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        cancel.cancel();
    });
    let begun = Instant::now();
    let error = live_with(&plugins, "live", slow(), context).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let late = Context::default().within(Duration::from_millis(300));
    let error = live_with(&plugins, "live", slow(), late).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.hints()),
        (ErrorKind::Timeout, &["its log: consort plugins log live".into()][..])
    );
    // Its log says where it waited.
    let plugin = plugins.find("live").unwrap();
    while !plugin.log().lines().iter().any(|line| line.contains("`connect` was at live.py:")) {
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", plugin.log().lines());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut session = live(&plugins, "live").await;
    say(&session, [sound()]);
    heard(&mut session, "transcript").await;
}

#[tokio::test]
async fn wrong_sound_and_unknown_things_are_left_out() {
    let Some((_place, plugins)) = place(
        "async def connect(self):\n    asyncio.get_running_loop().call_later(1.0, self.late)\ndef late(self):\n    \
         self.events.send(RealtimeAgentSpeechTranscriptionEvent(text='late'))\nasync def simple_audio_response(self, pcm):\n    \
         class Odd: pass\n    self.events.send(Odd(), 'junk', None)\n    self.output.send_nowait(Odd())\n    \
         self.events.send(RealtimeAudioOutputEvent(audio_data='text', sample_rate=24000))\n    \
         self.events.send(RealtimeAudioOutputEvent(audio_data=b'12', sample_rate='fast'))\n    \
         self.events.send(RealtimeAudioOutputEvent(audio_data=b'123', sample_rate=24000))\n    self._emit_audio_output_done_event()\n",
    ) else {
        return;
    };
    let mut session = live(&plugins, "live").await;
    say(&session, [sound()]);
    let events = heard(&mut session, "audio_done").await;
    assert!(kinds(&events)[1..].iter().filter(|kind| **kind == "warning").count() >= 4, "{events:?}");
    assert_eq!(kinds(&events).iter().filter(|kind| **kind == "error").count(), 0, "{events:?}");
    session.sink.close();
    assert_eq!(kinds(&heard(&mut session, "closed").await).last(), Some(&"closed"));
    // What it says behind its end reaches nobody, and hurts nobody.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(session.events.next().await.is_none());
    drop(live(&plugins, "live").await);
}

#[tokio::test]
async fn whoever_holds_the_session_runs_its_tools() {
    let Some((_place, plugins)) = place(
        "async def simple_audio_response(self, pcm):\n    self._run_tool_in_background(self.run())\nasync def run(self):\n    \
         _, result, _ = await self._run_one_tool({'name': 'weather', 'arguments': {'city': 'Oslo'}})\n    \
         self._emit_agent_speech_transcription(str(result))\n",
    ) else {
        return;
    };
    let tool = FunctionSpec::new("weather", "of a city", json!({"type": "object"}));
    let config = SessionConfig { tools: vec![tool], ..SessionConfig::default() };
    let mut session = live_with(&plugins, "live", config, Context::default()).await.unwrap();
    say(&session, [sound()]);
    let events = heard(&mut session, "tool_call").await;
    let Some(SessionEvent::ToolCall { call }) = events.last() else { panic!("{events:?}") };
    assert_eq!((call.name.as_str(), call.arguments.value().unwrap()), ("weather", json!({"city": "Oslo"})));
    let result = ToolResult {
        call_id: call.id.clone(),
        name: call.name.clone(),
        content: vec!["4 °C".into()],
        is_error: false,
    };
    say(&session, [SessionInput::ToolResult { result: result.clone() }]);
    assert_eq!(text_of(heard(&mut session, "transcript").await.last().unwrap()), "4 °C");
    say(&session, [SessionInput::ToolResult { result }]);
    assert!(text_of(&heard(&mut session, "warning").await[0]).contains("no call is open"));
}

#[tokio::test]
async fn models_of_one_sort_are_refused_as_the_other() {
    let Some((place, plugins)) = place("async def simple_audio_response(self, pcm): pass\n") else { return };
    place.plugin("parrot.py", &drop_in("return user_message"));
    let plugins = {
        drop(plugins);
        place.open()
    };
    // Before anybody looked at them, and after.
    for _ in 0..2 {
        let provider = |id: &str| plugins.providers().into_iter().find(|one| one.card().id == id).unwrap();
        let refused = live_with(&plugins, "parrot", SessionConfig::default(), Context::default());
        if let Some(model) = provider("parrot").realtime_model("parrot") {
            drop(model);
            assert_eq!(refused.await.unwrap_err().kind(), ErrorKind::Unsupported);
        }
        if let Some(model) = provider("live").model("live") {
            let error = ask(&model, "hello").await.error.unwrap();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.hints()[0].contains("consort talk live"), "{error:?}");
        }
        plugins.check_all().await;
    }
    let host = plugins.providers().into_iter().fold(consort_core::Host::new(), |mut host, provider| {
        host.add(provider);
        host
    });
    assert_eq!(host.find_realtime("live").await.unwrap().card().id, "live");
    assert_eq!(host.find_realtime("parrot").await.err().unwrap().kind(), ErrorKind::Unsupported);
    assert_eq!(host.find("live").await.err().unwrap().kind(), ErrorKind::Unsupported);
}
