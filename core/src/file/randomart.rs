//! Fingerprints as pictures, for people to compare: the drunken bishop's walk that `ssh-keygen -lv` draws ("The drunken
//! bishop", Loss, Limmer, von Gernler, 2009).

use super::PublicKeyBuf;
use super::public::{Hash, bare};
use alloc::format;
use alloc::string::String;

const WIDTH: usize = 17;
const HEIGHT: usize = 9;

/// What a square looks like after so many visits; the last two mark where the walk began and ended.
const MARKS: &[u8; 17] = b" .o+=*BOX@%&#/^SE";
const START: u8 = 15;
const END: u8 = 16;

/// The picture of a key's fingerprint, of a certificate's key its own, in eleven lines without the last line's end.
pub fn randomart(key: &PublicKeyBuf, hash: Hash) -> String {
    let mut art = border(&format!("[{} {}]", key.short_name(), key.bits()), Some(&format!("[{}]", key.short_name())));
    for row in walk(&hash.digest(&bare(key.blob()))) {
        art.push_str("\n|");
        art.extend(row.iter().map(|visits| char::from(*MARKS.get(usize::from(*visits)).unwrap_or(&b' '))));
        art.push('|');
    }
    art.push('\n');
    art + &border(&format!("[{}]", hash.name()), None)
}

/// A line with a title in its middle, or a shorter one if that does not fit.
fn border(title: &str, shorter: Option<&str>) -> String {
    let title = if title.len() > WIDTH { shorter.unwrap_or_default() } else { title };
    format!("+{title:-^WIDTH$.WIDTH$}+")
}

/// How often the bishop was on each square. Two bits are a step along a diagonal; walls hold him.
fn walk(digest: &[u8]) -> [[u8; WIDTH]; HEIGHT] {
    let mut field = [[0; WIDTH]; HEIGHT];
    let (mut x, mut y) = (WIDTH / 2, HEIGHT / 2);
    for step in digest.iter().flat_map(|byte| [0, 2, 4, 6].map(|shift| byte >> shift)) {
        x = if step & 1 == 1 { x.saturating_add(1).min(WIDTH - 1) } else { x.saturating_sub(1) };
        y = if step & 2 == 2 { y.saturating_add(1).min(HEIGHT - 1) } else { y.saturating_sub(1) };
        if let Some(visits) = square(&mut field, x, y) {
            *visits = visits.saturating_add(1).min(START - 1);
        }
    }
    for (x, y, mark) in [(WIDTH / 2, HEIGHT / 2, START), (x, y, END)] {
        if let Some(square) = square(&mut field, x, y) {
            *square = mark;
        }
    }
    field
}

fn square(field: &mut [[u8; WIDTH]; HEIGHT], x: usize, y: usize) -> Option<&mut u8> {
    field.get_mut(y).and_then(|row| row.get_mut(x))
}

#[cfg(test)]
mod tests {
    use super::randomart;
    use crate::file::public::{Hash, PublicKeyBuf};
    use crate::file::signing::SigningKey;

    /// As `ssh-keygen -lv` draws it.
    #[test]
    fn a_picture_is_that_of_ssh_keygen() {
        let key = PublicKeyBuf::from_blob(SigningKey::ed25519(&[0; 32]).public()).unwrap();
        let picture = [
            "+--[ED25519 256]--+",
            "|+++ .++X+*.+o    |",
            "|.+ + .B.+.O ..   |",
            "|  . .o+=o+.*     |",
            "|    .oo=*o+ +    |",
            "|    ..ooSo   +   |",
            "|     oE .   .    |",
            "|      .          |",
            "|                 |",
            "|                 |",
            "+----[SHA256]-----+",
        ];
        assert_eq!(randomart(&key, Hash::Sha256), picture.join("\n"));
    }

    #[test]
    fn titles_that_do_not_fit_are_shortened() {
        assert_eq!(super::border("[ED25519-CERT 256]", Some("[ED25519-CERT]")), "+-[ED25519-CERT]--+");
        assert_eq!(super::border("[MD5]", None), "+------[MD5]------+");
    }
}
