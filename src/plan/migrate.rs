//! From every older form of the plan file, and of the journal, to the newest one.
//!
//! In: a document as JSON. Out: the same in the form of [`SCHEMA`]; nothing else of it is touched.
//!
//! | schema | what is new in it |
//! |---|---|
//! | 1 | the first; later programs added `accepted_labels`, `label_edits`, `alternatives`, `rod_target` |
//! | 2 | `style` tells the trajectory that a screw was planned on, `in_out_in` whether it may pass the lateral wall |

use super::auto::Style;
use super::fault::FileError;
use super::{ScrewId, ScrewStyle};
use crate::labels::VertebraId;
use crate::space::Side;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The newest form of the file that this program reads, and the one that it writes.
pub const SCHEMA: u64 = 2;

/// Turns a document of schema n into one of n + 1; the first entry starts from schema 1.
type Migration = fn(&mut Map<String, Value>);
const MIGRATIONS: [Migration; SCHEMA as usize - 1] = [tell_trajectories];

/// Brings a document up to [`SCHEMA`], one step at a time.
pub(super) fn migrate(document: &mut Map<String, Value>) -> Result<(), FileError> {
    let found = document.get("schema").and_then(Value::as_u64).unwrap_or(0);
    if found == 0 {
        return Err(FileError::NoPlan);
    }
    if found > SCHEMA {
        let program = document.get("program").and_then(Value::as_str).unwrap_or("another program");
        return Err(FileError::Newer { found, program: program.to_owned() });
    }
    for step in MIGRATIONS.iter().skip(found as usize - 1) {
        step(document);
    }
    Ok(())
}

/// From 1 to 2: the screws of the plan and of its alternatives tell their trajectories.
fn tell_trajectories(document: &mut Map<String, Value>) {
    fn of_list(holder: &mut Map<String, Value>) {
        let screws = holder.get_mut("screws").and_then(Value::as_array_mut);
        let screws = screws.into_iter().flatten().filter_map(Value::as_object_mut);
        screws.for_each(|screw| tell_trajectory(screw, "vertebra_id"));
    }
    of_list(document);
    let alternatives = document.get_mut("alternatives").and_then(Value::as_array_mut);
    alternatives.into_iter().flatten().filter_map(Value::as_object_mut).for_each(of_list);
}

/// The same for every screw in a line of a journal, at whatever depth of an edit it stands.
pub fn tell_trajectories_of_line(line: &mut Value) {
    match line {
        Value::Array(list) => list.iter_mut().for_each(tell_trajectories_of_line),
        Value::Object(map) => {
            tell_trajectory(map, "vertebra");
            let parts = map.iter_mut().filter(|(key, _)| *key != "unknown");
            parts.for_each(|(_, part)| tell_trajectories_of_line(part));
        }
        _ => {}
    }
}

/// A suggested screw was called a pedicle screw whatever it was planned on; its id follows from the
/// style, so it tells it still. What a person placed stays a pedicle screw.
fn tell_trajectory(screw: &mut Map<String, Value>, vertebra: &str) {
    fn part<T: DeserializeOwned>(screw: &Map<String, Value>, key: &str) -> Option<T> {
        screw.get(key).and_then(|value| serde_json::from_value(value.clone()).ok())
    }
    let style: Option<ScrewStyle> = part(screw, "style");
    let id: Option<ScrewId> = part(screw, "id").filter(|_| style == Some(ScrewStyle::Pedicle));
    let (Some(id), Some(vertebra), Some(side)) =
        (id, part::<VertebraId>(screw, vertebra), part::<Side>(screw, "side"))
    else {
        return;
    };
    let planned = Style::ALL.into_iter().find(|style| style.screw_id(vertebra, side) == id);
    if let Some(Ok(style)) = planned.map(|style| serde_json::to_value(style.of_screw())) {
        screw.insert("style".to_owned(), style);
    }
}
