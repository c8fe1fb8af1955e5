//! Mending labels by hand: brush, eraser, and a cleaner for islands and holes.
//!
//! In: a label volume and a [`Mending`]. Out: the volume changed in place, and which labels that
//! touched. A mending says what a person did, in millimetres, and not which voxels it changed: the
//! same mendings of the same labels give the same voxels, so that a plan keeps them and an undo
//! makes the labels anew without the last one.

use crate::space::{Patient, Point};
use crate::volume::Volume;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One finished edit of labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mending {
    /// Paints or erases.
    Stroke(Stroke),
    /// Gives up every piece of a label but the largest, and fills what it closes in.
    Clean(u16),
}

/// One finished movement of brush or eraser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stroke {
    /// Where the brush went, LPS mm; balls round these points and cylinders between them.
    #[serde(rename = "path_lps_mm")]
    pub path: Vec<Point<Patient>>,
    /// Its radius, mm.
    pub radius_mm: f64,
    /// The label it leaves; 0 erases.
    pub paints: u16,
    /// The only label it changes, so that a brush spares the neighbours; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<u16>,
    /// Keys of it in the plan file that this program does not know; written back as read.
    #[serde(flatten)]
    pub unknown: serde_json::Map<String, serde_json::Value>,
}

/// A mending that can not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MendingFault {
    /// The brush has no size, or one that no vertebra needs.
    #[error("a brush is 0.1 to 50 mm in radius; choose another size and repeat the stroke")]
    Radius,
    /// The brush went nowhere, or to no place of this world.
    #[error("the stroke has no place in the image; repeat it")]
    Path,
    /// Background can not be cleaned.
    #[error("choose a level to be cleaned")]
    NoLabel,
}

/// Radius of a brush, mm.
const RADIUS_MM: [f64; 2] = [0.1, 50.0];

impl Stroke {
    /// A stroke of the brush; its points are kept to a hundredth of a millimetre, those that the
    /// brush covers anyway are left out.
    pub fn new(path: &[Point<Patient>], radius_mm: f64, paints: u16, over: Option<u16>) -> Self {
        let least_mm = 0.2 * radius_mm;
        let mut kept: Vec<Point<Patient>> = Vec::new();
        for (n, point) in path.iter().enumerate() {
            let is_last = n + 1 == path.len();
            let moved_mm = kept.last().map_or(f64::INFINITY, |last| last.distance(*point));
            if moved_mm >= least_mm || (is_last && moved_mm > 0.01) {
                kept.push(Point::from_vec((point.vec() * 100.0).round() / 100.0));
            }
        }
        Self { path: kept, radius_mm, paints, over, unknown: serde_json::Map::new() }
    }
}

impl Mending {
    /// Refuses what can not be done.
    pub fn check(&self) -> Result<(), MendingFault> {
        let Self::Stroke(stroke) = self else {
            return if *self == Self::Clean(0) { Err(MendingFault::NoLabel) } else { Ok(()) };
        };
        if !(RADIUS_MM[0]..=RADIUS_MM[1]).contains(&stroke.radius_mm) {
            return Err(MendingFault::Radius);
        }
        let is_sound = !stroke.path.is_empty() && stroke.path.iter().all(|p| p.vec().is_finite());
        if is_sound { Ok(()) } else { Err(MendingFault::Path) }
    }
    /// Does it; says which labels lost or won voxels.
    pub fn apply(&self, labels: &mut Volume<u16>) -> BTreeSet<u16> {
        match self {
            Self::Stroke(stroke) => paint(labels, stroke),
            Self::Clean(value) => clean(labels, *value),
        }
    }
    /// The labels that it would touch now.
    pub fn touches(&self, labels: &Volume<u16>) -> BTreeSet<u16> {
        match self {
            Self::Stroke(stroke) => {
                let before = covered(labels, stroke).into_iter().map(|(_, before)| before);
                let mut touched: BTreeSet<u16> = before.collect();
                if !touched.is_empty() {
                    touched.insert(stroke.paints);
                }
                touched.remove(&0);
                touched
            }
            Self::Clean(value) => BTreeSet::from([*value]),
        }
    }
    /// The edit in words.
    pub fn audit(&self) -> &'static str {
        match self {
            Self::Stroke(Stroke { paints: 0, .. }) => "erased from the labels",
            Self::Stroke(_) => "painted labels",
            Self::Clean(_) => "cleaned a label",
        }
    }
}

/// Paints or erases along a stroke.
fn paint(labels: &mut Volume<u16>, stroke: &Stroke) -> BTreeSet<u16> {
    let mut touched = BTreeSet::new();
    for ([i, j, k], before) in covered(labels, stroke) {
        touched.extend([before, stroke.paints]);
        labels.data_mut()[[k, j, i]] = stroke.paints;
    }
    touched.remove(&0);
    touched
}

/// The voxels that a stroke changes, and their labels.
fn covered(labels: &Volume<u16>, stroke: &Stroke) -> Vec<([usize; 3], u16)> {
    let grid = labels.grid();
    let [ni, nj, nk] = grid.size();
    let mut covered = Vec::new();
    let Some((low, high)) = reach(labels, stroke) else { return covered };
    for k in low[2]..=high[2].min(nk - 1) {
        for j in low[1]..=high[1].min(nj - 1) {
            for i in low[0]..=high[0].min(ni - 1) {
                let before = labels.data()[[k, j, i]];
                let may = before != stroke.paints && stroke.over.is_none_or(|only| only == before);
                if may && is_under(stroke, grid.centre([i, j, k])) {
                    covered.push(([i, j, k], before));
                }
            }
        }
    }
    covered
}

/// Whether a point is within the brush somewhere on its way.
fn is_under(stroke: &Stroke, p: Point<Patient>) -> bool {
    let r2 = stroke.radius_mm * stroke.radius_mm;
    let single = stroke.path.len() == 1 && p.vec().distance_squared(stroke.path[0].vec()) <= r2;
    single
        || stroke.path.windows(2).any(|pair| {
            let (a, along) = (pair[0].vec(), (pair[1] - pair[0]).vec());
            let t = (p.vec() - a).dot(along) / along.length_squared().max(1e-12);
            p.vec().distance_squared(a + along * t.clamp(0.0, 1.0)) <= r2
        })
}

/// The voxels that a stroke may reach; `None` where it has no point or misses the grid.
fn reach(labels: &Volume<u16>, stroke: &Stroke) -> Option<([usize; 3], [usize; 3])> {
    let to_voxel = labels.grid().voxel_from_patient();
    // A ball's shadow on a voxel axis is its radius times the length of that axis' row.
    let rows = to_voxel.map().matrix3.transpose();
    let wide = [rows.x_axis, rows.y_axis, rows.z_axis].map(|row| row.length() * stroke.radius_mm);
    let size = labels.grid().size();
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for p in &stroke.path {
        let v = to_voxel.point(*p).to_array();
        for axis in 0..3 {
            low[axis] = low[axis].min(v[axis] - wide[axis]);
            high[axis] = high[axis].max(v[axis] + wide[axis]);
        }
    }
    let inside = (0..3).all(|a| high[a] >= 0.0 && low[a] <= (size[a] - 1) as f64);
    inside.then(|| (low.map(|x| x.max(0.0).floor() as usize), high.map(|x| x.ceil() as usize)))
}

/// Gives up every piece of a label but the largest, and fills what it closes in on all sides with
/// it; other labels in there stay.
fn clean(labels: &mut Volume<u16>, value: u16) -> BTreeSet<u16> {
    let Some((low, size)) = room_of(labels, value) else { return BTreeSet::new() };
    let [ni, nj, _] = labels.grid().size();
    let Some(data) = labels.data_mut().as_slice_mut() else { return BTreeSet::new() };
    let whole = |at: usize| {
        let [i, j, k] = place(size, at);
        ((low[2] + k) * nj + low[1] + j) * ni + low[0] + i
    };
    let mut own = pieces(size, |at| data[whole(at)] == value);
    // The first of those that are largest.
    let largest = (0..own.len()).max_by_key(|n| (own[*n].len(), std::cmp::Reverse(*n)));
    if let Some(largest) = largest {
        own.swap_remove(largest);
    }
    let mut changed: Vec<(usize, u16)> = own.into_iter().flatten().map(|at| (at, 0)).collect();
    for (at, after) in &changed {
        data[whole(*at)] = *after;
    }
    let holes = pieces(size, |at| data[whole(at)] != value).into_iter();
    for at in holes.filter(|hole| !hole.iter().any(|at| on_edge(size, *at))).flatten() {
        if data[whole(at)] == 0 {
            data[whole(at)] = value;
            changed.push((at, value));
        }
    }
    if changed.is_empty() { BTreeSet::new() } else { BTreeSet::from([value]) }
}

/// The box of a label with a voxel around it as far as the image goes: its first voxel, its size.
fn room_of(labels: &Volume<u16>, value: u16) -> Option<([usize; 3], [usize; 3])> {
    let size = labels.grid().size();
    let (mut low, mut high) = (size, [0; 3]);
    for ((k, j, i), _) in labels.data().indexed_iter().filter(|(_, v)| **v == value) {
        for (axis, n) in [i, j, k].into_iter().enumerate() {
            low[axis] = low[axis].min(n);
            high[axis] = high[axis].max(n);
        }
    }
    if low[0] > high[0] {
        return None;
    }
    let low = low.map(|n| n.saturating_sub(1));
    let size = std::array::from_fn(|axis| (high[axis] + 2).min(size[axis]) - low[axis]);
    Some((low, size))
}

/// The pieces of all voxels for which `is` holds that hang together by their faces, in order of
/// their first voxel.
fn pieces(size: [usize; 3], is: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
    let count = size.iter().product();
    let mut seen = vec![false; count];
    let mut found = Vec::new();
    for start in 0..count {
        if seen[start] || !is(start) {
            continue;
        }
        seen[start] = true;
        let (mut piece, mut stack) = (Vec::new(), vec![start]);
        while let Some(at) = stack.pop() {
            piece.push(at);
            for other in faces(size, at) {
                if !seen[other] && is(other) {
                    seen[other] = true;
                    stack.push(other);
                }
            }
        }
        found.push(piece);
    }
    found
}

fn place([ni, nj, _]: [usize; 3], at: usize) -> [usize; 3] {
    [at % ni, at / ni % nj, at / (ni * nj)]
}

fn on_edge(size: [usize; 3], at: usize) -> bool {
    let place = place(size, at);
    (0..3).any(|a| place[a] == 0 || place[a] + 1 == size[a])
}

fn faces(size: [usize; 3], at: usize) -> impl Iterator<Item = usize> {
    let place = place(size, at);
    let strides = [1, size[0], size[0] * size[1]];
    (0..3).flat_map(move |a| {
        let back = (place[a] > 0).then(|| at - strides[a]);
        let on = (place[a] + 1 < size[a]).then(|| at + strides[a]);
        back.into_iter().chain(on)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::Grid;

    fn block(label: impl Fn([usize; 3]) -> u16 + Sync) -> Volume<u16> {
        Volume::from_fn(Grid::along_axes(Point::ORIGIN, 1.0, [12, 10, 9]), label)
    }
    fn stroke(paints: u16, over: Option<u16>) -> Stroke {
        let path = vec![Point::new(2.0, 5.0, 4.0), Point::new(8.0, 5.0, 4.0)];
        Stroke { path, radius_mm: 1.5, paints, over, unknown: serde_json::Map::new() }
    }

    #[test]
    fn a_stroke_paints_its_tube_and_nothing_else() {
        let mut labels = block(|[i, _, _]| if i < 4 { 7 } else { 0 });
        let touched = paint(&mut labels, &stroke(5, None));
        assert_eq!(labels.get([5, 5, 4]), Some(&5));
        assert_eq!(labels.get([5, 6, 5]), Some(&5), "1.41 mm aside is under a brush of 1.5");
        assert_eq!(labels.get([5, 7, 4]), Some(&0), "2 mm aside is not");
        assert_eq!(labels.get([10, 5, 4]), Some(&0), "2 mm beyond its end is not");
        assert_eq!(touched, BTreeSet::from([5, 7]));
        assert!(paint(&mut labels, &stroke(5, None)).is_empty(), "it is done already");
    }

    #[test]
    fn a_brush_can_spare_the_neighbours_and_an_eraser_leaves_nothing() {
        let mut labels = block(|[i, _, _]| if i < 4 { 7 } else { 0 });
        paint(&mut labels, &stroke(5, Some(0)));
        assert_eq!(labels.get([2, 5, 4]), Some(&7));
        assert_eq!(labels.get([6, 5, 4]), Some(&5));
        paint(&mut labels, &stroke(0, Some(5)));
        assert!(labels.data().iter().all(|v| *v != 5));
    }

    #[test]
    fn a_stroke_off_the_grid_changes_nothing() {
        let mut labels = block(|_| 0);
        let far = Stroke { path: vec![Point::new(99.0, 0.0, 0.0)], ..stroke(5, None) };
        assert!(paint(&mut labels, &far).is_empty());
        let none = Stroke { path: Vec::new(), ..stroke(5, None) };
        assert!(paint(&mut labels, &none).is_empty());
        assert_eq!(Mending::Stroke(none).check(), Err(MendingFault::Path));
    }

    #[test]
    fn the_cleaner_drops_islands_and_fills_holes_but_no_neighbour_in_them() {
        let mut labels = block(|[i, j, k]| match [i, j, k] {
            [3, 3, 3] => 0,
            [4, 4, 4] => 9,
            [10, 8, 7] => 5,
            [2..=6, 2..=6, 2..=6] => 5,
            _ => 0,
        });
        assert_eq!(clean(&mut labels, 5), BTreeSet::from([5]));
        assert_eq!(labels.get([3, 3, 3]), Some(&5));
        assert_eq!(labels.get([4, 4, 4]), Some(&9));
        assert_eq!(labels.get([10, 8, 7]), Some(&0));
        assert_eq!(labels.get([1, 1, 1]), Some(&0), "outside is no hole");
        assert!(clean(&mut labels, 5).is_empty() && clean(&mut labels, 77).is_empty());
    }

    #[test]
    fn a_stroke_keeps_its_ends_and_is_read_as_it_was_written() {
        let at = |x: f64| Point::new(x, 0.123_456, -7.0);
        let path: Vec<_> = (0..=100).map(|n| at(0.1 * f64::from(n))).collect();
        let stroke = Stroke::new(&path, 3.0, 5, Some(0));
        assert!(stroke.path.len() < 20, "{}", stroke.path.len());
        assert_eq!(stroke.path.first().map(|p| p.to_array()), Some([0.0, 0.12, -7.0]));
        assert_eq!(stroke.path.last().map(|p| p.to_array()), Some([10.0, 0.12, -7.0]));
        let mending = Mending::Stroke(stroke);
        let text = serde_json::to_string(&mending).expect("plain data");
        assert_eq!(serde_json::from_str::<Mending>(&text).expect("as written"), mending);
    }
}
