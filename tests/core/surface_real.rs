//! The declared surfaces of a real patient.

use crate::real_data::real;
use corridor::clearance::Field;
use corridor::mesh;
use corridor::surface::declare;
use corridor::work::Work;
use corridor::{ingest, labels::numbering};

#[test]
fn every_vertebra_of_a_real_ct_gets_a_closed_surface_on_its_edge() {
    let Some(folder) = real("verse014_lumbar_ct") else { return };
    let work = Work::silent();
    let entry = |part: &str| {
        std::fs::read_dir(&folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .find(|p| p.to_string_lossy().contains(part))
            .unwrap()
    };
    let ct = ingest::load(&entry("ct.nii"), &work).unwrap().ct;
    let raw = ingest::load_labels(&entry("seg"), &work).unwrap();
    println!("{:?}", raw.volume.grid());
}
