//! Times as people read them, in universal time.
use consort_core::Date;
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
    let (hour, minute, second) = (since / 3600 % 24, since / 60 % 60, since % 60);
    let text = format!("{} {hour:02}:{minute:02}", Date::of_seconds(since));
    if seconds { format!("{text}:{second:02}") } else { text }
}

/// The time at which a day begins that is written as `2026-11-28`, or so many days ago as `7d`.
pub(crate) fn since(text: &str, now: SystemTime) -> Option<SystemTime> {
    const DAY: Duration = Duration::from_hours(24);
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
        return now.checked_sub(DAY * days);
    }
    let mut numbers = text.split('-').map(|number| number.parse::<u16>().ok());
    let [year, month, day] = [numbers.next()??, numbers.next()??, numbers.next()??];
    if numbers.next().is_some() || !(1970..=9999).contains(&year) {
        return None;
    }
    let date = Date { year: year.into(), month: month.try_into().ok()?, day: day.try_into().ok()? };
    Some(UNIX_EPOCH + DAY * u32::try_from(date.days()?).ok()?)
}

/// When the day or the month began that a moment is in.
pub(crate) fn begin(now: SystemTime, of_month: bool) -> SystemTime {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let gone = if of_month { u64::from(Date::of_seconds(seconds).day) - 1 } else { 0 };
    UNIX_EPOCH + Duration::from_secs((seconds / 86_400 - gone) * 86_400)
}

/// When the next day or month begins.
pub(crate) fn end(now: SystemTime, of_month: bool) -> SystemTime {
    // No month is longer than 32 days, and two are.
    let later = Duration::from_hours(if of_month { 32 * 24 } else { 24 });
    begin(begin(now, of_month) + later, of_month)
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
        assert_eq!(end(at(951_782_399), true), at(951_868_800));
        assert_eq!(end(at(951_782_399), false), at(951_782_400));
        assert_eq!(since("2d", at(200_000)), Some(at(27_200)));
        for wrong in ["", "yesterday", "2026-13-01", "2026-02-30", "2026-1", "x-y-z"] {
            assert_eq!(since(wrong, at(0)), None, "{wrong}");
        }
    }
}
