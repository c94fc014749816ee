//! Makes a release build notice that the widget it carries was built again.
fn main() {
    println!("cargo:rerun-if-changed=../dist");
}
