//! Calls the binary as an operator would.
use checkout_tests::TestApp;
use serde_json::Value;
use std::process::Command;

pub(crate) struct Said {
    success: bool,
    out: String,
    error: String,
}

impl Said {
    pub(crate) fn ok(self) -> String {
        assert!(self.success, "{}", self.error);
        self.out
    }

    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).expect("JSON")
    }

    /// Its stdout and its stderr.
    pub(crate) fn both(self) -> (String, String) {
        assert!(!self.success, "{}", self.out);
        (self.out, self.error)
    }

    pub(crate) fn refused(self) -> String {
        assert!(!self.success, "{}", self.out);
        self.error
    }
}

/// Runs the binary with `arguments`, on the database, the catalogue and the sandbox of `app`.
pub(crate) fn run(app: &TestApp, arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redis-checkout"));
    command.args(arguments).env_remove("OPERATOR").envs(app.for_operators());
    let output = command.output().expect("the binary runs");
    Said {
        success: output.status.success(),
        out: String::from_utf8(output.stdout).expect("text"),
        error: String::from_utf8(output.stderr).expect("text"),
    }
}

pub(crate) async fn reference(app: &TestApp, id: &str) -> String {
    app.get(&format!("/v1/purchases/{id}")).await.expect(200).text_at("reference")
}
