//! How a CT's values are spread: histogram and percentiles.

use super::Volume;
use crate::work::on_pool;
use ndarray::Axis;
use rayon::prelude::*;

/// How often each HU occurs, from `i16::MIN` on.
fn histogram(ct: &Volume<i16>) -> Vec<u64> {
    let empty = || vec![0u64; 1 << 16];
    on_pool(|| {
        let slabs = ct.data().axis_iter(Axis(0)).into_par_iter();
        slabs
            .fold(empty, |mut counts, slab| {
                for hu in slab {
                    counts[(i32::from(*hu) - i32::from(i16::MIN)) as usize] += 1;
                }
                counts
            })
            .reduce(empty, |a, b| a.into_iter().zip(b).map(|(a, b)| a + b).collect())
    })
}

/// The HU below or at which the given percentages (0 to 100) of the voxels lie.
pub fn percentiles<const N: usize>(ct: &Volume<i16>, percent: [f64; N]) -> [f64; N] {
    let counts = histogram(ct);
    let all: u64 = counts.iter().sum();
    percent.map(|percent| {
        // At least one voxel, so that 0 % is the smallest value there is; a hair less than the
        // share, so that rounding does not ask for one voxel more.
        let wanted = (percent * all as f64 / 100.0 - 1e-6).ceil().max(1.0);
        let mut seen = 0;
        let index = counts.iter().position(|count| {
            seen += count;
            seen as f64 >= wanted
        });
        index.map_or(0.0, |n| n as f64 + f64::from(i16::MIN))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Point;
    use crate::volume::{Grid, Window};

    #[test]
    fn percentiles_of_a_ramp_are_its_values() {
        let grid = Grid::along_axes(Point::ORIGIN, 1.0, [10, 10, 10]);
        let ct = Volume::from_fn(grid, |[i, j, k]| (i + 10 * j + 100 * k) as i16 - 100);
        assert_eq!(
            percentiles(&ct, [0.0, 0.1, 50.0, 99.9, 100.0]),
            [-100.0, -100.0, 399.0, 898.0, 899.0]
        );
        assert_eq!(Window::start(None, &ct), Window::of_range([-100.0, 898.0]));
        assert_eq!(Window::start(Some((400.0, 40.0)), &ct), Window::new(400.0, 40.0));
    }
}
