//! Moments in UTC, without a library of dates: the proleptic Gregorian calendar and days of the week.

const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;
const WEEK_MINUTES: i64 = 7 * 24 * 60;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `2026-12-18T00:00:00Z` in milliseconds since 1970-01-01; the seconds may be left out.
pub(crate) fn moment(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let time = if time.len() == 5 { format!("{time}:00") } else { time.to_owned() };
    let [hour, minute, second] = numbers(&time, ':', [2, 2, 2])?;
    let valid = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days_since_1970(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1_000)
}

/// `fri 16:00` in minutes since Monday 00:00.
pub(crate) fn of_week(text: &str) -> Option<i64> {
    let (day, time) = text.split_once(' ')?;
    let day = DAYS.iter().position(|known| *known == day.to_lowercase())?;
    let [hour, minute] = numbers(time, ':', [2, 2])?;
    (hour <= 23 && minute <= 59).then_some((i64::try_from(day).ok()? * 24 + hour) * 60 + minute)
}

/// Whether a moment lies in a window of the week. The window may run over the end of the week.
pub(crate) fn within_week(now_ms: i64, from: i64, to: i64) -> bool {
    // 1970-01-01 was a Thursday.
    let now = (now_ms.div_euclid(MINUTE_MS) + 3 * 24 * 60).rem_euclid(WEEK_MINUTES);
    if from < to { (from..to).contains(&now) } else { now >= from || now < to }
}

/// Numbers of exactly these lengths with a separator between them.
fn numbers<const N: usize>(text: &str, separator: char, lengths: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, length) in numbers.iter_mut().zip(lengths) {
        let part = parts.next()?;
        let digits = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = if digits { part.parse().ok()? } else { return None };
    }
    parts.next().is_none().then_some(numbers)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Counts from 1 March of year 0, so that a leap day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let check = |text: &str, expect: Option<i64>| assert_eq!(moment(text), expect, "{text}");
        check("1970-01-01T00:00:00Z", Some(0));
        check("1970-01-01T00:01Z", Some(60_000));
        check("2000-02-29T12:34:56Z", Some(951_827_696_000));
        check("2026-12-18T00:00:00Z", Some(1_797_552_000_000));
        check("1969-12-31T23:59:59Z", Some(-1_000));
        for wrong in ["2100-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-1-1T00:00:00Z", "2026-12-18", ""]
        {
            check(wrong, None);
        }
        check("2026-12-18T24:00:00Z", None);
        check("2026-12-18T00:00:00+01:00", None);
    }

    #[test]
    fn days_follow_one_another() {
        let mut last = days_since_1970(1999, 12, 31);
        for year in 2000..2030 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    assert_eq!(days_since_1970(year, month, day), last + 1, "{year}-{month}-{day}");
                    last += 1;
                }
            }
        }
    }

    #[test]
    fn windows_of_the_week() {
        let check = |now: &str, from: &str, to: &str, expect: bool| {
            let within = within_week(moment(now).unwrap(), of_week(from).unwrap(), of_week(to).unwrap());
            assert_eq!(within, expect, "{now} in {from} to {to}");
        };
        check("2026-11-27T16:00:00Z", "fri 16:00", "mon 08:00", true);
        check("2026-11-27T15:59:59Z", "fri 16:00", "mon 08:00", false);
        check("2026-11-30T07:59:59Z", "fri 16:00", "mon 08:00", true);
        check("2026-11-30T08:00:00Z", "fri 16:00", "mon 08:00", false);
        check("2026-11-25T12:00:00Z", "wed 09:00", "wed 17:00", true);
        check("1969-12-31T12:00:00Z", "wed 09:00", "wed 17:00", true);
        assert_eq!(of_week("someday 10:00"), None);
        assert_eq!(of_week("fri 24:00"), None);
    }
}
