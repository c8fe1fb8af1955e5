//! What is soft and what is bone in this scan.
//!
//! The values of soft tissue are read off the image itself: kernel, dose, contrast and rescaling
//! errors move them.

/// Values read off one scan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tissue {
    /// The commonest HU of soft tissue.
    pub(super) soft_hu: f64,
    /// From here on a voxel counts as bone.
    pub(super) bone_hu: f64,
    /// Everything under bone was taken out of the image (a "bone CT"): its zeros say nothing.
    pub(super) is_bone_only: bool,
}

/// Bone starts this far above soft tissue: halfway to thin cortex as a 1 mm voxel sees it.
const BONE_OVER_SOFT_HU: f64 = 120.0;
/// Where soft tissue is looked for: water to enhanced muscle.
const SOFT_RANGE_HU: [i16; 2] = [15, 130];

/// Reads the tissue values of a scan.
pub(super) fn read<'a>(values: impl Iterator<Item = &'a i16>) -> Tissue {
    let mut counts = vec![0u64; 1 << 16];
    for hu in values {
        counts[(i32::from(*hu) + 32768) as usize] += 1;
    }
    let count = |hu: i32| counts[(hu + 32768) as usize];

    let soft: u64 = (1..=100).map(count).sum();
    let fat: u64 = (-150..=-1).map(count).sum();
    let dense: u64 = (200..=2000).map(count).sum();
    let is_bone_only = (soft + fat) * 4 < dense && count(0) > dense;
    if is_bone_only {
        let lowest = (1..=1000).find(|hu| count(*hu) > dense / 100_000 + 2).unwrap_or(1);
        return Tissue { soft_hu: 0.0, bone_hu: f64::from(lowest).min(200.0), is_bone_only };
    }
    // A running mean over 21 HU, so that one full bin (padding) does not decide.
    let around = |hu: i16| {
        let bins: Vec<u64> = (-10..=10).map(|d| count(i32::from(hu) + d)).collect();
        let mut sorted = bins.clone();
        sorted.sort_unstable();
        bins.iter().map(|n| (*n).min(3 * sorted[10])).sum::<u64>()
    };
    let mode = (SOFT_RANGE_HU[0]..=SOFT_RANGE_HU[1]).max_by_key(|hu| (around(*hu), -*hu));
    let soft_hu = mode.map_or(50.0, f64::from);
    Tissue { soft_hu, bone_hu: soft_hu + BONE_OVER_SOFT_HU, is_bone_only }
}
