//! Left is left in every picture: a bead on the patient's left is found, in pixels, on the side of
//! the drawn L.

use crate::beads;
use corridor::app::gpu;
use corridor::case::spine::{self, Source, Spine};
use corridor::cli::View;
use corridor::implant::Catalogue;
use corridor::labels::numbering::Numbering;
use corridor::plan::Plan;
use corridor::program::picture::{self, Drawing};
use corridor::work::Work;
use image::RgbImage;
use std::path::Path;
use std::sync::Arc;

fn case(folder: &Path) -> Spine {
    let [ct, labels] = beads::write(folder).map(Some);
    let source = Source::Files { ct, labels, numbering: Some(Numbering::Verse) };
    spine::load(&source, &Work::silent()).unwrap()
}

/// On which side of the middle of the anatomy the bead is seen.
fn side_of_bead(picture: &RgbImage, view: View) -> Option<f64> {
    if !matches!(view, View::Axial | View::Coronal) {
        return beads::side_of_bead(picture);
    }
    let bead = &beads::patches(picture, 1, beads::is_white)[0];
    Some((bead.x - f64::from(picture.width()) / 2.0).signum())
}

#[test]
fn a_bead_on_the_left_is_on_the_side_of_the_drawn_l_in_every_view() {
    if gpu::adapters().is_empty() {
        println!("SKIPPED pictures: no Vulkan driver here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let spine = Arc::new(case(folder.path()));
    let views = [
        View::Posterior,
        View::Anterior,
        View::Superior,
        View::Inferior,
        View::Axial,
        View::Coronal,
    ];
    let file = |view: View| folder.path().join(format!("{view:?}.png"));
    let drawings = views.map(|view| Drawing { view, size: (640, 480), file: file(view) });
    let catalogue = Arc::new(Catalogue::builtin().unwrap());
    picture::draw(&spine, &Arc::new(Plan::default()), &catalogue, &drawings).unwrap();
    for view in views {
        let picture = image::open(file(view)).unwrap().to_rgb8();
        let left = beads::side_of_l(&picture);
        assert!(left.is_some(), "{view:?}: no letters on both sides");
        assert_eq!(side_of_bead(&picture, view), left, "{view:?}");
        // And L is where a person expects it: left from behind and from above the back of a
        // standing patient, right from the front and in slices seen from the feet.
        let expected = if matches!(view, View::Posterior) { -1.0 } else { 1.0 };
        if !matches!(view, View::Superior | View::Inferior) {
            assert_eq!(left, Some(expected), "{view:?}");
        }
    }
}
