//! Exact decimal numbers, as metrics and thresholds are written. Nothing is ever rounded to a binary float:
//! `0.1 + 0.2` is `0.3`.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, Mul, Neg, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// The most digits that a number may have, and the largest exponent: enough for every 64-bit float in full, and
/// a bound on what a hostile number can cost.
const MOST_DIGITS: usize = 1_100;
const MOST_EXPONENT: i32 = 1_100;

/// `± digits × 10^exponent`, with neither leading nor trailing zeros among the digits; zero has none and is
/// positive.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    /// 0–9, the most significant first.
    digits: Vec<u8>,
    exponent: i32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecimalError {
    /// NaN or an infinity, as it was written.
    NotFinite(String),
    /// Not decimal or exponent notation.
    Malformed(String),
    /// More digits or a larger exponent than any recorded metric can have.
    OutOfRange,
}

impl Decimal {
    #[must_use]
    pub fn zero() -> Self {
        Self { negative: false, digits: Vec::new(), exponent: 0 }
    }

    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    #[must_use]
    pub fn abs(&self) -> Self {
        Self { negative: false, ..self.clone() }
    }

    /// This part of a hundred of `self`: `40` and `2.5` give `1`.
    #[must_use]
    pub fn percent(&self, percent: &Self) -> Self {
        let mut part = self * percent;
        if !part.is_zero() {
            part.exponent -= 2;
        }
        part
    }

    fn new(negative: bool, digits: &[u8], exponent: i32) -> Self {
        let leading = digits.iter().take_while(|d| **d == 0).count();
        let trailing = digits.iter().rev().take_while(|d| **d == 0).count();
        let Some(kept) =
            digits.get(leading..digits.len().saturating_sub(trailing)).filter(|kept| !kept.is_empty())
        else {
            return Self::zero();
        };
        let exponent = exponent.saturating_add(i32::try_from(trailing).unwrap_or(i32::MAX));
        Self { negative, digits: kept.to_vec(), exponent }
    }

    /// The power of ten just above the most significant digit.
    fn magnitude(&self) -> i32 {
        self.exponent.saturating_add(i32::try_from(self.digits.len()).unwrap_or(i32::MAX))
    }

    fn compare_abs(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // Trailing zeros are gone, so the longer of two equal beginnings is the greater.
            (false, false) => {
                self.magnitude().cmp(&other.magnitude()).then_with(|| self.digits.cmp(&other.digits))
            }
        }
    }

    /// The digits as if the exponent were `exponent`, which must not be greater than its own.
    fn aligned(&self, exponent: i32) -> Vec<u8> {
        let zeros = usize::try_from(self.exponent.saturating_sub(exponent)).unwrap_or(0);
        let mut digits = self.digits.clone();
        digits.resize(digits.len() + zeros, 0);
        digits
    }
}

// === Reading and writing ===

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let text = text.trim();
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, text.get(1..).unwrap_or_default()),
            Some(b'+') => (false, text.get(1..).unwrap_or_default()),
            _ => (false, text),
        };
        if ["nan", "inf", "infinity"].contains(&unsigned.to_ascii_lowercase().as_str()) {
            return Err(DecimalError::NotFinite(text.to_owned()));
        }
        let (mantissa, exponent) = split_exponent(unsigned).ok_or_else(|| malformed(text))?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.len() + fraction.len() == 0 {
            return Err(malformed(text));
        }
        let digits: Option<Vec<u8>> = whole.bytes().chain(fraction.bytes()).map(digit).collect();
        let digits = digits.ok_or_else(|| malformed(text))?;
        let exponent: i32 = exponent.parse().map_err(|_| DecimalError::OutOfRange)?;
        if digits.len() > MOST_DIGITS || exponent.saturating_abs() > MOST_EXPONENT {
            return Err(DecimalError::OutOfRange);
        }
        Ok(Self::new(negative, &digits, exponent - i32::try_from(fraction.len()).unwrap_or(0)))
    }
}

/// Mantissa and the text of the exponent, which is well-formed but may be too large for any integer.
fn split_exponent(text: &str) -> Option<(&str, &str)> {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return Some((text, "0")) };
    let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then_some((mantissa, exponent))
}

fn digit(byte: u8) -> Option<u8> {
    byte.is_ascii_digit().then(|| byte - b'0')
}

fn malformed(text: &str) -> DecimalError {
    DecimalError::Malformed(text.chars().take(40).collect())
}

/// Plain notation where it is short, otherwise exponent notation; always the exact value.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        if self.negative {
            f.write_str("-")?;
        }
        let digits: String = self.digits.iter().map(|d| char::from(b'0' + d)).collect();
        let magnitude = self.magnitude();
        match usize::try_from(magnitude) {
            Ok(whole) if (1..=21).contains(&whole) => {
                if whole >= digits.len() {
                    return write!(f, "{digits}{}", "0".repeat(whole - digits.len()));
                }
                let (before, after) = digits.split_at(whole);
                write!(f, "{before}.{after}")
            }
            _ if (-6..=0).contains(&magnitude) => {
                write!(f, "0.{}{digits}", "0".repeat(magnitude.unsigned_abs() as usize))
            }
            _ => {
                let (first, rest) = digits.split_at(1);
                let point = if rest.is_empty() { "" } else { "." };
                write!(f, "{first}{point}{rest}e{}", magnitude - 1)
            }
        }
    }
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFinite(text) => write!(f, "`{text}` is not a finite number"),
            Self::Malformed(text) => write!(f, "`{text}` is not a decimal number"),
            Self::OutOfRange => f.write_str("the number has too many digits or too large an exponent"),
        }
    }
}

impl std::error::Error for DecimalError {}

/// From a string, or from an integer: a JSON fraction has been through a binary float before we see it.
impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Decimal;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number as a string, such as \"0.85\", or an integer")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Decimal, E> {
                Ok(value.into())
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Decimal, E> {
                value.to_string().parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Self {
        let text = value.unsigned_abs().to_string();
        let digits: Vec<u8> = text.bytes().filter_map(digit).collect();
        Self::new(value < 0, &digits, 0)
    }
}

// === Order and arithmetic ===

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.compare_abs(other),
            (true, true) => other.compare_abs(self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Neg for &Decimal {
    type Output = Decimal;
    fn neg(self) -> Decimal {
        Decimal { negative: !self.negative && !self.is_zero(), ..self.clone() }
    }
}

impl Add for &Decimal {
    type Output = Decimal;
    fn add(self, other: &Decimal) -> Decimal {
        if self.is_zero() {
            return other.clone();
        }
        if other.is_zero() {
            return self.clone();
        }
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.aligned(exponent), other.aligned(exponent));
        if self.negative == other.negative {
            return Decimal::new(self.negative, &add_digits(&a, &b), exponent);
        }
        match self.compare_abs(other) {
            Ordering::Equal => Decimal::zero(),
            Ordering::Greater => Decimal::new(self.negative, &subtract_digits(&a, &b), exponent),
            Ordering::Less => Decimal::new(other.negative, &subtract_digits(&b, &a), exponent),
        }
    }
}

impl Sub for &Decimal {
    type Output = Decimal;
    fn sub(self, other: &Decimal) -> Decimal {
        self + &-other
    }
}

impl Mul for &Decimal {
    type Output = Decimal;
    fn mul(self, other: &Decimal) -> Decimal {
        let digits = multiply_digits(&self.digits, &other.digits);
        Decimal::new(self.negative != other.negative, &digits, self.exponent.saturating_add(other.exponent))
    }
}

fn add_digits(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut sum = Vec::with_capacity(a.len().max(b.len()) + 1);
    let (mut a, mut b) = (a.iter().rev(), b.iter().rev());
    let mut carry = 0;
    loop {
        let (x, y) = (a.next(), b.next());
        if x.is_none() && y.is_none() && carry == 0 {
            break;
        }
        let digit = x.unwrap_or(&0) + y.unwrap_or(&0) + carry;
        sum.push(digit % 10);
        carry = digit / 10;
    }
    sum.reverse();
    sum
}

/// `a - b`, where `a` is not the smaller.
fn subtract_digits(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut difference = Vec::with_capacity(a.len());
    let mut b = b.iter().rev();
    let mut borrow = 0;
    for x in a.iter().rev() {
        let taken = b.next().unwrap_or(&0) + borrow;
        borrow = u8::from(*x < taken);
        difference.push(x + 10 * borrow - taken);
    }
    difference.reverse();
    difference
}

fn multiply_digits(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut columns = vec![0_u32; a.len() + b.len()];
    for (i, x) in a.iter().rev().enumerate() {
        for (column, y) in columns.iter_mut().skip(i).zip(b.iter().rev()) {
            *column += u32::from(*x) * u32::from(*y);
        }
    }
    let mut carry = 0;
    let mut product: Vec<u8> = Vec::with_capacity(columns.len());
    for column in columns {
        let total = column + carry;
        product.push(u8::try_from(total % 10).unwrap_or(0));
        carry = total / 10;
    }
    product.reverse();
    product
}

#[cfg(test)]
mod tests;
