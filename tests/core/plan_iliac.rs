//! Screws from the sacrum into the ilium: planned from labels, graded by the bones themselves.

use crate::plan_auto::plan;
use corridor::case::spine::{self, Spine};
use corridor::case::suggest::Wish;
use corridor::labels::{Ilia, Level};
use corridor::phantom::{Phantom, Spec};
use corridor::plan::auto::Style;
use corridor::space::{Point, Side};
use corridor::volume::Grid;
use corridor::work::Work;

fn pelvis(spec: &Spec, spacing_mm: f64) -> (Phantom, Spine) {
    let phantom = Phantom::new(spec).unwrap();
    let middle = phantom.bone(Level::S1).unwrap().patient_from_vertebra().origin().vec();
    let low = middle + glam::DVec3::new(-112.0, -105.0, -120.0);
    let size = [224.0, 190.0, 180.0].map(|mm: f64| (mm / spacing_mm) as usize);
    let grid = Grid::along_axes(Point::from_vec(low), spacing_mm, size);
    let structures = phantom.structures(&grid);
    let labels = phantom.with_hips(phantom.labels(&grid), &structures);
    let spine = spine::of_images_with(None, labels, Ilia::OURS, &Work::silent()).unwrap();
    (phantom, spine)
}

#[test]
fn look() {
    let spec = Spec { levels: vec![Level::L5, Level::S1], seed: 3, ..Spec::default() };
    let t = std::time::Instant::now();
    let (_phantom, spine) = pelvis(&spec, 1.0);
    println!("made {:?} left out {:?}", t.elapsed(), spine.left_out);
    for bone in &spine.pelvis {
        println!("{} {:?}", bone.side, bone.corridor());
    }
    let t = std::time::Instant::now();
    let planned = plan(&spine, &Wish { style: Style::S2AlarIliac, ..Wish::default() });
    println!("planned {:?} {:?}", t.elapsed(), planned.refusals);
    for (screw, found) in &planned.screws {
        println!("{} {:?}\n{:?}", screw.title(), found.shape, found.assessment.clearance_mm);
        for t in &found.score.terms {
            println!("   {t:?}");
        }
        println!("{} chord {} isthmus {}", found.score.total, found.chord_mm, found.isthmus_mm);
    }
    let _ = Side::BOTH;
}
