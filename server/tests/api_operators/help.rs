//! The help of every subcommand, compared with a file that people can review. `UPDATE_EXPECT=1` writes it anew; review
//! its diff.
use expect_test::expect_file;
use std::process::Command;

#[test]
fn the_help_is_the_one_that_was_reviewed() {
    let mut all = String::new();
    collect(&[], &mut all);
    expect_file!["help.txt"].assert_eq(&all);
}

/// Adds the help of one subcommand and of those below it. Settings are left out: `docs/configuration.md` has them.
fn collect(subcommand: &[&str], all: &mut String) {
    let help = help(subcommand);
    let name = ["redis-checkout", &subcommand.join(" ")].join(" ");
    let shown =
        if subcommand == ["serve"] { help.split("Options:").next().unwrap_or_default() } else { &help };
    *all += &format!("$ {} --help\n{}\n\n", name.trim_end(), shown.trim_end());
    let below = help.split("Commands:\n").nth(1).unwrap_or_default();
    let below = below.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("    "));
    for name in below.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        collect(&[subcommand, &[name]].concat(), all);
    }
}

fn help(subcommand: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redis-checkout"));
    // Defaults that the environment changes would be in it.
    command.env_clear().args(subcommand).arg("--help");
    let said = command.output().expect("the program");
    assert!(said.status.success(), "{said:?}");
    String::from_utf8(said.stdout).expect("text")
}
