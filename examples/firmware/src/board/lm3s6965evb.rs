//! Texas Instruments' LM3S6965 evaluation board: a Cortex-M3 with 256 KiB of flash and 64 KiB of RAM (data sheet chapter 16,
//! Ethernet; chapter 9, GPIO).

use super::nic::{pull, push};
use super::register::{read, write};

pub const MAC: [u8; 6] = [0x02, 0, 0, 0, 0x69, 0x65];
/// External interrupts that the processor has.
pub(super) const INTERRUPTS: usize = 44;
pub(super) const INTERRUPT: u16 = 42;
/// The oscillator's rate by which everything runs after a reset, under QEMU.
pub(super) const HERTZ: u32 = 12_500_000;

const ETHERNET: usize = 0x4004_8000;
const INTERRUPTS_SEEN: usize = ETHERNET;
const INTERRUPT_MASK: usize = ETHERNET + 0x04;
/// In both: a frame came.
const RECEIVED: u32 = 1;
const RECEIVE_CONTROL: usize = ETHERNET + 0x08;
const TRANSMIT_CONTROL: usize = ETHERNET + 0x0c;
const FIFO: usize = ETHERNET + 0x10;
const ADDRESS_LOW: usize = ETHERNET + 0x14;
const ADDRESS_HIGH: usize = ETHERNET + 0x18;
const WAITING: usize = ETHERNET + 0x34;
const TRANSMIT: usize = ETHERNET + 0x38;

/// Run-mode clock gates, of GPIO and Ethernet.
const CLOCK_GATES: usize = 0x400f_e108;
const GPIO_F: usize = 0x4002_5000;
const DIRECTION: usize = GPIO_F + 0x400;
const DIGITAL: usize = GPIO_F + 0x51c;
/// The data register seen through a mask that lets only the light's bit pass.
const LIGHT: usize = GPIO_F + 4;

/// A frame's length field counts itself, and the checksum at the end.
const AROUND: usize = 6;

/// The Ethernet controller.
#[derive(Debug)]
pub(super) struct Nic(());

impl Nic {
    pub(super) fn start() -> Self {
        write(CLOCK_GATES, read(CLOCK_GATES) | 1 << 28 | 1 << 30 | 1 << 5);
        write(DIRECTION, 1);
        write(DIGITAL, 1);
        let [a, b, c, d, e, f] = MAC;
        write(ADDRESS_LOW, u32::from_le_bytes([a, b, c, d]));
        write(ADDRESS_HIGH, u32::from_le_bytes([e, f, 0, 0]));
        // Pad, append the checksum, full duplex, on.
        write(TRANSMIT_CONTROL, 0b1_0111);
        // Flush, drop what has a bad checksum, on.
        write(RECEIVE_CONTROL, 0b1_1001);
        write(INTERRUPTS_SEEN, 0x7f);
        write(INTERRUPT_MASK, RECEIVED);
        Self(())
    }

    pub(super) fn has_frame(&self) -> bool {
        write(INTERRUPTS_SEEN, RECEIVED);
        read(WAITING) & 0x3f > 0
    }

    /// Takes a frame; returns its length.
    pub(super) fn receive(&self, frame: &mut [u8]) -> usize {
        // The first word holds the length and the first two bytes.
        let [low, high, first @ ..] = read(FIFO).to_le_bytes();
        let counted = usize::from(u16::from_le_bytes([low, high]));
        let length = counted.saturating_sub(AROUND);
        frame.iter_mut().zip(first).for_each(|(to, from)| *to = from);
        pull(FIFO, counted.saturating_sub(4), frame.get_mut(2..).unwrap_or_default());
        length
    }

    pub(super) fn transmit(&self, frame: &[u8]) {
        let payload = u16::try_from(frame.len().saturating_sub(14)).unwrap_or(0).to_le_bytes();
        let (first, rest) = frame.split_at(frame.len().min(2));
        if let (&[low, high], &[a, b]) = (&payload, first) {
            push(FIFO, &[low, high, a, b]);
        }
        push(FIFO, rest);
        write(TRANSMIT, 1);
        while read(TRANSMIT) & 1 == 1 {}
    }
}

/// The status light, on or off.
pub fn light(on: bool) {
    write(LIGHT, u32::from(on));
}

/// Whether it is on.
pub fn lit() -> bool {
    read(LIGHT) & 1 == 1
}
