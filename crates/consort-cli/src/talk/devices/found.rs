//! Devices by their names, and how they want their sound.
use crate::exit;
use consort_core::{Error, ErrorKind};
use consort_realtime::audio::{Encoding, Format, Shape};
use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{Device, SampleFormat, SupportedStreamConfig, SupportedStreamConfigRange};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Microphone,
    Speaker,
}

impl Side {
    fn word(self) -> &'static str {
        match self {
            Self::Microphone => "microphone",
            Self::Speaker => "speaker",
        }
    }

    fn option(self) -> &'static str {
        match self {
            Self::Microphone => "--mic",
            Self::Speaker => "--speaker",
        }
    }

    /// What failed, and what to do.
    pub(super) fn failed(self, error: &cpal::Error) -> Error {
        let word = self.word();
        let failed = Error::new(ErrorKind::Setup, format!("the {word} cannot be used: {error}"));
        match error.kind() {
            cpal::ErrorKind::PermissionDenied => failed.hint(format!(
                "let this terminal use the {word}: in the system's settings, or on Linux by the group `audio`"
            )),
            cpal::ErrorKind::DeviceBusy => failed.hint("another program holds it"),
            _ => failed.hint(format!("{}=list names all that there are", self.option())),
        }
    }

    /// All ways in which it takes or gives sound that is understood here.
    fn ways(self, device: &Device) -> Result<Vec<SupportedStreamConfigRange>, cpal::Error> {
        let is_known = |way: &SupportedStreamConfigRange| encoding(way.sample_format()).is_some();
        Ok(match self {
            Self::Microphone => device.supported_input_configs()?.filter(is_known).collect(),
            Self::Speaker => device.supported_output_configs()?.filter(is_known).collect(),
        })
    }
}

/// The device of a name or id, or the one that the system uses, and the best way of sound that it has.
pub(super) fn find(side: Side, name: Option<&str>) -> Result<(Device, SupportedStreamConfig, Format), Error> {
    quiet();
    let host = cpal::default_host();
    let device = match name {
        Some(name) => named(&host, side, name)?,
        None => match side {
            Side::Microphone => host.default_input_device(),
            Side::Speaker => host.default_output_device(),
        }
        .ok_or_else(|| Error::new(ErrorKind::Setup, format!("this machine has no {}", side.word())))?,
    };
    let best = side
        .ways(&device)
        .map_err(|error| side.failed(&error))?
        .into_iter()
        .max_by(SupportedStreamConfigRange::cmp_default_heuristics)
        .ok_or_else(|| Error::new(ErrorKind::Setup, format!("the {} has no usual format", side.word())))?;
    let config = best.try_with_standard_sample_rate().unwrap_or_else(|| best.with_max_sample_rate());
    let shape = Shape::new(config.sample_rate(), config.channels())?;
    let encoding = encoding(config.sample_format()).unwrap_or(Encoding::S16);
    Ok((device, config, Format::new(encoding, shape)))
}

fn named(host: &cpal::Host, side: Side, name: &str) -> Result<Device, Error> {
    let mut names = Vec::new();
    for device in host.devices().map_err(|error| side.failed(&error))? {
        let id = device.id().map(|id| id.id().to_owned()).unwrap_or_default();
        let shown = device.description().map(|about| about.name().to_owned()).unwrap_or_default();
        if id == name || shown.eq_ignore_ascii_case(name) {
            return Ok(device);
        }
        if side.ways(&device).is_ok_and(|ways| !ways.is_empty()) {
            names.push(if id == shown || id.is_empty() { shown } else { format!("{id} ({shown})") });
        }
    }
    let error = exit::usage(format!("no {} is named `{name}`", side.word()));
    if names.is_empty() {
        return Err(error.hint(format!("this machine has no {}", side.word())));
    }
    Err(error.hint(format!("there are: {}", names.join(", "))))
}

fn encoding(format: SampleFormat) -> Option<Encoding> {
    match format {
        SampleFormat::U8 => Some(Encoding::U8),
        // What is longer than a byte is understood with its lowest byte first.
        _ if cfg!(target_endian = "big") => None,
        SampleFormat::I16 => Some(Encoding::S16),
        SampleFormat::I32 => Some(Encoding::S32),
        SampleFormat::F32 => Some(Encoding::F32),
        SampleFormat::F64 => Some(Encoding::F64),
        _ => None,
    }
}

/// Whether a stream is over: other troubles pass, and some sound servers have them at every start.
pub(super) fn is_end(error: &cpal::Error) -> bool {
    use cpal::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::DeviceNotAvailable | Kind::HostUnavailable | Kind::PermissionDenied | Kind::StreamInvalidated
    )
}

/// ALSA writes what it tries and does not find to stderr by itself; what matters is told by errors.
fn quiet() {
    #[cfg(target_os = "linux")]
    if let Ok(handler) = alsa::Output::local_error_handler() {
        // As long as the program runs.
        std::mem::forget(handler);
    }
}
