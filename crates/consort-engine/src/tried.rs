//! Asks a model once, and tells what was tried: also where it failed.
use consort_core::{Accumulator, Attempt, Context, Error, ErrorKind, Event, Model, Money, Request, Response};
use futures_util::StreamExt;
use std::sync::Arc;

/// The answer, and one more try in `tries`; or those that a route tells of.
pub(crate) async fn ask(
    model: &dyn Model,
    request: &Request,
    context: &Context,
    tries: &mut Vec<Attempt>,
) -> Result<Response, Error> {
    let begun = context.clock.now();
    let mut fold = Accumulator::default();
    let mut stream = model.stream(Arc::new(request.clone()), context.clone());
    let (mut error, mut spoke, mut finished) = (None, false, false);
    while let Some(item) = stream.next().await {
        match item {
            Ok(event) => {
                spoke |= event.is_content();
                finished |= matches!(event, Event::Finished(_));
                fold.push(event);
            }
            Err(broke) => {
                error = Some(broke);
                break;
            }
        }
    }
    if error.is_none() && !finished {
        error = Some(Error::new(ErrorKind::Interrupted, "the answer ended before it was finished"));
    }
    let response = fold.partial();
    if response.attempts.is_empty() {
        let card = model.card();
        let free = !spoke && error.as_ref().is_some_and(Error::is_free);
        tries.push(Attempt {
            took: context.clock.now().saturating_duration_since(begun),
            cost: if free { Some(Money(0)) } else { response.cost(card.price.as_ref()) },
            error: error.clone(),
            usage: response.usage.clone(),
            ..Attempt::new(&card.id)
        });
    } else {
        // A route tells its own tries.
        tries.extend(response.attempts.iter().cloned());
    }
    error.map_or(Ok(response), Err)
}
