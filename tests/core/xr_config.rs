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

#[test]
fn letters_stand_on_the_hand_that_has_them() {
    // A mirrored file would still be refused whole: x and y are on the left of these, a and b on the right.
    let touch =
        ours().into_iter().find(|o| o.profile == "oculus/touch_controller").expect("a touch file");
    let bound = |hand: &str, action: &str| {
        touch
            .bindings
            .iter()
            .find(|(h, a, _)| *h == hand && a == action)
            .map(|(_, _, component)| component.as_str())
    };
    assert_eq!(bound("left", "primary"), Some("input/x/click"));
    assert_eq!(bound("right", "primary"), Some("input/a/click"));
    assert_eq!(bound("left", "menu"), Some("input/menu/click"));
}
