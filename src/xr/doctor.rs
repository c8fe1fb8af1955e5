//! The headset's part of `corridor doctor`: loader, runtime, headset, controllers.

use super::config::Config;
use super::line::{Answer, News, Reply, Request};
use super::start::{self, Headset, NoHeadset};
use crate::app::doctor::Finding;
use std::time::{Duration, Instant};

/// What an OpenXR program needs, in the order in which it is needed.
pub fn findings() -> Vec<Finding> {
    match Config::read() {
        Ok(config) => with_config(&config),
        Err(why) => vec![Finding::missing("xr-config", why.to_string(), "restore that file")],
    }
}

fn with_config(config: &Config) -> Vec<Finding> {
    let mut findings = vec![match start::entry() {
        Ok(_) => Finding::present("OpenXR loader", "found"),
        Err(why) => {
            return vec![Finding::missing(
                "OpenXR loader",
                why.to_string(),
                "sudo apt install libopenxr-loader1",
            )];
        }
    }];
    match start::find(config) {
        Ok(headset) => findings.extend(of_headset(&headset)),
        Err(why) => findings.push(missing(&why)),
    }
    findings
}

/// What can be said when a session could not be made; the error itself says what to do.
fn missing(why: &NoHeadset) -> Finding {
    let what = match why {
        NoHeadset::NoLoader(_) => "OpenXR loader",
        NoHeadset::NoDevice { .. } => "headset",
        NoHeadset::NoRuntime(_) | NoHeadset::NoSession { .. } | NoHeadset::Silent(_) => {
            "OpenXR runtime"
        }
    };
    let manifest = start::active_runtime_file().map_or_else(
        || "no active_runtime.json names a runtime".to_owned(),
        |file| format!("the active runtime is named in {}", file.display()),
    );
    Finding::missing(
        what,
        why.to_string(),
        format!(
            "{manifest}; without a headset the desk shows the same case, and \
             xr-config/simulated-headset starts one that is simulated"
        ),
    )
}

fn of_headset(headset: &Headset) -> Vec<Finding> {
    let about = &headset.about;
    let [width, height] = headset.size.to_array();
    let mut findings = vec![
        Finding::present("OpenXR runtime", about.runtime.clone()),
        Finding::present(
            "headset",
            format!("{}, {width} x {height} pixels per eye, {}", about.system, about.stage),
        ),
        controllers(headset),
    ];
    if !about.warnings.is_empty() {
        let list = about.warnings.join(" ");
        findings.push(Finding::notice("extensions", list, "nothing: the program does without"));
    }
    findings
}

/// How long the runtime gets to say what the hands hold; it does so once the session runs.
const CONTROLLERS_WITHIN: Duration = Duration::from_secs(4);

fn controllers(headset: &Headset) -> Finding {
    const WHAT: &str = "controllers";
    let started = Instant::now();
    while started.elapsed() < CONTROLLERS_WITHIN {
        let answer = headset.line.ask(Request::Frame, CONTROLLERS_WITHIN);
        let Answer::Reply(Reply::Frame(news, frame)) = answer else { break };
        let held = news.into_iter().find_map(|item| match item {
            News::Controllers(hands) if hands.iter().any(Option::is_some) => Some(hands),
            _ => None,
        });
        if frame.is_some() {
            headset.line.ask(Request::Show, CONTROLLERS_WITHIN);
        }
        if let Some([left, right]) = held {
            let name = |hand: Option<String>| hand.unwrap_or_else(|| "nothing".to_owned());
            return Finding::present(WHAT, format!("left {}, right {}", name(left), name(right)));
        }
        if frame.is_none() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Finding::missing(WHAT, "none was named by the runtime", "switch them on, then ask again")
}
