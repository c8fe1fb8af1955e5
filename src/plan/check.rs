//! What a person should look at before a plan is used, each with a hint.
//!
//! In: what was measured of a plan's screws. Out: [`Issue`]s, gravest first. Nothing here decides:
//! an issue is a sentence, never a lock.

use super::ScrewSite;
use super::auto::Wanted;
use crate::clearance::{Grade, Wall};
use crate::labels::Level;
use crate::space::Side;
use serde::Serialize;
use std::fmt;

/// How much an issue matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// The plan should not be used so.
    Grave,
    /// A person should look at it.
    Look,
    /// Good to know.
    Note,
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grave => "grave",
            Self::Look => "look",
            Self::Note => "note",
        })
    }
}

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Issue {
    /// How much it matters.
    pub weight: Weight,
    /// What is the matter, naming level and side.
    pub what: String,
    /// What to do about it.
    pub hint: String,
}

/// One screw as the checks see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Level and side.
    pub name: String,
    /// Where along the spine, as it is called now.
    pub site: ScrewSite,
    /// The side.
    pub side: Side,
    /// Diameter and length, mm.
    pub size_mm: [f64; 2],
    /// Letter, breach in mm and its wall.
    pub breach: (Grade, f64, Option<Wall>),
    /// How far it is past the medial wall and past the caudal one, though it may be past another one
    /// further, mm.
    pub past_mm: [f64; 2],
    /// What of that its trajectory asks for.
    pub wanted: Option<Wanted>,
    /// To the canal, mm.
    pub canal_mm: Option<f64>,
    /// Babu's grade of the facet above.
    pub facet: Option<u8>,
    /// Narrowest extent and chord of the pedicle on its side, mm.
    pub pedicle_mm: Option<[f64; 2]>,
    /// Other screws and the gap to each, mm; those farther than [`TOO_NEAR_MM`] may be left out.
    pub near: Vec<(String, f64)>,
    /// The same of the heads.
    pub near_heads: Vec<(String, f64)>,
    /// The same between its head and the shafts of the others.
    pub near_shafts: Vec<(String, f64)>,
    /// How far its head is from the rod of its side, mm.
    pub rod_misfit_mm: Option<f64>,
    /// The program planned it so, lined up with the others of its side.
    pub is_suggested: bool,
    /// Its vertebra is cut off by the image.
    pub is_cut_off: bool,
    /// Where the image or the label map ends inside its ilium, if that is near it.
    pub ilium_cut: Option<IliumCut>,
    /// Where its axis runs, if not in the bone that it belongs to.
    pub astray: Option<Astray>,
    /// What its name and its place in that bone contradict each other in.
    pub amiss: Option<Amiss>,
}

/// Where the image or the label map ends inside the ilium that a screw runs into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IliumCut {
    /// Beside the screw, or within it.
    Beside,
    /// Beyond its tip, on the way on through bone.
    Ahead,
}

/// A screw in its own bone that does not lie there as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amiss {
    /// It lies in the pedicle of this side, which is not its own.
    InPedicle(Side),
    /// Its head lies before the vertebra, its tip behind.
    Backwards,
    /// The pedicle of its side was not found, so no wall of it is known.
    NoPedicle,
}

/// Where a screw's axis runs that does not meet its own bone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Astray {
    /// In no bone of the case.
    Nowhere,
    /// In the bone of this level.
    In(Level),
}

/// Two screws nearer than this are named, mm.
pub const TOO_NEAR_MM: f64 = 1.0;
/// A head further off its rod than this is named, mm; reduction screws reach further. Provisional.
const MISSED_ROD_MM: f64 = 3.0;
/// Left and right that differ by more than this in diameter and in length are named, mm; K.
const DIFFERS_MM: [f64; 2] = [1.5, 10.0];
/// Unless the pedicles do so, too, the same way and by at least this share of it; K.
const REASON_SHARE: f64 = 0.5;
/// Slices thicker than this are too thick to plan on (MySpine: 1 mm and less; T Cool 2021), mm.
const THICK_MM: f64 = 1.5;

/// Checks a plan. `unseen` is what is said of screws that could not be measured, `slice_mm` the
/// largest spacing of the image, `half_mm` the half width of the band that follows from it.
pub fn check(screws: &[Seen], unseen: Vec<Issue>, slice_mm: f64, half_mm: f64) -> Vec<Issue> {
    let mut issues = unseen;
    issues.extend(screws.iter().flat_map(of_one));
    issues.extend(pairs(screws));
    if slice_mm > THICK_MM {
        issues.push(Issue {
            weight: Weight::Look,
            what: format!(
                "the image has slices of {slice_mm:.1} mm: every distance is sure to {half_mm:.1} \
                 mm only"
            ),
            hint: "plan on a CT of 1 mm slices or thinner".to_owned(),
        });
    }
    issues.sort();
    issues.dedup();
    issues
}

fn of_one(screw: &Seen) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut say = |weight, what: String, hint: &str| {
        issues.push(Issue { weight, what: format!("{}: {what}", screw.name), hint: hint.into() });
    };
    let (grade, mm, wall) = screw.breach;
    if let Some(astray) = screw.astray {
        let beside =
            wall.map_or_else(String::new, |wall| format!(", {mm:.0} mm {wall} of its own"));
        let what = match astray {
            Astray::Nowhere => format!("it lies outside every bone{beside}"),
            Astray::In(level) => format!("it lies in {level}, outside its own bone"),
        };
        say(Weight::Grave, what, "place it again where it belongs, or delete it");
    } else if let Some(wanted) = screw.wanted {
        let (weight, what, hint) = as_wanted(wanted, mm, grade);
        say(weight, what, hint);
    } else if let Some(wall) = wall {
        let is_grave = wall == Wall::Medial || grade > Grade::B;
        let weight = if is_grave { Weight::Grave } else { Weight::Look };
        say(weight, format!("it breaches {mm:.1} mm {wall} ({grade:?})"), away_from(wall));
    }
    match screw.amiss {
        Some(Amiss::InPedicle(side)) => say(
            Weight::Grave,
            format!("it lies in the {side} pedicle"),
            "give it its own side, or place it again",
        ),
        Some(Amiss::Backwards) => say(
            Weight::Grave,
            "it runs backwards, its head lies before the vertebra".into(),
            "exchange its entry and its tip, or place it again",
        ),
        // What cuts the vertebra off is told below.
        Some(Amiss::NoPedicle) if !screw.is_cut_off => say(
            Weight::Look,
            "its pedicle was not found: it is judged by the nearest bone, not by the walls".into(),
            "look at both cuts through it, and mend the labels of that pedicle",
        ),
        Some(Amiss::NoPedicle) | None => {}
    }
    let beside = [(Wall::Medial, Weight::Grave), (Wall::Caudal, Weight::Look)];
    for ((other, weight), mm) in beside.into_iter().zip(screw.past_mm) {
        if mm > 0.0 && wall != Some(other) && screw.astray.is_none() {
            say(weight, format!("it breaches {mm:.1} mm {other} too"), away_from(other));
        }
    }
    if let Some(canal) = screw.canal_mm.filter(|mm| *mm < 0.5 && wall != Some(Wall::Medial)) {
        let weight = if canal < 0.0 { Weight::Grave } else { Weight::Look };
        say(weight, format!("{canal:.1} mm are left to the canal"), away_from(Wall::Medial));
    }
    match screw.facet {
        Some(3) => say(Weight::Grave, "it runs inside the facet joint above".into(), LOWER),
        Some(2) => say(Weight::Look, "it enters the facet joint above".into(), LOWER),
        Some(1) => say(Weight::Note, "its head touches the facet above".into(), LOWER),
        _ => {}
    }
    if let Some(mm) = screw.rod_misfit_mm.filter(|mm| *mm > MISSED_ROD_MM) {
        say(
            Weight::Look,
            format!("the rod passes its head by {mm:.1} mm"),
            to_rod(screw.is_suggested),
        );
    }
    if screw.is_cut_off {
        say(
            Weight::Grave,
            "the image or the label map ends inside its vertebra".into(),
            "take an image and labels that hold the whole vertebra",
        );
    }
    match screw.ilium_cut {
        Some(IliumCut::Beside) => say(
            Weight::Grave,
            "the image or the label map ends inside its ilium beside it, and is taken for its wall"
                .into(),
            MORE_OF_ILIUM,
        ),
        Some(IliumCut::Ahead) => say(
            Weight::Note,
            "the image or the label map ends inside its ilium ahead of it, so a longer one may fit"
                .into(),
            MORE_OF_ILIUM,
        ),
        None => {}
    }
    issues
}

/// A breach that the screw's own trajectory asks for.
fn as_wanted(wanted: Wanted, mm: f64, grade: Grade) -> (Weight, String, &'static str) {
    match wanted {
        Wanted::FrontCortex => (
            Weight::Note,
            format!("its tip is {mm:.1} mm through the front cortex, as wanted of it"),
            "look which vessels lie before it",
        ),
        Wanted::LateralWall => (
            Weight::Look,
            format!("it passes the lateral wall by {mm:.1} mm ({grade:?}), as in-out-in does"),
            "look whether rib and pleura leave it room, or leave it out",
        ),
        Wanted::LateralEnd => (
            Weight::Look,
            format!(
                "it passes the lateral wall by {mm:.1} mm ({grade:?}) and ends out of bone there"
            ),
            "look whether pleura and vessels leave it room, or leave it out",
        ),
    }
}

const MORE_OF_ILIUM: &str = "take an image and labels that hold more of the ilium";
const LOWER: &str = "move the entry down or outwards, off the joint";

fn away_from(wall: Wall) -> &'static str {
    match wall {
        Wall::Medial => "move it outwards, or take a thinner screw",
        Wall::Lateral => "move it inwards, or take a thinner screw",
        Wall::Cranial => "move it down, or take a thinner screw",
        Wall::Caudal => "move it up, off the root, or take a thinner screw",
        Wall::Anterior => "take a shorter screw",
        Wall::Posterior => "sink it further, or move its entry",
    }
}

/// What brings a head to its rod. Heads that the program planned are lined up already, as far as their
/// bone lets them.
fn to_rod(is_suggested: bool) -> &'static str {
    match is_suggested {
        true => "move the entry towards the rod, or take a reduction screw there",
        false => "move the entry towards the rod, or plan the side together",
    }
}

fn pairs(screws: &[Seen]) -> Vec<Issue> {
    let mut issues = Vec::new();
    for (n, screw) in screws.iter().enumerate() {
        issues.extend(screw.near.iter().filter_map(|near| too_near(screw, near, SHAFTS)));
        issues.extend(screw.near_heads.iter().filter_map(|near| too_near(screw, near, HEADS)));
        issues.extend(screw.near_shafts.iter().filter_map(|near| head_on_shaft(screw, near)));
        for other in screws[n + 1..].iter().filter(|other| other.site == screw.site) {
            issues.extend(twice(screw, other).or_else(|| unlike(screw, other)));
        }
    }
    issues
}

/// What of two screws is near, and what to do about it.
type Parts = (&'static str, &'static str);
const SHAFTS: Parts = ("", "shorten or turn one of them");
const HEADS: Parts = ("the heads of ", APART);
const APART: &str = "move one of the entries away, or leave one of them out";

/// Two screws of which parts touch, or nearly.
fn too_near(screw: &Seen, (other, mm): &(String, f64), (parts, hint): Parts) -> Option<Issue> {
    let mut names = [&screw.name, other];
    names.sort();
    let [a, b] = names;
    (*mm < TOO_NEAR_MM).then(|| Issue {
        weight: if *mm < 0.0 { Weight::Grave } else { Weight::Look },
        what: format!("{parts}{a} and {b} are {mm:.1} mm apart"),
        hint: hint.to_owned(),
    })
}

/// A head that the shaft of another screw touches, or nearly; not where the two heads are nearer still.
fn head_on_shaft(screw: &Seen, (other, mm): &(String, f64)) -> Option<Issue> {
    let is_told = screw.near_heads.iter().any(|(head, gap)| head == other && gap <= mm);
    (*mm < TOO_NEAR_MM && !is_told).then(|| Issue {
        weight: if *mm < 0.0 { Weight::Grave } else { Weight::Look },
        what: format!("the head of {} and the shaft of {other} are {mm:.1} mm apart", screw.name),
        hint: APART.to_owned(),
    })
}

/// Two screws on one side of a level.
fn twice(a: &Seen, b: &Seen) -> Option<Issue> {
    (a.side == b.side).then(|| Issue {
        weight: Weight::Look,
        what: format!("{} {} has two screws", a.site, a.side),
        hint: "delete one of them, or rename the level that was counted twice".to_owned(),
    })
}

/// Left and right of one level that differ much though their pedicles do not.
fn unlike(a: &Seen, b: &Seen) -> Option<Issue> {
    let is_without_reason = |n: usize| {
        let off = a.size_mm[n] - b.size_mm[n];
        let pedicles = a.pedicle_mm.zip(b.pedicle_mm).map(|(a, b)| a[n] - b[n]);
        let reason = pedicles.map_or(0.0, |mm| mm * off.signum());
        off.abs() > DIFFERS_MM[n] && reason < REASON_SHARE * off.abs()
    };
    if !is_without_reason(0) && !is_without_reason(1) {
        return None;
    }
    let pedicle = |mm: [f64; 2]| format!("{:.1} x {:.0}", mm[0], mm[1]);
    let pedicles = a.pedicle_mm.zip(b.pedicle_mm).map_or_else(String::new, |(a, b)| {
        format!(", their pedicles {} and {} mm", pedicle(a), pedicle(b))
    });
    Some(Issue {
        weight: Weight::Note,
        what: format!(
            "{}: {} and {} differ, {} x {} and {} x {} mm{pedicles}",
            a.site, a.side, b.side, a.size_mm[0], a.size_mm[1], b.size_mm[0], b.size_mm[1]
        ),
        hint: "look whether one of them could be as the other".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(level: &str, side: Side) -> Seen {
        Seen {
            name: format!("{level} {side}"),
            site: ScrewSite::Level(level.parse().expect("a level")),
            side,
            size_mm: [6.5, 45.0],
            breach: (Grade::A, 0.0, None),
            past_mm: [0.0; 2],
            wanted: None,
            canal_mm: Some(2.0),
            facet: Some(0),
            pedicle_mm: Some([10.0, 50.0]),
            near: vec![("other".into(), 12.0)],
            near_heads: vec![("other".into(), 15.0)],
            near_shafts: vec![("other".into(), 18.0)],
            rod_misfit_mm: Some(0.4),
            is_suggested: false,
            is_cut_off: false,
            ilium_cut: None,
            astray: None,
            amiss: None,
        }
    }

    fn weights(screws: &[Seen]) -> Vec<Weight> {
        check(screws, Vec::new(), 1.0, 0.28).into_iter().map(|issue| issue.weight).collect()
    }

    #[test]
    fn a_sound_plan_has_no_issue_and_a_thick_scan_is_named() {
        let plan = [seen("L4", Side::Left), seen("L4", Side::Right), seen("L5", Side::Left)];
        assert!(check(&plan, Vec::new(), 1.0, 0.28).is_empty());
        let thick = check(&plan, Vec::new(), 3.0, 0.64);
        let said = "the image has slices of 3.0 mm: every distance is sure to 0.6 mm only";
        assert!(thick.len() == 1 && thick[0].what == said, "{thick:?}");
    }

    #[test]
    fn every_trouble_is_named_with_a_hint_the_gravest_first() {
        let medial = Seen { breach: (Grade::B, 0.8, Some(Wall::Medial)), ..seen("L4", Side::Left) };
        let lateral =
            Seen { breach: (Grade::B, 0.8, Some(Wall::Lateral)), ..seen("L4", Side::Right) };
        assert_eq!(weights(&[lateral.clone(), medial]), [Weight::Grave, Weight::Look]);
        let wide = Seen { breach: (Grade::C, 2.0, Some(Wall::Lateral)), ..seen("L4", Side::Left) };
        assert_eq!(weights(&[wide.clone()]), [Weight::Grave]);
        let hidden = Seen { past_mm: [0.4, 0.0], ..wide.clone() };
        let said = check(&[hidden], Vec::new(), 1.0, 0.28);
        let medial = |issue: &Issue| issue.what == "L4 left: it breaches 0.4 mm medial too";
        assert!(said.len() == 2 && said.iter().any(medial), "{said:?}");
        let hidden = Seen { past_mm: [0.0, 0.4], ..wide.clone() };
        let said = check(&[hidden], Vec::new(), 1.0, 0.28);
        assert_eq!(said[1].what, "L4 left: it breaches 0.4 mm caudal too", "{said:?}");
        let joint = Seen { facet: Some(3), ..seen("L4", Side::Left) };
        let off_rod = Seen { rod_misfit_mm: Some(6.0), ..seen("L5", Side::Left) };
        let cut = Seen { is_cut_off: true, ..seen("T9", Side::Left) };
        let touching = Seen { near: vec![("L5 left".into(), -0.3)], ..seen("L3", Side::Left) };
        let beside = [("S1 left", 0.4), ("L1 left", 0.6)].map(|(name, mm)| (name.into(), mm));
        let heads = Seen { near_heads: beside.into(), ..seen("L2", Side::Left) };
        let all = check(&[joint, off_rod, cut, touching, heads], Vec::new(), 1.0, 0.28);
        assert_eq!(all.len(), 6, "{all:?}");
        for of_heads in ["L2 left and S1 left are 0.4 mm", "L1 left and L2 left are 0.6 mm"] {
            let of_heads = format!("the heads of {of_heads} apart");
            assert!(all.iter().any(|issue| issue.what == of_heads), "{all:?}");
        }
        assert!(all.iter().all(|issue| !issue.hint.is_empty()));
        assert!(all.windows(2).all(|pair| pair[0].weight <= pair[1].weight));
    }

    #[test]
    fn a_head_off_its_rod_is_not_sent_to_be_planned_again_where_it_was() {
        let hint = |is_suggested: bool| {
            let off = Seen { rod_misfit_mm: Some(6.5), is_suggested, ..seen("L1", Side::Left) };
            let issues = check(&[off], Vec::new(), 1.0, 0.28);
            assert_eq!(issues.len(), 1, "{issues:?}");
            assert_eq!(issues[0].what, "L1 left: the rod passes its head by 6.5 mm");
            issues[0].hint.clone()
        };
        let (by_hand, suggested) = (hint(false), hint(true));
        assert!(by_hand.contains("plan the side together"), "{by_hand}");
        assert!(
            !suggested.contains("plan") && suggested.contains("reduction screw"),
            "{suggested}"
        );
    }

    #[test]
    fn an_ilium_that_ends_beside_a_screw_is_grave_and_ahead_of_it_good_to_know() {
        for (cut, weight) in [(IliumCut::Beside, Weight::Grave), (IliumCut::Ahead, Weight::Note)] {
            let screw = Seen { ilium_cut: Some(cut), ..seen("S1", Side::Left) };
            let issues = check(&[screw], Vec::new(), 1.0, 0.28);
            assert_eq!(issues.len(), 1, "{issues:?}");
            assert_eq!(issues[0].weight, weight);
            assert!(issues[0].what.contains("ends inside its ilium"), "{issues:?}");
        }
    }

    #[test]
    fn a_head_on_the_shaft_of_another_screw_is_named_unless_the_heads_are_nearer() {
        let of = |heads: Option<f64>, shaft: f64| {
            let near = |mm: f64| vec![("S1 left".to_owned(), mm)];
            let iliac = Seen {
                near_heads: heads.map(near).unwrap_or_default(),
                near_shafts: near(shaft),
                name: "S2AI left".into(),
                ..seen("S1", Side::Left)
            };
            check(&[iliac], Vec::new(), 1.0, 0.28)
        };
        let [touching, near] = [of(None, -0.8), of(Some(0.9), 0.4)];
        let what = "the head of S2AI left and the shaft of S1 left are -0.8 mm apart";
        assert_eq!(
            (touching.len(), touching[0].weight, &*touching[0].what),
            (1, Weight::Grave, what)
        );
        assert!(
            near.len() == 2 && near.iter().all(|issue| issue.weight == Weight::Look),
            "{near:?}"
        );
        assert_eq!(of(Some(-0.2), 0.4).len(), 1, "the heads tell it");
        assert!(of(None, 1.2).is_empty());
    }

    #[test]
    fn a_screw_without_a_pedicle_is_named_unless_its_vertebra_is_cut_off() {
        let lost = Seen { amiss: Some(Amiss::NoPedicle), ..seen("L4", Side::Left) };
        let said = check(&[lost.clone()], Vec::new(), 1.0, 0.28);
        assert!(said.len() == 1 && said[0].what.starts_with("L4 left: its pedicle was not found"));
        let cut = Seen { is_cut_off: true, ..lost };
        assert_eq!(weights(&[cut]), [Weight::Grave]);
    }

    #[test]
    fn a_screw_that_ends_beside_the_body_is_told_as_in_out_in_is_and_where_it_ends() {
        let of = |wanted: Wanted| {
            let breach = (Grade::B, 1.3, Some(Wall::Lateral));
            let screw = Seen { breach, wanted: Some(wanted), ..seen("T12", Side::Left) };
            let issues = check(&[screw], Vec::new(), 1.0, 0.28);
            assert!(issues.len() == 1 && issues[0].weight == Weight::Look, "{issues:?}");
            (issues[0].what.clone(), issues[0].hint.clone())
        };
        let (end, hint) = of(Wanted::LateralEnd);
        let what = "it passes the lateral wall by 1.3 mm (B) and ends out of bone there";
        assert_eq!(end, format!("T12 left: {what}"));
        assert!(hint.contains("pleura and vessels"), "{hint}");
        let (wall, hint) = of(Wanted::LateralWall);
        let what = "it passes the lateral wall by 1.3 mm (B), as in-out-in does";
        assert_eq!(wall, format!("T12 left: {what}"));
        assert!(hint.contains("rib"), "{hint}");
    }

    #[test]
    fn a_breach_as_wanted_is_told_as_that() {
        let tip = Seen {
            breach: (Grade::B, 1.7, Some(Wall::Anterior)),
            wanted: Some(Wanted::FrontCortex),
            ..seen("S1", Side::Left)
        };
        let issues = check(&[tip], Vec::new(), 1.0, 0.28);
        assert_eq!(issues.len(), 1, "{issues:?}");
        assert_eq!(issues[0].weight, Weight::Note);
        assert!(issues[0].what.contains("1.7 mm through the front cortex"), "{issues:?}");
        assert!(!issues[0].hint.contains("shorter"), "{issues:?}");
    }

    #[test]
    fn a_screw_that_misses_its_bone_is_told_so_and_not_to_be_shortened() {
        let breach = (Grade::E, 193.2, Some(Wall::Lateral));
        let lost = Seen { astray: Some(Astray::Nowhere), breach, ..seen("L4", Side::Left) };
        let issues = check(&[lost.clone()], Vec::new(), 1.0, 0.28);
        assert_eq!(issues.len(), 1, "{issues:?}");
        assert_eq!(issues[0].weight, Weight::Grave);
        assert_eq!(
            issues[0].what,
            "L4 left: it lies outside every bone, 193 mm lateral of its own"
        );
        let other = Seen { astray: Some(Astray::In(Level::L5)), ..lost };
        let issues = check(&[other], Vec::new(), 1.0, 0.28);
        assert_eq!(issues[0].what, "L4 left: it lies in L5, outside its own bone");
    }

    #[test]
    fn a_level_counted_twice_and_unlike_sides_are_named() {
        let twice = check(&[seen("L4", Side::Left), seen("L4", Side::Left)], Vec::new(), 1.0, 0.28);
        assert!(twice[0].what.contains("two screws"), "{twice:?}");
        let thin = Seen { size_mm: [4.5, 30.0], ..seen("L4", Side::Right) };
        let of_both =
            |thin: &Seen| check(&[seen("L4", Side::Left), thin.clone()], Vec::new(), 1.0, 0.28);
        let unlike = of_both(&thin);
        assert_eq!(
            unlike[0].what,
            "L4: left and right differ, 6.5 x 45 and 4.5 x 30 mm, their pedicles 10.0 x 50 and 10.0 x 50 mm"
        );
        // A pedicle that is so much smaller is a reason, one that is larger is none.
        let of_pedicle = |mm: [f64; 2]| of_both(&Seen { pedicle_mm: Some(mm), ..thin.clone() });
        assert!(of_pedicle([7.0, 40.0]).is_empty());
        assert_eq!(of_pedicle([7.0, 50.0]).len(), 1);
        assert_eq!(of_pedicle([13.0, 40.0]).len(), 1);
    }
}
