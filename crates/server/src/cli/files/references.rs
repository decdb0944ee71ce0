//! `${NAME}` in a value of a file: it comes from the environment, never from the file.

use std::collections::BTreeMap;

/// The reference that stands for a header of a server until somebody names another.
pub(super) fn usual(slug: &str, header: &str) -> String {
    let word = |text: &str| {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        text.chars().map(plain).collect::<String>()
    };
    let name = format!("{}_{}", word(slug), word(header));
    let is_digit = name.starts_with(|c: char| c.is_ascii_digit());
    format!("${{{}{name}}}", if is_digit { "_" } else { "" })
}

/// The names that a value refers to; or why it cannot stand in a file.
pub(super) fn named(value: &str) -> Result<Vec<&str>, &'static str> {
    let mut names = Vec::new();
    let mut rest = value;
    while let Some((_, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or("a \"${\" has no \"}\"")?;
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty()
            || !name.chars().all(fits)
            || name.starts_with(|c: char| c.is_ascii_digit())
        {
            return Err("a reference is written ${NAME}, with letters, digits and _");
        }
        names.push(name);
        rest = after;
    }
    if names.is_empty() {
        return Err("write a reference to the environment, such as ${NAME}, not the value itself");
    }
    Ok(names)
}

/// The value itself; or the names that the environment lacks.
pub(super) fn filled(
    value: &str,
    environment: &BTreeMap<String, String>,
) -> Result<String, Vec<String>> {
    let (mut out, mut rest, mut missing) = (String::new(), value, Vec::new());
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        match environment.get(name).filter(|found| !found.is_empty()) {
            Some(found) => out.push_str(found),
            None => missing.push(name.to_owned()),
        }
        rest = after;
    }
    out.push_str(rest);
    if missing.is_empty() { Ok(out) } else { Err(missing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_filled_from_the_environment_alone() {
        let environment = [("TOKEN", "s3cret"), ("EMPTY", ""), ("ODD", "${TOKEN}")];
        let environment =
            environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(named("Bearer ${TOKEN}"), Ok(vec!["TOKEN"]));
        assert_eq!(filled("Bearer ${TOKEN}", &environment).unwrap(), "Bearer s3cret");
        assert_eq!(filled("${TOKEN}:${TOKEN}", &environment).unwrap(), "s3cret:s3cret");
        assert_eq!(filled("${ODD}", &environment).unwrap(), "${TOKEN}", "filled once");
        assert_eq!(filled("${NOWHERE}${EMPTY}", &environment).unwrap_err(), ["NOWHERE", "EMPTY"]);
        for odd in ["Bearer s3cret", "", "${", "${}", "${1A}", "${A B}", "$TOKEN"] {
            assert!(named(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_header_has_a_name_in_the_environment() {
        assert_eq!(usual("billing", "Authorization"), "${BILLING_AUTHORIZATION}");
        assert_eq!(usual("a-b", "X-Api-Key"), "${A_B_X_API_KEY}");
        assert_eq!(usual("2nd", "k"), "${_2ND_K}");
        assert!(named(&usual("2nd", "k")).is_ok());
    }
}
