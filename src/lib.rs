//! Corridor: plan, rehearse and judge pedicle screws inside a patient's own spine.
//!
//! For research, teaching and rehearsal; not a medical device.
//!
//! Data flows one way, and the modules stand in its order: files are read ([`ingest`]) into a
//! [`volume`] in patient space, [`labels`] say which voxel is which vertebra, each vertebra gets
//! one sub-voxel [`surface`] from which [`anatomy`], [`mesh`] and [`clearance`] are made, and a
//! [`plan`] of screws is judged against them inside a [`case`]. A module imports only from modules
//! above it in the list below; a test reads the imports.
#![deny(missing_docs)]

// The core: no Bevy.
pub mod platform;
pub mod work;
pub mod space;
pub mod implant;
pub mod volume;
pub mod labels;
pub mod ingest;
pub mod surface;
pub mod anatomy;
pub mod mesh;
pub mod clearance;
pub mod phantom;
pub mod plan;
pub mod case;
pub mod cli;

// The program: Bevy.
#[cfg(feature = "app")]
pub mod app;
#[cfg(feature = "app")]
pub mod scene;
#[cfg(feature = "app")]
pub mod interact;
#[cfg(feature = "app")]
pub mod panel;
#[cfg(feature = "app")]
pub mod desktop;
#[cfg(feature = "xr")]
pub mod xr;
#[cfg(feature = "app")]
pub mod program;
