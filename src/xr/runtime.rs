//! The thread that speaks with the OpenXR runtime.
//!
//! Every call into a runtime may block for ever (its process may be stopped) or fail (it may be
//! killed). So one thread makes all of them, and the engine asks it through a
//! [`Line`](super::line::Line), which waits for a limited time only: a late answer means *stalled*,
//! an answer [`Reply::Gone`] or a dead line
//! means *lost*. The engine never blocks on the headset for longer than that, and nothing here
//! panics on what a runtime does.
//!
//! While the engine waits it submits no graphics work, which is what OpenXR asks of programs that
//! share one Vulkan queue with the runtime.

use super::actions::{Actions, Hand, isometry};
use super::line::{Attention, Eye, Frame, News, Reply, Request};
use openxr::sys::Result as Code;
use openxr::{Event, ReferenceSpaceType, SessionState, View, ViewConfigurationType, Vulkan};
use std::mem;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

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
        // The news wait for a request that asks for them.
        Reply::Frame(Vec::new(), None)
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
        let [left, right] = self.views.as_slice() else { return self.end_empty(time) };
        let views = [eye((0, left)), eye((1, right))];
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
