//! Public keys as RFC 4716 has them: headers, of which the comment matters, and Base64 between two lines of dashes.

use super::PublicKeyBuf;
use super::text::{MAX_LINE, base64, unbase64, whole_lines, wrap};
use crate::wire::Malformed;
use alloc::string::String;
use alloc::vec::Vec;

const BEGIN: &str = "---- BEGIN SSH2 PUBLIC KEY ----";
const END: &str = "---- END SSH2 PUBLIC KEY ----";

/// The longest line, without its end (RFC 4716 §3.1).
const WIDTH: usize = 72;

/// The longest header value in bytes (RFC 4716 §3.3).
const MAX_VALUE: usize = 1024;

/// Whether a text is of this format, by its first line.
pub(super) fn is_begun(text: &[u8]) -> bool {
    text.starts_with(BEGIN.as_bytes())
}

/// Reads a key and its comment. Other headers are passed over (RFC 4716 §3.3).
pub(super) fn read(text: &[u8]) -> Result<(PublicKeyBuf, Vec<u8>), Malformed> {
    let mut lines = whole_lines(text).map(<[u8]>::trim_ascii_end);
    let (mut comment, mut encoded) = (Vec::new(), Vec::new());
    lines.next().filter(|line| *line == BEGIN.as_bytes()).ok_or(Malformed)?;
    loop {
        let line = lines.next().ok_or(Malformed)?;
        if line == END.as_bytes() {
            break;
        }
        if let Some(colon) = line.iter().position(|byte| *byte == b':') {
            let header = whole(line, &mut lines)?;
            let (tag, value) = header.split_at_checked(colon).ok_or(Malformed)?;
            if tag.eq_ignore_ascii_case(b"comment") {
                comment = unquoted(value.get(1..).unwrap_or_default().trim_ascii()).to_vec();
            }
        } else if encoded.len().saturating_add(line.len()) > MAX_LINE {
            return Err(Malformed);
        } else {
            encoded.extend_from_slice(line);
        }
    }
    let key = PublicKeyBuf::from_blob(&unbase64(&encoded)?).map_err(|_| Malformed)?;
    Ok((key, comment))
}

/// A header and the lines that it continues on: a backslash at the end says that there is one.
fn whole<'a>(first: &[u8], lines: &mut impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, Malformed> {
    let mut header = first.to_vec();
    while header.last() == Some(&b'\\') {
        header.pop();
        header.extend_from_slice(lines.next().ok_or(Malformed)?);
        if header.len() > MAX_LINE {
            return Err(Malformed);
        }
    }
    Ok(header)
}

/// A comment's own marks (RFC 4716 §3.3.2).
fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

/// Writes a key. What a header cannot hold is left out of the comment: control characters, and what is too much.
pub(super) fn write(key: &PublicKeyBuf, comment: &str) -> String {
    let mut text = String::from(BEGIN);
    text.push('\n');
    if !comment.is_empty() {
        header(&mut text, comment);
    }
    wrap(&mut text, &base64(key.blob()), 70);
    text.push_str(END);
    text.push('\n');
    text
}

fn header(text: &mut String, comment: &str) {
    let mut line = String::from("Comment: \"");
    let mut room = MAX_VALUE - 2;
    for c in comment.chars().filter(|c| !c.is_control()) {
        room = room.saturating_sub(c.len_utf8());
        if room == 0 {
            break;
        }
        // Room for the quotation mark or the backslash at the end.
        if line.len().saturating_add(c.len_utf8()) >= WIDTH {
            text.extend([line.as_str(), "\\\n"]);
            line.clear();
        }
        line.push(c);
    }
    text.extend([line.as_str(), "\"\n"]);
}

#[cfg(test)]
mod tests {
    use super::{WIDTH, read, write};
    use crate::file::{PublicKeyBuf, SigningKey};
    use crate::wire::Malformed;
    use alloc::format;

    fn key() -> PublicKeyBuf {
        PublicKeyBuf::from_blob(SigningKey::ed25519(&[1; 32]).public()).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        for comment in ["", "me@here", "with \"marks\" inside", &"long and wide \u{e4}".repeat(12), &"x".repeat(1021)] {
            let text = write(&key(), comment);
            assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
            assert_eq!(read(text.as_bytes()), Ok((key(), comment.as_bytes().to_vec())));
            assert_eq!(read(text.replace('\n', "\r\n").as_bytes()), Ok((key(), comment.as_bytes().to_vec())));
        }
        assert_eq!(read(write(&key(), "a\nb").as_bytes()), Ok((key(), b"ab".to_vec())));
    }

    #[test]
    fn headers_are_told_from_the_key() {
        let body = write(&key(), "");
        let with = |headers: &str| body.replacen('\n', &format!("\n{headers}\n"), 1);
        let text = with("Subject: me\nCOMMENT: plain \\\ncontinued\nx-other: \\\nAAAA:");
        assert_eq!(read(text.as_bytes()), Ok((key(), b"plain continued".to_vec())));
        assert_eq!(read(with("Comment: \\").as_bytes()), Err(Malformed), "the key became the comment");
    }

    #[test]
    fn every_truncation_is_refused() {
        let text = write(&key(), "me@here");
        for end in 0..text.trim_end().len() {
            assert_eq!(read(&text.as_bytes()[..end]), Err(Malformed), "{end}");
        }
    }
}
