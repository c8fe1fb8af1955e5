//! The sharp ends of a narrow section, read off the CT.
//!
//! In: the outline of an isthmus cut across the declared surface, and the CT. Out: the outline with
//! its sharp ends on the CT's edge.
//!
//! The surface is smoothed so that no voxels show, and runs straight from node to node: it rounds what
//! bends within two nodes or so. Of an oval 3 mm wide and 13 mm high, whose ends have a radius of a
//! third of a millimetre, it loses 0.2 mm and more at each end. So where the outline bends sharply,
//! and only there, the edge is looked for once more, along the outline's own normal: half-way between
//! the cortex' peak and what lies outside, as for the surface itself. A flat wall stays where the
//! surface has it, which knows its neighbourhood and a thin cortex and is the surer there. A scanner
//! that blurs by sigma draws an end of radius r back by about sigma²/2r; that is not put back.

use super::outline::Outline;
use super::solid::Solid;
use crate::space::Point;
use crate::volume::Volume;
use glam::DVec3;

/// Curvature times the distance of nodes up to which the surface alone counts, and from which the CT
/// alone does: a radius of three nodes, and of one and a half.
const BLUNT: f64 = 1.0 / 3.0;
const SHARP: f64 = 2.0 / 3.0;
/// The CT is read so far to both sides of the outline, in steps of this, mm.
const READ_MM: f64 = 2.0;
const STEP_MM: f64 = 0.1;
const SAMPLES: usize = 41;
/// The cortex' peak lies no further outside the outline than this, mm, and the density outside is
/// that from here on.
const PEAK_BEFORE_MM: f64 = 0.7;
const OUTSIDE_FROM_MM: f64 = 0.5;
/// Less than this between cortex and outside is no edge, HU; as for the surface.
const LEAST_CONTRAST_HU: f64 = 120.0;
/// An edge further than this from the surface is another one, mm.
const MOST_MM: f64 = 1.0;
/// Sections this far apart along the axis are read together, against noise, mm.
const TOGETHER_MM: [f64; 3] = [-0.5, 0.0, 0.5];

/// The outline across `axis` with its sharp ends on the edge that `ct` shows; where it shows none,
/// they stay.
pub(super) fn sharpened(
    outline: Outline,
    solid: &Solid<'_>,
    axis: DVec3,
    ct: &Volume<i16>,
) -> Outline {
    let node_mm = solid.node_mm();
    let hu = |p: DVec3| ct.trilinear(solid.frame().point(Point::from_vec(p)));
    outline.moved(|corner, out, curvature| {
        let share = ((curvature * node_mm - BLUNT) / (SHARP - BLUNT)).clamp(0.0, 1.0);
        let together = |mm: f64| {
            let one = |t: &f64| hu(corner + out * mm + axis * *t);
            TOGETHER_MM.iter().map(one).sum::<Option<f64>>()
        };
        let edge = || edge_mm(|mm| Some(together(mm)? / TOGETHER_MM.len() as f64));
        if share > 0.0 { share * edge().unwrap_or(0.0) } else { 0.0 }
    })
}

/// Where `hu` falls half-way from its peak to the outside, mm outwards of where it is 0 mm off.
fn edge_mm(hu: impl Fn(f64) -> Option<f64>) -> Option<f64> {
    let mm = |n: usize| n as f64 * STEP_MM - READ_MM;
    let mut read = [0.0; SAMPLES];
    for (n, slot) in read.iter_mut().enumerate() {
        *slot = hu(mm(n))?;
    }
    let before = |n: &usize| mm(*n) <= PEAK_BEFORE_MM;
    let top = (0..SAMPLES).filter(before).max_by(|a, b| read[*a].total_cmp(&read[*b]))?;
    let outside = (0..SAMPLES).filter(|n| mm(*n) >= OUTSIDE_FROM_MM).map(|n| read[n]);
    let outside = outside.fold(f64::INFINITY, f64::min);
    let half = 0.5 * (read[top] + outside);
    let n = (top..SAMPLES - 1).find(|n| read[n + 1] < half)?;
    let edge = mm(n) + STEP_MM * (read[n] - half) / (read[n] - read[n + 1]);
    (read[top] - outside > LEAST_CONTRAST_HU && edge.abs() < MOST_MM).then_some(edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_is_half_way_from_the_peak_to_the_outside() {
        let ramp = |at: f64| move |mm: f64| Some((500.0 - 1000.0 * (mm - at)).clamp(0.0, 1000.0));
        for at in [-0.63, 0.0, 0.41] {
            let edge = edge_mm(ramp(at)).unwrap();
            assert!((edge - at).abs() < 1e-9, "{edge} for {at}");
        }
        assert_eq!(edge_mm(ramp(1.3)), None, "too far off");
        assert_eq!(edge_mm(|_| Some(200.0)), None, "no edge");
        assert_eq!(edge_mm(|mm| (mm < 1.0).then_some(200.0)), None, "the CT ends");
    }
}
