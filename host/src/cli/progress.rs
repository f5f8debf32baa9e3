//! Progress on standard error, where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Counts things that take a while. `total` is `None` where nobody knows it.
pub(super) fn counting(what: &str, total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let form = if total.is_some() {
        "{msg} {wide_bar} {human_pos}/{human_len}"
    } else {
        "{spinner} {msg} {human_pos}"
    };
    begun(bar, what, form)
}

/// Counts bytes.
pub(super) fn bytes(what: &str, total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let form =
        if total.is_some() { "{msg} {wide_bar} {bytes}/{total_bytes}" } else { "{spinner} {msg} {bytes}" };
    begun(bar, what, form)
}

fn begun(bar: ProgressBar, what: &str, form: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
