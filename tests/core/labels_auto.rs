//! Labels made from a CT alone, on phantoms, whose truth is known.

use clap::Parser;
use corridor::case::spine::{self, NOT_REVIEWED, Source};
use corridor::cli::output::OutputError;
use corridor::cli::segment::{self, SegmentFault};
use corridor::cli::{Command, Request};
use corridor::ingest::nifti;
use corridor::labels::auto::{self, Automatic, LOW_CONFIDENCE, SegmentError};
use corridor::labels::{Level, stats};
use corridor::phantom::{Contrast, Curve, Deformity, OldScrew, Phantom, Recorded, Spec, Structure};
use corridor::plan::{Plan, RenamedLevel};
use corridor::space::{Affine, Point, Side};
use corridor::volume::{Grid, Volume};
use corridor::work::{CancelToken, Work};
use ndarray::s;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

/// Levels in the numbering that the label map of a phantom has.
pub const L2: u16 = 21;
pub const L5: u16 = 24;
pub const SACRUM: u16 = 26;

/// Dice of every value of `truth` that is in it.
pub fn dice(truth: &Volume<u16>, found: &Volume<u16>) -> BTreeMap<u16, f64> {
    let mut counts = BTreeMap::<u16, [u64; 3]>::new();
    for (a, b) in truth.data().iter().zip(found.data()) {
        if *a != 0 {
            counts.entry(*a).or_default()[0] += 1;
        }
        if *b != 0 {
            counts.entry(*b).or_default()[1] += 1;
        }
        if a == b && *a != 0 {
            counts.entry(*a).or_default()[2] += 1;
        }
    }
    let of = |[a, b, both]: [u64; 3]| 2.0 * both as f64 / (a + b) as f64;
    counts.into_iter().filter(|(_, c)| c[0] > 0).map(|(value, c)| (value, of(c))).collect()
}

/// The best Dice of every value of `truth` with any value found, whatever its name.
fn best_dice(truth: &Volume<u16>, found: &Volume<u16>) -> Vec<f64> {
    let values = |volume: &Volume<u16>| stats::of(volume).into_keys().collect::<Vec<u16>>();
    let of = |value: u16, other: u16| {
        let moved = found.map(|v| if *v == other { value } else { 0 });
        dice(truth, &moved).get(&value).copied().unwrap_or(0.0)
    };
    let others = values(found);
    let best = |value: u16| others.iter().map(|o| of(value, *o)).fold(0.0, f64::max);
    values(truth).into_iter().map(best).collect()
}

fn t(number: u8) -> Level {
    Level::new('T', number).expect("a thoracic level")
}

pub fn segmented(ct: &Volume<i16>) -> Automatic {
    auto::segment(ct, &Work::silent()).expect("a spine is in it")
}

/// A phantom's CT, its truth, and what was found in it.
struct Seen {
    made: Recorded,
    found: Automatic,
}

/// A lumbar spine curved like the built-in one, on voxels of 1.5 mm. Of this person too many discs
/// were found once, without a warning.
fn curved() -> &'static Seen {
    static CASE: OnceLock<Seen> = OnceLock::new();
    CASE.get_or_init(|| {
        let phantom = Phantom::new(&Spec { seed: 7, ..Spec::demo() }).unwrap();
        let made = phantom.record(&phantom.grid(1.5), &Work::silent()).unwrap();
        let found = segmented(&made.ct);
        Seen { made, found }
    })
}

/// A border that the program is sure of is right: nothing under a Dice of 0.90 at over 0.7.
pub fn assert_borders_are_honest(dices: &BTreeMap<u16, f64>, found: &Automatic) {
    for level in &found.levels {
        let is_good = dices.get(&level.value).is_none_or(|dice| *dice >= 0.90);
        assert!(is_good || level.border_confidence <= 0.7, "{level:?} {dices:?}");
    }
}

pub fn names(found: &Automatic) -> Vec<String> {
    found.levels.iter().map(|l| l.level.to_string()).collect()
}

#[test]
fn a_curved_spine_is_found_and_named() {
    let Seen { made, found } = curved();
    let dices = dice(&made.labels.volume, &found.volume);
    assert_eq!(names(found), ["L1", "L2", "L3", "L4", "L5", "S1"], "{dices:?} {:?}", found.levels);
    assert_borders_are_honest(&dices, found);
    for (value, dice) in dices {
        let least = if value == SACRUM { 0.94 } else { 0.95 };
        assert!(dice >= least, "value {value}: Dice {dice:.3}");
    }
    // Five lumbar vertebrae can not be told from six without ribs: said, and less than sure.
    assert!(found.levels.iter().all(|l| l.confidence < 0.45), "{:?}", found.levels);
    assert!(found.levels.iter().all(|l| l.border_confidence > 0.7), "{:?}", found.levels);
    assert!(found.warnings.iter().any(|w| w.contains("five or six")), "{:?}", found.warnings);
    // A doubt of a name is among the warnings, and marked as one.
    let is_doubt = |w: &String| w.contains("five or six") || w.starts_with("the names of");
    let doubts: Vec<String> = found.warnings.iter().filter(|w| is_doubt(w)).cloned().collect();
    assert_eq!((doubts.len(), &doubts), (2, &found.name_doubts));
}

/// The doubt says "with six, L5 is L6": to a person who did so it would say to do it once more.
#[test]
fn a_person_who_renames_has_answered_the_doubts_of_the_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ct.nii.gz");
    nifti::write_ct(&file, &curved().made.ct).unwrap();
    let source = Source::Files { ct: Some(file), labels: None, numbering: None };
    let spine = spine::load(&source, &Work::silent()).unwrap();
    let column: Vec<Level> = levels(Level::L1, Level::S1, &[l6()]);
    let below = |level: Level| column[column.iter().position(|l| *l == level).unwrap() + 1];
    let lumbar = spine.vertebrae.iter().filter(|v| v.level != Level::S1);
    let renamed = lumbar.map(|v| (v.id, RenamedLevel { from: v.level, to: below(v.level) }));
    let plan = Plan { renamed: renamed.collect(), ..Plan::default() };
    assert_eq!(plan.renamed.len(), 5, "{:?}", spine.warnings);
    let doubts = |plan: &Plan| {
        let told = spine.notices_beside(plan);
        told.filter(|n| n.contains("five or six") || n.contains("the names of")).count()
    };
    assert_eq!([doubts(&Plan::default()), doubts(&plan)], [2, 0]);
    assert!(spine.notices_beside(&plan).any(|n| n == NOT_REVIEWED), "a name is not a border");
}

/// Marrow as dark as muscle behind a shell thinner than a voxel: what bone closes in is bone, what is
/// before a body where the image ends is not, and foramina stay open.
#[test]
fn an_old_spine_is_filled_as_far_as_its_shell() {
    let mut spec = Spec { seed: 12, ..Spec::default() };
    (spec.scan.cancellous_hu, spec.scan.cortex_mm, spec.scan.noise_hu) = (60.0, 0.8, 20.0);
    let phantom = Phantom::new(&spec).unwrap();
    let (ct, labels) = phantom.images(&phantom.grid(1.25));
    let found = segmented(&ct);
    let dices = dice(&labels.volume, &found.volume);
    assert_borders_are_honest(&dices, &found);
    assert!(dices.len() == 6 && dices.values().all(|dice| *dice >= 0.95), "{dices:?}");
}

/// Whatever was done to the image: a level is found right, or it is not sure and there is a warning.
fn assert_right_or_flagged(truth: &Volume<u16>, ct: &Volume<i16>) {
    let found = segmented(ct);
    let dices = dice(truth, &found.volume);
    for level in &found.levels {
        let is_right = dices.get(&level.value).is_some_and(|dice| *dice > 0.8);
        let is_flagged =
            level.confidence < LOW_CONFIDENCE && found.warnings[0].contains("not sure");
        assert!(is_right || is_flagged, "{level:?} {dices:?} {:?}", found.warnings);
    }
    let whole = dices.values().filter(|dice| **dice > 0.8).count();
    assert!(whole == dices.len() || found.warnings[0].contains("not sure"), "{dices:?}");
}

/// Heights of a level's middle and of the next one's below, LPS z, mm.
fn heights(made: &Recorded, level: u16) -> [f64; 2] {
    let found = stats::of(&made.labels.volume);
    [level, level + 1].map(|value| found[&value].centroid.vec().z)
}

/// The CT with other values where `change` gives one, by structure, vertebra and place.
fn changed(made: &Recorded, change: impl Fn(u16, u16, glam::DVec3) -> Option<i16>) -> Volume<i16> {
    let map = made.ct.grid().patient_from_voxel().map();
    let mut ct = made.ct.clone();
    for ((k, j, i), hu) in ct.data_mut().indexed_iter_mut() {
        let p = map.transform_point3(glam::DVec3::new(i as f64, j as f64, k as f64));
        let at = [made.structures.data()[[k, j, i]], made.labels.volume.data()[[k, j, i]]];
        *hu = change(at[0], at[1], p).unwrap_or(*hu);
    }
    ct
}

#[test]
fn fused_vertebrae_are_right_or_flagged() {
    let made = &curved().made;
    let [upper, lower] = heights(made, L2);
    let disc = Structure::Disc.value();
    let fused = |structure, _, p: glam::DVec3| {
        (structure == disc && (lower..upper).contains(&p.z)).then_some(250)
    };
    assert_right_or_flagged(&made.labels.volume, &changed(made, fused));
}

/// A sheet as dark as a disc between two as bright as end plates, through the middle of each body.
#[test]
fn vertebrae_with_a_false_disc_in_each_body_are_right_or_flagged() {
    let made = &curved().made;
    let found = stats::of(&made.labels.volume);
    let sheet = |_, value: u16, p: glam::DVec3| {
        let middle = found.get(&value).filter(|_| value <= L5)?.centroid.vec();
        let above = p.z - middle.z;
        let is_body = p.y < middle.y - 4.0;
        (is_body && above.abs() < 5.5).then_some(if above.abs() < 3.0 { 60 } else { 600 })
    };
    assert_right_or_flagged(&made.labels.volume, &changed(made, sheet));
}

/// Half of the uppermost vertebra is gone, but not at the end of the image.
#[test]
fn only_what_the_end_of_the_image_cuts_is_called_cut_off() {
    let made = &curved().made;
    let middle = heights(made, L2 - 1)[0];
    let gone =
        |_, value: u16, p: glam::DVec3| (value == L2 - 1 && p.z > middle - 4.0).then_some(50);
    let found = segmented(&changed(made, gone));
    let says = |text: &str| found.warnings.iter().any(|w| w.contains(text));
    assert!(says("too small beside the next level"), "{:?}", found.warnings);
    assert!(!says("the image cuts"), "{:?}", found.warnings);
    let first = &found.levels[0];
    assert!(!first.is_cut_off && first.confidence < LOW_CONFIDENCE, "{first:?}");
}

/// The slices from the middle of L1 to the middle of L4.
fn crop(made: &Recorded) -> Volume<i16> {
    let [top, bottom] = [heights(made, L2 - 1)[0], heights(made, L5 - 1)[0]];
    let grid = made.ct.grid();
    let z = |k: usize| grid.centre([0, 0, k]).vec().z;
    let rows: Vec<usize> = (0..grid.size()[2]).filter(|k| (bottom..top).contains(&z(*k))).collect();
    let [ni, nj, _] = grid.size();
    let part = Grid::along_axes(grid.centre([0, 0, rows[0]]), 1.5, [ni, nj, rows.len()]);
    Volume::from_fn(part, |[i, j, k]| made.ct.data()[[k + rows[0], j, i]])
}

#[test]
fn a_crop_without_sacrum_and_ribs_is_not_sure_of_any_name_on_any_number_of_threads() {
    let part = crop(&curved().made);
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| segmented(&part))
    };
    let (found, again) = (on(1), on(3));
    assert!(!found.levels.is_empty());
    assert!(found.levels.iter().all(|l| l.confidence <= 0.1), "{:?}", found.levels);
    assert!(found.warnings[0].contains("not sure"), "{:?}", found.warnings);
    assert!(again.volume.data() == found.volume.data());
    assert_eq!((again.levels, again.warnings), (found.levels, found.warnings));
}

/// A phantom's CT and labels on cubic voxels, and what was found in it.
fn seen(spec: &Spec, voxel_mm: f64) -> (Volume<u16>, Automatic) {
    let phantom = Phantom::new(spec).unwrap();
    let (ct, labels) = phantom.images(&phantom.grid(voxel_mm));
    (labels.volume, segmented(&ct))
}

/// The levels from one to another without T13 and L6, and the rare ones wanted.
fn levels(first: Level, last: Level, rare: &[Level]) -> Vec<Level> {
    let is_in = |l: &Level| (first..=last).contains(l) && (!l.is_rare() || rare.contains(l));
    Level::all().filter(is_in).collect()
}

fn l6() -> Level {
    Level::new('L', 6).expect("a sixth lumbar vertebra")
}

/// No bone has another one's name, unless it is not sure or the doubt is said in words.
fn assert_named_or_doubted(truth: &Volume<u16>, found: &Automatic, doubt: &str) {
    let mut counts = BTreeMap::<[u16; 2], u64>::new();
    for (a, b) in truth.data().iter().zip(found.volume.data()) {
        *counts.entry([*a, *b]).or_default() += 1;
    }
    let is_doubted = found.warnings.iter().any(|w| w.contains(doubt));
    for level in &found.levels {
        let own = counts.iter().filter(|([a, b], _)| *b == level.value && *a != 0);
        let most = own.max_by_key(|(_, count)| **count).map(|([a, _], _)| *a);
        let is_right = most == Some(level.value);
        assert!(is_right || level.confidence < LOW_CONFIDENCE || is_doubted, "{level:?} {most:?}");
    }
}

/// Leaned forwards so far T11 and T12 were taken for one vertebra, once without a warning.
#[test]
fn a_patient_who_lies_pitched_by_40_degrees_is_right_or_flagged() {
    let phantom =
        Phantom::new(&Spec { levels: levels(t(11), Level::S1, &[]), ..Spec::default() }).unwrap();
    let (ct, labels) = phantom.images(&phantom.grid(1.5));
    for pitch_deg in [-40.0_f64, 40.0] {
        let turn = glam::DAffine3::from_rotation_x(pitch_deg.to_radians());
        let map = Affine::new(turn * ct.grid().patient_from_voxel().map());
        let grid = Grid::new(ct.grid().size(), map).unwrap();
        let turned = Volume::from_fn(grid, |[i, j, k]| ct.data()[[k, j, i]]);
        assert_right_or_flagged(&labels.volume, &turned);
    }
}

/// Of this person's first disc, as thin as it is, a sheet shows two fifths of what the others do: T1
/// and T2 were taken for one vertebra.
#[test]
fn a_thin_first_disc_parts_two_vertebrae() {
    const HEIGHT_MM: usize = 190;
    let whole = Phantom::new(&Spec { levels: Spec::whole_column(), seed: 84, ..Spec::default() });
    let whole = whole.unwrap();
    let [ni, nj, nk] = whole.grid(1.0).size();
    let low = whole.grid(1.0).centre([0, 0, nk - HEIGHT_MM]);
    let (ct, labels) = whole.images(&Grid::along_axes(low, 1.0, [ni, nj, HEIGHT_MM]));
    let found = segmented(&ct);
    let dices = best_dice(&labels.volume, &found.volume);
    assert!(dices[..5].iter().all(|dice| *dice > 0.95), "{dices:.2?} {:?}", found.warnings);
}

/// The groove between the waist of a body and the root of its transverse process, which is deep at
/// L5, was filled as if it were a gap in the cortex: three screws were thought inside there.
#[test]
fn no_groove_beside_a_body_is_filled() {
    let spec = Spec { levels: vec![Level::L4, Level::L5, Level::S1], seed: 60, ..Spec::default() };
    let (truth, found) = seen(&spec, 1.0);
    let (nk, nj, ni) = truth.data().dim();
    for level in &found.levels[..2] {
        let near = |at: usize, size: usize| at.saturating_sub(1)..(at + 2).min(size);
        let is_far = |((k, j, i), value): &((usize, usize, usize), &u16)| {
            let around = s![near(*k, nk), near(*j, nj), near(*i, ni)];
            **value == level.value && truth.data().slice(around).iter().all(|own| own != *value)
        };
        let far = found.volume.data().indexed_iter().filter(is_far).count();
        assert_eq!(far, 0, "voxels of {} more than one beside it", level.level);
    }
}

#[test]
fn thirteen_thoracic_vertebrae_are_counted_by_their_ribs() {
    let all = levels(t(1), Level::S1, &[t(13)]);
    let (truth, found) = seen(&Spec { levels: all.clone(), ..Spec::default() }, 1.5);
    assert_named_or_doubted(&truth, &found, "13 vertebrae with ribs");
    let wanted: Vec<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(names(&found), wanted, "{:?}", found.warnings);
    assert!(found.levels.iter().all(|l| l.name_confidence < LOW_CONFIDENCE), "{:?}", found.levels);
}

/// Where the first ribs are not in the scan, the last ones may be the thirteenth: said.
#[test]
fn a_thirteenth_thoracic_vertebra_that_can_not_be_counted_is_not_named_in_silence() {
    let part = levels(t(11), Level::S1, &[t(13)]);
    let (truth, found) = seen(&Spec { levels: part, ..Spec::default() }, 1.5);
    assert_named_or_doubted(&truth, &found, "T12 is T13");
}

#[test]
fn six_lumbar_vertebrae_below_ribs_get_their_names() {
    let all = levels(t(11), Level::S1, &[l6()]);
    let (truth, found) = seen(&Spec { levels: all.clone(), seed: 5, ..Spec::default() }, 1.5);
    assert_named_or_doubted(&truth, &found, "six lumbar");
    let wanted: Vec<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(names(&found), wanted, "{:?}", found.warnings);
    assert!(found.warnings.iter().any(|w| w.contains("six lumbar")), "{:?}", found.warnings);
}

/// From T3 to the sacrum, curved and turned in the chest.
fn thoracic_curve(cobb_deg: f64) -> Spec {
    let curve = Curve {
        upper: t(5),
        lower: t(12),
        cobb_deg,
        convex: Side::Right,
        rotation_deg: 0.4 * cobb_deg,
    };
    Spec {
        levels: levels(t(3), Level::S1, &[]),
        deformity: Deformity { curves: vec![curve], ..Deformity::default() },
        seed: 11,
        ..Spec::default()
    }
}

#[test]
fn a_thoracic_curve_of_60_degrees_is_found_and_named() {
    let spec = thoracic_curve(60.0);
    let (truth, found) = seen(&spec, 1.5);
    let wanted: Vec<String> = spec.levels.iter().map(ToString::to_string).collect();
    let dices = dice(&truth, &found.volume);
    assert_eq!(names(&found), wanted, "{dices:?} {:?}", found.warnings);
    assert_borders_are_honest(&dices, &found);
    for (value, dice) in dices {
        // At 1 mm, in the long table, 0.95 and more: a border costs more in voxels of 1.5 mm.
        assert!(dice >= 0.94, "value {value}: Dice {dice:.3}");
    }
}

/// Aorta and vena cava are brighter than the marrow behind them, and no part of any vertebra.
#[test]
fn vessels_full_of_contrast_before_an_old_spine_are_cut_off() {
    for seed in [12, 15] {
        let mut spec = Spec { levels: levels(t(11), Level::L3, &[]), seed, ..Spec::default() };
        (spec.scan.cancellous_hu, spec.scan.cortex_mm, spec.scan.noise_hu) = (80.0, 0.9, 25.0);
        spec.contrast = Some(Contrast { vessels_hu: 350.0, sac_hu: None });
        let (truth, found) = seen(&spec, 1.0);
        let best = best_dice(&truth, &found.volume);
        assert!(best.len() == 5 && best.iter().all(|dice| *dice >= 0.95), "{seed}: {best:.3?}");
        let is_cut = found.warnings.iter().any(|w| w.contains("the image cuts"));
        assert!(!is_cut, "{:?}", found.warnings);
    }
}

/// In a myelogram the sac is as bright as marrow, and the canal is where it was.
#[test]
fn a_sac_full_of_contrast_is_no_bone() {
    for sac_hu in [180.0, 600.0] {
        let mut spec =
            Spec { levels: levels(Level::L2, Level::S1, &[]), seed: 3, ..Spec::default() };
        spec.contrast = Some(Contrast { vessels_hu: 60.0, sac_hu: Some(sac_hu) });
        let (truth, found) = seen(&spec, 1.0);
        let dices = dice(&truth, &found.volume);
        assert!(
            dices.len() == 5 && dices.values().all(|dice| *dice >= 0.95),
            "{sac_hu}: {dices:.3?}"
        );
    }
}

#[test]
fn borders_beside_metal_are_not_sure() {
    let screw = |side| OldScrew { level: Level::L4, side, diameter_mm: 6.5, length_mm: 45.0 };
    let old_screws = Side::BOTH.map(screw).to_vec();
    let phantom = Phantom::new(&Spec { old_screws, ..Spec::default() }).unwrap();
    let made = phantom.record(&phantom.grid(1.5), &Work::silent()).unwrap();
    let found = segmented(&made.ct);
    let l4 = found.levels.iter().find(|l| l.level == Level::L4).unwrap();
    assert!(l4.border_confidence <= 0.78, "{l4:?}");
    assert!(found.warnings.iter().any(|w| w.starts_with("L4 holds metal")), "{:?}", found.warnings);
    let is_of_names = found.name_doubts.iter().any(|w| w.contains("metal") || w.contains("border"));
    assert!(!is_of_names, "{:?}", found.name_doubts);
    let far = found.levels.iter().find(|l| l.level == Level::L1).unwrap();
    assert!(far.border_confidence > 0.78, "no metal is near: {far:?}");
    assert_borders_are_honest(&dice(&made.labels.volume, &found.volume), &found);
}

/// Straight to 60 degrees, osteoporotic, with six lumbar vertebrae, at 1 mm; takes minutes.
#[test]
fn the_long_table_of_phantoms() {
    if std::env::var_os("CORRIDOR_FULL").is_none() {
        return;
    }
    let curve = |cobb_deg: f64| Curve {
        upper: t(11),
        lower: Level::L4,
        cobb_deg,
        convex: Side::Left,
        rotation_deg: cobb_deg / 2.5,
    };
    let bent = |cobb: f64| Spec {
        levels: levels(Level::T12, Level::S1, &[]),
        deformity: Deformity { curves: vec![curve(cobb)], ..Deformity::default() },
        ..Spec::default()
    };
    let mut old = bent(60.0);
    (old.scan.cancellous_hu, old.scan.cortex_mm, old.scan.noise_hu) = (70.0, 0.8, 25.0);
    let mut ribbed = bent(60.0);
    ribbed.levels = levels(t(5), Level::L2, &[]);
    ribbed.deformity = Deformity::default();
    let six = Spec { levels: levels(t(11), Level::S1, &[l6()]), ..Spec::default() };
    let cases = [
        (Spec::default(), [0.97, 0.97]),
        (six, [0.97, 0.97]),
        (Spec::demo(), [0.98, 0.97]),
        (bent(30.0), [0.98, 0.97]),
        (bent(60.0), [0.98, 0.97]),
        (thoracic_curve(60.0), [0.95, 0.95]),
        (ribbed, [0.98, 0.98]),
        (old, [0.95, 0.95]),
    ];
    for (n, (spec, [least, sacrum])) in cases.into_iter().enumerate() {
        let phantom = Phantom::new(&spec).unwrap();
        let (ct, labels) = phantom.images(&phantom.grid(1.0));
        let found = segmented(&ct);
        let dices = dice(&labels.volume, &found.volume);
        println!("{n}: {dices:.3?} {:?}", found.levels);
        let has_sacrum = spec.levels.contains(&Level::S1);
        if !has_sacrum {
            // The image ends beside the spine, so that no rib is seen to end: nothing to count from.
            assert!(found.levels.iter().all(|l| l.confidence <= 0.1), "{n}");
            let best = best_dice(&labels.volume, &found.volume);
            assert!(best.iter().all(|dice| *dice >= least), "{n}: {best:?}");
            continue;
        }
        let wanted: Vec<String> = spec.levels.iter().map(ToString::to_string).collect();
        assert_eq!(names(&found), wanted, "{n}");
        assert_borders_are_honest(&dices, &found);
        for (value, dice) in &dices {
            let least = if *value == SACRUM { sacrum } else { least };
            assert!(*dice >= least, "{n}: {value} {dices:?}");
        }
    }
}

#[test]
fn an_image_without_a_spine_is_refused_in_words() {
    let grid = Grid::along_axes(Point::ORIGIN, 3.0, [60, 60, 60]);
    let ball = Volume::from_fn(grid.clone(), |[i, j, k]| {
        let r = [i, j, k].map(|n| (n as f64 - 30.0) * 3.0);
        if r.iter().map(|x| x * x).sum::<f64>().sqrt() < 50.0 { 400 } else { 40 }
    });
    let empty = Volume::from_fn(grid, |_| -1000);
    for image in [ball, empty] {
        let why = auto::segment(&image, &Work::silent()).expect_err("no spine");
        assert!(matches!(why, SegmentError::NoSpine(_)), "{why}");
    }
}

#[test]
fn segmenting_can_be_cancelled() {
    let cancel = CancelToken::default();
    cancel.cancel();
    let grid = Grid::along_axes(Point::ORIGIN, 3.0, [20, 20, 20]);
    let image = Volume::from_fn(grid, |_| 0);
    let why = auto::segment(&image, &Work::new(|_, _| {}, cancel)).expect_err("cancelled");
    assert!(matches!(why, SegmentError::Cancelled(_)));
}

/// The labels go to their own file: a CT that is written over is lost.
#[test]
fn segment_never_writes_over_its_ct_and_over_another_file_only_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let [ct, labels] = ["ct.nii.gz", "labels.nii.gz"].map(|name| folder.path().join(name));
    for file in [&ct, &labels] {
        std::fs::write(file, "as it was").unwrap();
    }
    let refused = |output: &Path, more: &str| {
        let line = format!("corridor segment {} -o {} {more}", ct.display(), output.display());
        let request = Request::try_parse_from(line.split_whitespace()).unwrap();
        let Some(Command::Segment(args)) = request.command else { panic!("another command") };
        segment::run(&args, &Work::silent()).map(|_| ()).unwrap_err()
    };
    for more in ["", "--replace"] {
        let why = refused(&ct, more);
        assert!(matches!(why, SegmentFault::Output(OutputError::Input(_))), "{why}");
    }
    let why = refused(&labels, "");
    assert!(matches!(why, SegmentFault::Output(OutputError::Exists(_))), "{why}");
    // Told so, it goes on, and finds that this is no CT.
    assert!(matches!(refused(&labels, "--replace"), SegmentFault::Ingest(_)));
    for file in [&ct, &labels] {
        assert_eq!(std::fs::read_to_string(file).unwrap(), "as it was");
    }
}
