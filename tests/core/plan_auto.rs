//! Screws that plan themselves, on the phantom: planned from its CT, graded by its truth.

use corridor::anatomy::{Pedicle, VertebraAnatomy};
use corridor::case::judge::{self, Answer};
use corridor::case::spine::{self, Spine, VertebraModel};
use corridor::case::suggest::{self, Planned, Wish};
use corridor::clearance::{Assessment, Canal, Grade, Wall, assess_without_profile};
use corridor::implant::{Catalogue, Rods};
use corridor::labels::Level;
use corridor::phantom::{LevelTruth, Phantom, Spec};
use corridor::plan::auto::{self, Allowed, Refusal, Rules, Site, Style, construct};
use corridor::plan::rod::{Rod, rms};
use corridor::plan::{Plan, Screw, ScrewState};
use corridor::space::{Dir, Patient, Point, Rigid, Side};
use corridor::volume::Grid;
use corridor::work::Work;
use glam::{DQuat, DVec3};
use jiff::Timestamp;
use std::sync::OnceLock;

/// A phantom and the case that its scanner sees.
pub struct Made {
    pub phantom: Phantom,
    pub spine: Spine,
}

pub fn made(spec: &Spec) -> Made {
    made_at(spec, 1.0)
}

pub fn made_at(spec: &Spec, spacing_mm: f64) -> Made {
    let phantom = Phantom::new(spec).unwrap();
    let (ct, labels) = phantom.images(&around_bones(&phantom, spacing_mm));
    let spine = spine::of_images(Some(ct), labels, &Work::silent()).unwrap();
    Made { phantom, spine }
}

/// A grid around the bones alone: nothing here asks for the skin behind them.
pub fn around_bones(phantom: &Phantom, spacing_mm: f64) -> Grid {
    const MARGIN_MM: f64 = 8.0;
    let corners = phantom.bones().iter().flat_map(|bone| bone.corners().map(Point::vec));
    let far = DVec3::INFINITY;
    let (low, high) = corners.fold((far, -far), |(low, high), c| (low.min(c), high.max(c)));
    let size = ((high - low + 2.0 * MARGIN_MM) / spacing_mm).to_array().map(|n| n as usize + 1);
    Grid::along_axes(Point::from_vec(low - MARGIN_MM), spacing_mm, size)
}

pub fn l4_to_s1() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    let levels = vec![Level::L4, Level::L5, Level::S1];
    MADE.get_or_init(|| made(&Spec { levels, seed: 7, ..Spec::default() }))
}

pub fn plan(spine: &Spine, wish: &Wish) -> Planned {
    plan_from(&Catalogue::builtin().unwrap(), spine, wish)
}

pub fn plan_from(catalogue: &Catalogue, spine: &Spine, wish: &Wish) -> Planned {
    let rules = Rules::builtin().unwrap();
    suggest::plan(spine, wish, &rules, catalogue, Timestamp::UNIX_EPOCH, &Work::silent()).unwrap()
}

/// A screw's full answer, its head as our own catalogue has it.
pub fn answer_of(spine: &Spine, plan: &Plan, screw: &Screw) -> Answer {
    static OURS: OnceLock<Catalogue> = OnceLock::new();
    let ours = OURS.get_or_init(|| Catalogue::builtin().unwrap());
    judge::answer(spine, plan, screw, ours).unwrap()
}

/// The anatomy as it truly is.
pub fn true_anatomy(truth: &LevelTruth) -> VertebraAnatomy {
    let pedicle = |side: Side| {
        let p = truth.pedicle(side);
        Pedicle {
            side,
            isthmus: p.isthmus,
            axis: p.axis,
            width_mm: p.width_mm,
            height_mm: p.height_mm,
            least_mm: p.least_mm,
            chord_mm: p.chord_mm,
            transverse_deg: p.transverse_deg,
            sagittal_deg: p.sagittal_deg,
            span_mm: [-4.0, 4.0],
        }
    };
    VertebraAnatomy {
        patient_from_vertebra: truth.patient_from_vertebra(),
        canal_centre: truth.canal_centre,
        canal: None,
        upper_plate: None,
        lower_plate: None,
        body_mm: None,
        pedicles: Side::BOTH.map(pedicle).to_vec(),
        warnings: Vec::new(),
    }
}

/// A screw judged by the phantom's own surface and anatomy.
pub fn truly(phantom: &Phantom, screw: &Screw) -> Assessment {
    judged_by(phantom, screw, &phantom.truth_of(screw.level).unwrap())
}

/// The same where the level's truth is known already.
pub fn judged_by(phantom: &Phantom, screw: &Screw, truth: &LevelTruth) -> Assessment {
    let bone = phantom.bone(screw.level).unwrap();
    assess_without_profile(&screw.shape(), bone, &true_anatomy(truth)).unwrap()
}

#[test]
fn planned_from_the_ct_and_graded_by_the_truth_every_screw_is_an_a() {
    let Made { phantom, spine } = l4_to_s1();
    let planned = plan(spine, &Wish::default());
    assert_eq!((planned.screws.len(), planned.refusals.len()), (6, 0), "{:?}", planned.refusals);
    for (screw, found) in &planned.screws {
        let name = format!("{} {}", screw.level, screw.side);
        let truth = truly(phantom, screw);
        assert_eq!(truth.grade, Grade::A, "{name}: {truth:?}");
        let off = (truth.clearance_mm - found.assessment.clearance_mm).abs();
        assert!(off < 0.25, "{name}: clearance is off by {off} mm");
        assert_eq!(screw.state, ScrewState::Suggested);
        assert!(
            found.score.total > 80.0 && found.score.total <= 100.0,
            "{name}: {:?}",
            found.score
        );
        assert!(screw.diameter_mm <= 0.8 * found.isthmus_mm, "{name}");
        let answer = answer_of(spine, &Plan::default(), screw);
        let walls = answer.around.walls_mm.unwrap();
        let least = answer.assessment.clearance_mm - 0.3;
        assert!(walls.iter().all(|mm| *mm >= least), "{name}: {walls:?}, least {least}");
        assert!(answer.around.foramen_mm.is_some_and(|mm| mm > 0.0), "{name}: {:?}", answer.around);
        assert!(screw.length_mm <= 0.9 * found.chord_mm && screw.length_mm <= found.chord_mm - 4.0);
    }
}

#[test]
fn the_same_case_gives_the_same_plan_on_any_number_of_threads() {
    let Made { spine, .. } = l4_to_s1();
    // Every level, both sides, lined up for rods.
    let wish = Wish::default();
    let first = plan(spine, &wish);
    assert_eq!(first.screws.len(), 6, "{:?}", first.refusals);
    assert_eq!(first, plan(spine, &wish));
    let on = |threads| rayon_pool(threads).install(|| plan(spine, &wish));
    assert_eq!(on(1), first);
    assert_eq!(on(3), first);
}

#[test]
fn from_the_images_on_the_same_case_gives_the_same_plan_on_any_number_of_threads() {
    let levels = vec![Level::L4, Level::L5];
    let phantom = Phantom::new(&Spec { levels, seed: 7, ..Spec::default() }).unwrap();
    let (ct, labels) = phantom.images(&around_bones(&phantom, 1.5));
    let on = |threads: usize| {
        let (ct, labels) = (Some(ct.clone()), labels.clone());
        rayon_pool(threads).install(|| {
            assert_eq!(rayon::current_num_threads(), threads);
            let spine = spine::of_images(ct, labels, &Work::silent()).unwrap();
            let planned = plan(&spine, &Wish::default());
            (spine, planned)
        })
    };
    let ((one, first), (three, second)) = (on(1), on(3));
    assert_eq!(one.vertebrae.len(), 2);
    for (a, b) in one.vertebrae.iter().zip(&three.vertebrae) {
        let (level, place) = (a.level, a.anatomy.canal_centre);
        assert!(a.mesh.positions == b.mesh.positions, "{level}: another surface");
        assert_eq!(a.anatomy, b.anatomy, "{level}");
        // Beside the canal, in bone, and far outside.
        for way in [0.0, 8.0, 15.0, 30.0, 80.0] {
            let at = place + Dir::new(0.8, -0.6, 0.1) * way;
            let told = |v: &VertebraModel| v.field.signed_distance_mm(at);
            assert_eq!(told(a), told(b), "{level}");
        }
    }
    assert!(!first.screws.is_empty(), "{:?}", first.refusals);
    assert_eq!(first, second);
}

fn rayon_pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

#[test]
fn levels_that_are_not_there_and_styles_that_do_not_belong_are_named() {
    let Made { spine, .. } = l4_to_s1();
    let levels = vec!["L3".parse().unwrap(), Level::L4];
    let planned = plan(spine, &Wish { levels, ..Wish::default() });
    assert_eq!(planned.screws.len(), 2);
    assert_eq!(planned.refusals, [Refusal::NoVertebra { level: Level::L3 }]);
    assert!(planned.refusals[0].to_string().starts_with("L3: "));
    let wish = Wish { style: Style::S2AlarIliac, levels: vec![Level::S1], ..Wish::default() };
    let refused = plan(spine, &wish);
    assert!(refused.screws.is_empty());
    assert!(refused.refusals[0].to_string().contains("ilium"), "{:?}", refused.refusals);
}

#[test]
fn each_style_takes_its_own_way() {
    let Made { phantom, spine } = l4_to_s1();
    let one = |style, level| {
        let planned = plan(spine, &Wish { style, levels: vec![level], ..Wish::default() });
        assert_eq!(planned.screws.len(), 2, "{style}: {:?}", planned.refusals);
        let (screw, found) = planned.screws[0].clone();
        let truth = truly(phantom, &screw);
        let ends_in_cortex = style == Style::S1Bicortical && truth.grade == Grade::B;
        assert!(truth.grade == Grade::A || ends_in_cortex, "{style}: {truth:?}");
        assert_ne!(truth.breach_wall, Some(Wall::Medial), "{style}");
        let local = phantom.truth_of(level).unwrap().patient_from_vertebra().inverse();
        let axis = local.dir(screw.axis).vec();
        let tip_margin = found.chord_mm - screw.length_mm;
        let plate = phantom.truth_of(level).unwrap().upper_plate;
        let tip_under_plate = (plate.centre - screw.tip()).dot(plate.up);
        let aside = local.point(screw.tip()).vec().x * screw.side.sign();
        (
            axis.z.asin().to_degrees(),
            -axis.x.atan2(-axis.y).to_degrees(),
            [tip_margin, tip_under_plate, aside],
        )
    };
    let (straight, inwards, _) = one(Style::Straight, Level::L4);
    assert!(straight.abs() < 6.0 && inwards > 5.0, "{straight} {inwards}");
    let (cortical, inwards, _) = one(Style::Cortical, Level::L4);
    assert!(cortical > 14.0 && inwards < 0.0, "{cortical} {inwards}");
    // At the promontory: in the front cortex, just under the upper end plate.
    let (_, _, [margin, under_plate, aside]) = one(Style::S1Bicortical, Level::S1);
    assert!((2.0..8.0).contains(&aside), "the tip ends {aside} mm beside the midline");
    assert!(margin < 3.0, "the tip ends {margin} mm behind the front cortex");
    assert!((3.0..9.0).contains(&under_plate), "the tip ends {under_plate} mm under the end plate");
}

/// A body with a pedicle on the left, the canal beside it: of this half width, its walls upright over
/// `flat_mm` of its height and round above and below.
fn narrow(radius_mm: f64, flat_mm: f64) -> (impl Fn(Point<Patient>) -> f64, VertebraAnatomy) {
    let bone = move |p: Point<Patient>| {
        let p = p.vec();
        let body = (-5.0 - p.y).min(p.y + 35.0).min(20.0 - p.x.abs()).min(14.0 - p.z.abs());
        let over = (p.z.abs() - flat_mm / 2.0).max(0.0);
        let rod = (radius_mm - (p.x - 12.0).hypot(over)).min(p.y + 20.0).min(20.0 - p.y);
        let mass = (p.y - 8.0).min(20.0 - p.y).min(9.0 - (p.x - 12.0).abs()).min(9.0 - p.z.abs());
        let lamina = (p.y - 16.0).min(20.0 - p.y).min(20.0 - p.x.abs()).min(12.0 - p.z.abs());
        let right = (2.0 - (p.x + 12.0).abs()).min(p.y + 20.0).min(20.0 - p.y).min(9.0 - p.z.abs());
        body.max(rod).max(mass).max(lamina).max(right)
    };
    let pedicle = Pedicle {
        side: Side::Left,
        isthmus: Point::new(12.0, 1.0, 0.0),
        axis: -Dir::Y,
        width_mm: 2.0 * radius_mm,
        height_mm: 2.0 * radius_mm + flat_mm,
        least_mm: 2.0 * radius_mm,
        chord_mm: 40.0,
        transverse_deg: 0.0,
        sagittal_deg: 0.0,
        span_mm: [-5.0, 5.0],
    };
    let anatomy = VertebraAnatomy {
        patient_from_vertebra: Rigid::new(DQuat::IDENTITY, DVec3::new(0.0, -20.0, 0.0)),
        canal_centre: Point::new(0.0, 5.0, 0.0),
        canal: None,
        upper_plate: None,
        lower_plate: None,
        body_mm: None,
        pedicles: vec![pedicle],
        warnings: Vec::new(),
    };
    (bone, anatomy)
}

fn suggest_narrow(radius_mm: f64, in_out_in: bool) -> Result<auto::Suggestion, Refusal> {
    suggest_from(&Catalogue::builtin().unwrap(), (radius_mm, 6.0), in_out_in)
}

fn suggest_from(
    catalogue: &Catalogue,
    (radius_mm, flat_mm): (f64, f64),
    in_out_in: bool,
) -> Result<auto::Suggestion, Refusal> {
    let (bone, anatomy) = narrow(radius_mm, flat_mm);
    suggest_in(&bone, &anatomy, catalogue, in_out_in)
}

fn suggest_in(
    bone: &(impl Fn(Point<Patient>) -> f64 + Sync),
    anatomy: &VertebraAnatomy,
    catalogue: &Catalogue,
    in_out_in: bool,
) -> Result<auto::Suggestion, Refusal> {
    let canal = Canal::new(bone, anatomy);
    let rules = Rules::builtin().unwrap();
    let site = Site {
        level: "T5".parse().unwrap(),
        pedicle: &anatomy.pedicles[0],
        anatomy,
        bone,
        above: None,
        canal: canal.as_ref(),
        ct: None,
    };
    auto::suggest(&site, Style::Straight, &rules, &Allowed { catalogue, in_out_in })
}

#[test]
fn a_narrow_pedicle_takes_the_smallest_screw_or_is_refused_in_words() {
    let wide = suggest_narrow(3.6, false).unwrap();
    assert!(!wide.is_narrow && wide.shape.diameter_mm >= 4.5, "{wide:?}");
    assert!((wide.isthmus_mm - 7.2).abs() < 0.1, "{}", wide.isthmus_mm);
    let small = suggest_narrow(2.4, false).unwrap();
    assert!(small.is_narrow && small.shape.diameter_mm == 4.0, "{small:?}");
    assert_eq!(small.assessment.grade, Grade::A);
    let refused = suggest_narrow(2.0, false).unwrap_err();
    assert!(matches!(refused, Refusal::TooNarrow { .. }), "{refused}");
    assert!(refused.to_string().starts_with("T5 left: its isthmus is 4.0 mm"), "{refused}");
}

#[test]
fn what_a_hospitals_smallest_screw_overfills_goes_by_the_narrow_rule() {
    let mut thick = Catalogue::builtin().unwrap();
    thick.kinds.iter_mut().for_each(|kind| kind.diameters_mm.retain(|mm| *mm >= 5.0));
    // Of 5.8 mm a screw of 5 mm takes 86 %, of 6.6 mm 76 %.
    let of = |width_mm: f64| suggest_from(&thick, (width_mm / 2.0, 6.0), false).unwrap();
    for (width_mm, is_narrow) in [(5.8, true), (6.6, false)] {
        let found = of(width_mm);
        assert_eq!((found.shape.diameter_mm, found.is_narrow), (5.0, is_narrow), "{found:?}");
    }
    assert!(matches!(suggest_from(&thick, (2.55, 6.0), false), Err(Refusal::TooNarrow { .. })));
}

#[test]
fn in_out_in_leaves_bone_on_the_lateral_side_alone() {
    for radius in [1.25, 1.6, 2.0] {
        let found = suggest_narrow(radius, true).unwrap();
        assert_eq!(found.shape.diameter_mm, 4.0);
        assert_eq!(found.assessment.breach_wall, Some(Wall::Lateral), "{radius}: {found:?}");
        let Assessment { cranial_breach_mm, caudal_breach_mm, .. } = found.assessment;
        assert!(cranial_breach_mm.max(caudal_breach_mm) <= 0.2, "{radius}: {found:?}");
        assert_eq!(found.assessment.grade, Grade::B, "{radius}: {found:?}");
        assert!(found.score.term("canal").unwrap().measure >= Some(0.19), "{radius}: {found:?}");
    }
    // What would be a C is not proposed, nor what would pass the roof and the floor of the pedicle, too.
    assert!(suggest_narrow(1.0, true).is_err());
    let round = suggest_from(&Catalogue::builtin().unwrap(), (1.25, 0.0), true);
    assert!(matches!(round, Err(Refusal::NoPath { .. })), "{round:?}");
    // Where bone alone has a way, nothing changes.
    let [plain, allowed] = [false, true].map(|allowed| suggest_narrow(2.4, allowed));
    assert_eq!(plain.unwrap().shape, allowed.unwrap().shape);
}

#[test]
fn in_out_in_ends_in_bone_where_the_body_narrows_to_the_front() {
    let (upright, anatomy) = narrow(1.25, 6.0);
    // The left side of the body at this place beside the pedicle slants inwards to the front.
    let within = |side_mm: f64| {
        let bone = |p: Point<Patient>| {
            let q = p.vec();
            let side = side_mm + 0.3 * (q.y + 12.0).min(0.0) - q.x;
            upright(p).min(side.max(q.y + 5.0))
        };
        suggest_in(&bone, &anatomy, &Catalogue::builtin().unwrap(), true)
    };
    let found = within(15.0).unwrap();
    assert_eq!(found.assessment.breach_wall, Some(Wall::Lateral), "{found:?}");
    let from_mm = found.shape.length_mm - 5.0;
    let end = found.assessment.profile.iter().filter(|at| at.depth_mm >= from_mm);
    let least = end.map(|at| at.clearance_mm).fold(f64::INFINITY, f64::min);
    // As in the plan's last word, but for what a search may miss; 0.8 mm out without the rule.
    assert!(least >= -0.2, "its end is {least} mm in bone: {:?}", found.shape);
    // Where none comes back into bone, the best that ends beside it is, still on the lateral side alone.
    let beside = within(14.0).unwrap();
    assert!(beside.in_out_in && beside.score.total > 0.0, "{beside:?}");
    assert_eq!(beside.assessment.medial_breach_mm, 0.0, "{beside:?}");
    assert_eq!(beside.assessment.breach_wall, Some(Wall::Lateral), "{beside:?}");
    assert_eq!(beside.assessment.grade, Grade::B, "{beside:?}");
    let tip = beside.assessment.profile.last().unwrap();
    assert!(tip.clearance_mm < -0.2, "{beside:?}");
}

#[test]
fn a_rib_left_on_a_vertebra_of_the_chest_is_no_pedicle() {
    // The same bar of bone, 11 mm farther from the canal than a pedicle is.
    let (bone, anatomy) = narrow(3.0, 6.0);
    let canal = Canal::new(&bone, &anatomy);
    let moved = |p: Point<Patient>| bone(p - Dir::X * 11.0).max(bone(p).min(9.5 - p.vec().x));
    let mut rib = anatomy.pedicles[0];
    rib.isthmus = rib.isthmus + Dir::X * 11.0;
    let (rules, catalogue) = (Rules::builtin().unwrap(), Catalogue::builtin().unwrap());
    let site = |level: &str| Site {
        level: level.parse().unwrap(),
        pedicle: &rib,
        anatomy: &anatomy,
        bone: &moved,
        above: None,
        canal: canal.as_ref(),
        ct: None,
    };
    let allowed = Allowed { catalogue: &catalogue, in_out_in: false };
    let of = |level| auto::suggest(&site(level), Style::Straight, &rules, &allowed);
    assert!(matches!(of("T5"), Err(Refusal::NoPedicle { .. })), "{:?}", of("T5"));
    // The wide pedicles of the loins reach that far.
    assert!(!matches!(of("L4"), Err(Refusal::NoPedicle { .. })));
}

/// The heads of one side, and the rod through them.
pub fn heads_of(planned: &Planned, side: Side) -> (Vec<Point<Patient>>, Rod) {
    let (rules, rods) = (Rules::builtin().unwrap(), Rods::builtin().unwrap());
    let screws = planned.screws.iter().filter(|(screw, _)| screw.side == side);
    let heads: Vec<_> = screws.map(|(_, s)| construct::head(&s.shape, &rules)).collect();
    let rod = Rod::through(&heads, &rods).unwrap();
    (heads, rod)
}

/// RMS of the misfits of both rods, mm.
pub fn misfit_mm(planned: &Planned) -> f64 {
    rms(&Side::BOTH.map(|side| heads_of(planned, side).1.misfit_mm).concat())
}

#[test]
fn heads_line_up_for_a_rod_and_no_screw_gives_up_a_tenth() {
    let Made { spine, .. } = l4_to_s1();
    let (together, alone) = (plan(spine, &Wish::default()), plan(spine, &alone()));
    assert_eq!(together.screws.len(), alone.screws.len());
    for ((screw, kept), (_, own)) in together.screws.iter().zip(&alone.screws) {
        let name = format!("{} {}", screw.level, screw.side);
        assert!(kept.score.total >= 0.9 * own.score.total - 1e-9, "{name}");
        assert_eq!(kept.assessment.grade, Grade::A, "{name}");
    }
    let (rod, before) = (misfit_mm(&together), misfit_mm(&alone));
    println!("misfit of the rods: {before:.3} mm each alone, {rod:.3} mm together");
    assert!(rod <= before + 1e-9, "{before} {rod}");
}

pub fn alone() -> Wish {
    Wish { each_alone: true, ..Wish::default() }
}
