//! Mending labels by hand: brush, eraser, and a cleaner for islands and holes.
//!
//! In: a label volume and a [`Stroke`] or a wish to clean. Out: the volume changed in place and a
//! [`Patch`] that says exactly which voxels changed, so that an edit can be taken back bit for bit.

use crate::space::{Patient, Point};
use crate::volume::Volume;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One finished movement of brush or eraser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stroke {
    /// Where the brush went, LPS mm; balls round these points and cylinders between them.
    pub path: Vec<Point<Patient>>,
    /// Its radius, mm.
    pub radius_mm: f64,
    /// The label it leaves; 0 erases.
    pub paints: u16,
    /// The only label it changes, so that a brush spares the neighbours; `None` for all.
    pub over: Option<u16>,
}

/// Voxels that changed: their place in the array (k, j, i order), old and new label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    changes: Vec<(u64, u16, u16)>,
}

/// A patch that does not fit the labels; they are as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the labels changed since this edit was begun; look at them and repeat the edit")]
pub struct Stale;

impl Patch {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
    /// The labels that lost or won voxels; their meshes and distances are to be made anew.
    pub fn touched(&self) -> BTreeSet<u16> {
        self.changes.iter().flat_map(|(_, a, b)| [*a, *b]).filter(|v| *v != 0).collect()
    }
    /// The patch that takes this one back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self { changes: self.changes.iter().map(|(at, a, b)| (*at, *b, *a)).collect() }
    }
    /// Does it again, all or nothing.
    pub fn apply(&self, labels: &mut Volume<u16>) -> Result<(), Stale> {
        let data = labels.data_mut().as_slice_mut().ok_or(Stale)?;
        let fits = |(at, before, _): &(u64, u16, u16)| data.get(*at as usize) == Some(before);
        if !self.changes.iter().all(fits) {
            return Err(Stale);
        }
        for (at, _, after) in &self.changes {
            data[*at as usize] = *after;
        }
        Ok(())
    }
}

/// Paints or erases along a stroke.
pub fn paint(labels: &mut Volume<u16>, stroke: &Stroke) -> Patch {
    let grid = labels.grid().clone();
    let [ni, nj, nk] = grid.size();
    let Some((low, high)) = reach(labels, stroke) else { return Patch::default() };
    let mut changes = Vec::new();
    for k in low[2]..=high[2].min(nk - 1) {
        for j in low[1]..=high[1].min(nj - 1) {
            for i in low[0]..=high[0].min(ni - 1) {
                let before = labels.data()[[k, j, i]];
                let may = before != stroke.paints && stroke.over.is_none_or(|only| only == before);
                if may && is_under(stroke, grid.centre([i, j, k])) {
                    changes.push((((k * nj + j) * ni + i) as u64, before, stroke.paints));
                    labels.data_mut()[[k, j, i]] = stroke.paints;
                }
            }
        }
    }
    Patch { changes }
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

/// Gives up every piece of a label but the largest, and fills what it closes in on all sides.
pub fn clean(labels: &mut Volume<u16>, value: u16) -> Patch {
    let grid = labels.grid().clone();
    let size = grid.size();
    let mut changes = Vec::new();
    let Some(data) = labels.data_mut().as_slice_mut() else { return Patch::default() };
    let mut own = pieces(size, |at| data[at] == value);
    let largest = (0..own.len()).max_by_key(|n| (own[*n].len(), std::cmp::Reverse(*n)));
    if let Some(largest) = largest {
        own.swap_remove(largest);
    }
    for at in own.into_iter().flatten() {
        changes.push((at as u64, value, 0));
        data[at] = 0;
    }
    let outside = |at: usize| on_edge(size, at);
    let holes = pieces(size, |at| data[at] != value).into_iter();
    for hole in holes.filter(|hole| !hole.iter().any(|at| outside(*at))) {
        for at in hole {
            if data[at] == 0 {
                changes.push((at as u64, 0, value));
                data[at] = value;
            }
        }
    }
    merge_repeats(&mut changes);
    Patch { changes }
}

/// An island inside a hole changes twice; only where it ends counts.
fn merge_repeats(changes: &mut Vec<(u64, u16, u16)>) {
    changes.sort_by_key(|(at, _, _)| *at);
    let mut merged: Vec<(u64, u16, u16)> = Vec::with_capacity(changes.len());
    for (at, before, after) in changes.drain(..) {
        match merged.last_mut() {
            Some(last) if last.0 == at => last.2 = after,
            _ => merged.push((at, before, after)),
        }
    }
    merged.retain(|(_, before, after)| before != after);
    *changes = merged;
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
        Stroke { path, radius_mm: 1.5, paints, over }
    }

    #[test]
    fn a_stroke_paints_its_tube_and_comes_back_bit_for_bit() {
        let before = block(|[i, _, _]| if i < 4 { 7 } else { 0 });
        let mut labels = before.clone();
        let patch = paint(&mut labels, &stroke(5, None));
        assert_eq!(labels.get([5, 5, 4]), Some(&5));
        assert_eq!(labels.get([5, 6, 5]), Some(&5), "1.41 mm aside is under a brush of 1.5");
        assert_eq!(labels.get([5, 7, 4]), Some(&0), "2 mm aside is not");
        assert_eq!(labels.get([10, 5, 4]), Some(&0), "2 mm beyond its end is not");
        assert_eq!(patch.touched(), BTreeSet::from([5, 7]));
        let painted = labels.clone();
        patch.inverse().apply(&mut labels).expect("it fits");
        assert_eq!(labels.data(), before.data());
        patch.apply(&mut labels).expect("it fits again");
        assert_eq!(labels.data(), painted.data());
        assert_eq!(patch.apply(&mut labels), Err(Stale), "it is done already");
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
    }

    #[test]
    fn the_cleaner_drops_islands_and_fills_holes_but_no_neighbour_in_them() {
        let before = block(|[i, j, k]| match [i, j, k] {
            [3, 3, 3] => 0,
            [4, 4, 4] => 9,
            [10, 8, 7] => 5,
            [2..=6, 2..=6, 2..=6] => 5,
            _ => 0,
        });
        let mut labels = before.clone();
        let patch = clean(&mut labels, 5);
        assert_eq!(labels.get([3, 3, 3]), Some(&5));
        assert_eq!(labels.get([4, 4, 4]), Some(&9));
        assert_eq!(labels.get([10, 8, 7]), Some(&0));
        patch.inverse().apply(&mut labels).expect("it fits");
        assert_eq!(labels.data(), before.data());
    }
}
