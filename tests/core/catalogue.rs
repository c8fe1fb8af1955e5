//! A hospital's own screws: read, refused by name where there is a hole, planned with, and named in
//! the plan.

use crate::case_session::{PLAN, edited};
use crate::memory_fs::MemoryFs;
use crate::plan_auto::{l4_to_s1, plan, plan_from};
use crate::plan_samples::{now, opening, screw};
use corridor::case::judge;
use corridor::case::suggest::Wish;
use corridor::case::{Location, Notice, Opening, open};
use corridor::clearance::HeadShape;
use corridor::cli::grade::not_on_offer;
use corridor::implant::{Catalogue, Core, Kind, Rods, Use};
use corridor::labels::Level;
use corridor::plan::auto::{self, Allowed, Refusal, Rules, Site, Style};
use corridor::plan::{CatalogueRef, Plan, ScrewStyle};
use corridor::space::Side;
use std::path::Path;

/// A file as a hospital may write it: two makers' pedicle screws and a cannulated one for the ilium.
const HOSPITAL: &str = r#"
(
    format: "corridor-catalogue-1",
    id: "st-elsewhere",
    version: 4,
    name: "St. Elsewhere, theatre 2",
    kinds: [
        (
            id: "slim",
            name: "Slim",
            use: pedicle,
            diameters_mm: [4.5, 5.5],
            lengths_mm: [30.0, 35.0],
            core: DiametersMm([3.2, 4.1]),
            pitch_mm: 2.5,
            head_radius_mm: 5.5,
            head_height_mm: 12.5,
            tulip_swing_deg: 28.0,
        ),
        (
            id: "stout",
            name: "Stout",
            use: pedicle,
            diameters_mm: [6.5],
            lengths_mm: [40.0, 45.0],
            core: Share(0.7),
            pitch_mm: 3.0,
            head_radius_mm: 6.5,
            head_height_mm: 14.0,
            tulip_swing_deg: 30.0,
        ),
        (
            id: "pelvic",
            name: "Pelvic",
            use: iliac,
            diameters_mm: [8.5],
            lengths_mm: [80.0],
            core: Share(0.7),
            pitch_mm: 3.0,
            head_radius_mm: 7.0,
            head_height_mm: 15.0,
            tulip_swing_deg: 30.0,
            cannulation_mm: 1.8,
        ),
    ],
)
"#;

fn hospital() -> Catalogue {
    Catalogue::from_ron(HOSPITAL, "ours.ron").unwrap()
}

/// The same without the kinds of a use.
fn without(made_for: Use) -> Catalogue {
    let mut catalogue = hospital();
    catalogue.kinds.retain(|kind| kind.made_for != made_for);
    catalogue
}

#[test]
fn a_hospitals_file_is_read() {
    let catalogue = hospital();
    assert_eq!((catalogue.id.as_str(), catalogue.version), ("st-elsewhere", 4));
    let slim = &catalogue.kinds[0];
    assert_eq!(slim.core, Core::DiametersMm(vec![3.2, 4.1]));
    assert_eq!([slim.core_mm(4.5), slim.core_mm(5.5)], [3.2, 4.1]);
    let iliac = catalogue.offer(Use::Iliac);
    assert_eq!((iliac.diameters_mm(), iliac.lengths_mm(8.5)), (vec![8.5], vec![80.0]));
    assert_eq!(iliac.kinds()[0].cannulation_mm, Some(1.8));
    // What is written out is read again as the same.
    let again = ron::ser::to_string_pretty(&catalogue, ron::ser::PrettyConfig::default()).unwrap();
    assert_eq!(Catalogue::from_ron(&again, "again").unwrap(), catalogue);
}

#[test]
fn the_file_in_the_readme_is_read() {
    let readme = include_str!("../../README.md");
    let text = readme.split("```ron").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let catalogue = Catalogue::from_ron(text, "README.md").unwrap();
    assert!(!catalogue.kinds.is_empty());
}

/// The hospital's rods as the README shows them.
pub fn hospitals_rods() -> &'static str {
    let readme = include_str!("../../README.md");
    readme.split("```ron").nth(2).and_then(|rest| rest.split("```").next()).unwrap()
}

#[test]
fn the_rods_in_the_readme_are_read() {
    let rods = Rods::from_ron(hospitals_rods(), "README.md").unwrap();
    assert_eq!((rods.rods.len(), rods.rods[0].spring_factor), (1, 0.86));
}

#[test]
fn every_hole_is_refused_by_file_kind_and_field() {
    let holes = [
        ("diameters_mm: [4.5, 5.5]", "diameters_mm: []", "slim", "diameters_mm: it holds no size"),
        ("lengths_mm: [40.0, 45.0]", "lengths_mm: []", "stout", "lengths_mm: it holds no size"),
        ("[30.0, 35.0]", "[35.0, 30.0]", "slim", "lengths_mm: 35 stands before 30"),
        ("[30.0, 35.0]", "[30.0, 30.0]", "slim", "lengths_mm: 30 stands before 30"),
        ("[30.0, 35.0]", "[NaN, 35.0]", "slim", "lengths_mm: NaN is not between"),
        ("[40.0, 45.0]", "[40.0, inf]", "stout", "lengths_mm: inf is not between"),
        ("[8.5]", "[-8.5]", "pelvic", "diameters_mm: -8.5 is not between"),
        // Centimetres.
        ("[8.5]", "[0.85]", "pelvic", "diameters_mm: 0.85 is not between 1 and 20"),
        ("Share(0.7)", "Share(1.0)", "stout", "core: 1 is not between"),
        ("[3.2, 4.1]", "[3.2, 5.5]", "slim", "core: a core of 5.5 mm in a thread of 5.5 mm"),
        ("[3.2, 4.1]", "[3.2, NaN]", "slim", "core: a core of NaN mm"),
        ("[3.2, 4.1]", "[3.2]", "slim", "core: 1 cores for 2 diameters"),
        ("pitch_mm: 2.5", "pitch_mm: 0.0", "slim", "pitch_mm: 0 is not between"),
        ("head_radius_mm: 7.0", "head_radius_mm: NaN", "pelvic", "head_radius_mm: NaN"),
        ("head_height_mm: 12.5", "head_height_mm: -1.0", "slim", "head_height_mm: -1"),
        // It would end where the head begins.
        ("head_height_mm: 12.5", "head_height_mm: 2.0", "slim", "head_height_mm: 2 is not"),
        ("swing_deg: 28.0", "swing_deg: 280.0", "slim", "tulip_swing_deg: 280 is not between"),
        ("cannulation_mm: 1.8", "cannulation_mm: 6.0", "pelvic", "cannulation_mm: a bore of 6 mm"),
        ("id: \"stout\"", "id: \"slim\"", "slim", "id: another kind has it too"),
        ("id: \"stout\"", "id: \" \"", " ", "id: it is empty"),
    ];
    for (right, wrong, kind, said) in holes {
        assert!(HOSPITAL.contains(right), "{right}");
        let text = HOSPITAL.replacen(right, wrong, 1);
        let refused = Catalogue::from_ron(&text, "ours.ron").unwrap_err().to_string();
        let wanted = format!("the catalogue ours.ron, kind \"{kind}\", {said}");
        assert!(refused.starts_with(&wanted), "{wrong}: {refused}");
        // What to do.
        assert!(refused.contains("correct") || refused.contains(';'), "{refused}");
    }
}

#[test]
fn a_file_of_another_shape_is_refused_at_its_line() {
    let wrong = |right: &str, wrong: &str, said: &[&str]| {
        assert!(HOSPITAL.contains(right), "{right}");
        let text = HOSPITAL.replacen(right, wrong, 1);
        let refused = Catalogue::from_ron(&text, "ours.ron").unwrap_err().to_string();
        for word in said {
            assert!(refused.contains(word), "{wrong}: {refused}");
        }
    };
    wrong("pitch_mm: 2.5,", "", &["ours.ron", "kind \"slim\"", "pitch_mm"]);
    wrong("use: iliac", "use: dental", &["ours.ron", "kind \"pelvic\"", "line 35", "dental"]);
    wrong("pitch_mm: 2.5", "pich_mm: 2.5", &["kind \"slim\"", "line 15", "pich_mm"]);
    wrong("[40.0, 45.0]", "[40.0, \"45\"]", &["kind \"stout\"", "line 25"]);
    wrong("version: 4", "version: -4", &["ours.ron", "line 5"]);
    wrong("st-elsewhere", "", &["ours.ron, id: it is empty"]);
    wrong("catalogue-1", "catalogue-9", &["format", "corridor-catalogue-9", "another Corridor"]);
    let none = Catalogue::read(Path::new("none.ron"), &MemoryFs::new()).unwrap_err().to_string();
    assert!(none.contains("none.ron") && none.contains("name a file that is there"), "{none}");
}

/// What the planner says of the sacrum's left when asked for a screw into the ilium.
fn iliac_screw_from(catalogue: &Catalogue) -> Result<auto::Suggestion, Refusal> {
    let sacrum = l4_to_s1().spine.vertebrae.iter().find(|v| v.level == Level::S1).unwrap();
    let site = Site {
        level: sacrum.level,
        pedicle: sacrum.anatomy.pedicle(Side::Left).unwrap(),
        anatomy: &sacrum.anatomy,
        bone: &sacrum.field,
        above: None,
        canal: sacrum.canal.as_ref(),
        ct: None,
    };
    let allowed = Allowed { catalogue, in_out_in: false };
    auto::suggest(&site, Style::S2AlarIliac, &Rules::builtin().unwrap(), &allowed)
}

#[test]
fn what_is_missing_has_a_stand_in_or_is_refused() {
    // No pedicle screws: nothing stands in.
    let text = HOSPITAL.replace("use: pedicle", "use: cortical");
    let refused = Catalogue::from_ron(&text, "ours.ron").unwrap_err().to_string();
    assert!(refused.starts_with("the catalogue ours.ron, kinds: no kind has use: pedicle"));
    // No cortical ones: pedicle screws do.
    let catalogue = hospital();
    let ids = |of: Use| -> Vec<String> {
        catalogue.offer(of).kinds().iter().map(|kind| kind.id.clone()).collect()
    };
    assert_eq!(ids(Use::Cortical), ["slim", "stout"]);
    assert_eq!(ids(Use::Iliac), ["pelvic"]);
    // No iliac ones: such a screw is not planned, said in words, keeps its size, and is still drawn.
    let catalogue = without(Use::Iliac);
    assert!(catalogue.offer(Use::Iliac).is_empty());
    let mut screw = screw(0);
    (screw.style, screw.diameter_mm, screw.length_mm) = (ScrewStyle::S2AlarIliac, 9.0, 85.0);
    assert_eq!(screw.offered(&catalogue).step(screw.size(), 1, 1), screw.size());
    assert_eq!(screw.kind(&catalogue).unwrap().id, "stout");
    let refused = iliac_screw_from(&catalogue).unwrap_err();
    assert_eq!(refused, Refusal::NoIliacScrew { side: Side::Left });
    let said = refused.to_string();
    assert!(said.contains("S2AI left") && said.contains("--catalogue"), "{said}");
    assert_ne!(iliac_screw_from(&hospital()), Err(refused));
}

#[test]
fn the_planner_and_the_checks_begin_a_head_at_one_place() {
    assert_eq!(Rules::builtin().unwrap().limits.head_from_mm, HeadShape::FROM_MM);
}

#[test]
fn the_room_to_the_facet_above_is_that_of_the_hospitals_own_head() {
    let spine = &l4_to_s1().spine;
    let wish = Wish { levels: vec![Level::L5], each_alone: true, ..Wish::default() };
    let (screw, _) = plan(spine, &wish).screws.swap_remove(0);
    let ours = Catalogue::builtin().unwrap();
    let mut bulky = ours.clone();
    bulky.kinds.iter_mut().for_each(|kind| kind.head_radius_mm += 4.0);
    let room = |catalogue: &Catalogue| {
        let answer = judge::answer(spine, &Plan::default(), &screw, catalogue).unwrap();
        answer.around.head_above_mm.unwrap()
    };
    let less = room(&ours) - room(&bulky);
    assert!((2.0..4.5).contains(&less), "{less} mm less room for 4 mm more head");
}

#[test]
fn a_plan_uses_only_what_the_hospital_has() {
    let spine = &l4_to_s1().spine;
    let mut two = hospital();
    two.kinds = vec![Kind { diameters_mm: vec![5.5], ..hospital().kinds[0].clone() }];
    two.kinds[0].core = Core::Share(0.7);
    let wish = Wish { each_alone: true, ..Wish::default() };
    for catalogue in [two, hospital()] {
        let planned = plan_from(&catalogue, spine, &wish);
        assert_eq!(planned.screws.len(), 6, "{:?}", planned.refusals);
        for (screw, _) in &planned.screws {
            let is_on_offer = |kind: &Kind| {
                kind.made_for == Use::Pedicle
                    && kind.diameters_mm.contains(&screw.diameter_mm)
                    && kind.lengths_mm.contains(&screw.length_mm)
            };
            let (name, size) = (screw.title(), screw.size());
            assert!(catalogue.kinds.iter().any(is_on_offer), "{name}: {size:?}");
        }
    }
}

/// What the planner took from one list before there were kinds, it takes from the kinds.
#[test]
fn our_own_kinds_change_no_plan() {
    let catalogue = Catalogue::builtin().unwrap();
    let rule = Rules::builtin().unwrap().style(Style::Cortical).unwrap().clone();
    let within = |list: &[f64], (low, high): (f64, f64)| -> Vec<f64> {
        list.iter().copied().filter(|mm| (low..=high).contains(mm)).collect()
    };
    let kind = |id: &str| catalogue.kinds.iter().find(|kind| kind.id == id).unwrap();
    let (pedicle, cortical) = (kind("pedicle"), kind("cortical"));
    assert_eq!(cortical.diameters_mm, within(&pedicle.diameters_mm, rule.diameters_mm));
    assert_eq!(cortical.lengths_mm, within(&pedicle.lengths_mm, rule.lengths_mm));
    // A second kind of the same sizes is no second search, and no other screw.
    let mut plain = catalogue.clone();
    plain.kinds.retain(|kind| kind.id == "pedicle");
    let wish = Wish { levels: vec![Level::L4], each_alone: true, ..Wish::default() };
    let spine = &l4_to_s1().spine;
    assert_eq!(plan(spine, &wish), plan_from(&plain, spine, &wish));
    let cortical = Wish { style: Style::Cortical, ..wish };
    let stood_in = plan_from(&plain, spine, &cortical);
    assert_eq!(plan(spine, &cortical).screws, stood_in.screws);
}

#[test]
fn a_plan_made_with_another_catalogue_says_so_and_keeps_its_name() {
    let fs = MemoryFs::new();
    let session = edited(&fs, 1);
    session.save();
    drop(session);
    let read = |catalogue: &CatalogueRef| {
        let opening = Opening { catalogue: catalogue.clone(), ..opening("3f9a22c1") };
        open::read(&Location::at(PLAN), &opening, now(), &fs).unwrap()
    };
    let own = opening("3f9a22c1").catalogue;
    assert_eq!(read(&own).1, []);
    let (file, notices) = read(&CatalogueRef::from(&hospital()));
    assert_eq!(file.header.catalogue, own);
    assert!(matches!(notices[..], [Notice::OtherCatalogue { .. }]), "{notices:?}");
    for word in ["corridor-generic", "st-elsewhere", "--catalogue"] {
        assert!(notices[0].to_string().contains(word), "{}", notices[0]);
    }
    // Another edition of the same is taken over.
    let newer = CatalogueRef { version: own.version + 1, ..own };
    let (file, notices) = read(&newer);
    assert_eq!(file.header.catalogue, newer);
    assert!(notices[0].to_string().contains("edition 2 is in use"), "{}", notices[0]);
}

#[test]
fn screws_that_are_not_on_offer_are_named() {
    let mut plan = Plan { screws: (0..3).map(screw).collect(), ..Plan::default() };
    assert_eq!(not_on_offer(&plan, &hospital()), None);
    plan.screws[1].diameter_mm = 6.6;
    // Each size is there, but not in one kind.
    (plan.screws[2].diameter_mm, plan.screws[2].length_mm) = (4.5, 45.0);
    let said = not_on_offer(&plan, &hospital()).unwrap();
    let wanted = "the catalogue st-elsewhere has no L2 right 6.6 x 45, L3 left 4.5 x 45: resize";
    assert!(said.starts_with(wanted), "{said}");
    // Nothing stands in for a screw of the ilium.
    plan.screws[0].style = ScrewStyle::S2AlarIliac;
    assert!(not_on_offer(&plan, &hospital()).unwrap().contains("S2AI left 6.5 x 45"));
}
