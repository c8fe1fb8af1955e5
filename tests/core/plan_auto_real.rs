//! Screws that plan themselves, on real cases: never through the medial wall, and all but nowhere
//! out of bone.

use crate::plan_auto::{alone, heads_of, misfit_mm, plan};
use crate::real_data::{real, s0328, verse014};
use corridor::case::spine::{self, Source};
use corridor::case::suggest::{Planned, Wish};
use corridor::clearance::Grade;
use corridor::plan::auto::Refusal;
use corridor::space::Side;
use corridor::work::Work;
use std::path::PathBuf;

/// Plans a case; `least` screws at least must come out of it.
fn check(ct: Option<PathBuf>, labels: Option<PathBuf>, least: usize) -> Planned {
    let source = Source::Files { ct, labels, numbering: None };
    let planned = plan(&spine::load(&source, &Work::silent()).unwrap(), &Wish::default());
    for (screw, found) in &planned.screws {
        let (name, judged) = (format!("{} {}", screw.level, screw.side), &found.assessment);
        assert!(judged.grade <= Grade::B, "{name}: {judged:?}");
        assert_eq!(judged.medial_breach_mm, 0.0, "{name}: {judged:?}");
        assert!(
            found.score.term("canal").unwrap().measure >= Some(0.2),
            "{name}: {:?}",
            found.score
        );
        assert!(screw.diameter_mm <= 0.8 * found.isthmus_mm || found.is_narrow, "{name}");
    }
    let letters = planned.screws.iter().filter(|(_, s)| s.assessment.grade == Grade::A).count();
    assert!(letters * 20 >= planned.screws.len() * 19, "{letters} of {}", planned.screws.len());
    // Whatever anatomy finds is planned.
    let is_missing = |r: &Refusal| matches!(r, Refusal::NoPedicle { .. } | Refusal::CutOff { .. });
    assert!(planned.refusals.iter().all(is_missing), "{:?}", planned.refusals);
    assert!(planned.screws.len() >= least, "{:?}", planned.refusals);
    planned
}

#[test]
fn verse014_is_planned() {
    let Some(folder) = real("verse014_lumbar_ct") else { return };
    check(
        Some(folder.join("sub-verse014_ct.nii.gz")),
        Some(folder.join("sub-verse014_seg-vert_msk.nii.gz")),
        9,
    );
}

#[test]
fn s0328_is_planned_but_for_what_the_image_cuts() {
    let Some(folder) = real("totalseg_s0328_bone") else { return };
    let ct = folder.join("ct328_bone.nrrd");
    let planned = check(Some(ct), Some(folder.join("s0328_spine_labels.nii.gz")), 15);
    assert!(planned.refusals.iter().any(|r| r.to_string().starts_with("T9: ")));
}

#[test]
fn labels_alone_are_planned_without_hu() {
    if let Some(folder) = real("totalseg_s0327_labels_C7-S1") {
        // T2 to S1: the image cuts T1.
        let planned = check(None, Some(folder.join("s0327_spine_labels.nii.gz")), 34);
        assert!(
            planned.refusals.iter().all(|r| r.to_string().contains("T1")),
            "{:?}",
            planned.refusals
        );
        let density = planned.screws[0].1.score.term("density").unwrap();
        assert!(density.measure.is_none() && density.weight == 0.0);
    }
    if let Some(folder) = real("verse_masks") {
        let labels = folder.join("verse004/sub-verse004_seg-vert_msk.nii.gz");
        check(None, Some(labels), 18);
    }
}

#[test]
fn the_heads_of_real_cases_line_up() {
    let cases = [("verse014", verse014()), ("s0328", s0328())];
    let is_whole = cases.iter().all(|(_, case)| case.is_some());
    // Of every side, each alone and together, mm.
    let mut misfits = [Vec::new(), Vec::new()];
    for (name, spine) in cases.into_iter().filter_map(|(name, case)| Some((name, case?))) {
        let [before, reached] = [alone(), Wish::default()].map(|wish| plan(spine, &wish));
        for side in Side::BOTH {
            let rod = |planned: &Planned| {
                let (_, rod) = heads_of(planned, side);
                (rod.rms_misfit_mm(), rod.misfit_mm)
            };
            if std::env::var_os("CORRIDOR_FULL").is_some() {
                for planned in [&before, &reached] {
                    println!("{:?}", heads_of(planned, side).0);
                }
            }
            let both = [rod(&before), rod(&reached)];
            println!("{name} {side}: {:.2?} alone, {:.2?} together", both[0], both[1]);
            misfits.iter_mut().zip(both).for_each(|(of, (rms_mm, _))| of.push(rms_mm));
        }
        assert!(misfit_mm(&reached) <= misfit_mm(&before) + 1e-9, "{name}");
        for ((screw, kept), (_, own)) in reached.screws.iter().zip(&before.screws) {
            let title = screw.title();
            assert!(kept.score.total >= 0.9 * own.score.total - 1e-9, "{name} {title}");
            assert!(kept.shape.diameter_mm >= own.shape.diameter_mm, "{name} {title}");
            assert!(kept.assessment.grade <= own.assessment.grade, "{name} {title}");
        }
    }
    // By half in the median, as over seeds: some bone holds its head where it is.
    let [alone, together] = misfits.map(median);
    println!("median misfit of a side: {alone:.2} mm each alone, {together:.2} mm together");
    assert!(!is_whole || together <= 0.5 * alone, "{alone} mm each alone, {together} mm together");
}

/// The middle of some numbers, of two middles the mean; 0 of none.
fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    let middle = |n: usize| of.get(n).copied().unwrap_or(0.0);
    0.5 * (middle(of.len() / 2) + middle(of.len().saturating_sub(1) / 2))
}
