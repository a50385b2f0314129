//! A model that holds its answers to schemas, made of one that may not.
use super::{Structured, StructuredError, structured};
use consort_core::{
    BoxFuture, Context, Delta, Error, Event, EventStream, Model, ModelCard, Output, PartKey, PartKind,
    Request, TokenCount,
};
use futures_util::{StreamExt, stream};
use std::sync::Arc;

/// The model, with answers that fit the schema which a request carries: told in words where the model is not known to
/// hold to schemas, judged, and repaired once. An answer with a schema comes at its end; others pass untouched.
pub fn holding_schemas(model: Arc<dyn Model>) -> Arc<dyn Model> {
    Arc::new(Holding(model))
}

struct Holding(Arc<dyn Model>);

impl Model for Holding {
    fn card(&self) -> &ModelCard {
        self.0.card()
    }

    fn stream(&self, request: Arc<Request>, context: Context) -> EventStream {
        let Output::Schema { schema, .. } = &request.output else { return self.0.stream(request, context) };
        let (model, schema) = (self.0.clone(), schema.clone());
        let answered = async move {
            let request = Request::clone(&request);
            stream::iter(told(structured(model.as_ref(), request, schema, context).await))
        };
        Box::pin(stream::once(answered).flatten())
    }

    fn count_tokens<'a>(
        &'a self,
        request: &'a Request,
        context: Context,
    ) -> BoxFuture<'a, Result<TokenCount, Error>> {
        self.0.count_tokens(request, context)
    }
}

/// The answer as events.
fn told(answer: Result<Structured, StructuredError>) -> Vec<Result<Event, Error>> {
    let tries = match &answer {
        Ok(Structured { response, .. }) => response.attempts.clone(),
        Err(StructuredError::Model { attempts, .. } | StructuredError::Unfit { attempts, .. }) => {
            attempts.clone()
        }
        Err(StructuredError::Schema(_)) => Vec::new(),
    };
    let attempts = tries.into_iter().map(|attempt| Event::Attempt(Box::new(attempt)));
    let mut events: Vec<Event> = attempts.collect();
    let error = match answer {
        Ok(Structured { value, response, .. }) => {
            events.push(Event::Started {
                model: response.resolved_model.clone(),
                response_id: response.response_id.clone(),
            });
            text(&value.to_string(), &mut events);
            events.extend(response.usage.map(Event::Usage));
            events.extend(response.warnings.into_iter().map(Event::Warning));
            events.push(Event::Finished(response.finish));
            None
        }
        Err(error) => {
            // What it said is kept, though it is not what was asked for.
            if let StructuredError::Unfit { text: said, .. } = &error {
                text(said, &mut events);
            }
            Some(Err(error.into()))
        }
    };
    events.into_iter().map(Ok).chain(error).collect()
}

fn text(text: &str, events: &mut Vec<Event>) {
    let part = PartKey(0);
    events.push(Event::PartStart { part, choice: 0, kind: PartKind::Text });
    events.push(Event::PartDelta { part, delta: Delta::Text(text.to_owned()) });
    events.push(Event::PartEnd { part });
}
