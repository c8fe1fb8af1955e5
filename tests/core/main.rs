//! Behaviour of the core, without the engine. Every file of this folder is declared here.
#![allow(clippy::unwrap_used, reason = "a test may end in a panic")]

mod anatomy_phantom;
mod anatomy_real;
mod architecture;
mod case_spine;
mod case_commands;
mod case_faults;
mod case_kill;
mod case_opening;
mod case_session;
mod case_store;
mod clearance_field;
mod clearance_grade;
mod clearance_shapes;
mod memory_fs;
mod numbering;
mod phantom_images;
mod phantom_shape;
mod plan_file;
mod plan_samples;
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
mod field_distance;
mod mesh_extract;
mod surface_edge;
mod surface_scan;
mod surface_phantom;
mod surface_real;
