//! Key pairs made by OpenSSH's `ssh-keygen`, for foreign servers and clients. They are made once and kept beside the
//! test programs, because an RSA key takes a second; they open nothing but this harness's own servers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::peers;
use crate::process::run;

/// The passphrase of [`Keys::locked`].
pub const PASSPHRASE: &str = "a passphrase with spaces";

/// Changes when the set of files does, so that a stale set is not used.
const DIRECTORY: &str = "peer-keys-2";

/// Prints the secret that its environment holds; OpenSSH's client asks it as it would ask a person.
const ASKPASS: &str = "#!/bin/sh\nprintf '%s\\n' \"$SANSSH_SECRET\"\n";

/// A type of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ed25519.
    Ed25519,
    /// ECDSA over NIST P-256.
    Ecdsa,
    /// ECDSA over NIST P-384.
    Ecdsa384,
    /// ECDSA over NIST P-521.
    Ecdsa521,
    /// RSA of 3072 bits.
    Rsa,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ed25519, Self::Ecdsa, Self::Ecdsa384, Self::Ecdsa521, Self::Rsa];

    /// The name in file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Ecdsa => "ecdsa",
            Self::Ecdsa384 => "ecdsa384",
            Self::Ecdsa521 => "ecdsa521",
            Self::Rsa => "rsa",
        }
    }

    /// The name that `ssh-keygen -t` takes.
    const fn family(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::Ecdsa | Self::Ecdsa384 | Self::Ecdsa521 => "ecdsa",
            Self::Rsa => "rsa",
        }
    }

    const fn bits(self) -> &'static str {
        match self {
            Self::Ed25519 | Self::Ecdsa => "256",
            Self::Ecdsa384 => "384",
            Self::Ecdsa521 => "521",
            Self::Rsa => "3072",
        }
    }
}

/// A directory of key pairs: private keys in OpenSSH's format, public keys beside them with `.pub` appended.
#[derive(Debug)]
pub struct Keys {
    directory: PathBuf,
}

impl Keys {
    /// The set that all tests share.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Keys> = LazyLock::new(Keys::load);
        &SHARED
    }

    /// A server's private key.
    #[must_use]
    pub fn host(&self, kind: Kind) -> PathBuf {
        self.directory.join(format!("host_{}", kind.name()))
    }

    /// A user's private key, without a passphrase.
    #[must_use]
    pub fn client(&self, kind: Kind) -> PathBuf {
        self.directory.join(format!("client_{}", kind.name()))
    }

    /// A user's Ed25519 key under [`PASSPHRASE`].
    #[must_use]
    pub fn locked(&self) -> PathBuf {
        self.directory.join("client_locked")
    }

    /// A user's key that no server here accepts.
    #[must_use]
    pub fn stranger(&self) -> PathBuf {
        self.directory.join("client_stranger")
    }

    /// Lines for `authorized_keys`: every user's key but the stranger's.
    #[must_use]
    pub fn authorized(&self) -> String {
        let open = Kind::ALL.iter().map(|&kind| public(&self.client(kind)));
        open.chain([public(&self.locked())]).map(|line| line + "\n").collect()
    }

    /// A private key in dropbear's own format, converted at first use.
    ///
    /// # Panics
    /// If `dropbearconvert` fails.
    #[must_use]
    pub fn dropbear(&self, private: &Path) -> PathBuf {
        let converted = private.with_extension("dropbear");
        if !converted.exists() {
            let scratch = tempfile::tempdir_in(&self.directory).expect("a directory beside the keys");
            let fresh = scratch.path().join("key");
            let mut convert = Command::new(peers::path("dropbearconvert"));
            run(convert.args(["openssh", "dropbear"]).arg(private).arg(&fresh));
            fs::rename(fresh, &converted).expect("a converted key beside its original");
        }
        converted
    }

    pub(crate) fn askpass(&self) -> PathBuf {
        self.directory.join("askpass")
    }

    fn load() -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let parent = program.parent().expect("a directory");
        let directory = parent.join(DIRECTORY);
        if !directory.exists() {
            // Made aside and moved, so that another process never sees half a set; the first to finish wins.
            let fresh = tempfile::tempdir_in(parent).expect("a directory beside the test program");
            Self { directory: fresh.path().to_path_buf() }.make();
            let moved = fs::rename(fresh.path(), &directory);
            assert!(moved.is_ok() || directory.exists(), "the keys stay where they are: {moved:?}");
        }
        Self { directory }
    }

    fn make(&self) {
        for kind in Kind::ALL {
            generate(kind, "", &self.host(kind));
            generate(kind, "", &self.client(kind));
        }
        generate(Kind::Ed25519, PASSPHRASE, &self.locked());
        generate(Kind::Ed25519, "", &self.stranger());
        let askpass = self.askpass();
        fs::write(&askpass, ASKPASS).expect("the program that answers for a person");
        fs::set_permissions(&askpass, fs::Permissions::from_mode(0o700)).expect("an executable file");
    }
}

/// The public half of a private key file: type, base64, comment.
///
/// # Panics
/// If there is no `.pub` file beside it.
#[must_use]
pub fn public(private: &Path) -> String {
    let mut file = private.as_os_str().to_owned();
    file.push(".pub");
    fs::read_to_string(file).expect("a public key beside the private one").trim_end().to_owned()
}

fn generate(kind: Kind, passphrase: &str, file: &Path) {
    let mut keygen = Command::new(peers::path("ssh-keygen"));
    keygen.args(["-q", "-t", kind.family(), "-b", kind.bits(), "-N", passphrase, "-C", "sanssh test", "-f"]);
    run(keygen.arg(file));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_pair() {
        if !peers::require(&["ssh-keygen"]) {
            return;
        }
        let prefixes =
            ["ssh-ed25519 ", "ecdsa-sha2-nistp256 ", "ecdsa-sha2-nistp384 ", "ecdsa-sha2-nistp521 ", "ssh-rsa "];
        for (kind, prefix) in Kind::ALL.into_iter().zip(prefixes) {
            assert!(public(&Keys::shared().client(kind)).starts_with(prefix));
            assert!(public(&Keys::shared().host(kind)).starts_with(prefix));
        }
    }

    #[test]
    fn the_locked_key_opens_with_its_passphrase_only() {
        if !peers::require(&["ssh-keygen"]) {
            return;
        }
        let derive = |passphrase: &str| {
            let mut keygen = Command::new(peers::path("ssh-keygen"));
            keygen.args(["-y", "-P", passphrase, "-f"]).arg(Keys::shared().locked()).output().unwrap().status.success()
        };
        assert!(derive(PASSPHRASE));
        assert!(!derive("another"));
    }

    #[test]
    fn dropbear_reads_every_kind() {
        if !peers::require(&["ssh-keygen", "dropbearconvert", "dropbearkey"]) {
            return;
        }
        for kind in Kind::ALL {
            let converted = Keys::shared().dropbear(&Keys::shared().client(kind));
            let shown = run(Command::new(peers::path("dropbearkey")).arg("-y").arg("-f").arg(converted));
            let blob = public(&Keys::shared().client(kind)).split(' ').nth(1).unwrap().to_owned();
            assert!(shown.contains(&blob), "{kind:?}");
        }
    }
}
