//! The words of the page of a company that hands codes out.
use serde::{Deserialize, Serialize};

/// A file's section `[team]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Team {
    pub title: String,
    pub text: String,
    pub counts: String,
    pub until: String,
    pub how: String,
    pub open: String,
    pub bookmark: String,
    pub code: String,
    pub state: String,
    pub kept_for: String,
    pub used_by: String,
    pub free: String,
    pub held: String,
    pub used: String,
    pub revoked: String,
    pub assign_heading: String,
    pub assign_text: String,
    pub emails: String,
    pub assign: String,
    pub assigned: String,
    pub without: String,
    pub unreadable: String,
    pub change_heading: String,
    pub change_text: String,
    pub change: String,
    pub changed: String,
    pub not_found: String,
    pub too_many: String,
    pub download: String,
    pub each: String,
    pub manage: String,
    pub unknown: String,
}
