//! When payloads of one direction are compressed (RFC 4253 §6.2, draft-miller-secsh-compression-delayed): the stream
//! begins anew at each NEWKEYS, and that of the delayed method not before the login is done.
//!
//! ```text
//! Off --NEWKEYS: zlib--> On --NEWKEYS: zlib or, logged in, zlib@openssh.com--> On, anew
//!  |                      |
//!  +--NEWKEYS: zlib@openssh.com, not logged in--> Delayed --login done--> On
//! ```

use crate::Input;
use crate::algorithm::Zip;
use crate::crypto::zip::{Corrupt, Deflate, Inflate, Stream};

/// Compression of one direction.
pub(crate) struct Zipping<Z> {
    stream: Option<Z>,
    method: Zip,
    logged_in: bool,
}

impl<Z: Stream> Zipping<Z> {
    pub(crate) const fn new() -> Self {
        Self { stream: None, method: Zip::None, logged_in: false }
    }

    /// NEWKEYS: what follows is compressed by `method`.
    pub(crate) fn rekey(&mut self, method: Zip) {
        self.method = method;
        self.stream = None;
        if method == Zip::Zlib || (method == Zip::ZlibDelayed && self.logged_in) {
            self.stream = Z::start();
        }
    }

    /// The login is done.
    pub(crate) fn log_in(&mut self) {
        self.logged_in = true;
        if self.method == Zip::ZlibDelayed && self.stream.is_none() {
            self.stream = Z::start();
        }
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.stream.is_some()
    }

    /// Forgets the stream; nothing is compressed any more.
    pub(crate) fn forget(&mut self) {
        self.stream = None;
    }
}

impl<Z: Deflate> Zipping<Z> {
    /// Most bytes that a payload takes.
    pub(crate) fn bound(&self, payload: usize) -> usize {
        if self.is_on() { Z::bound(payload) } else { payload }
    }

    /// The largest payload that always fits into `room` bytes.
    pub(crate) fn room(&self, room: usize) -> usize {
        // What is added grows with the payload, so a smaller one adds no more than this.
        room.saturating_sub(self.bound(room).saturating_sub(room))
    }

    /// Has a payload of at most `most` bytes composed, and puts it into `place`, which has room for its bound. How long
    /// it is, and how long there.
    pub(crate) fn compose(
        &mut self,
        place: &mut [u8],
        most: usize,
        with: impl FnOnce(&mut [u8]) -> usize,
    ) -> (usize, usize) {
        let Some(stream) = &mut self.stream else {
            let composed = with(place).min(most);
            return (composed, composed);
        };
        let composed = with(stream.space(most)).min(most);
        (composed, if composed > 0 { stream.deflate(composed, place) } else { 0 })
    }
}

impl<Z: Inflate> Zipping<Z> {
    /// Expands a payload; one that is not compressed stays where it is.
    pub(crate) fn expand<'b>(
        &mut self,
        payload: &'b mut [u8],
        input: &mut Input<'b>,
        most: usize,
    ) -> Result<&'b mut [u8], Corrupt> {
        let Some(stream) = &mut self.stream else { return Ok(payload) };
        input.expand(most, |out| stream.inflate(payload, out))
    }
}

#[cfg(test)]
mod tests {
    use super::Zipping;
    use crate::algorithm::Zip;
    use crate::crypto::zip::{Absent, Deflate, Stream};
    use alloc::vec::Vec;

    /// Adds one byte to each payload, its number.
    struct Numbering(u8, [u8; 16]);

    impl Stream for Numbering {
        fn start() -> Option<Self> {
            Some(Self(0, [0; 16]))
        }
    }

    impl Deflate for Numbering {
        fn bound(payload: usize) -> usize {
            payload + 1 + payload / 8
        }

        fn space(&mut self, most: usize) -> &mut [u8] {
            &mut self.1[..most]
        }

        fn deflate(&mut self, payload: usize, out: &mut [u8]) -> usize {
            self.0 += 1;
            out[0] = self.0;
            out[1..=payload].copy_from_slice(&self.1[..payload]);
            payload + 1
        }
    }

    /// What a payload of one byte becomes.
    fn sends(zipping: &mut Zipping<Numbering>) -> Vec<u8> {
        let mut place = [0; 16];
        let (composed, written) = zipping.compose(&mut place, 1, |space| {
            space[0] = b'x';
            1
        });
        assert_eq!(composed, 1);
        place[..written].to_vec()
    }

    #[test]
    fn each_method_starts_in_its_time_and_anew_at_each_exchange() {
        let mut zipping = Zipping::new();
        let check = |zipping: &mut Zipping<Numbering>, steps: &[&[u8]]| {
            for sent in steps {
                assert_eq!(sends(zipping), *sent);
            }
        };
        check(&mut zipping, &[b"x", b"x"]);
        zipping.rekey(Zip::Zlib);
        check(&mut zipping, &[b"\x01x", b"\x02x"]);
        zipping.rekey(Zip::ZlibDelayed);
        check(&mut zipping, &[b"x"]);
        zipping.rekey(Zip::Zlib);
        check(&mut zipping, &[b"\x01x"]);
        zipping.log_in();
        check(&mut zipping, &[b"\x02x"]);
        zipping.rekey(Zip::ZlibDelayed);
        check(&mut zipping, &[b"\x01x"]);
        zipping.rekey(Zip::None);
        zipping.log_in();
        check(&mut zipping, &[b"x"]);
    }

    #[test]
    fn the_delayed_method_starts_with_the_end_of_the_login() {
        let mut zipping = Zipping::new();
        zipping.rekey(Zip::ZlibDelayed);
        assert_eq!(sends(&mut zipping), b"x");
        zipping.log_in();
        assert_eq!(sends(&mut zipping), b"\x01x");
        zipping.forget();
        assert!(!zipping.is_on());
    }

    #[test]
    fn what_is_said_to_fit_does() {
        let mut zipping = Zipping::<Numbering>::new();
        assert_eq!(zipping.room(100), 100);
        zipping.rekey(Zip::Zlib);
        for room in 0..1000 {
            let payload = zipping.room(room);
            assert!(payload == 0 || zipping.bound(payload) <= room);
            assert!(payload + 2 + room / 8 >= room, "little is wasted");
        }
    }

    #[test]
    fn nothing_composed_moves_nothing() {
        let mut zipping = Zipping::<Numbering>::new();
        zipping.rekey(Zip::Zlib);
        assert_eq!(zipping.compose(&mut [0; 16], 1, |_| 0), (0, 0));
        assert_eq!(sends(&mut zipping), b"\x01x");
    }

    /// It hides in the padding of what it stands beside.
    #[test]
    fn absence_takes_no_room() {
        assert_eq!(size_of::<Option<Absent>>(), 0);
        assert_eq!(size_of::<Zipping<Absent>>(), 2);
    }
}
