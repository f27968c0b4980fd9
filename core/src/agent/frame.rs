//! Frames of the agent protocol (RFC 9987 §4): a length, a type, and the type's fields.

use super::Error;
use crate::wire::{Length, Message, Sink, Writer};
use crate::{Input, Output, Refused};

/// The longest frame that is taken or made, without its length field. OpenSSH's limit is the same.
pub const MAX_FRAME: usize = 256 * 1024;

/// The length field.
const HEAD: usize = 4;

/// The type and the fields of the next frame; `None` if it is not all there. The length is judged before anything else.
pub(super) fn take<'b>(input: &mut Input<'b>) -> Result<Option<(u8, &'b [u8])>, Error> {
    let Some(head) = input.peek().first_chunk::<HEAD>().copied() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes(head)).map_err(|_| Error::Length)?;
    if length == 0 || length > MAX_FRAME {
        return Err(Error::Length);
    }
    let whole = length.saturating_add(HEAD);
    if input.remaining() < whole {
        return Ok(None);
    }
    let frame: &'b [u8] = input.take(whole);
    let (_, content) = frame.split_at_checked(HEAD).ok_or(Error::Length)?;
    content.split_first().map(|(number, body)| Some((*number, body))).ok_or(Error::Length)
}

/// Writes a message whose end `tail` writes: it runs twice, and must write the same bytes.
pub(super) fn put<'m>(
    output: &mut Output<'_>,
    head: &impl Message<'m>,
    tail: impl Fn(&mut dyn Sink),
) -> Result<(), Refused> {
    let mut length = Length(head.encoded_len());
    tail(&mut length);
    if length.0 > MAX_FRAME {
        return Err(Refused::TooLong);
    }
    let mut writer = Writer::new(output.vacant());
    writer.u32(u32::try_from(length.0).map_err(|_| Refused::TooLong)?);
    head.encode(&mut writer);
    tail(&mut writer);
    let written = writer.written().ok_or(Refused::NoRoom)?;
    output.advance(written);
    Ok(())
}
