//! The API layer of the tests (`layer/lib.rs`) as a test uses it: what it wrote down, and what it shall make happen.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::driver::{Hand, Person, Pose};
use crate::headset::{Life, Program};

/// One layer between one program and the runtime.
pub struct Watch {
    folder: PathBuf,
    program: Arc<Life>,
}

impl Watch {
    /// Starts a program with the layer before it. The layer's files go into a new folder under `folder`.
    pub fn start(command: &mut Command, folder: &Path) -> (Program, Self) {
        let folder = folder.join("layer");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("layer.json"), manifest(&library())).unwrap();
        command
            .env("XR_API_LAYER_PATH", &folder)
            .env("XR_ENABLE_API_LAYERS", NAME)
            .env("CORRIDOR_TEST_LAYER", &folder);
        let program = Program::start(command);
        let watch = Self { folder, program: program.life() };
        (program, watch)
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
        self.program.wait_for("the session to be focused", within, || {
            (self.state().as_deref() == Some("FOCUSED")).then_some(())
        });
        self.program.wait_for("a picture in the headset", within, || self.records("frames").pop());
    }

    /// Pictures so far.
    fn frames(&self) -> usize {
        self.records("frames").len()
    }

    /// Waits for `count` more pictures in the headset: the program has seen what the hands did before the first.
    pub fn wait_for_frames(&self, count: usize) {
        let enough = self.frames() + count;
        self.program
            .wait_for("more frames", WHILE_RUNNING, || (self.frames() >= enough).then_some(()));
    }

    /// Waits until the program has read the hands as they are now, and has shown what it made of them. Only while the
    /// hands belong to the program: nobody reads them otherwise.
    pub fn wait_until_seen(&self, person: &Person) {
        self.program.wait_for("the program to read the hands", WHILE_RUNNING, || {
            let read = self.read();
            let hands = [("left", &person.left), ("right", &person.right)];
            hands.iter().all(|(name, hand)| is_read(&read, name, hand)).then_some(())
        });
        self.wait_for_frames(SHOWN);
    }

    /// Waits until the program draws for eyes on both sides of this head.
    pub fn wait_until_head_at(&self, head: Pose) {
        self.program.wait_for("the program to read the head", WHILE_RUNNING, || {
            let read = self.read();
            let [left, right] =
                ["eye left", "eye right"].map(|eye| read.get(eye).and_then(pose_of));
            let middle = left?.position.midpoint(right?.position);
            let is_there = middle.distance(head.position) < NEAR && is_turned(left?, head);
            is_there.then_some(())
        });
        self.wait_for_frames(SHOWN);
    }

    /// What the program read last, by the words before the numbers; nothing from before the focus came or went.
    fn read(&self) -> HashMap<String, Vec<f32>> {
        let text = std::fs::read_to_string(self.folder.join("record")).unwrap_or_default();
        let mut read = HashMap::new();
        for line in text.lines() {
            if line.starts_with("done focus") {
                read.clear();
            } else if line.starts_with("input ") || line.starts_with("eye ") {
                let (words, numbers): (Vec<&str>, Vec<&str>) =
                    line.split_whitespace().partition(|word| word.parse::<f32>().is_err());
                let numbers = numbers.iter().filter_map(|n| n.parse().ok()).collect();
                read.insert(words.join(" "), numbers);
            }
        }
        read
    }

    /// Makes something happen at the program's next look for events, and waits until it looked.
    pub fn tell_and_wait(&self, command: &str) {
        let before = self.records("done").len();
        let file = OpenOptions::new().create(true).append(true).open(self.folder.join("commands"));
        writeln!(file.unwrap(), "{command}").unwrap();
        self.program.wait_for(command, WHILE_RUNNING, || {
            (self.records("done").len() > before).then_some(())
        });
    }
}

/// Frames after which what the hands did has passed through the whole program.
const SHOWN: usize = 2;
/// Values that were sent and come back as they are, but for rounding.
const NEAR: f32 = 1e-3;

/// True when this hand was last read as it is now.
fn is_read(read: &HashMap<String, Vec<f32>>, name: &str, hand: &Hand) -> bool {
    let found = |action: &str| read.get(&format!("input {name} {action}"));
    let is = |action: &str, sent: &[f32]| {
        found(action).is_some_and(|f| {
            f.len() == sent.len() && f.iter().zip(sent).all(|(a, b)| (a - b).abs() < NEAR)
        })
    };
    let pressed = |down: bool| [f32::from(u8::from(down))];
    if !hand.is_seen {
        return found("aim_pose").is_none_or(|pose| pose.is_empty());
    }
    is("select", &[hand.trigger])
        && is("grab", &[hand.squeeze])
        && is("stick", &hand.stick)
        && is("primary", &pressed(hand.a))
        && is("secondary", &pressed(hand.b))
        && is("menu", &pressed(hand.stick_click))
        && found("aim_pose").and_then(pose_of).is_some_and(|pose| is_at(pose, hand.pose))
}

#[allow(clippy::ptr_arg, reason = "passed as it is to `and_then`")]
fn pose_of(numbers: &Vec<f32>) -> Option<Pose> {
    let [x, y, z, a, b, c, w] = numbers[..] else { return None };
    Some(Pose { orientation: glam::Quat::from_xyzw(a, b, c, w), ..Pose::at(x, y, z) })
}

fn is_at(found: Pose, sent: Pose) -> bool {
    found.position.distance(sent.position) < NEAR / 10.0 && is_turned(found, sent)
}

fn is_turned(found: Pose, sent: Pose) -> bool {
    found.orientation.dot(sent.orientation).abs() > 1.0 - 1e-5
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
