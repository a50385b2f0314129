//! Days of the Gregorian calendar, from and to their numbers.
use std::fmt;

/// A day, in universal time.
///
/// ```
/// # use consort_core::Date;
/// assert_eq!(Date::of(20_785).to_string(), "2026-11-28");
/// assert_eq!(Date { year: 2026, month: 11, day: 28 }.days(), Some(20_785));
/// assert_eq!(Date { year: 2026, month: 2, day: 29 }.days(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    pub year: i64,
    /// From 1 to 12.
    pub month: u8,
    pub day: u8,
}

/// Days from 1 March of the year 0 to 1 January 1970.
const BEFORE: i64 = 719_468;
/// The calendar repeats itself after so many days, which are 400 years.
const ERA: i64 = 146_097;
/// Beyond these, years are no numbers that anybody reads: a hundred million of them.
const FAR: i64 = 36_524_250_000;

impl Date {
    /// The day that is so many days after the first of January 1970.
    pub fn of(days: i64) -> Self {
        // Years start in March here, so that a leap day is a year's last.
        let days = days.clamp(-FAR, FAR) + BEFORE;
        let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        Self { year: era * 400 + year + next, month: month as u8, day: day as u8 }
    }

    /// The day of a moment that is so many seconds after the beginning of 1970.
    pub fn of_seconds(seconds: u64) -> Self {
        Self::of(i64::try_from(seconds / 86_400).unwrap_or(FAR))
    }

    /// How many days after the first of January 1970 it is; nothing where there is no such day.
    pub fn days(self) -> Option<i64> {
        let Self { year, month, day } = self;
        if !(1..=12).contains(&month) || day == 0 || !(-FAR / 365..=FAR / 365).contains(&year) {
            return None;
        }
        let (month, day) = (i64::from(month), i64::from(day));
        let year = if month <= 2 { year - 1 } else { year };
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let shifted = if month > 2 { month - 3 } else { month + 9 };
        let of_year = (153 * shifted + 2) / 5 + day - 1;
        let days = era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - BEFORE;
        // A month that is too short for it makes it a day of the next.
        (Self::of(days) == self).then_some(days)
    }
}

/// `2026-11-28`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_names() {
        for (days, name) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_785, "2026-11-28"),
            (-1, "1969-12-31"),
        ] {
            assert_eq!(Date::of(days).to_string(), name);
        }
    }

    #[test]
    fn every_day_goes_there_and_back_and_follows_the_one_before() {
        let mut before = Date::of(-200_000);
        for days in -199_999..200_000 {
            let date = Date::of(days);
            assert_eq!(date.days(), Some(days));
            let next_month = date.day == 1 && date.month == before.month % 12 + 1;
            assert!((date.month, date.day) == (before.month, before.day + 1) || next_month, "{date}");
            assert!(date > before, "{date}");
            before = date;
        }
    }

    #[test]
    fn what_is_no_day_has_no_number() {
        for (year, month, day) in [(2026, 2, 29), (2026, 13, 1), (2026, 0, 1), (2026, 4, 31), (2026, 1, 0)] {
            assert_eq!(Date { year, month, day }.days(), None);
        }
        for days in [i64::MIN, i64::MAX] {
            assert!(Date::of(days).days().is_some());
        }
        assert_eq!(Date { year: i64::MAX, month: 1, day: 1 }.days(), None);
    }
}
