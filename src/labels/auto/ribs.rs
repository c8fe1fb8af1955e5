//! Which vertebrae carry ribs.

use super::block::{Block, OUTSIDE_HU};
use super::names::Ribs;
use super::net::OPEN;
use super::split::{Column, RIB};

/// The smallest piece that is a rib and not the tip of a transverse process, mm³.
const SMALLEST_MM3: f64 = 1200.0;
/// How close to a vertebra a rib begins, mm: the joint's gap and a voxel.
const JOINT_MM: f64 = 3.0;
/// A rib begins no further from the midline than this, mm.
const NEAR_MM: f64 = 50.0;
/// How many voxels of rib must stand at a joint.
const CONTACT: usize = 12;
/// How wide the scan must be to each side to show that there is no rib, mm.
const IN_VIEW_MM: f64 = 62.0;

/// What is seen of ribs at each vertebra.
pub(super) fn seen(ct: &Block<i16>, names: &Block<u8>, column: &Column) -> Vec<Ribs> {
    let mut contact = vec![[0usize; 2]; usize::from(column.count()) + 1];
    for piece in names.pieces(|name| name == RIB) {
        if (piece.len() as f64) * names.step_mm.powi(3) < SMALLEST_MM3 {
            continue;
        }
        let mut own = vec![[0usize; 2]; contact.len()];
        for at in piece {
            let locus = column.locus(names.point(at));
            if locus.aside.abs() > NEAR_MM {
                continue;
            }
            if let Some(vertebra) = nearest_vertebra(names, at, column.count()) {
                own[usize::from(vertebra)][usize::from(locus.aside > 0.0)] += 1;
            }
        }
        for (sum, own) in contact.iter_mut().zip(own) {
            *sum = [sum[0] + own[0], sum[1] + own[1]];
        }
    }
    (1..=column.count())
        .map(|n| {
            let sides = contact[usize::from(n)].iter().filter(|c| **c >= CONTACT).count() as u8;
            let is_sacrum = column.sacrum == Some(n);
            Ribs { sides: if is_sacrum { 0 } else { sides }, is_in_view: is_in_view(ct, column, n) }
        })
        .collect()
}

/// The vertebra within a joint's gap of a voxel, along the axes.
fn nearest_vertebra(names: &Block<u8>, at: usize, count: u8) -> Option<u8> {
    let [i, j, k] = names.place(at).map(|n| n as isize);
    let reach = (JOINT_MM / names.step_mm).round() as isize;
    let steps = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]];
    for far in 1..=reach {
        for [di, dj, dk] in steps {
            let to = [i + di * far, j + dj * far, k + dk * far];
            let inside = (0..3).all(|a| to[a] >= 0 && to[a] < names.size[a] as isize);
            if inside {
                let name = names.data[names.index(to.map(|n| n as usize))];
                if name != OPEN && name <= count {
                    return Some(name);
                }
            }
        }
    }
    None
}

/// Whether the scan shows a vertebra down to its disc, and both its sides far enough to see a rib.
fn is_in_view(ct: &Block<i16>, column: &Column, vertebra: u8) -> bool {
    let [top, bottom] = column.span(vertebra);
    let is_ended = usize::from(vertebra) <= column.discs.len() || column.sacrum == Some(vertebra);
    let tall_enough = is_ended && bottom.saturating_sub(top) >= 12;
    let s = &column.stations[(top + bottom) / 2];
    let shows = |sign: f64| {
        let p = s.middle + s.left * (sign * IN_VIEW_MM);
        ct.nearest(p).is_some_and(|hu| hu > OUTSIDE_HU)
    };
    tall_enough && shows(1.0) && shows(-1.0)
}
