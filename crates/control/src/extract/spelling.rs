//! Turns serde's complaints into field errors: a JSON Pointer, a sentence, the nearest right word.

use crate::failure::FieldError;

/// The field error of a complaint at `path` (segments from the root).
pub(super) fn explain(mut path: Vec<String>, complaint: &str) -> FieldError {
    // serde_json ends its messages with a place in the text, which is not one in the body's sense.
    let said = complaint.rsplit_once(" at line ").map_or(complaint, |(said, _)| said);
    let mut words = said.split('`').skip(1).step_by(2);
    let named = words.next();
    let detail = match named {
        Some(name) if said.starts_with("unknown field") => {
            let known: Vec<&str> = words.collect();
            enter(&mut path, name);
            unknown(name, &known)
        }
        Some(name) if said.starts_with("missing field") => {
            enter(&mut path, name);
            "this is required".to_owned()
        }
        Some(name) if said.starts_with("duplicate field") => {
            enter(&mut path, name);
            "this stands here twice".to_owned()
        }
        Some(name) if said.starts_with("unknown variant") => {
            let known: Vec<&str> = words.collect();
            format!("`{name}` is not known here; choose one of: {}", known.join(", "))
        }
        _ => said.to_owned(),
    };
    FieldError::new(pointer(&path), detail)
}

/// The nearest of `known` to a misspelt `name`, if one is near.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|word| (strsim::jaro_winkler(&name.to_lowercase(), word), *word))
        .filter(|(likeness, _)| *likeness >= 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, word)| word)
}

fn unknown(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("`{name}` is not known here; did you mean `{near}`?"),
        None if known.is_empty() => format!("`{name}` is not known here; nothing is"),
        None => format!("`{name}` is not known here; known are: {}", known.join(", ")),
    }
}

/// The path of a complaint may or may not end in the field that it names.
fn enter(path: &mut Vec<String>, name: &str) {
    if path.last().is_none_or(|last| last != name) {
        path.push(name.to_owned());
    }
}

fn pointer(path: &[String]) -> String {
    path.iter().fold(String::new(), |pointer, part| {
        pointer + "/" + &part.replace('~', "~0").replace('/', "~1")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &[&str], complaint: &str) -> (String, String) {
        let error = explain(path.iter().map(ToString::to_string).collect(), complaint);
        (error.pointer, error.detail)
    }

    #[test]
    fn a_misspelt_field_is_told_its_nearest_right_name() {
        let complaint =
            "unknown field `naem`, expected one of `name`, `slug`, `url` at line 1 column 9";
        let (pointer, detail) = said(&[], complaint);
        assert_eq!(pointer, "/naem");
        assert_eq!(detail, "`naem` is not known here; did you mean `name`?");
        let (pointer, detail) =
            said(&["auth"], "unknown field `x/y`, expected `type` or `headers`");
        assert_eq!(pointer, "/auth/x~1y");
        assert_eq!(detail, "`x/y` is not known here; known are: type, headers");
    }

    #[test]
    fn missing_and_wrong_values_name_their_place() {
        assert_eq!(said(&[], "missing field `url` at line 1 column 2").0, "/url");
        let wrong = said(&["limits", "0"], "invalid type: string \"a\", expected u32");
        assert_eq!(wrong.0, "/limits/0");
        assert_eq!(wrong.1, "invalid type: string \"a\", expected u32");
    }
}
