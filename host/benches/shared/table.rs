//! What every bench prints: name, ours, baseline, their ratio, the target. Medians of paired rounds; no bench asserts
//! a time, because machines are shared and noisy.

use std::time::Duration;

/// One line of the table.
pub struct Row {
    pub name: String,
    pub ours: String,
    pub baseline: String,
    /// Ours divided by the baseline; empty where there is nothing to divide by.
    pub ratio: String,
    pub target: &'static str,
}

pub fn print(rows: &[Row]) {
    println!("{:46} {:>12} {:>12} {:>7}  target", "name", "ours", "baseline", "ratio");
    for Row { name, ours, baseline, ratio, target } in rows {
        println!("{name:46} {ours:>12} {baseline:>12} {ratio:>7}  {target}");
    }
}

impl Row {
    /// Events per second in paired rounds.
    pub fn rates(name: &str, ours: &[f64], baseline: &[f64], target: &'static str) -> Self {
        let rate = |values: &[f64]| format!("{:.0}/s", median(values));
        let ratio = format!("{:.2}", paired(ours, baseline));
        Self { name: name.to_owned(), ours: rate(ours), baseline: rate(baseline), ratio, target }
    }
}

pub fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}

/// The middle value; of an even number the lower middle one.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}

/// The middle of the ratios of pairs, which is steadier than the ratio of the middles.
pub fn paired(ours: &[f64], baseline: &[f64]) -> f64 {
    let ratios: Vec<f64> = ours.iter().zip(baseline).map(|(ours, baseline)| ours / baseline).collect();
    median(&ratios)
}
