//! The program without a window: its rooms stacked one on the other, driven frame by frame.
#![allow(clippy::unwrap_used, reason = "a test may end in a panic")]

mod beads;
mod cuts;
mod desk;
mod gestures;
mod ilia;
mod mending;
mod pointing;
#[path = "../core/real_data.rs"]
mod real_data;
mod real_pictures;
mod review;
mod sides;
mod stack;
