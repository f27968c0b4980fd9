//! Frames of SFTP and of the agent protocol in a stream, read by their lengths alone.

/// The head of a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) number: u8,
    /// What follows the number, if there is so much.
    pub(super) id: Option<u32>,
    /// How long it is, if it is whole.
    pub(super) length: Option<usize>,
}

/// The frames of a stream; the last may not be whole.
pub(super) fn frames(mut stream: &[u8]) -> impl Iterator<Item = Frame> {
    core::iter::from_fn(move || {
        let (head, rest) = stream.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*head) as usize;
        let number = *rest.first()?;
        let id = rest.get(1..5).and_then(|id| Some(u32::from_be_bytes(*id.first_chunk()?)));
        let whole = rest.len() >= length;
        stream = rest.get(length..).unwrap_or_default();
        Some(Frame { number, id, length: whole.then_some(length) })
    })
}
