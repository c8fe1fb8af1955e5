//! What `xr-config/` says: the session that is asked for, the actions, the comfort presets.
//!
//! In: TOML, built into the program and replaceable at run time by a folder
//! (`CORRIDOR_XR_CONFIG`). Out: plain data; nothing here speaks to a runtime.

use super::profiles::{self, Profile};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The environment variable that names a folder to read instead of the built-in files.
pub const FOLDER_VARIABLE: &str = "CORRIDOR_XR_CONFIG";

/// Everything under `xr-config/` that the program reads.
#[derive(Clone, Debug)]
pub struct Config {
    /// What is asked of the runtime.
    pub session: SessionConfig,
    /// What hands can do.
    pub actions: ActionsConfig,
    /// How artificial motion feels.
    pub comfort: Comfort,
    /// Which input of which controller is which action.
    pub profiles: Vec<Profile>,
}

/// `session.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionConfig {
    /// Extensions to switch on where the runtime has them.
    pub extensions: Vec<String>,
    /// Reference spaces, best first: `LOCAL_FLOOR`, `STAGE`, `LOCAL`.
    pub reference_spaces: Vec<String>,
    /// How far `LOCAL` is lowered to make a floor of it.
    pub assumed_eye_height_m: f32,
    /// Environment blend modes, best first: `OPAQUE`, `ALPHA_BLEND`, `ADDITIVE`.
    pub blend_modes: Vec<String>,
    /// Colour formats by wgpu's names, best first.
    pub colour_formats: Vec<String>,
    /// Samples a pixel: 1, 2, 4 or 8.
    pub msaa_samples: u32,
    /// Distance of the near plane.
    pub near_plane_m: f32,
    answer_within_s: f32,
    stall_after_s: f32,
    slow_picture_after_s: f32,
}

impl SessionConfig {
    /// How long the start waits for a runtime.
    pub fn answer_within(&self) -> Duration {
        seconds(self.answer_within_s)
    }
    /// How long a runtime may stay silent before the desk goes on without it.
    pub fn stall_after(&self) -> Duration {
        seconds(self.stall_after_s)
    }
    /// The same while a picture is handed over.
    pub fn slow_picture_after(&self) -> Duration {
        seconds(self.slow_picture_after_s)
    }
}

fn seconds(s: f32) -> Duration {
    Duration::try_from_secs_f32(s).unwrap_or(Duration::from_secs(2))
}

/// `actions.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionsConfig {
    /// Name of the action set.
    pub name: String,
    /// What the runtime calls it on its own pages.
    pub shown: String,
    /// The actions.
    #[serde(rename = "action")]
    pub actions: Vec<ActionConfig>,
}

/// One action.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionConfig {
    /// The name that profiles bind.
    pub name: String,
    /// What it yields or takes.
    pub kind: ActionKind,
    /// What the runtime calls it on its own pages.
    pub shown: String,
}

/// What an action yields or takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionKind {
    /// From 0 (at rest) to 1 (fully pressed).
    Amount,
    /// Down or up.
    Press,
    /// Two axes from −1 to 1.
    Stick,
    /// A place and a direction.
    Pose,
    /// A vibration, from program to hand.
    Buzz,
}

/// How artificial motion feels: one preset of `comfort.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comfort {
    /// Speed at full deflection of the stick, in metres of the room.
    pub fly_speed_m_per_s: f32,
    /// One step of turning.
    pub snap_turn_deg: f32,
    /// How dark the edge of the view gets while flying: 0 not at all, 1 black.
    pub vignette: f32,
}

#[derive(Deserialize)]
struct ComfortFile {
    #[serde(rename = "use")]
    chosen: String,
    #[serde(flatten)]
    presets: BTreeMap<String, Comfort>,
}

/// Why `xr-config/` could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file is missing or unreadable.
    #[error("{} could not be read: {cause}. Restore it, or unset {FOLDER_VARIABLE} to use the built-in one.", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// A file says something that is not understood.
    #[error(
        "{file} is not understood: {cause}. Correct the line named, or unset {FOLDER_VARIABLE} to use the built-in file."
    )]
    NotUnderstood {
        /// Which file.
        file: String,
        /// Where and why.
        cause: toml::de::Error,
    },
    /// `comfort.toml` chooses a preset that it does not have.
    #[error("comfort.toml has no preset called {0:?}: set \"use\" to one of its tables.")]
    NoSuchPreset(String),
}

impl Config {
    /// The built-in files, or those of the folder that `CORRIDOR_XR_CONFIG` names.
    pub fn read() -> Result<Self, ConfigError> {
        match std::env::var_os(FOLDER_VARIABLE) {
            Some(folder) => Self::from_folder(Path::new(&folder)),
            None => Self::built_in(),
        }
    }

    /// The files that were built into the program.
    pub fn built_in() -> Result<Self, ConfigError> {
        Self::from_text(
            include_str!("../../xr-config/session.toml"),
            include_str!("../../xr-config/actions.toml"),
            include_str!("../../xr-config/comfort.toml"),
            profiles::built_in()?,
        )
    }

    /// The files of a folder laid out like `xr-config/`.
    pub fn from_folder(folder: &Path) -> Result<Self, ConfigError> {
        let text = |name: &str| read_text(&folder.join(name));
        Self::from_text(
            &text("session.toml")?,
            &text("actions.toml")?,
            &text("comfort.toml")?,
            profiles::from_folder(&folder.join("profiles"))?,
        )
    }

    fn from_text(
        session: &str,
        actions: &str,
        comfort: &str,
        profiles: Vec<Profile>,
    ) -> Result<Self, ConfigError> {
        let comfort: ComfortFile = parse("comfort.toml", comfort)?;
        let preset = comfort.presets.get(&comfort.chosen).copied();
        Ok(Self {
            session: parse("session.toml", session)?,
            actions: parse("actions.toml", actions)?,
            comfort: preset.ok_or(ConfigError::NoSuchPreset(comfort.chosen))?,
            profiles,
        })
    }
}

pub(super) fn read_text(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|cause| ConfigError::Unreadable { path: path.to_path_buf(), cause })
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(
    file: &str,
    text: &str,
) -> Result<T, ConfigError> {
    toml::from_str(text)
        .map_err(|cause| ConfigError::NotUnderstood { file: file.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_files_are_understood() {
        let config = Config::built_in().expect("well formed");
        assert_eq!(config.session.reference_spaces[0], "LOCAL_FLOOR");
        assert!(config.actions.actions.iter().any(|a| a.kind == ActionKind::Buzz));
        assert!(config.comfort.fly_speed_m_per_s > 0.0);
        assert!(!config.profiles.is_empty());
    }

    #[test]
    fn profiles_bind_only_actions_that_exist() {
        let config = Config::built_in().expect("well formed");
        for profile in &config.profiles {
            for (action, _) in profile.bindings() {
                let known = config.actions.actions.iter().any(|a| a.name == action);
                assert!(known, "{}: {action}", profile.path);
            }
        }
    }
}
