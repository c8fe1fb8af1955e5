//! How long the engine takes: distances, a screw's full answer, a pedicle's plan, fields, a mended label.
//!
//!     cargo bench --bench engine --no-default-features [-- FILTER]
//!
//! FILTER is a part of a name: `answer`, `plan`, `mend` (a stroke of the eraser; on real bone, too, where
//! `CORRIDOR_DATA` names the folder of unpacked data), `demo` (the built-in case opened), `column` (T1 to
//! S1, both sides), `fields` and `segment` (512 x 512 x 400 voxels, T10 to S1; makes them first, for
//! minutes). The first two are told as CPU time of the one thread that works,
//! so that a busy machine matters little; the others, which run on several threads, by the clock.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use corridor::anatomy::{VertebraAnatomy, measure};
use corridor::case::judge;
use corridor::case::kept::Kept;
use corridor::case::spine::{self, Source, Spine, VertebraModel};
use corridor::case::suggest::{self, Planned, Wish};
use corridor::clearance::{
    Canal, Field, HeadShape, Neighbour, Voxels, around, assess, gap_to_voxels_mm, schemes,
};
use corridor::implant::Catalogue;
use corridor::labels::edit::{Mending, Stroke};
use corridor::labels::{self, LabelMap, Level, Organ};
use corridor::mesh::{self, TriMesh};
use corridor::phantom::{Phantom, Recorded, Spec, Structure};
use corridor::plan::auto::{self, Allowed, Rules, Site, Style};
use corridor::plan::{Plan, Screw};
use corridor::space::{Affine, Dir, Patient, Point, Side};
use corridor::surface::{self, Surface};
use corridor::volume::{Grid, Volume};
use corridor::work::{Work, on_all_cores};
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use rayon::prelude::*;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// CPU time of the thread that asks.
struct ThreadTime;

/// CPU time of this thread so far.
fn cpu() -> Duration {
    // The kernel brings the count up to date when a thread gives way, else only every few ms.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let spent = text.split_whitespace().next().and_then(|ns| ns.parse().ok());
    Duration::from_nanos(spent.unwrap_or(0))
}

impl Measurement for ThreadTime {
    type Intermediate = Duration;
    type Value = Duration;
    fn start(&self) -> Duration {
        cpu()
    }
    fn end(&self, started: Duration) -> Duration {
        cpu().saturating_sub(started)
    }
    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }
    fn zero(&self) -> Duration {
        Duration::ZERO
    }
    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// The built-in case with what lies around its bones, its screws planned.
struct Demo {
    spine: Spine,
    plan: Plan,
}

static DEMO: LazyLock<Demo> = LazyLock::new(|| {
    let mut spine = spine::load(&Source::Demo, &Work::silent()).unwrap();
    spine.organs = Arc::new(organs(&spine));
    let screws = planned(&spine).screws.into_iter().map(|(screw, _)| screw).collect();
    let plan = Plan { screws, ..Plan::default() };
    Demo { spine, plan }
});

impl Demo {
    fn vertebra(&self, level: Level) -> &VertebraModel {
        self.spine.at_level(level).unwrap()
    }
    fn screw(&self, level: Level) -> &Screw {
        self.plan.screws.iter().find(|screw| screw.level == level).unwrap()
    }
}

/// Cord, roots and vessels about where they lie: tubes along the canal, beside it, and before the bodies.
fn organs(spine: &Spine) -> Vec<(Organ, Voxels)> {
    let frames = spine.vertebrae.iter().map(|v| (v.anatomy.canal_centre, &v.anatomy));
    let tube = |left_mm: f64, ahead_mm: f64| -> Vec<Point<Patient>> {
        let at = |(centre, anatomy): (Point<Patient>, &VertebraAnatomy)| {
            let frame = anatomy.patient_from_vertebra;
            centre + frame.dir(Dir::X) * left_mm - frame.dir(Dir::Y) * ahead_mm
        };
        frames.clone().map(at).collect()
    };
    let kinds = [
        (Organ::Cord, vec![tube(0.0, 0.0)], 5.0),
        (Organ::Roots, vec![tube(9.0, 3.0), tube(-9.0, 3.0)], 1.5),
        (Organ::Aorta, vec![tube(10.0, 62.0)], 9.0),
        (Organ::VenaCava, vec![tube(-14.0, 60.0)], 10.0),
    ];
    let grid = spine.ct.as_ref().unwrap().grid();
    let is_in = |p: Point<Patient>, tube: &[Point<Patient>], radius_mm: f64| {
        let to_part = |ends: &[Point<Patient>]| {
            let way = ends[1] - ends[0];
            let share = ((p - ends[0]).dot(way) / way.dot(way)).clamp(0.0, 1.0);
            p.distance(ends[0] + way * share)
        };
        tube.windows(2).map(to_part).fold(f64::INFINITY, f64::min) < radius_mm
    };
    let made = kinds.into_iter().filter_map(|(organ, tubes, radius_mm)| {
        let value = |n| {
            let centre = grid.centre(n);
            u16::from(tubes.iter().any(|tube| is_in(centre, tube, radius_mm)))
        };
        Some((organ, Voxels::new(&Volume::from_fn(grid.clone(), value), &[1])?))
    });
    made.collect()
}

fn planned(spine: &Spine) -> Planned {
    let (rules, catalogue) = (Rules::builtin().unwrap(), Catalogue::builtin().unwrap());
    let now = jiff::Timestamp::UNIX_EPOCH;
    suggest::plan(spine, &Wish::default(), &rules, &catalogue, now, &Work::silent()).unwrap()
}

fn of(vertebra: &VertebraModel) -> Neighbour<'_, Field> {
    Neighbour { bone: &vertebra.field, anatomy: &vertebra.anatomy }
}

/// Distances, and what they are made from.
fn distances(c: &mut Criterion<ThreadTime>) {
    let l4 = || DEMO.vertebra(Level::L4);
    let along = |n: &mut f64| {
        let screw = DEMO.screw(Level::L4);
        *n = (*n + 1.0) % 45.0;
        screw.entry + screw.axis * *n
    };
    let mut group = c.benchmark_group("distance");
    group.bench_function("at a point", |b| {
        let mut n = 0.0;
        b.iter(|| l4().field.signed_distance_mm(along(&mut n)));
    });
    group.bench_function("at a point, told quickly", |b| {
        let mut n = 0.0;
        b.iter(|| l4().field.quick_distance_mm(along(&mut n)));
    });
    group.sample_size(10);
    group.bench_function("mesh of a vertebra", |b| b.iter(|| mesh::extract(&l4().surface)));
    group.bench_function("field of a vertebra", |b| {
        b.iter(|| Field::to_mesh(&l4().surface, &l4().mesh, &Work::silent()));
    });
    group.bench_function("canal of a vertebra", |b| {
        b.iter(|| Canal::new(&l4().field, &l4().anatomy));
    });
    group.finish();
}

/// One screw of L4 and its parts, then every screw of the case.
fn answers(c: &mut Criterion<ThreadTime>) {
    let (l3, l4) = (|| DEMO.vertebra(Level::L3), || DEMO.vertebra(Level::L4));
    let shape = || DEMO.screw(Level::L4).shape();
    let catalogue = Catalogue::builtin().unwrap();
    let mut group = c.benchmark_group("answer");
    group.bench_function("grade, A", |b| {
        b.iter(|| assess(&shape(), &l4().field, &l4().anatomy));
    });
    group.bench_function("grade, five millimetres medial", |b| {
        let mut medial = shape();
        medial.entry = medial.entry - l4().anatomy.patient_from_vertebra.dir(Dir::X) * 5.0;
        b.iter(|| assess(&medial, &l4().field, &l4().anatomy));
    });
    group.bench_function("around", |b| {
        b.iter(|| {
            around(&shape(), HeadShape::USUAL, of(l4()), l4().canal.as_ref(), Some(of(l3())), None)
        });
    });
    group.bench_function("schemes", |b| {
        let (bone, anatomy) = (&l4().field, &l4().anatomy);
        let near =
            around(&shape(), HeadShape::USUAL, of(l4()), l4().canal.as_ref(), Some(of(l3())), None);
        let found = assess(&shape(), bone, anatomy).unwrap();
        b.iter(|| schemes(&shape(), bone, anatomy, Level::L4, &found, &near));
    });
    group.bench_function("organs", |b| {
        b.iter(|| {
            let gap = |(_, voxels): &(Organ, Voxels)| gap_to_voxels_mm(&shape(), voxels);
            DEMO.spine.organs.iter().map(gap).fold(f64::INFINITY, f64::min)
        });
    });
    let astray =
        [("medial", -Dir::X), ("lateral", Dir::X), ("cranial", Dir::Z), ("caudal", -Dir::Z)];
    for (name, way) in astray {
        group.bench_function(format!("full, five millimetres {name}"), |b| {
            let Demo { spine, plan } = &*DEMO;
            let mut screw = DEMO.screw(Level::L4).clone();
            screw.entry = screw.entry + l4().anatomy.patient_from_vertebra.dir(way) * 5.0;
            b.iter(|| judge::answer(spine, plan, &screw, &catalogue));
        });
    }
    for n in 0..12 {
        group.bench_function(format!("full, screw {n}"), |b| {
            let Demo { spine, plan } = &*DEMO;
            b.iter(|| judge::answer(spine, plan, &plan.screws[n], &catalogue));
        });
    }
    group.finish();
}

/// Each pedicle of the built-in case, by itself.
fn plans(c: &mut Criterion<ThreadTime>) {
    let mut group = c.benchmark_group("plan");
    group.sample_size(10);
    let levels = ["L1", "L2", "L3", "L4", "L5", "S1"];
    for (level, side) in levels.iter().flat_map(|level| Side::BOTH.map(|side| (*level, side))) {
        group.bench_function(format!("{level} {side}"), |b| {
            let (rules, catalogue) = (Rules::builtin().unwrap(), Catalogue::builtin().unwrap());
            let allowed = Allowed { catalogue: &catalogue, in_out_in: false };
            let spine = &DEMO.spine;
            let level: Level = level.parse().unwrap();
            let place = spine.vertebrae.iter().position(|v| v.level == level).unwrap();
            let vertebra = &spine.vertebrae[place];
            let site = Site {
                level,
                pedicle: vertebra.anatomy.pedicle(side).unwrap(),
                anatomy: &vertebra.anatomy,
                bone: &vertebra.field,
                above: place.checked_sub(1).map(|n| &spine.vertebrae[n].field),
                canal: vertebra.canal.as_ref(),
                ct: spine.ct.as_deref(),
            };
            b.iter(|| auto::choices(&site, Style::Straight, &rules, &allowed, 0.9));
        });
    }
    group.finish();
}

/// A plan that takes a little off the back of a vertebra.
fn eraser(spine: &Spine, level: Level) -> Plan {
    let value = spine.labels.as_ref().unwrap().at_level(level).unwrap().value;
    let places = spine.at_level(level).unwrap().mesh.positions.iter();
    let back = places.max_by(|a, b| a.vec().y.total_cmp(&b.vec().y)).unwrap();
    let edit = Mending::Stroke(Stroke::new(&[*back], 6.0, 0, Some(value)));
    Plan { label_edits: vec![edit], ..Plan::default() }
}

/// From a finished stroke to the new mesh, distances and anatomy of the vertebra, then to those of its
/// neighbours that hang on it, on every core.
fn mend(c: &mut Criterion) {
    let mut group = c.benchmark_group("mend");
    let erased = |spine: &Spine, level: Level| {
        let plan = eraser(spine, level);
        spine::mended_first(spine, spine, &plan, &Work::silent()).unwrap()
    };
    group.sample_size(10);
    let real = real_lumbar_spine();
    let of_demo = [Level::L4, Level::S1].map(|level| ("", &DEMO.spine, level));
    let of_real = real.iter().map(|spine| ("verse014 ", spine, Level::L5));
    // The sacrum is the largest bone of the built-in case, L5 the slowest of the real one.
    for (case, spine, level) in of_demo.into_iter().chain(of_real) {
        group.bench_function(format!("{case}{level} after a stroke of the eraser"), |b| {
            b.iter(|| on_all_cores(|| erased(spine, level)));
        });
    }
    group.bench_function("neighbours of L4 after a stroke of the eraser", |b| {
        let first = erased(&DEMO.spine, Level::L4);
        let follow = || spine::with_neighbours(&first, &Work::silent()).unwrap();
        b.iter(|| on_all_cores(follow));
    });
    group.finish();
}

/// L1 to L5 of a patient with an expert's labels, where `CORRIDOR_DATA` has them.
fn real_lumbar_spine() -> Option<Spine> {
    let folder = PathBuf::from(std::env::var_os("CORRIDOR_DATA")?).join("verse014_lumbar_ct");
    let file = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
    let ct = Some(file("sub-verse014_ct.nii.gz")?);
    let labels = Some(file("sub-verse014_seg-vert_msk.nii.gz")?);
    Some(spine::load(&Source::Files { ct, labels, numbering: None }, &Work::silent()).unwrap())
}

/// The built-in case, as the program opens it, on every core.
fn demo(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let kept = Kept::in_folder(folder.path().to_owned(), "bench".to_owned());
    let open = |kept: Option<&Kept>| {
        on_all_cores(|| spine::load_kept(&Source::Demo, kept, &Work::silent()).unwrap());
    };
    open(Some(&kept));
    let mut group = c.benchmark_group("demo");
    group.sample_size(10);
    group.bench_function("the first time", |b| b.iter(|| open(None)));
    group.bench_function("from what is kept", |b| b.iter(|| open(Some(&kept))));
    group.finish();
}

/// All of a whole column.
fn column(c: &mut Criterion) {
    static COLUMN: LazyLock<Spine> = LazyLock::new(|| {
        let levels = Spec::whole_column();
        let phantom = Phantom::new(&Spec { levels, seed: 5, ..Spec::default() }).unwrap();
        let (ct, labels) = phantom.images(&phantom.grid(1.0));
        spine::of_images(Some(ct), labels, &Work::silent()).unwrap()
    });
    let mut group = c.benchmark_group("column");
    group.sample_size(10);
    group.bench_function("plan T1 to S1, both sides", |b| b.iter(|| planned(&COLUMN)));
    group.finish();
}

/// T10 to S1 on 512 x 512 x 400 voxels of 0.5 x 0.5 x 0.9 mm.
fn large() -> Recorded {
    let t10: Level = "T10".parse().unwrap();
    let levels = Spec::whole_column().into_iter().filter(|level| *level >= t10).collect();
    let phantom = Phantom::new(&Spec { levels, seed: 5, ..Spec::default() }).unwrap();
    let (spacing, size) = ([0.5, 0.5, 0.9], [512, 512, 400]);
    let half = |axis: usize| spacing[axis] * (size[axis] - 1) as f64 / 2.0;
    let first = phantom.grid(1.0).middle() - Dir::new(half(0), half(1), half(2));
    let [x, y, z] = [Dir::X * spacing[0], Dir::Y * spacing[1], Dir::Z * spacing[2]];
    let grid = Grid::new(size, Affine::from_columns(x, y, z, first)).unwrap();
    phantom.record(&grid, &Work::silent()).unwrap()
}

/// A large CT and what is made from it.
struct Large {
    ct: Volume<i16>,
    labels: LabelMap,
    structures: Volume<u16>,
    surfaces: Vec<Surface>,
    meshes: Vec<TriMesh>,
    anatomies: Vec<VertebraAnatomy>,
}

impl Large {
    fn new() -> Self {
        let Recorded { ct, labels, structures, .. } = large();
        let surfaces = Self::declared(&ct, &labels);
        let meshes = Self::extracted(&surfaces);
        let measured = |(v, surface)| measure(&labels, v, surface, Some(&ct));
        let anatomies = labels.vertebrae.par_iter().zip(&surfaces).map(measured).collect();
        Self { ct, labels, structures, surfaces, meshes, anatomies }
    }
    fn declared(ct: &Volume<i16>, labels: &LabelMap) -> Vec<Surface> {
        let one = |v| surface::declare(labels, v, Some(ct), &Work::silent()).unwrap();
        labels.vertebrae.par_iter().map(one).collect()
    }
    fn extracted(surfaces: &[Surface]) -> Vec<TriMesh> {
        surfaces.par_iter().map(mesh::extract).collect()
    }
    fn bones(&self) -> Vec<Field> {
        let one = |(surface, mesh)| Field::to_mesh(surface, mesh, &Work::silent()).unwrap();
        self.surfaces.par_iter().zip(&self.meshes).map(one).collect()
    }
    fn canals(&self, bones: &[Field]) -> Vec<Option<Canal>> {
        let one = |(bone, anatomy)| Canal::new(bone, anatomy);
        bones.par_iter().zip(&self.anatomies).map(one).collect()
    }
    fn structures(&self) -> Vec<(Organ, Voxels)> {
        let kinds = [
            (Organ::Cord, Structure::Cord),
            (Organ::Roots, Structure::NerveRoot),
            (Organ::Aorta, Structure::Aorta),
            (Organ::VenaCava, Structure::VenaCava),
        ];
        let values = kinds.map(|(organ, structure)| (organ, vec![structure.value()])).into();
        let made = spine::organs(&self.structures, &values);
        assert_eq!(made.len(), kinds.len());
        made
    }
}

/// A large CT on two threads: what is declared, extracted and measured of it. The last one is what has
/// to be there before a screw can be judged, once surfaces and meshes are.
fn fields(c: &mut Criterion) {
    static LARGE: LazyLock<Large> = LazyLock::new(Large::new);
    static BONES: LazyLock<Vec<Field>> = LazyLock::new(|| LARGE.bones());
    let two = two_threads();
    let mut group = c.benchmark_group("fields");
    group.sample_size(10);
    group.bench_function("surfaces by the CT's edge, two threads", |b| {
        let large = &*LARGE;
        b.iter(|| two.install(|| Large::declared(&large.ct, &large.labels)));
    });
    group.bench_function("meshes, two threads", |b| {
        let large = &*LARGE;
        b.iter(|| two.install(|| Large::extracted(&large.surfaces)));
    });
    group.bench_function("fields of the bones, two threads", |b| {
        let large = &*LARGE;
        b.iter(|| two.install(|| large.bones()));
    });
    group.bench_function("canals, two threads", |b| {
        let (large, bones) = (&*LARGE, &*BONES);
        b.iter(|| two.install(|| large.canals(bones)));
    });
    group.bench_function("cord, roots, aorta and vena cava, two threads", |b| {
        let large = &*LARGE;
        b.iter(|| two.install(|| large.structures()));
    });
    group.bench_function("all fields: bones, canals and structures, two threads", |b| {
        let large = &*LARGE;
        let all = || {
            let bones = large.bones();
            (large.canals(&bones), large.structures(), bones)
        };
        b.iter(|| two.install(all));
    });
    group.finish();
}

/// Labels of a large CT from the CT alone, on two threads; and the most memory that it took.
fn segment(c: &mut Criterion) {
    static CT: LazyLock<Volume<i16>> = LazyLock::new(|| large().ct);
    let two = two_threads();
    let mut group = c.benchmark_group("segment");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    let mut is_told = false;
    group.bench_function("512 x 512 x 400 voxels, two threads", |b| {
        let ct = &*CT;
        let before = forget_peak();
        b.iter(|| two.install(|| labels::auto::segment(ct, &Work::silent()).unwrap()));
        // Called once for every sample.
        if !is_told {
            eprintln!("memory: {before} before, {} at most", peak());
            is_told = true;
        }
    });
    group.finish();
}

fn two_threads() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap()
}

/// The most memory that this process has held, as the kernel tells it.
fn peak() -> String {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let told = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    told.unwrap_or("unknown").trim().to_owned()
}

/// Lets the kernel count the most memory anew, from what is held now: making the CT took some too.
fn forget_peak() -> String {
    // A system that does not know how leaves the older, higher peak standing.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    peak()
}

criterion_group! {
    name = on_one_thread;
    config = Criterion::default().with_measurement(ThreadTime);
    targets = distances, answers, plans
}
criterion_group!(on_all_threads, mend, demo, column, fields, segment);
criterion_main!(on_one_thread, on_all_threads);
