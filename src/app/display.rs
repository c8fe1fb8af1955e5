//! Whether a window could be opened here, asked before the engine tries, since it ends in a panic
//! where it can not.

use std::env;
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::{Path, PathBuf};

/// First TCP port of X displays.
const X11_PORT: u16 = 6000;

/// A display that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Display {
    /// A Wayland compositor, by its socket.
    Wayland(PathBuf),
    /// An X server, by its name.
    X11(String),
}

/// The display that a window would open on; `None` where none is named or none answers.
pub fn find() -> Option<Display> {
    find_wayland().or_else(find_x11)
}

fn find_wayland() -> Option<Display> {
    let name = env::var_os("WAYLAND_DISPLAY").filter(|name| !name.is_empty())?;
    let folder = env::var_os("XDG_RUNTIME_DIR").unwrap_or_default();
    // An absolute name replaces the folder, as the Wayland library has it.
    let socket = Path::new(&folder).join(name);
    UnixStream::connect(&socket).ok()?;
    Some(Display::Wayland(socket))
}

fn find_x11() -> Option<Display> {
    let name = env::var("DISPLAY").ok().filter(|name| !name.is_empty())?;
    let (host, number) = split_x11(&name)?;
    let answers = if host.is_empty() || host == "unix" {
        let path = format!("/tmp/.X11-unix/X{number}");
        UnixStream::connect(&path).is_ok() || connect_abstract(&path)
    } else {
        TcpStream::connect((host, X11_PORT + number)).is_ok()
    };
    answers.then_some(Display::X11(name))
}

fn connect_abstract(name: &str) -> bool {
    SocketAddr::from_abstract_name(name).is_ok_and(|addr| UnixStream::connect_addr(&addr).is_ok())
}

/// Host and display number of an X display name, e.g. `:1`, `:0.0` or `host:10.0`.
fn split_x11(name: &str) -> Option<(&str, u16)> {
    let (host, rest) = name.rsplit_once(':')?;
    let number = rest.split('.').next()?.parse().ok()?;
    Some((host, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_are_split_as_x_does() {
        assert_eq!(split_x11(":1"), Some(("", 1)));
        assert_eq!(split_x11("lab:10.0"), Some(("lab", 10)));
        assert_eq!(split_x11("lab"), None);
        assert_eq!(split_x11(":x"), None);
    }
}
