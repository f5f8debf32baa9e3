//! The command line, as an operator types it: what it prints, where, and how it ends.

mod evidence;
mod files;
mod held;
mod interop;
mod ledger;
mod people;
mod policy;

use clap::CommandFactory as _;
use countersign::cli::args::Cli;
use countersign_tests::host::Countersign;
use countersign_tests::run::Output;
use countersign_tests::workdir::Workdir;
use tempfile::TempDir;

/// Guards `champion` of every model, and asks for one signature.
const POLICY: &str = include_str!("../fixtures/one-signature.toml");

/// An installation in a directory of its own, before an MLflow that is not there.
struct Place {
    host: Countersign,
    _dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let upstream = format!("http://127.0.0.1:{}", countersign_tests::http::free_port().unwrap());
        let workdir = Workdir::create(dir.path(), &upstream, POLICY).unwrap();
        Self { host: Countersign::on(workdir), _dir: dir }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.host.command(arguments, None).unwrap()
    }

    /// Runs a command that must end with this code, and say all of these on standard error.
    fn fails(&self, arguments: &[&str], code: i32, says: &[&str]) {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert_eq!(output.stdout, "", "{arguments:?}: a failure prints no data");
        for text in says {
            assert!(output.stderr.contains(text), "{arguments:?} does not say `{text}`: {}", output.stderr);
        }
    }

    /// Runs a command that must succeed; gives its standard output.
    fn does(&self, arguments: &[&str]) -> String {
        self.host.does(arguments, None).unwrap()
    }
}

#[test]
fn every_command_explains_itself() {
    fn walk(command: &clap::Command, path: &mut Vec<String>, all: &mut Vec<Vec<String>>) {
        all.push(path.clone());
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            path.push(sub.get_name().to_owned());
            walk(sub, path, all);
            path.pop();
        }
    }
    let mut all = Vec::new();
    walk(&Cli::command(), &mut Vec::new(), &mut all);
    assert!(all.len() > 35, "{all:?}");
    let place = Place::new();
    for path in &all {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = place.does(&arguments);
        assert!(help.contains("Usage:"), "{path:?}: {help}");
    }
}

#[test]
fn what_is_not_understood_ends_with_2() {
    let place = Place::new();
    place.fails(&["dance"], 2, &["unrecognized subcommand"]);
    place.fails(&["policy", "explain", "credit", "7", "champion"], 2, &["alias=NAME"]);
    place.fails(&["policy", "explain", "credit", "07", "alias=champion"], 2, &["is not a version"]);
    place.fails(&["replay", "yesterday"], 2, &["neither the index"]);
    place.fails(&["request", "show", "7"], 2, &["invalid value '7'"]);
    place.fails(&["request", "list", "--state", "lost"], 2, &["in-review"]);
}
