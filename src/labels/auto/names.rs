//! What the vertebrae are called, and how sure that is.
//!
//! Names count from a landmark: L5 stands on the sacrum, T12 carries the last ribs, T1 the first.
//! Where two landmarks disagree (six lumbar vertebrae, a lumbar rib) or none is in the scan, the
//! names are kept for what they are worth and the doubt is said.

use super::sacrum::Sacrum;
use crate::labels::Level;

/// What was seen of ribs at one vertebra.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ribs {
    /// Sides that carry a rib.
    pub(super) sides: u8,
    /// The scan is wide enough to show a rib on both sides.
    pub(super) is_in_view: bool,
}

/// The names, cranial ones first, how sure they are (0 to 1), and what speaks against them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Names {
    pub(super) levels: Vec<Level>,
    pub(super) sure: f64,
    /// First and last place, from 0, of what names are counted from: between them no level can be
    /// missing.
    pub(super) known: [usize; 2],
    pub(super) because: String,
    pub(super) doubts: Vec<String>,
}

/// Names so many vertebrae (the sacrum among them, where there is one), no two alike.
pub(super) fn name(ribs: &[Ribs], sacrum: Option<Sacrum>) -> Names {
    let names = by_landmarks(ribs, sacrum);
    let is_rising = names.levels.windows(2).all(|pair| pair[0] < pair[1]);
    if is_rising {
        return names;
    }
    let because = "the landmarks found do not fit the number of vertebrae";
    let mut guess = counted(ribs.len(), ribs.len().saturating_sub(1), Level::L5, 0.05, because);
    guess.doubts = names.doubts;
    guess.doubts.push("the names are a guess: count from a landmark and rename".to_owned());
    guess
}

fn by_landmarks(ribs: &[Ribs], sacrum: Option<Sacrum>) -> Names {
    let count = ribs.len();
    let last_rib = last_rib(ribs);
    let first_rib = first_rib(ribs);
    match (sacrum, last_rib) {
        (Some(s), Some(t12)) => both(count, s, t12),
        (Some(s), None) => from_sacrum_alone(count, ribs, s),
        (None, Some(t12)) => {
            let because = "counted from the last ribs (T12), no sacrum in the scan";
            let mut names = counted(count, t12, t(12), 0.55, because);
            if let Some(t1) = first_rib.filter(|t1| t12 - t1 != 11) {
                names.sure = 0.3;
                let seen = t12 - t1 + 1;
                names.doubts.push(format!("{seen} vertebrae with ribs were found, not 12"));
            }
            names
        }
        (None, None) => from_above(count, ribs, first_rib),
    }
}

fn t(number: u8) -> Level {
    Level::new('T', number).unwrap_or(Level::L1)
}

/// The last vertebra with ribs on both sides (or one, with none below) above one without.
fn last_rib(ribs: &[Ribs]) -> Option<usize> {
    let last = (0..ribs.len()).rev().find(|n| ribs[*n].sides > 0)?;
    let is_end = ribs.get(last + 1).is_some_and(|below| below.is_in_view);
    let goes_on = last == 0 || ribs[last - 1].sides > 0;
    (is_end && goes_on).then_some(last)
}

/// The first vertebra with ribs, where one without stands above it in full view.
fn first_rib(ribs: &[Ribs]) -> Option<usize> {
    let first = ribs.iter().position(|r| r.sides == 2)?;
    let is_start = first > 0 && ribs[first - 1].is_in_view && ribs[first - 1].sides == 0;
    let goes_on = ribs.get(first + 1).is_some_and(|below| below.sides > 0);
    (is_start && goes_on).then_some(first)
}

/// Sacrum and last ribs are both there: five lumbar vertebrae are as expected, six are kept.
fn both(count: usize, sacrum: Sacrum, t12: usize) -> Names {
    let lumbar = (usize::from(sacrum.vertebra) - 1).saturating_sub(t12 + 1);
    match lumbar {
        5 => {
            let because = "sacrum and last ribs agree on five lumbar vertebrae";
            let sure = 0.95 * sure(sacrum).max(0.75);
            let known = [t12, usize::from(sacrum.vertebra) - 1];
            Names { known, ..counted_from_s1(count, sacrum, sure, because) }
        }
        6 => {
            let because = "six vertebrae stand between the last ribs and the sacrum";
            let mut names = counted(count, t12, t(12), 0.5, because);
            if let Some(last) =
                names.levels.last_mut().filter(|_| sacrum.vertebra as usize == count)
            {
                *last = Level::S1;
            }
            names.doubts.push(
                "six lumbar vertebrae, or twelfth ribs too short to be seen: check the names \
                 against the whole spine"
                    .to_owned(),
            );
            names
        }
        _ => {
            let mut names = from_sacrum(count, sacrum);
            names.sure = names.sure.min(0.45);
            names.doubts.push(format!(
                "{lumbar} vertebrae without ribs stand above the sacrum, not 5: check the names \
                 against the whole spine"
            ));
            names
        }
    }
}

fn from_sacrum(count: usize, sacrum: Sacrum) -> Names {
    let because = "counted from the sacrum";
    counted_from_s1(count, sacrum, 0.8 * sure(sacrum), because)
}

/// The last ribs were not seen: one lumbar vertebra in ten or twenty people is missed or added, and
/// nothing in the scan tells.
fn from_sacrum_alone(count: usize, ribs: &[Ribs], sacrum: Sacrum) -> Names {
    let mut names = from_sacrum(count, sacrum);
    names.sure *= ALONE;
    let t12 = usize::from(sacrum.vertebra).checked_sub(7);
    if t12.and_then(|n| ribs.get(n)).is_some_and(|r| r.is_in_view && r.sides == 0) {
        names.sure = names.sure.min(0.45);
        names.doubts.push(
            "no ribs were seen at T12: six lumbar vertebrae, or ribs too short to be seen; check \
             the names against the whole spine"
                .to_owned(),
        );
    } else {
        let other = otherwise(&names.levels);
        names.doubts.push(format!(
            "the levels were counted from the sacrum alone: five or six lumbar vertebrae can not \
             be told apart without the last ribs; with six, {other}"
        ));
    }
    names
}

/// What a name counted from the sacrum is worth without the last ribs: there is another reading,
/// and nothing in the scan speaks against it.
const ALONE: f64 = 0.5;

/// What the vertebrae would be called if there were one lumbar vertebra more.
fn otherwise(levels: &[Level]) -> String {
    let l6 = Level::new('L', 6).unwrap_or(Level::S1);
    let usual: Vec<Level> = Level::all().filter(|l| !l.is_rare() && *l != Level::S1).collect();
    let below = |level: Level| {
        let at = usual.iter().position(|l| *l == level)?;
        Some(usual.get(at + 1).copied().unwrap_or(l6))
    };
    let pairs = levels.iter().rev().filter_map(|l| Some(format!("{l} is {}", below(*l)?)));
    pairs.collect::<Vec<_>>().join(", ")
}

fn sure(sacrum: Sacrum) -> f64 {
    0.3 + 0.7 * sacrum.sure
}

fn counted_from_s1(count: usize, sacrum: Sacrum, sure: f64, because: &str) -> Names {
    let l5 = usize::from(sacrum.vertebra).wrapping_sub(2);
    let mut names = counted(count, l5, Level::L5, sure, because);
    if let Some(s1) = names.levels.get_mut(usize::from(sacrum.vertebra) - 1) {
        *s1 = Level::S1;
    }
    names
}

/// No sacrum and no last rib.
fn from_above(count: usize, ribs: &[Ribs], first_rib: Option<usize>) -> Names {
    if let Some(t1) = first_rib {
        let because = "counted from the first ribs (T1), no sacrum in the scan";
        return counted(count, t1, t(1), 0.5, because);
    }
    let with = ribs.iter().filter(|r| r.sides > 0).count();
    let because = "neither the sacrum nor a first or last rib is in the scan";
    let mut names = if with * 2 > count {
        counted(count, count - 1, t(11), 0.1, because)
    } else {
        counted(
            count,
            count.saturating_sub(1),
            Level::new('L', 4).unwrap_or(Level::L5),
            0.1,
            because,
        )
    };
    names.doubts.push("the names are a guess: count from a landmark and rename".to_owned());
    names
}

/// Names counted both ways from one that is known. T13 and L6 are passed over, unless six lumbar
/// vertebrae follow T12.
fn counted(count: usize, known: usize, level: Level, sure: f64, because: &str) -> Names {
    let usual: Vec<Level> = Level::all().filter(|l| !l.is_rare() && *l != Level::S1).collect();
    let at = usual.iter().position(|l| *l == level).unwrap_or(0) as isize;
    let l6 = Level::new('L', 6).unwrap_or(Level::S1);
    let levels = (0..count as isize)
        .map(|n| {
            let index = at + n - known as isize;
            match usize::try_from(index).ok() {
                None => usual[0],
                Some(i) => {
                    usual.get(i).copied().unwrap_or(if i == usual.len() { l6 } else { Level::S1 })
                }
            }
        })
        .collect();
    Names { levels, sure, known: [known; 2], because: because.to_owned(), doubts: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Ribs = Ribs { sides: 0, is_in_view: true };
    const RIB: Ribs = Ribs { sides: 2, is_in_view: true };
    const UNSEEN: Ribs = Ribs { sides: 0, is_in_view: false };

    fn sacrum(vertebra: u8) -> Option<Sacrum> {
        Some(Sacrum { vertebra, sure: 1.0 })
    }
    fn levels(names: &Names) -> String {
        names.levels.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn five_lumbar_vertebrae_between_two_landmarks_are_sure() {
        let ribs = [RIB, RIB, FREE, FREE, FREE, FREE, FREE, FREE];
        let names = name(&ribs, sacrum(8));
        assert_eq!(levels(&names), "T11 T12 L1 L2 L3 L4 L5 S1");
        assert!(names.sure > 0.9 && names.doubts.is_empty());
    }

    #[test]
    fn six_lumbar_vertebrae_are_not_forced_into_five() {
        let ribs = [RIB, RIB, FREE, FREE, FREE, FREE, FREE, FREE, FREE];
        let names = name(&ribs, sacrum(9));
        assert_eq!(levels(&names), "T11 T12 L1 L2 L3 L4 L5 L6 S1");
        assert!(names.sure <= 0.5 && names.doubts.len() == 1);
    }

    #[test]
    fn names_from_the_sacrum_alone_say_that_a_sixth_can_not_be_told() {
        let names = name(&[UNSEEN, FREE, FREE, FREE, FREE, FREE], sacrum(6));
        assert_eq!(levels(&names), "L1 L2 L3 L4 L5 S1");
        assert!(names.sure < 0.45 && names.doubts.len() == 1, "{names:?}");
        let other = "with six, L5 is L6, L4 is L5, L3 is L4, L2 is L3, L1 is L2";
        assert!(names.doubts[0].ends_with(other), "{names:?}");
        let names = name(&[FREE; 8], sacrum(8));
        assert_eq!(levels(&names), "T11 T12 L1 L2 L3 L4 L5 S1");
        assert!(names.sure < super::super::LOW_CONFIDENCE, "T12 without ribs: {names:?}");
    }

    #[test]
    fn a_lumbar_rib_is_doubted_and_named_from_the_sacrum() {
        let ribs = [RIB, RIB, FREE, FREE, FREE, FREE, FREE];
        let names = name(&ribs, sacrum(7));
        assert_eq!(levels(&names), "T12 L1 L2 L3 L4 L5 S1");
        assert!(names.sure < 0.5 && names.doubts.len() == 1);
    }

    #[test]
    fn without_a_sacrum_the_last_ribs_count_and_only_where_the_next_vertebra_is_seen() {
        let names = name(&[RIB, RIB, RIB, FREE, FREE], None);
        assert_eq!(levels(&names), "T10 T11 T12 L1 L2");
        assert!(names.sure < super::super::LOW_CONFIDENCE);
        let names = name(&[FREE, RIB, RIB, RIB, UNSEEN], None);
        assert_eq!(levels(&names), "C7 T1 T2 T3 T4");
    }

    #[test]
    fn no_two_vertebrae_get_one_name() {
        let mut ribs = vec![FREE; 20];
        (ribs[16], ribs[17]) = (RIB, RIB);
        let names = name(&ribs, None);
        assert!(names.levels.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        assert!(names.sure < 0.6);
    }

    #[test]
    fn a_crop_without_a_landmark_is_a_guess_that_says_so() {
        for ribs in [[UNSEEN; 3], [FREE; 3], [RIB; 3]] {
            let names = name(&ribs, None);
            assert!(names.sure <= 0.1 && !names.doubts.is_empty(), "{names:?}");
        }
    }
}
