//! Which vertebra is the sacrum.
//!
//! Wings of bone stand beside its body at half a hand's width, where other vertebrae have muscle
//! and thin processes; its front falls away backwards; and no long column of discs follows below.

use super::block::Block;
use super::curve::Station;
use super::disc::Disc;
use super::tissue::Tissue;
use glam::DVec3;

/// The sacrum among the vertebrae, and how sure that is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sacrum {
    /// Its number from the top, from 1.
    pub(super) vertebra: u8,
    /// 0 to 1.
    pub(super) sure: f64,
}

/// The sacrum and coccyx are no longer than this along their canal, mm.
const LONGEST_MM: usize = 190;
/// Share of bone beside the body that wings have and transverse processes have not. Read off eight
/// scans and phantoms: S1 0.30 to 0.39, L5 at most 0.20.
const WINGS: [f64; 2] = [0.20, 0.30];
/// Where the column goes on for so long below the last of its discs, mm, so much of them is enough:
/// the wings of an old sacrum are hardly seen.
const NO_DISC_MM: usize = 60;
const FAINT_WINGS: f64 = 0.12;

/// Finds the sacrum; `None` where the scan ends above it.
pub(super) fn find(
    ct: &Block<i16>,
    tissue: &Tissue,
    stations: &[Station],
    discs: &[Disc],
) -> Option<Sacrum> {
    let wings: Vec<f64> = discs.iter().map(|d| wing_share(ct, tissue, stations, d)).collect();
    let is_low = |n: &usize| stations.len() - discs[*n].station <= LONGEST_MM;
    let score = |n: &usize| wings[*n] + 0.15 * falls_away(stations, &discs[*n]);
    let is_last =
        |n: usize| n + 1 == discs.len() && stations.len() - discs[n].station >= NO_DISC_MM;
    let least = |n: usize| if is_last(n) { FAINT_WINGS } else { WINGS[0] };
    let best = (0..discs.len())
        .filter(is_low)
        .max_by(|a, b| score(a).total_cmp(&score(b)))
        .filter(|n| wings[*n] > least(*n))?;
    let above = best.checked_sub(1).map_or(0.0, |n| wings[n]);
    let clear = ((wings[best] - WINGS[0]) / (WINGS[1] - WINGS[0])).clamp(0.0, 1.0);
    let step = ((wings[best] - above) / 0.08).clamp(0.0, 1.0);
    Some(Sacrum { vertebra: best as u8 + 2, sure: clear * (0.4 + 0.6 * step) })
}

/// The share of bone to both sides of the body under a disc; the poorer side counts.
pub(super) fn wing_share(
    ct: &Block<i16>,
    tissue: &Tissue,
    stations: &[Station],
    disc: &Disc,
) -> f64 {
    let s = &stations[disc.station];
    let side = |sign: f64| {
        let (mut bone, mut all) = (0.0, 0.0);
        for ahead in (-16..=8).step_by(3) {
            for aside in (26..=42).step_by(2) {
                for below in (4..=20).step_by(2) {
                    let p = disc.middle - disc.up * f64::from(below)
                        + s.front * f64::from(ahead)
                        + s.left * (f64::from(aside) * sign);
                    if ct.sample(p) > -1500.0 {
                        bone += f64::from(u8::from(is_bony(
                            ct,
                            tissue,
                            p,
                            [s.front, -s.front, s.left * sign],
                        )));
                        all += 1.0;
                    }
                }
            }
        }
        if all < 100.0 { 0.0 } else { bone / all }
    };
    let (left, right) = (side(1.0), side(-1.0));
    (left.min(right) * 2.0 + left.max(right)) / 3.0
}

/// Whether a point is bone, or has bone in all these directions: the marrow of an old sacrum's wing
/// is no denser than muscle, but muscle has no bone in front of it.
fn is_bony(ct: &Block<i16>, tissue: &Tissue, p: DVec3, around: [DVec3; 3]) -> bool {
    const THICK_MM: i32 = 30;
    let is_bone = |at: DVec3| ct.sample(at) > tissue.bone_hu;
    let hits = |dir: DVec3| (1..=THICK_MM).any(|mm| is_bone(p + dir * f64::from(mm)));
    is_bone(p) || around.into_iter().all(hits)
}

/// How much the column loses of its depth within the height of a vertebra and a half, 0 to 1.
fn falls_away(stations: &[Station], disc: &Disc) -> f64 {
    let depth = |n: usize| {
        let s = &stations[n.min(stations.len() - 1)];
        s.depth_mm - s.wall_mm
    };
    let above = depth(disc.station.saturating_sub(12));
    ((above - depth(disc.station + 48)) / above).clamp(0.0, 0.5) * 2.0
}
