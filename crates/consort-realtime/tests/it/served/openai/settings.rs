//! What a session, or one response, is asked to be.
use super::*;
use consort_core::SessionInput;

#[test]
fn settings_count_as_a_whole_or_not_at_all_and_are_shown() {
    let mut wire = served();
    let wrong = [
        (json!({"colour": "red"}), "unknown_parameter", "session.colour"),
        (json!({"audio": {"input": {"gain": 1}}}), "unknown_parameter", "session.audio.input.gain"),
        (json!({"modalities": ["audio"]}), "unknown_parameter", "session.modalities"),
        (
            json!({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}}),
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        (
            json!({"audio": {"output": {"format": {"type": "audio/mpeg"}}}}),
            "invalid_value",
            "session.audio.output.format.type",
        ),
        (json!({"output_modalities": ["text", "audio"]}), "invalid_value", "session.output_modalities"),
        (json!({"model": "other"}), "invalid_value", "session.model"),
        (json!({"tools": [{"type": "mcp"}]}), "unsupported", "session.tools[0]"),
        (json!({"instructions": 7}), "invalid_type", "session.instructions"),
        (
            json!({"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}}}),
            "invalid_value",
            "session.audio.input.turn_detection.threshold",
        ),
    ];
    for (wrong, code, param) in wrong {
        let mut session = wrong.clone();
        if session.get("instructions").is_none() {
            session["instructions"] = "Be loud.".into();
        }
        let error = refused(&say(&mut wire, &update(session), 0));
        assert_eq!((&error["code"], &error["param"]), (&code.into(), &param.into()), "{wrong}: {error}");
        assert_eq!(error["event_id"], "mine");
    }
    let untyped = json!({"type": "session.update", "session": {}});
    assert_eq!(refused(&say(&mut wire, &untyped, 0))["param"], "session.type");
    let good = update(json!({
        "instructions": "Be kind.", "output_modalities": ["text"], "max_output_tokens": 100, "tool_choice": "none",
        "tools": [{"type": "function", "name": "clock", "description": "", "parameters": {"type": "object"}}],
        "audio": {"input": {"format": {"type": "audio/pcmu"}, "transcription": {"model": "whisper-1"},
            "turn_detection": {"type": "semantic_vad", "eagerness": "low"}}, "output": {"voice": "marin"}},
    }));
    let reply = say(&mut wire, &good, 0);
    let session = &sent(&reply)[0]["session"];
    assert_eq!(
        (types(&reply)[0].as_str(), &session["instructions"]),
        ("session.updated", &"Be kind.".into())
    );
    assert_eq!(session["max_output_tokens"], "inf", "what has no effect shows that it has none");
    assert_eq!(session["audio"]["input"]["turn_detection"]["interrupt_response"], true);
    assert_eq!(
        (&session["audio"]["output"]["voice"], &session["output_modalities"][0]),
        (&"marin".into(), &"text".into())
    );
    let opened = say(&mut wire, &append(&[0xff; 800]), 0).open.unwrap();
    assert_eq!((opened.instructions.as_str(), opened.voice.as_deref()), ("Be kind.", Some("marin")));
    assert_eq!((opened.tools.len(), opened.input_rate, opened.turn_detection), (0, Some(8_000), Some(true)));
}

#[test]
fn sound_goes_out_in_the_format_that_was_asked_for() {
    let mut wire = served();
    say(&mut wire, &update(json!({"audio": {"output": {"format": {"type": "audio/pcma"}}}})), 0);
    say(&mut wire, &user("Hello"), 0);
    say(&mut wire, &respond(), 0);
    let told = tell(
        &mut wire,
        [SessionEvent::audio("a", Pcm::mono(vec![900; 48_000], 48_000)), done(FinishReason::Stop)],
    );
    let bytes: usize = told
        .iter()
        .filter(|m| m["type"] == "response.output_audio.delta")
        .map(|m| STANDARD.decode(m["delta"].as_str().unwrap()).unwrap().len())
        .sum();
    assert_eq!(bytes, 8_000);
}

#[test]
fn one_response_may_have_instructions_of_its_own() {
    let mut wire = served();
    say(&mut wire, &update(json!({"instructions": "Be kind."})), 0);
    let asked = say(
        &mut wire,
        &json!({"type": "response.create", "response": {"instructions": "Greet the user.", "metadata": {"a": "b"}}}),
        0,
    );
    let [SessionInput::Update { update }, SessionInput::Text { .. }] = asked.inputs.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!(update.instructions.as_deref(), Some("Greet the user."));
    assert_eq!(sent(&asked)[0]["response"]["metadata"]["a"], "b");
    let over = wire.event(done(FinishReason::Stop), Duration::ZERO);
    let [SessionInput::Update { update }] = over.inputs.as_slice() else { panic!("{over:?}") };
    assert_eq!(update.instructions.as_deref(), Some("Be kind."));
}

#[test]
fn every_field_of_the_vendors_library_is_taken() {
    // The fields of `RealtimeSessionCreateRequestParam` in openai 3.57.0, each with a value of its type.
    let fields = [
        json!({"include": ["item.input_audio_transcription.logprobs"]}),
        json!({"max_output_tokens": 400}),
        json!({"max_output_tokens": "inf"}),
        json!({"parallel_tool_calls": true}),
        json!({"prompt": null}),
        json!({"reasoning": {"effort": "xhigh"}}),
        json!({"tool_choice": {"type": "function", "name": "clock"}}),
        json!({"tracing": "auto"}),
        json!({"tracing": {"workflow_name": "w", "group_id": "g", "metadata": {}}}),
        json!({"tracing": null}),
        json!({"truncation": "auto"}),
        json!({"truncation": {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 9}}}),
        json!({"audio": {"input": {"noise_reduction": {"type": "near_field", "strength": 0.5}}}}),
        json!({"audio": {"input": {"noise_reduction": null}}}),
        json!({"audio": {"input": {"transcription": {"model": "gpt-transcribe", "language": "de", "languages": ["de", "en"],
            "prompt": "p", "keywords": ["Consort"], "delay": "low"}}}}),
        json!({"audio": {"input": {"turn_detection": {"type": "server_vad", "create_response": true, "idle_timeout_ms": null,
            "interrupt_response": true, "prefix_padding_ms": 300, "silence_duration_ms": 500, "threshold": 0.5}}}}),
        json!({"audio": {"input": {"turn_detection": {"type": "semantic_vad", "create_response": true, "eagerness": "high",
            "interrupt_response": true}}}}),
        json!({"audio": {"output": {"speed": 1.2, "voice": {"id": "v"}, "format": {"type": "audio/pcm", "rate": 24000}}}}),
    ];
    for field in fields {
        let mut wire = served();
        let reply = say(&mut wire, &update(field.clone()), 0);
        assert_eq!(types(&reply), ["session.updated"], "{field}: {:?}", reply.messages);
    }
}

#[test]
fn what_has_no_effect_is_checked_all_the_same() {
    let mut wire = served();
    for (field, param) in [
        (json!({"max_output_tokens": -7}), "max_output_tokens"),
        (json!({"tracing": 3}), "tracing"),
        (json!({"include": "x"}), "include"),
        (json!({"include": ["x"]}), "include[0]"),
        (json!({"parallel_tool_calls": "yes"}), "parallel_tool_calls"),
        (
            json!({"truncation": {"type": "retention_ratio", "retention_ratio": 7}}),
            "truncation.retention_ratio",
        ),
        (json!({"reasoning": {"effort": "huge"}}), "reasoning.effort"),
        (json!({"tool_choice": {"type": "mcp", "server_label": "s"}}), "tool_choice.server_label"),
        (json!({"audio": {"output": {"speed": "fast"}}}), "audio.output.speed"),
        (
            json!({"audio": {"input": {"noise_reduction": {"type": "loud"}}}}),
            "audio.input.noise_reduction.type",
        ),
        (
            json!({"audio": {"input": {"transcription": {"keywords": "x"}}}}),
            "audio.input.transcription.keywords",
        ),
    ] {
        let error = refused(&say(&mut wire, &update(field.clone()), 0));
        assert_eq!(error["param"], format!("session.{param}"), "{field}: {error}");
    }
    for (response, param) in [
        (json!({"max_output_tokens": 0}), "response.max_output_tokens"),
        (
            json!({"audio": {"output": {"format": {"type": "audio/mpeg"}}}}),
            "response.audio.output.format.type",
        ),
        (json!({"audio": {"output": {"voice": 7}}}), "response.audio.output.voice"),
        (json!({"audio": {"input": {}}}), "response.audio.input"),
    ] {
        let error = refused(&say(&mut wire, &json!({"type": "response.create", "response": response}), 0));
        assert_eq!(error["param"], param, "{error}");
    }
}

#[test]
fn one_response_may_sound_in_a_format_of_its_own() {
    let mut wire = served();
    let response = json!({"audio": {"output": {"format": {"type": "audio/pcmu"}, "voice": "marin"}}});
    let created = sent(&say(&mut wire, &json!({"type": "response.create", "response": response}), 0));
    assert_eq!(created[0]["response"]["audio"]["output"]["format"]["type"], "audio/pcmu");
    let second = || SessionEvent::audio("a", Pcm::mono(vec![900; 24_000], 24_000));
    let bytes = |told: Vec<Value>| -> usize {
        let deltas = told.iter().filter(|message| message["type"] == "response.output_audio.delta");
        deltas.map(|message| STANDARD.decode(message["delta"].as_str().unwrap()).unwrap().len()).sum()
    };
    assert_eq!(bytes(tell(&mut wire, [second(), done(FinishReason::Stop)])), 8_000);
    say(&mut wire, &respond(), 0);
    let next = SessionEvent::audio("b", Pcm::mono(vec![900; 24_000], 24_000));
    assert_eq!(bytes(tell(&mut wire, [next, done(FinishReason::Stop)])), 48_000, "the next one is as usual");
}

#[test]
fn a_session_says_that_it_has_no_end_of_its_own() {
    let created = sent(&OpenAiServed::new("demo/live", "t").greet());
    let session = created[0]["session"].as_object().unwrap();
    assert_eq!(session.get("expires_at"), Some(&Value::Null));
}

#[test]
fn what_libraries_write_as_null_is_not_set() {
    let nothing = |keys: &[&str]| -> Value {
        keys.iter().map(|key| ((*key).to_owned(), Value::Null)).collect::<serde_json::Map<_, _>>().into()
    };
    let mut wire = served();
    say(
        &mut wire,
        &update(json!({"instructions": "Be kind.", "audio": {"output": {"voice": {"id": "voice_1"}}}})),
        0,
    );
    let mut session = nothing(&[
        "instructions",
        "model",
        "output_modalities",
        "tools",
        "tool_choice",
        "max_output_tokens",
        "truncation",
        "include",
        "parallel_tool_calls",
        "prompt",
        "tracing",
    ]);
    for audio in [Value::Null, nothing(&["input", "output"])] {
        session["audio"] = audio;
        assert_eq!(types(&say(&mut wire, &update(session.clone()), 0)), ["session.updated"]);
    }
    session["audio"] = json!({"output": nothing(&["format", "voice", "speed"]), "input": {
        "format": {"type": "audio/pcm", "rate": null}, "noise_reduction": null,
        "turn_detection": {"type": "server_vad", "threshold": null, "silence_duration_ms": null, "create_response": null},
    }});
    let updated = sent(&say(&mut wire, &update(session), 0)).remove(0);
    let shown = &updated["session"];
    assert_eq!(shown["instructions"], "Be kind.", "{updated}");
    assert_eq!(shown["audio"]["input"]["turn_detection"]["silence_duration_ms"], 500);
    // A voice with an id is shown by its name: that is all that clients read.
    assert_eq!(shown["audio"]["output"]["voice"], "voice_1");
    say(&mut wire, &user("Hello"), 0);
    let response = nothing(&[
        "instructions",
        "conversation",
        "input",
        "tools",
        "tool_choice",
        "output_modalities",
        "max_output_tokens",
        "metadata",
    ]);
    for audio in [Value::Null, json!({"output": null}), json!({"output": {"voice": null, "format": null}})] {
        let mut response = response.clone();
        response["audio"] = audio;
        let asked = say(&mut wire, &json!({"type": "response.create", "response": response}), 0);
        assert_eq!(types(&asked), ["response.created"]);
        tell(&mut wire, [done(FinishReason::Stop)]);
    }
}

#[test]
fn an_object_in_which_all_is_null_sets_nothing() {
    let mut wire = served();
    let set = update(
        json!({"audio": {"input": {"format": {"type": "audio/pcmu"}, "turn_detection": {"type": "semantic_vad"}},
        "output": {"format": {"type": "audio/pcma"}, "voice": "marin"}}}),
    );
    let before = sent(&say(&mut wire, &set, 0))[0]["session"].clone();
    let unset = update(json!({
        "reasoning": {"effort": null},
        "audio": {
            "input": {
                "format": {"type": null, "rate": null}, "noise_reduction": {"type": null},
                "turn_detection": {"type": null, "threshold": null},
            },
            "output": {"format": {"type": null}, "voice": {"id": null}},
        },
    }));
    let reply = sent(&say(&mut wire, &unset, 0));
    assert_eq!((&reply[0]["type"], &reply[0]["session"]), (&"session.updated".into(), &before), "{reply:?}");
    let untyped = json!({"type": "session.update", "session": {"type": null}});
    assert_eq!(refused(&say(&mut wire, &untyped, 0))["code"], "missing_required_parameter");
    let wish = json!({"type": "response.create", "response": {"audio": {"output": {"format": {"type": null}, "voice": {"id": null}}}}});
    say(&mut wire, &user("Hello"), 0);
    let asked = sent(&say(&mut wire, &wish, 0));
    assert_eq!(asked[0]["response"]["audio"]["output"]["format"]["type"], "audio/pcma", "{asked:?}");
}
