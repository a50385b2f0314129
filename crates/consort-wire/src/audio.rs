//! Speech in the format that OpenAI began and others speak: sound in and words out, words in and sound out.
use crate::{Framer, Framing, Quirks, ResponseHead, WireRequest};
use bytes::Bytes;
use consort_core::{Error, ErrorKind, Object};
use memchr::memmem;
use serde_json::Value;

/// Asks for the words of a WAV file. What the quirks add to a body becomes fields of the form.
pub fn transcription_request(
    model: &str,
    wav: &[u8],
    language: Option<&str>,
    quirks: &Quirks,
) -> WireRequest {
    let boundary = boundary(wav);
    let mut body = Vec::with_capacity(wav.len() + 1024);
    let mut field = |name: &str, value: &str| {
        let head = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(value.as_bytes());
        body.extend_from_slice(b"\r\n");
    };
    field("model", model);
    if !quirks.body.contains_key("response_format") {
        field("response_format", "json");
    }
    if let Some(language) = language {
        field("language", language);
    }
    for (name, value) in &quirks.body {
        field(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    let head = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"speech.wav\"\r\ncontent-type: audio/wav\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(wav);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    WireRequest {
        method: "POST",
        path: quirks.path.clone().unwrap_or_else(|| "audio/transcriptions".into()),
        headers: vec![("content-type".into(), format!("multipart/form-data; boundary={boundary}"))],
        body: Bytes::from(body),
    }
}

/// A line that the file does not hold.
fn boundary(wav: &[u8]) -> String {
    let is_free = |boundary: &String| memmem::find(wav, boundary.as_bytes()).is_none();
    (0..u64::MAX).map(|n| format!("consort-speech-{n}")).find(is_free).unwrap_or_default()
}

/// Asks for a text as sound: raw 16-bit samples, unless the quirks ask for something else.
pub fn speech_request(model: &str, text: &str, voice: Option<&str>, quirks: &Quirks) -> WireRequest {
    let mut body = Object::new();
    body.insert("model".into(), model.into());
    body.insert("input".into(), text.into());
    body.insert("response_format".into(), "pcm".into());
    body.extend(quirks.body.clone());
    if let Some(voice) = voice {
        body.insert("voice".into(), voice.into());
    }
    let path = quirks.path.clone().unwrap_or_else(|| "audio/speech".into());
    WireRequest::post(path, &Value::Object(body))
}

/// Words of a sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// More of them.
    Delta(String),
    /// All of them.
    Whole(String),
}

/// Reads the answer to [`transcription_request`]: events as they come, one object, or bare text.
#[derive(Debug)]
pub struct WordsReader {
    framer: Framer,
    is_stream: bool,
    is_json: bool,
}

impl WordsReader {
    pub fn new(head: &ResponseHead) -> Self {
        let is_stream = head.content_type().starts_with("text/event-stream");
        let is_json = head.content_type().contains("json");
        let framing = if is_stream { Framing::Sse } else { Framing::Body };
        Self { framer: Framer::new(framing), is_stream, is_json }
    }

    /// The words that these bytes complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Words>, Error> {
        let (mut all, is_stream, is_json) = (Vec::new(), self.is_stream, self.is_json);
        self.framer.feed(bytes, &mut |frame| {
            all.extend(read(frame.data, is_stream, is_json)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// The words that the end of the bytes completes.
    pub fn end(&mut self) -> Result<Vec<Words>, Error> {
        let (mut all, is_stream, is_json) = (Vec::new(), self.is_stream, self.is_json);
        self.framer.end(&mut |frame| {
            all.extend(read(frame.data, is_stream, is_json)?);
            Ok(())
        })?;
        Ok(all)
    }
}

fn read(data: &[u8], is_stream: bool, is_json: bool) -> Result<Option<Words>, Error> {
    let text = String::from_utf8_lossy(data);
    if is_stream && text.trim() == "[DONE]" {
        return Ok(None);
    }
    let value: Value = match serde_json::from_slice(data) {
        Ok(value) => value,
        Err(_) if !is_stream && !is_json => return Ok(Some(Words::Whole(text.trim().to_owned()))),
        Err(error) => return Err(Error::protocol(format!("the words of a sound are no JSON: {error}"))),
    };
    let string = |name: &str| value[name].as_str().map(|text| text.trim().to_owned());
    let fault = value.get("error").filter(|error| !error.is_null());
    if let Some(fault) = fault {
        let said = fault["message"].as_str().or(fault.as_str()).unwrap_or("it did not say why");
        return Err(Error::new(ErrorKind::Server, format!("the sound could not be understood: {said}")));
    }
    if !is_stream {
        let text = string("text").ok_or_else(|| Error::protocol("the answer to a sound holds no `text`"))?;
        return Ok(Some(Words::Whole(text)));
    }
    Ok(match value["type"].as_str().unwrap_or_default() {
        // Spaces between words come with them.
        "transcript.text.delta" => value["delta"].as_str().map(|delta| Words::Delta(delta.to_owned())),
        "transcript.text.done" => string("text").map(Words::Whole),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn head(kind: &str) -> ResponseHead {
        ResponseHead::new(200, [("Content-Type".to_owned(), kind.to_owned())])
    }

    fn words(kind: &str, bytes: &[u8], cut: usize) -> Result<Vec<Words>, Error> {
        let mut reader = WordsReader::new(&head(kind));
        let mut all = Vec::new();
        for piece in bytes.chunks(cut) {
            all.extend(reader.feed(piece)?);
        }
        all.extend(reader.end()?);
        Ok(all)
    }

    #[test]
    fn a_form_holds_the_file_and_its_fields() {
        let quirks = Quirks { path: Some("inference".into()), ..Quirks::default() };
        let wav = b"RIFF....consort-speech-0....";
        let request = transcription_request("whisper-1", wav, Some("en"), &quirks);
        assert_eq!(request.path, "inference");
        assert_eq!(request.header("content-type"), Some("multipart/form-data; boundary=consort-speech-1"));
        let body = String::from_utf8_lossy(&request.body);
        for part in [
            "name=\"model\"\r\n\r\nwhisper-1\r\n",
            "name=\"language\"\r\n\r\nen\r\n",
            "filename=\"speech.wav\"",
        ] {
            assert!(body.contains(part), "{body}");
        }
        assert!(body.ends_with("....consort-speech-0....\r\n--consort-speech-1--\r\n"), "{body}");
    }

    #[test]
    fn a_voice_is_asked_for_raw_samples_unless_it_gives_none() {
        let request = speech_request("tts-1", "Hello.", None, &Quirks::default());
        let wanted = json!({"model": "tts-1", "input": "Hello.", "response_format": "pcm"});
        assert_eq!((request.path.as_str(), request.json().unwrap()), ("audio/speech", wanted));
        let Value::Object(body) = json!({"voice": "troy", "response_format": "wav"}) else { panic!() };
        let quirks = Quirks { body, ..Quirks::default() };
        let own = speech_request("m", "Hi", Some("diana"), &quirks).json().unwrap();
        assert_eq!((&own["voice"], &own["response_format"]), (&json!("diana"), &json!("wav")));
        assert_eq!(speech_request("m", "Hi", None, &quirks).json().unwrap()["voice"], "troy");
    }

    #[test]
    fn words_come_in_any_of_three_forms() {
        let events = concat!(
            "event: transcript.text.delta\ndata: {\"type\":\"transcript.text.delta\",\"delta\":\"Hello\"}\n\n",
            "data: {\"type\":\"transcript.text.delta\",\"delta\":\" you\"}\n\n",
            "data: {\"type\":\"transcript.text.done\",\"text\":\"Hello you\"}\n\ndata: [DONE]\n\n"
        );
        let whole = Words::Whole("Hello you".into());
        for cut in [1, 7, 1000] {
            let wanted = [Words::Delta("Hello".into()), Words::Delta(" you".into()), whole.clone()];
            assert_eq!(words("text/event-stream; charset=utf-8", events.as_bytes(), cut).unwrap(), wanted);
        }
        let json = r#"{"text":" Hello you\n","usage":{"type":"tokens"}}"#;
        assert_eq!(words("application/json", json.as_bytes(), 9).unwrap(), std::slice::from_ref(&whole));
        assert_eq!(words("text/plain", b" Hello you\n", 3).unwrap(), [whole]);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for (kind, body) in [
            ("application/json", "{\"error\":\"failed to read audio data\"}"),
            ("application/json", "<html>"),
            ("application/json", "{\"words\":1}"),
            ("text/event-stream", "data: {\"error\":{\"message\":\"no\"}}\n\n"),
            ("text/event-stream", "data: garbage\n\n"),
        ] {
            assert!(words(kind, body.as_bytes(), 100).is_err(), "{body}");
        }
    }
}
