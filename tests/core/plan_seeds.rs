//! Whole columns of many people, straight and bent, planned from the CT and graded by the truth.
//!
//! The long tables, a line for each screw that is no A and one for each column:
//!
//!     CORRIDOR_FULL=1 CORRIDOR_SEEDS=1..41 cargo test --release --no-default-features \
//!         --test core plan_seeds -- --nocapture
//!
//! By default no column is made: `plan_auto` plans what `tests/run` asks for.

use crate::plan_auto::{alone, around_bones, misfit_mm, plan, truly_with};
use corridor::case::spine::{self, Spine};
use corridor::case::suggest::{Planned, Wish};
use corridor::clearance::{Assessment, Grade, Wall};
use corridor::labels::auto;
use corridor::labels::numbering::{self, Numbering};
use corridor::labels::{LabelMap, Level};
use corridor::phantom::{Curve, Deformity, Phantom, Spec, Truth};
use corridor::plan::Screw;
use corridor::plan::auto::Refusal;
use corridor::space::Side;
use corridor::volume::Volume;
use corridor::work::Work;
use std::collections::BTreeMap;
use std::ops::Range;

/// The seeds asked for; `None` where no long table is wanted.
fn seeds() -> Option<Range<u64>> {
    std::env::var_os("CORRIDOR_FULL")?;
    let named = std::env::var("CORRIDOR_SEEDS").unwrap_or_else(|_| "1..7".to_owned());
    let (from, to) = named.split_once("..").unwrap();
    Some(from.parse().unwrap()..to.parse().unwrap())
}

fn level(text: &str) -> Level {
    text.parse().unwrap()
}

/// A column of its own for each seed: a quarter each straight and with curves of 20, 40, 60 degrees,
/// thoracic ones and thoracolumbar ones, to the left and to the right.
fn column(seed: u64) -> (Spec, f64) {
    let cobb_deg = (seed % 4) as f64 * 20.0;
    let (upper, lower) = if seed / 4 % 3 == 2 { ("T9", "L3") } else { ("T5", "T12") };
    let curve = Curve {
        upper: level(upper),
        lower: level(lower),
        cobb_deg,
        convex: if seed / 2 % 2 == 0 { Side::Right } else { Side::Left },
        rotation_deg: cobb_deg * 0.4,
    };
    let curves = if cobb_deg > 0.0 { vec![curve] } else { Vec::new() };
    let deformity = Deformity { curves, ..Deformity::default() };
    (Spec { levels: Spec::whole_column(), seed, deformity, ..Spec::default() }, cobb_deg)
}

/// The case as the program sees it without any labels but its own.
fn by_own_labels(ct: Volume<i16>) -> Option<Spine> {
    let found = auto::segment(&ct, &Work::silent()).ok()?;
    let verse = Some(Numbering::Verse);
    let named = numbering::name_labels(found.volume, &BTreeMap::new(), "own", verse).ok()?;
    spine::of_images(Some(ct), named.labels, &Work::silent()).ok()
}

/// What all columns came to.
#[derive(Default)]
struct Tally {
    /// Screws by (above T10, letter).
    letters: BTreeMap<(bool, Grade), usize>,
    medial: usize,
    /// Screws in another vertebra than the one they are named for.
    misnamed: usize,
    /// Refusals of pedicles that are wide enough, by (above T10).
    needless: [usize; 2],
    narrow: usize,
    /// Pedicles that got neither a screw nor a refusal of their own.
    absent: usize,
    misfits_mm: Vec<[f64; 2]>,
}

impl Tally {
    fn add(&mut self, name: &str, phantom: &Phantom, planned: &Planned) {
        let truth = phantom.truth();
        for (screw, found) in &planned.screws {
            let Some((screw, judged)) = self.judged(phantom, &truth, screw) else { continue };
            let key = (screw.level < level("T10"), judged.grade);
            *self.letters.entry(key).or_default() += 1;
            self.medial += usize::from(judged.breach_wall == Some(Wall::Medial));
            if judged.grade > Grade::A {
                println!(
                    "{name}: {} {} {:.1} x {:.0} {:?} {:.2} mm {:?} at {:.0}; thought {:+.2}, isthmus {:.1} (truly {:.1})",
                    screw.level,
                    screw.side,
                    screw.diameter_mm,
                    screw.length_mm,
                    judged.grade,
                    judged.breach_mm,
                    judged.breach_wall,
                    judged.breach_depth_mm.unwrap_or(0.0),
                    found.assessment.clearance_mm,
                    found.isthmus_mm,
                    width_mm(&truth, screw.level, screw.side)
                );
            }
        }
        for refusal in &planned.refusals {
            self.refused(name, &truth, refusal);
        }
        let pedicles = 2 * truth.levels.len();
        self.absent += pedicles.saturating_sub(planned.screws.len() + planned.refusals.len());
    }

    /// The screw judged in the vertebra that it really is in.
    fn judged(
        &mut self,
        phantom: &Phantom,
        truth: &Truth,
        screw: &Screw,
    ) -> Option<(Screw, Assessment)> {
        let middle = screw.entry + screw.axis * (0.6 * screw.length_mm);
        let value = |bone: &&corridor::phantom::Bone| bone.value(middle);
        let bone = phantom.bones().iter().max_by(|a, b| value(a).total_cmp(&value(b)))?;
        self.misnamed += usize::from(bone.level() != screw.level);
        let screw = Screw { level: bone.level(), ..screw.clone() };
        let judged = truly_with(phantom, truth, &screw);
        Some((screw, judged))
    }

    fn refused(&mut self, name: &str, truth: &Truth, refusal: &Refusal) {
        match *refusal {
            Refusal::TooNarrow { level: at, side, needed_mm, .. } => {
                let width = width_mm(truth, at, side);
                self.narrow += 1;
                if width >= needed_mm {
                    self.needless[usize::from(at < level("T10"))] += 1;
                }
                println!("{name}: {refusal} (truly {width:.2})");
            }
            _ => {
                self.needless[1] += 1;
                println!("{name}: {refusal}");
            }
        }
    }

    fn print(&self) {
        let of = |is_upper: bool| {
            let letters = [Grade::A, Grade::B, Grade::C, Grade::D, Grade::E];
            let count = |grade| self.letters.get(&(is_upper, grade)).copied().unwrap_or(0);
            letters.map(count)
        };
        println!("T1 to T9, A to E: {:?}; T10 to S1: {:?}", of(true), of(false));
        println!(
            "medial {}, in another vertebra {}, narrow {}, needless refusals {:?} (T10 to S1, T1 to T9), absent {}",
            self.medial, self.misnamed, self.narrow, self.needless, self.absent
        );
        let median = |which: usize| {
            let mut all: Vec<f64> = self.misfits_mm.iter().map(|pair| pair[which]).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
        };
        println!("median misfit {:.2} mm each alone, {:.2} together", median(0), median(1));
    }
}

/// What the truth says of an isthmus; NaN where there is none.
fn width_mm(truth: &Truth, level: Level, side: Side) -> f64 {
    truth.level(level).map_or(f64::NAN, |level| {
        let pedicle = level.pedicle(side);
        pedicle.width_mm.min(pedicle.height_mm)
    })
}

fn table(case: impl Fn(Volume<i16>, LabelMap) -> Option<Spine>) {
    let Some(seeds) = seeds() else {
        println!("SKIPPED: whole columns, set CORRIDOR_FULL and CORRIDOR_SEEDS");
        return;
    };
    let mut tally = Tally::default();
    for seed in seeds {
        let (spec, cobb_deg) = column(seed);
        let name = format!("seed {seed}, {cobb_deg} deg");
        let phantom = Phantom::new(&spec).unwrap();
        let (ct, labels) = phantom.images(&around_bones(&phantom, 1.0));
        let Some(spine) = case(ct, labels) else {
            println!("{name}: no spine found");
            tally.absent += 2 * phantom.bones().len();
            continue;
        };
        let planned = plan(&spine, &Wish::default());
        let misfits = [misfit_mm(&plan(&spine, &alone())), misfit_mm(&planned)];
        println!("{name}: {} screws, misfit {misfits:.2?} mm", planned.screws.len());
        tally.add(&name, &phantom, &planned);
        tally.misfits_mm.push(misfits);
    }
    tally.print();
    assert_eq!(tally.medial, 0);
    let lower = |grade: Grade| tally.letters.get(&(false, grade)).copied().unwrap_or(0);
    assert_eq!(lower(Grade::C) + lower(Grade::D) + lower(Grade::E), 0);
}

#[test]
fn columns_with_true_labels() {
    table(|ct, labels| spine::of_images(Some(ct), labels, &Work::silent()).ok());
}

#[test]
fn columns_with_their_own_labels() {
    table(|ct, _| by_own_labels(ct));
}
