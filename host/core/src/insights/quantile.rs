//! Quantiles by nearest rank: each is a value that there was.

/// The quantiles that the tables show, in percent.
pub const SHOWN: [u8; 3] = [50, 85, 95];

/// Where the quantile stands in `count` sorted values; `None` where there are none.
#[must_use]
pub fn rank(count: usize, percent: u8) -> Option<usize> {
    let up = count.saturating_mul(usize::from(percent.min(100))).div_ceil(100);
    count.checked_sub(1).map(|last| up.saturating_sub(1).min(last))
}

/// The smallest value that at least `percent` of all do not exceed.
#[must_use]
pub fn quantile(mut values: Vec<i64>, percent: u8) -> Option<i64> {
    values.sort_unstable();
    values.get(rank(values.len(), percent)?).copied()
}
