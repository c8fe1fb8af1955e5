//! Numbers that carry their slope: one formula gives a value, or a value with its exact gradient.

use glam::DVec3;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// What a shape's formula is written in: `f64` for the value alone, [`Jet`] for value and slope.
pub(super) trait Real:
    Copy
    + From<f64>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Mul<f64, Output = Self>
{
    /// The plain value.
    fn value(self) -> f64;
    /// Square root; not for zero.
    fn sqrt(self) -> Self;
    /// Exponential.
    fn exp(self) -> Self;
    /// The number itself within the limits, the limit (with slope 0) beyond.
    fn clamp(self, low: f64, high: f64) -> Self {
        let value = self.value();
        if (low..=high).contains(&value) { self } else { value.clamp(low, high).into() }
    }
    /// Cubic smooth maximum: equals `max(a, b)` where they differ by `k` or more, and is `k / 6`
    /// above it where they are equal. Twice continuously differentiable.
    fn smooth_max(self, other: Self, k: f64) -> Self {
        let (high, low) = if self.value() >= other.value() { (self, other) } else { (other, self) };
        if high.value() - low.value() >= k {
            return high;
        }
        let h = Self::from(1.0) - (high - low) * (1.0 / k);
        high + h * h * h * (k / 6.0)
    }
    /// The mirror of [`Real::smooth_max`].
    fn smooth_min(self, other: Self, k: f64) -> Self {
        -(-self).smooth_max(-other, k)
    }
}

impl Real for f64 {
    fn value(self) -> f64 {
        self
    }
    fn sqrt(self) -> Self {
        self.sqrt()
    }
    fn exp(self) -> Self {
        self.exp()
    }
}

/// A value and its gradient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jet {
    pub(super) value: f64,
    pub(super) slope: DVec3,
}

impl Jet {
    /// The three coordinates of a point as numbers to differentiate by.
    pub(super) fn coordinates(p: DVec3) -> [Self; 3] {
        [(p.x, DVec3::X), (p.y, DVec3::Y), (p.z, DVec3::Z)]
            .map(|(value, slope)| Self { value, slope })
    }
}

impl From<f64> for Jet {
    fn from(value: f64) -> Self {
        Self { value, slope: DVec3::ZERO }
    }
}
impl Add for Jet {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self { value: self.value + o.value, slope: self.slope + o.slope }
    }
}
impl Sub for Jet {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        Self { value: self.value - o.value, slope: self.slope - o.slope }
    }
}
impl Mul for Jet {
    type Output = Self;
    fn mul(self, o: Self) -> Self {
        Self { value: self.value * o.value, slope: self.slope * o.value + o.slope * self.value }
    }
}
impl Div for Jet {
    type Output = Self;
    fn div(self, o: Self) -> Self {
        let value = self.value / o.value;
        Self { value, slope: (self.slope - o.slope * value) / o.value }
    }
}
impl Neg for Jet {
    type Output = Self;
    fn neg(self) -> Self {
        Self { value: -self.value, slope: -self.slope }
    }
}
impl Mul<f64> for Jet {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self { value: self.value * factor, slope: self.slope * factor }
    }
}
impl Real for Jet {
    fn value(self) -> f64 {
        self.value
    }
    fn sqrt(self) -> Self {
        let value = self.value.sqrt();
        Self { value, slope: self.slope / (2.0 * value) }
    }
    fn exp(self) -> Self {
        let value = self.value.exp();
        Self { value, slope: self.slope * value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_small_differences() {
        fn formula<N: Real>([x, y, z]: [N; 3]) -> N {
            let a = (x * x + y * 3.0).sqrt() / (z - N::from(5.0));
            a.smooth_max(y.exp() * -0.1, 2.0).smooth_min(x * z, 9.0) + (-x).clamp(-0.5, 0.5)
        }
        let p = DVec3::new(0.3, 0.9, 1.7);
        let jet = formula(Jet::coordinates(p));
        assert!((jet.value - formula(p.to_array())).abs() < 1e-15);
        for axis in DVec3::AXES {
            let at = |t: f64| formula((p + axis * t).to_array());
            assert!((jet.slope.dot(axis) - (at(1e-5) - at(-1e-5)) / 2e-5).abs() < 1e-8);
        }
    }

    #[test]
    fn a_seam_fills_and_reaches_no_further_than_said() {
        assert_eq!(1.0.smooth_max(5.0, 4.0), 5.0);
        assert!((2.0.smooth_max(2.0, 3.0) - 2.5).abs() < 1e-12);
        assert!((2.0.smooth_min(2.0, 3.0) - 1.5).abs() < 1e-12);
    }
}
