//! The inputs that are kept: what was interesting once stays so.

use std::fs;
use std::path::Path;

/// The kept inputs of one target, each with the name of its file.
pub(super) fn of(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).expect("each target has a corpus");
    let mut kept: Vec<_> = files
        .map(|file| {
            let path = file.expect("the folder can be listed").path();
            let name = path.file_name().expect("it is a file").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("the file can be read"))
        })
        .collect();
    kept.sort();
    kept
}
