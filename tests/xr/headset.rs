//! The simulated headset as a test uses it: one of its own for each test, started and stopped with it, and programs
//! that run in it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::driver::Person;

/// How the runtime shows what the program draws, and how often it asks for a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pictures {
    /// In a window of a virtual display: `screenshot` works.
    Window,
    /// The same, drawn as sharp as the window shows it.
    SharpWindow,
    /// Not at all, which is faster.
    None,
}

/// A running simulated headset, with a folder for what the test keeps while it runs.
pub struct Headset {
    folder: tempfile::TempDir,
    port: u16,
    _alone: MutexGuard<'static, ()>,
}

/// Software drawing fills a machine: one headset after the other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("xr-config/simulated-headset")
}

impl Headset {
    /// Starts one. `None`, with a line that says so, where it is not set up.
    pub fn start(pictures: Pictures) -> Option<Self> {
        let set_up = Command::new(script()).arg("is-set-up").status().unwrap().success();
        if !set_up {
            println!(
                "SKIPPED simulated headset: not set up here (xr-config/simulated-headset setup)"
            );
            return None;
        }
        let folder = tempfile::Builder::new().prefix("corridor-xr").tempdir().unwrap();
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let headset = Self { folder, port: free_port(), _alone: alone };
        let mode: &[&str] = match pictures {
            Pictures::Window => &["--window"],
            Pictures::SharpWindow => &["--window", "--scale", "60"],
            // Nothing is composed: only the program takes time, and gestures wait for its frames.
            Pictures::None => &["--null", "--rate", "60"],
        };
        let mut start = headset.script();
        start.args(["start", "--port", &headset.port.to_string()]).args(mode);
        let started = start.output().unwrap();
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        Some(headset)
    }

    /// Where this test may write.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The person whose head and hands the runtime sees.
    pub fn person(&self) -> Person {
        Person::enter(self.port)
    }

    /// The program of this package, in the headset, as if for a user who never ran it; but what it keeps because it could
    /// compute it again is kept from test to test. `variables` come into its environment.
    pub fn corridor(&self, variables: &[(&str, &Path)]) -> Command {
        let home = self.folder().join("home");
        std::fs::create_dir_all(&home).unwrap();
        // Set inside: outside, the home folder tells where the simulated headset was set up.
        let mut command = self.command(Path::new("env"));
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            command.args(["-u", name]);
        }
        command.arg(format!("HOME={}", home.display()));
        command.arg(format!("XDG_CACHE_HOME={}", cache().display()));
        command.args(variables.iter().map(|(name, value)| format!("{name}={}", value.display())));
        command.arg(env!("CARGO_BIN_EXE_corridor")).current_dir(self.folder());
        command
    }

    /// Any program, in the headset.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = self.script();
        command.args(["run", "--"]).arg(program);
        command
    }

    /// Both eyes, left one first, as the runtime's window shows them.
    pub fn screenshot(&self, to: &Path) {
        let done = self.script().arg("screenshot").arg(to).status().unwrap();
        assert!(done.success(), "no screenshot");
    }

    /// The runtime crashes.
    pub fn kill_runtime(&self) {
        assert!(self.script().arg("kill-runtime").status().unwrap().success());
    }

    /// The runtime hangs.
    pub fn pause_runtime(&self) {
        assert!(self.script().arg("pause-runtime").status().unwrap().success());
    }

    /// It goes on.
    pub fn resume_runtime(&self) {
        assert!(self.script().arg("resume-runtime").status().unwrap().success());
    }

    fn script(&self) -> Command {
        let mut command = Command::new(script());
        command.env("CORRIDOR_HEADSET", self.folder().join("headset"));
        command
    }
}

impl Drop for Headset {
    fn drop(&mut self) {
        let _ = self.script().arg("stop").status();
    }
}

/// What programs keep because they could compute it again, from test to test.
pub fn cache() -> PathBuf {
    kept_folder().join("cache")
}

fn kept_folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("headset");
    std::fs::create_dir_all(folder.join("cache")).unwrap();
    folder
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A program under way. Dropping it ends it.
pub struct Program(Arc<Life>);

/// What a program did so far. Whoever waits for something that it should do waits here, and hears at once when it died.
pub struct Life {
    child: Mutex<Child>,
    said: Arc<Mutex<String>>,
}

impl Program {
    /// Starts it; what it writes to its terminal is kept.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        listen(child.stdout.take().unwrap(), said.clone());
        listen(child.stderr.take().unwrap(), said.clone());
        Self(Arc::new(Life { child: Mutex::new(child), said }))
    }

    /// The same for those who outlive the program.
    pub fn life(&self) -> Arc<Life> {
        self.0.clone()
    }

    /// Waits for it to end by itself.
    pub fn wait_for_end(&self, within: Duration) -> Option<ExitStatus> {
        let give_up = Instant::now() + within;
        while Instant::now() < give_up {
            if let Some(status) = self.0.ended() {
                return Some(status);
            }
            std::thread::sleep(PAUSE);
        }
        None
    }

    /// Asks it to end, as a window manager or a terminal would.
    pub fn ask_to_end(&self) {
        let id = self.0.child.lock().unwrap().id();
        // The shell's own `kill`: a small system has no other.
        let asked = Command::new("sh").args(["-c", &format!("kill -TERM {id}")]).status();
        assert!(asked.is_ok_and(|status| status.success()), "the program could not be asked");
    }

    /// Ends it without a chance to save.
    pub fn kill(&self) {
        let mut child = self.0.child.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl std::ops::Deref for Program {
    type Target = Life;

    fn deref(&self) -> &Life {
        &self.0
    }
}

impl Life {
    /// Everything that it wrote so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `words` stand on its terminal.
    pub fn wait_until_it_says(&self, words: &str, within: Duration) {
        self.wait_until_it_says_again(words, 0, within);
    }

    /// Waits until `words` stand there more than `before` times.
    pub fn wait_until_it_says_again(&self, words: &str, before: usize, within: Duration) {
        self.wait_for(&format!("{words:?} on the terminal"), within, || {
            (self.times_said(words) > before).then_some(())
        });
    }

    /// How often `words` stand on its terminal.
    pub fn times_said(&self, words: &str) -> usize {
        self.said().matches(words).count()
    }

    /// True until it has ended.
    pub fn is_running(&self) -> bool {
        self.ended().is_none()
    }

    fn ended(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap().try_wait().unwrap()
    }

    /// Waits until `found` has an answer. Panics with everything that the program said when it ends before, and says what was
    /// waited for when it takes too long.
    pub fn wait_for<T>(
        &self,
        what: &str,
        within: Duration,
        mut found: impl FnMut() -> Option<T>,
    ) -> T {
        wait_for(what, within, || {
            // In this order: its last deed may be what is waited for.
            let ended = self.ended();
            let answer = found();
            if let (None, Some(status)) = (&answer, ended) {
                // What it wrote last is still being read.
                std::thread::sleep(10 * PAUSE);
                panic!("the program ended ({status}) before {what}; it said:\n{}", self.said());
            }
            answer
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            println!("--- what the program said ---\n{}", self.said());
        }
    }
}

/// Between two looks at something that is waited for.
const PAUSE: Duration = Duration::from_millis(10);

fn listen(from: impl Read + Send + 'static, to: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            to.lock().unwrap().push_str(&(line + "\n"));
        }
    });
}

/// Waits until `found` has an answer, or says in a panic what was waited for.
pub fn wait_for<T>(what: &str, within: Duration, mut found: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + within;
    loop {
        if let Some(answer) = found() {
            return answer;
        }
        assert!(Instant::now() < give_up, "waited {} s for {what}", within.as_secs());
        std::thread::sleep(PAUSE);
    }
}

/// A file to look at after the tests, under the build folder: pictures of both eyes, say.
pub fn keep(name: &str) -> PathBuf {
    let path = kept_folder().join(name);
    // An old picture must not be taken for a new one.
    if path.exists() {
        std::fs::remove_file(&path).unwrap();
    }
    File::create(&path).unwrap();
    path
}
