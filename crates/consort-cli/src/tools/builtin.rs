//! Tools that are built in: those that can do no harm.
use consort_core::{Context, Tool, ToolOutput};
use consort_engine::function;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::time::SystemTime;

pub(crate) const NAMES: [&str; 1] = ["time"];

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

pub(crate) fn tool(name: &str) -> Option<Arc<dyn Tool>> {
    (name == NAMES[0]).then(|| {
        let about = "Tells the current date and time, in universal time (UTC).";
        Arc::new(function("time", about, |_: Nothing, _: Context| async {
            Ok(ToolOutput::text(crate::time::stamp(SystemTime::now())))
        })) as Arc<dyn Tool>
    })
}
