//! What lies around the bones: skin, fat, muscles, lungs, canal, nerves, vessels and discs, placed
//! from the vertebrae. General anatomy, rounded; it makes the image look right and no number rests
//! on it.

use super::column::Placed;
use super::metal::{Metal, TITANIUM_HU};
use super::pelvis::Stand;
use super::scan::{BEAD_HU, BEAD_RADIUS_MM};
use super::sizes::{Measures, Vary};
use super::soft::{Form, Node, Shift, Soft, Tube};
use super::structure::Structure;
use super::{Bone, Phantom, Spec, SpecError, sacrum, vertebra};
use crate::space::{Point, Side};
use glam::{DVec2, DVec3};
use std::sync::Arc;

pub(super) const AIR_HU: f64 = -1000.0;
const FAT_HU: f64 = -95.0;
const MUSCLE_HU: f64 = 45.0;
const BOWEL_HU: f64 = 30.0;
const LUNG_HU: f64 = -840.0;
const DISC_HU: f64 = 85.0;
const EPIDURAL_HU: f64 = -60.0;
const SAC_HU: f64 = 15.0;
const CORD_HU: f64 = 38.0;
const ROOT_HU: f64 = 30.0;
const BLOOD_HU: f64 = 42.0;
/// How far behind the end plate of S1 the skin lies in the midline, mm.
const SKIN_BEHIND_MM: f64 = 84.0;
/// The skin goes back with a column whose boxes come nearer to it than this, mm.
const SKIN_OVER_MM: f64 = 4.0;
/// Half of the trunk, sideways and front to back, mm.
const TRUNK_HALF_MM: DVec2 = DVec2::new(165.0, 112.0);

/// Contrast medium.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contrast {
    /// HU of the aorta; the vena cava has half of the rise.
    pub vessels_hu: f64,
    /// HU of the thecal sac after myelography; `None` for a plain sac.
    pub sac_hu: Option<f64>,
}

/// Every soft layer of a phantom, in the order in which they are painted.
pub(super) fn of(phantom: &Phantom) -> Vec<Soft> {
    let (spec, placed) = (&phantom.spec, phantom.placed.as_slice());
    let mut all = trunk(spec, &phantom.bones);
    let mut add = |structure: Option<Structure>, hu: f64, tube: Option<Tube>| {
        all.extend(tube.map(|tube| Soft { structure, hu, form: Form::Tube(tube) }));
    };
    for side in Side::BOTH {
        add(Some(Structure::Lung), LUNG_HU, lung(placed, side));
        add(None, MUSCLE_HU, back_muscle(placed, side));
        add(None, MUSCLE_HU, psoas(placed, phantom.stand.as_ref(), side));
    }
    let blood = spec.contrast.map_or(BLOOD_HU, |contrast| contrast.vessels_hu);
    add(Some(Structure::Aorta), blood, aorta(placed));
    add(Some(Structure::VenaCava), 0.5 * (blood + BLOOD_HU), vena_cava(placed));
    add(Some(Structure::Epidural), EPIDURAL_HU, in_canal(placed, 0.96, 0.96));
    let sac = spec.contrast.and_then(|contrast| contrast.sac_hu).unwrap_or(SAC_HU);
    add(Some(Structure::ThecalSac), sac, in_canal(placed, 0.72, 0.78));
    add(Some(Structure::Cord), CORD_HU, cord(placed));
    all.extend(placed.iter().flat_map(roots));
    for disc in &phantom.discs {
        let form = Form::Disc(Box::new(disc.clone()));
        all.push(Soft { structure: Some(Structure::Disc), hu: DISC_HU, form });
    }
    if spec.bead_left {
        let form = Form::Ball { centre: phantom.bead().vec(), radius_mm: BEAD_RADIUS_MM };
        all.push(Soft { structure: None, hu: BEAD_HU, form });
    }
    all
}

/// Skin, the fat under it, the wall, and what fills the belly.
fn trunk(spec: &Spec, bones: &[Bone]) -> Vec<Soft> {
    let plate = spec.sacral_plate.vec().truncate();
    let centre = plate + DVec2::new(0.0, SKIN_BEHIND_MM - TRUNK_HALF_MM.y);
    let shifts: Arc<[Shift]> = shifts(spec, bones).into();
    let part = |hu, centre, half, under_mm| Soft {
        structure: None,
        hu,
        form: Form::Trunk { centre, half, under_mm, shifts: shifts.clone() },
    };
    let shell = |hu, under_mm| part(hu, centre, TRUNK_HALF_MM, under_mm);
    let belly = plate + DVec2::new(0.0, -95.0);
    vec![
        shell(MUSCLE_HU, 0.0),
        shell(FAT_HU, 1.8),
        shell(MUSCLE_HU, 15.0),
        shell(FAT_HU, 27.0),
        part(BOWEL_HU, belly, DVec2::new(125.0, 62.0), 0.0),
    ]
}

/// How far the skin goes back with the vertebrae of a bent column, that none lies outside of it.
fn shifts(spec: &Spec, bones: &[Bone]) -> Vec<Shift> {
    let skin = spec.sacral_plate.vec().y + SKIN_BEHIND_MM;
    let mobile: Vec<&Bone> = bones.iter().filter(|bone| bone.level().region() != 'S').collect();
    let back_mm = |bone: &&Bone| {
        let back = bone.corners().iter().map(|c| c.vec().y).fold(f64::NEG_INFINITY, f64::max);
        (back + SKIN_OVER_MM - skin).max(0.0)
    };
    let shift = |n: usize| {
        // A spinous process may stand as high as the body of a neighbour.
        let around = &mobile[n.saturating_sub(1)..mobile.len().min(n + 2)];
        let height_mm = mobile[n].patient_from_vertebra().origin().vec().z;
        Shift { height_mm, back_mm: around.iter().map(back_mm).fold(0.0, f64::max) }
    };
    (0..mobile.len()).map(shift).collect()
}

/// Where the skin lies farthest back, LPS y, mm.
pub(super) fn skin_back_mm(spec: &Spec, bones: &[Bone]) -> f64 {
    let most = shifts(spec, bones).iter().map(|shift| shift.back_mm).fold(0.0, f64::max);
    spec.sacral_plate.vec().y + SKIN_BEHIND_MM + most
}

/// A tube with one node per level that `node` wants: a point in the vertebra's frame, and half its
/// size.
fn along(placed: &[Placed], node: impl Fn(&Placed) -> Option<(DVec3, DVec2)>) -> Vec<Node> {
    let place = |here: &Placed, local: DVec3| {
        here.patient_from_vertebra.point(Point::from_vec(local)).vec()
    };
    let one =
        |here: &Placed| node(here).map(|(local, half)| Node { centre: place(here, local), half });
    placed.iter().filter_map(one).collect()
}

/// The number of a level counted from T1: T12 is 12, L5 17, S1 18.
fn count(here: &Placed) -> f64 {
    let number = f64::from(here.level.number());
    match here.level.region() {
        'T' => number,
        'L' => 12.0 + number,
        _ => 18.0,
    }
}

/// Half of the body: width, depth and height.
fn half_body(here: &Placed) -> DVec3 {
    match &here.measures {
        Measures::Mobile(s, _) => {
            let width = (s.body_width_mm[0] + s.body_width_mm[1]) / 4.0;
            DVec3::new(width, s.body_depth_mm / 2.0, s.body_height_mm / 2.0)
        }
        Measures::Sacrum(s) => {
            DVec3::new(s.plate_width_mm, s.plate_depth_mm, s.body_height_mm) / 2.0
        }
    }
}

fn aorta(placed: &[Placed]) -> Option<Tube> {
    Tube::through(along(placed, |here| {
        let (n, half) = (count(here), half_body(here));
        // Beside the spine in the chest, in front of it in the belly, ending where it divides.
        let aside = (26.0 - 1.4 * n).clamp(4.0, 22.0);
        let before = (4.0 + 0.9 * n).min(14.0);
        let local = DVec3::new(aside, -half.y - before + 2.0, 0.0);
        (4.0..=16.5).contains(&n).then_some((local, DVec2::splat(12.5 - 0.25 * n)))
    }))
}

fn vena_cava(placed: &[Placed]) -> Option<Tube> {
    Tube::through(along(placed, |here| {
        let (n, half) = (count(here), half_body(here));
        let local = DVec3::new(-16.0, -half.y - 12.0, 0.0);
        (11.0..=17.5).contains(&n).then_some((local, DVec2::new(12.0, 9.0)))
    }))
}

/// A tube that takes a share of the canal's width and of its depth.
fn in_canal(placed: &[Placed], wide: f64, deep: f64) -> Option<Tube> {
    let half = |here: &Placed| match &here.measures {
        Measures::Mobile(s, _) => DVec2::new(s.canal_width_mm, s.canal_depth_mm) / 2.0,
        // The sac narrows in the sacrum.
        Measures::Sacrum(s) => DVec2::new(0.7 * s.canal_width_mm, s.canal_depth_mm) / 2.0,
    };
    let nodes: Vec<Node> = placed
        .iter()
        .flat_map(|here| {
            let middle = super::canal_middle(here).vec();
            let up = here.patient_from_vertebra.rotation() * DVec3::Z;
            let size = half(here) * DVec2::new(wide, deep);
            // Above and below the pedicles as well, so that the tube follows each canal.
            [-12.0, 8.0].map(|t| Node { centre: middle + up * t, half: size })
        })
        .collect();
    Tube::through(nodes)
}

/// The cord, which ends behind L1.
fn cord(placed: &[Placed]) -> Option<Tube> {
    Tube::through(along(placed, |here| {
        let Measures::Mobile(sizes, _) = &here.measures else { return None };
        let n = count(here);
        let half = match n {
            n if n <= 2.0 => DVec2::new(6.0, 4.2),
            n if n <= 10.0 => DVec2::new(4.8, 4.0),
            n if n <= 12.0 => DVec2::new(5.2, 4.4),
            _ => DVec2::new(2.0, 1.8),
        };
        (n <= 13.0).then_some((vertebra::canal_middle(sizes), half))
    }))
}

/// The two roots that leave under the pedicles of a level, each in a sleeve of fat.
fn roots(here: &Placed) -> Vec<Soft> {
    let thick = if here.level.region() == 'T' { 1.8 } else { 2.6 };
    let mut made = Vec::new();
    for side in Side::BOTH {
        let place = |local: DVec3| {
            let local = Point::new(local.x * side.sign(), local.y, local.z);
            here.patient_from_vertebra.point(local).vec()
        };
        let way = left_root(here);
        for (structure, hu, radius_mm) in
            [(None, EPIDURAL_HU, thick + 1.8), (Some(Structure::NerveRoot), ROOT_HU, thick)]
        {
            made.extend(way.windows(2).map(|ends| {
                let ends = [place(ends[0]), place(ends[1])];
                Soft { structure, hu, form: Form::Cord { ends, radius_mm } }
            }));
        }
    }
    made
}

/// The way of the left root, from the sac out, in the vertebra's frame.
fn left_root(here: &Placed) -> Vec<DVec3> {
    match &here.measures {
        Measures::Mobile(sizes, _) => {
            let under = sizes.pedicle_rise_mm - sizes.pedicle_height_mm / 2.0;
            let y = vertebra::canal_middle(sizes).y;
            let half = sizes.canal_width_mm / 2.0;
            vec![
                DVec3::new(0.55 * half, y + 1.0, under + 2.0),
                DVec3::new(half + 16.0, y - 5.0, under - 9.0),
            ]
        }
        Measures::Sacrum(sizes) => {
            let from = sacrum::canal_middle(sizes);
            let [inner, front] = sacrum::first_foramen();
            let beside = DVec3::new(0.3 * sizes.canal_width_mm, from.y - 1.0, -4.0);
            vec![beside, inner, front]
        }
    }
}

/// The long muscles beside the spinous processes.
fn back_muscle(placed: &[Placed], side: Side) -> Option<Tube> {
    let nodes = along(placed, |here| {
        let middle = here.patient_from_vertebra.inverse().point(super::canal_middle(here)).vec();
        let (n, back) = (count(here), middle.y + 34.0);
        let half = DVec2::new((22.0 + 0.9 * n).min(34.0), (17.0 + 0.7 * n).min(26.0));
        Some((DVec3::new(side.sign() * (half.x + 1.0), back, 0.0), half))
    });
    Tube::through(with_ends(nodes, 40.0))
}

/// From the flank of T12 down to the groin.
fn psoas(placed: &[Placed], stand: Option<&Stand>, side: Side) -> Option<Tube> {
    let mut nodes = along(placed, |here| {
        let (n, half) = (count(here), half_body(here));
        let size = ((n - 11.0) * 3.4).clamp(3.0, 19.0);
        let local = DVec3::new(side.sign() * (0.8 * half.x + 0.75 * size), 2.0, 0.0);
        (12.0..18.0).contains(&n).then_some((local, DVec2::new(size, 1.15 * size)))
    });
    if let Some(stand) = stand {
        let groin = stand.hip(side) + DVec3::new(-12.0 * side.sign(), -46.0, 10.0);
        nodes.push(Node { centre: groin, half: DVec2::splat(15.0) });
    }
    Tube::through(nodes)
}

fn lung(placed: &[Placed], side: Side) -> Option<Tube> {
    let nodes = along(placed, |here| {
        let (n, half) = (count(here), half_body(here));
        let size = match n {
            n if n <= 3.0 => DVec2::new(12.0 + 7.0 * n, 16.0 + 10.0 * n),
            n if n <= 9.0 => DVec2::new(38.0, 52.0),
            _ => DVec2::new(38.0 - 8.0 * (n - 9.0), 40.0 - 8.0 * (n - 9.0)),
        };
        let heart = if side == Side::Left { 8.0 } else { 0.0 };
        let out = half.x + size.x + 6.0 + heart;
        let local = DVec3::new(side.sign() * out, half.y + 14.0 - size.y, 0.0);
        (n <= 12.0).then_some((local, size))
    });
    Tube::through(nodes)
}

/// Goes on straight beyond both ends.
fn with_ends(mut nodes: Vec<Node>, more_mm: f64) -> Vec<Node> {
    if let (Some(first), Some(last)) = (nodes.first().copied(), nodes.last().copied()) {
        nodes.push(Node { centre: first.centre + DVec3::Z * more_mm, ..first });
        nodes.push(Node { centre: last.centre - DVec3::Z * more_mm, ..last });
    }
    nodes
}

/// How far behind the isthmus a screw's head lies, mm.
const HEAD_BEHIND_MM: f64 = 22.0;
/// Radii of a screw's head and of a rod, mm.
const HEAD_MM: f64 = 5.5;
const ROD_MM: f64 = 2.75;

/// The screws along the planned axes of their pedicles, their heads, and a rod through the heads of
/// each side that has two or more. Fails for a level that is not there or a size that is none.
pub(super) fn old_metal(spec: &Spec, placed: &[Placed]) -> Result<Vec<Metal>, SpecError> {
    let mut metal = Vec::new();
    let mut add = |form| metal.push(Metal { hu: TITANIUM_HU, form });
    let mut heads: [Vec<DVec3>; 2] = [Vec::new(), Vec::new()];
    for screw in &spec.old_screws {
        let here = placed.iter().find(|here| here.level == screw.level);
        let here =
            here.ok_or(SpecError::Deformity(screw.level, "an old screw without a pedicle"))?;
        let vary = Vary::new(spec.seed, here.level, spec.variation);
        let (isthmus, axis) = match &here.measures {
            Measures::Mobile(sizes, _) => (
                vertebra::pedicle_isthmus(sizes, screw.side),
                vertebra::pedicle_axis(sizes, &vary, screw.side),
            ),
            Measures::Sacrum(sizes) => (
                sacrum::pedicle_isthmus(sizes, screw.side),
                sacrum::pedicle_axis(sizes, &vary, screw.side),
            ),
        };
        let place =
            |t: f64| here.patient_from_vertebra.point(Point::from_vec(isthmus + axis * t)).vec();
        let head = place(-HEAD_BEHIND_MM);
        let ends = [head, place(screw.length_mm - HEAD_BEHIND_MM)];
        add(Form::Cord { ends, radius_mm: screw.diameter_mm / 2.0 });
        add(Form::Ball { centre: head, radius_mm: HEAD_MM });
        heads[usize::from(screw.side == Side::Right)].push(head);
    }
    for mut side in heads {
        side.sort_by(|a, b| a.z.total_cmp(&b.z));
        for pair in side.windows(2) {
            add(Form::Cord { ends: [pair[0], pair[1]], radius_mm: ROD_MM });
        }
    }
    Ok(metal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Level;

    #[test]
    fn the_roots_of_s1_leave_by_its_first_foramen_under_the_pedicle() {
        let spec = Spec { levels: vec![Level::S1], seed: 22, ..Spec::default() };
        let phantom = Phantom::new(&spec).expect("a sacrum alone");
        let here = &phantom.placed[0];
        let Measures::Sacrum(sizes) = &here.measures else { panic!("no sacrum") };
        let own = phantom.bone(Level::S1).expect("a sacrum");
        let back = here.patient_from_vertebra.inverse();
        for side in Side::BOTH {
            let isthmus = sacrum::pedicle_isthmus(sizes, side);
            let is_nerve = |soft: &Soft| soft.structure == Some(Structure::NerveRoot);
            let of_side = |ends: &[DVec3; 2]| ends[0].x * side.sign() > 0.0;
            let way: Vec<[DVec3; 2]> = roots(here)
                .into_iter()
                .filter(is_nerve)
                .filter_map(|soft| match soft.form {
                    Form::Cord { ends, .. } => {
                        Some(ends.map(|p| back.point(Point::from_vec(p)).vec()))
                    }
                    _ => None,
                })
                .filter(of_side)
                .collect();
            let [[sac, inner], [again, front]] = way[..] else { panic!("{way:?}") };
            assert_eq!(inner, again, "one way");
            let half = sizes.canal_width_mm / 2.0;
            assert!(sac.x.abs() < half && isthmus.z > inner.z + 10.0, "{side}: {way:?}");
            assert!(front.y < inner.y - 15.0, "{side}: it leaves to the front: {way:?}");
            // All along the foramen it lies in no bone.
            for n in 0..=20 {
                let at = inner.lerp(front, f64::from(n) / 20.0);
                assert!(own.local_value(at) < -2.0, "{side}: {at} {}", own.local_value(at));
            }
        }
    }

    #[test]
    fn each_root_passes_under_its_own_pedicle() {
        let spec = Spec { levels: Spec::whole_column(), seed: 22, ..Spec::default() };
        let phantom = Phantom::new(&spec).expect("a straight column");
        for here in phantom.placed.iter().filter(|here| here.level != Level::S1) {
            let level = here.level;
            let nerves: Vec<Soft> =
                roots(here).into_iter().filter(|soft| soft.structure.is_some()).collect();
            assert_eq!(nerves.len(), 2, "{level}");
            for (soft, side) in nerves.into_iter().zip(Side::BOTH) {
                let Form::Cord { ends, .. } = soft.form else { panic!("no line") };
                let Measures::Mobile(sizes, _) = &here.measures else {
                    panic!("{level} has roots")
                };
                let isthmus = vertebra::pedicle_isthmus(sizes, side);
                let back = here.patient_from_vertebra.inverse();
                let [from, to] = ends.map(|p| back.point(Point::from_vec(p)).vec());
                assert!(from.x.abs() < isthmus.x.abs() && isthmus.x.abs() < to.x.abs(), "{level}");
                // Where it crosses under the pedicle's middle: straight above lies the pedicle.
                let under = from.lerp(to, (isthmus.x - from.x) / (to.x - from.x));
                let own = phantom.bone(level).expect("a bone at every level");
                let is_bone = |mm: f64| own.local_value(under + DVec3::Z * mm) >= 0.0;
                let first = (0..80).map(|n| f64::from(n) * 0.1).find(|mm| is_bone(*mm));
                let first =
                    first.unwrap_or_else(|| panic!("{level} {side}: no pedicle above the root"));
                assert!(under.z + first < isthmus.z - 2.0, "{level} {side}: not under the pedicle");
                assert!(is_bone(isthmus.z - under.z), "{level} {side}: the pedicle is elsewhere");
            }
        }
    }
}
