//! Dates as AWS and JWTs want them.
use consort_core::Date;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// `20150830T123600Z`
pub(super) fn basic(time: SystemTime) -> String {
    let seconds = seconds(time);
    let Date { year, month, day } = Date::of_seconds(seconds);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Reads `2026-11-20T10:00:00Z`.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let (day, time) = text.split_once('T')?;
    let mut day = day.split('-');
    let year = day.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let (month, day) = (day.next()?.parse().ok()?, day.next()?.parse().ok()?);
    let days = u64::try_from(Date { year, month, day }.days()?).ok()?;
    let mut time = time.get(..8)?.split(':').map(str::parse::<u64>);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    let seconds = days * 86400 + hour.min(23) * 3600 + minute.min(59) * 60 + second.min(60);
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_there_and_back() {
        let check = |text: &str, wanted: &str| assert_eq!(basic(parse(text).unwrap()), wanted);
        check("1970-01-01T00:00:00Z", "19700101T000000Z");
        check("2015-08-30T12:36:00Z", "20150830T123600Z");
        check("2024-02-29T23:59:59.123Z", "20240229T235959Z");
        check("2100-03-01T00:00:00+00:00", "21000301T000000Z");
        assert_eq!(parse("soon"), None);
        assert_eq!(parse("2024-13-01T00:00:00Z"), None);
    }
}
