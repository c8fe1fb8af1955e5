//! Numbers that are none, in a text that is meant to be JSON: `NaN`, `-Infinity`, `1e999`.
//!
//! In: a text that no reader of JSON takes. Out: where in it the first such number stands. Other
//! programs write them (Python does by default), and a reader's "line 31, column 19" names no screw.

use serde_json::Value;

/// A number that is none.
#[derive(Debug)]
pub(super) struct NoNumber {
    /// The document without it: marked text stands in its place.
    pub document: Value,
    /// Keys and places in lists that lead to it.
    pub path: Vec<String>,
    /// What stands there.
    pub found: String,
}

/// Begins the text that stands for such a number while it is looked for; no text has it.
const MARK: char = '\u{1}';

/// The first one; `None` where the text has none, or is no JSON even without them.
pub(super) fn first(text: &str) -> Option<NoNumber> {
    let document: Value = serde_json::from_str(&marked(text)).ok()?;
    let mut path = Vec::new();
    let found = find(&document, &mut path)?;
    Some(NoNumber { document, path, found })
}

/// The text with each of them as a marked string.
fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '"' => string_length(rest),
            _ if is_of_word(next) => rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()),
            _ => next.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        match token.parse::<f64>().is_ok_and(|number| !number.is_finite()) {
            true => out += &format!("\"\\u{:04x}{token}\"", u32::from(MARK)),
            false => out += token,
        }
        rest = after;
    }
    out
}

/// Letters, digits and what else a number or `null` is made of.
fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')
}

/// Bytes from a string's opening quote to its closing one, or to the end of the text.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !is_escaped => return at + 1,
            _ => is_escaped = c == '\\' && !is_escaped,
        }
    }
    text.len()
}

/// The first marked string, and the way to it.
fn find(value: &Value, path: &mut Vec<String>) -> Option<String> {
    let mut within = |step: String, value: &Value| {
        path.push(step);
        let found = find(value, path);
        if found.is_none() {
            path.pop();
        }
        found
    };
    match value {
        Value::String(text) => text.strip_prefix(MARK).map(str::to_owned),
        Value::Array(list) => {
            list.iter().enumerate().find_map(|(n, value)| within(n.to_string(), value))
        }
        Value::Object(map) => map.iter().find_map(|(key, value)| within(key.clone(), value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<(String, String)> {
        first(text).map(|none| (none.path.join("."), none.found))
    }

    #[test]
    fn the_first_number_that_is_none_is_found_where_it_stands() {
        let said = |path: &str, found: &str| Some((path.to_owned(), found.to_owned()));
        assert_eq!(at(r#"{"a": [1, {"b": NaN}]}"#), said("a.1.b", "NaN"));
        assert_eq!(at(r#"{"a": -Infinity, "b": NaN}"#), said("a", "-Infinity"));
        assert_eq!(at(r#"{"a": 1e300, "b": [-1e999]}"#), said("b.0", "-1e999"));
    }

    #[test]
    fn texts_and_what_is_no_json_anyway_are_left_alone() {
        assert_eq!(at(r#"{"a": "NaN, \"1e999", "NaN": 1.5e3}"#), None);
        assert_eq!(at(r#"{"a": "\\", "b": nan}"#).map(|(path, _)| path).as_deref(), Some("b"));
        assert_eq!(at(r#"{"a": NaN, "b"#), None);
        assert_eq!(at(""), None);
    }
}
