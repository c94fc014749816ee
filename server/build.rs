//! Makes a build notice the widget, where it can't notice by itself.
use std::path::Path;

fn main() {
    let carries_it = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    // A debug build reads the widget from the folder whenever it is asked for it, unless the folder was not there when it
    // was compiled.
    if carries_it || !Path::new("../dist").exists() {
        println!("cargo:rerun-if-changed=../dist");
    } else {
        println!("cargo:rerun-if-changed=build.rs");
    }
}
