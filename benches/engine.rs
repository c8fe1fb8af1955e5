//! How long the engine takes: fields, a screw's full answer, a pedicle's plan.
//!
//! A plain harness: `cargo bench --bench engine --no-default-features`. Times are CPU time of the
//! one thread that works, the shortest of several runs, so that a busy machine matters little.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench prints")]

use corridor::case::judge;
use corridor::case::spine::{self, Source};
use corridor::case::suggest::{self, Wish};
use corridor::clearance::{Canal, Field, SignedDistance, around, assess, schemes};
use corridor::implant::Catalogue;
use corridor::plan::Plan;
use corridor::plan::auto::{self, Allowed, Rules, Site, Style};
use corridor::space::{Dir, Side};
use corridor::work::Work;
use std::hint::black_box;
use std::time::Duration;

/// CPU time of this thread so far.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let spent = text.split_whitespace().next().and_then(|ns| ns.parse().ok());
    Duration::from_nanos(spent.unwrap_or(0))
}

/// Shortest CPU time of `call`, over `rounds` rounds of `repeats`.
fn time<R>(name: &str, rounds: u32, repeats: u32, mut call: impl FnMut() -> R) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..rounds {
        let start = cpu();
        for _ in 0..repeats {
            black_box(call());
        }
        best = best.min((cpu() - start) / repeats);
    }
    println!("{name:42} {best:>12.2?}");
    best
}

fn main() {
    let spine = spine::load(&Source::Demo, &Work::silent()).unwrap();
    let (rules, catalogue) = (Rules::builtin().unwrap(), Catalogue::builtin().unwrap());
    let now = jiff::Timestamp::UNIX_EPOCH;
    let wish = Wish::default();
    let planned = suggest::plan(&spine, &wish, &rules, &catalogue, now, &Work::silent()).unwrap();
    let plan =
        Plan { screws: planned.screws.iter().map(|s| s.0.clone()).collect(), ..Plan::default() };

    let l4 = spine.at_level("L4".parse().unwrap()).unwrap();
    let l3 = spine.at_level("L3".parse().unwrap()).unwrap();
    let screw = plan.screws.iter().find(|s| s.level == l4.level).unwrap();
    let (shape, at) = (screw.shape(), screw.entry);
    let mut n = 0.0;
    time("distance at a point", 50, 10_000, || {
        n += 1.0;
        l4.field.signed_distance_mm(at + screw.axis * (n % 45.0))
    });
    time("assess, A", 50, 200, || assess(&shape, &l4.field, &l4.anatomy));
    let mut medial = shape;
    medial.entry = medial.entry - l4.anatomy.patient_from_vertebra.dir(Dir::X) * 5.0;
    let found = assess(&medial, &l4.field, &l4.anatomy).unwrap();
    println!("  (the breached one: {:?}, {:.1} mm)", found.grade, found.breach_mm);
    time("assess, breached", 50, 200, || assess(&medial, &l4.field, &l4.anatomy));
    let canal = l4.canal.as_ref();
    time("around", 50, 200, || {
        around(&shape, &l4.field, &l4.anatomy, canal, Some(&l3.field), None)
    });
    let near = around(&shape, &l4.field, &l4.anatomy, canal, Some(&l3.field), None);
    let found = assess(&shape, &l4.field, &l4.anatomy).unwrap();
    time("schemes", 50, 200, || schemes(&shape, &l4.field, &l4.anatomy, l4.level, &found, &near));
    time("full answer", 50, 200, || judge::answer(&spine, &plan, screw));
    time("canal of a vertebra", 10, 3, || Canal::new(&l4.field, &l4.anatomy));
    time("field of a vertebra", 3, 1, || Field::to_mesh(&l4.surface, &l4.mesh, &Work::silent()));
    let allowed = Allowed { catalogue: &catalogue, in_out_in: false };
    for vertebra in &spine.vertebrae {
        let place = spine.vertebrae.iter().position(|v| v.id == vertebra.id).unwrap();
        let above = place.checked_sub(1).map(|n| &spine.vertebrae[n].field);
        let site = Site {
            level: vertebra.level,
            pedicle: vertebra.anatomy.pedicle(Side::Left).unwrap(),
            anatomy: &vertebra.anatomy,
            bone: &vertebra.field,
            above,
            canal: vertebra.canal.as_ref(),
            ct: spine.ct.as_deref(),
        };
        let name = format!("plan a pedicle, {} left", vertebra.level);
        time(&name, 3, 1, || auto::suggest(&site, Style::Straight, &rules, &allowed));
        time(&format!("{name}, with choices"), 2, 1, || {
            auto::choices(&site, Style::Straight, &rules, &allowed, 0.9)
        });
    }
}
