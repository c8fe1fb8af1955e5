//! The program in the simulated headset, with scripted hands. Every file of this folder is declared here.
//!
//! These tests start real processes (`xr-config/simulated-headset`, the program) and know of the program only what a
//! surgeon could: where the hands are, the plan file, the pictures, and what stands on the terminal. Where the simulated
//! headset is not set up they say so in one line and end.
#![allow(clippy::unwrap_used, reason = "a test may end in a panic")]
#![allow(clippy::print_stdout, reason = "a test tells what it skipped")]

#[path = "../app/beads.rs"]
#[allow(dead_code, reason = "shared with the tests of the desk, which have slices as well")]
mod beads;
mod driver;
mod hand_view;
mod handling;
mod headset;
mod interruptions;
mod moving;
mod picture;
mod room;
mod surgeon;
mod watch;

mod end_to_end;
mod one_session;
mod runtime_dies;
mod sides;
mod without_us;
