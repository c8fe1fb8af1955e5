//! The thread that speaks with the OpenXR runtime, and the line to it.
//!
//! Every call into a runtime may block for ever (its process may be stopped) or fail (it may be
//! killed). So one thread makes all of them, and the engine asks it through [`Line`], which waits
//! for a limited time only: a late answer means *stalled*, an answer [`Reply::Gone`] or a dead line
//! means *lost*. The engine never blocks on the headset for longer than that, and nothing here
//! panics on what a runtime does.
//!
//! While the engine waits it submits no graphics work, which is what OpenXR asks of programs that
//! share one Vulkan queue with the runtime.

use super::actions::{Actions, Hand, HandInput, isometry};
use bevy::math::Isometry3d;
use openxr::sys::Result as Code;
use openxr::{Event, Fovf, ReferenceSpaceType, SessionState, View, ViewConfigurationType, Vulkan};
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

/// All handles of a session. They live and die on the runtime's thread.
pub struct Held {
    /// The session.
    pub session: openxr::Session<Vulkan>,
    /// Paces frames.
    pub waiter: openxr::FrameWaiter,
    /// Takes frames.
    pub stream: openxr::FrameStream<Vulkan>,
    /// The images, one layer per eye.
    pub swapchain: openxr::Swapchain<Vulkan>,
    /// The room, floor at y = 0.
    pub stage: openxr::Space,
    /// Which of the runtime's spaces the stage was made from.
    pub stage_type: ReferenceSpaceType,
    /// The hands.
    pub actions: Actions,
    /// How the picture meets the room.
    pub blend_mode: openxr::EnvironmentBlendMode,
    /// Width and height of one eye's image.
    pub size: [u32; 2],
}

struct Talk {
    held: Held,
    attention: Attention,
    is_running: bool,
    has_ended: bool,
    news: Vec<News>,
    waited: Option<openxr::FrameState>,
    is_begun: bool,
    has_image: bool,
    views: Vec<View>,
    faults_in_a_row: u32,
}

/// So many failing frames in a row make a session useless.
const MOST_FAULTS: u32 = 30;
/// How often news are asked for while no frames run.
const IDLE: Duration = Duration::from_millis(10);

/// Answers requests until the line closes, the session is left, or the runtime is lost.
pub fn serve(held: Held, requests: &Receiver<(u64, Request)>, replies: &Sender<(u64, Reply)>) {
    let mut talk = Talk {
        held,
        attention: Attention::Hidden,
        is_running: false,
        has_ended: false,
        news: Vec::new(),
        waited: None,
        is_begun: false,
        has_image: false,
        views: Vec::new(),
        faults_in_a_row: 0,
    };
    while let Ok((ticket, request)) = requests.recv() {
        let leaving = matches!(request, Request::Leave);
        let reply = talk.answer(request);
        let gone = matches!(reply, Reply::Gone(_));
        if gone {
            // Closing a dead runtime's handles may block or crash inside its library; the
            // system takes them back when the program ends.
            mem::forget(talk);
            let _ = replies.send((ticket, reply));
            return;
        }
        if leaving {
            drop(talk);
            let _ = replies.send((ticket, reply));
            return;
        }
        if replies.send((ticket, reply)).is_err() {
            return;
        }
    }
}

impl Talk {
    fn answer(&mut self, request: Request) -> Reply {
        let result = match request {
            Request::Frame => self.frame(),
            Request::Picture => self.picture().map(Reply::Picture),
            Request::Show => self.close_frame(true).map(|()| Reply::Done),
            Request::Buzz(hand, amplitude, seconds) => self.buzz(hand, amplitude, seconds),
            Request::Leave => self.close_frame(false).map(|()| Reply::Done),
        };
        match result {
            Ok(reply) => {
                if matches!(reply, Reply::Done) {
                    self.faults_in_a_row = 0;
                }
                reply
            }
            Err(code) => self.fault(code),
        }
    }

    /// Some errors end a session, any other may pass if it does not stay.
    fn fault(&mut self, code: Code) -> Reply {
        let is_final = matches!(
            code,
            Code::ERROR_INSTANCE_LOST
                | Code::ERROR_SESSION_LOST
                | Code::ERROR_RUNTIME_FAILURE
                | Code::ERROR_RUNTIME_UNAVAILABLE
                | Code::ERROR_HANDLE_INVALID
        );
        self.faults_in_a_row += 1;
        if is_final || self.faults_in_a_row > MOST_FAULTS {
            return Reply::Gone(code.to_string());
        }
        tracing::debug!("the OpenXR runtime answers {code}");
        Reply::Frame(mem::take(&mut self.news), None)
    }

    fn frame(&mut self) -> openxr::Result<Reply> {
        self.poll()?;
        if !self.is_running {
            std::thread::sleep(IDLE);
            return Ok(Reply::Frame(mem::take(&mut self.news), None));
        }
        self.close_frame(false)?;
        let state = self.held.waiter.wait()?;
        self.waited = Some(state);
        let time = state.predicted_display_time;
        let frame = self.locate(time, state.should_render)?;
        Ok(Reply::Frame(mem::take(&mut self.news), frame))
    }

    fn locate(&mut self, time: openxr::Time, should_render: bool) -> openxr::Result<Option<Frame>> {
        use openxr::ViewStateFlags as Flags;
        let held = &self.held;
        let stereo = ViewConfigurationType::PRIMARY_STEREO;
        let (flags, views) = held.session.locate_views(stereo, time, &held.stage)?;
        let hands = match self.attention {
            Attention::Focused => held.actions.read(&held.session, &held.stage, time)?,
            _ => Default::default(),
        };
        if flags.contains(Flags::ORIENTATION_VALID | Flags::POSITION_VALID) {
            self.views = views;
        }
        let [left, right] = self.views.as_slice() else { return Ok(None) };
        let eye = |view: &View| Eye { stage_from_eye: isometry(view.pose), fov: view.fov };
        Ok(Some(Frame { should_render, eyes: [eye(left), eye(right)], hands }))
    }

    fn picture(&mut self) -> openxr::Result<Option<u32>> {
        let Some(state) = self.waited else { return Ok(None) };
        if !self.is_begun {
            self.held.stream.begin()?;
            self.is_begun = true;
        }
        if !state.should_render || self.views.len() != 2 {
            return Ok(None);
        }
        let image = self.held.swapchain.acquire_image()?;
        // Without limit: the engine does not wait for this thread without limit.
        self.held.swapchain.wait_image(openxr::Duration::INFINITE)?;
        self.has_image = true;
        Ok(Some(image))
    }

    /// Ends the frame that is open, if one is, with its picture or with none.
    fn close_frame(&mut self, is_drawn: bool) -> openxr::Result<()> {
        let Some(state) = self.waited.take() else { return Ok(()) };
        if !mem::take(&mut self.is_begun) {
            self.held.stream.begin()?;
        }
        let has_image = mem::take(&mut self.has_image);
        if has_image {
            self.held.swapchain.release_image()?;
        }
        let time = state.predicted_display_time;
        if has_image && is_drawn { self.end_with_picture(time) } else { self.end_empty(time) }
    }

    fn end_empty(&mut self, time: openxr::Time) -> openxr::Result<()> {
        self.held.stream.end(time, self.held.blend_mode, &[])
    }

    fn end_with_picture(&mut self, time: openxr::Time) -> openxr::Result<()> {
        let held = &mut self.held;
        let [width, height] = held.size.map(|n| n as i32);
        let rect = openxr::Rect2Di {
            offset: openxr::Offset2Di { x: 0, y: 0 },
            extent: openxr::Extent2Di { width, height },
        };
        let swapchain = &held.swapchain;
        let eye = |(layer, view): (u32, &View)| {
            let image = openxr::SwapchainSubImage::new()
                .swapchain(swapchain)
                .image_array_index(layer)
                .image_rect(rect);
            openxr::CompositionLayerProjectionView::new()
                .pose(view.pose)
                .fov(view.fov)
                .sub_image(image)
        };
        let views: Vec<_> = (0..).zip(&self.views).map(eye).collect();
        let layer = openxr::CompositionLayerProjection::new().space(&held.stage).views(&views);
        held.stream.end(time, held.blend_mode, &[&layer])
    }

    fn buzz(&mut self, hand: Hand, amplitude: f32, seconds: f32) -> openxr::Result<Reply> {
        if self.attention == Attention::Focused {
            self.held.actions.buzz(&self.held.session, hand, amplitude, seconds)?;
        }
        Ok(Reply::Done)
    }

    fn poll(&mut self) -> openxr::Result<()> {
        let instance = self.held.session.instance().clone();
        let mut buffer = openxr::EventDataBuffer::new();
        while let Some(event) = instance.poll_event(&mut buffer)? {
            match event {
                Event::SessionStateChanged(change) => self.enter(change.state())?,
                Event::InstanceLossPending(_) => return Err(Code::ERROR_INSTANCE_LOST),
                Event::ReferenceSpaceChangePending(change)
                    if change.reference_space_type() == self.held.stage_type =>
                {
                    self.news.push(News::Recentred);
                }
                Event::InteractionProfileChanged(_) => {
                    let now = self.held.actions.controllers(&self.held.session)?;
                    self.news.push(News::Controllers(now));
                }
                Event::EventsLost(lost) => {
                    tracing::warn!("the OpenXR runtime lost {} events", lost.lost_event_count());
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn enter(&mut self, state: SessionState) -> openxr::Result<()> {
        tracing::info!("headset session: {state:?}");
        match state {
            SessionState::READY => {
                self.held.session.begin(ViewConfigurationType::PRIMARY_STEREO)?;
                self.is_running = true;
            }
            SessionState::STOPPING => {
                self.close_frame(false)?;
                self.is_running = false;
                self.held.session.end()?;
            }
            SessionState::LOSS_PENDING => return Err(Code::ERROR_SESSION_LOST),
            SessionState::EXITING if !self.has_ended => {
                self.has_ended = true;
                self.news.push(News::Ended);
            }
            _ => {}
        }
        let attention = match state {
            SessionState::FOCUSED => Attention::Focused,
            SessionState::VISIBLE => Attention::Seen,
            _ => Attention::Hidden,
        };
        if attention != self.attention {
            self.attention = attention;
            self.news.push(News::Attention(attention));
        }
        Ok(())
    }
}

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
