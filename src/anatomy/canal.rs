//! The spinal canal of one vertebra: the hole that shows when the bone is looked through from above.
//!
//! In: a cloud of points inside the bone, and a rough frame. Out: the direction along which most
//! daylight shows, and the hole's place and size in the plane across it.

use super::solid::{Cloud, Solid};
use crate::space::{Patient, Point, Rigid, Vertebra};
use glam::{DQuat, DVec2, DVec3};

/// The rough frame may be wrong by this much about the left-right and about the front-back axis,
/// degrees.
const TILT_DEG: [i32; 2] = [40, 16];
/// Tilts are tried in these steps, coarse ones first, degrees.
const STEPS_DEG: [i32; 2] = [8, 2];
/// A hole smaller than this is no canal, mm².
const LEAST_AREA_MM2: f64 = 40.0;
/// The back of the canal lies at most this far behind what shows from above, mm.
const GAPE_MM: f64 = 4.0;
/// Cells of the projection are at least this wide, mm.
const CELL_MM: f64 = 2.0;

/// The canal as a hole in the projection along its own direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Canal {
    /// +z along the canal, upwards; the origin is the hole's centre, at the rough frame's height.
    pub patient_from_canal: Rigid<Patient, Vertebra>,
    /// From the origin to the hole's front (−y), mm.
    pub to_front_mm: f64,
    /// From the origin to the hole's back (+y), mm.
    pub to_back_mm: f64,
    /// Half of its width, mm.
    pub half_width_mm: f64,
}

/// Looks for the canal around the z axis of `rough`; `None` when no tilt shows a hole.
pub(super) fn find(cloud: &Cloud, rough: Rigid<Patient, Vertebra>) -> Option<Canal> {
    let local = cloud.seen_from(rough);
    let cell_mm = CELL_MM.max(1.6 * cloud.step_mm);
    let tilt = |deg: [i32; 2]| {
        let [about_x, about_y] = deg.map(|d| f64::from(d).to_radians());
        DQuat::from_rotation_x(about_x) * DQuat::from_rotation_y(about_y)
    };
    let hole_at = |deg: [i32; 2]| {
        let back = tilt(deg).inverse();
        largest_hole(local.iter().map(|p| (back * *p).truncate()), cell_mm)
    };
    let mut best: Option<([i32; 2], Hole)> = None;
    let mut around = [0, 0];
    let mut reach = TILT_DEG;
    for step in STEPS_DEG {
        for x in (-reach[0]..=reach[0]).step_by(step as usize) {
            for y in (-reach[1]..=reach[1]).step_by(step as usize) {
                let deg = [around[0] + x, around[1] + y];
                let Some(hole) = hole_at(deg) else { continue };
                if best.is_none_or(|(_, held)| hole.area_mm2 > held.area_mm2) {
                    best = Some((deg, hole));
                }
            }
        }
        around = best?.0;
        reach = [step - 2, step - 2];
    }
    let (deg, hole) = best.filter(|(_, hole)| hole.area_mm2 >= LEAST_AREA_MM2)?;
    let rough_from_canal =
        Rigid::<Vertebra, Vertebra>::new(tilt(deg), tilt(deg) * hole.centre.extend(0.0));
    Some(Canal {
        patient_from_canal: rough * rough_from_canal,
        to_front_mm: hole.to_front_mm,
        to_back_mm: hole.to_back_mm,
        half_width_mm: hole.half_width_mm,
    })
}

impl Canal {
    /// The canal's line as a point and a direction of another frame.
    pub fn line_in(&self, frame: Rigid<Patient, Vertebra>) -> (DVec3, DVec3) {
        let frame_from_patient = frame.inverse();
        let origin = frame_from_patient.point(self.patient_from_canal.origin()).vec();
        let up = self.patient_from_canal.dir(crate::space::Dir::Z);
        (origin, frame_from_patient.dir(up).vec())
    }
    /// Where the canal's line passes the height `z` of another frame.
    pub fn at_height(&self, frame: Rigid<Patient, Vertebra>, z: f64) -> Point<Vertebra> {
        let (origin, up) = self.line_in(frame);
        Point::from_vec(origin + up * ((z - origin.z) / up.z.max(0.2)))
    }
}

/// The canal in the plane across z of a vertebra's frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calibre {
    /// Middle of the chord from front to back, then from side to side.
    pub centre: DVec3,
    pub width_mm: f64,
    pub depth_mm: f64,
}

/// The canal's middle and calibre in the plane across z at `height`. Where the arch does not close behind it
/// there, its back is that of the nearest plane below, by millimetres, in which it does. `None`
/// where bone is in the way or no wall is met.
pub(super) fn calibre(solid: &Solid<'_>, canal: &Canal, height: f64) -> Option<Calibre> {
    const MOST_MM: f64 = 20.0;
    const LOWEST_MM: u8 = 20;
    let start = canal.at_height(solid.frame(), height).vec();
    // What shows from above bounds the canal wherever the arch gapes.
    let rearmost = start.y + canal.to_back_mm + GAPE_MM;
    let mut found = Calibre { centre: start, width_mm: 0.0, depth_mm: 0.0 };
    for _ in 0..8 {
        if solid.is_inside(found.centre) {
            return None;
        }
        let reach = |from: DVec3, d: DVec3| solid.reach(from, d, MOST_MM);
        let front = reach(found.centre, -DVec3::Y);
        let behind = |below: u8| reach(found.centre - DVec3::Z * f64::from(below), DVec3::Y);
        let back = (0..LOWEST_MM).map(behind).find(|r| *r < MOST_MM)?;
        let back = back.min((rearmost - found.centre.y).max(0.0));
        found.centre.y += (back - front) / 2.0;
        found.depth_mm = front + back;
        let [left, right] = [DVec3::X, -DVec3::X].map(|d| reach(found.centre, d));
        found.centre.x += (left - right) / 2.0;
        found.width_mm = left + right;
        if front.max(left).max(right) >= MOST_MM {
            return None;
        }
    }
    Some(found)
}

#[derive(Clone, Copy, Debug)]
struct Hole {
    area_mm2: f64,
    centre: DVec2,
    to_front_mm: f64,
    to_back_mm: f64,
    half_width_mm: f64,
}

/// The largest patch of daylight that bone surrounds, among points seen along z.
fn largest_hole(points: impl Iterator<Item = DVec2> + Clone, cell_mm: f64) -> Option<Hole> {
    let far = DVec2::splat(f64::INFINITY);
    let (low, high) = points.clone().fold((far, -far), |(low, high), p| (low.min(p), high.max(p)));
    if !low.is_finite() {
        return None;
    }
    let low = low - cell_mm * 1.5;
    let size = ((high - low) / cell_mm).to_array().map(|n| n as usize + 3);
    let mut cells = vec![Cell::Air; size[0] * size[1]];
    for p in points {
        let [x, y] = ((p - low) / cell_mm).to_array().map(|n| n as usize);
        cells[y * size[0] + x] = Cell::Bone;
    }
    flood(&mut cells, size, 0);
    let mut largest: Vec<usize> = Vec::new();
    for start in 0..cells.len() {
        let patch = flood(&mut cells, size, start);
        if patch.len() > largest.len() {
            largest = patch;
        }
    }
    if largest.is_empty() {
        return None;
    }
    Some(describe(&largest, size, cell_mm, low))
}

#[derive(Clone, Copy, PartialEq)]
enum Cell {
    Air,
    Bone,
    Seen,
}

/// Marks the patch of air that holds `start` as seen and returns its cells; none when it is no air.
fn flood(cells: &mut [Cell], [width, height]: [usize; 2], start: usize) -> Vec<usize> {
    let mut patch = Vec::new();
    let mut open = vec![start];
    while let Some(cell) = open.pop() {
        if cells[cell] != Cell::Air {
            continue;
        }
        cells[cell] = Cell::Seen;
        patch.push(cell);
        let (x, y) = (cell % width, cell / width);
        if x > 0 {
            open.push(cell - 1);
        }
        if x + 1 < width {
            open.push(cell + 1);
        }
        if y > 0 {
            open.push(cell - width);
        }
        if y + 1 < height {
            open.push(cell + width);
        }
    }
    patch
}

fn describe(patch: &[usize], [width, _]: [usize; 2], cell_mm: f64, low: DVec2) -> Hole {
    let place = |cell: &usize| {
        let index = DVec2::new((cell % width) as f64, (cell / width) as f64);
        low + (index + 0.5) * cell_mm
    };
    let centre = patch.iter().map(place).sum::<DVec2>() / patch.len() as f64;
    let column = patch.iter().map(place).filter(|p| (p.x - centre.x).abs() <= 2.0 * cell_mm);
    let (front, back) = column.fold((centre.y, centre.y), |(f, b), p| (p.y.min(f), p.y.max(b)));
    let row = patch.iter().map(place).filter(|p| (p.y - centre.y).abs() <= cell_mm);
    let (right, left) = row.fold((centre.x, centre.x), |(r, l), p| (p.x.min(r), p.x.max(l)));
    Hole {
        area_mm2: patch.len() as f64 * cell_mm * cell_mm,
        centre,
        to_front_mm: centre.y - front + cell_mm / 2.0,
        to_back_mm: back - centre.y + cell_mm / 2.0,
        half_width_mm: (left - right + cell_mm) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_hole_is_found_and_open_bays_are_none() {
        // A ring of outer radius 20 and inner radius 8 around (3, -2), and a small hole beside it.
        let inside = |p: DVec2| {
            let r = p.distance(DVec2::new(3.0, -2.0));
            (8.0..20.0).contains(&r) && p.distance(DVec2::new(17.0, -2.0)) > 3.0
        };
        let all =
            (-60..60).flat_map(|x| (-60..60).map(move |y| DVec2::new(x as f64, y as f64) / 2.0));
        let ring: Vec<_> = all.clone().filter(|p| inside(*p)).collect();
        let hole = largest_hole(ring.iter().copied(), 1.0).expect("a ring has a hole");
        // As good as the cells of 1 mm are.
        assert!(hole.centre.distance(DVec2::new(3.0, -2.0)) < 0.7, "{hole:?}");
        assert!((hole.half_width_mm - 8.0).abs() < 1.0, "{hole:?}");
        let open = ring.iter().copied().filter(|p| p.y < 0.0);
        assert!(largest_hole(open, 1.0).is_none_or(|hole| hole.area_mm2 < 40.0));
    }
}
