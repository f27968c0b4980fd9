//! The lock of a keyring (RFC 9987 §5.7). What a passphrase was is kept as a salted hash only; wrong ones make each next
//! one wait longer, and one that comes too early is not looked at.

use crate::Instant;
use crate::seed::Random;
use bcrypt_pbkdf::bcrypt_pbkdf;
use core::fmt;
use core::time::Duration;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Rounds of bcrypt: the passphrase is to be hard to guess, not to open a file that was stolen years ago.
const ROUNDS: u32 = 1;

/// What the wait grows by with each wrong passphrase.
const STEP: Duration = Duration::from_millis(100);

/// The longest wait, in steps.
const MOST_STEPS: u32 = 100;

pub(super) struct Lock {
    random: Random,
    locked: Option<Locked>,
    /// Wrong passphrases since the last right one.
    failures: u32,
    /// When the next one is looked at.
    next: Instant,
}

struct Locked {
    salt: [u8; 16],
    hash: Zeroizing<[u8; 32]>,
}

impl Lock {
    pub(super) const fn new(random: Random) -> Self {
        Self { random, locked: None, failures: 0, next: Instant(0) }
    }

    pub(super) const fn is_locked(&self) -> bool {
        self.locked.is_some()
    }

    /// An empty passphrase locks nothing.
    pub(super) fn lock(&mut self, passphrase: &[u8]) -> Option<()> {
        if self.is_locked() {
            return None;
        }
        let salt = self.random.array();
        self.locked = Some(Locked { salt, hash: hash(passphrase, &salt)? });
        Some(())
    }

    pub(super) fn unlock(&mut self, now: Instant, passphrase: &[u8]) -> Option<()> {
        let locked = self.locked.as_ref().filter(|_| self.next <= now)?;
        let given = hash(passphrase, &locked.salt);
        if given.is_some_and(|given| bool::from(given[..].ct_eq(&locked.hash[..]))) {
            (self.locked, self.failures) = (None, 0);
            return Some(());
        }
        self.failures = self.failures.saturating_add(1).min(MOST_STEPS);
        self.next = now.after(STEP.saturating_mul(self.failures));
        None
    }
}

fn hash(passphrase: &[u8], salt: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut hash = Zeroizing::new([0; 32]);
    bcrypt_pbkdf(passphrase, salt, ROUNDS, &mut hash[..]).ok()?;
    Some(hash)
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_locked() { "Locked" } else { "Unlocked" })
    }
}

#[cfg(test)]
mod tests {
    use super::Lock;
    use crate::Instant;
    use crate::seed::{Random, Seed};

    fn lock() -> Lock {
        Lock::new(Random::new(&Seed::new([4; 32])))
    }

    #[test]
    fn only_the_passphrase_unlocks() {
        let mut lock = lock();
        assert_eq!(lock.unlock(Instant(0), b"secret"), None);
        assert_eq!(lock.lock(b""), None);
        assert!(!lock.is_locked());
        assert_eq!(lock.lock(b"secret"), Some(()));
        assert_eq!(lock.lock(b"another"), None);
        for (at, wrong) in [&b"Secret"[..], b"secret\0", b"", b"another"].into_iter().enumerate() {
            assert_eq!(lock.unlock(Instant(at as u64 * 1_000_000), wrong), None);
        }
        assert_eq!(lock.unlock(Instant(10_000_000), b"secret"), Some(()));
        assert!(!lock.is_locked());
    }

    #[test]
    fn wrong_passphrases_make_the_next_one_wait() {
        let mut lock = lock();
        lock.lock(b"secret").unwrap();
        assert_eq!(lock.unlock(Instant(0), b"wrong"), None);
        assert_eq!(lock.unlock(Instant(99_999), b"secret"), None, "too early");
        assert_eq!(lock.unlock(Instant(100_000), b"wrong"), None);
        assert_eq!(lock.unlock(Instant(299_999), b"secret"), None, "twice as long");
        assert_eq!(lock.unlock(Instant(300_000), b"secret"), Some(()));
    }
}
