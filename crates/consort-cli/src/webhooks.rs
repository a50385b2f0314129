//! Webhooks: what happens is sent to the addresses of the settings, several things at once, and no answer waits for it.
use consort_core::Error;
use consort_engine::{Bus, Heard, Subscription};
use consort_providers::Webhook;
use consort_settings::WebhookSettings;
use serde_json::Value;
use std::time::Duration;
use tokio::task::JoinSet;

/// What comes within so long goes together, and so much at most.
const TOGETHER: Duration = Duration::from_millis(200);
const MOST: usize = 100;

/// Pieces of answers are told where they are asked for: there are many, and the whole answer follows.
const PIECES: [&str; 2] = ["chunk", "event"];

/// Begins to tell each of them. It ends when the bus does, with the first thing that could not be told.
pub(crate) fn start(hooks: &[WebhookSettings], bus: &Bus) -> JoinSet<Result<(), Error>> {
    let mut tasks = JoinSet::new();
    for hook in hooks {
        let webhook = Webhook::new(hook.url.as_str(), hook.secret.clone());
        tasks.spawn(tell(webhook, hook.events.clone(), bus.subscribe()));
    }
    tasks
}

async fn tell(webhook: Webhook, kinds: Option<Vec<String>>, mut heard: Subscription) -> Result<(), Error> {
    let mut failed = Ok(());
    let mut open = true;
    while open {
        let mut batch = Vec::new();
        match heard.next().await {
            Some(first) => batch.extend(wanted(&first, kinds.as_deref())),
            None => break,
        }
        let due = tokio::time::sleep(TOGETHER);
        tokio::pin!(due);
        while open && batch.len() < MOST {
            tokio::select! {
                () = &mut due => break,
                next = heard.next() => match next {
                    Some(next) => batch.extend(wanted(&next, kinds.as_deref())),
                    None => open = false,
                },
            }
        }
        if batch.is_empty() {
            continue;
        }
        let told = webhook.tell(Value::Array(batch).to_string().into_bytes()).await;
        if failed.is_ok() {
            failed = told;
        }
    }
    failed
}

/// What is sent of it, if it is of a kind that is wanted.
fn wanted(heard: &Heard, kinds: Option<&[String]>) -> Option<Value> {
    let value: Value = serde_json::from_str(&heard.line()).ok()?;
    let kind = value["kind"].as_str()?;
    let yes = match kinds {
        Some(kinds) => kind == "missed" || kinds.iter().any(|wanted| wanted == kind),
        None => !PIECES.contains(&kind),
    };
    yes.then_some(value)
}
