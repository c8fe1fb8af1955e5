//! Plans that a person keeps beside the one being worked on, to choose between them.

use super::Screw;
use serde::{Deserialize, Serialize};

/// The longest name of an alternative, in characters.
pub const LONGEST_NAME: usize = 40;

/// Screws of one spine under a name. They have no ties to the plan's own screws: the same id in
/// both is the same screw at two times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    /// What it is called; no other alternative of the plan is called so.
    pub name: String,
    /// Its screws, in the order of [`super::Plan::sort`].
    pub screws: Vec<Screw>,
    /// Keys of its entry in the plan file that this program does not know; written back as read.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub unknown: serde_json::Map<String, serde_json::Value>,
}

/// An alternative that can not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlternativeFault {
    /// No name, or one that no table has room for.
    #[error("an alternative needs a name of 1 to {LONGEST_NAME} characters")]
    Name,
    /// Two of one name.
    #[error("there is an alternative called {0} already: give this one another name")]
    SameName(String),
}

impl Alternative {
    /// Refuses a name that can not be.
    pub fn check(&self) -> Result<(), AlternativeFault> {
        let length = self.name.trim().chars().count();
        if length == 0 || length > LONGEST_NAME { Err(AlternativeFault::Name) } else { Ok(()) }
    }
}

/// `A`, `B`, ... the first letter that is free; after `Z` numbers.
pub fn free_name(taken: &[Alternative]) -> String {
    let letters = (b'A'..=b'Z').map(|letter| char::from(letter).to_string());
    let numbers = (1_usize..).map(|n| n.to_string());
    let is_free = |name: &String| taken.iter().all(|other| other.name != *name);
    letters.chain(numbers).find(is_free).unwrap_or_default()
}
