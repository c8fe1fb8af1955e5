//! Behaviour of the core, without the engine. Every file of this folder is declared here.
#![allow(clippy::unwrap_used, reason = "a test may end in a panic")]

mod architecture;
mod clearance_grade;
mod clearance_shapes;
mod xr_config;
mod ingest_dicom;
mod ingest_dicom_writer;
mod ingest_errors;
mod ingest_formats;
mod ingest_fuzz;
mod ingest_phantom;
mod ingest_real;
mod ingest_torture;
mod real_data;
