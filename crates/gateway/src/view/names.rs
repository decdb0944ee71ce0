//! Names on the per-tenant URL: `{server}__{tool}`, at most 60 characters. A longer one is cut
//! and ends in a short hash; the way back is a table made from the server's known tools.

use std::collections::HashMap;
use std::fmt::Write as _;

use domain::Slug;
use sha2::{Digest, Sha256};

/// Between server and tool. A slug has no `_`, so the first one parts them.
pub(crate) const SEPARATOR: &str = "__";
/// Longest name, in bytes: what the strictest clients accept beside their own prefix.
pub(crate) const MAX_NAME: usize = 60;
const HASH: usize = 8;

/// The name under which a tool of this server is shown.
pub(crate) fn shown(server: &Slug, name: &str) -> String {
    let full = format!("{server}{SEPARATOR}{name}");
    if full.len() <= MAX_NAME {
        return full;
    }
    let mut short = String::with_capacity(MAX_NAME);
    for c in full.chars() {
        if short.len() + c.len_utf8() > MAX_NAME - HASH - 1 {
            break;
        }
        short.push(c);
    }
    let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(full.as_bytes()));
    // Writing to a string cannot fail.
    let _ = write!(short, "_{:08x}", u32::from_be_bytes([a, b, c, d]));
    short
}

/// The tools of a server whose shown name is not their own after the prefix.
pub(super) fn cut_names<'a>(
    server: &Slug,
    names: impl Iterator<Item = &'a str>,
) -> HashMap<String, String> {
    let prefix = server.as_str().len() + SEPARATOR.len();
    names
        .filter(|name| prefix + name.len() > MAX_NAME)
        .map(|name| (shown(server, name), name.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_names_are_prefixed_and_long_ones_cut() {
        let server: Slug = "acme-billing".parse().unwrap();
        assert_eq!(shown(&server, "list"), "acme-billing__list");
        let long = "x".repeat(80);
        let cut = shown(&server, &long);
        assert_eq!(cut.len(), MAX_NAME);
        assert_eq!(cut_names(&server, [long.as_str(), "list"].into_iter())[&cut], long);
        assert_ne!(shown(&server, &"x".repeat(81)), cut);
    }

    proptest! {
        #[test]
        fn no_shown_name_is_too_long(name in ".{0,120}") {
            let server: Slug = "a-server-with-a-name-of-32-chars".parse().unwrap();
            prop_assert!(shown(&server, &name).len() <= MAX_NAME);
        }
    }
}
