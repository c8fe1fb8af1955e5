//! The controller profiles under `xr-config/profiles/` against the OpenXR registry, as data: a runtime refuses a whole
//! profile for one path that it does not have, and no developer owns all these controllers.
//!
//! In: the profile files, and `data/interaction_profiles.tsv`, an extract of the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Every profile the product promises, with the extension that brings it.
const PROMISED: [&str; 19] = [
    "khr/simple_controller",
    "khr/generic_controller",
    "oculus/touch_controller",
    "meta/touch_controller_plus",
    "facebook/touch_controller_pro",
    "valve/index_controller",
    "htc/vive_controller",
    "htc/vive_focus3_controller",
    "htc/vive_cosmos_controller",
    "bytedance/pico4_controller",
    "bytedance/pico_neo3_controller",
    "hp/mixed_reality_controller",
    "microsoft/motion_controller",
    "varjo/xr-4_controller",
    "ml/ml2_controller",
    "ext/hand_interaction_ext",
    "microsoft/hand_interaction",
    "htc/hand_interaction",
    "logitech/mx_ink_stylus_logitech",
];

/// What one profile of the registry has.
#[derive(Default)]
struct Registered {
    extension: String,
    /// (hand, component) to (type, reserved for the system).
    components: BTreeMap<(&'static str, String), (String, bool)>,
}

fn registry() -> BTreeMap<String, Registered> {
    let mut profiles: BTreeMap<String, Registered> = BTreeMap::new();
    for line in include_str!("data/interaction_profiles.tsv").lines().skip(2) {
        let [profile, extension, hand, component, kind, system] =
            line.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("six columns expected: {line}");
        };
        let entry = profiles.entry(profile.to_owned()).or_default();
        entry.extension = extension.to_owned();
        for side in ["left", "right"].into_iter().filter(|side| hand == "both" || hand == *side) {
            entry
                .components
                .insert((side, component.to_owned()), (kind.to_owned(), !system.is_empty()));
        }
    }
    profiles
}

/// One profile file: its name in the registry, its extension, and (hand, action, component) for each binding.
struct Ours {
    file: String,
    profile: String,
    extension: String,
    bindings: Vec<(&'static str, String, String)>,
}

fn ours() -> Vec<Ours> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("xr-config/profiles");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Ours {
    let table: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
    let text = |key: &str| table.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    let path = text("path");
    let profile =
        path.strip_prefix("/interaction_profiles/").expect("an interaction profile").to_owned();
    let mut bindings = Vec::new();
    for hand in ["left", "right"] {
        // HTC's bare hands are users of their own, so their paths are written in full.
        let own_user = if profile == "htc/hand_interaction" {
            format!("/user/hand_htc/{hand}/")
        } else {
            String::new()
        };
        for (action, paths) in table[hand].as_table().unwrap() {
            let one = std::slice::from_ref(paths);
            for path in paths.as_array().map_or(one, |several| several.as_slice()) {
                let component = path
                    .as_str()
                    .unwrap()
                    .strip_prefix(&own_user)
                    .expect("a path of this profile's hands");
                bindings.push((hand, action.clone(), component.to_owned()));
            }
        }
    }
    Ours {
        file: file.file_name().unwrap().to_string_lossy().into_owned(),
        profile,
        extension: text("extension"),
        bindings,
    }
}

/// Which types of input may drive an action: a runtime turns a press into 0 or 1, and an amount into a press.
fn fits(action: &str, kind: &str) -> bool {
    match action {
        "select" | "grab" | "primary" | "secondary" | "menu" | "select_ready" | "grab_ready" => {
            ["bool", "float"].contains(&kind)
        }
        "stick" | "pad" => kind == "vector",
        "aim_pose" | "grip_pose" => kind == "pose",
        "haptic" => kind == "haptic",
        _ => panic!("the test does not know the action {action}"),
    }
}

#[test]
fn there_is_one_file_for_every_promised_profile() {
    let found: Vec<String> = ours().into_iter().map(|o| o.profile).collect();
    let set: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(set, PROMISED.into_iter().collect());
    assert_eq!(found.len(), PROMISED.len(), "a profile has two files");
}

#[test]
fn a_file_is_named_after_its_profile() {
    for o in ours() {
        assert_eq!(o.file, format!("{}.toml", o.profile.replace(['/', '-'], "_")));
    }
}

#[test]
fn every_bound_path_is_in_the_registry_for_that_hand_and_is_not_the_systems() {
    let registry = registry();
    for o in ours() {
        let registered = &registry[&o.profile];
        for (hand, action, component) in &o.bindings {
            let (kind, system) = registered
                .components
                .get(&(*hand, component.clone()))
                .unwrap_or_else(|| panic!("{}: the {hand} hand has no {component}", o.file));
            assert!(!system, "{}: {component} belongs to the system", o.file);
            assert!(
                fits(action, kind),
                "{}: {action} cannot be driven by {component} ({kind})",
                o.file
            );
        }
    }
}

#[test]
fn every_profile_names_the_extension_that_brings_it() {
    let registry = registry();
    for o in ours() {
        assert_eq!(o.extension, registry[&o.profile].extension, "{}", o.file);
    }
}

#[test]
fn both_hands_point_hold_and_are_seen_and_feel_where_they_can() {
    let registry = registry();
    for o in ours() {
        let has =
            |hand: &str, action: &str| o.bindings.iter().any(|(h, a, _)| *h == hand && a == action);
        for hand in ["left", "right"] {
            assert!(has(hand, "aim_pose") && has(hand, "grip_pose"), "{}: {hand}", o.file);
            assert!(has(hand, "select") || has(hand, "grab"), "{}: {hand} can do nothing", o.file);
            let can_feel =
                registry[&o.profile].components.contains_key(&(hand, "output/haptic".to_owned()));
            assert_eq!(has(hand, "haptic"), can_feel, "{}: {hand}", o.file);
        }
        assert!(
            has("right", "select") && has("left", "grab"),
            "{}: no hand selects or none grabs",
            o.file
        );
    }
}

/// What each input is for, as `conventions.md` of this project lists it, with `input/` left out: one entry for both hands
/// or `left;right`, `-` for none, `+` between several.
///
/// Where a hand has no menu button of its own, pressing its stick saves. The simple controller has one button a hand, so
/// its left one holds the patient and its right one selects.
const CONVENTIONS: &str = "
khr/simple_controller            | -;select/click | select/click;- | - | menu/click;- | - | -;menu/click
khr/generic_controller           | trigger/value | squeeze/value | thumbstick | primary/click | secondary/click | thumbstick/click
oculus/touch_controller          | trigger/value | squeeze/value | thumbstick | x/click;a/click | y/click;b/click | menu/click;thumbstick/click
meta/touch_controller_plus       | trigger/value | squeeze/value | thumbstick | x/click;a/click | y/click;b/click | menu/click;thumbstick/click
facebook/touch_controller_pro    | trigger/value+stylus_fb/force | squeeze/value | thumbstick | x/click;a/click | y/click;b/click | menu/click;thumbstick/click
valve/index_controller           | trigger/value | squeeze/force | thumbstick | a/click | b/click | thumbstick/click
htc/vive_controller              | trigger/value | squeeze/click | trackpad | trackpad/click | trackpad/click | menu/click
htc/vive_focus3_controller       | trigger/value | squeeze/value | thumbstick | x/click;a/click | y/click;b/click | menu/click;thumbstick/click
htc/vive_cosmos_controller       | trigger/value | squeeze/click | thumbstick | x/click;a/click | y/click;b/click | menu/click;thumbstick/click
bytedance/pico4_controller       | trigger/value | squeeze/value | thumbstick | x/click;a/click | y/click;b/click | menu/click;thumbstick/click
bytedance/pico_neo3_controller   | trigger/value | squeeze/value | thumbstick | x/click;a/click | y/click;b/click | menu/click
hp/mixed_reality_controller      | trigger/value | squeeze/value | thumbstick | x/click;a/click | y/click;b/click | menu/click
microsoft/motion_controller      | trigger/value | squeeze/click | thumbstick | trackpad/click | trackpad/click | menu/click
varjo/xr-4_controller            | trigger/value | squeeze/click | thumbstick | a/click | b/click | menu/click;thumbstick/click
ml/ml2_controller                | trigger/value | shoulder/click | trackpad | trackpad/click | trackpad/click | menu/click
ext/hand_interaction_ext         | aim_activate_ext/value+pinch_ext/value | grasp_ext/value | - | - | - | -
microsoft/hand_interaction       | select/value | squeeze/value | - | - | - | -
htc/hand_interaction             | select/value | squeeze/value | - | - | - | -
logitech/mx_ink_stylus_logitech  | tip_logitech/force+cluster_middle_logitech/force | cluster_back_logitech/click | - | cluster_front_logitech/click | cluster_front_logitech/double_tap_logitech | -
";

#[test]
fn every_input_does_what_the_conventions_say_on_each_hand() {
    let ours = ours();
    let rows: Vec<Vec<&str>> =
        CONVENTIONS.trim().lines().map(|line| line.split('|').map(str::trim).collect()).collect();
    assert_eq!(rows.len(), PROMISED.len());
    for row in rows {
        let file = ours.iter().find(|o| o.profile == row[0]).expect("a file for every row");
        let actions = ["select", "grab", "stick", "primary", "secondary", "menu"];
        for (action, cell) in actions.into_iter().zip(&row[1..]) {
            let (left, right) = cell.split_once(';').unwrap_or((cell, cell));
            for (hand, wanted) in [("left", left), ("right", right)] {
                let wanted: Vec<String> = wanted
                    .split('+')
                    .filter(|path| *path != "-")
                    .map(|path| format!("input/{path}"))
                    .collect();
                let bindings = file.bindings.iter().filter(|(h, a, _)| *h == hand && a == action);
                let bound: Vec<&String> = bindings.map(|(_, _, component)| component).collect();
                assert_eq!(bound, wanted.iter().collect::<Vec<_>>(), "{}: {hand} {action}", row[0]);
            }
        }
    }
}
