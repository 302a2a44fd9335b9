//! Finds the chapters: every folder of `exercises` with stages becomes a module. So a new chapter is a new folder.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

fn main() {
    let exercises =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is in the workspace").join("exercises");
    // A new chapter is a new folder in `solutions`, too. The exercises themselves change whenever a student saves a file,
    // and that must not build the checker anew.
    println!("cargo::rerun-if-changed={}", exercises.with_file_name("solutions").display());
    let entries = fs::read_dir(&exercises).expect("the exercises can be listed");
    let mut folders: Vec<_> = entries.map(|entry| entry.expect("an exercise can be looked at").path()).collect();
    folders.retain(|folder| folder.join("tests/stages.rs").is_file());
    folders.sort();

    let mut modules = String::new();
    let mut list = String::new();
    for (number, folder) in folders.iter().enumerate() {
        let stages = folder.join("tests/stages.rs");
        let _ = writeln!(modules, "#[path = {stages:?}]\nmod chapter_{number};");
        let _ = writeln!(list, "    Found {{ folder: {folder:?}, chapter: chapter_{number}::chapter() }},");
    }
    let code = format!("{modules}\npub fn all() -> Vec<Found> {{\n    vec![\n{list}    ]\n}}\n");
    let out = env::var("OUT_DIR").expect("cargo says where to write");
    let list = Path::new(&out).join("chapters.rs");
    if fs::read_to_string(&list).is_ok_and(|now| now == code) {
        return;
    }
    fs::write(list, code).expect("the list of chapters can be written");
}
