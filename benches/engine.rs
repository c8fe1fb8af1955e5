//! How long the engine takes: fields, a screw's full answer, a pedicle's plan.
//!
//! A plain harness: `cargo bench --bench engine --no-default-features -- [SECTION...]`, sections
//! being `answer`, `plan`, `mend` (a stroke of the eraser), `column` (T1 to S1, both sides) and `fields` (512 x 512 x 400 voxels,
//! T10 to S1; makes them first, for minutes); the first two when none is named. Times are CPU
//! time: of the one thread that works, the shortest of several runs, or of all threads of a call
//! that runs in parallel, so that a busy machine matters little.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench prints")]

use corridor::anatomy;
use corridor::case::judge;
use corridor::case::spine::{self, Source, Spine, VertebraModel};
use corridor::case::suggest::{self, Planned, Wish};
use corridor::clearance::{Canal, Field, Neighbour, SignedDistance, around, assess, schemes};
use corridor::implant::Catalogue;
use corridor::labels::Level;
use corridor::labels::edit::{Mending, Stroke};
use corridor::mesh;
use corridor::phantom::{Phantom, Spec};
use corridor::plan::auto::{self, Allowed, Rules, Site, Style};
use corridor::plan::{Plan, Screw};
use corridor::space::{Dir, Patient, Point, Side};
use corridor::surface;
use corridor::volume::Grid;
use corridor::work::{Work, on_all_cores};
use rayon::prelude::*;
use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// CPU time of this thread so far.
fn cpu() -> Duration {
    // The kernel brings the count up to date when a thread gives way, else only every few ms.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let spent = text.split_whitespace().next().and_then(|ns| ns.parse().ok());
    Duration::from_nanos(spent.unwrap_or(0))
}

/// CPU time of all threads of this process so far, of those that have ended too; in steps of 10 ms.
fn cpu_of_all() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the program's name in brackets; user and system time are the 14th and 15th.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
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

/// CPU time of all threads and time on the clock of one `call`.
fn time_all<R>(name: &str, call: impl FnOnce() -> R) -> R {
    let (spent, started) = (cpu_of_all(), Instant::now());
    let result = call();
    let (spent, took) = (cpu_of_all() - spent, started.elapsed());
    println!("{name:42} {spent:>12.2?} of CPU, {took:.2?} on the clock");
    result
}

/// A bone that counts how often it is asked, exactly and quickly.
struct Counted<'a>(&'a Field, [Cell<u64>; 2]);

impl Counted<'_> {
    fn count(&self, kind: usize) -> &Field {
        self.1[kind].set(self.1[kind].get() + 1);
        self.0
    }
}

impl SignedDistance for Counted<'_> {
    fn signed_distance_mm(&self, p: Point<Patient>) -> f64 {
        self.count(0).signed_distance_mm(p)
    }
    fn quick_distance_mm(&self, p: Point<Patient>) -> f64 {
        self.count(1).quick_distance_mm(p)
    }
    fn nearest_wall(&self, p: Point<Patient>) -> (f64, Point<Patient>) {
        self.count(0).nearest_wall(p)
    }
    fn quick_nearest_wall(&self, p: Point<Patient>) -> (f64, Point<Patient>) {
        self.count(1).quick_nearest_wall(p)
    }
    fn is_outside(&self, p: Point<Patient>) -> bool {
        self.count(1).is_outside(p)
    }
}

fn planned(spine: &Spine) -> Planned {
    let (rules, catalogue) = (Rules::builtin().unwrap(), Catalogue::builtin().unwrap());
    let now = jiff::Timestamp::UNIX_EPOCH;
    suggest::plan(spine, &Wish::default(), &rules, &catalogue, now, &Work::silent()).unwrap()
}

fn main() {
    let named: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let is_wanted = |section: &str, by_default: bool| match named.is_empty() {
        true => by_default,
        false => named.iter().any(|name| name == section),
    };
    let of_demo = [("answer", true), ("plan", true), ("mend", false)];
    if of_demo.into_iter().any(|(section, by_default)| is_wanted(section, by_default)) {
        let spine = spine::load(&Source::Demo, &Work::silent()).unwrap();
        if is_wanted("answer", true) {
            answer(&spine);
        }
        if is_wanted("plan", true) {
            plan(&spine);
        }
        if is_wanted("mend", false) {
            mend(&spine);
        }
    }
    if is_wanted("column", false) {
        column();
    }
    if is_wanted("fields", false) {
        fields();
    }
}

/// From a finished stroke to the new mesh, distances and anatomy of the vertebra, on every core.
fn mend(spine: &Spine) {
    let value = spine.labels.as_ref().unwrap().at_level(Level::L4).unwrap().value;
    let mesh = &spine.at_level(Level::L4).unwrap().mesh;
    let back = mesh.positions.iter().max_by(|a, b| a.vec().y.total_cmp(&b.vec().y)).unwrap();
    let edit = Mending::Stroke(Stroke::new(&[*back], 6.0, 0, Some(value)));
    let plan = Plan { label_edits: vec![edit], ..Plan::default() };
    let (labels, ct) = (spine.labels.as_ref().unwrap(), spine.ct.as_deref());
    let l4 = labels.at_level(Level::L4).unwrap();
    let declare = || surface::declare(labels, l4, ct, &Work::silent()).unwrap();
    let surface = time_all("the surface of a vertebra", || on_all_cores(declare));
    let mesh = time_all("its mesh", || on_all_cores(|| mesh::extract(&surface)));
    let to_mesh = || Field::to_mesh(&surface, &mesh, &Work::silent()).unwrap();
    time_all("its field", || on_all_cores(to_mesh));
    time_all("its anatomy", || on_all_cores(|| anatomy::measure(labels, l4, &surface, ct)));
    for _ in 0..3 {
        time_all("a vertebra after a stroke of the eraser", || {
            on_all_cores(|| spine::mended(spine, spine, &plan, &Work::silent()).unwrap())
        });
    }
}

fn answer(spine: &Spine) {
    let planned = planned(spine);
    for (screw, found) in &planned.screws {
        println!("  ({} {}: isthmus {:.3} mm)", screw.level, screw.side, found.isthmus_mm);
    }
    for refusal in &planned.refusals {
        println!("  ({refusal})");
    }
    let screws = planned.screws;
    let plan = Plan { screws: screws.iter().map(|s| s.0.clone()).collect(), ..Plan::default() };
    let l4 = spine.at_level(Level::L4).unwrap();
    let l3 = spine.at_level(Level::L3).unwrap();
    let screw = plan.screws.iter().find(|s| s.level == l4.level).unwrap();
    let (shape, at) = (screw.shape(), screw.entry);
    let mut n = 0.0;
    let mut next = || {
        n = (n + 1.0) % 45.0;
        at + screw.axis * n
    };
    time("distance at a point", 50, 10_000, || l4.field.signed_distance_mm(next()));
    time("  told quickly", 50, 10_000, || l4.field.quick_distance_mm(next()));
    let mut medial = shape;
    medial.entry = medial.entry - l4.anatomy.patient_from_vertebra.dir(Dir::X) * 5.0;
    for (name, shape) in [("assess, A", &shape), ("assess, breached", &medial)] {
        let counted = Counted(&l4.field, Default::default());
        let found = assess(shape, &counted, &l4.anatomy).unwrap();
        time(name, 50, 200, || assess(shape, &l4.field, &l4.anatomy));
        let (grade, breach) = (found.grade, found.breach_mm);
        let [exact, quick] = counted.1.map(|count| count.get());
        println!("  ({grade:?}, {breach:.1} mm, {exact} exact distances, {quick} quick ones)");
    }
    let canal = l4.canal.as_ref();
    time("around", 50, 200, || around(&shape, of(&l4), canal, Some(of(&l3)), None));
    let axis = shape.axis;
    time("  of that the canal", 50, 200, || {
        canal.map(|canal| canal.gap_to_screw_mm(shape.entry, axis, shape.length_mm, 3.0))
    });
    let near = around(&shape, of(&l4), canal, Some(of(&l3)), None);
    let found = assess(&shape, &l4.field, &l4.anatomy).unwrap();
    time("schemes", 50, 200, || schemes(&shape, &l4.field, &l4.anatomy, l4.level, &found, &near));
    time("full answer", 50, 200, || judge::answer(spine, &plan, screw));
    let mut took: Vec<Duration> =
        plan.screws.iter().map(|screw| answers(spine, &plan, screw)).collect();
    took.sort();
    println!("{:42} {:>12.2?} in the median", "full answer", took[took.len() / 2]);
    time("canal of a vertebra", 10, 3, || Canal::new(&l4.field, &l4.anatomy));
    time("mesh of a vertebra", 3, 1, || mesh::extract(&l4.surface));
    time("field of a vertebra", 3, 1, || Field::to_mesh(&l4.surface, &l4.mesh, &Work::silent()));
}

fn of(vertebra: &VertebraModel) -> Neighbour<'_, Field> {
    Neighbour { bone: &vertebra.field, anatomy: &vertebra.anatomy }
}

/// What the full answer for a screw takes, and its parts, with how many distances they ask.
fn answers(spine: &Spine, plan: &Plan, screw: &Screw) -> Duration {
    let (vertebra, shape) = (judge::vertebra_of(spine, screw).unwrap(), screw.shape());
    let (bone, anatomy) = (&vertebra.field, &vertebra.anatomy);
    let place = spine.vertebrae.iter().position(|v| v.id == vertebra.id).unwrap();
    let above = place.checked_sub(1).map(|n| of(&spine.vertebrae[n]));
    let below = spine.vertebrae.get(place + 1).map(|v| of(v));
    let canal = vertebra.canal.as_ref();
    let found = assess(&shape, bone, anatomy).unwrap();
    let near = around(&shape, of(vertebra), canal, above, below);
    let counted = Counted(bone, Default::default());
    assess(&shape, &counted, anatomy).unwrap();
    let counts = counted.1.map(|count| count.get());
    let name = |what: &str| format!("{what}, {} {}", screw.level, screw.side);
    time(&name("  assess"), 20, 100, || assess(&shape, bone, anatomy));
    println!("    ({} exact distances, {} quick ones, {:?})", counts[0], counts[1], found.grade);
    time(&name("  around"), 20, 100, || around(&shape, of(vertebra), canal, above, below));
    time(&name("  schemes"), 20, 100, || {
        schemes(&shape, bone, anatomy, vertebra.level, &found, &near)
    });
    time(&name("full answer"), 20, 100, || judge::answer(spine, plan, screw))
}

fn plan(spine: &Spine) {
    let (rules, catalogue) = (Rules::builtin().unwrap(), Catalogue::builtin().unwrap());
    let allowed = Allowed { catalogue: &catalogue, in_out_in: false };
    for (place, vertebra) in spine.vertebrae.iter().enumerate() {
        let above = place.checked_sub(1).map(|n| &spine.vertebrae[n].field);
        for side in Side::BOTH {
            let site = Site {
                level: vertebra.level,
                pedicle: vertebra.anatomy.pedicle(side).unwrap(),
                anatomy: &vertebra.anatomy,
                bone: &vertebra.field,
                above,
                canal: vertebra.canal.as_ref(),
                ct: spine.ct.as_deref(),
            };
            let name = format!("plan a pedicle, {} {side}", vertebra.level);
            time(&name, 3, 1, || auto::suggest(&site, Style::Straight, &rules, &allowed));
            time(&format!("{name}, with choices"), 2, 1, || {
                auto::choices(&site, Style::Straight, &rules, &allowed, 0.9)
            });
        }
    }
}

fn column() {
    let levels = Spec::whole_column();
    let phantom = Phantom::new(&Spec { levels, seed: 5, ..Spec::default() }).unwrap();
    let (ct, labels) = phantom.images(&phantom.grid(1.0));
    let spine = time_all("surfaces, anatomy and fields, T1 to S1", || {
        spine::of_images(Some(ct), labels, &Work::silent()).unwrap()
    });
    let planned = time_all("plan T1 to S1, both sides", || planned(&spine));
    println!("  ({} screws, {} refusals)", planned.screws.len(), planned.refusals.len());
}

fn fields() {
    let levels = Spec::whole_column().into_iter().filter(|level| *level >= level_t10()).collect();
    let phantom = Phantom::new(&Spec { levels, seed: 5, ..Spec::default() }).unwrap();
    let small = phantom.grid(1.0);
    let middle = small.middle();
    let spacing = [0.5, 0.5, 0.9];
    let size = [512, 512, 400];
    let half = |axis: usize| spacing[axis] * (size[axis] - 1) as f64 / 2.0;
    let first = middle - Dir::new(half(0), half(1), half(2));
    let [x, y, z] = [Dir::X * spacing[0], Dir::Y * spacing[1], Dir::Z * spacing[2]];
    let map = corridor::space::Affine::from_columns(x, y, z, first);
    let (ct, labels) = phantom.images(&Grid::new(size, map).unwrap());
    let named = &labels.vertebrae;
    println!("512 x 512 x 400 voxels of 0.5 x 0.5 x 0.9 mm, {} vertebrae", named.len());
    let silent = Work::silent();
    let two = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let declared = |v| surface::declare(&labels, v, Some(&ct), &silent).unwrap();
    let surfaces: Vec<_> = time_all("surfaces by the CT's edge, two threads", || {
        two.install(|| named.par_iter().map(declared).collect())
    });
    let meshes: Vec<_> = time_all("meshes, two threads", || {
        two.install(|| surfaces.par_iter().map(mesh::extract).collect())
    });
    let pairs = surfaces.par_iter().zip(&meshes);
    let fields: Vec<Field> = time_all("fields, two threads", || {
        let field = |(surface, mesh)| Field::to_mesh(surface, mesh, &silent).unwrap();
        two.install(|| pairs.map(field).collect())
    });
    let nodes: usize = surfaces.iter().map(|s| s.field.data().len()).sum();
    println!("  ({} fields, {:.1} million nodes)", fields.len(), nodes as f64 / 1e6);
}

fn level_t10() -> Level {
    "T10".parse().unwrap()
}
