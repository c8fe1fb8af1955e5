//! Numbers that look random and depend on nothing but what is asked, and the normal distribution.

pub(super) use super::sizes::{mix, unit};
use glam::{DVec3, IVec3};

/// The normal distribution's cumulative function; within 2e-7 (Abramowitz and Stegun 7.1.26).
pub(super) fn phi(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    if z > 4.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let series = t
        * (0.254_829_592
            + t * (-0.284_496_736
                + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = 0.5 * series * (-z * z).exp();
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// A number of mean 0 and deviation 1, close to normal, that depends on `x` alone: the sum of four
/// equal shares.
pub(super) fn gauss(x: u64) -> f64 {
    let (a, b) = (mix(x), mix(x ^ 0x5bd1_e995_0000_0001));
    let half = |h: u64| (h & 0xffff_ffff) as f64 / 4_294_967_296.0;
    let sum = unit(a) + half(a) + unit(b) + half(b);
    (sum - 2.0) * 3f64.sqrt()
}

/// A field between about -1 and 1 that changes over a length of one: random numbers on a lattice,
/// smoothly joined.
pub(super) fn lattice(seed: u64, p: DVec3) -> f64 {
    let floor = p.floor();
    let cell: IVec3 = floor.as_ivec3();
    let t = p - floor;
    let t = t * t * (DVec3::splat(3.0) - t * 2.0);
    let corner = |x: i32, y: i32, z: i32| {
        let c = cell + IVec3::new(x, y, z);
        let word = [c.x, c.y, c.z].into_iter().fold(seed, |h, v| mix(h ^ v as u32 as u64));
        2.0 * unit(word) - 1.0
    };
    let along_x = |y: i32, z: i32| corner(0, y, z) * (1.0 - t.x) + corner(1, y, z) * t.x;
    let along_y = |z: i32| along_x(0, z) * (1.0 - t.y) + along_x(1, z) * t.y;
    along_y(0) * (1.0 - t.z) + along_y(1) * t.z
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phi_is_the_normal_distribution() {
        for (x, want) in [(0.0, 0.5), (1.0, 0.841_344_746), (-2.0, 0.022_750_132), (9.0, 1.0)] {
            assert!((phi(x) - want).abs() < 3e-7, "{x}");
        }
    }

    #[test]
    fn noise_has_mean_zero_and_deviation_one() {
        let n = 100_000;
        let (sum, squares) = (0..n).map(gauss).fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
        assert!((sum / n as f64).abs() < 0.02);
        assert!((squares / n as f64 - 1.0).abs() < 0.02);
    }

    #[test]
    fn the_lattice_has_no_jumps() {
        let at = |n: i32| lattice(7, DVec3::new(f64::from(n) * 0.01, 0.3, -0.7));
        let most = (-300..300).map(|n| (at(n + 1) - at(n)).abs()).fold(0.0, f64::max);
        assert!(most < 0.05 && most > 0.001, "{most}");
    }
}
