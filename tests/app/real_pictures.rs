//! Each real case, planned by itself, in a picture: its screws stand on both sides of the column, and left
//! is left. The pictures stay in the build's folder for tests, to be looked at.

use crate::beads;
use crate::real_data::{real, s0327, s0328, verse014};
use corridor::app::gpu;
use corridor::case::spine::{self, Source, Spine};
use corridor::case::suggest::{self, Wish};
use corridor::cli::View;
use corridor::implant::Catalogue;
use corridor::plan::Plan;
use corridor::plan::auto::Rules;
use corridor::program::picture::{self, Drawing};
use corridor::space::Side;
use corridor::work::Work;
use image::{Rgb, RgbImage};
use jiff::Timestamp;
use std::path::Path;
use std::sync::Arc;

/// Metal is bluish, bone and letters are not, and the ground is darker.
fn is_metal(&Rgb([r, g, b]): &Rgb<u8>) -> bool {
    u32::from(b) > u32::from(r) + 8 && g > 75
}

fn planned(spine: &Spine) -> Plan {
    let (rules, catalogue) = (Rules::builtin().unwrap(), Catalogue::builtin().unwrap());
    let (wish, epoch) = (Wish::default(), Timestamp::UNIX_EPOCH);
    let planned = suggest::plan(spine, &wish, &rules, &catalogue, epoch, &Work::silent()).unwrap();
    let screws = planned.screws.into_iter().map(|(screw, _)| screw).collect();
    Plan { screws, ..Plan::default() }
}

/// Draws a case from behind.
fn drawn(name: &str, spine: &Spine, plan: &Plan) -> RgbImage {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("{name}.png"));
    let drawings = [Drawing { view: View::Posterior, size: (640, 480), file: file.clone() }];
    let catalogue = Arc::new(Catalogue::builtin().unwrap());
    picture::draw(&Arc::new(spine.clone()), &Arc::new(plan.clone()), &catalogue, &drawings)
        .unwrap();
    image::open(file).unwrap().to_rgb8()
}

fn check(name: &str, spine: &Spine) {
    let plan = planned(spine);
    let picture = drawn(name, spine, &plan);
    assert_eq!(beads::side_of_l(&picture), Some(-1.0), "{name}: left is left from behind");
    let bone = picture.pixels().filter(|p| beads::is_bone(p)).count();
    assert!(bone > 5000, "{name}: {bone} pixels of bone");
    for side in Side::BOTH {
        let is_there = |x: u32| (x < picture.width() / 2) == (side == Side::Left);
        let metal = picture.enumerate_pixels().filter(|(x, _, p)| is_there(*x) && is_metal(p));
        let (metal, screws) =
            (metal.count(), plan.screws.iter().filter(|s| s.side == side).count());
        assert!(screws >= 4, "{name}: {screws} screws {side}");
        assert!(metal >= 20 * screws, "{name}: {metal} pixels of metal {side}, {screws} screws");
    }
}

fn verse004() -> Option<Spine> {
    let labels = Some(real("verse_masks")?.join("verse004/sub-verse004_seg-vert_msk.nii.gz"));
    let source = Source::Files { ct: None, labels, numbering: None };
    Some(spine::load(&source, &Work::silent()).unwrap())
}

/// By default the smallest case alone: the others take a minute.
#[test]
fn each_real_case_is_seen_with_its_screws_on_both_sides() {
    if gpu::adapters().is_empty() {
        println!("SKIPPED pictures: no Vulkan driver here");
        return;
    }
    if let Some(spine) = verse014() {
        check("verse014", spine);
    }
    if std::env::var_os("CORRIDOR_FULL").is_none() {
        return;
    }
    for (name, spine) in [("s0328", s0328()), ("s0327", s0327())] {
        if let Some(spine) = spine {
            check(name, spine);
        }
    }
    if let Some(spine) = verse004() {
        check("verse004", &spine);
    }
}
