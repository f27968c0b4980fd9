//! `replay`: what `ssh` and `sshd` record is shown, message by message; what was altered is found; what logs somebody in
//! is taken out. Recordings of the vectors' directory are shown, too.

use crate::support::{OurSshd, ended, our_ssh, text};
use sanssh_core::replay::{hex, show};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;
use sanssh_tests::user::PasswordUser;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

fn replay(arguments: &[&str], file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_replay")).args(arguments).arg(file).output().unwrap()
}

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors/replay").join(name)
}

/// The lines that tell of these messages, in this order among others.
#[track_caller]
fn tells(shown: &str, parts: &[&str]) {
    let mut rest = shown;
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("no {part:?} where it should be in:\n{shown}"));
        rest = &rest[at + part.len()..];
    }
}

/// The same recording with one change to it.
fn altered(directory: &TempDir, file: &Path, from: &str, to: &str) -> PathBuf {
    let text = fs::read_to_string(file).unwrap();
    let other = directory.path().join("altered");
    assert!(text.contains(from), "{from}");
    fs::write(&other, text.replacen(from, to, 1)).unwrap();
    other
}

#[test]
fn what_ssh_records_is_shown() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let server = Sshd::start(&["RekeyLimit 50K"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("session");
    let record = ["--record", file.to_str().unwrap()];
    let ssh = || our_ssh(server.port(), &Keys::shared().client(Kind::Ed25519), &server.known_hosts(), &record);
    let result = ssh().arg("echo hello; head -c 200000 /dev/zero | wc -c; head -c 70000 /dev/zero; exit 7").output();
    assert_eq!(result.unwrap().status.code(), Some(7));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let shown = replay(&[], &file);
    assert_eq!((shown.status.code(), text(&shown.stderr).as_str()), (Some(0), ""));
    tells(
        &text(&shown.stdout),
        &[
            "<-      \"SSH-2.0-OpenSSH_",
            "KEXINIT",
            "->    0 SERVICE_REQUEST service=\"ssh-userauth\"",
            "method=\"publickey",
            "<-    ",
            "USERAUTH_SUCCESS",
            "CHANNEL_OPEN kind=\"session\"",
            "name=\"exec\" want_reply=true command=\"echo hello; ",
            "CHANNEL_DATA recipient=0 data=\"hello\\n\"",
            "KEXINIT",
            "NEWKEYS",
            "name=\"exit-status\" want_reply=false status=7",
            "DISCONNECT code=11",
        ],
    );
    // Nothing is recorded over.
    let again = ssh().arg("true").output().unwrap();
    assert_eq!(again.status.code(), Some(255));
    assert!(text(&again.stderr).contains("exists"), "{}", text(&again.stderr));
}

#[test]
fn what_sshd_records_is_shown() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("session");
    let server = OurSshd::start(&["--record", file.to_str().unwrap()]);
    for (count, name) in [(1, "session"), (2, "session.2")] {
        let identity = Keys::shared().client(Kind::Ed25519);
        let mut ssh = our_ssh(server.port, &identity, &server.known_hosts(), &[]);
        ended(&ssh.arg(format!("echo {count}")).output().unwrap(), 0, &format!("{count}\n"), "");
        let recorded = directory.path().join(name);
        // The server sees the end in its own time.
        while !fs::read_to_string(&recorded).unwrap_or_default().contains(" end ") {
            std::thread::yield_now();
        }
        let shown = replay(&[], &recorded);
        assert_eq!(shown.status.code(), Some(0), "{}", text(&shown.stderr));
        let data = format!("CHANNEL_DATA recipient=0 data=\"{count}\\n\"");
        tells(&text(&shown.stdout), &["<-    0 KEXINIT", "-> ", "USERAUTH_SUCCESS", &data, "over: "]);
    }
}

#[test]
fn every_vector_is_shown_to_its_end() {
    for entry in fs::read_dir(vector("")).unwrap() {
        let path = entry.unwrap().path();
        let shown = replay(&["-v"], &path);
        assert_eq!(shown.status.code(), Some(0), "{}: {}", path.display(), text(&shown.stderr));
        tells(&text(&shown.stdout), &["KEXINIT", "NEWKEYS", "USERAUTH_SUCCESS", "CHANNEL_CLOSE", "over: "]);
        assert!(!text(&shown.stdout).contains(" message "), "every message has a name: {}", path.display());
    }
}

#[test]
fn compressed_messages_are_expanded() {
    let shown = text(&replay(&[], &vector("client-compressed.ssh")).stdout);
    tells(&shown, &["data=\"1\\n2\\n3", "KEXINIT", "data=\"go on, and again: go on, and again\\n\"", "data=\"1\\n2"]);
}

#[test]
fn where_it_goes_otherwise_is_said_with_both_sides() {
    let directory = tempfile::tempdir().unwrap();
    let file = vector("client-key-exec.ssh");
    let command = |word: &str| format!("0x{}", hex(format!("echo {word}; echo oops >&2").as_bytes()));
    let other = altered(&directory, &file, &command("hello"), &command("jello"));
    let shown = replay(&[], &other);
    assert_eq!(shown.status.code(), Some(1));
    tells(&text(&shown.stdout), &["KEXINIT", "USERAUTH_SUCCESS"]);
    tells(&text(&shown.stderr), &["step ", "emitted", "now: ", "\"echo jello; ", "recorded: ", "\"echo hello; "]);
    let other = altered(&directory, &file, "event  channel 0 eof", "event  channel 0 closed");
    let shown = replay(&[], &other);
    assert_eq!(shown.status.code(), Some(1));
    tells(&text(&shown.stderr), &["step ", "told channel 0 eof", "expected channel 0 closed"]);
    let other = altered(&directory, &file, "\n            end", "\n# end");
    let shown = replay(&[], &other);
    assert!(text(&shown.stderr).contains("breaks off"), "{}", text(&shown.stderr));
}

#[test]
fn passwords_are_lengths_unless_asked_for_and_can_be_taken_out() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let file = vector("client-password-refused-accepted.ssh");
    let shown = replay(&["-v"], &file);
    assert!(text(&shown.stdout).contains("change=false password=(5 bytes)"), "{}", text(&shown.stdout));
    assert!(!text(&shown.stdout).contains("wrong"));
    tells(&text(&replay(&["--secrets"], &file).stdout), &["password=\"wrong\""]);
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("redacted");
    ended(&replay(&["--redact", out.to_str().unwrap()], &file), 0, "", "");
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let redacted = fs::read_to_string(&out).unwrap();
    assert!(!redacted.contains("wrong") && redacted.contains("\nredacted\n"));
    tells(&text(&replay(&["--secrets"], &out).stdout), &["password=\"*****\"", "USERAUTH_FAILURE", "USERAUTH_SUCCESS"]);
    let again = replay(&["--redact", out.to_str().unwrap()], &file);
    assert_eq!(again.status.code(), Some(1), "nothing is written over");
}

/// A password that was typed at a terminal is in the recording, and not in the redacted one.
#[test]
fn a_password_that_was_typed_is_taken_out() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let Some(account) = PasswordUser::create() else { return };
    let server = Sshd::start(&["PasswordAuthentication yes"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("session");
    let record = file.to_str().unwrap();
    let options = ["--record", record, "-o", "BatchMode=no", "-o", "PubkeyAuthentication=no", "-l", account.name()];
    let identity = Keys::shared().client(Kind::Ed25519);
    let mut ssh = crate::support::Typist::start({
        let mut ssh = our_ssh(server.port(), &identity, &server.known_hosts(), &options);
        ssh.arg("echo in");
        ssh
    });
    ssh.sees("assword");
    ssh.types(&format!("{}\n", account.password()));
    ssh.sees("in");
    assert_eq!(ssh.ends().code(), Some(0), "{}", ssh.all());
    let word = show(account.password().as_bytes());
    assert!(fs::read_to_string(&file).unwrap().contains(&word));
    let out = directory.path().join("redacted");
    ended(&replay(&["--redact", out.to_str().unwrap()], &file), 0, "", "");
    assert!(!fs::read_to_string(&out).unwrap().contains(&word));
    assert_eq!(replay(&[], &out).status.code(), Some(0));
}

#[test]
fn what_is_no_recording_is_said() {
    for (content, part) in [("", "line 1"), ("replay 9\n", "line 1"), ("replay 2\nfrob\n", "line 2")] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, content).unwrap();
        let shown = replay(&[], &file);
        assert_eq!(shown.status.code(), Some(255));
        assert!(text(&shown.stderr).contains(part), "{}", text(&shown.stderr));
        assert_eq!(replay(&[], &directory.path().join("none")).status.code(), Some(255));
    }
}
