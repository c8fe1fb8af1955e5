//! Necks of ribs that were left on their vertebrae.
//!
//! A rib hangs on its vertebra by broad joints and leaves it thin, so that the cheapest cut between
//! its far part and the vertebra may lead through its neck: a clear border, and yet not the
//! vertebra's. What is left on is known by its place beside the body and before the transverse
//! process, with a gap between.

use super::block::Block;
use super::net::OPEN;
use super::split::{Column, Locus};

/// Nearer to the midline joints lie before joints, mm.
const ASIDE_MM: f64 = 20.0;
/// No body is wider than this, in halves of its depth.
const BODY: f64 = 1.7;
/// A neck is no thicker, mm, and its process no further behind it.
const THICK_MM: usize = 10;
const GAP_MM: usize = 5;

/// Whether a voxel of a vertebra, whose place is given, lies beside its body with a gap behind and
/// more of the same vertebra behind that.
pub(super) fn is_neck(names: &Block<u8>, column: &Column, voxel: usize, at: &Locus) -> bool {
    let (own, s) = (names.data[voxel], &column.stations[at.station]);
    let aside = at.aside.abs();
    if aside < ASIDE_MM || at.ahead > s.wall_mm && aside < BODY * s.half_depth_mm() {
        return false;
    }
    let p = names.point(voxel);
    let behind = |mm: usize| names.nearest(p - s.front * mm as f64).unwrap_or(OPEN);
    let gap = (1..=THICK_MM).find(|mm| behind(*mm) != own);
    gap.is_some_and(|gap| {
        behind(gap) == OPEN && (gap + 1..=gap + GAP_MM).any(|mm| behind(mm) == own)
    })
}

#[cfg(test)]
mod tests {
    use super::super::curve::Station;
    use super::*;
    use glam::DVec3;

    /// Whether a bar beside the body is taken for a neck, with a process so many mm behind it.
    fn is_taken(aside_mm: f64, behind_mm: f64) -> bool {
        let station = |n: usize| Station {
            middle: DVec3::Z * (20.0 - n as f64),
            up: DVec3::Z,
            front: -DVec3::Y,
            left: DVec3::X,
            depth_mm: 36.0,
            wall_mm: 8.0,
        };
        let stations: Vec<Station> = (0..21).map(station).collect();
        let column = Column { stations: &stations, discs: &[], sacrum: None };
        let first = DVec3::new(-60.0, -60.0, 8.0);
        let (size, step_mm) = ([120, 120, 5], 1.0);
        let mut names = Block { size, first, step_mm, data: vec![OPEN; 72_000] };
        for i in 0..names.data.len() {
            let p = names.point(i);
            let is_bar = (-4.0..0.0).contains(&p.y);
            let is_process = (behind_mm..behind_mm + 6.0).contains(&p.y);
            names.data[i] = u8::from(is_bar || is_process);
        }
        let p = DVec3::new(aside_mm, -2.0, 10.0);
        let voxel = names.voxel(p).unwrap_or(0);
        is_neck(&names, &column, voxel, &column.locus(p))
    }

    #[test]
    fn a_bar_before_a_process_is_a_neck_on_either_side() {
        assert!(is_taken(30.0, 3.0) && is_taken(-30.0, 3.0));
    }

    #[test]
    fn a_process_alone_a_joint_and_what_lies_far_behind_are_none() {
        assert!(!is_taken(30.0, 0.0), "one piece");
        assert!(!is_taken(12.0, 3.0), "a joint before a joint");
        assert!(!is_taken(30.0, 12.0), "far behind");
    }
}
