//! Answers of a process: whose they are, what is wrong with them, and those that are nobody's.
use super::connection::{Connection, Pending};
use super::fields;
use super::odd::Slip;
use super::stop::Stop;
use consort_core::{Error, ErrorKind};
use consort_plugin::protocol::{Failure, GenerateResult, Id, code};
use consort_process::Writer;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

impl Connection {
    /// An answer, which stands in this line.
    pub(super) fn answered(&self, id: &Id, result: Result<&RawValue, Failure>, line: &str) {
        let id = match id {
            Id::Number(id) => *id,
            Id::Text(text) => return self.misnamed(&Value::from(text.as_str()), line),
        };
        let pending = self.close_request(id);
        let slips = match &result {
            Ok(raw) if matches!(pending, Some(Pending::Answer(_))) => fields::of_answer(raw.get()),
            Ok(_) => Vec::new(),
            Err(_) => fields::of_failure(line),
        };
        // Whoever asked is told of those of an error.
        if result.is_ok() || !matches!(pending, Some(Pending::Answer(_))) {
            slips.iter().for_each(|slip| self.note(slip, line));
        }
        match pending {
            None => self.of_no_request(id, line),
            Some(Pending::Call(to)) => {
                // Whoever asked may be gone.
                let _ = to.send(result.map(RawValue::to_owned));
            }
            Some(Pending::Abandoned(abandoned)) => {
                self.stopped(Stop::of(&result, abandoned.since.elapsed()));
                self.close_unwanted(result.ok());
                let _ = abandoned.answered.send(());
            }
            Some(Pending::Session(opening)) => self.session_opened(*opening, result),
            Some(Pending::Answer(mut sink)) => match result {
                Err(failure) => {
                    slips.iter().for_each(|slip| sink.odd.note(slip, line));
                    sink.fail(self.failed(&failure));
                }
                Ok(raw) => match serde_json::from_str::<GenerateResult>(raw.get()) {
                    Ok(result) => sink.finish(result, raw.get()),
                    Err(error) => {
                        let message = format!("the plugin's answer could not be read: {error}");
                        sink.fail(self.named(Error::new(ErrorKind::PluginBug, message)));
                    }
                },
            },
        }
    }

    /// The request that is answered now, if it is open.
    fn close_request(&self, id: u64) -> Option<Pending> {
        let pending = self.lock().close(id);
        self.awaited.fetch_add(u64::from(pending.is_some()), Relaxed);
        pending
    }

    /// An answer that cannot be read, but names a request that is open: that one fails, and need not wait. False where none is
    /// meant.
    pub(super) fn unread_answer(&self, line: &str, why: &str) -> bool {
        #[derive(Deserialize)]
        struct Head {
            id: Value,
            method: Option<IgnoredAny>,
        }
        let Ok(Head { id, method: None }) = serde_json::from_str::<Head>(line) else { return false };
        match id.as_u64() {
            Some(id) if self.is_open(id) => {
                self.refuse(
                    id,
                    format!("its answer could not be read: {why}"),
                    "its shape is in the protocol's section 5",
                    line,
                );
                true
            }
            None if self.asked_as(&id).is_some() => {
                self.misnamed(&id, line);
                true
            }
            _ => false,
        }
    }

    /// An answer whose id is no number, as those of its host are.
    fn misnamed(&self, id: &Value, line: &str) {
        if let Some(asked) = self.asked_as(id) {
            let help = "an id comes back as it was sent: a number stays a number";
            return self.refuse(
                asked,
                format!("it answered the id {id}, and was asked as {asked}"),
                help,
                line,
            );
        }
        let noted = self.odd(line, |asked| Slip::Request {
            sent: id.to_string(),
            asked: Some(asked),
            is_past: false,
        });
        self.of_nobody(noted, &Slip::Request { sent: id.to_string(), asked: None, is_past: false }, line);
    }

    /// The open request that an id in another form means.
    fn asked_as(&self, id: &Value) -> Option<u64> {
        let asked = match id {
            Value::String(text) => text.trim().parse().ok()?,
            // Some languages have no whole numbers.
            Value::Number(number) => number.to_string().strip_suffix(".0")?.parse().ok()?,
            _ => return None,
        };
        self.is_open(asked).then_some(asked)
    }

    fn is_open(&self, id: u64) -> bool {
        self.lock().requests.contains_key(&id)
    }

    /// Fails a request whose answer is of no use.
    fn refuse(&self, id: u64, message: String, help: &str, line: &str) {
        self.log.add(Writer::Host, &format!("{message}: {line}"));
        if let Some(pending) = self.close_request(id) {
            let mut failure = Failure::new(code::INVALID_REQUEST, message);
            failure.data.help = Some(help.to_owned());
            self.fail_one(pending, failure);
        }
    }

    /// Fails a request of whatever sort.
    pub(super) fn fail_one(&self, pending: Pending, failure: Failure) {
        match pending {
            Pending::Answer(sink) => sink.fail(self.failed(&failure)),
            Pending::Call(to) => {
                // Whoever asked may be gone.
                let _ = to.send(Err(failure));
            }
            Pending::Session(opening) => opening.refuse(failure),
            Pending::Abandoned(abandoned) => {
                self.stopped(Stop::of(&Err(failure), abandoned.since.elapsed()));
                let _ = abandoned.answered.send(());
            }
        }
    }

    /// An answer to a request that is not open.
    fn of_no_request(&self, sent: u64, line: &str) {
        if self.lock().is_answered(sent) {
            return self.of_nobody(false, &Slip::Twice(sent), line);
        }
        let is_past = sent < self.next.load(Relaxed);
        let slip = |asked| Slip::Request { sent: sent.to_string(), asked, is_past };
        let noted = self.odd(line, |asked| slip(Some(asked)));
        // What was given up may still be answered.
        if !is_past {
            self.of_nobody(noted, &slip(None), line);
        }
    }

    /// Nobody waits for it: its author finds it in the log, and where the plugin is checked.
    fn of_nobody(&self, noted: bool, slip: &Slip, line: &str) {
        self.log.add(Writer::Host, &format!("it sent {}: {line}", slip.words(1)));
        if !noted {
            self.note(slip, line);
        }
    }

    /// Notes what is told where the plugin is checked, or does not start.
    pub(super) fn note(&self, slip: &Slip, got: &str) {
        self.odd.lock().unwrap_or_else(PoisonError::into_inner).note(slip, got);
    }
}
