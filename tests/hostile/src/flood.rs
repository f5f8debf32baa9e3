//! Too much of everything that leaves the guest.

use std::io::Write;

use countersign_sdk::prelude::*;

pub(crate) fn report(count: u32) -> Report {
    let text = "x".repeat(1 << 10);
    (0..count)
        .map(|_| Finding::info("flood", text.clone()))
        .collect::<Findings>()
        .report("flooded the report")
}

#[expect(unsafe_code, reason = "the host must refuse what no safe guest can send")]
pub(crate) fn bad_utf8() -> Report {
    // SAFETY: none: this breaks `String`'s promise on purpose. Nothing in the guest reads it as text.
    let summary = unsafe { String::from_utf8_unchecked(vec![0xC3, 0x28, 0xFF]) };
    Findings::new().report(summary)
}

pub(crate) fn log(count: u32) -> Report {
    for line in 0..count {
        log::info(format!("line {line} of {count}: {}", "x".repeat(200)));
    }
    Findings::new().report("flooded the log")
}

pub(crate) fn stderr(count: u32) -> Result<Report, CannotJudge> {
    let mut stderr = std::io::stderr().lock();
    for line in 0..count {
        writeln!(stderr, "line {line} of {count}: {}", "x".repeat(200))?;
    }
    Ok(Findings::new().report("flooded stderr"))
}

pub(crate) fn host_calls(model: &str, count: u32) -> Result<Report, CannotJudge> {
    for _ in 0..count {
        registry::version_by_alias(model, "champion")?;
    }
    Ok(Findings::new().report(format!("asked {count} times")))
}

pub(crate) fn handles(path: &str, count: u32) -> Result<Report, CannotJudge> {
    let kept: Result<Vec<_>, AccessError> = (0..count).map(|_| artifacts::open(path)).collect();
    Ok(Findings::new().report(format!("kept {} handles", kept?.len())))
}

pub(crate) fn reads(path: &str, count: u32) -> Result<Report, CannotJudge> {
    let mut total = 0;
    for _ in 0..count {
        let mut reader = artifacts::open(path)?.reader(1 << 20);
        total += std::io::copy(&mut reader, &mut std::io::sink())?;
    }
    Ok(Findings::new().report(format!("read {total} bytes")))
}
