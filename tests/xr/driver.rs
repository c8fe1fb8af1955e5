//! The head and the two hands of the simulated headset, as a script moves them.
//!
//! In: poses in the stage (metres, Y up, −Z forward) and what the fingers press. Out: the packets of Monado's `remote`
//! driver over TCP. The last packet holds until the next, so a hand stays where it was put.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use glam::{Quat, Vec3};

/// A place and an orientation in the stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    pub position: Vec3,
    pub orientation: Quat,
}

impl Pose {
    pub fn at(x: f32, y: f32, z: f32) -> Self {
        Self { position: Vec3::new(x, y, z), orientation: Quat::IDENTITY }
    }

    /// At `position`, pointing (−Z) along `direction`, with the other axes as upright as they can be.
    pub fn pointing(position: Vec3, direction: Vec3) -> Self {
        let back = -direction.normalize();
        let aside = if back.y.abs() > 0.99 { Vec3::Z } else { Vec3::Y };
        let right = aside.cross(back).normalize();
        let axes = glam::Mat3::from_cols(right, back.cross(right), back);
        Self { position, orientation: Quat::from_mat3(&axes) }
    }
}

/// What one hand does.
#[derive(Clone, Copy, Debug)]
pub struct Hand {
    /// Both where it holds and where it points from: the driver gives one pose for the two.
    pub pose: Pose,
    /// 0 to 1.
    pub trigger: f32,
    /// 0 to 1.
    pub squeeze: f32,
    /// Right, forward; −1 to 1 each.
    pub stick: [f32; 2],
    pub stick_click: bool,
    pub a: bool,
    pub b: bool,
    /// False: the controller is switched off or out of sight.
    pub is_seen: bool,
}

impl Hand {
    fn at_rest(pose: Pose) -> Self {
        Self {
            pose,
            trigger: 0.0,
            squeeze: 0.0,
            stick: [0.0; 2],
            stick_click: false,
            a: false,
            b: false,
            is_seen: true,
        }
    }
}

/// One eye, relative to the head.
#[derive(Clone, Copy, Debug)]
pub struct Eye {
    /// Left, right, up, down, in radians.
    pub fov: [f32; 4],
    pub x_m: f32,
}

/// Distance between the eyes that a scripted person has.
pub const EYE_DISTANCE_M: f32 = 0.064;
/// Tangents of half an eye's field of view, across and upright. They are the driver's own (85 degrees
/// across a panel of 65 by 70 mm): the runtime's window shows that field, whatever a packet says.
pub const HALF_FOV_TANGENTS: [f32; 2] = [0.916_331, 0.986_818];

/// A scripted person: change the fields, then `show`.
pub struct Person {
    connection: TcpStream,
    pub head: Pose,
    pub eyes: [Eye; 2],
    pub left: Hand,
    pub right: Hand,
}

impl Person {
    /// Standing in the middle of the room, eyes at 1.6 m, both hands before the chest.
    pub fn enter(port: u16) -> Self {
        let connection = connect(port);
        let [across, up] = HALF_FOV_TANGENTS.map(f32::atan);
        let eye = |x_m| Eye { fov: [-across, across, up, -up], x_m };
        let mut person = Self {
            connection,
            head: Pose::at(0.0, 1.6, 0.0),
            eyes: [eye(-EYE_DISTANCE_M / 2.0), eye(EYE_DISTANCE_M / 2.0)],
            left: Hand::at_rest(Pose::at(-0.2, 1.2, -0.3)),
            right: Hand::at_rest(Pose::at(0.2, 1.2, -0.3)),
        };
        person.show();
        person
    }

    /// Makes the runtime see the person as it is now.
    pub fn show(&mut self) {
        let packet = self.packet();
        // A runtime that was killed has no one to look.
        if let Err(cause) = self.connection.write_all(&packet) {
            println!("the simulated headset no longer listens: {cause}");
        }
    }

    /// Moves `pick`'s hand in a straight line over `duration`, turning evenly, at 60 steps a second.
    pub fn glide(&mut self, pick: fn(&mut Self) -> &mut Hand, to: Pose, duration: Duration) {
        let from = pick(self).pose;
        let steps = (duration.as_secs_f32() * 60.0).ceil().max(1.0) as u32;
        for step in 1..=steps {
            let t = step as f32 / steps as f32;
            pick(self).pose = Pose {
                position: from.position.lerp(to.position, t),
                orientation: from.orientation.slerp(to.orientation, t),
            };
            self.show();
            std::thread::sleep(duration / steps);
        }
    }

    fn packet(&self) -> [u8; PACKET] {
        let mut out = Packet { bytes: [0; PACKET], at: 0 };
        out.put(b"mndrmt3\0");
        for eye in &self.eyes {
            out.floats(&eye.fov);
            out.pose(&Pose::at(eye.x_m, 0.0, 0.0));
            out.skip(4);
        }
        out.pose(&self.head);
        out.put(&[1, 0, 0, 0]); // the eyes above count
        for (hand, end) in [(&self.left, 256), (&self.right, PACKET)] {
            out.hand(hand);
            assert_eq!(out.at, end, "a hand has 120 bytes");
        }
        out.bytes
    }
}

/// Length of a packet; the layout is in `xr-config/README.md`.
const PACKET: usize = 376;

struct Packet {
    bytes: [u8; PACKET],
    at: usize,
}

impl Packet {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn skip(&mut self, count: usize) {
        self.at += count;
    }

    fn floats(&mut self, values: &[f32]) {
        for value in values {
            self.put(&value.to_le_bytes());
        }
    }

    fn pose(&mut self, pose: &Pose) {
        self.floats(&pose.orientation.to_array());
        self.floats(&pose.position.to_array());
    }

    fn hand(&mut self, hand: &Hand) {
        self.pose(&hand.pose);
        self.floats(&[0.0; 6]); // at rest between packets
        self.floats(&[hand.squeeze; 5]); // the fingers curl around what is squeezed
        self.floats(&[hand.trigger, hand.squeeze, hand.squeeze]);
        self.floats(&hand.stick);
        self.floats(&[0.0; 3]); // no trackpad
        let press = |down: bool| u8::from(down);
        let is_moved = hand.stick != [0.0; 2];
        self.put(&[press(hand.is_seen), press(hand.is_seen), 0, 0]);
        self.put(&[press(hand.a), press(hand.a), press(hand.b), press(hand.b)]);
        self.put(&[press(hand.trigger > 0.9), press(hand.trigger > 0.0)]);
        self.put(&[press(hand.stick_click), press(is_moved), 0]);
        self.skip(3);
    }
}

/// Connects and reads the driver's own state, which comes first.
fn connect(port: u16) -> TcpStream {
    let give_up = Instant::now() + Duration::from_secs(10);
    let mut connection = loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(connection) => break connection,
            Err(cause) if Instant::now() > give_up => panic!("port {port}: {cause}"),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    connection.set_nodelay(true).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    connection.read_exact(&mut [0; PACKET]).expect("the driver sends its own state first");
    connection
}
