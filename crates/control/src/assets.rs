//! Static files, embedded in the binary. All live under one hash of their contents, so that they
//! are cached for ever and still refer to each other by relative paths.

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use rust_embed::Embed;
use sha2::{Digest, Sha256};

use crate::extract::Path;
use crate::failure::Failure;
use crate::guard::Anyone;
use crate::hex::hex;

#[derive(Embed)]
#[folder = "../../static"]
struct Files;

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut paths: Vec<_> = Files::iter().collect();
    paths.sort_unstable();
    let mut hash = Sha256::new();
    for path in paths {
        hash.update(path.as_bytes());
        if let Some(file) = Files::get(&path) {
            hash.update(file.metadata.sha256_hash());
        }
    }
    hex(&hash.finalize()).chars().take(12).collect()
});

/// The hash over all static files.
pub(crate) fn version() -> &'static str {
    &VERSION
}

/// `GET /static/{hash}/{path}`: a static file.
pub(crate) async fn serve(
    _: Anyone,
    Path((hash, path)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let file = Files::get(&path).ok_or_else(Failure::not_found)?;
    // Pages of another release get the file of this one, and ask again next time. A debug build
    // reads the files from the folder, where they change under one hash.
    let lasting = hash == version() && !cfg!(debug_assertions);
    let caching = if lasting { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (CONTENT_TYPE, media_type(&path, file.metadata.mimetype())),
        (CACHE_CONTROL, caching.to_owned()),
    ];
    Ok((headers, file.data).into_response())
}

/// Text is UTF-8, always.
fn media_type(path: &str, guessed: &str) -> String {
    let script = std::path::Path::new(path).extension().is_some_and(|e| e == "js" || e == "mjs");
    match guessed {
        _ if script => "text/javascript; charset=utf-8".to_owned(),
        text if text.starts_with("text/") => format!("{text}; charset=utf-8"),
        other => other.to_owned(),
    }
}
