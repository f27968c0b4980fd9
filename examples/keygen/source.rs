//! Files with keys, of which nobody says what they are: a public key in any format, a private one, or a list.

use crate::arguments::Arguments;
use crate::ask;
use sanssh_core::file::private::{self, MAX_FILE, PrivateKey};
use sanssh_core::file::{KeyError, PublicKeyBuf};
use sanssh_std::home;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// What a file holds, or standard input, which is called `-`.
pub(crate) fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let text = if is_stdin(file) {
        whole(&mut io::stdin().lock())
    } else {
        File::open(file).and_then(|mut file| whole(&mut file))
    };
    text.map_err(|error| wrong(file, error))
}

pub(crate) fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// Whatever may be a private key is read into one piece of memory, so that no copy of it is left behind.
fn whole(source: &mut impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_FILE + 1));
    source.take(text.capacity() as u64).read_to_end(&mut text)?;
    if text.len() > MAX_FILE {
        source.take(LARGEST).read_to_end(&mut text)?;
    }
    Ok(text)
}

/// An error that names its file.
pub(crate) fn wrong(file: &Path, why: impl core::fmt::Display) -> String {
    format!("{}: {why}", file.display())
}

/// The public key of a file with either half, and its comment.
pub(crate) fn public(file: &Path) -> Result<(PublicKeyBuf, Vec<u8>), String> {
    let text = read(file)?;
    if let Ok(found) = PublicKeyBuf::from_text(&text) {
        return Ok(found);
    }
    let key = |blob: &[u8]| PublicKeyBuf::from_blob(blob).map_err(|error| wrong(file, error));
    match private::read(&text, None) {
        Ok(PrivateKey { key: private, comment }) => Ok((key(private.public())?, comment)),
        Err(KeyError::NotAKey) => Err(wrong(file, "neither a public nor a private key in any known format")),
        Err(KeyError::Encrypted) => {
            let kept = read(&home::beside(file, ".pub")).ok().and_then(|text| PublicKeyBuf::from_text(&text).ok());
            match (private::public(&text), kept) {
                // Someone else's key may lie beside it.
                (Ok(blob), Some((public, comment))) if public.blob() == blob => Ok((public, comment)),
                (Ok(blob), _) => Ok((key(&blob)?, Vec::new())),
                (Err(_), Some(found)) => Ok(found),
                (Err(error), None) => Err(wrong(file, error)),
            }
        }
        Err(error) => Err(wrong(file, error)),
    }
}

/// A private key, and the passphrase that it needed. If none is given, a person is asked.
pub(crate) fn private(
    file: &Path,
    arguments: &Arguments,
    prompt: &str,
) -> Result<(PrivateKey, Option<Zeroizing<String>>), String> {
    let text = read(file)?;
    let read = private::read(&text, None);
    if home::is_exposed(file) && !matches!(read, Err(KeyError::NotAKey)) {
        return Err(wrong(file, "others can read this private key; run chmod 600 on it"));
    }
    let failed = |error: KeyError| {
        let public = error == KeyError::NotAKey && PublicKeyBuf::from_text(&text).is_ok();
        if public { wrong(file, "a public key, not a private one") } else { wrong(file, error) }
    };
    match read {
        Ok(key) => Ok((key, None)),
        Err(KeyError::Encrypted) => {
            let asked =
                || ask::secret(prompt).map_err(|error| wrong(file, format_args!("needs a passphrase; {error}")));
            let passphrase = arguments.passphrase.clone().map_or_else(asked, Ok)?;
            let key = private::read(&text, Some(passphrase.as_bytes())).map_err(failed)?;
            Ok((key, Some(passphrase)))
        }
        Err(error) => Err(failed(error)),
    }
}
