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
    let names = against_neck_ribs(by_landmarks(ribs, sacrum), ribs);
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

/// A vertebra of the neck with ribs is rare, a wrong count is not.
fn against_neck_ribs(mut names: Names, ribs: &[Ribs]) -> Names {
    let named = names.levels.iter().zip(ribs);
    let ribbed: Vec<String> = named
        .filter(|(level, ribs)| level.region() == 'C' && ribs.sides > 0)
        .map(|(level, _)| level.to_string())
        .collect();
    if !ribbed.is_empty() {
        names.sure = names.sure.min(0.45);
        names.doubts.push(format!(
            "ribs were seen at what is called {}: a rib of the neck, or the names are wrong; check \
             them against the whole spine",
            ribbed.join(", ")
        ));
    }
    names
}

fn by_landmarks(ribs: &[Ribs], sacrum: Option<Sacrum>) -> Names {
    let count = ribs.len();
    let last_rib = last_rib(ribs);
    let first_rib = first_rib(ribs);
    match (sacrum, last_rib) {
        (Some(s), Some(t12)) => both(ribs, s, t12),
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

/// Sacrum and last ribs are both there: five lumbar vertebrae are as expected, six are kept. Where
/// the first ribs are seen as well and do not fit to that, they are believed, too.
fn both(ribs: &[Ribs], sacrum: Sacrum, t12: usize) -> Names {
    let count = ribs.len();
    let lumbar = (usize::from(sacrum.vertebra) - 1).saturating_sub(t12 + 1);
    match (thoracic(ribs, t12), lumbar) {
        (None | Some(THORACIC), 5) => {
            let because = "sacrum and last ribs agree on five lumbar vertebrae";
            let sure = 0.95 * sure(sacrum).max(0.75);
            let known = [t12, usize::from(sacrum.vertebra) - 1];
            let mut names = Names { known, ..counted_from_s1(count, sacrum, sure, because) };
            names.doubts.extend(thoracic(ribs, t12).is_none().then(untold));
            names
        }
        (None | Some(THORACIC), 6) => {
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
        (Some(thoracic), _) => unusual(count, sacrum, t12, [thoracic, lumbar]),
        (None, _) => {
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

/// What the last ribs and the sacrum do not tell: one or two people in a hundred have a T13.
fn untold() -> String {
    "the first ribs were not seen: twelve thoracic vertebrae were taken for granted; with \
     thirteen, T12 is T13, T11 is T12, and so on upwards"
        .to_owned()
}

/// Vertebrae with ribs in nearly everybody.
const THORACIC: usize = 12;

/// How many vertebrae carry ribs, down to the last; `None` where the first of them is not known to
/// be in the scan and no more than the usual number are.
fn thoracic(ribs: &[Ribs], last: usize) -> Option<usize> {
    let seen = ribs[..=last].iter().rev().take_while(|r| r.sides > 0).count();
    let from_first = first_rib(ribs).filter(|first| *first <= last).map(|first| last + 1 - first);
    from_first.or_else(|| Some(seen).filter(|seen| *seen > THORACIC))
}

/// First ribs, last ribs and sacrum do not agree on twelve and five: the names are those that no rib
/// speaks against. Less than twelve pairs of ribs are sooner first ribs that were not seen than a
/// vertebra that is missing, so then the sacrum alone counts.
fn unusual(count: usize, sacrum: Sacrum, last: usize, [thoracic, lumbar]: [usize; 2]) -> Names {
    const PRESACRAL: usize = THORACIC + 5;
    let ribbed = (1..=thoracic as u8).map(|n| Level::new('T', n));
    let free = (1..=lumbar as u8).map(|n| Level::new('L', n));
    let between: Option<Vec<Level>> = ribbed.chain(free).collect();
    let first = last + 1 - thoracic;
    let mut names = match between.filter(|_| thoracic >= THORACIC && thoracic + lumbar != PRESACRAL)
    {
        Some(between) => {
            let because = "counted from the first and the last ribs and the sacrum";
            let mut names = counted(count, first, t(1), 0.45, because);
            let s1 = usize::from(sacrum.vertebra) - 1;
            names.levels.splice(first..s1, between);
            names.levels[s1] = Level::S1;
            names.known = [first, s1];
            names
        }
        None => from_sacrum(count, sacrum),
    };
    names.sure = names.sure.min(0.45);
    let told = |n: usize| names.levels.get(n).map_or_else(String::new, ToString::to_string);
    names.doubts.push(format!(
        "{thoracic} vertebrae with ribs and {lumbar} without were counted above the sacrum, not 12 \
         and 5: the first ribs are at what is called {}, the last at {}; check the names against the \
         whole spine",
        told(first),
        told(last)
    ));
    names
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
        assert!(names.sure > 0.9);
        // Whether the last ribs are the twelfth or the thirteenth is not to be seen here.
        assert!(names.doubts.len() == 1 && names.doubts[0].contains("T12 is T13"), "{names:?}");
    }

    #[test]
    fn six_lumbar_vertebrae_are_not_forced_into_five() {
        let ribs = [RIB, RIB, FREE, FREE, FREE, FREE, FREE, FREE, FREE];
        let names = name(&ribs, sacrum(9));
        assert_eq!(levels(&names), "T11 T12 L1 L2 L3 L4 L5 L6 S1");
        assert!(names.sure <= 0.5 && names.doubts.len() == 1);
    }

    /// So many vertebrae with ribs, so many without, and the sacrum.
    fn column(free_above: usize, thoracic: usize, lumbar: usize) -> Names {
        let parts = [(FREE, free_above), (RIB, thoracic), (FREE, lumbar + 1)];
        let ribs: Vec<Ribs> = parts.into_iter().flat_map(|(r, n)| vec![r; n]).collect();
        name(&ribs, sacrum(ribs.len() as u8))
    }
    fn span(first: &str, last: &str) -> String {
        let ends = [first, last].map(|text| text.parse::<Level>().unwrap());
        let usual = Level::all().filter(|l| !l.is_rare() && (ends[0]..=ends[1]).contains(l));
        usual.map(|l| l.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn thirteen_thoracic_vertebrae_are_not_forced_into_twelve() {
        for above in [0, 1, 3] {
            let names = column(above, 13, 5);
            let neck =
                if above == 0 { String::new() } else { span(&format!("C{}", 8 - above), "C7") };
            let wanted = format!("{neck} {} T13 {} S1", span("T1", "T12"), span("L1", "L5"));
            assert_eq!(levels(&names), wanted.trim_start());
            assert!(names.sure <= 0.45 && names.doubts.len() == 1, "{names:?}");
        }
    }

    #[test]
    fn eleven_pairs_of_ribs_or_a_lumbar_one_are_named_from_the_sacrum_and_doubted() {
        let names = column(1, 11, 5);
        assert_eq!(levels(&names), format!("T1 {} S1", span("T2", "L5")));
        assert!(names.sure <= 0.45 && names.doubts.len() == 1, "{names:?}");
        // Twelfth ribs that are missing: six without ribs, seventeen in all.
        let names = column(1, 11, 6);
        assert_eq!(levels(&names), format!("C7 {} S1", span("T1", "L5")));
        assert!(names.sure <= 0.45 && names.doubts.len() == 1, "{names:?}");
        let names = column(1, 13, 4);
        assert_eq!(levels(&names), format!("C7 {} S1", span("T1", "L5")));
        assert!(names.sure <= 0.45 && names.doubts.len() == 1, "{names:?}");
    }

    #[test]
    fn a_whole_spine_of_the_usual_count_is_sure() {
        let names = column(2, 12, 5);
        assert_eq!(levels(&names), format!("C6 C7 {} S1", span("T1", "L5")));
        assert!(names.sure > 0.9 && names.doubts.is_empty(), "{names:?}");
    }

    #[test]
    fn no_count_that_a_rib_speaks_against_is_sure() {
        for (above, thoracic, lumbar) in
            [(0, 14, 5), (0, 13, 6), (1, 10, 5), (1, 9, 7), (1, 12, 4), (0, 15, 4), (1, 12, 8)]
        {
            let names = column(above, thoracic, lumbar);
            assert!(names.levels.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
            assert!(names.sure <= 0.45 && !names.doubts.is_empty(), "{names:?}");
        }
        // A side that was missed in the middle of the chest hides how many ribs there are.
        let mut ribs = vec![RIB; 19];
        ribs[13..].fill(FREE);
        ribs[6] = FREE;
        let names = name(&ribs, sacrum(19));
        assert_eq!(names.levels[0].to_string(), "C7");
        let is_said = |text: &str| names.doubts.iter().any(|doubt| doubt.contains(text));
        assert!(names.sure <= 0.45 && is_said("ribs were seen at what is called C7"), "{names:?}");
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
