//! The program without a window: its rooms stacked one on the other, driven frame by frame.
#![allow(clippy::unwrap_used, reason = "a test may end in a panic")]

mod beads;
mod gestures;
mod pointing;
mod sides;
mod stack;
