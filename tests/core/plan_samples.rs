//! Screws, openings and clocks for the tests of plan and case.

use corridor::case::clock::SteppingClock;
use corridor::case::{Location, Notice, OpenError, Opening, Session};
use corridor::labels::{Level, VertebraId};
use corridor::plan::{CaseHashes, CatalogueRef, Screw, ScrewId, ScrewState, ScrewStyle};
use corridor::platform::fs::FileSystem;
use corridor::space::{Dir, Point, Side};
use jiff::Timestamp;
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

pub fn level(name: &str) -> Level {
    name.parse().unwrap()
}

/// The vertebra that the labels call so.
pub fn vertebra(name: &str) -> VertebraId {
    VertebraId::of_label(
        "labels",
        u16::from(name.as_bytes()[1]) + 256 * u16::from(name.as_bytes()[0]),
    )
}

/// The n-th screw: another place for each n, on a level and a side that follow from n.
pub fn screw(n: u128) -> Screw {
    let name = ["L1", "L2", "L3", "L4", "L5"][(n % 5) as usize];
    let side = if n.is_multiple_of(2) { Side::Left } else { Side::Right };
    let turn = n as f64;
    Screw {
        id: ScrewId(Uuid::from_u128(n + 1)),
        vertebra: vertebra(name),
        level: level(name),
        side,
        style: ScrewStyle::Pedicle,
        in_out_in: false,
        entry: Point::new(
            22.123_456_789 * side.sign() + turn.sin(),
            31.7 + turn.cos(),
            400.0 - turn,
        ),
        axis: Dir::new(-0.25 * side.sign(), -0.93, 0.1 + 0.01 * turn.sin()).unit().unwrap(),
        diameter_mm: 6.5,
        length_mm: 45.0,
        author: "planner".to_owned(),
        edited: Timestamp::from_second(1_800_000_000).unwrap(),
        state: ScrewState::Reviewed,
        unknown: serde_json::Map::new(),
    }
}

/// What the program knows when it opens the CT with this hash.
pub fn opening(ct: &str) -> Opening {
    Opening {
        hashes: CaseHashes {
            ct_content_hash: Some(ct.to_owned()),
            labels_hash: Some("labels".to_owned()),
            ..CaseHashes::default()
        },
        labels: None,
        catalogue: CatalogueRef { id: "corridor-generic".to_owned(), version: 1 },
        thresholds_hash: "thresholds".to_owned(),
        accept_unknown: false,
    }
}

pub fn now() -> Timestamp {
    Timestamp::from_second(1_900_000_000).unwrap()
}

/// Opens the plan of the CT `3f9a22c1` at a path of `fs`.
pub fn open(
    fs: &(impl FileSystem + Clone + 'static),
    plan: &Path,
) -> Result<(Session, Vec<Notice>), OpenError> {
    let clock = Arc::new(SteppingClock::new(now()));
    Session::open(Location::at(plan), &opening("3f9a22c1"), clock, Arc::new(fs.clone()))
}
