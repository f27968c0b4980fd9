//! Which foreign programs this machine has. A missing one skips a test on a developer's machine, with a loud line, and
//! fails it where the peers are owed (`CI=true`, or `SANSSH_REQUIRE_PEERS` set).

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where daemons, and what they call, live; often not in a user's `PATH`.
const SYSTEM: [&str; 6] =
    ["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/lib/openssh", "/usr/libexec/openssh", "/usr/libexec"];
/// The Python that has asyncssh.
pub const ASYNCSSH: &str = "sanssh-asyncssh";
/// The Node.js that has Wireshark.
pub const WIRESHARK: &str = "sanssh-wireshark";

/// Whether all `programs` are here; if not, the caller returns from its test.
///
/// # Panics
/// If one is missing and peers are [`owed`].
#[must_use]
pub fn require(programs: &[&str]) -> bool {
    let missing: Vec<_> = programs.iter().copied().filter(|program| find(program).is_none()).collect();
    missing.is_empty() || skip(owed(), &format!("not installed: {} (tests/run installs them)", missing.join(", ")))
}

/// The path of a program: in `PATH`, among the system's daemons, or among the packages beside the builds.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(SYSTEM.iter().map(PathBuf::from))
        .chain(packages())
        .map(|directory| directory.join(program))
        .find(|candidate| executable(candidate))
}

/// Where `tests/run` puts peers that are packages of Python or Node.js: beside the builds.
fn packages() -> impl Iterator<Item = PathBuf> {
    let this = env::current_exe().unwrap_or_default();
    let beside: Vec<_> = this.ancestors().skip(1).take(3).map(|above| above.join("peers-venv/bin")).collect();
    beside.into_iter()
}

/// The path of a program that [`require`] has vouched for.
///
/// # Panics
/// If it is not installed.
#[must_use]
pub fn path(program: &str) -> PathBuf {
    find(program).unwrap_or_else(|| panic!("{program} is not installed"))
}

/// Whether a missing peer is a failure here.
#[must_use]
pub fn owed() -> bool {
    env::var("CI").is_ok_and(|ci| ci == "true") || env::var_os("SANSSH_REQUIRE_PEERS").is_some()
}

/// Says aloud that a test is not run, and gives `false`.
///
/// # Panics
/// If the test is owed.
pub(crate) fn skip(owed: bool, reason: &str) -> bool {
    assert!(!owed, "{reason}");
    // Not `eprintln`, which a test that passes does not show.
    let _ = writeln!(io::stderr(), "SKIPPED: {reason}");
    false
}

fn executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_machine_has_is_found() {
        assert!(require(&["sh", "id"]));
        assert!(path("sh").is_absolute());
    }

    #[test]
    fn what_no_machine_has_is_not_found() {
        assert_eq!(find("sanssh-no-such-program"), None);
    }

    #[test]
    fn a_skip_that_is_not_owed_only_says_so() {
        assert!(!skip(false, "a test of the skip line itself"));
    }

    #[test]
    #[should_panic = "not installed: x"]
    fn a_skip_that_is_owed_fails() {
        skip(true, "not installed: x");
    }
}
