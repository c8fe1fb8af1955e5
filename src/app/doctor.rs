//! `corridor doctor`: what this machine has, and how to get what is missing.
//!
//! In: the machine. Out: [`Finding`]s; `xr` adds those of the headset, and [`as_text`] prints all.

use super::{display, gpu};

/// How a finding is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is there.
    Present,
    /// It is there, but something is worth knowing.
    Notice,
    /// It is not there.
    Missing,
}

/// One thing that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked for, e.g. `Vulkan driver`.
    pub what: &'static str,
    /// Whether it is there.
    pub verdict: Verdict,
    /// What was found, or what follows from its lack.
    pub detail: String,
    /// How to get it; empty when nothing needs to be done.
    pub remedy: String,
}

impl Finding {
    /// Something that is there.
    pub fn present(what: &'static str, detail: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Present, detail: detail.into(), remedy: String::new() }
    }
    /// Something that is not there, and how to get it.
    pub fn missing(
        what: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { what, verdict: Verdict::Missing, detail: detail.into(), remedy: remedy.into() }
    }
    /// Something that is there and not at its best, and how to better it.
    pub fn notice(
        what: &'static str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { what, verdict: Verdict::Notice, detail: detail.into(), remedy: remedy.into() }
    }
}

/// What the desk has: Vulkan and a display.
pub fn desk() -> Vec<Finding> {
    vec![vulkan(&gpu::adapters()), screen(display::find())]
}

fn vulkan(adapters: &[gpu::Adapter]) -> Finding {
    const WHAT: &str = "Vulkan driver";
    let names = |adapter: &gpu::Adapter| format!("{} ({})", adapter.name, adapter.driver);
    let list = adapters.iter().map(names).collect::<Vec<_>>().join(", ");
    if adapters.is_empty() {
        Finding::missing(
            WHAT,
            "none: nothing can be drawn, grading and tables still work",
            "install your graphics card's driver, or to draw with the processor: \
             sudo apt install mesa-vulkan-drivers",
        )
    } else if adapters.iter().all(|adapter| adapter.is_software) {
        Finding::notice(
            WHAT,
            format!("{list}: the processor draws, right but slow"),
            "for a headset, install the driver of your graphics card",
        )
    } else {
        Finding::present(WHAT, list)
    }
}

fn screen(found: Option<display::Display>) -> Finding {
    const WHAT: &str = "display";
    match found {
        Some(display::Display::Wayland(socket)) => {
            Finding::present(WHAT, format!("Wayland at {}", socket.display()))
        }
        Some(display::Display::X11(name)) => Finding::present(WHAT, format!("X11 at {name}")),
        None => Finding::missing(
            WHAT,
            "none answers: the case is drawn off screen, into a folder",
            "log in at the desktop, or start a virtual one: sudo apt install xvfb, then \
             xvfb-run corridor",
        ),
    }
}

/// All findings as aligned lines, remedies below what they belong to.
pub fn as_text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|f| f.what.len()).max().unwrap_or(0);
    let mut text = String::new();
    for finding in findings {
        let mark = match finding.verdict {
            Verdict::Present => "ok     ",
            Verdict::Notice => "notice ",
            Verdict::Missing => "missing",
        };
        text += &format!("{mark}  {:<width$}  {}\n", finding.what, finding.detail);
        if !finding.remedy.is_empty() {
            text += &format!("{:9}{:<width$}  to get it: {}\n", "", "", finding.remedy);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_driver_is_told_the_package() {
        let text = as_text(&[vulkan(&[]), screen(None)]);
        assert!(text.contains("missing  Vulkan driver") && text.contains("mesa-vulkan-drivers"));
        assert!(text.contains("missing  display") && text.contains("xvfb"));
    }

    #[test]
    fn a_software_driver_is_a_notice() {
        let adapter =
            gpu::Adapter { name: "llvmpipe".into(), driver: "Mesa 22".into(), is_software: true };
        assert_eq!(vulkan(&[adapter]).verdict, Verdict::Notice);
    }
}
