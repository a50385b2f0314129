//! What an assistant answers with, once it has begun.
use super::builder::Setup;
use super::instructions::inline;
use super::part;
use consort_core::{Error, ErrorKind, Part, Tool, Warning};
use consort_engine::Tools;
use std::sync::Arc;
use std::time::Duration;

/// How long an ability may take to begin.
const BEGIN: Duration = Duration::from_secs(30);

/// What is read and begun before the first question.
pub(super) struct Ready {
    pub(super) instructions: Vec<Part>,
    pub(super) tools: Vec<Arc<dyn Tool>>,
    /// The abilities that did not begin, and why.
    pub(super) missing: Vec<(String, Error)>,
}

impl Ready {
    pub(super) async fn make(setup: &Setup) -> Result<Self, Error> {
        let (text, files) = (setup.instructions.clone(), setup.files.clone());
        let read = tokio::task::spawn_blocking(move || inline(&text, files.as_deref()));
        let text = read.await.map_err(|_| Error::protocol("the instructions could not be read"))??;
        let mut ready = Self {
            instructions: part(&text).into_iter().collect(),
            tools: setup.tools.clone(),
            missing: Vec::new(),
        };
        for ability in &setup.abilities {
            let begun = tokio::time::timeout(BEGIN, ability.tools()).await.unwrap_or_else(|_| {
                let words = format!("it did not begin within {} s", BEGIN.as_secs());
                Err(Error::new(ErrorKind::Timeout, words))
            });
            match begun {
                Ok(tools) => {
                    ready.tools.extend(tools);
                    ready.instructions.extend(part(ability.instructions()));
                }
                Err(error) => ready.missing.push((ability.name().to_owned(), error)),
            }
        }
        // Two of one name are told now, not at the first question.
        Tools::new(ready.tools.clone())?;
        Ok(ready)
    }

    /// What is told with each reply.
    pub(super) fn notices(&self) -> Vec<Warning> {
        let missing = self.missing.iter();
        let told = missing.map(|(name, error)| {
            Warning::new("ability", format!("the ability `{name}` is missing: {error}"))
        });
        told.collect()
    }
}
