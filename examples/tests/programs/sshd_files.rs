//! Files served by our `sshd` to the clients that people have: OpenSSH's sftp and scp, PuTTY's psftp, lftp, curl and
//! asyncssh; and what a confined or a read-only server does not do.

use crate::support::{OurSshd, noise, text};
use sanssh_tests::asyncssh;
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::ssh_command;
use sanssh_tests::peers;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

/// For clients of other libraries, which have no hybrid key exchange yet.
const CLASSICAL: &str = "-oKexAlgorithms=+curve25519-sha256";
/// For libssh2, which has no MAC over the encrypted packet before 1.11.
const PLAIN_MAC: &str = "-oMACs=+hmac-sha2-256";
const PASSWORD: &str = "two words";

/// A server confined to a directory of its own, with options besides.
struct Confined {
    server: OurSshd,
    root: tempfile::TempDir,
}

impl Confined {
    fn start(programs: &[&str], options: &[&str]) -> Option<Self> {
        peers::require(programs).then(|| {
            let root = tempfile::tempdir().unwrap();
            let confine = format!("-oSftpRoot={}", root.path().display());
            let server = OurSshd::start(&[&[&confine[..]], options].concat());
            Self { server, root }
        })
    }

    /// With a password besides the keys.
    fn with_password(programs: &[&str]) -> Option<Self> {
        peers::require(programs).then(|| {
            let root = tempfile::tempdir().unwrap();
            let passwords = root.path().with_extension("passwords");
            fs::write(&passwords, format!("{}:{PASSWORD}\n", user())).unwrap();
            fs::set_permissions(&passwords, Permissions::from_mode(0o600)).unwrap();
            let confine = format!("-oSftpRoot={}", root.path().display());
            let passwords = format!("-oPasswordFile={}", passwords.display());
            let server = OurSshd::start(&[&confine, CLASSICAL, PLAIN_MAC, &passwords]);
            Self { server, root }
        })
    }

    /// A command of OpenSSH's with a shared key and what it must know of the server.
    fn command(&self, program: &str) -> Command {
        command(&self.server, program)
    }
}

fn command(server: &OurSshd, program: &str) -> Command {
    options(server, Command::new(peers::path(program)))
}

fn options(server: &OurSshd, mut command: Command) -> Command {
    command.args(["-q", "-F", "/dev/null", "-P", &server.port.to_string()]);
    command.args(["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]);
    command.arg("-i").arg(Keys::shared().client(Kind::Ed25519));
    command.arg("-o").arg(format!("UserKnownHostsFile={}", server.known_hosts().display()));
    command
}

/// Runs commands of sftp, in a directory of this machine; a `-` in front lets one fail.
fn sftp(server: &OurSshd, here: &Path, lines: &str) -> Output {
    let batch = tempfile::NamedTempFile::new().unwrap();
    fs::write(batch.path(), lines).unwrap();
    command(server, "sftp").current_dir(here).arg("-b").arg(batch.path()).arg("127.0.0.1").output().unwrap()
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}: {out}{err}", output.status);
    out
}

fn user() -> String {
    sanssh_examples::user::current().unwrap().name
}

#[test]
fn openssh_does_all_it_can() {
    let Some(confined) = Confined::start(&["sftp", "ssh-keygen"], &[]) else { return };
    let (here, root) = (tempfile::tempdir().unwrap(), confined.root.path());
    let body = noise(5_000_001);
    fs::write(here.path().join("a file"), &body).unwrap();
    fs::write(here.path().join("\u{fc}"), "x").unwrap();
    let run = |lines: &str| succeeds(&sftp(&confined.server, here.path(), lines));
    assert!(run("pwd").contains("Remote working directory: /\n"));
    run(
        "mkdir dir\nput \"a file\" dir\nput -p \u{fc} dir\nrename \"dir/a file\" dir/big\nchmod 640 dir/big\nln -s big dir/soft\nln dir/big dir/hard",
    );
    assert_eq!(fs::read(root.join("dir/hard")).unwrap(), body);
    assert_eq!(fs::metadata(root.join("dir/big")).unwrap().mode() & 0o777, 0o640);
    assert_eq!(fs::read_link(root.join("dir/soft")).unwrap(), Path::new("big"));
    let listed = run("ls -l dir\nls -n dir\nls -la");
    for part in ["-rw-r-----", "lrwxrwxrwx", "5000001", "dir/\u{fc}"] {
        assert!(listed.contains(part), "no {part} in {listed}");
    }
    assert!(run("df\ndf -h dir").contains('%'));
    run("get dir/soft back\ncp dir/big dir/copy\nreget dir/copy copied\nput back dir/put");
    for name in ["back", "copied"] {
        assert_eq!(fs::read(here.path().join(name)).unwrap(), body, "{name}");
    }
    assert_eq!(fs::read(root.join("dir/put")).unwrap(), body);
    run("rm dir/*\nrmdir dir");
    assert_eq!(fs::read_dir(root).unwrap().count(), 0);
    for (line, words) in [
        ("get none", "not found"),
        ("mkdir a/b", "No such file or directory"),
        ("rm none", "No such file or directory"),
    ] {
        let failed = sftp(&confined.server, here.path(), line);
        let err = text(&failed.stderr);
        assert!(!failed.status.success() && err.contains(words), "{line}: {err}");
    }
}

#[test]
fn our_sftp_does_all_it_can() {
    let Some(confined) = Confined::start(&["ssh-keygen"], &[]) else { return };
    let (here, root) = (tempfile::tempdir().unwrap(), confined.root.path());
    let body = noise(20_000_001);
    fs::write(here.path().join("big"), &body).unwrap();
    let run = |lines: &str| {
        let batch = here.path().join("batch");
        fs::write(&batch, lines).unwrap();
        let mut sftp = options(&confined.server, Command::new(env!("CARGO_BIN_EXE_sftp")));
        succeeds(&sftp.current_dir(here.path()).arg("-b").arg(batch).arg("127.0.0.1").output().unwrap())
    };
    run("put big\nget big back\nrename big moved\nchmod 600 moved\nln -s moved soft\ncp moved copy");
    assert_eq!(fs::read(root.join("copy")).unwrap(), body);
    assert_eq!(fs::metadata(root.join("moved")).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::read_link(root.join("soft")).unwrap(), Path::new("moved"));
    assert!(run("ls -l\ndf").contains("20000001"));
    assert_eq!(fs::read(here.path().join("back")).unwrap(), body);
}

#[test]
fn trees_go_there_and_back() {
    let Some(confined) = Confined::start(&["sftp", "scp", "ssh-keygen"], &[]) else { return };
    let here = tempfile::tempdir().unwrap();
    fs::create_dir_all(here.path().join("tree/a/b/c")).unwrap();
    for (name, size) in [("tree/a/one", 0), ("tree/a/b/two", 40_000), ("tree/a/b/c/three", 700_000)] {
        fs::write(here.path().join(name), noise(size)).unwrap();
    }
    succeeds(&sftp(&confined.server, here.path(), "put -r tree\nget -r tree back"));
    let scp = |protocol: &str, from: &str, to: &str| {
        succeeds(&confined.command("scp").current_dir(here.path()).args([protocol, "-rp", from, to]).output().unwrap());
    };
    scp("-s", "tree", "127.0.0.1:scp");
    scp("-s", "127.0.0.1:scp", "again");
    scp("-O", "tree", "127.0.0.1:/old");
    scp("-O", "127.0.0.1:/old", "once");
    let same = |one: &Path, other: &Path| {
        let compared = Command::new("diff").arg("-r").args([one, other]).output().unwrap();
        assert!(compared.status.success(), "{}", text(&compared.stdout));
    };
    let (here, there) = (here.path(), confined.root.path());
    for other in ["back", "again", "once"].map(|name| here.join(name)) {
        same(&here.join("tree"), &other);
    }
    for other in ["scp", "old"].map(|name| there.join(name)) {
        same(&here.join("tree"), &other);
    }
}

#[test]
fn ten_thousand_names_in_one_directory() {
    let Some(confined) = Confined::start(&["sftp", "ssh-keygen"], &[]) else { return };
    for n in 0..10_000 {
        fs::write(confined.root.path().join(format!("a name with a number in it: {n:05}")), "").unwrap();
    }
    let listed = succeeds(&sftp(&confined.server, confined.root.path(), "ls -1"));
    let names: Vec<_> = listed.lines().filter(|line| line.starts_with("a name")).collect();
    assert_eq!(
        (names.len(), names.first(), names.last()),
        (10_000, Some(&"a name with a number in it: 00000"), Some(&"a name with a number in it: 09999"))
    );
}

#[test]
fn nobody_leaves_the_root() {
    let Some(confined) = Confined::start(&["sftp", "scp", "ssh", "ssh-keygen"], &[]) else { return };
    let here = tempfile::tempdir().unwrap();
    let root = confined.root.path();
    symlink("/etc/passwd", root.join("absolute")).unwrap();
    symlink("../../../../../../etc/passwd", root.join("relative")).unwrap();
    fs::write(here.path().join("file"), "new").unwrap();
    for line in [
        "get /etc/passwd",
        "get ../../../../etc/passwd",
        "get absolute",
        "get relative",
        "ls /etc",
        "put file ../../../../tmp/sanssh-must-not-be",
        "put file /tmp/sanssh-must-not-be",
        "cd /tmp",
        "ln file /tmp/x",
        &format!("get {}/absolute", root.display()),
    ] {
        let tried = sftp(&confined.server, here.path(), line);
        assert!(!tried.status.success(), "{line}: {}", text(&tried.stdout));
    }
    assert!(!Path::new("/tmp/sanssh-must-not-be").exists() && !here.path().join("passwd").exists());
    for (protocol, from, to) in [
        ("-O", "127.0.0.1:/etc/passwd", "got"),
        ("-O", "127.0.0.1:absolute", "got"),
        ("-s", "127.0.0.1:relative", "got"),
        ("-O", "file", "127.0.0.1:/tmp/sanssh-must-not-be"),
        ("-O", "file", "127.0.0.1:../../tmp/sanssh-must-not-be"),
    ] {
        let tried = confined.command("scp").current_dir(here.path()).args([protocol, from, to]).output().unwrap();
        assert!(!tried.status.success() && !here.path().join("got").exists(), "{protocol} {from} {to}");
    }
    assert!(!Path::new("/tmp/sanssh-must-not-be").exists());
    for wanted in [&["id"][..], &["/bin/sh"], &[], &["scp -t x; id"], &["scp -S id -t x"]] {
        let key = Keys::shared().client(Kind::Ed25519);
        let mut ssh = ssh_command(confined.server.port, &key, &confined.server.known_hosts(), &["-T"]);
        let refused = ssh.args(wanted).output().unwrap();
        assert_eq!((refused.status.code(), &refused.stdout[..]), (Some(1), &b""[..]));
        assert!(text(&refused.stderr).contains("files alone"), "{}", text(&refused.stderr));
    }
}

#[test]
fn a_read_only_server_changes_nothing() {
    let Some(confined) = Confined::start(&["sftp", "scp", "ssh-keygen"], &["-oSftpReadOnly=yes"]) else { return };
    let root = confined.root.path();
    fs::write(root.join("file"), "content").unwrap();
    for line in [
        "put file new",
        "put file file",
        "rm file",
        "mkdir new",
        "chmod 777 file",
        "rename file new",
        "ln file new",
        "ln -s file new",
        "cp file new",
    ] {
        let tried = sftp(&confined.server, root, line);
        let err = text(&tried.stderr);
        assert!(!tried.status.success() && err.to_lowercase().contains("permission denied"), "{line}: {err}");
    }
    let tried = confined.command("scp").current_dir(root).args(["-O", "file", "127.0.0.1:new"]).output().unwrap();
    assert!(!tried.status.success() && text(&tried.stderr).contains("Read-only"), "{}", text(&tried.stderr));
    assert!(succeeds(&sftp(&confined.server, root, "ls -l\nget file /dev/null")).contains("file"));
    assert_eq!(fs::read_dir(root).unwrap().count(), 1);
    assert_eq!(fs::read(root.join("file")).unwrap(), b"content");
}

/// Not only what asks politely for a shell is made to run the command of its key.
#[test]
fn the_command_of_a_key_is_not_circumvented() {
    if !peers::require(&["sftp", "ssh", "ssh-keygen"]) {
        return;
    }
    let key = public(&Keys::shared().client(Kind::Ed25519));
    let server = OurSshd::with(&[], &format!("restrict,command=\"echo forced: $SSH_ORIGINAL_COMMAND\" {key}\n"));
    let ssh = |server: &OurSshd, options: &[&str], what: &str| {
        let key = Keys::shared().client(Kind::Ed25519);
        ssh_command(server.port, &key, &server.known_hosts(), options).arg(what).output().unwrap()
    };
    assert_eq!(succeeds(&ssh(&server, &["-s"], "sftp")), "forced: sftp\n");
    assert_eq!(succeeds(&ssh(&server, &[], "internal-sftp")), "forced: internal-sftp\n");
    let here = tempfile::tempdir().unwrap();
    assert!(!sftp(&server, here.path(), "ls").status.success());
    // The command may be the server of files itself, for whatever is asked.
    let start = here.path().display();
    let server = OurSshd::with(&[], &format!("restrict,command=\"internal-sftp -R -d {start}\" {key}\n"));
    fs::write(here.path().join("file"), "content").unwrap();
    assert!(succeeds(&sftp(&server, here.path(), "pwd\nget file copy")).contains(&start.to_string()));
    assert!(!sftp(&server, here.path(), "put file new").status.success() && !here.path().join("new").exists());
    let greeted = ssh(&server, &["-T"], "rm -rf file");
    assert_eq!((succeeds(&greeted).as_str(), here.path().join("file").exists()), ("", true));
    // Subsystems are those that there are.
    let server = OurSshd::start(&["-oSubsystem=hello echo hi", "-oSubsystem=hello echo no"]);
    assert_eq!(succeeds(&ssh(&server, &["-s"], "hello")), "hi\n");
    assert!(!ssh(&server, &["-s"], "sftp").status.success());
}

/// The whole system is served as to a login: from the home, and with devices, of which one is always full.
#[test]
fn a_full_disk_and_a_closed_door_are_told() {
    if !peers::require(&["sftp", "ssh-keygen"]) {
        return;
    }
    let server = OurSshd::start(&[]);
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("file"), noise(100_000)).unwrap();
    let home = fs::canonicalize(sanssh_examples::user::current().unwrap().home).unwrap();
    assert!(succeeds(&sftp(&server, here.path(), "pwd")).contains(&home.display().to_string()));
    let full = sftp(&server, here.path(), "put file /dev/full");
    assert!(!full.status.success() && text(&full.stderr).contains("/dev/full"), "{}", text(&full.stderr));
    let door = here.path().join("door");
    fs::create_dir(&door).unwrap();
    if rustix::process::geteuid().is_root() {
        // Nothing is closed to root but what others could have laid as a trap.
        fs::set_permissions(&door, Permissions::from_mode(0o1777)).unwrap();
        symlink(here.path().join("file"), door.join("file")).unwrap();
        std::os::unix::fs::lchown(door.join("file"), Some(12_345), None).unwrap();
    } else {
        fs::write(door.join("file"), "").unwrap();
        fs::set_permissions(&door, Permissions::from_mode(0o000)).unwrap();
    }
    let closed = sftp(&server, here.path(), &format!("get {}/file {}/got", door.display(), here.path().display()));
    assert!(!closed.status.success() && text(&closed.stderr).contains("ermission denied"), "{}", text(&closed.stderr));
    fs::set_permissions(&door, Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn asyncssh_does_all_it_can() {
    let Some(confined) = Confined::start(&[peers::ASYNCSSH, "ssh-keygen"], &[CLASSICAL]) else { return };
    let key = Keys::shared().client(Kind::Ed25519);
    let known_hosts = confined.server.known_hosts();
    let mut client = asyncssh::sftp_command(confined.server.port, &user(), &key, &known_hosts);
    assert_eq!(succeeds(&client.output().unwrap()), "all went well\n");
}

#[test]
fn psftp_lists_gets_and_puts() {
    let Some(confined) = Confined::with_password(&["psftp", "ssh-keygen"]) else { return };
    let here = tempfile::tempdir().unwrap();
    let body = noise(3_000_000);
    fs::write(here.path().join("file"), &body).unwrap();
    let batch = here.path().join("batch");
    fs::write(&batch, "mkdir d\nput file d/file\nmv d/file d/moved\nchmod 600 d/moved\nls d\nget d/moved back\ndel d/moved\nrmdir d\n").unwrap();
    let print = run_keygen(&Keys::shared().host(Kind::Ed25519));
    let mut psftp = Command::new(peers::path("psftp"));
    psftp.current_dir(here.path()).env("HOME", here.path()).args(["-batch", "-pw", PASSWORD, "-hostkey", &print]);
    psftp.args(["-P", &confined.server.port.to_string(), "-b"]).arg(batch).arg(format!("{}@127.0.0.1", user()));
    let listed = succeeds(&psftp.output().unwrap());
    assert!(listed.contains("-rw-------") && listed.contains("3000000"), "{listed}");
    assert_eq!(fs::read(here.path().join("back")).unwrap(), body);
    assert_eq!(fs::read_dir(confined.root.path()).unwrap().count(), 0);
}

/// The fingerprint of a key.
fn run_keygen(key: &Path) -> String {
    let shown = sanssh_tests::process::run(Command::new(peers::path("ssh-keygen")).arg("-lf").arg(key));
    shown.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn lftp_mirrors_there_and_back() {
    let Some(confined) = Confined::start(&["lftp", "ssh", "ssh-keygen"], &[]) else { return };
    let here = tempfile::tempdir().unwrap();
    fs::create_dir_all(here.path().join("tree/sub")).unwrap();
    for n in 0..50 {
        fs::write(here.path().join(format!("tree/sub/file {n}")), noise(10_000 * n)).unwrap();
    }
    let key = Keys::shared().client(Kind::Ed25519);
    let program = format!(
        "ssh -a -x -F /dev/null -i {} -o BatchMode=yes -o UserKnownHostsFile={}",
        key.display(),
        confined.server.known_hosts().display()
    );
    let commands = format!(
        "set sftp:connect-program '{program}'; set cmd:fail-exit yes; set net:max-retries 2; \
         open -u {},none sftp://127.0.0.1:{}; mirror -R -P 4 tree there; mirror -P 4 there back; ls there/sub; \
         rm -r there; bye",
        user(),
        confined.server.port
    );
    let mut lftp = Command::new(peers::path("lftp"));
    lftp.current_dir(here.path()).env("HOME", here.path()).args(["--norc", "-c", &commands]);
    let listed = succeeds(&lftp.output().unwrap());
    assert!(listed.contains("file 49") && listed.contains("490000"), "{listed}");
    succeeds(&Command::new("diff").current_dir(here.path()).args(["-r", "tree", "back"]).output().unwrap());
    assert_eq!(fs::read_dir(confined.root.path()).unwrap().count(), 0);
}

#[test]
fn curl_gets_puts_and_lists() {
    let Some(confined) = Confined::with_password(&["curl", "ssh-keygen"]) else { return };
    let here = tempfile::tempdir().unwrap();
    let body = noise(3_000_000);
    fs::write(here.path().join("file"), &body).unwrap();
    let base = format!("sftp://127.0.0.1:{}", confined.server.port);
    let curl = |arguments: &[&str]| {
        let mut curl = Command::new(peers::path("curl"));
        curl.current_dir(here.path()).args(["-q", "-sS", "--insecure", "-u", &format!("{}:{PASSWORD}", user())]);
        succeeds(&curl.args(arguments).output().unwrap())
    };
    curl(&["--ftp-create-dirs", "-T", "file", &format!("{base}/new/dir/put")]);
    assert_eq!(fs::read(confined.root.path().join("new/dir/put")).unwrap(), body);
    curl(&["-o", "back", &format!("{base}/new/dir/put")]);
    curl(&["-o", "part", "-r", "1000-1999", &format!("{base}/new/dir/put")]);
    assert_eq!(fs::read(here.path().join("back")).unwrap(), body);
    assert_eq!(fs::read(here.path().join("part")).unwrap(), &body[1000..2000]);
    assert!(curl(&[&format!("{base}/new/dir/")]).contains("3000000"));
    curl(&["-Q", "rename /new/dir/put /new/moved", "-Q", "rmdir /new/dir", "-l", &format!("{base}/new/")]);
    assert_eq!(fs::read(confined.root.path().join("new/moved")).unwrap(), body);
}
