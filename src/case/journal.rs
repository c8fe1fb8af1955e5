//! The journal's lines, and what can be made of a file of them.
//!
//! In: lines, or bytes found on disk. Out: bytes, or the history that the bytes tell as far as they
//! are sound. Nothing here touches a disk.
//!
//! A line is `<check> <JSON>\n`. The check is the start of the SHA-256 of the check before it and
//! the JSON, so that a line which is torn, changed, missing or out of place is noticed. Numbers are
//! written with every bit, so that a replayed plan is the same to the last byte.

use super::history::{History, Revision, Step};
use crate::plan::migrate::tell_trajectories_of_line;
use crate::plan::{Header, Plan, Screw};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The newest form of the journal that this program reads, and the one that it writes.
///
/// Since 2 a screw tells the trajectory that it was planned on; the rest is as in 1.
pub const SCHEMA: u64 = 2;

/// By what a plan file is known as written by us and changed by nobody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMark {
    /// The hash of the bytes.
    pub hash: String,
    /// The revision that they tell.
    pub revision: Revision,
}

/// Where a journal starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    /// The form of the lines that follow.
    pub schema: u64,
    /// The case it belongs to.
    pub header: Header,
    /// The plan before the first step.
    pub plan: Plan,
    /// The revision of that plan.
    pub revision: Revision,
    /// The plan file as it was last written; `None` before the first time.
    pub plan_file: Option<FileMark>,
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first line, and no other.
    Begin(Box<Begin>),
    /// An edit, undo or redo.
    Step {
        /// The revision after it.
        revision: Revision,
        /// What was done.
        step: Step,
    },
    /// Where a screw is while the hand moves it; `None` when the movement was given up. A step ends
    /// it too.
    Drag(Option<Box<Screw>>),
    /// The plan file was written, and is this.
    Saved(FileMark),
}

/// Ties each line to the one before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain(String);

impl Chain {
    /// The bytes of the next line.
    pub fn encode(&mut self, line: &Line) -> Result<String, serde_json::Error> {
        let json = serde_json::to_string(line)?;
        self.0 = self.check(&json);
        Ok(format!("{} {json}\n", self.0))
    }
    /// The line that these bytes (without the line feed) tell in a journal of this schema, if they are
    /// the next one.
    fn decode(&mut self, bytes: &[u8], schema: u64) -> Option<Line> {
        let (check, json) = std::str::from_utf8(bytes).ok()?.split_once(' ')?;
        if self.check(json) != check {
            return None;
        }
        let line = match schema {
            SCHEMA => serde_json::from_str(json).ok()?,
            _ => {
                let mut line = serde_json::from_str(json).ok()?;
                tell_trajectories_of_line(&mut line);
                serde_json::from_value(line).ok()?
            }
        };
        self.0 = check.to_owned();
        Some(line)
    }
    fn check(&self, json: &str) -> String {
        let digest = Sha256::new().chain_update(&self.0).chain_update(json).finalize();
        hex(&digest[..8])
    }
}

/// The hash by which the journal knows a plan file's bytes.
pub fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How far a journal can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Soundness {
    /// To its end.
    Whole,
    /// To its last line, which was being written when everything stopped.
    Torn,
    /// Not after this line (counted from 1), though more follows.
    Damaged {
        /// The first line that can not be believed.
        line: usize,
    },
}

/// What a journal tells.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The case it belongs to.
    pub header: Header,
    /// The plan and its undo stack after the last sound line.
    pub history: History,
    /// A movement under way when the journal ends.
    pub drag: Option<Screw>,
    /// The plan file as it was last written; `None` before the first time.
    pub plan_file: Option<FileMark>,
    /// What the next line is tied to.
    pub chain: Chain,
    /// How many steps it holds.
    pub steps: usize,
    /// Its form.
    pub schema: u64,
}

/// A journal written by a program that knows more than this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newer(pub u64);

/// Reads a journal as far as it is sound; no replay where not even its first line is.
pub fn replay(bytes: &[u8]) -> Result<(Option<Replay>, Soundness), Newer> {
    let schema = schema_of(bytes).unwrap_or(SCHEMA);
    if schema > SCHEMA {
        return Err(Newer(schema));
    }
    let mut chain = Chain::default();
    let mut replay: Option<Replay> = None;
    let mut rest = bytes;
    let mut line_number = 0;
    while !rest.is_empty() {
        line_number += 1;
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = end.and_then(|end| chain.decode(&rest[..end], schema));
        let is_last = end.is_none_or(|end| end + 1 == rest.len());
        if !line.is_some_and(|line| follow(&mut replay, line)) {
            let torn =
                if is_last { Soundness::Torn } else { Soundness::Damaged { line: line_number } };
            return Ok((finish(replay, chain), torn));
        }
        rest = end.map_or(&[], |end| &rest[end + 1..]);
    }
    Ok((finish(replay, chain), Soundness::Whole))
}

fn finish(replay: Option<Replay>, chain: Chain) -> Option<Replay> {
    replay.map(|replay| Replay { chain, ..replay })
}

/// Looks at the first line alone, whose later forms may not be readable as a [`Line`].
fn schema_of(bytes: &[u8]) -> Option<u64> {
    let first = bytes.split(|byte| *byte == b'\n').next()?;
    let json = std::str::from_utf8(first).ok()?.split_once(' ')?.1;
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    value.get("begin")?.get("schema")?.as_u64()
}

/// Takes one line in; false where it does not follow from those before it.
fn follow(replay: &mut Option<Replay>, line: Line) -> bool {
    match (replay, line) {
        (empty @ None, Line::Begin(begin)) => {
            *empty = Some(start(*begin));
            true
        }
        (Some(replay), Line::Step { revision, step }) => {
            replay.drag = None;
            replay.steps += 1;
            replay.history.take(step).is_ok() && replay.history.revision() == revision
        }
        (Some(replay), Line::Drag(screw)) => {
            replay.drag = screw.map(|screw| *screw);
            true
        }
        (Some(replay), Line::Saved(mark)) => {
            replay.plan_file = Some(mark);
            true
        }
        _ => false,
    }
}

fn start(begin: Begin) -> Replay {
    Replay {
        header: begin.header,
        history: History::new(begin.plan, begin.revision),
        drag: None,
        plan_file: begin.plan_file,
        chain: Chain::default(),
        steps: 0,
        schema: begin.schema,
    }
}

/// The whole text of a journal that tells `history` by the shortest way, and what follows it.
pub fn write_whole(
    header: &Header,
    history: &History,
    plan_file: Option<&FileMark>,
    drag: Option<&Screw>,
) -> Result<(String, Chain), serde_json::Error> {
    let (plan, mut revision, steps) = history.shortest();
    let begin = Begin {
        schema: SCHEMA,
        header: header.clone(),
        plan: plan.clone(),
        revision,
        plan_file: plan_file.cloned(),
    };
    let mut chain = Chain::default();
    let mut text = chain.encode(&Line::Begin(Box::new(begin)))?;
    for step in steps {
        revision.0 += 1;
        text += &chain.encode(&Line::Step { revision, step })?;
    }
    if let Some(screw) = drag {
        text += &chain.encode(&Line::Drag(Some(Box::new(screw.clone()))))?;
    }
    Ok((text, chain))
}
