//! Four triangles, measured at once.
//!
//! In: their corners. Out: the ways from their nearest points to a place, the same to the last bit as by
//! [`closest_point`](super::triangles::closest_point) one by one.

use glam::{BVec4A, Vec3, Vec4};
use std::array::from_fn;

/// Four vectors, by their components.
pub(super) type Vectors = [Vec4; 3];

/// Four triangles, or fewer with the last one again in place of those that lack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Four {
    corners: [Vectors; 3],
    /// Their numbers.
    pub triangles: [u32; 4],
}

impl Four {
    /// Of triangles and their corners, of which there is one at least.
    pub fn new(triangles: &[u32], corners_of: impl Fn(u32) -> [Vec3; 3]) -> Self {
        let triangles = from_fn(|n| triangles[n.min(triangles.len() - 1)]);
        let of_each = triangles.map(corners_of);
        let corner = |c: usize| from_fn(|axis| Vec4::from_array(of_each.map(|of| of[c][axis])));
        Self { corners: from_fn(corner), triangles }
    }

    /// The ways to `p` from the point of each that is nearest to it, by components, and their squares.
    #[inline(always)]
    pub fn away(&self, p: Vec3) -> (Vectors, Vec4) {
        let p = p.to_array().map(Vec4::splat);
        let away = less(p, self.nearest(p));
        (away, dot(away, away))
    }

    /// The nearest of them to `p`: the square of its distance, its point and its number.
    #[inline(always)]
    pub fn nearest_to(&self, p: Vec3) -> (f32, Vec3, u32) {
        let place = p.to_array().map(Vec4::splat);
        let points = self.nearest(place);
        let away = less(points, place);
        let squares = dot(away, away);
        let n = squares.min_position();
        (squares[n], Vec3::from_array(points.map(|axis| axis[n])), self.triangles[n])
    }

    /// The point of each that is nearest to a place of its own, by components (Ericson, Real-Time
    /// Collision Detection, 5.1.5).
    #[inline(always)]
    pub fn nearest(&self, p: Vectors) -> Vectors {
        let [a, b, c] = self.corners;
        let (ab, ac, ap, bp, cp) = (less(b, a), less(c, a), less(p, a), less(p, b), less(p, c));
        let (d1, d2) = (dot(ab, ap), dot(ac, ap));
        let (d3, d4) = (dot(ab, bp), dot(ac, bp));
        let (d5, d6) = (dot(ab, cp), dot(ac, cp));
        let (va, vb, vc) = (d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2);
        let area = va + vb + vc;

        // Where the nearest point lies, told by the first of these questions that holds; it is `a` by the
        // one that all begin with.
        let none = Vec4::ZERO;
        let (under, over) = (|x: Vec4| x.cmple(none), |x: Vec4| x.cmpge(none));
        let mut open = !(under(d1) & under(d2));
        let mut first = |holds: BVec4A| {
            let is_first = holds & open;
            open &= !holds;
            is_first
        };
        let at_b = first(over(d3) & d4.cmple(d3));
        let on_ab = first(under(vc) & over(d1) & under(d3) & d1.cmpgt(d3));
        let at_c = first(over(d6) & d5.cmple(d6));
        let on_ac = first(under(vb) & over(d2) & under(d6) & d2.cmpgt(d6));
        let is_edge = d4.cmpgt(d3) | d5.cmpgt(d6);
        let on_bc = first(under(va) & d4.cmpge(d3) & d5.cmpge(d6) & is_edge);
        let within = first(area.cmpgt(none));

        // It lies at `from + way * s + ac * t`.
        let pick = |of: BVec4A, these: Vectors, others: Vectors| -> Vectors {
            from_fn(|axis| Vec4::select(of, these[axis], others[axis]))
        };
        let from = pick(at_b | on_bc, b, pick(at_c, c, a));
        let way = pick(on_bc, less(c, b), ab);
        let along_bc = (d4 - d3) / ((d4 - d3) + (d5 - d6));
        let s = Vec4::select(on_bc, along_bc, Vec4::select(within, vb / area, none));
        let s = Vec4::select(on_ab, d1 / (d1 - d3), s);
        let t = Vec4::select(on_ac, d2 / (d2 - d6), Vec4::select(within, vc / area, none));
        from_fn(|axis| from[axis] + way[axis] * s + ac[axis] * t)
    }
}

#[inline(always)]
pub(super) fn less(a: Vectors, b: Vectors) -> Vectors {
    from_fn(|axis| a[axis] - b[axis])
}

#[inline(always)]
pub(super) fn dot(a: Vectors, b: Vectors) -> Vec4 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::super::triangles::closest_point;
    use super::*;

    #[test]
    fn four_at_once_are_what_each_is_by_itself() {
        let mut state = 3_u64;
        let mut next = |size: f32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_041);
            size * ((state >> 40) as f32 / (1u32 << 23) as f32 - 1.0)
        };
        for n in 0..20_000 {
            let size = if n % 2 == 0 { 1.0 } else { 4.0 };
            let mut corner = || Vec3::new(next(1.0), next(1.0), next(1.0));
            let mut triangles: [[Vec3; 3]; 4] = from_fn(|_| from_fn(|_| corner()));
            // One without area, by two equal corners or three on a line.
            let [a, b, _] = triangles[3];
            triangles[3][2] = if n % 3 == 0 { a } else { a.midpoint(b) };
            let p = Vec3::new(next(size), next(size), next(size));
            let (away, squares) = Four::new(&[0, 1, 2, 3], |t| triangles[t as usize]).away(p);
            for (lane, corners) in triangles.into_iter().enumerate() {
                let alone = p - closest_point(p, corners);
                assert_eq!(Vec3::from_array(away.map(|axis| axis[lane])), alone, "{corners:?} {p}");
                assert_eq!(squares[lane], alone.length_squared());
            }
        }
    }

    #[test]
    fn what_lacks_is_the_last_one_again() {
        let corners = |t: u32| [Vec3::X * t as f32, Vec3::Y, Vec3::Z];
        let four = Four::new(&[5, 2], corners);
        assert_eq!(four.triangles, [5, 2, 2, 2]);
        let (_, squares) = four.away(Vec3::ZERO);
        assert_eq!([squares.z, squares.w], [squares.y; 2]);
    }
}
