//! A shape along lines: [`told`](super::told) from place to place.
//!
//! In: a [`Shape`], a place and a direction. Out: the shape's values along that line, the same as
//! [`Shape::value`] tells; what a solid said when it was asked last tells whether to ask it again.

use super::told::Told;
use super::{Real, Shape};
use glam::DVec3;

/// A place from which lines are followed.
#[derive(Clone, Debug)]
pub(in crate::phantom) struct Origin<'a> {
    shape: &'a Shape,
    told: Told,
}

impl<'a> Origin<'a> {
    pub(in crate::phantom) fn new(shape: &'a Shape, place: DVec3) -> Self {
        Self { shape, told: shape.told_at(place) }
    }
    /// The line in the direction of the unit vector `way`.
    pub(in crate::phantom) fn along(&self, way: DVec3) -> Along<'a> {
        let Self { shape, told } = self;
        let asked = |values: &[f64]| values.iter().map(|&value| Asked { at: 0.0, value }).collect();
        let [added, cut] = [&told.added, &told.cut].map(|values| asked(values));
        Along { shape, place: told.place, way, added, cut }
    }
}

/// What a solid said when it was asked last, and where along the line that was, mm.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: f64,
    value: f64,
}

impl Asked {
    /// The most that a solid can say at `t` that is so steep at most.
    fn most(&self, t: f64, steepest: f64) -> f64 {
        self.value + steepest * (t - self.at).abs()
    }
}

/// One line from a place.
#[derive(Clone, Debug)]
pub(in crate::phantom) struct Along<'a> {
    shape: &'a Shape,
    place: DVec3,
    way: DVec3,
    added: Vec<Asked>,
    cut: Vec<Asked>,
}

impl Along<'_> {
    /// Positive inside; `t` mm from the place the line comes from.
    pub(in crate::phantom) fn value(&mut self, t: f64) -> f64 {
        let p = (self.place + self.way * t).to_array();
        let mut bone = -1e3;
        for (part, asked) in self.shape.added.iter().zip(&mut self.added) {
            if asked.most(t, part.steepest) > bone - part.seam_mm {
                *asked = Asked { at: t, value: part.solid.value(p) };
                bone = bone.smooth_max(asked.value, part.seam_mm);
            }
        }
        for (part, asked) in self.shape.cut.iter().zip(&mut self.cut) {
            if -asked.most(t, part.steepest) - part.gap_mm < bone + part.seam_mm {
                *asked = Asked { at: t, value: part.solid.value(p) };
                bone = bone.smooth_min(-asked.value - part.gap_mm, part.seam_mm);
            }
        }
        bone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phantom::{Phantom, Spec};

    #[test]
    fn along_a_line_and_near_a_place_it_is_the_whole_shape() {
        let phantom =
            Phantom::new(&Spec { levels: Spec::whole_column(), ..Spec::default() }).unwrap();
        let part = |n: u32, step: f64| 2.0 * (f64::from(n) * step).fract() - 1.0;
        for bone in &phantom.bones {
            let shape = bone.shape();
            for n in 1..1000 {
                let place = DVec3::new(part(n, 0.819), part(n, 0.671), part(n, 0.549)) * 40.0;
                let way =
                    DVec3::new(part(n, 0.37), part(n, 0.73), part(n, 0.91)).normalize_or(DVec3::X);
                let mut line = Origin::new(shape, place).along(way);
                let told = shape.told_at(place);
                // There and back, by steps as short and as long as rays take.
                for t in [0.0, 0.01, 2.0, 2.01, 1.0, 9.0, 30.0, 29.9, 29.901, 3.0] {
                    let whole = shape.value((place + way * t).to_array());
                    assert_eq!(line.value(t), whole, "{} {place} {way} {t}", bone.level());
                    let near = shape.value_near(&told, (place + way * t).to_array());
                    assert_eq!(near, whole, "{} {place} {way} {t}", bone.level());
                }
            }
        }
    }
}
