//! Our side of `peers.py`: times the distance field and the clearance of screws on one vertebra of
//! a case, and writes down what other programs need to do the same work.
//!
//!     cargo bench --bench peers --no-default-features [--features parry] -- FOLDER CT LABELS LEVEL
//!
//! Into FOLDER go `surface.stl` (the declared surface, LPS mm), `mask.u8` (its inside at the nodes of
//! the field, i fastest) and `ours.json`: the grid, random screws with our clearance, random points
//! with our distance, and our times. Times are the shortest of several runs: CPU time of the thread
//! that works ("_cpu_") or wall clock on two threads ("_wall2_").
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench prints")]

use corridor::case::spine::{self, Source, VertebraModel};
use corridor::clearance::{Field, ScrewShape, assess, entry_on_axis, grade::ENTRY_ZONE_MM};
use corridor::mesh;
use corridor::space::{Affine, Dir, Patient, Point, Side};
use corridor::volume::Grid;
use corridor::work::{Work, on_all_cores};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SCREWS: u64 = 200;
const POINTS: u64 = 20_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [folder, ct, labels, level] = &args[..] else {
        println!("say FOLDER CT LABELS LEVEL; benches/peers.py does");
        return;
    };
    let source = Source::Files {
        ct: Some(PathBuf::from(ct)),
        labels: Some(PathBuf::from(labels)),
        numbering: None,
    };
    let spine = on_all_cores(|| spine::load(&source, &Work::silent())).unwrap();
    let vertebra = spine.at_level(level.parse().unwrap()).unwrap();
    let folder = Path::new(folder);
    write_surface(vertebra, folder);
    let mut ours = json!({ "level": level, "grid": grid(vertebra) });
    ours["field"] = time_field(vertebra);
    let screws: Vec<ScrewShape> =
        (0..).filter_map(|n| random_screw(vertebra, n)).take(SCREWS as usize).collect();
    time_points(vertebra, &mut ours);
    time_screws(vertebra, &screws, &mut ours);
    #[cfg(feature = "parry")]
    parry::time(vertebra, &screws, &mut ours);
    std::fs::write(folder.join("ours.json"), format!("{ours:#}")).unwrap();
}

fn write_surface(vertebra: &VertebraModel, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("surface.stl"), mesh::stl(&vertebra.mesh, "surface")).unwrap();
    let nodes = nodes(vertebra);
    let is_inside = |n: usize| {
        let [ni, nj, _] = nodes.size();
        let node = nodes.centre([n % ni, n / ni % nj, n / (ni * nj)]);
        u8::from(vertebra.field.quick_distance_mm(node) > 0.0)
    };
    let count = nodes.size().iter().product();
    let mask: Vec<u8> = (0..count).into_par_iter().map(is_inside).collect();
    std::fs::write(folder.join("mask.u8"), mask).unwrap();
}

/// The grid of the field's nodes: that of the surface, in steps of its own.
fn nodes(vertebra: &VertebraModel) -> Grid {
    let (size, steps_mm) = vertebra.field.nodes();
    let over = vertebra.surface.field.grid();
    let mut map = over.patient_from_voxel().map();
    let columns = [&mut map.matrix3.x_axis, &mut map.matrix3.y_axis, &mut map.matrix3.z_axis];
    for (column, mm) in columns.into_iter().zip(steps_mm) {
        *column = column.normalize() * f64::from(mm);
    }
    Grid::new(size, Affine::new(map)).unwrap()
}

fn grid(vertebra: &VertebraModel) -> Value {
    let grid = nodes(vertebra);
    let map = grid.patient_from_voxel().map();
    let columns = [map.matrix3.x_axis, map.matrix3.y_axis, map.matrix3.z_axis];
    json!({
        "size": grid.size(),
        "spacing_mm": grid.spacing_mm(),
        "columns": columns.map(|c| c.to_array()),
        "origin": map.translation.to_array(),
        "triangles": vertebra.mesh.triangles.len(),
    })
}

/// CPU time of this thread so far.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let spent = text.split_whitespace().next().and_then(|ns| ns.parse().ok());
    Duration::from_nanos(spent.unwrap_or(0))
}

/// Shortest CPU time of this thread, and shortest wall clock, of several calls, s.
fn shortest<R>(rounds: u32, mut call: impl FnMut() -> R) -> [f64; 2] {
    let mut best = [f64::INFINITY; 2];
    for _ in 0..rounds {
        let (wall, spent) = (Instant::now(), cpu());
        black_box(call());
        best[0] = best[0].min((cpu() - spent).as_secs_f64());
        best[1] = best[1].min(wall.elapsed().as_secs_f64());
    }
    best
}

/// Runs `call` in a pool of so many threads.
fn on<R: Send>(threads: usize, call: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(call)
}

fn time_field(vertebra: &VertebraModel) -> Value {
    let make = || Field::to_mesh(&vertebra.surface, &vertebra.mesh, &Work::silent()).unwrap();
    let [one, _] = on(1, || shortest(5, make));
    let [_, two] = on(2, || shortest(5, make));
    json!({ "cpu_s": one, "wall2_s": two })
}

/// A number from 0 to 1 that follows from two others.
fn random(seed: u64, what: u64) -> f64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ what.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    for _ in 0..3 {
        x = (x ^ (x >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
    }
    (x >> 11) as f64 / (1u64 << 53) as f64
}

/// A screw somewhere in or beside a pedicle.
fn random_screw(vertebra: &VertebraModel, seed: u64) -> Option<ScrewShape> {
    let within = |what: u64, most: f64| (2.0 * random(seed, what) - 1.0) * most;
    let side = if random(seed, 9) < 0.5 { Side::Left } else { Side::Right };
    let pedicle = vertebra.anatomy.pedicle(side)?;
    let frame = vertebra.anatomy.patient_from_vertebra;
    let to = |x, y, z| frame.dir(Dir::new(x, y, z));
    let axis = (pedicle.axis + to(within(1, 0.2), 0.0, within(2, 0.15))).unit()?;
    let through = pedicle.isthmus + to(within(3, 3.0), 0.0, within(4, 4.0));
    Some(ScrewShape {
        entry: entry_on_axis(&vertebra.field, through, axis)?,
        axis,
        length_mm: 25.0 + 20.0 * random(seed, 5),
        diameter_mm: 4.0 + 3.0 * random(seed, 6),
    })
}

/// Points around the bone, at most about 15 mm from it.
fn points(vertebra: &VertebraModel) -> Vec<Point<Patient>> {
    let corners = vertebra.surface.field.grid().corners();
    let at = |n: u64| {
        let along = |axis: usize| (corners[1 << axis] - corners[0]) * random(n, axis as u64);
        corners[0] + along(0) + along(1) + along(2)
    };
    (0..POINTS).map(at).collect()
}

fn time_points(vertebra: &VertebraModel, ours: &mut Value) {
    let points = points(vertebra);
    let ask = || points.iter().map(|p| vertebra.field.signed_distance_mm(*p)).sum::<f64>();
    let [one, _] = shortest(10, ask);
    let told: Vec<_> = points
        .iter()
        .map(|p| json!([p.to_array(), vertebra.field.signed_distance_mm(*p)]))
        .collect();
    ours["points"] = json!(told);
    ours["point_cpu_s"] = json!(one / points.len() as f64);
}

fn time_screws(vertebra: &VertebraModel, screws: &[ScrewShape], ours: &mut Value) {
    let judge = |screw: &ScrewShape| assess(screw, &vertebra.field, &vertebra.anatomy).unwrap();
    let ask = || screws.iter().map(|s| judge(s).clearance_mm).sum::<f64>();
    let [one, _] = shortest(5, ask);
    let both = || screws.par_iter().map(|s| judge(s).clearance_mm).sum::<f64>();
    let [_, two] = on(2, || shortest(5, both));
    let told = |screw: &ScrewShape| {
        json!({
            "entry_lps_mm": screw.entry.to_array(),
            "tip_lps_mm": (screw.entry + screw.axis * screw.length_mm).to_array(),
            "diameter_mm": screw.diameter_mm,
            "judged_from_mm": ENTRY_ZONE_MM,
            "clearance_mm": judge(screw).clearance_mm,
        })
    };
    ours["screws"] = json!(screws.iter().map(told).collect::<Vec<_>>());
    ours["screw_cpu_s"] = json!(one / screws.len() as f64);
    ours["screw_wall2_s"] = json!(two / screws.len() as f64);
}

/// The same questions put to parry's mesh, in the same process; 32-bit floats, its default.
#[cfg(feature = "parry")]
mod parry {
    use super::*;
    use parry3d::math::{Pose, Rotation, Vector};
    use parry3d::query::{self, PointQuery};
    use parry3d::shape::{Cylinder, TriMesh, TriMeshFlags};

    fn vector(p: [f64; 3]) -> Vector {
        Vector::from_array(p.map(|x| x as f32))
    }

    pub fn time(vertebra: &VertebraModel, screws: &[ScrewShape], ours: &mut Value) {
        // Around the isthmus, so that 32 bits suffice.
        let middle = vertebra.anatomy.patient_from_vertebra.origin();
        let local = |p: Point<Patient>| vector((p - middle).to_array());
        let make = || {
            let corners = vertebra.mesh.positions.iter().map(|p| local(*p)).collect();
            let flags = TriMeshFlags::ORIENTED;
            TriMesh::with_flags(corners, vertebra.mesh.triangles.clone(), flags).unwrap()
        };
        let [build, _] = shortest(3, make);
        let bone = make();
        let points: Vec<Vector> = points(vertebra).into_iter().map(local).collect();
        let ask = || points.iter().map(|p| bone.distance_to_local_point(*p, false)).sum::<f32>();
        let [point, _] = shortest(2, ask);
        let gap = |screw: &ScrewShape| gap_mm(screw, &bone, local);
        let [screw, _] = shortest(2, || screws.iter().map(gap).sum::<f64>());
        ours["parry"] = json!({
            "build_cpu_s": build,
            "point_cpu_s": point / points.len() as f64,
            "distances_mm": points
                .iter()
                .map(|p| -bone.distance_to_local_point(*p, false))
                .collect::<Vec<_>>(),
            "screw_cpu_s": screw / screws.len() as f64,
            "gaps_mm": screws.iter().map(gap).collect::<Vec<_>>(),
        });
    }

    /// From the judged part of a screw to the bone's surface, mm; 0 where it passes through.
    fn gap_mm(screw: &ScrewShape, bone: &TriMesh, local: impl Fn(Point<Patient>) -> Vector) -> f64 {
        let half = (screw.length_mm - ENTRY_ZONE_MM) / 2.0;
        let centre = local(screw.entry + screw.axis * (ENTRY_ZONE_MM + half));
        let along = vector(screw.axis.to_array());
        let turn = Rotation::from_rotation_arc(Vector::Y, along.normalize());
        let cylinder = Cylinder::new(half as f32, (screw.diameter_mm / 2.0) as f32);
        let pose = Pose::from_parts(centre, turn);
        f64::from(query::distance(&pose, &cylinder, &Pose::IDENTITY, bone).unwrap().distance)
    }
}
