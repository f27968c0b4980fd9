//! Our `keygen` beside OpenSSH's: the same command lines give the same output, and what the one makes the other takes.

use crate::support::{Typist, ended, failed, fed, text};
use sanssh_tests::peers;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A time zone with an offset that changes, so that times in UTC are noticed.
const ZONE: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// A directory that both programs work in.
struct Bench(TempDir);

impl Bench {
    /// `None` if there is no ssh-keygen.
    fn new() -> Option<Self> {
        peers::require(&["ssh-keygen"]).then(|| Self(tempfile::tempdir().expect("a directory")))
    }

    fn command(&self, program: impl AsRef<Path>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(self.0.path()).args(arguments).env("TZ", ZONE).env("HOME", self.0.path());
        command.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null());
        command
    }

    fn our_command(&self, arguments: &[&str]) -> Command {
        self.command(env!("CARGO_BIN_EXE_keygen"), arguments)
    }

    fn ours(&self, arguments: &[&str]) -> Output {
        self.our_command(arguments).output().expect("keygen")
    }

    fn theirs(&self, arguments: &[&str]) -> Output {
        self.command(peers::path("ssh-keygen"), arguments).output().expect("ssh-keygen")
    }

    /// Asserts that it went well, and gives what was printed.
    #[track_caller]
    fn ours_prints(&self, arguments: &[&str]) -> String {
        good(&self.ours(arguments), arguments)
    }

    #[track_caller]
    fn theirs_prints(&self, arguments: &[&str]) -> String {
        good(&self.theirs(arguments), arguments)
    }

    /// Asserts that both print the same and end the same.
    #[track_caller]
    fn same(&self, arguments: &[&str]) {
        let (ours, theirs) = (self.ours(arguments), self.theirs(arguments));
        assert!(!theirs.stdout.is_empty() || theirs.status.code() == Some(1), "{arguments:?} says nothing");
        assert_eq!(text(&ours.stdout), text(&theirs.stdout), "{arguments:?}: {}", text(&ours.stderr));
        assert_eq!(ours.status.code(), theirs.status.code(), "{arguments:?}: {}", text(&ours.stderr));
    }

    /// Keys of every type, made by theirs: `ed25519`, `ecdsa`, `rsa`, and `locked` with the passphrase `old one`.
    fn with_keys() -> Option<Self> {
        let bench = Self::new()?;
        for (name, kind, bits, passphrase) in [
            ("ed25519", "ed25519", "256", ""),
            ("ecdsa", "ecdsa", "384", ""),
            ("rsa", "rsa", "2048", ""),
            ("locked", "ed25519", "256", "old one"),
        ] {
            let comment = format!("{name} of me@here");
            bench.theirs_prints(&["-q", "-t", kind, "-b", bits, "-f", name, "-N", passphrase, "-C", &comment]);
        }
        Some(bench)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).expect(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).expect(name);
    }

    /// For nobody else to read.
    fn write_private(&self, name: &str, text: &str) {
        self.write(name, text);
        fs::set_permissions(self.0.path().join(name), fs::Permissions::from_mode(0o600)).expect(name);
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.0.path().join(name)).expect(name).permissions().mode() & 0o777
    }

    fn exists(&self, name: &str) -> bool {
        self.0.path().join(name).exists()
    }

    /// The type and Base64 of a public key.
    fn bare(&self, name: &str) -> String {
        self.read(&format!("{name}.pub")).split(' ').take(2).collect::<Vec<_>>().join(" ")
    }
}

/// What was said on standard error, where OpenSSH ends lines as terminals do.
fn said_by(output: &Output) -> String {
    text(&output.stderr).replace('\r', "")
}

#[track_caller]
fn good(output: &Output, arguments: &[&str]) -> String {
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn keys_made_by_ours_are_used_by_theirs() {
    let Some(bench) = Bench::new() else { return };
    for (kind, bits, passphrase) in [
        ("ed25519", "256", ""),
        ("ed25519", "256", "a passphrase"),
        ("ecdsa", "256", ""),
        ("ecdsa", "384", ""),
        ("ecdsa", "521", "a passphrase"),
        ("rsa", "2048", "a passphrase"),
    ] {
        let name = format!("{kind}{bits}{}", passphrase.len());
        let said = bench.ours_prints(&["-t", kind, "-b", bits, "-f", &name, "-N", passphrase, "-C", "me@here"]);
        assert_eq!((bench.mode(&name), bench.mode(&format!("{name}.pub"))), (0o600, 0o644));
        assert_eq!(bench.theirs_prints(&["-y", "-f", &name, "-P", passphrase]), bench.read(&format!("{name}.pub")));
        // What is said is what OpenSSH says, the fingerprint and the picture among it.
        let listed = bench.theirs_prints(&["-lv", "-f", &name]);
        let (line, picture) = listed.split_once('\n').unwrap();
        let fingerprint = line.split(' ').nth(1).unwrap();
        let expected = format!(
            "Generating public/private {kind} key pair.\nYour identification has been saved in {name}\nYour public key \
             has been saved in {name}.pub\nThe key fingerprint is:\n{fingerprint} me@here\nThe key's randomart image \
             is:\n{picture}"
        );
        assert_eq!(said, expected);
    }
    assert_eq!(bench.ours_prints(&["-q", "-f", "quiet", "-N", ""]), "");
    assert!(bench.read("quiet.pub").contains('@'));
}

#[test]
fn a_key_that_exists_is_not_overwritten() {
    let Some(bench) = Bench::with_keys() else { return };
    let before = bench.read("ed25519");
    let output = bench.ours(&["-q", "-f", "ed25519", "-N", ""]);
    assert_eq!((output.status.code(), text(&output.stderr).lines().count()), (Some(1), 1));
    let arguments = ["-f", "ed25519", "-N", "", "-C", "new"];
    let mut typist = Typist::start(bench.our_command(&arguments));
    typist.sees("Overwrite (y/n)? ");
    typist.types("n\n");
    assert_eq!(typist.ends().code(), Some(1), "{}", typist.all());
    assert_eq!(bench.read("ed25519"), before);
    let mut typist = Typist::start(bench.our_command(&arguments));
    typist.sees("Overwrite (y/n)? ");
    typist.types("y\n");
    assert_eq!(typist.ends().code(), Some(0), "{}", typist.all());
    assert_ne!(bench.read("ed25519"), before);
    assert!(bench.read("ed25519.pub").ends_with(" new\n") && bench.mode("ed25519") == 0o600);
}

#[test]
fn passphrases_are_typed_unseen() {
    let Some(bench) = Bench::new() else { return };
    let mut typist = Typist::start(bench.our_command(&["-f", "id", "-t", "ed25519"]));
    for prompt in ["Enter passphrase (empty for no passphrase): ", "Enter same passphrase again: "] {
        typist.sees(prompt);
        typist.types("typed words\n");
    }
    assert_eq!(typist.ends().code(), Some(0), "{}", typist.all());
    assert!(!typist.all().contains("typed words"));
    bench.theirs_prints(&["-y", "-f", "id", "-P", "typed words"]);
    let mut typist = Typist::start(bench.our_command(&["-y", "-f", "id"]));
    typist.sees("Enter passphrase: ");
    typist.types("typed words\n");
    typist.sees("ssh-ed25519 AAAA");
    assert_eq!(typist.ends().code(), Some(0), "{}", typist.all());
    let mut typist = Typist::start(bench.our_command(&["-f", "other"]));
    for (prompt, typed) in [("Enter passphrase", "one\n"), ("again: ", "two\n")] {
        typist.sees(prompt);
        typist.types(typed);
    }
    typist.sees("not the same");
    assert_eq!(typist.ends().code(), Some(255));
    assert!(!bench.exists("other") && !bench.exists("other.pub"));
}

#[test]
fn the_usual_place_is_made_and_confirmed() {
    let Some(bench) = Bench::new() else { return };
    let home = fs::canonicalize(bench.0.path()).unwrap();
    let mut typist = Typist::start(bench.our_command(&["-N", "", "-t", "ecdsa"]));
    typist.sees(&format!("Enter file in which to save the key ({}", bench.0.path().join(".ssh/id_ecdsa").display()));
    typist.types("\n");
    assert_eq!(typist.ends().code(), Some(0), "{}", typist.all());
    assert_eq!((bench.mode(".ssh"), bench.mode(".ssh/id_ecdsa")), (0o700, 0o600));
    // It is found again without being named.
    let named = home.join(".ssh/id_ecdsa");
    assert_eq!(bench.ours_prints(&["-y"]), bench.theirs_prints(&["-y", "-f", named.to_str().unwrap()]));
    let mut typist = Typist::start(bench.our_command(&["-N", ""]));
    typist.sees("Enter file");
    typist.types("elsewhere\n");
    assert_eq!(typist.ends().code(), Some(0), "{}", typist.all());
    assert!(bench.exists("elsewhere.pub"));
}

#[test]
fn keys_are_shown_alike() {
    let Some(bench) = Bench::with_keys() else { return };
    for name in ["ed25519", "ecdsa", "rsa", "locked"] {
        let public = format!("{name}.pub");
        for file in [name, &public] {
            bench.same(&["-l", "-f", file]);
            bench.same(&["-lv", "-f", file]);
            bench.same(&["-l", "-v", "-E", "md5", "-f", file]);
            bench.same(&["-e", "-f", file]);
            bench.same(&["-r", "host.example", "-f", file]);
        }
        bench.same(&["-y", "-f", name, "-P", "old one"]);
    }
    fs::remove_file(bench.0.path().join("locked.pub")).unwrap();
    bench.same(&["-l", "-f", "locked"]);
    bench.same(&["-e", "-f", "locked"]);
}

#[test]
fn public_keys_are_converted_alike() {
    let Some(bench) = Bench::with_keys() else { return };
    for (name, formats) in
        [("ed25519", &["RFC4716"][..]), ("ecdsa", &["RFC4716", "PKCS8"]), ("rsa", &["RFC4716", "PKCS8", "PEM"])]
    {
        for format in formats {
            bench.same(&["-e", "-m", format, "-f", name]);
            bench.write("converted", &bench.ours_prints(&["-e", "-m", format, "-f", name]));
            bench.same(&["-i", "-m", format, "-f", "converted"]);
            assert_eq!(bench.ours_prints(&["-i", "-f", "converted"]).trim_end(), bench.bare(name));
        }
    }
    bench.same(&["-e", "-m", "PEM", "-f", "ecdsa"]);
    // Theirs does not write these; ours reads what it wrote.
    bench.write("converted", &bench.ours_prints(&["-e", "-m", "PKCS8", "-f", "ed25519"]));
    assert_eq!(bench.ours_prints(&["-i", "-f", "converted"]).trim_end(), bench.bare("ed25519"));
    bench.ours_prints(&["-q", "-s", "rsa", "-I", "x", "-n", "x", "ecdsa"]);
    failed(&bench.ours(&["-e", "-m", "PKCS8", "-f", "ecdsa-cert.pub"]), &["ecdsa-cert.pub", "PKCS #8"]);
}

#[test]
fn lists_of_every_kind_are_shown_alike() {
    let Some(bench) = Bench::with_keys() else { return };
    let (one, other) = (bench.bare("ed25519"), bench.bare("rsa"));
    let list = format!(
        "# a list\n\n{one} me@there\nno-pty,command=\"a b\" {other} x y\nrestrict {one}\nhost,[other]:22 {other}\nodd\n"
    );
    bench.write("list", &list);
    bench.same(&["-l", "-f", "list"]);
    bench.same(&["-lv", "-E", "md5", "-f", "list"]);
    let piped = |mut command: Command| text(&fed(command.args(["-l", "-f", "-"]), list.as_bytes()).stdout);
    let ours = piped(bench.our_command(&[]));
    assert_eq!((ours.lines().count(), &ours), (4, &piped(bench.command(peers::path("ssh-keygen"), &[]))));
}

#[test]
fn passphrases_and_formats_are_changed() {
    let Some(bench) = Bench::with_keys() else { return };
    let line = bench.read("locked.pub");
    let said = bench.ours_prints(&["-p", "-f", "locked", "-P", "old one", "-N", "new one"]);
    assert_eq!(
        said,
        "Key has comment 'locked of me@here'\nYour identification has been saved with the new passphrase.\n"
    );
    assert_eq!(bench.theirs_prints(&["-y", "-f", "locked", "-P", "new one"]), line);
    assert_eq!(bench.theirs(&["-y", "-f", "locked", "-P", "old one"]).status.code(), Some(255));
    assert_eq!(bench.theirs_prints(&["-p", "-f", "locked", "-P", "new one", "-N", "third"]), said);
    assert_eq!(bench.ours_prints(&["-p", "-f", "locked", "-P", "third", "-N", ""]), said);
    assert_eq!((bench.theirs_prints(&["-y", "-f", "locked"]), bench.mode("locked")), (line, 0o600));
    for (name, format, passphrase, label) in [
        ("rsa", "PKCS8", "new one", "ENCRYPTED PRIVATE KEY"),
        ("rsa", "PEM", "", "RSA PRIVATE KEY"),
        ("rsa", "PKCS8", "", "PRIVATE KEY"),
        ("rsa", "RFC4716", "new one", "OPENSSH PRIVATE KEY"),
        ("ecdsa", "PEM", "", "EC PRIVATE KEY"),
        ("ecdsa", "PKCS8", "new one", "ENCRYPTED PRIVATE KEY"),
    ] {
        bench.ours_prints(&["-p", "-m", format, "-f", name, "-P", "new one", "-N", passphrase]);
        assert!(bench.read(name).starts_with(&format!("-----BEGIN {label}-----\n")));
        let shown = bench.theirs_prints(&["-y", "-f", name, "-P", passphrase]);
        assert!(shown.trim_end().starts_with(&bench.bare(name)) && bench.mode(name) == 0o600);
    }
    let before = bench.read("ecdsa");
    failed(&bench.ours(&["-p", "-m", "PEM", "-f", "ecdsa", "-P", "new one", "-N", "x"]), &["ecdsa", "PEM", "PKCS8"]);
    assert_eq!(bench.read("ecdsa"), before);
}

#[test]
fn comments_are_changed() {
    let Some(bench) = Bench::with_keys() else { return };
    let said = bench.ours_prints(&["-c", "-f", "locked", "-P", "old one", "-C", "another"]);
    assert_eq!(said, "Old comment: locked of me@here\nComment 'another' applied\n");
    assert_eq!(bench.theirs_prints(&["-y", "-f", "locked", "-P", "old one"]), bench.read("locked.pub"));
    assert!(bench.read("locked.pub").ends_with(" another\n") && bench.mode("locked") == 0o600);
    bench.same(&["-c", "-f", "locked", "-P", "old one", "-C", "another"]);
}

#[test]
fn what_is_no_key_or_locked_is_one_line() {
    let Some(bench) = Bench::with_keys() else { return };
    bench.write("junk", "junk\n");
    bench.write("open", &bench.read("ed25519"));
    bench.write_private("damaged", &bench.read("ed25519").replace("b3BlbnNzaC1rZXk", "b3BlbnNzaC1rZXl"));
    for (arguments, parts) in [
        (&["-y", "-f", "locked", "-P", "wrong"][..], &["locked", "wrong passphrase"][..]),
        (&["-p", "-f", "locked", "-P", "wrong", "-N", ""], &["locked", "wrong passphrase"]),
        (&["-c", "-f", "locked", "-P", "wrong", "-C", "x"], &["locked", "wrong passphrase"]),
        (&["-s", "locked", "-P", "wrong", "-I", "x", "-n", "x", "rsa.pub"], &["locked", "wrong passphrase"]),
        (&["-y", "-f", "junk"], &["junk", "not a private key"]),
        (&["-y", "-f", "rsa.pub"], &["rsa.pub", "public key"]),
        (&["-y", "-f", "damaged"], &["damaged", "OpenSSH"]),
        (&["-y", "-f", "open"], &["open", "chmod 600"]),
        (&["-l", "-f", "junk"], &["junk", "neither"]),
        (&["-i", "-f", "junk"], &["junk"]),
        (&["-y", "-f", "none"], &["none", "No such file"]),
        (&["-l", "-f", "none"], &["none", "No such file"]),
        (&["-F", "host", "-f", "none"], &["none", "No such file"]),
        (&["-R", "host", "-f", "none"], &["none"]),
        (&["-q", "-t", "rsa", "-b", "1024", "-f", "weak", "-N", ""], &["1024", "2048"]),
        (&["-s", "ed25519", "-I", "x", "rsa.pub"], &["rsa.pub", "principals"]),
        (
            &["-s", "ed25519", "-I", "x", "-n", "x", "-O", "source-address=office", "rsa.pub"],
            &["rsa.pub", "source-address"],
        ),
    ] {
        failed(&bench.ours(arguments), parts);
    }
    assert!(!bench.exists("weak") && !bench.exists("rsa-cert.pub"));
    let mistaken = bench.ours(&["-Z"]);
    assert_eq!((mistaken.status.code(), text(&mistaken.stderr).lines().count()), (Some(1), 1));
}

#[test]
fn certificates_are_made_and_read_alike() {
    let Some(bench) = Bench::with_keys() else { return };
    let orders: [&[&str]; 8] = [
        &["-n", "root"],
        &["-n", "root,deploy", "-V", "20260101:20270101", "-z", "7", "-O", "clear", "-O", "permit-pty"],
        &["-n", "x", "-O", "force-command=ls -l \"a\"", "-O", "source-address=10.0.0.0/8,::1", "-O", "no-pty"],
        &["-h", "-n", "a.example,b.example", "-V", "202607011200Z:forever"],
        &["-n", "x", "-V", "always:20300101120000Z", "-O", "verify-required", "-O", "no-touch-required"],
        &["-n", "x", "-O", "critical:a@x=b", "-O", "extension:c@x=d", "-O", "extension:e@x", "-O", "critical:f@x"],
        &["-n", "x", "-V", "0x10:0x7fffffff", "-z", "18446744073709551615"],
        &[
            "-n",
            "x",
            "-O",
            "no-x11-forwarding",
            "-O",
            "no-agent-forwarding",
            "-O",
            "no-port-forwarding",
            "-O",
            "no-user-rc",
        ],
    ];
    for (authority, order) in ["ed25519", "ecdsa", "rsa"].into_iter().cycle().zip(orders) {
        let line: Vec<_> =
            ["-s", authority, "-I", "it's me"].iter().chain(order).copied().chain(["locked.pub"]).collect();
        let ours = bench.ours(&line);
        good(&ours, &line);
        let (said, made) = (text(&ours.stderr), bench.theirs_prints(&["-L", "-f", "locked-cert.pub"]));
        bench.same(&["-L", "-f", "locked-cert.pub"]);
        bench.same(&["-lv", "-f", "locked-cert.pub"]);
        let theirs = bench.theirs(&line);
        good(&theirs, &line);
        assert_eq!(said, said_by(&theirs), "{line:?}");
        // Except for nonce and signature they are one.
        assert_eq!(bench.theirs_prints(&["-L", "-f", "locked-cert.pub"]), made, "{line:?}");
        bench.same(&["-L", "-f", "locked-cert.pub"]);
        assert!(bench.read("locked-cert.pub").ends_with(" locked of me@here\n"));
    }
}

#[test]
fn many_are_certified_and_shown_at_once() {
    let Some(bench) = Bench::with_keys() else { return };
    bench.ours_prints(&[
        "-q", "-s", "locked", "-P", "old one", "-I", "x", "-n", "x", "-z", "+3", "rsa.pub", "ecdsa", "ed25519",
    ]);
    let all: String = ["rsa", "ecdsa", "ed25519"].iter().map(|name| bench.read(&format!("{name}-cert.pub"))).collect();
    bench.write("all", &format!("{all}# and\n{}junk\n", bench.read("rsa.pub")));
    bench.same(&["-L", "-f", "all"]);
    let shown = bench.ours_prints(&["-L", "-f", "all"]);
    assert!(
        ["Serial: 3\n", "Serial: 4\n", "Serial: 5\n", "all:3:\n"].iter().all(|part| shown.contains(part)),
        "{shown}"
    );
    bench.same(&["-L", "-f", "rsa.pub"]);
    let ours = fed(&mut bench.our_command(&["-L", "-f", "-"]), all.as_bytes());
    let theirs = fed(&mut bench.command(peers::path("ssh-keygen"), &["-L", "-f", "-"]), all.as_bytes());
    assert_eq!(text(&ours.stdout), text(&theirs.stdout));
    // A certificate is no key to certify.
    failed(&bench.ours(&["-s", "ed25519", "-I", "x", "-n", "x", "rsa-cert.pub"]), &["rsa-cert.pub", "certificate"]);
    let unnamed = bench.ours(&["-s", "ed25519", "-n", "x", "rsa.pub"]);
    ended(&unnamed, 1, "", "keygen: a certificate needs a name for logs; give it by -I\n");
}

fn known_hosts(bench: &Bench) -> String {
    let (one, other) = (bench.bare("ed25519"), bench.bare("rsa"));
    format!(
        "# hosts\nhost,other {one}\n[host]:2222 {other} a comment\n@revoked bad {one}\n@cert-authority *.dom {one} it\n\
         *.pat {other}\nHost2 {other}\nhost {other}\n"
    )
}

#[test]
fn hosts_are_found_alike() {
    let Some(bench) = Bench::with_keys() else { return };
    bench.write("hosts", &known_hosts(&bench));
    for host in ["host", "HOST", "other", "[host]:2222", "bad", "a.dom", "a.pat", "host2", "nobody", "[host]:1"] {
        bench.same(&["-F", host, "-f", "hosts"]);
        bench.same(&["-l", "-F", host, "-f", "hosts"]);
    }
    bench.same(&["-lv", "-F", "host", "-f", "hosts"]);
    let hashed = bench.ours_prints(&["-H", "-F", "other", "-f", "hosts"]);
    assert_eq!((hashed.lines().count(), hashed.matches("\n|1|").count(), hashed.contains("other ssh")), (3, 2, false));
    failed(&bench.ours(&["-F", "[host", "-f", "hosts"]), &["[host"]);
    // The user's own list is the usual one.
    fs::create_dir(bench.0.path().join(".ssh")).unwrap();
    bench.write(".ssh/known_hosts", &known_hosts(&bench));
    assert_eq!(bench.ours_prints(&["-F", "host"]), bench.theirs_prints(&["-F", "host", "-f", "hosts"]));
}

#[test]
fn hosts_are_taken_out_alike() {
    let Some(bench) = Bench::with_keys() else { return };
    let list = known_hosts(&bench);
    for host in ["host", "[host]:2222", "a.pat", "bad", "a.dom", "nobody"] {
        let run = |command: Command| {
            bench.write("hosts", &list);
            let _ = fs::remove_file(bench.0.path().join("hosts.old"));
            let mut command = command;
            let output = command.args(["-R", host, "-f", "hosts"]).output().expect("a program");
            let old = bench.exists("hosts.old").then(|| bench.read("hosts.old"));
            (output.status.code(), text(&output.stdout), said_by(&output), bench.read("hosts"), old)
        };
        let ours = run(bench.our_command(&[]));
        assert_eq!(ours, run(bench.command(peers::path("ssh-keygen"), &[])), "{host}");
    }
}

#[test]
fn names_are_hidden_for_theirs_to_find() {
    let Some(bench) = Bench::with_keys() else { return };
    bench.write("hosts", &known_hosts(&bench));
    let said = bench.ours_prints(&["-H", "-f", "hosts"]);
    assert_eq!(said, "hosts updated.\nOriginal contents retained as hosts.old\n");
    assert_eq!(bench.read("hosts.old"), known_hosts(&bench));
    let hidden = bench.read("hosts");
    assert!(!hidden.contains("other") && !hidden.contains("[host]") && hidden.contains("*.pat"), "{hidden}");
    for host in ["host", "other", "[host]:2222", "bad", "a.dom", "a.pat", "host2", "nobody"] {
        bench.same(&["-F", host, "-f", "hosts"]);
    }
    bench.same(&["-l", "-F", "host", "-f", "hosts"]);
    bench.ours_prints(&["-H", "-f", "hosts"]);
    assert_eq!(bench.read("hosts"), hidden);
}

#[test]
fn damaged_lines_stay_and_are_named() {
    let Some(bench) = Bench::with_keys() else { return };
    let list = format!("odd\nhost {}\n", bench.bare("ed25519"));
    bench.write("hosts", &list);
    let output = bench.ours(&["-R", "host", "-f", "hosts"]);
    assert_eq!((output.status.code(), bench.read("hosts").as_str()), (Some(0), "odd\n"));
    assert_eq!(text(&output.stderr), "keygen: hosts: line 1: damaged key; it stays as it is\n");
}
