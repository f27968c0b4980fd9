//! Logins that take more than one method: which chain of methods has come how far, what each step permits, and which keys
//! have been used up.

use crate::handler::Permissions;
use sanssh_core::auth::{Method, MethodSet};
use sanssh_core::crypto::certificate::Certificate;
use sanssh_core::file::PublicKeyBuf;
use std::sync::Arc;

/// How far the login of one user has come.
#[derive(Debug)]
pub(crate) struct Factors {
    chains: Arc<[Vec<Method>]>,
    /// Steps done of each chain.
    done: Vec<usize>,
    earned: MethodSet,
    keys: Vec<Vec<u8>>,
    permissions: Option<Permissions>,
}

/// What a right attempt leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Logged in, with what every step permits.
    Done(Box<Permissions>),
    /// One of these methods is wanted besides.
    More(MethodSet),
    /// It does not count.
    Void,
}

impl Factors {
    pub(crate) fn new(chains: Arc<[Vec<Method>]>) -> Self {
        let done = vec![0; chains.len()];
        Self { chains, done, earned: MethodSet::EMPTY, keys: Vec::new(), permissions: None }
    }

    /// Another user, of whom nothing is known.
    pub(crate) fn restart(&mut self) {
        *self = Self::new(Arc::clone(&self.chains));
    }

    /// The methods that this user was right by.
    pub(crate) const fn earned(&self) -> MethodSet {
        self.earned
    }

    /// The methods by which a chain goes on.
    pub(crate) fn next(&self) -> MethodSet {
        self.chains.iter().zip(&self.done).filter_map(|(chain, done)| chain.get(*done).copied()).collect()
    }

    /// An attempt was right. `wanted` are methods that are wanted besides, whatever the chains say.
    pub(crate) fn pass(
        &mut self,
        method: Method,
        key: Option<&[u8]>,
        permissions: Permissions,
        wanted: Option<MethodSet>,
    ) -> Progress {
        let key = key.map(bare);
        // Who holds one key twice holds one key.
        if key.as_ref().is_some_and(|key| self.keys.contains(key)) {
            return Progress::Void;
        }
        let permissions = match self.permissions.clone() {
            Some(earlier) => earlier.and(permissions),
            None => Ok(permissions),
        };
        let Ok(permissions) = permissions else { return Progress::Void };
        for (chain, done) in self.chains.iter().zip(&mut self.done) {
            *done += usize::from(chain.get(*done) == Some(&method));
        }
        self.earned = self.earned.with(method);
        self.keys.extend(key);
        self.permissions = Some(permissions.clone());
        let whole = self.chains.iter().zip(&self.done).any(|(chain, done)| chain.len() == *done);
        match wanted {
            Some(methods) => Progress::More(methods),
            None if whole || self.chains.is_empty() => Progress::Done(permissions.into()),
            None => Progress::More(self.next()),
        }
    }
}

/// The key itself, of which there may be any number of certificates.
fn bare(blob: &[u8]) -> Vec<u8> {
    let certificate = Certificate::decode(blob, 0);
    certificate.map_or_else(|_| blob.to_vec(), |certificate| PublicKeyBuf::new(&certificate.key).blob().to_vec())
}

#[cfg(test)]
mod tests {
    use super::{Factors, Method, MethodSet, Progress};
    use crate::handler::Permissions;
    use Method::{Interactive, Password, PublicKey};

    fn factors(chains: &[&[Method]]) -> Factors {
        Factors::new(chains.iter().map(|chain| chain.to_vec()).collect())
    }

    fn pass(factors: &mut Factors, method: Method, key: Option<&[u8]>) -> Progress {
        factors.pass(method, key, Permissions::default(), None)
    }

    fn more(methods: &[Method]) -> Progress {
        Progress::More(methods.iter().copied().collect())
    }

    #[test]
    fn without_chains_one_method_is_enough() {
        assert_eq!(pass(&mut factors(&[]), Password, None), Progress::Done(Box::default()));
    }

    #[test]
    fn chains_go_on_side_by_side_and_one_must_be_whole() {
        let mut login = factors(&[&[PublicKey, Password], &[Interactive, Password]]);
        assert_eq!(login.next(), [PublicKey, Interactive].into_iter().collect::<MethodSet>());
        assert_eq!(pass(&mut login, PublicKey, Some(b"a")), more(&[Password, Interactive]));
        assert_eq!(pass(&mut login, Interactive, None), more(&[Password]));
        assert_eq!(pass(&mut login, Password, None), Progress::Done(Box::default()));
    }

    #[test]
    fn e17_factors_keep_their_order_and_their_user() {
        let mut login = factors(&[&[PublicKey, Password]]);
        // A method out of turn is refused by the core; if it came all the same, it would be no step.
        assert_eq!(pass(&mut login, Password, None), more(&[PublicKey]));
        assert_eq!(pass(&mut login, PublicKey, Some(b"a")), more(&[Password]));
        assert_eq!(login.earned(), [PublicKey, Password].into_iter().collect::<MethodSet>());
        login.restart();
        assert_eq!((login.earned(), login.next()), (MethodSet::EMPTY, MethodSet::PUBLIC_KEY));
        assert_eq!(pass(&mut login, Password, None), more(&[PublicKey]));
    }

    #[test]
    fn e17_a_key_counts_once() {
        let mut login = factors(&[&[PublicKey, PublicKey]]);
        assert_eq!(pass(&mut login, PublicKey, Some(b"a")), more(&[PublicKey]));
        assert_eq!(pass(&mut login, PublicKey, Some(b"a")), Progress::Void);
        assert_eq!(pass(&mut login, PublicKey, Some(b"b")), Progress::Done(Box::default()));
    }

    #[test]
    fn e17_every_factor_keeps_its_limits() {
        let limits =
            |command: &str| Permissions { pty: false, command: Some(command.into()), ..Permissions::default() };
        let mut login = factors(&[&[PublicKey, Password]]);
        login.pass(PublicKey, Some(b"a"), limits("backup"), None);
        assert_eq!(pass(&mut login, Password, None), Progress::Done(limits("backup").into()));
        login.restart();
        login.pass(PublicKey, Some(b"a"), limits("backup"), None);
        assert_eq!(login.pass(Password, None, limits("other"), None), Progress::Void, "only one command can run");
        // Whoever wants more says so by a verdict, and the limits are kept as well.
        let mut login = factors(&[]);
        assert_eq!(login.pass(Password, None, limits("backup"), Some(MethodSet::PUBLIC_KEY)), more(&[PublicKey]));
        assert_eq!(pass(&mut login, PublicKey, Some(b"a")), Progress::Done(limits("backup").into()));
    }
}
