//! What the README shows must be so: its configuration, its policy, its check, its commands.

use clap::CommandFactory as _;
use countersign::cli::args::Cli;
use countersign::config::Config;
use countersign_core::policy::Policy;
use countersign_tests::paths;

fn text(path: &str) -> String {
    std::fs::read_to_string(paths::root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The code blocks of a language.
fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let starts = markdown.match_indices(&fence).map(|(at, _)| at + fence.len());
    starts.map(|start| markdown[start..].split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn its_policy_can_be_read() {
    let blocks = blocks(&text("README.md"), "toml");
    let policies: Vec<&String> = blocks.iter().filter(|block| block.contains("[[gate]]")).collect();
    assert_eq!(policies.len(), 1);
    let policy = policies[0].replace("sha256:…", &format!("sha256:{}", "0".repeat(64)));
    let policy = Policy::parse("README.md", &policy).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(policy.summary().remarks, Vec::<String>::new());
    let cases = blocks.iter().find(|block| block.contains("[[case]]")).expect("a block with a case");
    for case in policy.cases("README.md", cases).unwrap_or_else(|error| panic!("{error}")) {
        let run = case.run(&policy, None).unwrap();
        assert_eq!(run.wrong, [], "{:?}", run.got);
    }
}

#[test]
fn its_configuration_can_be_loaded() {
    let blocks = blocks(&text("README.md"), "toml");
    let others = ["[[gate]]", "[[case]]", "[oidc]"];
    let grows = |block: &&String| !others.iter().any(|mark| block.contains(mark));
    let grown: String = blocks.iter().filter(grows).map(String::as_str).collect();
    assert!(grown.contains("[webhook]") && grown.contains("[upstream]"), "{grown}");
    // The secret's file is a mount of the reader's.
    let grown = grown.replace("secret_file = \"/run/secrets/mlflow-webhook\"", "secret = \"a\"");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("countersign.toml");
    std::fs::write(&file, grown).unwrap();
    let config = Config::load(Some(&file), std::iter::empty(), &[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.server.public_url.to_string(), "https://mlflow.example.com/");

    let provider = blocks.iter().find(|block| block.contains("[oidc]")).expect("a block with a provider");
    let secret = "client_secret_file = \"/run/secrets/oidc-client\"";
    assert!(provider.contains(secret), "{provider}");
    std::fs::write(&file, provider.replace(secret, "client_secret = \"a\"")).unwrap();
    Config::load(Some(&file), std::iter::empty(), &[]).unwrap_or_else(|error| panic!("{error}"));
}

/// One text to keep true, not two.
#[test]
fn its_check_is_the_one_of_the_sdk() {
    let ours = blocks(&text("README.md"), "rust");
    assert_eq!(ours.len(), 1);
    assert!(blocks(&text("sdk/README.md"), "rust").contains(&ours[0]));
}

/// A call that the unit forbids ends the process, and one of ours is in a group that it takes out.
#[test]
fn the_systemd_unit_lets_replays_give_way() {
    let unit = text("host/deploy/countersign.service");
    let lines: Vec<&str> = unit.lines().filter(|line| line.starts_with("SystemCall")).collect();
    let place = |wanted: &str| lines.iter().position(|line| line.contains(wanted));
    assert!(text("host/src/plugins/engine.rs").contains("setpriority"), "then the unit need not allow it");
    assert!(place("~@privileged @resources") < place("SystemCallFilter=setpriority"), "{lines:?}");
    assert!(lines.contains(&"SystemCallErrorNumber=EPERM"), "{lines:?}");
}

#[test]
fn its_commands_exist() {
    let readme = text("README.md");
    let rows = readme.lines().filter(|line| line.starts_with("| `countersign "));
    let mut seen = 0;
    for row in rows {
        let cell = row.trim_start_matches("| ").split(" | ").next().unwrap_or_default();
        for spelled in cell.split("`, `") {
            let spelled = spelled.trim_matches(['`', ' ']).trim_start_matches("countersign ");
            let (noun, verbs) = spelled.split_once(' ').unwrap_or((spelled, ""));
            let cli = Cli::command();
            let command = cli.find_subcommand(noun).unwrap_or_else(|| panic!("no `countersign {noun}`"));
            seen += 1;
            for verb in verbs.split("\\|").filter(|verb| !verb.is_empty() && command.has_subcommands()) {
                assert!(command.find_subcommand(verb).is_some(), "no `countersign {noun} {verb}`");
            }
        }
    }
    assert_eq!(seen, Cli::command().get_subcommands().count(), "the table lists every command, and once");
}
