//! What a plan calls the trajectories that screws are planned on, and which breach is as wanted.
//!
//! In: a style, a screw, how it was judged. Out: the plan's name of the style and back, the id of a
//! suggested screw, and whether its breach is the one that its style asks for.

use super::rate::TIP_MM;
use super::{MISSED_MM, Rules, Style};
use crate::clearance::{Assessment, Grade, Wall};
use crate::labels::VertebraId;
use crate::plan::{Screw, ScrewId, ScrewStyle};
use crate::space::Side;
use std::fmt;
use uuid::Uuid;

impl Style {
    /// Every style.
    pub const ALL: [Self; 5] =
        [Self::Straight, Self::Anatomic, Self::Cortical, Self::S1Bicortical, Self::S2AlarIliac];

    /// What a plan calls a screw of this style.
    pub fn of_screw(self) -> ScrewStyle {
        match self {
            Self::Straight => ScrewStyle::Straight,
            Self::Anatomic => ScrewStyle::Anatomic,
            Self::Cortical => ScrewStyle::Cortical,
            Self::S1Bicortical => ScrewStyle::S1Bicortical,
            Self::S2AlarIliac => ScrewStyle::S2AlarIliac,
        }
    }
    /// The id of the screw that is suggested there in this style; the same at every planning.
    pub fn screw_id(self, vertebra: VertebraId, side: Side) -> ScrewId {
        let name = format!("{vertebra}/{side}/{self}");
        ScrewId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
    }
}

impl ScrewStyle {
    /// The style in which a screw is planned so; `None` where nobody said at which angle it aims.
    pub fn planned(self) -> Option<Style> {
        Style::ALL.into_iter().find(|style| style.of_screw() == self)
    }
}

impl fmt::Display for ScrewStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.planned() {
            Some(style) => style.fmt(f),
            None => f.write_str("pedicle"),
        }
    }
}

/// A breach that is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The tip stands out of the front cortex.
    FrontCortex,
    /// In-out-in, the lateral wall is passed.
    LateralWall,
    /// The same, and the end stands out of the body's side: no line there came back into bone.
    LateralEnd,
}

/// Whether a screw's breach is the one that its trajectory asks for, within that trajectory's own
/// limits: of a bicortical screw the tip through the front cortex by less than 2 mm, in-out-in the
/// lateral wall passed as far as the rules allow. Beside a medial breach none is, nor a lateral one
/// beside one towards a root.
pub fn wanted_breach(screw: &Screw, found: &Assessment, rules: &Rules) -> Option<Wanted> {
    let style = screw.style.planned().and_then(|style| rules.style(style));
    if found.medial_breach_mm > 0.0 {
        return None;
    }
    let is_at_tip = found.breach_depth_mm.is_some_and(|mm| mm > screw.length_mm - TIP_MM);
    match found.breach_wall? {
        Wall::Anterior => {
            let is_wanted = style.is_some_and(|style| style.is_bicortical);
            (is_wanted && is_at_tip && found.grade <= Grade::B).then_some(Wanted::FrontCortex)
        }
        Wall::Lateral => {
            let is_wanted = screw.in_out_in
                && found.breach_mm <= rules.limits.most_lateral_mm
                && is_lateral_alone(found);
            let which = match is_back_in_bone(found, rules) {
                true => Wanted::LateralWall,
                false => Wanted::LateralEnd,
            };
            is_wanted.then_some(which)
        }
        _ => None,
    }
}

/// Whether a screw that leaves its pedicle does so past the lateral wall, and past the roof and the floor
/// by no more than a search may miss: a root lies under the one and over the other.
pub(super) fn is_lateral_alone(found: &Assessment) -> bool {
    let is_lateral = found.breach_wall.is_none_or(|wall| wall == Wall::Lateral);
    let beside_mm = found.medial_breach_mm.max(found.cranial_breach_mm.max(found.caudal_breach_mm));
    (is_lateral && beside_mm <= MISSED_MM) || found.breach_mm <= MISSED_MM
}

/// Whether the end of the profile lies in bone, but for what a search may miss; true without one.
pub(super) fn is_back_in_bone(found: &Assessment, rules: &Rules) -> bool {
    let Some(tip) = found.profile.last() else { return true };
    let from_mm = tip.depth_mm - rules.limits.back_in_bone_mm;
    let mut end = found.profile.iter().rev().take_while(|place| place.depth_mm >= from_mm);
    end.all(|place| place.clearance_mm >= -MISSED_MM)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clearance::ProfilePoint;
    use crate::space::{Dir, Point};

    fn screw(style: ScrewStyle, in_out_in: bool) -> Screw {
        let shape = crate::clearance::ScrewShape {
            entry: Point::ORIGIN,
            axis: -Dir::Y,
            length_mm: 45.0,
            diameter_mm: 6.5,
        };
        let vertebra = (VertebraId::of_label("x", 1), crate::labels::Level::S1);
        let screw =
            Screw::placed(vertebra, Side::Left, &shape, "test", jiff::Timestamp::UNIX_EPOCH);
        Screw { style, in_out_in, ..screw }
    }

    fn breach(wall: Wall, breach_mm: f64, depth_mm: f64) -> Assessment {
        Assessment {
            clearance_mm: -breach_mm,
            protrusion_mm: breach_mm,
            wall_breach_mm: 0.0,
            breach_mm,
            breach_wall: Some(wall),
            breach_depth_mm: Some(depth_mm),
            medial_breach_mm: if wall == Wall::Medial { breach_mm } else { 0.0 },
            cranial_breach_mm: 0.0,
            caudal_breach_mm: 0.0,
            grade: crate::clearance::grade_from_breach_mm(breach_mm),
            meets_bone: true,
            witness: Point::ORIGIN,
            nearest_wall_dir: Dir::X,
            nearest_wall: wall,
            profile: Vec::new(),
        }
    }

    #[test]
    fn a_breach_is_wanted_of_its_own_trajectory_alone_and_within_its_limits() {
        let rules = Rules::builtin().expect("our own file");
        let told =
            |style, in_out_in, found| wanted_breach(&screw(style, in_out_in), &found, &rules);
        use ScrewStyle::*;
        let tip = || breach(Wall::Anterior, 1.7, 45.0);
        assert_eq!(told(S1Bicortical, false, tip()), Some(Wanted::FrontCortex));
        assert_eq!(told(Straight, false, tip()), None);
        assert_eq!(told(Pedicle, false, tip()), None);
        assert_eq!(told(S1Bicortical, false, breach(Wall::Anterior, 2.0, 45.0)), None);
        assert_eq!(told(S1Bicortical, false, breach(Wall::Anterior, 1.0, 20.0)), None);
        assert_eq!(told(S1Bicortical, false, breach(Wall::Medial, 1.0, 45.0)), None);
        let both = Assessment { medial_breach_mm: 0.3, ..tip() };
        assert_eq!(told(S1Bicortical, false, both), None);
        let aside = || breach(Wall::Lateral, 1.2, 15.0);
        let towards_root = Assessment { caudal_breach_mm: 0.5, ..aside() };
        assert_eq!(told(Straight, true, towards_root), None);
        assert_eq!(told(Straight, true, aside()), Some(Wanted::LateralWall));
        assert_eq!(told(Straight, false, aside()), None);
        assert_eq!(told(Straight, true, breach(Wall::Lateral, 1.95, 15.0)), None);
        assert_eq!(told(Straight, true, breach(Wall::Medial, 0.2, 15.0)), None);
        let out_at = |depth_mm| {
            let place = |n: u32| {
                let at_mm = f64::from(n);
                let clearance_mm = if at_mm == depth_mm { -1.2 } else { 0.5 };
                ProfilePoint { depth_mm: at_mm, clearance_mm }
            };
            Assessment { profile: (0..=45).map(place).collect(), ..aside() }
        };
        assert_eq!(told(Straight, true, out_at(15.0)), Some(Wanted::LateralWall));
        for end_mm in [45.0, 41.0] {
            assert_eq!(told(Straight, true, out_at(end_mm)), Some(Wanted::LateralEnd), "{end_mm}");
        }
    }

    #[test]
    fn styles_and_what_a_plan_calls_them_go_both_ways() {
        for style in Style::ALL {
            assert_eq!(style.of_screw().planned(), Some(style));
        }
        assert_eq!(ScrewStyle::Pedicle.planned(), None);
    }
}
