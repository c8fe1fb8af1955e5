//! The average person has the sizes that the literature gives, as solved on its bone.

use corridor::phantom::{Phantom, Spec};

/// Mean width, height, transverse angle (positive inwards) and sagittal angle (positive towards the
/// feet) of adult pedicles: `clinical-numbers` section 3. Millimetres and degrees.
const MEANS: [(&str, [f64; 4]); 17] = [
    ("T1", [7.9, 9.9, 27.0, 13.0]),
    ("T2", [7.0, 12.0, 19.0, 18.0]),
    ("T3", [5.6, 12.4, 13.0, 17.0]),
    ("T4", [4.7, 12.1, 11.0, 16.0]),
    ("T5", [4.5, 11.9, 9.0, 15.0]),
    ("T6", [5.2, 12.2, 8.0, 15.0]),
    ("T7", [5.3, 12.1, 8.0, 15.0]),
    ("T8", [5.9, 12.5, 8.0, 16.0]),
    ("T9", [6.1, 13.9, 8.0, 16.0]),
    ("T10", [6.3, 14.7, 5.0, 16.0]),
    ("T11", [7.8, 17.4, 1.0, 15.0]),
    ("T12", [7.1, 15.8, -4.0, 12.0]),
    ("L1", [7.6, 15.4, 11.0, 2.0]),
    ("L2", [8.0, 15.0, 12.0, 2.0]),
    ("L3", [9.7, 14.9, 14.0, 0.0]),
    ("L4", [11.8, 14.8, 18.0, 0.0]),
    ("L5", [16.3, 14.0, 30.0, -2.0]),
];
const MOST_OFF: [f64; 4] = [0.1, 0.1, 0.5, 0.5];

/// Mean length from the pedicle's entry to the front cortex, mm, where it fits these angles.
const CHORDS_MM: [(&str, f64); 5] =
    [("T2", 35.6), ("L1", 48.6), ("L2", 49.9), ("L3", 50.1), ("L4", 49.8)];

/// Those that a short run looks at.
const SHORT: [&str; 10] = ["T1", "T2", "T4", "T6", "T8", "T10", "T12", "L1", "L3", "L5"];

#[test]
fn the_average_person_has_the_sizes_of_the_literature() {
    let spec = Spec { levels: Spec::whole_column(), variation: 0.0, ..Spec::default() };
    let phantom = Phantom::new(&spec).unwrap();
    let is_long = std::env::var_os("CORRIDOR_FULL").is_some();
    for (name, wanted) in MEANS.into_iter().filter(|(name, _)| is_long || SHORT.contains(name)) {
        let level = name.parse().unwrap();
        for pedicle in phantom.truth_of(level).unwrap().pedicles {
            let angles = [pedicle.transverse_deg, -pedicle.sagittal_deg];
            let found = [pedicle.width_mm, pedicle.height_mm, angles[0], angles[1]];
            let is_mean = (0..4).all(|n| (found[n] - wanted[n]).abs() <= MOST_OFF[n]);
            assert!(is_mean, "{level} {}: {found:.2?} in place of {wanted:?}", pedicle.side);
            let chord = CHORDS_MM.iter().find(|chord| chord.0 == name).map(|chord| chord.1);
            let off = chord.map_or(0.0, |mm| pedicle.chord_mm / mm - 1.0);
            assert!(off.abs() <= 0.02, "{level}: a chord of {:.1} mm", pedicle.chord_mm);
        }
    }
}
