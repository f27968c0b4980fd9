//! The board's Ethernet as a device of smoltcp's: frames pass over the stack, one at a time.

use super::this::Nic;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

/// Longest frame, without its checksum.
const FRAME: usize = 1514;

/// The board's Ethernet.
#[derive(Debug)]
pub struct Wire(pub(super) Nic);

impl Device for Wire {
    type RxToken<'a> = Arrived<'a>;
    type TxToken<'a> = Leaving<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Arrived<'_>, Leaving<'_>)> {
        self.0.has_frame().then_some((Arrived(&self.0), Leaving(&self.0)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Leaving<'_>> {
        Some(Leaving(&self.0))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities.max_burst_size = Some(1);
        capabilities
    }
}

/// A frame that waits in the device.
#[derive(Debug)]
pub struct Arrived<'a>(&'a Nic);

impl RxToken for Arrived<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, with: F) -> R {
        let mut frame = [0; FRAME];
        let length = self.0.receive(&mut frame).min(FRAME);
        with(&frame[..length])
    }
}

/// Room for a frame in the device.
#[derive(Debug)]
pub struct Leaving<'a>(&'a Nic);

impl TxToken for Leaving<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, with: F) -> R {
        let mut frame = [0; FRAME];
        let frame = &mut frame[..length.min(FRAME)];
        let outcome = with(frame);
        self.0.transmit(frame);
        outcome
    }
}

/// Writes a frame to a FIFO of words, the last one filled up.
pub(super) fn push(fifo: usize, bytes: &[u8]) {
    for chunk in bytes.chunks(4) {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        super::register::write(fifo, u32::from_le_bytes(word));
    }
}

/// Reads `length` bytes from a FIFO of words, and keeps those that fit.
pub(super) fn pull(fifo: usize, length: usize, bytes: &mut [u8]) {
    for at in (0..length).step_by(4) {
        let word = super::register::read(fifo).to_le_bytes();
        bytes.iter_mut().skip(at).zip(word).for_each(|(to, from)| *to = from);
    }
}
