//! What goes with the rest, `ssh2.utils`.

use crate::error_codes::LIBSSH2_ERROR_EAGAIN;
use crate::exceptions::UnknownError;
use crate::session::Session;
use crate::{Error, Exception};
use core::time::Duration;

/// How text is sent.
pub const ENCODING: &str = "utf-8";

/// The version of libssh2 whose calls these are, and the same as the number that [`version`] compares.
const VERSION: (&str, u32) = ("1.11.1", 0x01_0b_01);

/// The version of libssh2 whose calls these are, or nothing if a later one is `required`, as a number such as `0x010b01`.
pub fn version(required: u32) -> Option<&'static str> {
    (required <= VERSION.1).then_some(VERSION.0)
}

/// Nothing has to be undone at the end of a program; it has the documented name.
pub const fn ssh2_exit() {}

/// Waits until calls that gave [`Error::Again`] are worth making again, no longer than `timeout` (the documented default is
/// a second); what the session [waited for](Session::block_directions), or 0 when the time is over, and at once if it
/// waits for nothing. The socket is the session's own: the documented argument is not wanted here. Each of several threads
/// that share the session can wait so.
pub fn wait_socket(session: &Session, timeout: Option<Duration>) -> i32 {
    let directions = session.block_directions();
    if directions != 0 && session.rest(timeout) { directions } else { 0 }
}

/// A documented number as what a call would give for it: numbers that are not below zero are no errors.
///
/// # Errors
/// [`Error::Again`] for -37, which the documented function gives back as it is, and the exception of any other number
/// below zero; [`UnknownError`] for those that are not documented.
pub fn handle_error_codes(errcode: i32) -> Result<i32, Error> {
    match (errcode, Exception::of(errcode)) {
        (0.., _) => Ok(errcode),
        (LIBSSH2_ERROR_EAGAIN, _) => Err(Error::Again),
        (_, UnknownError) => Err(Error::with_code(UnknownError, errcode, format!("unknown error {errcode}"))),
        (_, exception) => Err(Error::with_code(exception, errcode, exception.name())),
    }
}

/// Where the line that begins at `pos` ends: the offset of the line feed, or of the carriage return directly before it,
/// from `pos`, and how many bytes the end has. Nothing if the line has no end; a carriage return alone is none.
pub fn find_eol(buf: &[u8], pos: usize) -> Option<(usize, usize)> {
    let line = buf.get(pos..)?;
    let feed = line.iter().position(|byte| *byte == b'\n')?;
    Some(match line[..feed].last() {
        Some(b'\r') => (feed - 1, 2),
        _ => (feed, 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exceptions::*;

    #[test]
    fn a_line_ends_at_its_feed_and_the_return_directly_before() {
        assert_eq!(find_eol(b"line\nline2", 0), Some((4, 1)));
        assert_eq!(find_eol(b"\r\nabc", 0), Some((0, 2)));
        assert_eq!(find_eol(b"\n", 0), Some((0, 1)));
        assert_eq!(find_eol(b"\r", 0), None);
        assert_eq!(find_eol(b"", 3), None);
        assert_eq!(find_eol(b"a\nb\n", 2), Some((1, 1)));
    }

    /// A return later in the text, NUL, and what stands before the line are no ends of it.
    #[test]
    fn find_eol_is_not_misled() {
        assert_eq!(find_eol(b"line\nline2\r\n", 0), Some((4, 1)));
        assert_eq!(find_eol(b"a\0b\r\n", 0), Some((3, 2)));
        assert_eq!(find_eol(b"\r\n", 1), Some((0, 1)));
    }

    #[test]
    fn every_number_has_its_exception_and_back() {
        for code in (-54..0).filter(|code| *code != LIBSSH2_ERROR_EAGAIN) {
            let error = handle_error_codes(code).unwrap_err();
            assert_eq!(error.code(), code);
            assert!(error.is(SSH2Error) && !error.is(UnknownError), "{code}");
        }
        assert_eq!(handle_error_codes(LIBSSH2_ERROR_EAGAIN), Err(Error::Again));
        assert_eq!((handle_error_codes(0), handle_error_codes(7)), (Ok(0), Ok(7)));
        let unknown = handle_error_codes(-99).unwrap_err();
        assert!(unknown.is(UnknownError));
        assert_eq!(unknown.code(), -99);
    }

    #[test]
    fn the_tree_is_the_documented_one() {
        assert!(handle_error_codes(-15).unwrap_err().is(AuthenticationError));
        assert!(handle_error_codes(-26).unwrap_err().is(ChannelError));
        assert!(handle_error_codes(-9).unwrap_err().is(SessionError));
        assert!(KnownHostCheckMisMatchError.is(KnownHostCheckError) && KnownHostCheckError.is(KnownHostError));
        assert!(!Timeout.is(ChannelError));
        assert!(Exception::ALL.iter().all(|one| one.is(SSH2Error)));
    }

    #[test]
    fn later_versions_are_not_this_one() {
        assert_eq!(version(0), Some("1.11.1"));
        assert_eq!(version(0x01_0b_01), Some("1.11.1"));
        assert_eq!(version(0x01_0b_02), None);
        ssh2_exit();
    }
}
