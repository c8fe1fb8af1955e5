//! The built-in case: what the program opens when it is given nothing.

use super::{Curve, Deformity, Narrow, Phantom, Scan, Spec, Truth};
use crate::labels::{LabelMap, Level};
use crate::space::Side;
use crate::volume::Volume;

/// Spacing of the demo's voxels, mm.
const SPACING_MM: f64 = 1.0;

/// Counts the changes to the shapes themselves, so that a kept case is made anew after one.
const SHAPES: u32 = 5;

/// The built-in case's spine.
///
/// # Panics
/// Never: a test makes it.
fn phantom() -> Phantom {
    #[expect(clippy::expect_used, reason = "a constant spec, and a test makes it")]
    Phantom::new(&Spec::demo()).expect("the built-in spec can be made")
}

impl Spec {
    /// The built-in case: the lumbar spine of an adult with a slight curve, whose apex L2 is the
    /// hard level: its right pedicle, on the concave side, is under 5 mm wide and turned.
    pub fn demo() -> Self {
        let curve = Curve {
            upper: Level::T12,
            lower: Level::L4,
            cobb_deg: 12.0,
            convex: Side::Left,
            rotation_deg: 7.0,
        };
        let narrow = Narrow { level: Level::L2, side: Side::Right, share: 0.73 };
        Self {
            deformity: Deformity {
                curves: vec![curve],
                narrow: vec![narrow],
                ..Deformity::default()
            },
            scan: Scan { texture_hu: 35.0, ..Scan::default() },
            ..Self::default()
        }
    }
}

/// CT and labels of [`demo`] alone, in a fraction of its time.
pub fn demo_images() -> (Volume<i16>, LabelMap) {
    let phantom = phantom();
    phantom.images(&phantom.grid(SPACING_MM))
}

/// What [`demo`] is made from, as a text: another text, another case.
pub fn demo_spec() -> String {
    format!("shapes {SHAPES}, {SPACING_MM} mm {:?}", Spec::demo())
}

/// CT, labels and truth of the built-in case, L1 to S1; the same every time.
pub fn demo() -> (Volume<i16>, LabelMap, Truth) {
    let phantom = phantom();
    let grid = phantom.grid(SPACING_MM);
    // Not on a thread of its own that waits: the caller may be the core's only thread.
    let ((ct, labels), truth) = rayon::join(|| phantom.images(&grid), || phantom.truth());
    (ct, labels, truth)
}
