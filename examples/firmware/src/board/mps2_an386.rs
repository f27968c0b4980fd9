//! Arm's MPS2 board with the image AN386: a Cortex-M4 with floating point, and a LAN9118 (its data sheet, chapter 5).

use super::nic::{pull, push};
use super::register::{read, write};

pub const MAC: [u8; 6] = [0x02, 0, 0, 0, 0x03, 0x86];
/// External interrupts that the processor has.
pub(super) const INTERRUPTS: usize = 32;
pub(super) const INTERRUPT: u16 = 13;
pub(super) const HERTZ: u32 = 25_000_000;

const ETHERNET: usize = 0x4020_0000;
const RECEIVED: usize = ETHERNET;
const TO_SEND: usize = ETHERNET + 0x20;
const RECEIVE_STATUS: usize = ETHERNET + 0x40;
const TRANSMIT_STATUS: usize = ETHERNET + 0x48;
const INTERRUPT_FORM: usize = ETHERNET + 0x54;
const INTERRUPTS_SEEN: usize = ETHERNET + 0x58;
const INTERRUPT_MASK: usize = ETHERNET + 0x5c;
const INTERRUPT_LEVELS: usize = ETHERNET + 0x68;
/// Among interrupts: more frames wait than the level says.
const FILLED: u32 = 1 << 3;
const TRANSMIT_CONTROL: usize = ETHERNET + 0x70;
const HARDWARE: usize = ETHERNET + 0x74;
const RECEIVE_FILL: usize = ETHERNET + 0x7c;
const TRANSMIT_FILL: usize = ETHERNET + 0x80;
const MAC_COMMAND: usize = ETHERNET + 0xa4;
const MAC_CONTENT: usize = ETHERNET + 0xa8;

/// Registers behind [`MAC_COMMAND`].
const MAC_CONTROL: u32 = 1;
const ADDRESS_HIGH: u32 = 2;
const ADDRESS_LOW: u32 = 3;
const BUSY: u32 = 1 << 31;

/// The lights of the board's FPGA.
const LIGHTS: usize = 0x4002_8000;

/// The checksum that the device counts, and passes on.
const CHECKSUM: usize = 4;

/// The Ethernet controller.
#[derive(Debug)]
pub(super) struct Nic(());

impl Nic {
    pub(super) fn start() -> Self {
        write(HARDWARE, 1);
        while read(HARDWARE) & 1 == 1 {}
        let [a, b, c, d, e, f] = MAC;
        set(ADDRESS_LOW, u32::from_le_bytes([a, b, c, d]));
        set(ADDRESS_HIGH, u32::from_le_bytes([e, f, 0, 0]));
        // Transmitter and receiver on.
        set(MAC_CONTROL, 0b1100);
        write(TRANSMIT_CONTROL, 0b10);
        // Push-pull, high while anything is up; one frame is enough.
        write(INTERRUPT_FORM, 1 << 8 | 1 << 4 | 1);
        write(INTERRUPT_LEVELS, 0);
        write(INTERRUPT_MASK, FILLED);
        Self(())
    }

    pub(super) fn has_frame(&self) -> bool {
        write(INTERRUPTS_SEEN, FILLED);
        read(RECEIVE_FILL) >> 16 & 0xff > 0
    }

    /// Takes a frame; returns its length.
    pub(super) fn receive(&self, frame: &mut [u8]) -> usize {
        let counted = usize::try_from(read(RECEIVE_STATUS) >> 16 & 0x3fff).unwrap_or(0);
        pull(RECEIVED, counted, frame);
        counted.saturating_sub(CHECKSUM)
    }

    pub(super) fn transmit(&self, frame: &[u8]) {
        let length = u32::try_from(frame.len()).unwrap_or(0) & 0x7ff;
        // One segment, the first and the last.
        write(TO_SEND, 0b11 << 12 | length);
        write(TO_SEND, length);
        push(TO_SEND, frame);
        // How it went is asked by nobody, and must not fill the queue.
        while read(TRANSMIT_FILL) >> 16 & 0xff > 0 {
            read(TRANSMIT_STATUS);
        }
    }
}

fn set(register: u32, value: u32) {
    write(MAC_CONTENT, value);
    write(MAC_COMMAND, BUSY | register);
    while read(MAC_COMMAND) & BUSY != 0 {}
}

/// The first of the lights, on or off.
pub fn light(on: bool) {
    write(LIGHTS, u32::from(on));
}

/// Whether it is on.
pub fn lit() -> bool {
    read(LIGHTS) & 1 == 1
}
