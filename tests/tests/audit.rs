//! What an auditor says of a server that its owner has configured nothing of: `ssh-audit` finds nothing to fail and nothing
//! to warn of.

use core::net::SocketAddr;
use sanssh_core::Config;
use sanssh_core::algorithm::Kex;
use sanssh_std::{Attempt, Handler, Server, ServerConfig, Session, Verdict, home};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::peers;
use std::process::Command;
use std::thread;

/// Lets nobody in.
struct Closed;

impl Handler for Closed {
    fn key_acceptable(&self, _: SocketAddr, _: &str, _: &[u8]) -> bool {
        false
    }

    fn login(&self, _: &Attempt<'_>) -> Verdict {
        Verdict::Refuse
    }

    fn session(&self, _: Session) {}
}

/// What `ssh-audit` says of a server with keys of Ed25519 and RSA, and its exit status; `None` where it is missing.
fn audit(core: impl FnOnce(&mut Config)) -> Option<(String, Option<i32>)> {
    if !peers::require(&["ssh-audit", "ssh-keygen"]) {
        return None;
    }
    let host_keys =
        [Kind::Ed25519, Kind::Rsa].map(|kind| home::read_key(&Keys::shared().host(kind), None).expect("a key"));
    let mut config = ServerConfig { host_keys: host_keys.into(), ..ServerConfig::default() };
    core(&mut config.core);
    let server = Server::bind("127.0.0.1:0", config).expect("a server");
    let (port, shutdown) = (server.local_addr().expect("its address").port(), server.shutdown());
    let output = thread::scope(|scope| {
        scope.spawn(|| server.serve(Closed));
        let mut audit = Command::new(peers::path("ssh-audit"));
        // How fast one machine may connect is for what stands in front of a server to say.
        let output = audit.args(["--no-colors", "--skip-rate-test", "-p", &port.to_string(), "127.0.0.1"]).output();
        shutdown.stop();
        output.expect("ssh-audit")
    });
    Some((String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code()))
}

/// Lines that find fault, under the algorithm that they speak of.
fn complaints(report: &str) -> Vec<(&str, &str)> {
    let mut about = "";
    let lines = report.lines().map(|line| {
        about = line.split_whitespace().nth(1).filter(|_| line.starts_with('(')).unwrap_or(about);
        (about, line)
    });
    lines.filter(|(_, line)| line.contains("[fail]") || line.contains("[warn]")).collect()
}

#[test]
fn auditors_have_nothing_against_the_default() {
    let Some((report, status)) = audit(|_| {}) else { return };
    assert_eq!(complaints(&report), [], "{report}");
    for name in ["mlkem768x25519-sha256", "ssh-ed25519", "rsa-sha2-512", "aes256-gcm@openssh.com", "kex-strict-s"] {
        assert!(report.contains(name), "{name} in {report}");
    }
    assert_eq!(status, Some(0), "{report}");
}

/// The auditor knows no hybrid exchange itself, so that it sees host keys only where another is offered.
#[test]
fn auditors_have_nothing_against_the_host_keys() {
    let more = |core: &mut Config| core.preferences.kex.push(Kex::Curve25519).expect("room");
    let Some((report, _)) = audit(more) else { return };
    assert!(complaints(&report).iter().all(|(about, _)| *about == "curve25519-sha256"), "{report}");
    assert!(report.contains("rsa-sha2-512 (3072-bit)") && report.contains("(fin) ssh-ed25519: SHA256:"), "{report}");
}
