//! The built-in case: what the program opens when it is given nothing.

use super::{Phantom, Spec, Truth};
use crate::labels::LabelMap;
use crate::volume::Volume;

/// Spacing of the demo's voxels, mm.
const SPACING_MM: f64 = 1.0;

/// CT, labels and truth of the default spine, L1 to S1; the same on every machine.
pub fn demo() -> (Volume<i16>, LabelMap, Truth) {
    let phantom = Phantom::assemble(&Spec::default());
    let grid = phantom.grid(SPACING_MM);
    // The images are made on the core's pool, which leaves this thread free for the truth.
    std::thread::scope(|scope| {
        let images = scope.spawn(|| phantom.images(&grid));
        let truth = phantom.truth();
        let (ct, labels) = match images.join() {
            Ok(images) => images,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        (ct, labels, truth)
    })
}
