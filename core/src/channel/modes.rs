//! Encoded terminal modes (RFC 4254 §8, RFC 8160): opcode and value, ended by opcode 0.

use crate::wire::{Reader, Sink};

/// Declares opcodes.
macro_rules! opcodes {
    ($($name:ident = $number:literal),* $(,)?) => {
        impl Mode {
            $(#[doc = concat!("Opcode ", $number, ".")] pub const $name: Self = Self($number);)*
        }
    };
}

/// A terminal mode's opcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(pub u8);

opcodes! {
    VINTR = 1, VQUIT = 2, VERASE = 3, VKILL = 4, VEOF = 5, VEOL = 6, VEOL2 = 7, VSTART = 8, VSTOP = 9, VSUSP = 10,
    VDSUSP = 11, VREPRINT = 12, VWERASE = 13, VLNEXT = 14, VFLUSH = 15, VSWTCH = 16, VSTATUS = 17, VDISCARD = 18,
    IGNPAR = 30, PARMRK = 31, INPCK = 32, ISTRIP = 33, INLCR = 34, IGNCR = 35, ICRNL = 36, IUCLC = 37, IXON = 38,
    IXANY = 39, IXOFF = 40, IMAXBEL = 41, IUTF8 = 42, ISIG = 50, ICANON = 51, XCASE = 52, ECHO = 53, ECHOE = 54,
    ECHOK = 55, ECHONL = 56, NOFLSH = 57, TOSTOP = 58, IEXTEN = 59, ECHOCTL = 60, ECHOKE = 61, PENDIN = 62,
    OPOST = 70, OLCUC = 71, ONLCR = 72, OCRNL = 73, ONOCR = 74, ONLRET = 75, CS7 = 90, CS8 = 91, PARENB = 92,
    PARODD = 93, TTY_OP_ISPEED = 128, TTY_OP_OSPEED = 129,
}

/// A peer's encoded modes. Opcodes from 160 on are not defined and end the list, as does anything cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes<'a>(pub &'a [u8]);

impl<'a> Modes<'a> {
    /// The modes in order.
    pub fn iter(self) -> impl Iterator<Item = (Mode, u32)> + 'a {
        let mut reader = Reader::new(self.0);
        core::iter::from_fn(move || match reader.u8().ok()? {
            opcode @ 1..160 => Some((Mode(opcode), reader.u32().ok()?)),
            _ => None,
        })
    }

    /// Writes modes with their end.
    pub fn encode(modes: impl IntoIterator<Item = (Mode, u32)>, sink: &mut impl Sink) {
        for (Mode(opcode), value) in modes {
            sink.u8(opcode);
            sink.u32(value);
        }
        sink.u8(0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode, Modes};
    use crate::wire::Writer;

    #[test]
    fn h14_odd_lists_end_cleanly() {
        let mut space = [0; 64];
        let mut writer = Writer::new(&mut space);
        Modes::encode([(Mode::ECHO, 0), (Mode::VINTR, 3)], &mut writer);
        let bytes = writer.finish().expect("it fits");
        assert!(Modes(bytes).iter().eq([(Mode::ECHO, 0), (Mode::VINTR, 3)]));
        for end in 0..bytes.len() {
            assert!(Modes(&bytes[..end]).iter().count() <= 2);
        }
        assert_eq!(Modes(&[160, 0, 0, 0, 1]).iter().count(), 0);
    }
}
