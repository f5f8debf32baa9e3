//! From process start to the first yes of `/readyz`, with 30 plugins.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::{Bench, Row, median, rig};
use crate::workdir::Workdir;
use crate::{http, paths};

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    let (mut warm, mut cold) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        rig::within("start", |dir| {
            let (upstream, _tiny) = rig::upstream(dir, None)?;
            let (plugins, names) = rig::many_plugins(dir, 30)?;
            let policy = format!("{plugins}{}", rig::gate(&names));
            let workdir =
                Workdir::create(&dir.join("countersign"), &format!("http://127.0.0.1:{upstream}"), &policy)?;
            let mut user = Command::new(paths::countersign());
            user.args(["user", "add", "bench", "--config"]).arg(workdir.config()).current_dir(&workdir.dir);
            crate::run::quietly(&mut user)?;
            // The first start on an empty directory compiles; the next ones find what it compiled.
            cold.push(until_ready(&workdir)?);
            warm.push(median(vec![until_ready(&workdir)?, until_ready(&workdir)?, until_ready(&workdir)?]));
            Ok(())
        })?;
    }
    let (ours, baseline) = (median(warm), median(cold));
    Ok(vec![Row {
        name: "start, 30 plugins, warm / cold cache".to_owned(),
        ours: format!("{ours:.0} ms"),
        baseline: format!("{baseline:.0} ms"),
        ratio: format!("{:.3}", ours / baseline),
        target: "≤ 150 ms, goal 50 ms",
    }])
}

/// Milliseconds.
fn until_ready(workdir: &Workdir) -> Result<f64> {
    let log = std::fs::File::options().create(true).append(true).open(workdir.log())?;
    let mut command = Command::new(paths::countersign());
    command.args(["serve", "--config"]).arg(workdir.config()).current_dir(&workdir.dir);
    let begun = Instant::now();
    let mut server = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
    let ready = wait(workdir, &mut server, begun);
    server.kill()?;
    server.wait()?;
    ready
}

fn wait(workdir: &Workdir, server: &mut Child, begun: Instant) -> Result<f64> {
    while !matches!(http::get(workdir.admin_port, "/readyz"), Ok((200, _))) {
        if server.try_wait()?.is_some() || begun.elapsed() > Duration::from_secs(120) {
            bail!("Countersign was not ready:\n{}", crate::child::tail(&workdir.log(), 20));
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    Ok(begun.elapsed().as_secs_f64() * 1000.0)
}
