//! A store that is taken, of another version, full, or not ours to write.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use countersign_tests::mlflow;
use countersign_tests::run;
use countersign_tests::stage::eventually;

use crate::scene::{PATIENCE, Scene, contains, policy, policy_without_people, refused};

/// What `serve` says when it cannot begin.
fn cannot_start(scene: &Scene, words: &[&str]) {
    let ended = scene.host.command(&["serve"], None).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    contains(&ended.stderr, words);
}

#[test]
fn a_second_server_on_the_same_store_is_refused() {
    let mut scene = Scene::start("twice", policy);
    let data = scene.dir().join("./data").display().to_string();
    let pid = scene.host.pid().unwrap().to_string();
    cannot_start(&scene, &[&data, "in use", &pid, "[store]"]);
    assert_eq!(scene.readiness()["ready"], true, "the first one goes on");

    // A free store and a taken port.
    let second = Scene::before(scene.mlflow, "port", policy);
    second.reconfigure(&second.host.workdir().port.to_string(), &scene.host.port().to_string());
    cannot_start(&second, &[&scene.host.port().to_string(), "`listen` under `[server]`"]);
    scene.host.kill_and_start().unwrap();
}

#[test]
fn damaged_and_foreign_stores_are_refused() {
    let mut scene = Scene::start("store", policy);
    scene.host.stop().unwrap();
    let (data, kept) = (scene.dir().join("data"), scene.dir().join("kept"));
    fs::rename(&data, &kept).unwrap();

    // Bytes that nobody wrote on purpose.
    fs::create_dir(&data).unwrap();
    fs::write(data.join("db"), vec![7; 4096]).unwrap();
    fs::write(data.join("conf"), "segment_size: soon").unwrap();
    cannot_start(&scene, &["/data`"]);
    fs::remove_dir_all(&data).unwrap();

    // A file where the directory should be.
    fs::write(&data, "x").unwrap();
    cannot_start(&scene, &["/data`"]);
    fs::remove_file(&data).unwrap();

    // The store of another ledger: its key is missing, or is somebody else's.
    fs::rename(&kept, &data).unwrap();
    let key = scene.dir().join("ledger.key");
    let good = fs::read(&key).unwrap();
    fs::write(&key, "not a key").unwrap();
    cannot_start(&scene, &["ledger.key"]);
    fs::remove_file(&key).unwrap();
    cannot_start(&scene, &["ledger"]);
    fs::write(&key, &good).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    cannot_start(&scene, &["ledger.key", "chmod 600"]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    scene.host.start().unwrap();
    scene.verify();
}

/// A file system of its own, taken away at the end.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    /// `None` where nobody may mount: in a container without the right to.
    fn mount(at: &'a Path, bytes: u64) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(at);
        run::capture(&mut mount).ok().filter(|done| done.status.success()).map(|_| Self(at))
    }

    fn resize(&self, options: &str) {
        let mut mount = Command::new("mount");
        run::quietly(mount.args(["-o", &format!("remount,{options}")]).arg(self.0)).unwrap();
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = run::capture(Command::new("umount").args(["-l"]).arg(self.0));
    }
}

/// Governed writes are refused with a reason, and everything else goes on.
fn cannot_record(scene: &Scene, model: &str, version: &str) {
    let said = refused(&scene.alias(model, "champion", version));
    contains(&said, &["Countersign did not carry this out"]);
    assert_eq!(scene.holder(model, "champion"), None);
    let path = format!("/api/2.0/mlflow/registered-models/get?name={model}");
    assert_eq!(scene.call("ana", "GET", &path, None).status, 200);
    let (status, text) = countersign_tests::http::get(scene.host.workdir().admin_port, "/readyz").unwrap();
    assert_eq!(status, 503, "{text}");
    let live = countersign_tests::http::get(scene.host.workdir().admin_port, "/livez").unwrap();
    assert_eq!(live.0, 200);
}

/// Ungoverned work until the disk is full; what is refused then is told by the one governed call.
fn fills(scene: &Scene, model: &str, version: &str) {
    for number in 0..4000 {
        let alias = format!("shadow-{number}");
        let answer = scene.alias(model, &alias, version);
        if answer.status == 403 {
            return;
        }
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    panic!("the disk never filled");
}

fn shadowed(name: &str) -> String {
    policy_without_people(name)
        .replace("{ alias = \"champion\" }", "{ alias = \"champion\" }, { alias = \"shadow-*\" }")
}

#[test]
fn a_full_disk_closes_the_gate_and_loses_nothing() {
    let mut scene = Scene::before(mlflow::shared().unwrap().port(), "full", shadowed);
    let at = scene.dir().join("disk");
    // Room for the first segment of the store's journal, not for the second.
    let Some(disk) = Disk::mount(&at, 7 << 20) else {
        println!("nobody may mount here: not tested");
        return;
    };
    scene.reconfigure("sled:./data", "sled:./disk/data");
    scene.host.start().unwrap();
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    fills(&scene, &model, &version);
    cannot_record(&scene, &model, &version);
    cannot_record(&scene, &model, &version);
    disk.resize("size=64m");
    restarts_whole(&mut scene, &model, &version);
    drop_server(scene, disk);
}

/// After space was made: a new start, the whole ledger, and the same call succeeds.
fn restarts_whole(scene: &mut Scene, model: &str, version: &str) {
    scene.host.kill_and_start().unwrap();
    scene.verify();
    let answer = scene.alias(model, "champion", version);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(scene.holder(model, "champion").as_deref(), Some(version));
    let unfinished = || match scene.of_kind("intent").len() == scene.of_kind("outcome").len() {
        true => Ok(()),
        false => Err(anyhow::anyhow!("an intent has no outcome")),
    };
    eventually(PATIENCE, unfinished).unwrap();
    scene.verify();
}

fn drop_server(scene: Scene, disk: Disk<'_>) {
    let mut scene = scene;
    scene.host.kill().unwrap();
    drop(disk);
}

#[test]
fn a_read_only_disk() {
    let mut scene = Scene::before(mlflow::shared().unwrap().port(), "ro", policy_without_people);
    let at = scene.dir().join("disk");
    let Some(disk) = Disk::mount(&at, 16 << 20) else {
        println!("nobody may mount here: not tested");
        return;
    };
    scene.reconfigure("sled:./data", "sled:./disk/data");
    disk.resize("ro");
    cannot_start(&scene, &["disk", "ead-only"]);
    disk.resize("rw");
    scene.host.start().unwrap();
    let model = scene.model("a");
    let version = scene.register(&model, 0.9).version;
    assert_eq!(scene.alias(&model, "champion", &version).status, 200);
    drop_server(scene, disk);
}
