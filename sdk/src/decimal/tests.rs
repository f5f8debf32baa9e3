use std::cmp::Ordering;

use proptest::prelude::*;

use super::{Decimal, DecimalError};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn reads_and_writes_the_same_value() {
    let check = |text: &str, expect: &str| assert_eq!(dec(text).to_string(), expect, "{text}");
    check("0", "0");
    check("-0.000", "0");
    check("0.8500", "0.85");
    check("+.5", "0.5");
    check("5.", "5");
    check("1e3", "1000");
    check("9.5E-05", "0.000095");
    check("-12.34e+1", "-123.4");
    check("1e-400", "1e-400");
    check("123456789012345678901234567890", "1.2345678901234567890123456789e29");
    check("1.7976931348623157e308", "1.7976931348623157e308");
}

#[test]
fn refuses_what_is_no_finite_number() {
    let check = |text: &str, expect: DecimalError| assert_eq!(text.parse::<Decimal>(), Err(expect), "{text}");
    for text in ["NaN", "nan", "-NaN", "Infinity", "-Infinity", "inf", "-inf"] {
        check(text, DecimalError::NotFinite(text.to_owned()));
    }
    for text in ["", ".", "-", "e5", "1e", "1e+", "0x10", "1,5", "1.2.3", "--1", "1_000", "½", "1e5.0"] {
        check(text, DecimalError::Malformed(text.to_owned()));
    }
    check("1e999999999999", DecimalError::OutOfRange);
    check("1e-2000", DecimalError::OutOfRange);
    check(&"9".repeat(5000), DecimalError::OutOfRange);
}

#[test]
fn is_exact_where_floats_are_not() {
    assert_eq!(&dec("0.1") + &dec("0.2"), dec("0.3"));
    assert_eq!(&dec("0.92") - &dec("0.01"), dec("0.91"));
    assert_eq!(dec("0.9").percent(&dec("2.5")), dec("0.0225"));
    assert!(dec("0.8499999999999999999999") < dec("0.85"));
    assert_eq!(dec("0.850"), dec("85e-2"));
}

#[test]
fn comes_from_json_strings_and_integers_only() {
    let read = |json: &str| serde_json::from_str::<Decimal>(json).ok();
    assert_eq!(read("\"0.85\""), Some(dec("0.85")));
    assert_eq!(read("3"), Some(dec("3")));
    assert_eq!(read("-3"), Some(dec("-3")));
    assert_eq!(read("0.85"), None);
    assert_eq!(read("\"NaN\""), None);
}

proptest! {
    #[test]
    fn agrees_with_integers(a in -1_000_000_000_000_i64..1_000_000_000_000, b in -1_000_000_i64..1_000_000, shift in 0_i32..9) {
        let scaled = |n: i128| dec(&format!("{n}e-{shift}"));
        let (x, y) = (scaled(a.into()), scaled(b.into()));
        prop_assert_eq!(&x + &y, scaled(i128::from(a) + i128::from(b)));
        prop_assert_eq!(&x - &y, scaled(i128::from(a) - i128::from(b)));
        prop_assert_eq!(&Decimal::from(a) * &Decimal::from(b), dec(&(i128::from(a) * i128::from(b)).to_string()));
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
    }

    #[test]
    fn keeps_every_float_in_order(a: f64, b: f64) {
        prop_assume!(a.is_finite() && b.is_finite());
        let (x, y) = (dec(&format!("{a:e}")), dec(&format!("{b}")));
        prop_assert_eq!(x.cmp(&y), a.partial_cmp(&b).unwrap_or(Ordering::Equal));
        prop_assert_eq!(dec(&x.to_string()), x);
    }

    #[test]
    fn never_panics(text in "[-+0-9.eEnaif]{0,24}") {
        if let Ok(number) = text.parse::<Decimal>() {
            prop_assert_eq!(dec(&number.to_string()), number);
        }
    }
}
