//! Keys that stand twice in one record of a JSON text.
//!
//! In: a text that a reader of JSON takes, though of two values of one key it keeps the last without a
//! word. Out: where such a key stands.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

/// Keys and places in lists that lead to a key that stands twice; of several to the least deep one, and
/// of these the first. `None` where there is none, or the text is no JSON.
pub(super) fn least_deep(text: &str) -> Option<Vec<String>> {
    let (mut path, mut found) = (Vec::new(), None);
    let mut reader = serde_json::Deserializer::from_str(text);
    Search { path: &mut path, found: &mut found }.deserialize(&mut reader).ok()?;
    found
}

/// Walks through a value and keeps what it finds.
struct Search<'a> {
    /// The way to the value.
    path: &'a mut Vec<String>,
    found: &'a mut Option<Vec<String>>,
}

impl Search<'_> {
    /// The search in a part of the value.
    fn part(&mut self) -> Search<'_> {
        Search { path: self.path, found: self.found }
    }
    fn keep(&mut self) {
        if self.found.as_ref().is_none_or(|found| self.path.len() < found.len()) {
            *self.found = Some(self.path.clone());
        }
    }
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            self.path.push(key.clone());
            if !keys.insert(key) {
                self.keep();
            }
            map.next_value_seed(self.part())?;
            self.path.pop();
        }
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        for n in 0_usize.. {
            self.path.push(n.to_string());
            let is_there = list.next_element_seed(self.part())?.is_some();
            self.path.pop();
            if !is_there {
                break;
            }
        }
        Ok(())
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<String> {
        least_deep(text).map(|path| path.join("."))
    }

    #[test]
    fn a_key_that_stands_twice_is_found_where_it_stands() {
        let said = |path: &str| Some(path.to_owned());
        assert_eq!(at(r#"{"a": [1, {"b": 1, "c": null, "b": 2}]}"#), said("a.1.b"));
        assert_eq!(at(r#"{"a": {"b": 1, "\u0062": 1}}"#), said("a.b"), "written otherwise");
        assert_eq!(at(r#"{"a": [{"b": 1, "b": 2}], "c": 1, "a": []}"#), said("a"));
        assert_eq!(at(r#"[{"a": 1, "a": 1}, {"b": 1, "b": 1}]"#), said("0.a"), "the first");
    }

    #[test]
    fn keys_of_several_records_and_what_is_no_json_are_left_alone() {
        assert_eq!(at(r#"{"a": {"a": -1}, "b": [{"a": 1.5}, {"a": true}], "c": "a"}"#), None);
        assert_eq!(at(r#"{"a": 1, "a": "#), None);
        assert_eq!(at("[]"), None);
    }
}
