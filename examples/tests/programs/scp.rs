//! Our `scp` against OpenSSH's server, in both its forms: here and there, from there to elsewhere, and what goes wrong.

use crate::support::{Typist, failed_with, noise, text};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// By SFTP, and in the old form.
const FORMS: [&str; 2] = ["-s", "-O"];

/// Names that a shell, a terminal or a line could trip over. A pattern is looked up by SFTP, so that form is told of none.
const NAMES: [&[u8]; 7] =
    [b"plain", b"a  b", "\u{e4}".as_bytes(), b"it's \"x\"", b"$(touch owned)`x`;", b"\x1b[\t", b"\xff line\nend"];

fn server() -> Option<Sshd> {
    peers::require(&["sshd", "ssh-keygen", "scp"]).then(|| Sshd::start(&[]))
}

/// Our client with a shared key for these servers; paths are the next arguments.
fn scp(servers: &[&Sshd], options: &[&str]) -> Command {
    let mut scp = Command::new(env!("CARGO_BIN_EXE_scp"));
    scp.stdin(Stdio::null()).env_remove("SSH_AUTH_SOCK").args(["-F", "none"]).args(options).arg("-B").arg("-i");
    scp.arg(Keys::shared().client(Kind::Ed25519)).arg("-o");
    let known: Vec<_> = servers.iter().map(|server| server.known_hosts().display().to_string()).collect();
    scp.arg(format!("UserKnownHostsFile={}", known.join(" "))).args(["-P", &servers[0].port().to_string()]);
    scp
}

/// A place on the first of the servers.
fn there(path: &Path) -> std::ffi::OsString {
    OsStr::from_bytes(&[b"127.0.0.1:", path.as_os_str().as_bytes()].concat()).to_owned()
}

#[track_caller]
fn done(output: &Output) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!((output.status.code(), out.as_str(), err.as_str()), (Some(0), "", ""));
}

#[test]
fn files_of_every_name_go_there_and_back() {
    let Some(server) = server() else { return };
    for form in FORMS {
        let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in NAMES {
            let name = OsStr::from_bytes(name);
            let (here, back) = (near.path().join("file"), near.path().join("back"));
            fs::write(&here, name.as_bytes()).unwrap();
            done(&scp(&[&server], &[form]).arg(&here).arg(there(&far.path().join(name))).output().unwrap());
            assert_eq!(fs::read(far.path().join(name)).unwrap(), name.as_bytes());
            done(&scp(&[&server], &[form]).arg(there(&far.path().join(name))).arg(&back).output().unwrap());
            assert_eq!(fs::read(&back).unwrap(), name.as_bytes());
        }
        assert_eq!(fs::read_dir(far.path()).unwrap().count(), NAMES.len(), "nothing else came about");
    }
}

/// A directory with files of several sizes, a link, and modes and times of its own.
fn tree(top: &Path) {
    fs::create_dir_all(top.join("sub dir/empty")).unwrap();
    for (name, size) in [("none", 0), ("one", 1), ("sub dir/some", 40_000), ("sub dir/more", 3 << 20)] {
        fs::write(top.join(name), noise(size)).unwrap();
    }
    fs::set_permissions(top.join("one"), fs::Permissions::from_mode(0o640)).unwrap();
    let old = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH + core::time::Duration::from_secs(1_000_000_000));
    fs::File::open(top.join("one")).unwrap().set_times(old).unwrap();
    symlink("one", top.join("link")).unwrap();
}

#[track_caller]
fn same(one: &Path, other: &Path) {
    for name in ["none", "one", "link", "sub dir/some", "sub dir/more"] {
        assert_eq!(fs::read(one.join(name)).unwrap(), fs::read(other.join(name)).unwrap(), "{name}");
    }
    assert!(other.join("sub dir/empty").is_dir());
    let meta = |top: &Path| fs::metadata(top.join("one")).map(|meta| (meta.mode(), meta.mtime())).unwrap();
    assert_eq!(meta(one), meta(other));
}

#[test]
fn directories_go_there_and_back() {
    let Some(server) = server() else { return };
    for form in FORMS {
        let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let top = near.path().join("top");
        tree(&top);
        done(&scp(&[&server], &["-rp", form]).arg(&top).arg(there(far.path())).output().unwrap());
        same(&top, &far.path().join("top"));
        // Under a new name, and from there in a directory under its own.
        done(
            &scp(&[&server], &["-rp", form])
                .arg(there(&far.path().join("top")))
                .arg(near.path().join("new"))
                .output()
                .unwrap(),
        );
        same(&top, &near.path().join("new"));
        let into = near.path().join("into");
        fs::create_dir(&into).unwrap();
        done(&scp(&[&server], &["-rp", form]).arg(there(&far.path().join("top/"))).arg(&into).output().unwrap());
        same(&top, &into.join("top"));
        failed_with(
            &scp(&[&server], &[form]).arg(&top).arg(there(far.path())).output().unwrap(),
            1,
            &["top", "is a directory"],
        );
    }
}

#[test]
fn whatever_of_a_directory_does_not_go_is_told() {
    let Some(server) = server() else { return };
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let top = near.path().join("top");
    tree(&top);
    mknodat(CWD, top.join("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let to = |from: &OsStr, to: &OsStr| scp(&[&server], &["-r"]).arg(from).arg(to).output().unwrap();
    // What is neither a file nor a directory is left out, and that is no failure.
    for (from, target) in
        [(top.clone().into_os_string(), there(far.path())), (there(&top), near.path().join("back").into())]
    {
        let output = to(&from, &target);
        assert_eq!(output.status.code(), Some(0));
        let line = text(&output.stderr);
        assert!(line.ends_with("top/fifo: not a regular file; left out\n") && line.lines().count() == 1, "{line}");
    }
    fs::remove_file(top.join("fifo")).unwrap();
    // A link that leads nowhere, and what stands in the way.
    symlink("nowhere", top.join("dangling")).unwrap();
    for (from, into) in [(top.clone().into_os_string(), far.path().join("in")), (there(&top), near.path().join("in"))] {
        fs::create_dir_all(into.join("top/one")).unwrap();
        let target = if into.starts_with(far.path()) { there(&into) } else { into.clone().into_os_string() };
        let output = to(&from, &target);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 2), "{said}");
        assert!(said.contains("/one: ") && said.contains("/dangling: "), "{said}");
        assert!(into.join("top/sub dir/more").is_file());
    }
}

#[test]
fn from_one_server_to_another() {
    let Some((first, second)) = server().zip(server()) else { return };
    for form in FORMS {
        let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let top = near.path().join("top");
        tree(&top);
        let other = format!("scp://127.0.0.1:{}/{}", second.port(), far.path().display());
        done(&scp(&[&first, &second], &["-3rp", form]).arg(there(&top)).arg(&other).output().unwrap());
        same(&top, &far.path().join("top"));
        assert!(second.says("Accepted publickey"), "{}", second.log());
    }
}

#[test]
fn from_server_to_server_one_that_fails_keeps_no_other_back_and_nothing_runs_as_its_owner() {
    let Some((first, second)) = server().zip(server()) else { return };
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["a", "z"] {
        fs::write(near.path().join(name), name).unwrap();
        fs::set_permissions(near.path().join(name), fs::Permissions::from_mode(0o6755)).unwrap();
    }
    fs::create_dir(near.path().join("m")).unwrap();
    let other = format!("scp://127.0.0.1:{}/{}", second.port(), far.path().display());
    let output =
        scp(&[&first, &second], &["-3p", "-l8000"]).arg(there(&near.path().join("*"))).arg(&other).output().unwrap();
    failed_with(&output, 1, &["is a directory"]);
    for name in ["a", "z"] {
        assert_eq!(far.path().join(name).metadata().unwrap().permissions().mode() & 0o7777, 0o755);
    }
}

#[test]
fn several_go_into_a_directory_and_one_that_fails_alone() {
    let Some(server) = server() else { return };
    for form in FORMS {
        let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (a, b) = (near.path().join("a"), near.path().join("b"));
        fs::write(&a, "a").unwrap();
        fs::write(&b, "b").unwrap();
        let none = near.path().join("none");
        let output = scp(&[&server], &[form]).args([&a, &none, &b]).arg(there(far.path())).output().unwrap();
        failed_with(&output, 1, &["none", "No such file"]);
        assert_eq!(
            (fs::read(far.path().join("a")).unwrap(), fs::read(far.path().join("b")).unwrap()),
            (b"a".into(), b"b".into())
        );
        let output = scp(&[&server], &[form]).args([&a, &b]).arg(there(&far.path().join("a"))).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        let mut back = scp(&[&server], &[form]);
        let back =
            back.args([there(&far.path().join("a")), there(&far.path().join("none")), there(&far.path().join("b"))]);
        let into = near.path().join("into");
        fs::create_dir(&into).unwrap();
        let output = back.arg(&into).output().unwrap();
        failed_with(&output, 1, &["none"]);
        assert_eq!(fs::read_dir(&into).unwrap().count(), 2);
    }
}

#[test]
fn patterns_are_looked_up_by_sftp_or_by_a_shell_that_was_asked_for() {
    let Some(server) = server() else { return };
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["a.c", "b.c", "c.h", "*.c x"] {
        fs::write(far.path().join(name), name).unwrap();
    }
    let pattern = there(&far.path().join("?.c"));
    for form in [&["-s"][..], &["-OT"]] {
        let into = tempfile::tempdir().unwrap();
        done(&scp(&[&server], form).arg(&pattern).arg(into.path()).output().unwrap());
        assert_eq!(fs::read_dir(into.path()).unwrap().count(), 2, "{form:?}");
    }
    failed_with(
        &scp(&[&server], &["-O"]).arg(&pattern).arg(near.path()).output().unwrap(),
        1,
        &["?.c", "No such file"],
    );
    done(&scp(&[&server], &["-O"]).arg(there(&far.path().join("*.c x"))).arg(near.path()).output().unwrap());
    assert_eq!(fs::read(near.path().join("*.c x")).unwrap(), b"*.c x");
}

#[test]
fn paths_there_begin_at_home() {
    let Some(server) = server() else { return };
    // Where the harness has the server's user at home.
    let home = server.known_hosts().parent().unwrap().to_owned();
    for form in FORMS {
        let near = tempfile::tempdir().unwrap();
        let file = near.path().join("file");
        fs::write(&file, form).unwrap();
        if form == "-O" {
            done(&scp(&[&server], &[form]).arg(&file).arg("127.0.0.1:").output().unwrap());
            done(&scp(&[&server], &[form]).arg("127.0.0.1:~/file").arg(near.path().join("back")).output().unwrap());
            assert_eq!(fs::read(near.path().join("back")).unwrap(), form.as_bytes());
        }
        fs::remove_file(home.join("file")).ok();
    }
}

#[test]
fn links_here_are_not_written_through() {
    let Some(server) = server() else { return };
    for form in FORMS {
        let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(far.path().join("file"), "theirs").unwrap();
        fs::write(near.path().join("mine"), "mine").unwrap();
        symlink("mine", near.path().join("file")).unwrap();
        let output = scp(&[&server], &[form]).arg(there(&far.path().join("file"))).arg(near.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{form}: {}", text(&output.stderr));
        assert_eq!(fs::read(near.path().join("mine")).unwrap(), b"mine");
    }
}

#[test]
fn progress_is_for_terminals() {
    let Some(server) = server() else { return };
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(near.path().join("some file"), noise(1 << 20)).unwrap();
    for form in FORMS {
        let mut command = scp(&[&server], &[form]);
        command.arg(near.path().join("some file")).arg(there(far.path()));
        let mut typist = Typist::start_on("xterm", command);
        assert_eq!(typist.ends().code(), Some(0), "{}", typist.all());
        assert!(typist.all().contains("100%"), "{}", typist.all());
        let mut command = scp(&[&server], &["-q", form]);
        command.arg(near.path().join("some file")).arg(there(far.path()));
        let mut typist = Typist::start_on("xterm", command);
        assert_eq!((typist.ends().code(), typist.all()), (Some(0), String::new()));
    }
}

#[test]
fn what_cannot_be_is_said() {
    let Some(server) = server() else { return };
    let near = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| scp(&[&server], &[]).args(words).output().unwrap();
    failed_with(&run(&["a", "b"]), 1, &["cp"]);
    failed_with(&run(&["a"]), 1, &["--help"]);
    failed_with(&run(&["127.0.0.1:/none", near.path().to_str().unwrap()]), 1, &["/none", "no such file"]);
    failed_with(&run(&["-O", "127.0.0.1:/none", near.path().to_str().unwrap()]), 1, &["/none", "No such file"]);
    let stranger = format!("UserKnownHostsFile={}", near.path().join("none").display());
    let output = scp(&[&server], &["-o", &stranger]).args(["127.0.0.1:/none", "x"]).output().unwrap();
    failed_with(&output, 1, &["host key"]);
}
