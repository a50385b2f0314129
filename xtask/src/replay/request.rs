//! Judges a recorded request: read, written again, it must mean the same.
use super::answer::Wrong;
use super::meaning;
use super::recording::Recording;

/// What is wrong; empty when all is right.
pub(crate) fn check(recording: &Recording, wire: &str) -> Vec<String> {
    let Some(codec) = consort_wire::wire(wire) else { return Vec::new() };
    let mut wrong = Wrong::default();
    let quirks = recording.quirks();
    let request = match codec.decode_request(&recording.request()) {
        Ok(request) => request,
        Err(error) => {
            wrong.say("request", "readable", &format!("{error:?}"));
            return wrong.0;
        }
    };
    if request.stream != recording.stream {
        wrong.say("request.stream", &recording.stream.to_string(), &request.stream.to_string());
    }
    match codec.write_request(&request, &quirks).and_then(|written| written.json()) {
        Ok(body) => meaning::compare(wire, recording.request_body(), &body, &mut wrong),
        Err(error) => wrong.say("request", "writable", &format!("{error:?}")),
    }
    let again = codec.normalise(&request, &quirks);
    if again.request != request {
        // What was read from this wire can be carried by it: nothing may be lost on the way.
        match codec.write_request(&again.request, &quirks).and_then(|written| written.json()) {
            Ok(body) => meaning::compare(wire, recording.request_body(), &body, &mut wrong),
            Err(error) => wrong.say("request (normalised)", "writable", &format!("{error:?}")),
        }
    }
    wrong.0
}
