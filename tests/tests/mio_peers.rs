//! The mio driver and OpenSSH: its client at our server, our clients at its server, keys changed under load.

use sanssh_core::Config;
use sanssh_core::algorithm::{HostKey, Preferences, list};
use sanssh_core::file::PublicKeyBuf;
use sanssh_mio::{Limits, ServerSettings};
use sanssh_std::home;
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::mio::{Call, Callers, Served, host_key};
use sanssh_tests::openssh::{Sshd, known_hosts_line, ssh_command};
use sanssh_tests::peers;
use sanssh_tests::process::run;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use tempfile::NamedTempFile;

const CLIENT: [&str; 2] = ["ssh", "ssh-keygen"];
const SERVER: [&str; 2] = ["sshd", "ssh-keygen"];

/// A server of ours at which the shared key may log in, and a file that names its key.
fn served() -> (Served, NamedTempFile) {
    let core = Config { preferences: Preferences::default(), ..ServerSettings::modern() };
    let (key, _) = PublicKeyBuf::from_text(public(&Keys::shared().client(Kind::Ed25519)).as_bytes()).unwrap();
    let server = Served::start(Limits::default(), core, &[key.blob().to_vec()]);
    let mut hosts = NamedTempFile::new().unwrap();
    let line = PublicKeyBuf::from_blob(host_key().public()).unwrap().line("");
    hosts.write_all(known_hosts_line(server.address.port(), &line).as_bytes()).unwrap();
    (server, hosts)
}

fn ssh(served: &(Served, NamedTempFile), options: &[&str]) -> Command {
    ssh_command(served.0.address.port(), &Keys::shared().client(Kind::Ed25519), served.1.path(), options)
}

#[test]
fn openssh_runs_commands() {
    if !peers::require(&CLIENT) {
        return;
    }
    let served = served();
    thread::scope(|scope| {
        for number in 0..10 {
            let (served, text) = (&served, format!("it works {number}"));
            scope.spawn(move || assert_eq!(run(ssh(served, &[]).arg(format!("echo {text}"))).trim(), text));
        }
    });
    assert_eq!(ssh(&served, &[]).arg("nonsense").stdin(Stdio::null()).status().unwrap().code(), Some(127));
    let (counts, gone) = served.0.stop();
    assert_eq!((counts.connections, gone.len()), (0, 11));
}

/// 16 MiB each way, with keys changed about every mebibyte.
#[test]
fn openssh_changes_keys_under_load() {
    if !peers::require(&CLIENT) {
        return;
    }
    let served = served();
    let sent: Vec<u8> = (0..4 << 20_u32).flat_map(u32::to_be_bytes).collect();
    let mut child =
        ssh(&served, &["-o", "RekeyLimit=1M"]).arg("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        scope.spawn(|| {
            // If it does not take all, what it says tells more.
            let _ = stdin.write_all(&sent);
            drop(stdin);
        });
        child.wait_with_output().unwrap()
    });
    let received = output.stdout.len();
    assert!(output.status.success() && output.stdout == sent, "{received} bytes; {:?}", served.0.stop());
}

#[test]
fn a_key_that_is_not_known_is_refused() {
    if !peers::require(&CLIENT) {
        return;
    }
    let served = served();
    let mut ssh = ssh_command(served.0.address.port(), &Keys::shared().stranger(), served.1.path(), &[]);
    assert_eq!(ssh.arg("echo in").output().unwrap().status.code(), Some(255));
}

/// Our clients at OpenSSH's server.
fn callers(sshd: &Sshd, core: Config) -> Callers {
    let (host, _) = PublicKeyBuf::from_text(public(&Keys::shared().host(Kind::Ed25519)).as_bytes()).unwrap();
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
    let mut core = core;
    core.preferences.host_keys = list(&[HostKey::Ed25519]);
    Callers::of(core, host.blob().to_vec(), sshd.user(), key)
}

#[test]
fn many_clients_of_openssh() {
    if !peers::require(&SERVER) {
        return;
    }
    let sshd = Sshd::start(&[]);
    let mut callers = callers(&sshd, Config::default());
    for number in 0..40 {
        callers.call(sshd.address(), Call::of((0..3).map(|at| format!("echo {number} {at}"))));
    }
    callers.until(Call::is_through);
    assert!(callers.gone.is_empty(), "{:?}", callers.gone);
    let mut lines: Vec<_> = callers.hub.states().flat_map(|(_, call)| call.results.clone()).collect();
    let mut wanted: Vec<_> =
        (0..40).flat_map(|number| (0..3).map(move |at| (Some(0), format!("{number} {at}\n").into_bytes()))).collect();
    lines.sort();
    wanted.sort();
    assert_eq!(lines, wanted);
}

#[test]
fn keys_change_under_load_at_openssh() {
    if !peers::require(&SERVER) {
        return;
    }
    let sshd = Sshd::start(&["RekeyLimit 1M"]);
    let mut core = Config::default();
    core.rekey.bytes = 3 << 20;
    let mut callers = callers(&sshd, core);
    let sent: Vec<u8> = (0..4 << 20_u32).flat_map(u32::to_be_bytes).collect();
    for _ in 0..2 {
        callers.call(sshd.address(), Call::fed("cat", &sent));
    }
    callers.until(Call::is_through);
    assert!(callers.gone.is_empty(), "{:?}", callers.gone);
    for (_, call) in callers.hub.states() {
        assert!(call.results == [(Some(0), sent.clone())], "{:?}", call.results.iter().map(|one| one.1.len()));
        assert!(call.keyed > 4, "{}", call.keyed);
    }
}
