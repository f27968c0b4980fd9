//! Changes to a file: a host taken out, names hashed. What is not meant, comments and lines that are not understood among
//! it, stays byte for byte.

use super::name::{hashed as hashed_name, is_hashed, name};
use super::{Entry, Fields, Mark, Place};
use crate::file::public::PublicKeyBuf;
use crate::file::text::{is_idle, skip_blanks};
use crate::seed::Random;
use alloc::vec::Vec;

/// A file with changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The new contents.
    pub text: Vec<u8>,
    /// The lines that were changed or taken out, by their old numbers, from 1; none means nothing has changed.
    pub lines: Vec<usize>,
}

/// Takes the keys of a host out (`ssh-keygen -R`), all but those in `keep`. Lines of authorities and revoked keys stay.
pub fn without(text: &[u8], host: &str, port: u16, keep: &[PublicKeyBuf]) -> Edited {
    let name = name(host, port);
    edit(text, |line, out| {
        let entry = Entry::read(Place { file: 0, line: 0 }, line).ok();
        let goes = entry.is_some_and(|it| it.mark == Mark::None && !keep.contains(&it.key) && it.hosts.take(&name));
        if goes {
            out.clear();
        }
        goes
    })
}

/// Hides the names behind hashes (`ssh-keygen -H`), one line a name. Lines with patterns or markers cannot be hashed and
/// stay.
pub fn hashed(text: &[u8], random: &mut Random) -> Edited {
    edit(text, |line, out| {
        let Ok(Fields { mark: Mark::None, hosts, key }) = Fields::split(line) else { return false };
        let is_pattern = hosts.iter().any(|byte| matches!(byte, b'*' | b'?' | b'!'));
        let names = hosts.split(|byte| *byte == b',').filter(|name| !name.is_empty());
        if is_hashed(hosts) || is_pattern || PublicKeyBuf::read(key).is_err() || names.clone().next().is_none() {
            return false;
        }
        out.clear();
        for name in names {
            let Some(name) = hashed_name(&name.to_ascii_lowercase(), &random.array()) else { continue };
            out.extend_from_slice(name.as_bytes());
            out.push(b' ');
            out.extend_from_slice(key);
            out.push(b'\n');
        }
        true
    })
}

/// Gives each line that says something to `change`, without its end and its leading blanks, together with what is to
/// stand in its place, which is the line as it is; and whether it was changed.
fn edit(text: &[u8], mut change: impl FnMut(&[u8], &mut Vec<u8>) -> bool) -> Edited {
    let mut edited = Edited { text: Vec::with_capacity(text.len()), lines: Vec::new() };
    let mut out = Vec::new();
    for (whole, number) in text.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        out.clear();
        out.extend_from_slice(whole);
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        let line = skip_blanks(line.strip_suffix(b"\r").unwrap_or(line));
        if !is_idle(line) && change(line, &mut out) {
            edited.lines.push(number);
        }
        edited.text.extend_from_slice(&out);
    }
    edited
}

#[cfg(test)]
mod tests {
    use super::{hashed, without};
    use crate::file::known_hosts::KnownHosts;
    use crate::file::known_hosts::tests::ed25519;
    use crate::seed::{Random, Seed};
    use alloc::format;
    use alloc::string::String;

    #[test]
    fn what_is_not_meant_stays_as_it_is() {
        let (key, other) = (ed25519(1), ed25519(2));
        let kept = |host: &str| {
            format!(
                "# host {key}\r\n\n \t\n@revoked host {key}\n@cert-authority host {key}\n@odd host {key}\nhost\n\
                 |1|x|y {key}\nelsewhere {key}\n{host}tail \u{f6}"
            )
        };
        let text = kept(&format!("  host,one {key} comment\r\nhost {other}\n[host]:22 {key}\n*.x,HO?T {other}\n"));
        let edited = without(text.as_bytes(), "Host", 22, &[]);
        assert_eq!(String::from_utf8(edited.text).unwrap(), kept(&format!("[host]:22 {key}\n")));
        assert_eq!(edited.lines, [10, 11, 13]);
        let edited = without(text.as_bytes(), "host", 22, &[other]);
        assert_eq!(edited.lines, [10]);
        let edited = without(text.as_bytes(), "nobody", 22, &[]);
        assert_eq!((edited.text, edited.lines.len()), (text.into_bytes(), 0));
    }

    #[test]
    fn each_name_is_hashed_by_itself() {
        let key = ed25519(1);
        let kept = format!("*.x {key}\n@revoked h {key}\n!h {key}\n# h\n, {key}\nh\n");
        let text = format!("{kept}One,[two]:2 {key} a comment\nthree {key}");
        let random = &mut Random::new(&Seed::new([3; 32]));
        let edited = hashed(text.as_bytes(), random);
        assert_eq!(edited.lines, [7, 8]);
        let text = String::from_utf8(edited.text).unwrap();
        assert!(text.starts_with(&kept) && !text.contains("One") && text.matches("|1|").count() == 3, "{text}");
        assert_eq!(text.matches(" a comment\n").count(), 2);
        let hosts = KnownHosts::read(text.as_bytes());
        for (host, port) in [("one", 22), ("two", 2), ("three", 22)] {
            assert_eq!(hosts.find(host, port).filter(|entry| entry.key == key).count(), 1, "{host}");
        }
        assert!(hashed(text.as_bytes(), random).lines.is_empty());
    }
}
