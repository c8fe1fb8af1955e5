//! The ranges within which the numbers of a [`Spec`] make a spine and an image of it.
//!
//! In: a spec. Out: nothing, or the first number that is none or lies outside of its range. The
//! ranges are wider than people are: they refuse what makes no bone, not what is rare. What a
//! deformity asks of one level is checked by [`super::deformity`].

use super::{Scan, Spec, SpecError};

const HU: &str = " HU";
const MM: &str = " mm";
const DEG: &str = " degrees";

/// Refuses numbers out of which no spine or no image can be made.
pub(super) fn check(spec: &Spec) -> Result<(), SpecError> {
    within("--variation", spec.variation, [0.0, 3.0], "")?;
    within("--sacral-slope", spec.sacral_slope_deg, [-30.0, 90.0], DEG)?;
    within("--incidence", spec.pelvic_incidence_deg, [0.0, 120.0], DEG)?;
    within("--lordosis", spec.deformity.lumbar_lordosis_deg, [-90.0, 120.0], DEG)?;
    within("--kyphosis", spec.deformity.thoracic_kyphosis_deg, [-90.0, 150.0], DEG)?;
    for place in spec.sacral_plate.to_array() {
        within("sacral_plate", place, [-10_000.0, 10_000.0], MM)?;
    }
    within("--contrast", spec.contrast.map(|contrast| contrast.vessels_hu), [0.0, 3071.0], HU)?;
    let sac_hu = spec.contrast.and_then(|contrast| contrast.sac_hu);
    within("sac_hu", sac_hu, [-1024.0, 3071.0], HU)?;
    for screw in &spec.old_screws {
        let name = |what: &str| format!("{what} of --screw {}", screw.level);
        within(&name("the diameter"), screw.diameter_mm, [1.0, 20.0], MM)?;
        within(&name("the length"), screw.length_mm, [1.0, 120.0], MM)?;
    }
    check_scan(&spec.scan)
}

fn check_scan(scan: &Scan) -> Result<(), SpecError> {
    within("--cortex", scan.cortex_mm, [0.0, 10.0], MM)?;
    within("cortex_hu", scan.cortex_hu, [0.0, 3071.0], HU)?;
    // Marrow full of fat reads below water.
    within("--bone", scan.cancellous_hu, [-200.0, 2000.0], HU)?;
    // It goes both ways, so its sign says nothing.
    within("texture_hu", scan.texture_hu, [-1000.0, 1000.0], HU)?;
    within("--blur", scan.blur_sigma_mm, [0.0, 10.0], MM)?;
    within("--noise", scan.noise_hu, [0.0, 1000.0], HU)?;
    within("--slice", scan.slice_mm, [0.1, 10.0], MM)
}

/// Refuses a number, if there is one, that is not from `low` to `high`; NaN never is.
fn within(
    what: &str,
    value: impl Into<Option<f64>>,
    [low, high]: [f64; 2],
    unit: &'static str,
) -> Result<(), SpecError> {
    match value.into() {
        Some(value) if !(low..=high).contains(&value) => {
            Err(SpecError::Range { what: what.to_owned(), value, low, high, unit })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Level;
    use crate::phantom::{Contrast, Deformity, OldScrew};
    use crate::space::{Point, Side};

    #[test]
    fn what_people_and_scanners_are_like_is_let_through() {
        let deformity = Deformity {
            lumbar_lordosis_deg: Some(-20.0),
            thoracic_kyphosis_deg: Some(110.0),
            ..Deformity::default()
        };
        let scan = Scan {
            cortex_mm: 0.0,
            cancellous_hu: -30.0,
            texture_hu: -6.0,
            blur_sigma_mm: 0.0,
            noise_hu: 0.0,
            slice_mm: Some(5.0),
            ..Scan::default()
        };
        let screw =
            OldScrew { level: Level::L4, side: Side::Left, diameter_mm: 8.5, length_mm: 110.0 };
        let rare = Spec {
            variation: 3.0,
            sacral_slope_deg: -5.0,
            pelvic_incidence_deg: 95.0,
            deformity,
            contrast: Some(Contrast { vessels_hu: 400.0, sac_hu: Some(900.0) }),
            old_screws: vec![screw],
            scan,
            ..Spec::default()
        };
        for spec in [Spec::default(), Spec::demo(), rare] {
            assert_eq!(check(&spec), Ok(()));
        }
    }

    /// A number no spine can be made with, put into a spec.
    type Wrong = fn(&mut Spec);

    #[test]
    fn what_is_no_number_or_makes_no_bone_is_refused_by_its_name() {
        let screw =
            OldScrew { level: Level::L4, side: Side::Left, diameter_mm: 6.5, length_mm: 45.0 };
        let spec = Spec {
            contrast: Some(Contrast { vessels_hu: 300.0, sac_hu: None }),
            old_screws: vec![screw],
            ..Spec::default()
        };
        let all: [(&str, Wrong); 19] = [
            ("--variation", |spec| spec.variation = 40.0),
            ("--variation", |spec| spec.variation = -1.0),
            ("--sacral-slope", |spec| spec.sacral_slope_deg = f64::INFINITY),
            ("--incidence", |spec| spec.pelvic_incidence_deg = f64::NAN),
            ("--lordosis", |spec| spec.deformity.lumbar_lordosis_deg = Some(400.0)),
            ("--kyphosis", |spec| spec.deformity.thoracic_kyphosis_deg = Some(f64::NAN)),
            ("sacral_plate", |spec| spec.sacral_plate = Point::new(f64::NAN, 0.0, 0.0)),
            ("--contrast", |spec| {
                spec.contrast = Some(Contrast { vessels_hu: f64::NAN, sac_hu: None });
            }),
            ("sac_hu", |spec| {
                spec.contrast = Some(Contrast { vessels_hu: 300.0, sac_hu: Some(1e9) });
            }),
            ("the diameter of --screw L4", |spec| spec.old_screws[0].diameter_mm = 65.0),
            ("the length of --screw L4", |spec| spec.old_screws[0].length_mm = f64::NAN),
            ("--cortex", |spec| spec.scan.cortex_mm = -2.0),
            ("cortex_hu", |spec| spec.scan.cortex_hu = f64::NAN),
            ("--bone", |spec| spec.scan.cancellous_hu = f64::NAN),
            ("texture_hu", |spec| spec.scan.texture_hu = f64::NAN),
            ("--blur", |spec| spec.scan.blur_sigma_mm = -1.0),
            ("--noise", |spec| spec.scan.noise_hu = -20.0),
            ("--noise", |spec| spec.scan.noise_hu = f64::NAN),
            ("--slice", |spec| spec.scan.slice_mm = Some(0.0)),
        ];
        assert_eq!(check(&spec), Ok(()));
        for (name, spoil) in all {
            let mut wrong = spec.clone();
            spoil(&mut wrong);
            let told = check(&wrong).map_err(|e| e.to_string());
            let is_named = told.as_ref().is_err_and(|e| e.starts_with(&format!("{name} can not")));
            assert!(is_named, "{name}: {told:?}");
        }
    }
}
