//! The API layer of the tests (`layer/lib.rs`) as a test uses it: what it wrote down, and what it shall make happen.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::headset::wait_for;

/// One layer between one program and the runtime.
pub struct Watch {
    folder: PathBuf,
}

impl Watch {
    /// Puts the layer before `command`. Its files go into a new folder under `folder`.
    pub fn over(command: &mut Command, folder: &Path) -> Self {
        let folder = folder.join("layer");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("layer.json"), manifest(&library())).unwrap();
        command
            .env("XR_API_LAYER_PATH", &folder)
            .env("XR_ENABLE_API_LAYERS", NAME)
            .env("CORRIDOR_TEST_LAYER", &folder);
        Self { folder }
    }

    /// Every line so far that begins with `word`, without it.
    pub fn records(&self, word: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.join("record")).unwrap_or_default();
        let start = format!("{word} ");
        text.lines().filter_map(|line| line.strip_prefix(&start)).map(str::to_owned).collect()
    }

    /// The session's last state, as OpenXR names it.
    pub fn state(&self) -> Option<String> {
        self.records("state").pop()
    }

    /// Waits for the program to stand in the headset with the hands listened to.
    pub fn wait_until_focused(&self, within: Duration) {
        wait_for("the session to be focused", within, || {
            (self.state().as_deref() == Some("FOCUSED")).then_some(())
        });
        wait_for("a picture in the headset", within, || self.records("frames").pop());
    }

    /// Waits for `count` more pictures in the headset: the program has seen what the hands did before the first.
    pub fn wait_for_frames(&self, count: usize) {
        let enough = self.records("frames").len() + count;
        wait_for("more frames", WHILE_RUNNING, || {
            (self.records("frames").len() >= enough).then_some(())
        });
    }

    /// Makes something happen at the program's next look for events, and waits until it looked.
    pub fn tell_and_wait(&self, command: &str) {
        let before = self.records("done").len();
        let file = OpenOptions::new().create(true).append(true).open(self.folder.join("commands"));
        writeln!(file.unwrap(), "{command}").unwrap();
        wait_for(command, WHILE_RUNNING, || (self.records("done").len() > before).then_some(()));
    }
}

/// Even software rendering on a busy machine shows ten frames in this time.
const WHILE_RUNNING: Duration = Duration::from_secs(180);

const NAME: &str = "XR_APILAYER_CORRIDOR_test";

fn manifest(library: &Path) -> String {
    let layer = serde_json::json!({
        "file_format_version": "1.0.0",
        "api_layer": {
            "name": NAME,
            "library_path": library,
            "api_version": "1.0",
            "implementation_version": "1",
            "description": "Records and injects, for the tests of Corridor",
        }
    });
    layer.to_string()
}

/// `cargo test` builds examples beside the tests: this binary is in `deps/`, the layer in `examples/`.
fn library() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let build = this.ancestors().nth(2).expect("a test lies in <build>/deps");
    let library = build.join("examples/libcorridor_test_layer.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/xr/layer/lib.rs");
    let made = |file: &Path| std::fs::metadata(file).and_then(|m| m.modified()).ok();
    assert!(
        made(&library) > made(&source),
        "{} is missing or old: cargo build --release --example corridor_test_layer",
        library.display()
    );
    library
}
