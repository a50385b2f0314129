//! Panics in an author's code: an error that says where, not a dead process.
use crate::protocol::{Failure, FailureData, code};
use consort_core::ErrorKind;
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static WHERE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Notes where panics happen, before the hook that was there says so on stderr.
pub(super) fn note_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            WHERE.set(info.location().map(|at| format!("{}:{}", at.file(), at.line())));
            before(info);
        }));
    });
}

/// Runs an author's code. A panic is the plugin's error.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Box<Failure>> {
    // What a panic leaves half done belongs to the request, which ends here.
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| Box::new(failure(payload.as_ref())))
}

fn failure(payload: &(dyn Any + Send)) -> Failure {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let data = FailureData {
        kind: Some(ErrorKind::PluginBug.as_str().to_owned()),
        at: WHERE.take(),
        help: Some("report this to the plugin's author".into()),
        ..FailureData::default()
    };
    let message = format!("the plugin panicked: {}", text.unwrap_or("(no message)"));
    Failure { code: code::KIND, message, data: Box::new(data) }
}
