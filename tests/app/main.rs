//! The program without a window: its rooms stacked one on the other, driven frame by frame.
#![allow(clippy::unwrap_used, reason = "a test may end in a panic")]

mod beads;
mod desk;
mod gestures;
mod ilia;
mod mending;
mod pointing;
mod review;
mod sides;
mod stack;
