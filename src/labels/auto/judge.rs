//! The labels as they are handed out, with how sure each level is and what to look at.

use super::block::Block;
use super::names::Names;
use super::split::Column;
use super::{Automatic, FoundLevel, LOW_CONFIDENCE, on_grid};
use crate::labels::numbering::verse_value;
use crate::labels::{Level, stats};
use crate::volume::Volume;
use std::collections::BTreeMap;

/// A smaller piece at the end of the scan is no vertebra, cm³.
const SMALLEST_CM3: f64 = 3.0;
/// Neighbours of one spine differ by no more than this in volume, unless one is broken, fused or
/// wrongly parted.
const UNLIKE: f64 = 1.8;
/// No bone is denser than this, HU.
const METAL_HU: i16 = 2500;
/// So much metal is an implant and not a dense spot, mm³.
const IMPLANT_MM3: f64 = 60.0;

/// Labels on the CT's grid, the levels and the warnings.
pub(super) fn judged(
    ct: &Volume<i16>,
    part: &Block<i16>,
    names: &Block<u8>,
    column: &Column,
    named: &Names,
) -> Automatic {
    let cm3 = volumes(names, column.count());
    let is_kept = |n: usize| cm3[n] >= SMALLEST_CM3;
    let value = |name: u8| match named.levels.get(usize::from(name).wrapping_sub(1)) {
        Some(level) if name <= column.count() && is_kept(usize::from(name) - 1) => {
            verse_value(*level)
        }
        _ => 0,
    };
    let volume = on_grid(ct, names, value);
    let found = stats::of(&volume);
    let mut warnings = Vec::new();
    let levels = (0..named.levels.len())
        .filter(|n| is_kept(*n))
        .filter_map(|n| {
            let stats = found.get(&verse_value(named.levels[n]))?;
            Some(one_level(
                n,
                column,
                named,
                &cm3,
                stats,
                ct.grid().voxel_volume_mm3(),
                &mut warnings,
            ))
        })
        .collect::<Vec<_>>();
    metal(part, names, column, named, &mut warnings);
    let low: Vec<String> = levels
        .iter()
        .filter(|l| l.confidence < LOW_CONFIDENCE)
        .map(|l| l.level.to_string())
        .collect();
    warnings.splice(0..0, named.doubts.iter().cloned());
    if !low.is_empty() {
        let said =
            format!("the names and borders of {} are not sure ({})", low.join(", "), named.because);
        warnings.insert(0, said);
    }
    Automatic { volume, levels, warnings }
}

fn one_level(
    n: usize,
    column: &Column,
    named: &Names,
    cm3: &[f64],
    stats: &stats::LabelStats,
    voxel_mm3: f64,
    warnings: &mut Vec<String>,
) -> FoundLevel {
    let level = named.levels[n];
    let is_cut_off = stats.is_cut_off();
    let mut sure = named.sure;
    let discs = [n.checked_sub(1), Some(n)].into_iter().flatten();
    if discs.filter_map(|d| column.discs.get(d)).any(|d| d.is_guessed) {
        sure *= 0.6;
        warnings.push(format!(
            "no clear disc was seen beside {level}: fused, broken or wrongly parted"
        ));
    }
    let beside = [n.checked_sub(1), Some(n + 1)].into_iter().flatten();
    let is_end = column.sacrum.is_some_and(|s| usize::from(s) == n + 1);
    let unlike = beside
        .filter(|m| column.sacrum.is_none_or(|s| usize::from(s) != m + 1))
        .filter_map(|m| cm3.get(m))
        .filter(|other| **other > super::judge::SMALLEST_CM3)
        .all(|other| cm3[n] / other > UNLIKE || other / cm3[n] > UNLIKE);
    if unlike && !is_end && !is_cut_off && cm3.len() > 2 {
        sure *= 0.6;
        warnings.push(format!(
            "{level} is much larger or smaller than its neighbours: look at its border"
        ));
    }
    FoundLevel {
        level,
        value: verse_value(level),
        volume_cm3: stats.voxels as f64 * voxel_mm3 / 1000.0,
        confidence: (sure * 100.0).round() / 100.0,
        is_cut_off,
    }
}

/// Volume of each vertebra, cm³.
fn volumes(names: &Block<u8>, count: u8) -> Vec<f64> {
    let mut voxels = vec![0u64; 256];
    for name in &names.data {
        voxels[usize::from(*name)] += 1;
    }
    let voxel = names.step_mm.powi(3) / 1000.0;
    (1..=usize::from(count)).map(|n| voxels[n] as f64 * voxel).collect()
}

/// Says which levels hold metal: borders are not to be trusted there.
fn metal(
    part: &Block<i16>,
    names: &Block<u8>,
    column: &Column,
    named: &Names,
    warnings: &mut Vec<String>,
) {
    let mut found = BTreeMap::<Level, f64>::new();
    for (hu, name) in part.data.iter().zip(&names.data) {
        if *hu >= METAL_HU && (1..=column.count()).contains(name) {
            *found.entry(named.levels[usize::from(*name) - 1]).or_default() += part.step_mm.powi(3);
        }
    }
    for (level, mm3) in found {
        if mm3 >= IMPLANT_MM3 {
            warnings.push(format!("{level} holds metal: its border is not to be trusted near it"));
        }
    }
}
