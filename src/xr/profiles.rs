//! Controller profiles: which input of which controller is which action.
//!
//! In: `xr-config/profiles/*.toml`, one file per interaction profile. Out: [`Profile`]s, from which
//! `actions.rs` makes the suggested bindings. A path that a profile does not have makes a runtime
//! refuse that whole profile; the others stay.

use super::config::{ConfigError, parse, read_text};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

macro_rules! built_in_file {
    ($name:literal) => {
        (
            concat!("profiles/", $name, ".toml"),
            include_str!(concat!("../../xr-config/profiles/", $name, ".toml")),
        )
    };
}

/// The files of `xr-config/profiles/` as they were when the program was built.
const BUILT_IN: &[(&str, &str)] = &[
    built_in_file!("bytedance_pico4_controller"),
    built_in_file!("bytedance_pico_neo3_controller"),
    built_in_file!("ext_hand_interaction_ext"),
    built_in_file!("facebook_touch_controller_pro"),
    built_in_file!("hp_mixed_reality_controller"),
    built_in_file!("htc_hand_interaction"),
    built_in_file!("htc_vive_controller"),
    built_in_file!("htc_vive_cosmos_controller"),
    built_in_file!("htc_vive_focus3_controller"),
    built_in_file!("khr_generic_controller"),
    built_in_file!("khr_simple_controller"),
    built_in_file!("logitech_mx_ink_stylus_logitech"),
    built_in_file!("meta_touch_controller_plus"),
    built_in_file!("microsoft_hand_interaction"),
    built_in_file!("microsoft_motion_controller"),
    built_in_file!("ml_ml2_controller"),
    built_in_file!("oculus_touch_controller"),
    built_in_file!("valve_index_controller"),
    built_in_file!("varjo_xr_4_controller"),
];

/// One interaction profile and what its inputs are for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its path, `/interaction_profiles/...`.
    pub path: String,
    /// The extension that brings it, if it is not part of the core.
    #[serde(default)]
    pub extension: Option<String>,
    #[serde(default)]
    left: BTreeMap<String, Paths>,
    #[serde(default)]
    right: BTreeMap<String, Paths>,
}

/// One component path or several, as a file may write it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Paths {
    One(String),
    Several(Vec<String>),
}

impl Profile {
    /// Every binding: the action's name and the full path of the input, such as
    /// `/user/hand/left/input/trigger/value`. A path that a file writes in full stays as it is.
    pub fn bindings(&self) -> impl Iterator<Item = (&str, String)> {
        let hands = [("left", &self.left), ("right", &self.right)];
        hands.into_iter().flat_map(|(hand, table)| {
            table.iter().flat_map(move |(action, paths)| {
                let paths = match paths {
                    Paths::One(path) => std::slice::from_ref(path),
                    Paths::Several(paths) => paths,
                };
                paths.iter().map(move |path| {
                    let is_full = path.starts_with('/');
                    let user = if is_full { String::new() } else { format!("/user/hand/{hand}/") };
                    (action.as_str(), user + path)
                })
            })
        })
    }
}

/// The profiles that were built into the program.
pub(super) fn built_in() -> Result<Vec<Profile>, ConfigError> {
    BUILT_IN.iter().map(|(name, text)| parse(name, text)).collect()
}

/// The profiles of a folder, in the order of their file names.
pub(super) fn from_folder(folder: &Path) -> Result<Vec<Profile>, ConfigError> {
    let unreadable = |cause| ConfigError::Unreadable { path: folder.to_path_buf(), cause };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut files = entries
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    files.retain(|file| file.extension().is_some_and(|e| e == "toml"));
    files.sort();
    files.iter().map(|file| parse(&file.display().to_string(), &read_text(file)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_names_full_paths_for_both_hands() {
        let text = "path = '/interaction_profiles/a/b'\n[left]\nmenu = 'input/menu/click'\n\
                    [right]\nprimary = ['input/a/click', 'input/b/click']\n";
        let profile: Profile = parse("x.toml", text).expect("well formed");
        let bindings: Vec<_> = profile.bindings().collect();
        assert_eq!(bindings[0], ("menu", "/user/hand/left/input/menu/click".to_owned()));
        assert_eq!(bindings[2], ("primary", "/user/hand/right/input/b/click".to_owned()));
    }

    #[test]
    fn every_profile_file_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("xr-config/profiles");
        assert_eq!(from_folder(&folder).expect("readable"), built_in().expect("well formed"));
    }
}
