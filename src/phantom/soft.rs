//! Everything that is no bone, as simple shapes that are painted one over the other.
//!
//! In: a point. Out: how deep it lies in a shape, mm, positive inside; exact enough to place an
//! edge, not a distance far away.

use super::column::PlacedDisc;
use super::shape::STEEPEST;
use super::structure::Structure;
use glam::{DVec2, DVec3};
use std::sync::Arc;

/// One layer of paint.
#[derive(Clone, Debug)]
pub(super) struct Soft {
    /// What it counts as in the second label map, if anything.
    pub(super) structure: Option<Structure>,
    pub(super) hu: f64,
    pub(super) form: Form,
}

/// A soft shape.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// An upright elliptic cylinder without ends, made smaller by `under_mm`, and shifted backwards
    /// where it must be.
    Trunk { centre: DVec2, half: DVec2, under_mm: f64, shifts: Arc<[Shift]> },
    /// An ellipse that changes along the body.
    Tube(Tube),
    /// A thick line.
    Cord { ends: [DVec3; 2], radius_mm: f64 },
    /// A disc between two bodies.
    Disc(Box<PlacedDisc>),
    /// A ball.
    Ball { centre: DVec3, radius_mm: f64 },
}

impl Form {
    /// How deep a point lies inside, mm; changes by at most [`STEEPEST`] per mm.
    pub(super) fn depth_mm(&self, p: DVec3) -> f64 {
        match self {
            Self::Trunk { centre, half, under_mm, shifts } => {
                let centre = *centre + DVec2::Y * shift_mm(shifts, p.z);
                let q = (p.truncate() - centre) / *half;
                (1.0 - q.length()) * half.min_element() - under_mm
            }
            Self::Tube(tube) => tube.depth_mm(p),
            Self::Cord { ends: [a, b], radius_mm } => {
                let along = *b - *a;
                let t = ((p - *a).dot(along) / along.length_squared().max(1e-9)).clamp(0.0, 1.0);
                radius_mm - p.distance(*a + along * t)
            }
            Self::Disc(disc) => {
                let local =
                    disc.vertebra_from_patient.point(crate::space::Point::from_vec(p)).vec();
                let off = local.length() - disc.radius_mm;
                if off > 0.0 { -off } else { disc.shape.value(local.to_array()) }
            }
            Self::Ball { centre, radius_mm } => radius_mm - p.distance(*centre),
        }
    }
}

/// How far the trunk is shifted backwards at a height, mm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shift {
    pub(super) height_mm: f64,
    pub(super) back_mm: f64,
}

/// The shift at a height, straight between those that are told, highest first; as at the ends beyond.
fn shift_mm(shifts: &[Shift], height_mm: f64) -> f64 {
    let below = shifts.partition_point(|shift| shift.height_mm > height_mm);
    match (below.checked_sub(1).map(|n| shifts[n]), shifts.get(below)) {
        (Some(a), Some(b)) => {
            let share = (a.height_mm - height_mm) / (a.height_mm - b.height_mm).max(1e-9);
            a.back_mm + (b.back_mm - a.back_mm) * share
        }
        (Some(one), None) => one.back_mm,
        (None, one) => one.map_or(0.0, |one| one.back_mm),
    }
}

/// One node of a tube: where its ellipse lies, and half of its size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) centre: DVec3,
    pub(super) half: DVec2,
}

/// An ellipse in the patient's transverse plane whose middle and size change with height. Between
/// the nodes they change smoothly.
#[derive(Clone, Debug)]
pub(super) struct Tube {
    bottom: f64,
    /// Middle and half size at steps of [`Tube::STEP_MM`].
    samples: Vec<(DVec2, DVec2)>,
}

impl Tube {
    const STEP_MM: f64 = 1.0;

    /// A tube through two nodes or more, in any order; `None` through fewer.
    pub(super) fn through(mut nodes: Vec<Node>) -> Option<Self> {
        nodes.sort_by(|a, b| a.centre.z.total_cmp(&b.centre.z));
        let (bottom, top) = (nodes.first()?.centre.z, nodes.last()?.centre.z);
        let count = ((top - bottom) / Self::STEP_MM).floor() as usize + 1;
        let at = |n: usize| between(&nodes, bottom + n as f64 * Self::STEP_MM);
        (nodes.len() > 1).then(|| Self { bottom, samples: (0..count).map(at).collect() })
    }
    fn depth_mm(&self, p: DVec3) -> f64 {
        let last = self.samples.len() - 1;
        let t = (p.z - self.bottom) / Self::STEP_MM;
        let n = t.clamp(0.0, last as f64);
        let low = (n as usize).min(last.saturating_sub(1));
        let share = n - low as f64;
        let ((c0, h0), (c1, h1)) = (self.samples[low], self.samples[(low + 1).min(last)]);
        let (centre, half) = (c0.lerp(c1, share), h0.lerp(h1, share));
        let q = (p.truncate() - centre) / half;
        let across = (1.0 - q.length()) * half.min_element();
        // Beyond an end the tube is capped flat.
        let past = (t - n).abs() * Self::STEP_MM;
        if past > 0.0 { across.min(-past) } else { across }
    }
}

/// Middle and half size at a height: a cubic through the nodes (Catmull and Rom).
fn between(nodes: &[Node], z: f64) -> (DVec2, DVec2) {
    let upper = nodes.partition_point(|node| node.centre.z < z).clamp(1, nodes.len() - 1);
    let node = |n: isize| {
        let n = (upper as isize + n).clamp(0, nodes.len() as isize - 1) as usize;
        (nodes[n].centre.truncate(), nodes[n].half)
    };
    let (low, high) = (nodes[upper - 1].centre.z, nodes[upper].centre.z);
    let t = ((z - low) / (high - low).max(1e-9)).clamp(0.0, 1.0);
    let [a, b, c, d] = [-2, -1, 0, 1].map(node);
    let mix = |a: DVec2, b: DVec2, c: DVec2, d: DVec2| {
        b + (c - a) * (t / 2.0)
            + (a * 2.0 - b * 5.0 + c * 4.0 - d) * (t * t / 2.0)
            + (b * 3.0 - a - c * 3.0 + d) * (t * t * t / 2.0)
    };
    (mix(a.0, b.0, c.0, d.0), mix(a.1, b.1, c.1, d.1).max(DVec2::splat(0.3)))
}

/// The layers that are felt within a ball: those that fill it hide all below them.
pub(super) fn felt(all: &[Soft], middle: DVec3, radius_mm: f64, reach_mm: f64) -> Vec<&Soft> {
    let slack = STEEPEST * radius_mm + reach_mm;
    let mut felt = Vec::new();
    for soft in all {
        let depth = soft.form.depth_mm(middle);
        if depth > slack {
            felt.clear();
        }
        if depth > -slack {
            felt.push(soft);
        }
    }
    felt
}
