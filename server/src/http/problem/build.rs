//! Builds problems.
use shared::{Code, Problem};

pub(in crate::http) fn problem(status: u16, code: Code, title: &str, detail: impl Into<String>) -> Problem {
    Problem {
        kind: format!("https://redis.io/university/checkout/problems#{code}"),
        title: title.to_owned(),
        status,
        code,
        detail: detail.into(),
        field: None,
        challenge: None,
        reason: None,
    }
}

pub(super) trait At {
    fn at(self, field: &str) -> Self;
}

impl At for Problem {
    fn at(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }
}

pub(super) fn internal() -> Problem {
    problem(
        500,
        Code::InternalError,
        "Internal error",
        "Something went wrong on our side and has been logged. Nothing was lost.",
    )
}
