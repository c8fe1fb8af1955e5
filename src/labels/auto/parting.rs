//! How sure it is that each piece of the column is one vertebra: no half, no two.
//!
//! Names are counted through every piece between a level and its landmark, so one that is parted
//! wrongly makes all names beyond it doubtful.

use super::chain::TALL;
use super::disc::Disc;
use super::split::Column;

/// What speaks against a piece, and what is left of its sureness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// A disc beside it was asked for by its neighbours, not seen.
    NoDisc,
    /// No pedicles with foramina under them stand between its discs.
    NoPedicles,
    /// Much taller or lower than the others, for its depth.
    Height,
    /// All pieces are too tall or too low for a spine of that depth.
    AllHeights,
}

impl Doubt {
    fn left(self) -> f64 {
        match self {
            Self::NoDisc | Self::Height => 0.6,
            Self::NoPedicles | Self::AllHeights => 0.5,
        }
    }
}

/// From here on a height is odd, in spreads of [`TALL`]: against those of the other pieces (half a
/// vertebra or two differ by 2.2 from whole ones), and of all together against nothing.
const ODD: [f64; 2] = [1.2, 1.3];

/// How the column was parted.
pub(super) struct Parting {
    /// How sure each piece is one vertebra, 0 to 1, head first.
    pub(super) sure: Vec<f64>,
    /// What speaks against each.
    pub(super) doubts: Vec<Vec<Doubt>>,
}

impl Parting {
    /// Judges every piece of a column.
    pub(super) fn of(column: &Column) -> Self {
        let tall = talls(column);
        let mut sorted = tall.clone();
        sorted.sort_by(f64::total_cmp);
        let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
        let mean = tall.iter().sum::<f64>() / tall.len().max(1) as f64;
        let is_all_odd = tall.len() > 1 && mean.abs() > ODD[1];
        let doubts: Vec<Vec<Doubt>> = (0..usize::from(column.count()))
            .map(|n| {
                let above = n.checked_sub(1).and_then(|d| column.discs.get(d));
                let below = column.discs.get(n);
                let is_guessed = |disc: Option<&Disc>| disc.is_some_and(|d| d.is_guessed);
                let both = above.and(below);
                let height = above.and_then(|_| tall.get(n - 1));
                let found = [
                    (is_guessed(above) || is_guessed(below), Doubt::NoDisc),
                    (both.is_some_and(|d| d.like_vertebra < 0.0), Doubt::NoPedicles),
                    (height.is_some_and(|t| (t - usual).abs() > ODD[0]), Doubt::Height),
                    (is_all_odd, Doubt::AllHeights),
                ];
                found.into_iter().filter(|(is, _)| *is).map(|(_, doubt)| doubt).collect()
            })
            .collect();
        let clear = |n: usize| {
            let beside = [n.checked_sub(1), Some(n)].into_iter().flatten();
            let seen = beside.filter_map(|d| column.discs.get(d)).map(|d| d.clear);
            0.7 + 0.3 * ((seen.fold(1.0, f64::min) - 0.3) / 0.3).clamp(0.0, 1.0)
        };
        let left = |n: usize| doubts[n].iter().map(|d| d.left()).fold(clear(n), f64::min);
        Self { sure: (0..doubts.len()).map(left).collect(), doubts }
    }
    /// How sure it is that no vertebra was missed or made up between a piece and the landmarks that
    /// names are counted from, the piece itself included.
    pub(super) fn counted(&self, piece: usize, known: [usize; 2]) -> f64 {
        let path = if piece < known[0] { piece..=known[0] } else { known[1].min(piece)..=piece };
        path.filter_map(|n| self.sure.get(n)).copied().fold(self.sure[piece], f64::min)
    }
}

/// How tall each piece with a disc above and below is for its depth, in spreads of [`TALL`].
fn talls(column: &Column) -> Vec<f64> {
    let tall = |pair: &[Disc]| {
        let s = &column.stations[(pair[0].station + pair[1].station) / 2];
        let depth = (2.0 * s.half_depth_mm()).max(12.0);
        ((pair[0].middle.distance(pair[1].middle) / depth).ln() - TALL[0]) / TALL[1]
    };
    column.discs.windows(2).map(tall).collect()
}

#[cfg(test)]
mod tests {
    use super::super::curve::Station;
    use super::*;
    use glam::DVec3;

    /// A straight column with discs at these heights, clear and with pedicles between them.
    fn parting(heights: &[f64], change: impl Fn(usize, &mut Disc)) -> Parting {
        let station = |n: usize| Station {
            middle: DVec3::Z * (300.0 - n as f64),
            up: DVec3::Z,
            front: -DVec3::Y,
            left: DVec3::X,
            depth_mm: 42.0,
            wall_mm: 8.0,
        };
        let stations: Vec<Station> = (0..301).map(station).collect();
        let disc = |(n, z): (usize, &f64)| {
            let at = (300.0 - z) as usize;
            let mut disc = Disc {
                station: at,
                at_canal: at,
                middle: stations[at].body(),
                up: DVec3::Z,
                valley_hu: 200.0,
                clear: 1.0,
                is_guessed: false,
                like_vertebra: 0.9,
            };
            change(n, &mut disc);
            disc
        };
        let discs: Vec<Disc> = heights.iter().enumerate().map(disc).collect();
        Parting::of(&Column { stations: &stations, discs: &discs, sacrum: None })
    }

    #[test]
    fn a_regular_column_is_sure() {
        let parting = parting(&[260.0, 228.0, 195.0, 161.0, 126.0], |_, _| ());
        assert!(parting.doubts.iter().all(Vec::is_empty), "{:?}", parting.doubts);
        assert!((0..6).all(|n| parting.counted(n, [4, 4]) > 0.99), "{:?}", parting.sure);
    }

    #[test]
    fn a_missed_disc_makes_its_piece_and_all_names_beyond_it_doubtful() {
        let parting = parting(&[260.0, 228.0, 161.0, 126.0], |_, _| ());
        assert_eq!(parting.doubts[2], [Doubt::Height]);
        let counted = [0, 1, 2, 3, 4].map(|n| parting.counted(n, [4, 4]));
        assert!(counted[..3].iter().all(|c| *c <= 0.6) && counted[3] > 0.9, "{counted:?}");
    }

    #[test]
    fn a_vertebra_parted_in_its_body_is_doubtful() {
        let heights = [260.0, 228.0, 212.0, 195.0, 161.0, 126.0];
        let parting = parting(&heights, |n, disc| {
            if n == 2 {
                (disc.clear, disc.is_guessed) = (0.2, true);
            }
            if n == 3 {
                disc.like_vertebra = -0.5;
            }
        });
        assert_eq!(parting.doubts[2], [Doubt::NoDisc, Doubt::Height]);
        assert_eq!(parting.doubts[3], [Doubt::NoDisc, Doubt::NoPedicles, Doubt::Height]);
        assert!(parting.counted(0, [5, 5]) <= 0.6 && parting.counted(5, [5, 5]) > 0.9);
    }

    #[test]
    fn bodies_all_parted_in_their_middle_are_doubtful() {
        let heights: Vec<f64> = (0..10).map(|n| 280.0 - 13.0 * f64::from(n)).collect();
        let parting = parting(&heights, |_, _| ());
        assert!(parting.sure.iter().all(|sure| *sure <= 0.5), "{:?}", parting.doubts);
    }
}
