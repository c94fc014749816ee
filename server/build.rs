//! Rebuilds the server when the widget in `dist` changes, where cargo can't tell by itself.
use std::path::Path;

fn main() {
    let carries_it = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    // A debug build reads the widget from the folder on each request, unless the folder was missing when it was
    // compiled.
    if carries_it || !Path::new("../dist").exists() {
        println!("cargo:rerun-if-changed=../dist");
    } else {
        println!("cargo:rerun-if-changed=build.rs");
    }
}
