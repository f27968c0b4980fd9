//! `sftp` against OpenSSH's server and ours: in batches, whose output is compared with that of OpenSSH's sftp, and on a
//! terminal. Files are made anew for each test, and their names are as odd as names may be.

use crate::support::{OurSshd, Typist, alone, ended, failed, fed, holds, noise, text};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::peers;
use sanssh_tests::process::DEADLINE;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Instant;
use tempfile::TempDir;

/// A server of either kind.
enum Server {
    OpenSsh(Sshd),
    Ours(OurSshd),
}

impl Server {
    /// OpenSSH's, unless the machine has none.
    fn openssh() -> Option<Self> {
        peers::require(&["sshd", "ssh-keygen"]).then(|| Self::OpenSsh(Sshd::start(&[])))
    }

    /// As many as there are.
    fn both() -> impl Iterator<Item = Self> {
        Self::openssh().into_iter().chain([Self::Ours(OurSshd::start(&[]))])
    }

    fn port(&self) -> u16 {
        match self {
            Self::OpenSsh(server) => server.port(),
            Self::Ours(server) => server.port,
        }
    }

    /// A client's command, up to where it goes.
    fn aimed(&self, program: &Path, options: &[&str]) -> Command {
        let known_hosts = match self {
            Self::OpenSsh(server) => server.known_hosts(),
            Self::Ours(server) => server.known_hosts(),
        };
        let mut sftp = alone(program, &Keys::shared().client(Kind::Ed25519), &known_hosts, options);
        sftp.args(["-P", &self.port().to_string()]).env("TZ", "UTC");
        sftp
    }

    /// Our client to this place.
    fn client(&self, options: &[&str], place: &str) -> Command {
        let mut sftp = self.aimed(Path::new(env!("CARGO_BIN_EXE_sftp")), options);
        sftp.arg(place);
        sftp
    }

    /// Runs lines as a batch, here and there in these directories.
    fn batch(&self, files: &Files, options: &[&str], lines: &str) -> Output {
        let options = [options, &["-b", "-"]].concat();
        let mut sftp = self.client(&options, &format!("127.0.0.1:{}", files.there.display()));
        fed(sftp.current_dir(&files.here), lines.as_bytes())
    }
}

/// Two directories.
struct Files {
    _all: TempDir,
    here: PathBuf,
    there: PathBuf,
}

/// Names that have to be quoted, or escaped to be shown.
const ODD: [&str; 7] = ["a b", "it's", "say \"x\"", "st*r", "q[1]", "back\\slash", "#1"];

impl Files {
    fn new() -> Self {
        let all = tempfile::tempdir().unwrap();
        let root = all.path().canonicalize().unwrap();
        let (here, there) = (root.join("here"), root.join("there"));
        fs::create_dir(&here).unwrap();
        fs::create_dir(&there).unwrap();
        Self { _all: all, here, there }
    }

    /// With a few files there.
    fn filled() -> Self {
        let files = Self::new();
        for name in ["alpha", "beta", ".hidden", "sub/one", "sub/two", "sub/deep/three"] {
            let file = files.there.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, name.repeat(10)).unwrap();
        }
        symlink("alpha", files.there.join("link")).unwrap();
        files
    }
}

#[track_caller]
fn says(output: &Output, lines: &[&str]) {
    let expected: String = lines.iter().map(|line| format!("{line}\n")).collect();
    ended(output, 0, &expected, "");
}

/// Fails with this status and one line of error with these parts.
#[track_caller]
fn fails(output: &Output, status: i32, parts: &[&str]) {
    let line = text(&output.stderr);
    assert_eq!((output.status.code(), line.lines().count()), (Some(status), 1), "{line}");
    for part in parts {
        assert!(line.contains(part), "no {part:?} in {line}");
    }
}

/// What a tree holds: paths, and contents of files.
fn tree(root: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    let mut left = vec![root.to_path_buf()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let is_directory = path.symlink_metadata().unwrap().is_dir();
            let inside = path.strip_prefix(root).unwrap().to_path_buf();
            found.push((inside, (!is_directory).then(|| fs::read(&path).unwrap())));
            if is_directory {
                left.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn listings_are_those_of_openssh() {
    let Some(server) = Server::openssh() else { return };
    if !peers::require(&["sftp"]) {
        return;
    }
    let files = Files::filled();
    let lines = [
        "pwd",
        "ls",
        "ls -1",
        "ls -a",
        "ls -1ar",
        "ls -l",
        "ls -lh",
        "ls -la",
        "ls -1 sub",
        "ls -l sub",
        "ls -1S",
        "ls -1 s*",
        "ls -l alpha",
        "ls -l a*",
        "ls -1 link",
        "cd sub",
        "pwd",
        "ls -1",
        "ls -1 ../sub/deep",
        "cd ..",
        "@ls -1",
        "ls -1 */t*",
        "ls -f1 sub/deep",
        "cd",
        "lpwd",
    ]
    .join("\n");
    let ours = server.batch(&files, &[], &lines);
    let mut theirs = server.aimed(&peers::path("sftp"), &["-F", "none", "-b", "-"]);
    theirs.arg(format!("127.0.0.1:{}", files.there.display())).current_dir(&files.here);
    let theirs = fed(&mut theirs, lines.as_bytes());
    // Columns end in blanks there.
    let trimmed = |output: &Output| text(&output.stdout).lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!((trimmed(&ours), ours.status.code()), (trimmed(&theirs), Some(0)), "{}", text(&ours.stderr));
    assert_eq!(text(&ours.stderr), "");
}

#[test]
fn every_command_does_what_it_says() {
    for server in Server::both() {
        let files = Files::filled();
        let (here, there) = (&files.here, &files.there);
        let run = |lines: &str| server.batch(&files, &[], lines);
        says(&run("@mkdir made\n@rename beta made/beta\n@ln -s alpha soft\n@ln alpha hard\n@symlink x y\n"), &[]);
        assert_eq!(fs::read(there.join("made/beta")).unwrap(), "beta".repeat(10).as_bytes());
        assert_eq!(fs::read_link(there.join("soft")).unwrap(), Path::new("alpha"));
        assert_eq!(fs::metadata(there.join("hard")).unwrap().nlink(), 2);
        assert_eq!(fs::read_link(there.join("y")).unwrap(), Path::new("x"));
        let owner = fs::metadata(there.join("alpha")).unwrap();
        let lines = format!(
            "@chmod 0600 alpha\n@chmod 711 sub/*\n@chown {} alpha\n@chgrp {} alpha\n@chmod 640 hard\n",
            owner.uid(),
            owner.gid()
        );
        says(&run(&lines), &[]);
        assert_eq!(fs::metadata(there.join("alpha")).unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(fs::metadata(there.join("sub/two")).unwrap().permissions().mode() & 0o7777, 0o711);
        says(&run("@rm made/beta\n@rmdir made\n@rm sub/t*\n@copy alpha copied\n@cp alpha 'copied too'\n"), &[]);
        assert!(!there.join("made").exists() && !there.join("sub/two").exists());
        assert_eq!(fs::read(there.join("copied too")).unwrap(), fs::read(there.join("alpha")).unwrap());
        says(
            &run("@lmkdir dir\n@lcd dir\n@lpwd\n@lumask 027\n@get ../there/alpha\n@!echo \"a  b\"\n@lls\n"),
            &[&format!("Local working directory: {}", here.join("dir").display()), "Local umask: 027", "a  b", "alpha"],
        );
        assert_eq!(fs::metadata(here.join("dir/alpha")).unwrap().permissions().mode() & 0o777, 0o640);
        let said = text(&run("@version\n@progress\n@df\n@df -hi\n@help get\n@bye\nfrob\n").stdout);
        for part in ["SFTP protocol version 3\n", "Progress meter", "Avail", "Inodes", "[-afpR]"] {
            assert!(said.contains(part), "no {part:?} in {said}");
        }
    }
}

#[test]
fn files_go_both_ways() {
    for server in Server::both() {
        let files = Files::new();
        let (here, there) = (&files.here, &files.there);
        let (large, small) = (noise(5_000_001), noise(1));
        fs::write(here.join("large"), &large).unwrap();
        fs::write(here.join("small"), &small).unwrap();
        fs::write(here.join("empty"), b"").unwrap();
        says(
            &server.batch(&files, &[], "@put large\n@put small renamed\n@mkdir d\n@put * d\n@put -p small d/kept\n"),
            &[],
        );
        assert!(fs::read(there.join("large")).unwrap() == large && fs::read(there.join("d/large")).unwrap() == large);
        assert_eq!(fs::read(there.join("renamed")).unwrap(), small);
        assert_eq!(fs::read(there.join("d/empty")).unwrap(), b"");
        let times = |path: PathBuf| fs::metadata(path).unwrap().mtime();
        assert_eq!(times(there.join("d/kept")), times(here.join("small")));
        says(
            &server.batch(&files, &["-B", "1000", "-R", "3"], "@lmkdir back\n@get d/* back\n@mget -p large back/l\n"),
            &[],
        );
        assert!(fs::read(here.join("back/large")).unwrap() == large && fs::read(here.join("back/l")).unwrap() == large);
        assert_eq!(tree(&there.join("d")).len() + 1, tree(&here.join("back")).len());
        fails(&server.batch(&files, &[], "@get d/* new\n"), 1, &["new", "only into a directory"]);
        fails(&server.batch(&files, &[], "@get d\n"), 1, &["d:", "-R"]);
        fails(&server.batch(&files, &[], "@put none\n"), 1, &["none"]);
    }
}

#[test]
fn what_is_there_in_part_is_resumed() {
    for server in Server::both() {
        let files = Files::new();
        let whole = noise(300_000);
        for lines in ["@reget f\n@reput f g\n", "@get -a f\n@put -a f g\n"] {
            fs::write(files.there.join("f"), &whole).unwrap();
            // What is there is taken as it is: a different byte shows that it was.
            let mut part = whole[..100_000].to_vec();
            part[5] ^= 1;
            fs::write(files.here.join("f"), &part).unwrap();
            fs::write(files.there.join("g"), &part[..10]).unwrap();
            says(&server.batch(&files, &[], lines), &[]);
            let (fetched, sent) = (fs::read(files.here.join("f")).unwrap(), fs::read(files.there.join("g")).unwrap());
            assert!(fetched[..100_000] == part && fetched[100_000..] == whole[100_000..] && sent == fetched);
        }
    }
}

#[test]
fn trees_go_both_ways() {
    for server in Server::both() {
        let files = Files::filled();
        fs::remove_file(files.there.join("link")).unwrap();
        says(&server.batch(&files, &[], "@get -R sub\n@get -R sub copy\n@put -R copy\n@put -R sub new\n"), &[]);
        let original = tree(&files.there.join("sub"));
        for copied in
            [files.here.join("sub"), files.here.join("copy"), files.there.join("copy"), files.there.join("new")]
        {
            assert_eq!(tree(&copied), original, "{}", copied.display());
        }
        says(&server.batch(&files, &["-rp"], "@get . all\n"), &[]);
        assert_eq!(tree(&files.here.join("all")), tree(&files.there));
        // The one that does not go is named, and the others go.
        fs::create_dir_all(files.there.join("into/copy/one")).unwrap();
        fails(&server.batch(&files, &[], "@put -R copy into\n"), 1, &["into/copy/one: "]);
        assert!(files.there.join("into/copy/deep/three").is_file() && files.there.join("into/copy/two").is_file());
    }
}

#[test]
fn whatever_of_a_tree_does_not_go_is_told() {
    for server in Server::both() {
        let files = Files::filled();
        symlink("alpha", files.there.join("sub/link")).unwrap();
        mknodat(CWD, files.there.join("sub/deep/fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let lines = |output: &Output| {
            let mut lines: Vec<_> = text(&output.stderr).lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        let sub = files.there.join("sub").display().to_string();
        let left_out = |sub: &str| {
            let fifo = format!("sftp: {sub}/deep/fifo: not a regular file; left out");
            [fifo, format!("sftp: {sub}/link: a symbolic link; left out")]
        };
        // That is no failure.
        let output = server.batch(&files, &[], "@get -R sub\n@ls sub/one\n");
        assert_eq!((output.status.code(), lines(&output)), (Some(0), left_out(&sub).to_vec()));
        symlink("one", files.here.join("sub/link")).unwrap();
        mknodat(CWD, files.here.join("sub/deep/fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let output = server.batch(&files, &[], "@put -R sub new\n");
        assert_eq!((output.status.code(), lines(&output)), (Some(0), left_out("sub").to_vec()));
        // These are.
        for name in ["one", "deep/three"] {
            fs::remove_file(files.here.join("sub").join(name)).unwrap();
            fs::create_dir(files.here.join("sub").join(name)).unwrap();
        }
        fs::remove_file(files.here.join("sub/link")).unwrap();
        fs::remove_file(files.here.join("sub/deep/fifo")).unwrap();
        let output = server.batch(&files, &[], "@get -R sub\n@ls sub/two\n");
        let said = lines(&output);
        assert_eq!((output.status.code(), said.len(), text(&output.stdout).as_str()), (Some(1), 4, ""), "{said:?}");
        assert!(said[0].starts_with("sftp: sub/deep/three: ") || said[0].contains("/deep/fifo: "), "{said:?}");
        for name in ["sub/deep/three: ", "sub/one: ", "/fifo: not a regular", "/link: a symbolic"] {
            assert!(said.iter().any(|line| line.contains(name)), "{name} in {said:?}");
        }
        fails(&server.batch(&files, &[], "get sub/deep/fifo\n"), 1, &["sub/deep/fifo: not a regular file"]);
    }
}

#[test]
fn odd_names_are_quoted_and_shown() {
    for server in Server::both() {
        let files = Files::new();
        for name in ODD {
            fs::write(files.there.join(name), name).unwrap();
        }
        fs::write(files.there.join("evil\x1b[2J\n"), "evil").unwrap();
        let lines = "@get \"a b\"\n@get it\\'s\n@get 'say \"x\"'\n@get st\\*r\n@get q\\[1]\n@get back\\\\slash\n@get \\#1\n@ls -1 evil*\n";
        says(&server.batch(&files, &[], lines), &["evil\\u{1b}[2J\\n"]);
        for name in ODD {
            assert_eq!(fs::read(files.here.join(name)).unwrap(), name.as_bytes());
        }
        let listed = server.batch(&files, &[], "ls\nls -l\nls -1\n");
        assert!(!listed.stdout.contains(&0x1b) && listed.status.success());
    }
}

#[test]
fn a_batch_ends_at_the_first_error_but_for_those_it_forgives() {
    let Some(server) = Server::openssh() else { return };
    let files = Files::filled();
    let output = server.batch(&files, &[], "-rm none\n@-rm nothing\n@pwd\nrm missing\nls\n");
    assert_eq!(output.status.code(), Some(1));
    let at = files.there.display();
    assert_eq!(text(&output.stdout), format!("sftp> -rm none\nRemote working directory: {at}\nsftp> rm missing\n"));
    let errors = text(&output.stderr);
    let [first, second, third] = errors.lines().collect::<Vec<_>>()[..] else { panic!("{errors}") };
    assert!(first.contains("none") && second.contains("nothing") && third.contains("missing"), "{errors}");
    for lines in
        ["frob\n", "get \"a\n", "get\n", "chmod 9 alpha\n", "lcd none\n", "cd alpha\n", "ls -z\n", "mkdir sub\n"]
    {
        let output = server.batch(&files, &[], &format!("{lines}pwd\n"));
        fails(&output, 1, &[]);
        assert!(!text(&output.stdout).contains("Remote"), "{lines}");
    }
    // Without -b every line is tried.
    let mut piped = server.client(&[], "127.0.0.1");
    let output = fed(&mut piped, b"frob\n@!echo still here\n");
    assert!(output.status.success() && text(&output.stdout).contains("still here"), "{}", text(&output.stderr));
}

#[test]
fn places_name_directories_and_files() {
    let Some(server) = Server::openssh() else { return };
    let files = Files::filled();
    let there = files.there.display();
    let run = |options: &[&str], words: &[&str]| {
        let mut sftp = server.client(options, words[0]);
        fed(sftp.args(&words[1..]).current_dir(&files.here), b"@pwd\n")
    };
    ended(&run(&["-q"], &[&format!("127.0.0.1:{there}/alpha")]), 0, "", "");
    ended(&run(&["-q"], &[&format!("127.0.0.1:{there}/alpha"), "named"]), 0, "", "");
    ended(&run(&["-q"], &[&format!("sftp://127.0.0.1:{}/{there}/beta", server.port())]), 0, "", "");
    ended(&run(&["-qr"], &[&format!("127.0.0.1:{there}/sub"), "."]), 0, "", "");
    let named = |name: &str| fs::read(files.here.join(name)).unwrap();
    assert!(named("alpha") == named("named") && named("beta") == "beta".repeat(10).as_bytes());
    assert_eq!(tree(&files.here.join("sub")), tree(&files.there.join("sub")));
    let changed = run(&["-q", "-b", "-"], &[&format!("127.0.0.1:{there}/sub")]);
    ended(&changed, 0, &format!("Remote working directory: {there}/sub\n"), "");
    fails(&run(&["-q"], &[&format!("127.0.0.1:{there}/none")]), 1, &["none"]);
}

#[test]
fn subsystems_have_names_and_paths() {
    let Some(server) = Server::openssh().filter(|_| peers::require(&["sftp-server"])) else { return };
    let files = Files::filled();
    for subsystem in ["sftp", peers::path("sftp-server").to_str().unwrap()] {
        says(&server.batch(&files, &["-s", subsystem], "@ls -1 sub/deep\n"), &["sub/deep/three"]);
    }
}

#[test]
fn without_a_connection_the_status_is_255() {
    let Some(server) = Server::openssh() else { return };
    failed(&server.client(&["-b", "-", "-s", "nonsense"], "127.0.0.1").output().unwrap(), &["subsystem"]);
    failed(&server.client(&["-b", "/dev/null", "-P", "1"], "127.0.0.1").output().unwrap(), &["port 1"]);
    failed(&server.client(&["-Z"], "127.0.0.1").output().unwrap(), &["-Z"]);
}

#[test]
fn a_transfer_that_is_cut_off_tells_how_much_arrived() {
    let server = OurSshd::start(&[]);
    let files = Files::new();
    fs::File::create(files.there.join("huge")).unwrap().set_len(1 << 40).unwrap();
    let id = Pid::from_raw(server.daemon.id().cast_signed()).unwrap();
    let server = Server::Ours(server);
    let mut sftp = server.client(&["-b", "-", "-l", "80000"], &format!("127.0.0.1:{}", files.there.display()));
    let part = files.here.join("part");
    let output = thread::scope(|scope| {
        scope.spawn(|| {
            let until = Instant::now() + DEADLINE;
            holds(until, || fs::metadata(&part).is_ok_and(|part| part.len() > 100_000));
            kill_process(id, Signal::KILL).unwrap();
        });
        fed(sftp.current_dir(&files.here), b"@get huge part\n@-pwd\n")
    });
    fails(&output, 255, &["huge", "bytes"]);
    assert_eq!(text(&output.stdout), "");
}

#[test]
fn a_server_here_is_talked_to_over_a_pipe() {
    if !peers::require(&["sftp-server"]) {
        return;
    }
    let files = Files::filled();
    let program = peers::path("sftp-server");
    let direct = |lines: &str| {
        let mut sftp = Command::new(env!("CARGO_BIN_EXE_sftp"));
        fed(sftp.arg("-D").arg(&program).args(["-b", "-"]).current_dir(&files.there), lines.as_bytes())
    };
    says(&direct("@ls -1\n@get alpha ../here\n"), &["alpha", "beta", "link", "sub"]);
    assert_eq!(fs::read(files.here.join("alpha")).unwrap(), fs::read(files.there.join("alpha")).unwrap());
    fails(&direct("@get none\n"), 1, &["none"]);
    let mut missing = Command::new(env!("CARGO_BIN_EXE_sftp"));
    failed(&missing.args(["-D", "/none/such"]).output().unwrap(), &["/none/such"]);
    failed(&Command::new(env!("CARGO_BIN_EXE_sftp")).args(["-D", "true"]).output().unwrap(), &[]);
}

#[test]
fn a_person_edits_completes_and_watches() {
    let Some(server) = Server::openssh() else { return };
    let files = Files::filled();
    fs::write(files.there.join("zebra crossing"), noise(3_000_000)).unwrap();
    let mut sftp = server.client(&[], &format!("127.0.0.1:{}", files.there.display()));
    sftp.current_dir(&files.here);
    let mut person = Typist::start_on("xterm", sftp);
    person.sees("sftp> ");
    // A letter too many is taken back.
    person.types("pwx\u{7f}d\r");
    person.sees(&format!("Remote working directory: {}", files.there.display()));
    person.sees("sftp> ");
    person.types("get zeb\t\r");
    person.sees("zebra\\ crossing");
    person.sees("100%");
    person.sees("sftp> ");
    assert_eq!(fs::read(files.here.join("zebra crossing")).unwrap(), noise(3_000_000));
    person.types("lls zeb\t\r");
    person.sees("zebra crossing");
    // The line before the last, from the history.
    person.types("\u{1b}[A\u{1b}[A\u{1b}[A\r");
    person.sees("Remote working directory");
    person.sees("sftp> ");
    person.types("frob\r");
    person.sees("no command \"frob\"");
    person.sees("sftp> ");
    // A line is given up.
    person.types("rm alp\u{3}");
    person.sees("sftp> ");
    person.types("bye\r");
    assert_eq!(person.ends().code(), Some(0), "{}", person.all());
    assert!(files.there.join("alpha").exists());
}

#[test]
fn an_interrupt_ends_the_transfer_and_not_the_program() {
    let Some(server) = Server::openssh() else { return };
    let files = Files::filled();
    fs::File::create(files.there.join("huge")).unwrap().set_len(1 << 40).unwrap();
    let mut sftp = server.client(&["-l", "80000"], &format!("127.0.0.1:{}", files.there.display()));
    sftp.current_dir(&files.here);
    let mut person = Typist::start_on("xterm", sftp);
    person.sees("sftp> ");
    for command in ["get huge\r", "get -R . all\r"] {
        person.types(command);
        person.sees("MiB/s");
        person.types("\u{3}");
        person.sees("had arrived");
        person.sees("sftp> ");
    }
    person.types("get alpha\r");
    person.sees("100%");
    person.sees("sftp> ");
    person.types("\u{4}");
    assert_eq!(person.ends().code(), Some(0), "{}", person.all());
    assert_eq!(fs::read(files.here.join("alpha")).unwrap(), fs::read(files.there.join("alpha")).unwrap());
}
