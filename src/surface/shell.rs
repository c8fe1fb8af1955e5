//! What a scanner makes of a thin bright cortex, and where the bone's edge lies in it.
//!
//! Along a line out of the bone the density is that of cancellous bone, then of cortex over a
//! thickness w, then of what lies outside; the scanner blurs it by a Gauss of sigma. In units of
//! sigma, with the outside at 0, the cortex at 1 and cancellous bone at a, and x growing outwards
//! from the bone's edge:
//!
//! `I(x) = Phi(-x) - (1 - a) Phi(-x - w)`
//!
//! Its maximum p lies at `x = -w/2 + ln(1 - a)/w` (where I' = 0), its value at the edge is
//! `I(0) = 1/2 - (1 - a) Phi(-w)`. A thick cortex has its edge half-way up (p = 1, I(0) = 1/2);
//! that of a thin one lies higher, towards its maximum, since the maximum itself is blurred away.
//! Half-way up what is seen lies too far out: by 0.4 sigma for a cortex of two sigmas' thickness,
//! by 0.5 for one and a half. Half-way up is where an edge is told most surely in noise, so the edge
//! is looked for there and then moved inwards by what the model says ([`Shell::inwards_mm`]). The true density of the cortex can not be read off such a cortex; it is found for a
//! whole vertebra at once, from the shape of mean profiles (as Treece et al., Med Image Anal 2010,
//! do with one density for a whole bone).

use rayon::prelude::*;

/// How much brighter than the brightest mean profile the unblurred cortex may be.
const BRIGHTEST: f64 = 1.8;
/// The edge moves at most so many sigmas inwards of half-way up. A cortex thinner than one and a
/// half sigmas would move further, by up to 1.2 sigmas, but how far hangs on a density that can not
/// be measured on it: such a cortex (end plates) comes out too far out by some tenths of a mm.
const MOST_INWARDS: f64 = 0.5;
/// How many densities up to there are tried.
const DENSITIES: i32 = 16;
/// Halvings in which a thickness or an edge is found: to a thousandth of a sigma.
const HALVINGS: usize = 14;
/// What counts as nearly as well explained, as a factor on the square of the misfit.
const SLACK: f64 = 1.3;

/// The normal distribution, within 1e-7 (Abramowitz and Stegun 7.1.26).
fn phi(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let poly = t
        * (0.254_829_592
            + t * (-0.284_496_736
                + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let upper = 0.5 * poly * (-z * z).exp();
    if x > 0.0 { 1.0 - upper } else { upper }
}

fn profile(x: f64, w: f64, a: f64) -> f64 {
    phi(-x) - (1.0 - a) * phi(-x - w)
}

/// The thickness in sigmas whose blurred maximum is `p`; `a` is the cancellous bone's share.
fn thickness(p: f64, a: f64) -> f64 {
    const THICK: f64 = 8.0;
    let (mut low, mut high) = (1e-3, THICK);
    let outwards = (1.0 - a).ln();
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if profile(-0.5 * middle + outwards / middle, middle, a) < p {
            low = middle
        } else {
            high = middle
        }
    }
    0.5 * (low + high)
}

/// A mean profile: samples at `positions_mm` (outwards), and the two levels it lies between.
pub(super) struct MeanProfile {
    pub positions_mm: Vec<f64>,
    pub hu: Vec<f64>,
    pub outside_hu: f64,
    pub inside_hu: f64,
    pub peak_hu: f64,
}

/// The cortex of one vertebra.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shell {
    /// Density of the unblurred cortex.
    pub cortex_hu: f64,
    /// Blur of the image across the surface, mm.
    pub sigma_mm: f64,
}

impl Shell {
    /// The shell that explains the mean profiles best; `None` without a profile.
    ///
    /// A thin bright cortex and a thicker, less bright one look nearly alike, and a mean of many
    /// profiles looks a little thicker than each: the brightest cortex that explains them nearly
    /// as well as the best is taken.
    pub fn fit(profiles: &[MeanProfile]) -> Option<Self> {
        let brightest = profiles.iter().map(|p| p.peak_hu).reduce(f64::max)?;
        let of_density = |brighter: i32| {
            let cortex_hu =
                brightest * (1.0 + (BRIGHTEST - 1.0) * f64::from(brighter) / f64::from(DENSITIES));
            let fits: Vec<Fit> = profiles.iter().map(|p| Fit::of(p, cortex_hu)).collect();
            let misfit: f64 = fits.iter().map(|fit| fit.misfit).sum();
            let sigma_mm = fits.iter().map(|fit| fit.sigma_mm).sum::<f64>() / fits.len() as f64;
            (misfit, Self { cortex_hu, sigma_mm })
        };
        let fits: Vec<(f64, Self)> = (1..=DENSITIES).into_par_iter().map(of_density).collect();
        let least = fits.iter().map(|(misfit, _)| *misfit).reduce(f64::min)?;
        let good = fits.into_iter().rev().find(|(misfit, _)| *misfit <= SLACK * least);
        good.map(|(_, shell)| shell)
    }
    /// How far inwards of its half-way crossing the bone's edge lies, mm.
    pub fn inwards_mm(&self, outside_hu: f64, inside_hu: f64, peak_hu: f64) -> f64 {
        let height = (self.cortex_hu - outside_hu).max(1.0);
        let a = ((inside_hu - outside_hu) / height).clamp(0.0, 0.9);
        let p = ((peak_hu - outside_hu) / height).clamp(a + 1e-3, 0.999);
        half_way(thickness(p, a), a, p).clamp(0.0, MOST_INWARDS) * self.sigma_mm
    }
}

/// Where outwards of its maximum `p` the profile is half of it, sigmas from the bone's edge.
fn half_way(w: f64, a: f64, p: f64) -> f64 {
    let (mut high, mut low) = (-0.5, 2.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if profile(middle, w, a) > 0.5 * p { high = middle } else { low = middle }
    }
    0.5 * (low + high)
}

/// The best description of one mean profile by a cortex of given density.
#[derive(Clone, Copy)]
struct Fit {
    edge_mm: f64,
    thickness_mm: f64,
    sigma_mm: f64,
    /// Mean square of what is left unexplained, HU².
    misfit: f64,
}

impl Fit {
    /// Least squares by trying steps of all parameters together, halved when none helps.
    fn of(mean: &MeanProfile, cortex_hu: f64) -> Self {
        let mut best = Self { edge_mm: 0.0, thickness_mm: 1.2, sigma_mm: 0.5, misfit: 0.0 };
        best.misfit = best.misfit_of(mean, cortex_hu);
        let mut step = 0.2;
        while step > 0.004 {
            let signs = (0..27).map(|n| [n % 3, n / 3 % 3, n / 9].map(|s| f64::from(s) - 1.0));
            let next = signs.map(|[e, t, s]| {
                let mut fit = Self {
                    edge_mm: best.edge_mm + e * step,
                    thickness_mm: (best.thickness_mm + t * step).clamp(0.1, 6.0),
                    sigma_mm: (best.sigma_mm + s * step).clamp(0.15, 2.0),
                    misfit: 0.0,
                };
                fit.misfit = fit.misfit_of(mean, cortex_hu);
                fit
            });
            match next.min_by(|a, b| a.misfit.total_cmp(&b.misfit)) {
                Some(next) if next.misfit < best.misfit => best = next,
                _ => step *= 0.5,
            }
        }
        best
    }
    fn misfit_of(&self, mean: &MeanProfile, cortex_hu: f64) -> f64 {
        let height = cortex_hu - mean.outside_hu;
        let a = ((mean.inside_hu - mean.outside_hu) / height).clamp(0.0, 0.9);
        let w = self.thickness_mm / self.sigma_mm;
        let square = |(x, hu): (&f64, &f64)| {
            let relative = profile((x - self.edge_mm) / self.sigma_mm, w, a);
            (mean.outside_hu + height * relative - hu).powi(2)
        };
        mean.positions_mm.iter().zip(&mean.hu).map(square).sum::<f64>() / mean.hu.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cortex of `thickness_mm` blurred by `sigma_mm`, its edge at 0.13 mm.
    fn seen(thickness_mm: f64, sigma_mm: f64) -> MeanProfile {
        let (outside_hu, inside_hu, cortex_hu) = (40.0, 220.0, 1100.0);
        let positions_mm: Vec<f64> = (0..17).map(|n| -2.0 + 0.25 * f64::from(n)).collect();
        let a = (inside_hu - outside_hu) / (cortex_hu - outside_hu);
        let at = |x: f64| {
            let relative = profile((x - 0.13) / sigma_mm, thickness_mm / sigma_mm, a);
            outside_hu + (cortex_hu - outside_hu) * relative
        };
        let hu: Vec<f64> = positions_mm.iter().map(|&x| at(x)).collect();
        let peak_hu = (0..400).map(|n| at(-2.0 + 0.01 * f64::from(n))).fold(0.0, f64::max);
        MeanProfile { positions_mm, hu, outside_hu, inside_hu, peak_hu }
    }

    /// Where samples first fall below `level` outwards of their maximum.
    fn crossing(positions: &[f64], values: &[f64], level: f64) -> Option<f64> {
        let top = (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]))?;
        let n = (top..values.len().saturating_sub(1)).find(|&n| values[n + 1] < level)?;
        let t = (values[n] - level) / (values[n] - values[n + 1]);
        (values[n] >= level).then(|| positions[n] + t * (positions[n + 1] - positions[n]))
    }

    #[test]
    fn the_edge_of_a_thin_cortex_is_found_within_a_few_hundredths_of_a_millimetre() {
        let profiles = [seen(0.9, 0.6), seen(1.2, 0.6), seen(1.6, 0.6)];
        let shell = Shell::fit(&profiles).expect("three profiles");
        for p in &profiles {
            let half = crossing(&p.positions_mm, &p.hu, 0.5 * (p.outside_hu + p.peak_hu));
            let inwards = shell.inwards_mm(p.outside_hu, p.inside_hu, p.peak_hu);
            let edge = half.expect("an edge") - inwards;
            assert!((edge - 0.13).abs() < 0.05, "{edge} with {shell:?}");
            assert!(inwards > 0.1, "half-way up lies too far out");
        }
    }

    #[test]
    fn a_very_thin_cortex_moves_no_further_inwards_than_said() {
        let thin = seen(0.4, 0.7);
        let shell = Shell { cortex_hu: 1100.0, sigma_mm: 0.7 };
        let inwards = shell.inwards_mm(thin.outside_hu, thin.inside_hu, thin.peak_hu);
        assert!((inwards - MOST_INWARDS * 0.7).abs() < 1e-9);
    }

    #[test]
    fn a_thick_cortex_has_its_edge_half_way_up() {
        let shell = Shell { cortex_hu: 1000.0, sigma_mm: 0.5 };
        assert!(shell.inwards_mm(0.0, 200.0, 999.0) < 0.01);
        assert!(
            shell.inwards_mm(0.0, 200.0, 200.0) <= 0.25,
            "no cortex: about half of what is there"
        );
    }
}
