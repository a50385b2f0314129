//! Refuses attachments that the model is known not to read, before anything is sent.
use super::options::NAMED;
use crate::setup::cards;
use consort_core::{Error, Host, Media, Modality, ModelCard, ModelKind, State, Support};

pub(super) fn reads(card: &ModelCard, attachments: &[Media], host: &Host) -> Result<(), Error> {
    for media in attachments.iter().filter(|media| !media.mime.is_empty()) {
        let modality = Modality::of_mime(&media.mime);
        // Text goes as text, and of other files nobody knows.
        let plain = matches!(modality, Modality::Text | Modality::File);
        if !plain && card.capabilities.reads(modality) == Support::No {
            return Err(cannot(card, modality, &media.mime, host));
        }
    }
    Ok(())
}

fn cannot(card: &ModelCard, modality: Modality, mime: &str, host: &Host) -> Error {
    let word = modality.as_str();
    let things = match modality {
        Modality::Image => "images",
        Modality::Pdf => "PDF files",
        other => other.as_str(),
    };
    let error = Error::unsupported(format!("{} cannot read {things} ({mime})", card.id));
    let mut able: Vec<(bool, String)> = cards(host)
        .into_iter()
        .filter(|(card, _)| card.kind == ModelKind::Chat && card.capabilities.reads(modality) == Support::Yes)
        .map(|(card, provider)| (provider.state != State::Ready, card.id))
        .collect();
    // Those that can be used now are named first; the sort keeps the order else.
    able.sort_by_key(|(waits, _)| *waits);
    let named: Vec<String> = able.into_iter().map(|(_, id)| id).take(NAMED).collect();
    if named.is_empty() {
        return error.hint("no known model can");
    }
    error.hint(format!("models that can: {} (consort models --can {word} lists all)", named.join(", ")))
}
