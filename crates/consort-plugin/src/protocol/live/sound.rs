//! Sound as the protocol writes it: base64 or a file of samples, with their rate and channels.
use consort_core::Pcm;

/// The bytes that base64 of either alphabet stands for, with padding or without.
pub(super) fn unbase64(text: &str) -> Result<Vec<u8>, String> {
    consort_core::unbase64(text).map_err(|error| format!("sound is no base64: {error}"))
}

/// Sound of bytes, where what is said of it can be true.
pub fn sound(bytes: &[u8], rate: Option<u32>, channels: Option<u16>) -> Result<Pcm, String> {
    let (rate, channels) = (rate.unwrap_or_default(), channels.unwrap_or(1));
    if !Pcm::RATES.contains(&rate) || !Pcm::CHANNELS.contains(&channels) {
        let (rates, most) = (Pcm::RATES, Pcm::CHANNELS.end());
        return Err(format!(
            "sound of {rate} Hz and {channels} channels is none: {} to {} Hz and up to {most} channels are",
            rates.start(),
            rates.end()
        ));
    }
    let pcm = Pcm::from_le_bytes(bytes, rate, channels);
    if pcm.is_whole() && pcm.size() == bytes.len() {
        Ok(pcm)
    } else {
        Err("sound ends within a sample".into())
    }
}
