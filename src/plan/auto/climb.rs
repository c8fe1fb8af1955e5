//! A pattern search over lines.
//!
//! In: a line to start from and a function that values lines. Out: a line that no line one small
//! step away betters.

use super::line::Line;

/// Climbs from a line to a local maximum by a pattern search: along each number alone, and turning
/// about a point 12 mm behind or ahead of the isthmus. `rate` need not answer for what is worth less
/// than it is told.
pub(super) fn climb<T>(
    start: (Line, T),
    first: Line,
    halvings: u32,
    rate: impl Fn(&Line, f64) -> Option<T>,
    value: impl Fn(&T) -> f64,
) -> (Line, T) {
    /// A turn by one degree shifts a line by so many mm, 12 mm away.
    const SHIFT_PER_DEG: f64 = 0.21;
    let (mut line, mut best) = start;
    for halving in 0..=halvings {
        let step = first.map(|s| s / f64::from(1 << halving));
        let turn = |sense: f64, pair: usize, about: f64| {
            let mut by = [0.0; 4];
            by[2 + pair] = sense * step[2 + pair];
            // Convergence leads inwards ahead, so lateral shifts go the other way than cranial ones.
            let outward = if pair == 0 { 1.0 } else { -1.0 };
            by[pair] = sense * about * outward * step[2 + pair] * SHIFT_PER_DEG;
            by
        };
        for _ in 0..40 {
            let mut moves: Vec<Line> = Vec::with_capacity(16);
            for sense in [1.0, -1.0] {
                for n in 0..4 {
                    let mut by = [0.0; 4];
                    by[n] = sense * step[n];
                    moves.push(by);
                }
                for pair in 0..2 {
                    moves.extend([turn(sense, pair, 1.0), turn(sense, pair, -1.0)]);
                }
            }
            let least = value(&best) + 1e-6;
            let mut next: Option<(Line, T)> = None;
            for by in moves {
                let there: Line = std::array::from_fn(|n| line[n] + by[n]);
                let held = next.as_ref().map_or(least, |held| value(&held.1));
                next = rate(&there, held)
                    .filter(|rated| value(rated) > held)
                    .map(|rated| (there, rated))
                    .or(next);
            }
            match next {
                Some(next) => (line, best) = next,
                None => break,
            }
        }
    }
    (line, best)
}
