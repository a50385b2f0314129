//! The order of an answer's events.
use consort_core::{Delta, Event, PartKey, PartKind};
use std::collections::{BTreeMap, BTreeSet};

/// Whether events come in the contract's order: `Started`, then parts, each begun, continued and ended, and one
/// `Finished`, last. What is wrong is said.
pub fn in_order(events: &[Event]) -> Result<(), String> {
    let mut open: BTreeMap<PartKey, &PartKind> = BTreeMap::new();
    let mut known = BTreeSet::new();
    let mut started = false;
    for (at, event) in events.iter().enumerate() {
        if at > 0 && matches!(events[at - 1], Event::Finished(_)) {
            return Err(format!("behind `Finished` came {}", name(event)));
        }
        match event {
            Event::Started { .. } if !known.is_empty() => {
                return Err("`Started` came behind the first part".into());
            }
            Event::Started { .. } => started = true,
            Event::Usage(_) | Event::Warning(_) | Event::Attempt(_) | Event::Native { .. } => {}
            _ if !started => return Err(format!("the first event is {}, not `Started`", name(event))),
            Event::PartStart { part, kind, .. } => {
                if !known.insert(*part) {
                    return Err(format!("part {} was begun twice", part.0));
                }
                open.insert(*part, kind);
            }
            Event::PartDelta { part, delta } => match open.get(part) {
                None => return Err(format!("a piece came for part {}, which is not open", part.0)),
                Some(kind) if !fits(kind, delta) => {
                    return Err(format!("part {} is {kind:?}, and a piece of it is {delta:?}", part.0));
                }
                Some(_) => {}
            },
            Event::PartEnd { part } => {
                if open.remove(part).is_none() {
                    return Err(format!("part {} was ended and is not open", part.0));
                }
            }
            Event::BadArguments { part, .. } => {
                if !known.contains(part) {
                    return Err(format!("part {} has bad arguments and was never begun", part.0));
                }
            }
            Event::Finished(_) => {
                if let Some(part) = open.keys().next() {
                    return Err(format!("part {} was not ended before `Finished`", part.0));
                }
            }
        }
    }
    match events.last() {
        Some(Event::Finished(_)) => Ok(()),
        Some(last) => Err(format!("the last event is {}, not `Finished`", name(last))),
        None => Err("there are no events".into()),
    }
}

fn fits(kind: &PartKind, delta: &Delta) -> bool {
    match delta {
        Delta::Text(_) => matches!(kind, PartKind::Text | PartKind::Reasoning { .. } | PartKind::Refusal),
        Delta::Arguments(_) => matches!(kind, PartKind::ToolCall { .. }),
        Delta::Media(_) | Delta::Url(_) => matches!(kind, PartKind::Media { .. }),
        Delta::Citation(_) => matches!(kind, PartKind::Text),
        Delta::Native(_) => matches!(kind, PartKind::Native { .. }),
        Delta::Signature(_) | Delta::Vendor { .. } => true,
    }
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::Started { .. } => "`Started`",
        Event::PartStart { .. } => "`PartStart`",
        Event::PartDelta { .. } => "`PartDelta`",
        Event::PartEnd { .. } => "`PartEnd`",
        Event::BadArguments { .. } => "`BadArguments`",
        Event::Usage(_) => "`Usage`",
        Event::Warning(_) => "`Warning`",
        Event::Attempt(_) => "`Attempt`",
        Event::Native { .. } => "`Native`",
        Event::Finished(_) => "`Finished`",
    }
}
