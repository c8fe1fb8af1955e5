//! The labels as they are handed out, with how sure each level is and what to look at.

use super::block::Block;
use super::disc::Disc;
use super::names::Names;
use super::parting::{Doubt, Parting};
use super::signs::{self, Signs};
use super::split::Column;
use super::tissue::Tissue;
use super::{Automatic, FoundLevel, LOW_CONFIDENCE, on_grid};
use crate::labels::Level;
use crate::labels::numbering::verse_value;
use crate::labels::stats::{self, LabelStats};
use crate::volume::Volume;
use glam::DVec3;
use std::collections::BTreeSet;

/// A smaller piece at the end of the scan is no vertebra, cm³.
const SMALLEST_CM3: f64 = 3.0;
/// The logarithm of a vertebra's volume against its neighbours': from here on it is odd, and here
/// it is worth half. From level to level it changes by a tenth; a crushed body costs a quarter; two
/// vertebrae taken for one are larger by 0.5 to 0.7.
const ODD: [f64; 2] = [0.25, 0.5];
/// A piece at the end of the column with less than this share of its neighbour's volume is no whole
/// vertebra, whatever the image shows beyond it.
const PART_SHARE: f64 = 0.7;
/// What is left of the sacrum's border where its marrow is not bone by its HU: of its wings only
/// what the cortex closes in is found.
const HOLLOW: f64 = 0.5;
/// No bone is denser than this, HU.
const METAL_HU: i16 = 2500;
/// So much metal is an implant and not a dense spot, mm³.
const IMPLANT_MM3: f64 = 60.0;
/// Metal up to this far outside of a vertebra (a rod, a screw's head) blots out its border as well.
const METAL_BESIDE_MM: f64 = 3.0;
/// What a border beside metal is worth at most: an overlap of 0.93 is all that is expected, since the
/// sharp edge of metal passes for one of bone.
const BESIDE_METAL: f64 = 0.78;

/// Labels on the CT's grid, the levels and the warnings. The image is wanted twice: as it was used,
/// and with edges as sharp as they are.
pub(super) fn judged(
    ct: &Volume<i16>,
    [part, edges]: [&Block<i16>; 2],
    names: &Block<u8>,
    tissue: &Tissue,
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
    let parting = Parting::of(column);
    let mut signs = signs::read(edges, names, tissue, column);
    let ribless = signs.iter_mut().zip(&named.levels).filter(|(_, level)| level.region() != 'T');
    ribless.for_each(|(signs, _)| signs.necks = 0.0);
    if parting.doubts.iter().flatten().any(|d| *d == Doubt::AllHeights) {
        warnings.push(
            "the vertebrae are too low or too tall for their depth: they may be wrongly parted"
                .to_owned(),
        );
    }
    let is_dark = marrow_hu(part, column).is_some_and(|hu| hu < tissue.bone_hu);
    if is_dark {
        warnings.push(
            "the marrow is as dark as soft tissue: borders may be wrong where the cortex is thin, \
             most of all the sacrum's"
                .to_owned(),
        );
    }
    let metal_mm3 = metal_mm3(part, names, column.count());
    let holds_metal = |n: usize| metal_mm3[n] >= IMPLANT_MM3;
    let levels = (0..named.levels.len())
        .filter(|n| is_kept(*n))
        .filter_map(|n| {
            let stats = found.get(&verse_value(named.levels[n]))?;
            let judge = Judge { n, column, level: named.levels[n], cm3: &cm3, signs: signs[n] };
            let missing = judge.missing(stats);
            let border = judge.border(missing, &parting.doubts[n], &mut warnings);
            let border = if is_dark && judge.is_sacrum(n) { border * HOLLOW } else { border };
            let border = if holds_metal(n) { border.min(BESIDE_METAL) } else { border };
            let name = named.sure * parting.counted(n, named.known);
            Some(FoundLevel {
                level: named.levels[n],
                value: verse_value(named.levels[n]),
                volume_cm3: stats.voxels as f64 * ct.grid().voxel_volume_mm3() / 1000.0,
                name_confidence: hundredths(name),
                border_confidence: hundredths(border),
                confidence: hundredths(name * border),
                is_cut_off: missing == Some(Missing::BeyondImage),
            })
        })
        .collect::<Vec<_>>();
    let with_metal = named.levels.iter().enumerate().filter(|(n, _)| holds_metal(*n));
    warnings.extend(
        with_metal.map(|(_, level)| {
            format!("{level} holds metal: its border is not to be trusted near it")
        }),
    );
    warnings.splice(0..0, unclear(named, &signs, &levels));
    let [names, borders] = low(&levels, named);
    let name_doubts = names.iter().chain(&named.doubts).cloned().collect();
    warnings.splice(0..0, named.doubts.iter().cloned());
    warnings.splice(0..0, names.into_iter().chain(borders));
    Automatic { volume, levels, warnings, name_doubts }
}

fn hundredths(share: f64) -> f64 {
    (share * 100.0).round() / 100.0
}

/// Which levels are not sure by their names, and which by their borders; `None` where none is.
fn low(levels: &[FoundLevel], named: &Names) -> [Option<String>; 2] {
    let those = |is_low: &dyn Fn(&FoundLevel) -> bool| {
        let low = levels.iter().filter(|l| is_low(l)).map(|l| l.level.to_string());
        low.collect::<Vec<_>>().join(", ")
    };
    let names = those(&|l| l.confidence < LOW_CONFIDENCE && l.name_confidence < 0.8);
    let borders = those(&|l| l.confidence < LOW_CONFIDENCE && l.border_confidence < 0.8);
    let because = &named.because;
    [
        (!names.is_empty()).then(|| format!("the names of {names} are not sure ({because})")),
        (!borders.is_empty())
            .then(|| format!("the borders of {borders} are not sure: look at them on the slices")),
    ]
}

/// Where this share of a border was cut through bone, or lies on no edge, it is said.
const SEVERED: f64 = 0.04;
const EDGELESS: f64 = 0.1;
/// And where this share of a vertebra looks like the neck of a rib.
const NECKS: f64 = 0.005;

/// Says what is wrong with borders that are not seen in the image.
fn unclear(named: &Names, signs: &[Signs], levels: &[FoundLevel]) -> Vec<String> {
    let those = |is_so: &dyn Fn(&Signs) -> bool| {
        let named = named.levels.iter().zip(signs);
        let so = named
            .filter(|(level, signs)| is_so(signs) && levels.iter().any(|l| l.level == **level));
        so.map(|(level, _)| level.to_string()).collect::<Vec<_>>().join(", ")
    };
    let (severed, edgeless) =
        (those(&|s| s.severed >= SEVERED), those(&|s| s.edgeless >= EDGELESS));
    let necks = those(&|s| s.necks >= NECKS);
    let mut said = Vec::new();
    if !severed.is_empty() {
        said.push(format!(
            "some joints of {severed} can not be seen: the border runs through bone there"
        ));
    }
    if !edgeless.is_empty() {
        said.push(format!(
            "part of the border of {edgeless} lies on no edge of the image (thin bone, noise or \
             thick slices)"
        ));
    }
    if !necks.is_empty() {
        said.push(format!("part of a rib may be left on {necks}: look beside the body"));
    }
    said
}

/// Why a level is no whole vertebra.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// The image ends inside it.
    BeyondImage,
    /// The image goes on, but what was found is too small.
    NotFound,
}

impl Missing {
    /// In words.
    fn said(self, level: Level) -> String {
        match self {
            Self::BeyondImage => format!(
                "the image cuts {level} off: what is seen of it is no whole vertebra, so do not \
                 measure it or plan on it"
            ),
            Self::NotFound => format!(
                "{level} is too small beside the next level: part of it was not found, or it is no \
                 vertebra; mend its label before you measure it or plan on it"
            ),
        }
    }
}

/// What is known of one vertebra's border.
struct Judge<'a> {
    /// Its place from the top, from 0.
    n: usize,
    column: &'a Column<'a>,
    level: Level,
    /// Volumes of all vertebrae.
    cm3: &'a [f64],
    signs: Signs,
}

impl Judge<'_> {
    fn is_sacrum(&self, n: usize) -> bool {
        self.column.sacrum.is_some_and(|s| usize::from(s) == n + 1)
    }
    /// The vertebrae above and below that can be compared with, and their volumes.
    fn beside(&self) -> impl Iterator<Item = f64> {
        [self.n.checked_sub(1), Some(self.n + 1)]
            .into_iter()
            .flatten()
            .filter(|m| !self.is_sacrum(*m))
            .filter_map(|m| self.cm3.get(m).copied())
            .filter(|cm3| *cm3 >= SMALLEST_CM3)
    }
    /// The first or last piece of the column, too small to be a whole vertebra.
    fn is_part(&self) -> bool {
        let is_end = self.n == 0 || self.n + 1 == self.cm3.len();
        let beside = self.beside().fold(0.0, f64::max);
        is_end && !self.is_sacrum(self.n) && self.cm3[self.n] < PART_SHARE * beside
    }
    /// Whether, and why, it is no whole vertebra. The image is to blame only where the label comes to
    /// its end.
    fn missing(&self, stats: &LabelStats) -> Option<Missing> {
        let is_at_end = stats.at_border > 0;
        match self.is_part() {
            _ if stats.is_cut_off() => Some(Missing::BeyondImage),
            true if is_at_end => Some(Missing::BeyondImage),
            true => Some(Missing::NotFound),
            false => None,
        }
    }
    /// How sure the border is, 0 to 1; says what speaks against it.
    fn border(
        &self,
        missing: Option<Missing>,
        doubts: &[Doubt],
        warnings: &mut Vec<String>,
    ) -> f64 {
        let level = self.level;
        warnings.extend(doubts.iter().filter_map(|doubt| said(*doubt, level)));
        if let Some(missing) = missing {
            warnings.push(missing.said(level));
            return 0.5;
        }
        let odd = self.odd();
        if odd > (ODD[0] + ODD[1]) / 2.0 {
            warnings.push(format!(
                "{level} is much larger or smaller than its neighbours: look at its border"
            ));
        }
        self.signs.sure() * worth(odd)
    }
    /// How unlike the like of it is: the logarithm of its volume over its neighbours' mean.
    fn odd(&self) -> f64 {
        let logs: Vec<f64> = self.beside().map(f64::ln).collect();
        if self.is_sacrum(self.n) || logs.is_empty() {
            return 0.0;
        }
        (self.cm3[self.n].ln() - logs.iter().sum::<f64>() / logs.len() as f64).abs()
    }
}

/// What a border is worth whose vertebra is so odd.
fn worth(odd: f64) -> f64 {
    1.0 - ((odd - ODD[0]) / (ODD[1] - ODD[0])).clamp(0.0, 1.5) / 2.0
}

/// What a doubt says of a level; one that concerns all is said once, elsewhere.
fn said(doubt: Doubt, level: Level) -> Option<String> {
    let why = match doubt {
        Doubt::NoDisc => format!("no clear disc was seen beside {level}: fused, broken"),
        Doubt::NoPedicles => format!("no pedicles were seen at {level}: broken"),
        Doubt::Height => format!("{level} is much taller or lower than the others: fused, broken"),
        Doubt::AllHeights => return None,
    };
    Some(why + " or wrongly parted")
}

/// HU in the middle of the bodies between two discs: the mean round each, of them the middle one.
fn marrow_hu(part: &Block<i16>, column: &Column) -> Option<f64> {
    const NEAR_MM: [f64; 3] = [-5.0, 0.0, 5.0];
    let body = |pair: &[Disc]| {
        let middle = (pair[0].middle + pair[1].middle) / 2.0;
        let around = NEAR_MM.into_iter().flat_map(|x| {
            NEAR_MM.into_iter().flat_map(move |y| NEAR_MM.map(|z| DVec3::new(x, y, z)))
        });
        around.map(|d| part.sample(middle + d)).sum::<f64>() / 27.0
    };
    let mut all: Vec<f64> = column.discs.windows(2).map(body).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
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

/// How much metal lies in each vertebra or beside it, mm³, head first.
fn metal_mm3(part: &Block<i16>, names: &Block<u8>, count: u8) -> Vec<f64> {
    let reach = (METAL_BESIDE_MM / part.step_mm).round() as usize;
    let mut found = vec![0.0; usize::from(count)];
    for (voxel, _) in part.data.iter().enumerate().filter(|(_, hu)| **hu >= METAL_HU) {
        let beside = axes(names, voxel, reach);
        let near: BTreeSet<u8> = beside.map(|n| names.data[n]).collect();
        for name in near.range(1..=count) {
            found[usize::from(*name) - 1] += part.step_mm.powi(3);
        }
    }
    found
}

/// A voxel, and those that lie up to `reach` steps from it along an axis.
fn axes<T>(block: &Block<T>, voxel: usize, reach: usize) -> impl Iterator<Item = usize> {
    let [width, height, _] = block.size;
    let (length, row) = (block.data.len() as isize, (width * height) as isize);
    let steps = [1, width as isize, row]
        .map(|step| (-(reach as isize)..=reach as isize).map(move |n| n * step));
    let there = steps.into_iter().flatten().map(move |by| voxel as isize + by);
    there.filter(move |at| (0..length).contains(at)).map(|at| at as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_vertebrae_taken_for_one_are_not_sure_and_a_crushed_one_is() {
        for (ratio, is_low) in [(1.65_f64, true), (1.9, true), (0.55, true), (0.75, false)] {
            assert_eq!(worth(ratio.ln().abs()) < LOW_CONFIDENCE, is_low, "{ratio}");
        }
        assert!(worth(0.1) > 0.99, "from level to level it changes by a tenth");
    }
}
