//! The line between the engine and the runtime's thread: requests, answers, and what to do while
//! none comes.
//!
//! In: requests of the engine. Out: answers in a limited time. A late answer is [`Answer::Late`]
//! and nothing is asked twice; an answer that comes after that is dropped, but its news are kept.

use super::actions::{Hand, HandInput};
use bevy::math::Isometry3d;
use openxr::Fovf;
use std::mem;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the engine asks for.
#[derive(Debug)]
pub enum Request {
    /// News, and if the session runs, wait for the next frame.
    Frame,
    /// An image to draw this frame into.
    Picture,
    /// The image is drawn: show it.
    Show,
    /// One vibration.
    Buzz(Hand, f32, f32),
    /// End the session in good order.
    Leave,
}

/// What the runtime's thread answers.
#[derive(Debug)]
pub enum Reply {
    /// To [`Request::Frame`]: what happened, and the frame to draw if there is one.
    Frame(Vec<News>, Option<Frame>),
    /// To [`Request::Picture`]: the index of the image, `None` when this frame shows nothing.
    Picture(Option<u32>),
    /// Done, nothing to say.
    Done,
    /// The runtime is lost; the reason in its own words. Nothing more will be answered.
    Gone(String),
}

/// Something that happened in the runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The program came to the front or left it.
    Attention(Attention),
    /// The user or the runtime moved the middle of the room.
    Recentred,
    /// The controllers in the two hands, by profile path.
    Controllers([Option<String>; 2]),
    /// The session was ended by the runtime or its user.
    Ended,
}

/// How much of the user's attention the program has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attention {
    /// Not shown.
    #[default]
    Hidden,
    /// Shown, but the hands belong to somebody else, such as the system's menu.
    Seen,
    /// Shown, and the hands are ours.
    Focused,
}

/// One frame of the headset as it was predicted.
#[derive(Clone, Debug)]
pub struct Frame {
    /// False when the runtime will not show a picture.
    pub should_render: bool,
    /// The two eyes, left first.
    pub eyes: [Eye; 2],
    /// The two hands, left first; at rest unless the program is focused.
    pub hands: [HandInput; 2],
}

/// One eye.
#[derive(Clone, Copy, Debug)]
pub struct Eye {
    /// Where it is and looks (−Z), in the stage.
    pub stage_from_eye: Isometry3d,
    /// Angles of the four edges of its view.
    pub fov: Fovf,
}

/// What the engine gets when it asks.
#[derive(Debug)]
pub enum Answer {
    /// The answer.
    Reply(Reply),
    /// None yet: the runtime is stalled. Ask again later; nothing needs to be repeated.
    Late,
    /// There will be none.
    Gone(String),
}

/// The engine's end of the line. Clones share one line.
#[derive(Clone)]
pub struct Line(Arc<Mutex<LineState>>);

struct LineState {
    to: Sender<(u64, Request)>,
    from: Receiver<(u64, Reply)>,
    last_ticket: u64,
    is_owed: bool,
    /// News of an answer that came too late, for the next one.
    kept: Vec<News>,
    /// Why the runtime is gone, once it is.
    gone: Option<String>,
}

impl Line {
    /// A line over these two channels.
    pub fn new(to: Sender<(u64, Request)>, from: Receiver<(u64, Reply)>) -> Self {
        Self(Arc::new(Mutex::new(LineState {
            to,
            from,
            last_ticket: 0,
            is_owed: false,
            kept: Vec::new(),
            gone: None,
        })))
    }

    /// Asks and waits for at most `patience`; not at all while an earlier answer is still owed.
    pub fn ask(&self, request: Request, patience: Duration) -> Answer {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = line.ask(request, patience);
        if let Answer::Gone(why) = &answer {
            line.gone.get_or_insert(why.clone());
        }
        answer
    }
}

impl LineState {
    fn ask(&mut self, request: Request, patience: Duration) -> Answer {
        if let Some(why) = &self.gone {
            return Answer::Gone(why.clone());
        }
        if self.is_owed {
            match self.from.try_recv() {
                Ok((_, reply)) => self.take_late(reply),
                Err(TryRecvError::Empty) => return Answer::Late,
                Err(TryRecvError::Disconnected) => return Answer::Gone(LINE_DEAD.to_owned()),
            }
        }
        if let Some(why) = &self.gone {
            return Answer::Gone(why.clone());
        }
        self.last_ticket += 1;
        if self.to.send((self.last_ticket, request)).is_err() {
            return Answer::Gone(LINE_DEAD.to_owned());
        }
        self.is_owed = true;
        match self.from.recv_timeout(patience) {
            Ok((_, reply)) => {
                self.is_owed = false;
                self.with_kept_news(reply)
            }
            Err(RecvTimeoutError::Timeout) => Answer::Late,
            Err(RecvTimeoutError::Disconnected) => Answer::Gone(LINE_DEAD.to_owned()),
        }
    }

    /// An answer that nobody waits for any more: its picture is stale, its news are not.
    fn take_late(&mut self, reply: Reply) {
        self.is_owed = false;
        match reply {
            Reply::Gone(why) => self.gone = Some(why),
            Reply::Frame(news, _) => self.kept.extend(news),
            Reply::Picture(_) | Reply::Done => {}
        }
    }

    fn with_kept_news(&mut self, reply: Reply) -> Answer {
        match reply {
            Reply::Gone(why) => Answer::Gone(why),
            Reply::Frame(news, frame) => {
                let mut all = mem::take(&mut self.kept);
                all.extend(news);
                Answer::Reply(Reply::Frame(all, frame))
            }
            reply => Answer::Reply(reply),
        }
    }
}

const LINE_DEAD: &str = "it ended without a word";

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(5);

    #[test]
    fn a_late_answer_is_dropped_and_the_line_is_free_again() {
        let (to, requests) = channel();
        let (replies, from) = channel();
        let line = Line::new(to, from);
        assert!(matches!(line.ask(Request::Frame, SHORT), Answer::Late));
        assert!(matches!(line.ask(Request::Frame, SHORT), Answer::Late));
        assert_eq!(requests.try_iter().count(), 1, "nothing is asked twice");
        let late = Reply::Frame(vec![News::Recentred], None);
        replies.send((1, late)).expect("the line is open");
        let thread = std::thread::spawn(move || {
            let (ticket, _) = requests.recv().expect("asked again");
            replies.send((ticket, Reply::Frame(Vec::new(), None))).expect("the line is open");
        });
        let Answer::Reply(Reply::Frame(news, _)) = line.ask(Request::Frame, LONG) else {
            panic!("the answer to the second request")
        };
        assert_eq!(news, [News::Recentred], "late news are not lost");
        thread.join().expect("no panic");
    }

    #[test]
    fn the_reason_of_a_loss_is_kept() {
        let (to, _requests) = channel();
        let (replies, from) = channel();
        let line = Line::new(to, from);
        replies.send((1, Reply::Gone("it fell over".to_owned()))).expect("the line is open");
        drop(replies);
        for _ in 0..2 {
            let Answer::Gone(why) = line.ask(Request::Frame, LONG) else { panic!("lost") };
            assert_eq!(why, "it fell over");
        }
    }

    #[test]
    fn a_dead_thread_is_a_lost_runtime() {
        let (to, requests) = channel();
        let (replies, from) = channel::<(u64, Reply)>();
        drop((requests, replies));
        assert!(matches!(Line::new(to, from).ask(Request::Frame, SHORT), Answer::Gone(_)));
    }
}
