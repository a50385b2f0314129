//! Times as people read them, in universal time.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `2026-11-28 20:56:03 UTC`.
pub(crate) fn stamp(time: SystemTime) -> String {
    format!("{} UTC", spaced(time, true))
}

/// `2026-11-28 20:56`.
pub(crate) fn minute(time: SystemTime) -> String {
    spaced(time, false)
}

fn spaced(time: SystemTime, seconds: bool) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = date(since / 86_400);
    let (hour, minute, second) = (since / 3600 % 24, since / 60 % 60, since % 60);
    let text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}");
    if seconds { format!("{text}:{second:02}") } else { text }
}

/// The time at which a day begins that is written as `2026-11-28`, or so many days ago as `7d`.
pub(crate) fn since(text: &str, now: SystemTime) -> Option<SystemTime> {
    const DAY: Duration = Duration::from_hours(24);
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
        return now.checked_sub(DAY * days);
    }
    let wanted: Vec<u64> = text.split('-').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [year, month, day] = wanted[..] else { return None };
    if !(1970..=9999).contains(&year) {
        return None;
    }
    // The day is near the one that an average year gives; the calendar itself says which it is.
    let near = (year - 1970) * 365 + (year - 1970) / 4 + (month.min(12) * 30).saturating_sub(31);
    let found = (near.saturating_sub(40)..near + 60).find(|days| date(*days) == (year, month, day))?;
    Some(UNIX_EPOCH + DAY * u32::try_from(found).ok()?)
}

/// When the day or the month began that a moment is in.
pub(crate) fn begin(now: SystemTime, of_month: bool) -> SystemTime {
    let days = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400;
    let gone = if of_month { date(days).2 - 1 } else { 0 };
    UNIX_EPOCH + Duration::from_secs((days - gone) * 86_400)
}

/// Year, month and day in the Gregorian calendar of a day after the first of 1970. Years start in March here, so that a
/// leap day is a year's last.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let of_year_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * of_year_era + of_year_era / 4 - of_year_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (of_year_era + era * 400 + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(stamp(at(1_795_899_363)), "2026-11-28 20:56:03 UTC");
        assert_eq!(minute(at(951_782_399)), "2000-02-28 23:59");
        for (text, seconds) in [("1970-01-01", 0), ("2000-02-29", 951_782_400), ("2026-11-28", 1_795_824_000)]
        {
            assert_eq!(since(text, at(0)), Some(at(seconds)), "{text}");
        }
        assert_eq!(begin(at(951_782_399), true), at(949_363_200));
        assert_eq!(begin(at(951_782_399), false), at(951_696_000));
        assert_eq!(since("2d", at(200_000)), Some(at(27_200)));
        for wrong in ["", "yesterday", "2026-13-01", "2026-02-30", "2026-1", "x-y-z"] {
            assert_eq!(since(wrong, at(0)), None, "{wrong}");
        }
    }
}
