//! Which algorithms a session asks for and what it got: `method_pref`, `methods`, `supported_algs` and `flag`.
//!
//! The lists hold algorithms alone: what else stands in a KEXINIT, such as the markers of strict key exchange, is never
//! part of them and cannot be left out by one.

use super::{FlagType, MethodType, Session};
use crate::Error;
use crate::exceptions::{BadUseError, MethodNotSupported};
use sanssh_core::algorithm::{Cipher, HostKey, Kex, Mac, Preferences, Zip};
use sanssh_core::crypto::Provider;
use sanssh_core::crypto::fast::Fast;

/// What is to be asked for, as far as the caller said.
#[derive(Debug, Default, Clone)]
pub(crate) struct Wishes {
    kex: Option<Vec<Kex>>,
    host_keys: Option<Vec<HostKey>>,
    user_keys: Option<Vec<HostKey>>,
    ciphers: Pair<Cipher>,
    macs: Pair<Mac>,
    zips: Pair<Zip>,
    compress: bool,
}

/// A list for each direction, client to server first. The protocol machine has one list for both.
type Pair<T> = [Option<Vec<T>>; 2];

impl Wishes {
    /// The preferences of the connection.
    ///
    /// # Errors
    /// `MethodNotSupported` if no method is wanted in both directions.
    pub(crate) fn preferences(&self) -> Result<Preferences, Error> {
        let mut all = Preferences::default();
        // The caller's socket cannot be connected a second time without this cipher, which not every server is safe by.
        all.ciphers = last(&all.ciphers, Cipher::ChaCha20Poly1305).into_iter().collect();
        if self.compress {
            all.zips = [Zip::ZlibDelayed, Zip::None].into_iter().collect();
        }
        if let Some(kex) = &self.kex {
            all.kex = kex.iter().copied().collect();
        }
        if let Some(host_keys) = &self.host_keys {
            all.host_keys = host_keys.iter().copied().collect();
        }
        if let Some(user_keys) = &self.user_keys {
            all.user_keys = user_keys.iter().copied().collect();
        }
        if let Some(ciphers) = both(&self.ciphers)? {
            all.ciphers = ciphers.into_iter().collect();
        }
        if let Some(macs) = both(&self.macs)? {
            all.macs = macs.into_iter().collect();
        }
        if let Some(zips) = both(&self.zips)?.filter(|_| self.compress) {
            all.zips = zips.into_iter().collect();
        }
        Ok(all)
    }

    fn set(&mut self, method: MethodType, names: &str) -> Result<(), Error> {
        match method {
            MethodType::Kex => self.kex = Some(known(names, Kex::from_name, Fast::KEX)?),
            MethodType::HostKey => self.host_keys = Some(known(names, HostKey::from_name, Fast::SIGNATURES)?),
            MethodType::SignAlgo => self.user_keys = Some(known(names, HostKey::from_name, HostKey::ALL)?),
            MethodType::CryptCs => self.ciphers[0] = Some(known(names, Cipher::from_name, Fast::CIPHERS)?),
            MethodType::CryptSc => self.ciphers[1] = Some(known(names, Cipher::from_name, Fast::CIPHERS)?),
            MethodType::MacCs => self.macs[0] = Some(known(names, Mac::from_name, Fast::MACS)?),
            MethodType::MacSc => self.macs[1] = Some(known(names, Mac::from_name, Fast::MACS)?),
            MethodType::CompCs => self.zips[0] = Some(known(names, Zip::from_name, Fast::ZIPS)?),
            MethodType::CompSc => self.zips[1] = Some(known(names, Zip::from_name, Fast::ZIPS)?),
            // Nobody speaks of languages.
            MethodType::LangCs | MethodType::LangSc => {}
        }
        Ok(())
    }

    fn supported(&self, method: MethodType) -> Result<Vec<&'static str>, Error> {
        Ok(match method {
            MethodType::Kex => names(Kex::ALL, Fast::KEX, Kex::name),
            MethodType::HostKey => names(HostKey::ALL, Fast::SIGNATURES, HostKey::name),
            MethodType::SignAlgo => names(HostKey::ALL, HostKey::ALL, HostKey::name),
            MethodType::CryptCs | MethodType::CryptSc => names(Cipher::ALL, Fast::CIPHERS, Cipher::name),
            MethodType::MacCs | MethodType::MacSc => names(Mac::ALL, Fast::MACS, Mac::name),
            MethodType::CompCs | MethodType::CompSc if !self.compress => vec![Zip::None.name()],
            MethodType::CompCs | MethodType::CompSc => {
                let all = [Zip::Zlib, Zip::ZlibDelayed, Zip::None];
                names(&all, Fast::ZIPS, Zip::name)
            }
            MethodType::LangCs | MethodType::LangSc => {
                return Err(Error::new(MethodNotSupported, "there are no methods for languages"));
            }
        })
    }
}

/// The methods of that names, in that order; others are left out.
///
/// # Errors
/// `MethodNotSupported` if none is left.
fn known<T: PartialEq>(names: &str, of: fn(&str) -> Option<T>, all: &[T]) -> Result<Vec<T>, Error> {
    let mut found = Vec::new();
    for one in names.split(',').filter_map(|name| of(name.trim())) {
        if all.contains(&one) && !found.contains(&one) {
            found.push(one);
        }
    }
    if found.is_empty() {
        return Err(Error::new(MethodNotSupported, "none of the requested methods is supported"));
    }
    Ok(found)
}

fn names<T: Copy + PartialEq>(order: &[T], all: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
    order.iter().copied().filter(|one| all.contains(one)).map(name).collect()
}

/// What is wanted in both directions, in the order of the first that was set.
fn both<T: Copy + PartialEq>(pair: &Pair<T>) -> Result<Option<Vec<T>>, Error> {
    match pair {
        [None, None] => Ok(None),
        [Some(one), None] | [None, Some(one)] => Ok(Some(one.clone())),
        [Some(one), Some(other)] => {
            let common: Vec<T> = one.iter().copied().filter(|method| other.contains(method)).collect();
            let none = || Error::new(MethodNotSupported, "one method has to serve both directions here");
            (!common.is_empty()).then_some(Some(common)).ok_or_else(none)
        }
    }
}

/// The list with `one` at its end.
fn last<T: Copy + PartialEq>(list: &[T], one: T) -> Vec<T> {
    let (mut rest, held): (Vec<T>, Vec<T>) = list.iter().copied().partition(|other| *other != one);
    rest.extend(held);
    rest
}

impl Session {
    /// Sets an option before the handshake. `LIBSSH2_FLAG_COMPRESS` asks for compression, from the end of the login on;
    /// `LIBSSH2_FLAG_SIGPIPE` has no effect, since no call raises that signal here.
    ///
    /// # Errors
    /// `MethodNotSupported` for flags that are not a session's, `BadUseError` after the handshake has begun.
    pub fn flag(&self, flag: FlagType, enabled: bool) -> Result<(), Error> {
        self.note(self.wish(|wishes| match flag {
            FlagType::Compress => {
                wishes.compress = enabled;
                Ok(())
            }
            FlagType::SigPipe => Ok(()),
            FlagType::QuotePaths | FlagType::SkPresenceRequired | FlagType::SkVerificationRequired => {
                Err(Error::new(MethodNotSupported, "that is no flag of a session"))
            }
        }))
    }

    /// Sets the methods of one kind, most wanted first with commas between, before the handshake. What is not known here
    /// is left out. What is broken, of SHA-1 and CBC, is never asked for unless it is named so.
    ///
    /// One method serves both directions here: of two lists their common part counts, and a list for one direction alone
    /// counts for both. Lists for languages are taken and mean nothing, and those for compression need
    /// `LIBSSH2_FLAG_COMPRESS`.
    ///
    /// # Errors
    /// `MethodNotSupported` if nothing in the list is known, for key exchanges as well; `BadUseError` after the handshake
    /// has begun.
    pub fn method_pref(&self, method: MethodType, prefs: &str) -> Result<(), Error> {
        self.note(self.wish(|wishes| wishes.set(method, prefs)))
    }

    /// The methods of one kind that there are, best first; those of compression depend on `LIBSSH2_FLAG_COMPRESS`.
    ///
    /// # Errors
    /// `MethodNotSupported` for languages.
    pub fn supported_algs(&self, method: MethodType) -> Result<Vec<&'static str>, Error> {
        self.note(self.wishes().supported(method))
    }

    /// The method of one kind that was negotiated last; `None` before. With a cipher that authenticates by itself the
    /// MAC is called `INTEGRATED-` and what it is; the language is always empty.
    pub fn methods(&self, method: MethodType) -> Option<&'static str> {
        let agreed = self.client().ok()?.summary()?;
        let mac = |cipher, mac: Option<Mac>| match (cipher, mac) {
            (_, Some(mac)) => mac.name(),
            (Cipher::ChaCha20Poly1305, None) => "INTEGRATED-CHACHA20-POLY1305",
            (_, None) => "INTEGRATED-AES-GCM",
        };
        Some(match method {
            MethodType::Kex => agreed.kex.name(),
            MethodType::HostKey => agreed.host_key.name(),
            MethodType::CryptCs => agreed.to_server.cipher.name(),
            MethodType::CryptSc => agreed.to_client.cipher.name(),
            MethodType::MacCs => mac(agreed.to_server.cipher, agreed.to_server.mac),
            MethodType::MacSc => mac(agreed.to_client.cipher, agreed.to_client.mac),
            MethodType::CompCs => agreed.to_server.zip.name(),
            MethodType::CompSc => agreed.to_client.zip.name(),
            MethodType::LangCs | MethodType::LangSc => "",
            MethodType::SignAlgo => return None,
        })
    }

    /// Changes what is asked for.
    fn wish(&self, change: impl FnOnce(&mut Wishes) -> Result<(), Error>) -> Result<(), Error> {
        if self.shared.client.get().is_some() {
            return Err(Error::new(BadUseError, "the handshake has begun: what it asks for can no longer be set"));
        }
        change(&mut self.wishes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_are_left_out_and_markers_are_none() {
        let session = Session::new();
        let kex = "kex-strict-c-v00@openssh.com,curve25519-sha256,ext-info-c,nonsense,curve25519-sha256";
        session.method_pref(MethodType::Kex, kex).unwrap();
        assert_eq!(session.wishes().preferences().unwrap().kex, [Kex::Curve25519]);
        let error = session.method_pref(MethodType::Kex, "kex-strict-c-v00@openssh.com,ext-info-c").unwrap_err();
        assert_eq!((error.code(), session.last_errno()), (-33, -33));
        for method in [MethodType::HostKey, MethodType::CryptCs, MethodType::MacSc, MethodType::CompCs] {
            assert!(session.method_pref(method, "nonsense,").unwrap_err().is(MethodNotSupported));
        }
        session.method_pref(MethodType::LangCs, "whatever").unwrap();
    }

    #[test]
    fn one_direction_counts_for_both_and_two_have_to_meet() {
        let session = Session::new();
        session.method_pref(MethodType::CryptCs, "aes128-cbc,aes128-ctr").unwrap();
        assert_eq!(session.wishes().preferences().unwrap().ciphers, [Cipher::Aes128Cbc, Cipher::Aes128Ctr]);
        session.method_pref(MethodType::CryptSc, "aes256-ctr,aes128-ctr").unwrap();
        assert_eq!(session.wishes().preferences().unwrap().ciphers, [Cipher::Aes128Ctr]);
        session.method_pref(MethodType::CryptSc, "aes256-ctr").unwrap();
        assert!(session.wishes().preferences().unwrap_err().is(MethodNotSupported));
    }

    #[test]
    fn nothing_broken_is_asked_for_unasked() {
        let wishes = Wishes::default().preferences().unwrap();
        assert!(!wishes.ciphers.iter().any(|cipher| cipher.is_cbc()));
        assert!(!wishes.host_keys.contains(&HostKey::RsaSha1) && !wishes.macs.contains(&Mac::HmacSha1));
        assert_eq!(wishes.ciphers.last(), Some(&Cipher::ChaCha20Poly1305));
        assert_eq!(wishes.zips, [Zip::None]);
    }

    #[test]
    fn compression_is_listed_once_it_is_asked_for() {
        let session = Session::new();
        assert_eq!(session.supported_algs(MethodType::CompCs).unwrap(), ["none"]);
        session.flag(FlagType::Compress, true).unwrap();
        assert_eq!(session.supported_algs(MethodType::CompSc).unwrap(), ["zlib", "zlib@openssh.com", "none"]);
        assert_eq!(session.wishes().preferences().unwrap().zips, [Zip::ZlibDelayed, Zip::None]);
        session.flag(FlagType::SigPipe, true).unwrap();
        assert!(session.flag(FlagType::QuotePaths, true).unwrap_err().is(MethodNotSupported));
    }

    #[test]
    fn what_there_is_is_listed_for_every_kind_but_languages() {
        let session = Session::new();
        for method in [MethodType::Kex, MethodType::HostKey, MethodType::CryptCs, MethodType::MacCs] {
            assert!(session.supported_algs(method).unwrap().len() > 5, "{method:?}");
            assert_eq!(session.methods(method), None);
        }
        assert!(session.supported_algs(MethodType::LangSc).unwrap_err().is(MethodNotSupported));
    }
}
