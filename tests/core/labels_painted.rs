//! Labels made from a CT that is painted from the labels of a person whose CT is not here.

use crate::labels_auto::{L5, SACRUM, dice, names, segmented};
use crate::labels_auto_real::verse_from_total;
use crate::real_data::real;
use corridor::ingest;
use corridor::labels::stats;
use corridor::space::Point;
use corridor::volume::{Grid, Volume};
use corridor::work::Work;

const SOFT_HU: f64 = 45.0;
const MARROW_HU: f64 = 160.0;
const CORTEX_HU: f64 = 450.0;

/// A bone of two colours, cortex one voxel thick.
fn painted(labels: &Volume<u16>) -> Volume<i16> {
    let value = |at: [usize; 3]| labels.get(at).copied().unwrap_or(0);
    Volume::from_fn(labels.grid().clone(), |at| {
        let own = value(at);
        let is_same = |axis: usize, step: isize| {
            let mut other = at;
            other[axis] = at[axis].wrapping_add_signed(step);
            value(other) == own
        };
        let is_inside = (0..3).all(|axis| is_same(axis, 1) && is_same(axis, -1));
        let hu = match (own, is_inside) {
            (0, _) => SOFT_HU,
            (_, true) => MARROW_HU,
            (_, false) => CORTEX_HU,
        };
        hu as i16
    })
}

/// The disc over this person's sacrum is a wedge whose plates meet behind. It was passed over, L5 taken
/// for a part of the sacrum, and every name moved by one.
#[test]
fn a_sacrum_under_a_thin_disc_is_told_from_l5() {
    // From under the coccyx to T12, and so far around the spine.
    const HEIGHTS_MM: [f64; 2] = [50.0, 370.0];
    const AROUND_MM: f64 = 75.0;
    let Some(folder) = real("totalseg_s0327_labels_C7-S1") else { return };
    let labels = ingest::load_labels(&folder.join("s0327_spine_labels.nii.gz"), &Work::silent());
    let labels = labels.unwrap().volume.map(|value| verse_from_total(*value));
    let whole = painted(&labels);
    let end = labels.grid().centre([0; 3]).vec().z;
    let middle = stats::of(&labels)[&(L5 - 2)].centroid.vec();
    let low = (middle - glam::DVec3::splat(AROUND_MM)).with_z(end + HEIGHTS_MM[0]);
    let height_mm = HEIGHTS_MM[1] - HEIGHTS_MM[0];
    let size = [2.0 * AROUND_MM, 2.0 * AROUND_MM, height_mm].map(|mm| mm as usize);
    let grid = Grid::along_axes(Point::from_vec(low), 1.0, size);
    // Between voxels the colours run into each other, as they do in a scanner.
    let ct = Volume::from_fn(grid.clone(), |at| {
        whole.trilinear(grid.centre(at)).unwrap_or(SOFT_HU).round() as i16
    });
    let truth = Volume::from_fn(grid.clone(), |at| labels.nearest(grid.centre(at)).unwrap_or(0));
    let found = segmented(&ct);
    let dices = dice(&truth, &found.volume);
    assert!((L5 - 3..=L5).all(|value| dices[&value] >= 0.85), "{dices:.3?} {:?}", names(&found));
    assert!(dices[&SACRUM] >= 0.85, "{dices:.3?}");
}
