//! Contents of open files, many requests at a time (draft-ietf-secsh-filexfer-02 §6.4): what to ask next, where in a file
//! an answer belongs, and when all is there. The machines own no bytes, no handles and no clock.
//!
//! ```text
//! Get   next: Read  --> sent --> arrived, ended  ...  outcome
//! Put   next: Write --> sent --> answered        ...  outcome
//! ```
//!
//! ```
//! use sanssh_core::Instant;
//! use sanssh_core::sftp::transfer::{Get, Outcome, Part, Sizes, Window};
//!
//! let file = b"contents";
//! let (sizes, now) = (Sizes::default(), Instant(0));
//! let mut window = Window::new(1 << 20);
//! let mut get = Get::new(0, Some(8), sizes.read, [Part::new(); 4]);
//! let mut copy = [0; 8];
//! while let Some(read) = get.next(&window) {
//!     // Here the READ leaves, and its answer comes; `read.part` is kept by the index of the request.
//!     get.sent(read, &mut window, now);
//!     let at = get.arrived(read.part, file.len(), true, &mut window, now);
//!     assert_eq!(at, Some(0));
//!     copy.copy_from_slice(file);
//! }
//! assert_eq!((get.outcome(), get.kept()), (Some(Outcome::Whole), 8));
//! ```
//!
//! The first error decides, whatever comes after it. [`Get::kept`] and [`Put::kept`] tell how far a file is whole from its
//! start at any time, so that a transfer that ended early can go on from there.

mod course;
mod get;
mod put;
mod ring;
mod window;

pub use get::{Get, Read};
pub use put::{Put, Write};
pub use ring::Part;
pub use window::Window;

use super::frame::MAX_PACKET;
use super::status::Code;
use super::value::Limits;

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is there.
    Whole,
    /// The file that is read has become shorter than it was said to be; what it still has is there.
    Short,
    /// The server refused a request, and this was the first.
    Failed(Code),
    /// It was given up.
    Stopped,
}

/// Bytes of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Of a READ.
    pub read: u32,
    /// Of a WRITE.
    pub write: u32,
}

impl Default for Sizes {
    /// What the draft has every server take.
    fn default() -> Self {
        Self { read: 32 * 1024, write: 32 * 1024 }
    }
}

impl Sizes {
    /// What a server's limits say; the default where they say nothing. No more than packets hold.
    pub fn of(limits: &Limits) -> Self {
        let Self { read, write } = Self::default();
        Self { read: size(limits.read, limits.packet, read), write: size(limits.write, limits.packet, write) }
    }
}

/// What a packet holds besides the bytes: as OpenSSH counts it, which is more than enough for a handle of 256 bytes.
const BESIDES: u64 = 1024;

fn size(said: u64, packet: u64, unsaid: u32) -> u32 {
    let packet = if packet == 0 { MAX_PACKET as u64 } else { packet.min(MAX_PACKET as u64) };
    let said = if said == 0 { unsaid.into() } else { said };
    u32::try_from(said.min(packet.saturating_sub(BESIDES).max(1))).unwrap_or(unsaid)
}

#[cfg(test)]
mod tests {
    use super::Sizes;
    use crate::sftp::Limits;

    #[test]
    fn i15_limits_are_clamped() {
        let of = |packet, read, write| Sizes::of(&Limits { packet, read, write, handles: 0 });
        let openssh = Sizes { read: 261_120, write: 261_120 };
        assert_eq!(of(0, 0, 0), Sizes::default());
        assert_eq!(of(u64::MAX, u64::MAX, u64::MAX), openssh);
        assert_eq!(of(262_144, 261_120, 261_120), openssh);
        assert_eq!(of(262_144, 1, 7), Sizes { read: 1, write: 7 });
        assert_eq!(of(1, 0, u64::MAX), Sizes { read: 1, write: 1 });
        assert_eq!(of(34_000, 0, 65_536), Sizes { read: 32_768, write: 32_976 });
    }
}
