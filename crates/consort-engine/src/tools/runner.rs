//! Runs the calls of a model: asked for, checked, limited, told, and cut where they are too long.
use super::arguments;
use super::repeats::Repeats;
use super::set::{Approval, Tools};
use crate::envelope::{Decision, What};
use crate::over::over;
use crate::run::{RunState, Said};
use consort_core::{Body, Context, Error, ErrorKind, Part, Tool, ToolCall, ToolOutput, ToolResult};
use consort_store::Turn;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How often a model may call one tool with arguments that do not fit: once it is told, then it is reported.
const FAULTS: u32 = 2;

/// Runs the tools of one run.
pub(crate) struct Runner {
    pub(crate) tools: Tools,
    run: Arc<RunState>,
    memory: Mutex<Memory>,
}

/// What a run remembers of its calls.
#[derive(Default)]
struct Memory {
    /// Those of all calls of the conversation.
    ids: HashSet<String>,
    repeats: Repeats,
    /// Which answer of the run it is whose calls are made.
    round: u32,
    /// In how many answers in a row a tool was called wrongly, and in which one last.
    faults: HashMap<String, (u32, u32)>,
}

/// How a call ended.
pub(crate) enum Outcome {
    /// With something for the model, and after so many milliseconds. It is [told](Runner::tell) by whoever keeps it: what
    /// was shown must be found again.
    Result(ToolResult, u64),
    /// The run was stopped: the call stays open, and a later run answers it.
    Stopped,
    /// The model does not get it right, or the time is over: the run ends.
    GaveUp(Error),
}

impl Outcome {
    fn of(over: Error) -> Self {
        if over.kind() == ErrorKind::Cancelled { Self::Stopped } else { Self::GaveUp(over) }
    }
}

impl Runner {
    /// Runs the tools of a run on this log.
    pub(crate) fn new(tools: Tools, run: Arc<RunState>, log: &[Turn]) -> Self {
        let calls = log.iter().flat_map(|turn| &turn.parts).filter_map(Part::as_tool_call);
        let memory = Memory { ids: calls.map(|call| call.id.clone()).collect(), ..Memory::default() };
        Self { tools, run, memory: Mutex::new(memory) }
    }

    /// An id that no call of the conversation had so far: this one, or one made of it.
    pub(crate) fn unique(&self, id: String) -> String {
        let ids = &mut self.memory().ids;
        if ids.insert(id.clone()) {
            return id;
        }
        let mut others = (2..).map(|number: u64| format!("{id}_{number}"));
        others.find(|other| ids.insert(other.clone())).unwrap_or(id)
    }

    /// The calls of another answer come: what is wrong in them is new.
    pub(crate) fn next_round(&self) {
        self.memory().round += 1;
    }

    /// Tells that a call ended, once its result is kept.
    pub(crate) fn tell(&self, result: ToolResult, took_ms: u64) {
        self.run.emit(What::ToolEnded { result, took_ms });
    }

    /// Runs one call, if it may run, and tells that it began.
    pub(crate) async fn call(&self, call: &ToolCall, context: &Context) -> Outcome {
        let Some(tool) = self.tools.get(&call.name).cloned() else {
            let names: Vec<&str> = self.tools.names().collect();
            return self
                .fault(call, format!("there is no tool `{}`. There are: {}", call.name, names.join(", ")));
        };
        let arguments = match arguments::read(tool.as_ref(), call) {
            Ok(arguments) => arguments,
            Err(words) => return self.fault(call, words),
        };
        if let Some(words) = self.memory().repeats.refuses(call) {
            return self.told(call, ToolOutput::failure(words));
        }
        match self.decision(call, context).await {
            Err(error) => return Outcome::of(error),
            Ok(Said { decision: Decision::No, reason }) => {
                let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
                return self.told(call, ToolOutput::failure(format!("not run: the user said no{reason}")));
            }
            Ok(_) => {}
        }
        self.run.emit(What::ToolStarted { call: call.clone() });
        let begun = Instant::now();
        let output = match self.output(tool, arguments, context).await {
            Ok(output) => output,
            Err(error) => return Outcome::of(error),
        };
        let mut memory = self.memory();
        memory.faults.remove(&call.name);
        memory.repeats.note(call, &output);
        drop(memory);
        let result = self.result(call, output);
        Outcome::Result(result, begun.elapsed().as_millis() as u64)
    }

    /// What the tool gives; or why the run is over.
    async fn output(
        &self,
        tool: Arc<dyn Tool>,
        arguments: serde_json::Value,
        context: &Context,
    ) -> Result<ToolOutput, Error> {
        let limit = tool.time_limit().unwrap_or(self.tools.limits.time);
        let within = context.clone().within(limit);
        // A task of its own: a tool that panics or blocks its thread takes nothing else with it.
        let mut task = Task(tokio::spawn(async move { tool.call(arguments, within).await }));
        let timer = context.clock.sleep(limit);
        let ended = tokio::select! {
            ended = &mut task.0 => ended,
            error = over(context) => return Err(error),
            () = timer => {
                let words = format!("it took longer than {} s and was stopped", limit.as_secs_f64());
                return Ok(ToolOutput::failure(words));
            }
        };
        Ok(match ended {
            Ok(Ok(output)) => output,
            Ok(Err(error)) if error.kind() == ErrorKind::Cancelled && context.cancel.is_cancelled() => {
                return Err(error);
            }
            Ok(Err(error)) => ToolOutput::failure(error.to_string()),
            Err(_) => ToolOutput::failure("the tool itself is broken: it panicked"),
        })
    }

    /// Whether it may run; or why the run is over.
    async fn decision(&self, call: &ToolCall, context: &Context) -> Result<Said, Error> {
        if self.tools.approval != Approval::Ask {
            return Ok(Decision::Yes.into());
        }
        tokio::select! {
            said = self.run.ask(call) => Ok(said),
            error = over(context) => Err(error),
        }
    }

    fn fault(&self, call: &ToolCall, words: String) -> Outcome {
        let mut memory = self.memory();
        let round = memory.round;
        let (times, last) = memory.faults.entry(call.name.clone()).or_insert((0, 0));
        // Several in one answer are one: the model was not told of the first yet.
        if *times == 0 || *last != round {
            (*times, *last) = (*times + 1, round);
        }
        if *times >= FAULTS {
            let words = format!("the model called `{}` wrongly {FAULTS} times in a row: {words}", call.name);
            return Outcome::GaveUp(
                Error::new(ErrorKind::Protocol, words)
                    .hint("try again, or choose a model that is better with tools"),
            );
        }
        drop(memory);
        self.told(call, ToolOutput::failure(words))
    }

    /// A result that no tool gave.
    fn told(&self, call: &ToolCall, output: ToolOutput) -> Outcome {
        Outcome::Result(self.result(call, output), 0)
    }

    fn result(&self, call: &ToolCall, output: ToolOutput) -> ToolResult {
        ToolResult {
            call_id: call.id.clone(),
            name: call.name.clone(),
            content: shortened(output.content, self.tools.limits.output),
            is_error: output.is_error,
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that ends when nobody waits for it any more.
struct Task<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// At most so many letters of text, with a mark where there were more.
fn shortened(content: Vec<Part>, limit: usize) -> Vec<Part> {
    let mut left = limit;
    let mut all = Vec::with_capacity(content.len());
    for mut part in content {
        if let Body::Text { text, .. } = &mut part.body {
            let letters = text.chars().count();
            if letters > left {
                let end = text.char_indices().nth(left).map_or(text.len(), |(at, _)| at);
                text.truncate(end);
                let out = (letters - left).to_string();
                text.extend(["\n[cut here: ", &out, " letters are left out]"]);
            }
            left = left.saturating_sub(letters);
        }
        all.push(part);
    }
    all
}
