//! Our `ssh` against OpenSSH's server: as a command in scripts, under git, rsync and scp, and on a terminal.
//! The server is the harness's, on loopback, with keys of its own.

use crate::support::{Typist, ended, failed, fed, git, git_over, line, noise, our_ssh, repository, text, wait};
use core::time::Duration;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};
use sanssh_core::algorithm::Kex;
use sanssh_core::crypto::Provider;
use sanssh_core::crypto::fast::Fast;
use sanssh_examples::modes;
use sanssh_tests::agents::Foreign;
use sanssh_tests::keys::{Keys, Kind, PASSPHRASE, public};
use sanssh_tests::openssh::{EVERY_CIPHER, EVERY_KEX, Sshd, known_hosts_line};
use sanssh_tests::peers;
use sanssh_tests::process::{DEADLINE, run};
use sanssh_tests::signing;
use sanssh_tests::user::PasswordUser;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Instant;

/// A server, unless the machine has none.
fn server(options: &[&str]) -> Option<Sshd> {
    peers::require(&["sshd", "ssh-keygen"]).then(|| Sshd::start(options))
}

/// Our client with a shared key; the command is the next argument.
fn client(server: &Sshd, options: &[&str]) -> Command {
    our_ssh(server.port(), &Keys::shared().client(Kind::Ed25519), &server.known_hosts(), options)
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

#[test]
fn status_and_streams_are_the_commands() {
    let Some(server) = server(&[]) else { return };
    let result = output(client(&server, &[]).arg("echo out; echo err >&2; exit 7"));
    ended(&result, 7, "out\n", "err\n");
    ended(&output(client(&server, &[]).args(["echo", "a  b", "-c"])), 0, "a b -c\n", "");
    ended(&output(client(&server, &["-q"]).arg("kill -KILL $$")), 255, "", "");
    let killed = output(client(&server, &[]).arg("kill -TERM $$"));
    failed(&killed, &["killed by signal TERM"]);
}

#[test]
fn keys_of_an_agent_log_in() {
    let Some(server) = server(&[]) else { return };
    if !peers::require(&["ssh-agent", "ssh-add"]) {
        return;
    }
    let agent = Foreign::start();
    let adds = |file: &Path| run(Command::new(peers::path("ssh-add")).env("SSH_AUTH_SOCK", agent.socket()).arg(file));
    adds(&Keys::shared().client(Kind::Ecdsa));
    let ssh = |identity: &Path, options: &[&str]| {
        let mut ssh = our_ssh(server.port(), identity, &server.known_hosts(), options);
        output(ssh.env("SSH_AUTH_SOCK", agent.socket()).arg("echo in"))
    };
    // The file's key is no good: the agent's is next.
    let stranger = Keys::shared().stranger();
    ended(&ssh(&stranger, &[]), 0, "in\n", "");
    failed(&ssh(&stranger, &["-oIdentitiesOnly=yes"]), &["permission denied"]);
    failed(&ssh(&stranger, &["-oIdentityAgent=none"]), &["permission denied"]);
    // Of a key that the agent holds the public half will do.
    let public = format!("{}.pub", Keys::shared().client(Kind::Ecdsa).display());
    ended(&ssh(Path::new(&public), &["-oIdentitiesOnly=yes"]), 0, "in\n", "");
    let named = format!("-oIdentityAgent={}", agent.socket().display());
    let mut ssh = our_ssh(server.port(), &stranger, &server.known_hosts(), &[&named]);
    ended(&output(ssh.arg("echo in")), 0, "in\n", "");
}

#[test]
fn input_goes_there_and_back() {
    let Some(server) = server(&[]) else { return };
    let input = noise(16 << 20);
    let result = fed(client(&server, &[]).arg("cat"), &input);
    assert!(result.status.success() && result.stdout == input, "{}", text(&result.stderr));
    let result = fed(client(&server, &["-n"]).arg("cat"), b"not read");
    ended(&result, 0, "", "");
    // The command ends without reading all, and that ends the client.
    let result = fed(client(&server, &[]).arg("head -c 5"), &input);
    assert_eq!((result.status.code(), &result.stdout[..]), (Some(0), &input[..5]));
}

#[test]
fn a_reader_that_leaves_ends_it() {
    let Some(server) = server(&[]) else { return };
    let mut child = client(&server, &[]).arg("yes").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 2];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let status = wait(&mut child, Instant::now() + DEADLINE).expect("it ends");
    assert_eq!((status.code(), &first), (Some(255), b"y\n"));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}

#[test]
fn the_server_is_answered_while_nobody_takes_output() {
    let Some(server) = server(&["ClientAliveInterval 1", "ClientAliveCountMax 3"]) else { return };
    let mut ssh = client(&server, &[]);
    let mut child = ssh.arg("head -c 64M /dev/zero").stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0]).unwrap();
    // A pager waits for its reader.
    thread::sleep(Duration::from_secs(9));
    assert_eq!(io::copy(&mut stdout, &mut io::sink()).unwrap(), (64 << 20) - 1);
    assert!(child.wait().unwrap().success());
}

#[test]
fn every_algorithm_can_be_forced() {
    let Some(server) = server(&[EVERY_CIPHER, EVERY_KEX]) else { return };
    let known = run(Command::new(peers::path("ssh")).args(["-Q", "kex"]));
    let has = |kex: &&Kex| known.lines().any(|name| name == kex.name());
    let kex = Fast::KEX.iter().filter(has).map(|one| ("-oKexAlgorithms=", one.name()));
    let keys = signing::ALGORITHMS.iter().map(|one| ("-oHostKeyAlgorithms=", one.name()));
    let ciphers = Fast::CIPHERS.iter().map(|one| ("-c", one.name()));
    for (flag, name) in kex.chain(keys).chain(ciphers) {
        forced(&server, &["-v", &format!("{flag}{name}")], name);
    }
    for mac in Fast::MACS {
        forced(&server, &["-v", "-c", "aes128-ctr", "-m", mac.name()], mac.name());
    }
}

#[track_caller]
fn forced(server: &Sshd, options: &[&str], name: &str) {
    let result = fed(client(server, options).arg("cat"), b"content");
    let said = text(&result.stderr);
    assert_eq!((result.status.code(), &result.stdout[..]), (Some(0), &b"content"[..]), "{name}: {said}");
    assert!(said.lines().any(|line| line.contains("negotiated") && line.contains(name)), "{name}: {said}");
}

#[test]
fn it_compresses_if_told_to() {
    let Some(server) = server(&["Compression yes"]) else { return };
    forced(&server, &["-v", "-C"], "zlib@openssh.com");
    forced(&server, &["-v", "-oCompression=yes"], "zlib@openssh.com");
    forced(&server, &["-v", "-oCompression=delayed"], "zlib@openssh.com");
    let said = text(&output(client(&server, &["-v"]).arg("true")).stderr);
    assert!(!said.contains("zlib@openssh.com"), "{said}");
}

#[test]
fn every_kind_of_user_key_logs_in() {
    let Some(server) = server(&[]) else { return };
    for kind in Kind::ALL {
        let identity = Keys::shared().client(kind);
        let result = output(our_ssh(server.port(), &identity, &server.known_hosts(), &[]).arg("true"));
        ended(&result, 0, "", "");
    }
}

#[test]
fn keys_change_under_way() {
    let Some(server) = server(&["LogLevel DEBUG1"]) else { return };
    let input = noise(64 << 20);
    let result = fed(client(&server, &["-oRekeyLimit=1M"]).arg("cat"), &input);
    assert!(result.status.success() && result.stdout == input, "{}", text(&result.stderr));
    let changes = server.log().matches("SSH2_MSG_NEWKEYS received").count();
    assert!(changes > 50, "{changes}");
}

#[test]
fn a_locked_key_is_named_where_nobody_can_unlock_it() {
    let Some(server) = server(&[]) else { return };
    let locked = Keys::shared().locked();
    let result = output(our_ssh(server.port(), &locked, &server.known_hosts(), &[]).arg("true"));
    failed(&result, &["permission denied (publickey", "client_locked", "passphrase"]);
}

#[test]
fn what_fails_before_the_login_says_so_in_a_line() {
    let Some(server) = server(&[]) else { return };
    let identity = Keys::shared().stranger();
    let stranger = output(our_ssh(server.port(), &identity, &server.known_hosts(), &[]).arg("true"));
    failed(&stranger, &["permission denied (publickey", "client_stranger (ssh-ed25519 SHA256:", ": refused"]);
    let free = sanssh_tests::port::free();
    let nobody = output(our_ssh(free, &identity, &server.known_hosts(), &[]).arg("true"));
    failed(&nobody, &["127.0.0.1", &free.to_string(), "refused"]);
    let nowhere =
        output(Command::new(env!("CARGO_BIN_EXE_ssh")).args(["-F", "none", "-4", "no-such-host.invalid", "true"]));
    failed(&nowhere, &["no-such-host.invalid"]);
    failed(&output(&mut client(&server, &["-c", "aes128-ctr,rot13"])), &["rot13"]);
    failed(&output(&mut client(&server, &["-oFrobnicate=yes"])), &["frobnicate"]);
    failed(&output(&mut client(&server, &["-oRekeyLimit=soon"])), &["rekeylimit", "soon"]);
    failed(&output(&mut client(&server, &["-oProxyJump=no-such-host.invalid"])), &["by way of no-such-host.invalid"]);
}

#[test]
fn a_server_that_says_nothing_is_waited_for_no_longer_than_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut ssh = Command::new(env!("CARGO_BIN_EXE_ssh"));
    let result = output(ssh.args(["-F", "none", "-oConnectTimeout=1", "-p", &port.to_string(), "127.0.0.1", "true"]));
    failed(&result, &["1s"]);
}

#[test]
fn a_changed_host_key_is_refused_whatever_the_options_say() {
    let Some(server) = server(&[]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let known = directory.path().join("known_hosts");
    let other = public(&Keys::shared().client(Kind::Ed25519));
    fs::write(&known, format!("# a comment\n{}", known_hosts_line(server.port(), &other))).unwrap();
    let print = |file| run(Command::new("ssh-keygen").arg("-lf").arg(file)).split(' ').nth(1).unwrap().to_owned();
    let (recorded, shown) = (print(Keys::shared().client(Kind::Ed25519)), print(Keys::shared().host(Kind::Ed25519)));
    for strict in ["yes", "no", "accept-new", "ask"] {
        let option = format!("-oStrictHostKeyChecking={strict}");
        let identity = Keys::shared().client(Kind::Ed25519);
        let result = output(our_ssh(server.port(), &identity, &known, &[&option]).arg("echo ran"));
        let place = format!("{}:2", known.display());
        failed(&result, &[&place, &recorded, &shown, "changed"]);
        assert_eq!(text(&result.stdout), "");
    }
    assert_eq!(fs::read_to_string(&known).unwrap().lines().count(), 2);
}

#[test]
fn an_unknown_host_is_refused_or_recorded() {
    let Some(server) = server(&[]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let known = directory.path().join("known_hosts");
    let identity = Keys::shared().client(Kind::Ed25519);
    let with = |option: &str| output(our_ssh(server.port(), &identity, &known, &[option]).arg("true"));
    failed(&with("-oStrictHostKeyChecking=yes"), &["not known", "SHA256:"]);
    failed(&with("-oStrictHostKeyChecking=ask"), &["not known"]);
    assert!(!known.exists());
    ended(&with("-oStrictHostKeyChecking=accept-new"), 0, "", "");
    ended(&with("-oStrictHostKeyChecking=yes"), 0, "", "");
    fs::remove_file(&known).unwrap();
    failed(&with("-oHostKeyAlias=somebody"), &["the host key of somebody is not known: ssh-ed25519 "]);
}

#[test]
fn git_clones_and_pushes_over_it() {
    if !peers::require(&["git"]) {
        return;
    }
    let Some(server) = server(&["AcceptEnv GIT_PROTOCOL"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let bare = repository(directory.path());
    let mut ssh = client(&server, &[]);
    // git gives host and port itself.
    ssh = without_destination(&ssh);
    let url = format!("ssh://{}@127.0.0.1:{}{}", server.user(), server.port(), bare.display());
    git_over(Some(&line(&ssh)), directory.path(), ["clone", "-q", &url, "copy"]);
    let copy = directory.path().join("copy");
    assert_eq!(git(&copy, ["rev-parse", "HEAD"]), git(&bare, ["rev-parse", "HEAD"]));
    git(&copy, ["-c", "user.name=me", "-c", "user.email=me@host", "commit", "-q", "--allow-empty", "-m", "more"]);
    git_over(Some(&line(&ssh)), &copy, ["push", "-q", "origin", "main"]);
    assert_eq!(git(&copy, ["rev-parse", "HEAD"]), git(&bare, ["rev-parse", "HEAD"]));
}

/// The same command without `-p PORT HOST` at its end.
fn without_destination(ssh: &Command) -> Command {
    let arguments: Vec<_> = ssh.get_args().collect();
    let mut bare = Command::new(ssh.get_program());
    bare.args(&arguments[..arguments.len() - 3]);
    bare
}

#[test]
fn rsync_copies_over_it() {
    if !peers::require(&["rsync"]) {
        return;
    }
    let Some(server) = server(&[]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let content = noise(4 << 20);
    let place = |name: &str| directory.path().join(name);
    fs::write(place("a file"), &content).unwrap();
    let ssh = format!("{} -p {}", line(&without_destination(&client(&server, &[]))), server.port());
    let remote = |name: &str| format!("127.0.0.1:{}", place(name).display());
    run(Command::new("rsync").args(["-s", "-e", &ssh]).arg(place("a file")).arg(remote("there")));
    run(Command::new("rsync").args(["-s", "-e", &ssh]).arg(remote("there")).arg(place("back")));
    assert!(fs::read(place("back")).unwrap() == content);
}

#[test]
fn scp_copies_over_it() {
    if !peers::require(&["scp"]) {
        return;
    }
    let Some(server) = server(&[]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    fs::write(place("file"), noise(1 << 20)).unwrap();
    let known = format!("UserKnownHostsFile={}", server.known_hosts().display());
    let mut scp = Command::new(peers::path("scp"));
    scp.args(["-q", "-B", "-S", env!("CARGO_BIN_EXE_ssh"), "-o", &known, "-P", &server.port().to_string(), "-i"]);
    scp.arg(Keys::shared().client(Kind::Ed25519)).arg(place("file"));
    run(scp.arg(format!("127.0.0.1:{}", place("there").display())));
    assert!(fs::read(place("there")).unwrap() == noise(1 << 20));
}

#[test]
fn a_shell_on_a_terminal() {
    let Some(server) = server(&[]) else { return };
    let mut typist = Typist::start(client(&server, &[]));
    typist.types("PS1=; stty -echo; tput cols; echo re''ady\n");
    typist.sees("ready");
    // The other side's modes are this side's at the start, and this side is raw.
    assert!(!tcgetattr(&typist.terminal).unwrap().local_modes.intersects(LocalModes::ECHO | LocalModes::ICANON));
    typist.tries_the_shell();
}

#[test]
fn the_terminal_is_put_back_on_every_way_out() {
    type Leave = fn(&mut Typist);
    let Some(server) = server(&[]) else { return };
    let ways: [(&str, Leave); 4] = [
        ("exit", |typist| typist.types("exit 0\n")),
        ("signal here", |typist| {
            let id = Pid::from_raw(typist.id().cast_signed()).unwrap();
            kill_process(id, Signal::TERM).unwrap();
        }),
        ("signal there", |typist| typist.types("kill -KILL $$\n")),
        ("connection lost", |typist| typist.types("kill -KILL $PPID\n")),
    ];
    for (name, leave) in ways {
        let mut typist = Typist::start(client(&server, &[]));
        let other = fs::File::open(rustix::pty::ptsname(&typist.terminal, Vec::new()).unwrap().to_str().unwrap());
        typist.types("echo re''ady\n");
        typist.sees("ready");
        assert!(!tcgetattr(&typist.terminal).unwrap().local_modes.contains(LocalModes::ICANON), "{name}");
        leave(&mut typist);
        let until = Instant::now() + DEADLINE;
        let over = || tcgetattr(&typist.terminal).unwrap().local_modes.contains(LocalModes::ICANON);
        assert!(crate::support::holds(until, over), "{name}");
        let fresh = pty_process::blocking::open().unwrap();
        assert_eq!(
            modes::of(&tcgetattr(&typist.terminal).unwrap()),
            modes::of(&tcgetattr(&fresh.0).unwrap()),
            "{name}"
        );
        drop(other);
        typist.ends();
    }
}

#[test]
fn a_command_gets_a_terminal_on_request_only() {
    let Some(server) = server(&[]) else { return };
    let result = output(client(&server, &[]).arg("tty"));
    assert_eq!((result.status.code(), text(&result.stdout).trim()), (Some(1), "not a tty"));
    let result = output(client(&server, &["-tt", "-q"]).arg("tty"));
    assert!(text(&result.stdout).starts_with("/dev/pts/"), "{}", text(&result.stdout));
    let mut typist = Typist::start({
        let mut ssh = client(&server, &["-t"]);
        ssh.arg("tty; echo $TERM");
        ssh
    });
    typist.sees("/dev/pts/");
    typist.sees("dumb");
    assert!(typist.ends().success());
}

#[test]
fn variables_go_along_only_by_name() {
    let Some(server) = server(&["AcceptEnv *"]) else { return };
    let run = |options: &[&str]| {
        let mut ssh = client(&server, options);
        ssh.env("LC_SANSSH", "one").env("SANSSH_X", "two");
        text(&output(ssh.arg("echo \"$LC_SANSSH,$SANSSH_X,$SANSSH_Y\"")).stdout)
    };
    assert_eq!(run(&[]), ",,\n");
    assert_eq!(run(&["-oSendEnv=LC_*"]), "one,,\n");
    assert_eq!(run(&["-oSendEnv=SANSSH_?", "-oSetEnv=SANSSH_Y=three"]), ",two,three\n");
}

#[test]
fn a_person_is_asked_for_the_passphrase_and_about_the_host() {
    let Some(server) = server(&[]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let known = directory.path().join("known_hosts");
    let options = ["-oBatchMode=no", "-oStrictHostKeyChecking=ask"];
    let mut ssh = our_ssh(server.port(), &Keys::shared().locked(), &known, &options);
    ssh.arg("echo d''one");
    let mut typist = Typist::start(ssh);
    typist.sees("(yes/no/fingerprint)?");
    typist.types("perhaps\n");
    typist.sees("type yes, no");
    typist.types("yes\n");
    typist.sees("Passphrase for");
    typist.types("wrong\n");
    typist.sees("wrong passphrase");
    typist.sees("Passphrase for");
    typist.types(&format!("{PASSPHRASE}\n"));
    typist.sees("done");
    assert!(typist.ends().success());
    assert!(!typist.all().contains(PASSPHRASE));
    assert_eq!(fs::read_to_string(&known).unwrap().lines().count(), 1);
}

#[test]
fn without_a_list_of_the_users_own_nothing_is_recorded() {
    let Some(server) = server(&[]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let known = directory.path().join("known_hosts");
    let global = format!("-oGlobalKnownHostsFile={}", known.display());
    let options = ["-oBatchMode=no", "-oStrictHostKeyChecking=ask", "-oUserKnownHostsFile=none", &global];
    let mut ssh = our_ssh(server.port(), &Keys::shared().client(Kind::Ed25519), &known, &options);
    ssh.arg("echo d''one");
    let mut typist = Typist::start(ssh);
    typist.sees("(yes/no/fingerprint)?");
    typist.types("yes\n");
    typist.sees("done");
    assert!(typist.ends().success());
    assert!(!known.exists());
}

#[test]
fn announced_keys_are_recorded_where_that_is_wanted() {
    let Some(server) = server(&[]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let known = directory.path().join("known_hosts");
    let key = public(&Keys::shared().host(Kind::Rsa));
    fs::write(&known, format!("{}damaged\n", known_hosts_line(server.port(), &key))).unwrap();
    for (option, lines) in [("-v", 2), ("-oUpdateHostKeys=no", 2), ("-oUpdateHostKeys=yes", Kind::ALL.len() + 1)] {
        let options = ["-v", option, "-oHashKnownHosts=yes"];
        let mut ssh = our_ssh(server.port(), &Keys::shared().client(Kind::Ed25519), &known, &options);
        let output = ssh.arg("true").output().unwrap();
        assert!(output.status.success());
        let (text, told) = (fs::read_to_string(&known).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert_eq!(text.lines().count(), lines, "{option}: {text}");
        assert_eq!(told.matches("learned the host key").count(), lines - 2, "{told}");
        assert!(told.contains("known_hosts:2: damaged key"), "{told}");
        assert_eq!(text.matches("|1|").count(), lines - 2, "{text}");
    }
}

#[test]
fn a_person_who_says_no_is_heeded() {
    let Some(server) = server(&[]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let known = directory.path().join("known_hosts");
    let options = ["-oBatchMode=no", "-oStrictHostKeyChecking=ask"];
    let mut typist = Typist::start(our_ssh(server.port(), &Keys::shared().client(Kind::Ed25519), &known, &options));
    typist.sees("(yes/no/fingerprint)?");
    typist.types("no\n");
    assert_eq!(typist.ends().code(), Some(255));
    assert!(!known.exists());
}

#[test]
fn a_password_is_asked_for_until_it_is_right() {
    if !peers::require(&["sshd", "ssh-keygen"]) {
        return;
    }
    let Some(user) = PasswordUser::create() else { return };
    let server = Sshd::start(&["PasswordAuthentication yes"]);
    let options = ["-oBatchMode=no", "-oPubkeyAuthentication=no", "-l", user.name()];
    let mut ssh = our_ssh(server.port(), &Keys::shared().stranger(), &server.known_hosts(), &options);
    ssh.arg("echo d''one as $USER");
    let mut typist = Typist::start(ssh);
    typist.sees("password: ");
    typist.types("wrong\n");
    typist.sees("password: ");
    typist.types(&format!("{}\n", user.password()));
    typist.sees(&format!("done as {}", user.name()));
    assert!(typist.ends().success());
    assert!(!typist.all().contains(user.password()));
}

#[test]
fn messages_about_steps_hold_no_secrets_and_quiet_says_nothing() {
    let Some(server) = server(&[]) else { return };
    let said = text(&output(client(&server, &["-v"]).arg("true")).stderr);
    for part in ["connected to 127.0.0.1", "OpenSSH", "negotiated", "the key", "accepted"] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    let mut quiet = our_ssh(server.port(), &Keys::shared().stranger(), &server.known_hosts(), &["-q"]);
    ended(&output(quiet.arg("true")), 255, "", "");
}

#[test]
fn input_that_trickles_arrives_at_once() {
    let Some(server) = server(&[]) else { return };
    let mut child = client(&server, &[]).arg("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    for n in 0..20_u8 {
        stdin.write_all(&[n]).unwrap();
        let mut back = [0];
        stdout.read_exact(&mut back).unwrap();
        assert_eq!(back, [n]);
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

/// A configuration that leads to a server, with what the files in it say.
fn configured(server: &Sshd, more: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let text = format!(
        "Include {0}/more\nHost work\n Hostname 127.0.0.1\n Port {1}\n IdentityFile {2}\n UserKnownHostsFile {3}\n\
         Host *\n BatchMode yes\n StrictHostKeyChecking yes\n GlobalKnownHostsFile none\n IdentityAgent none\n",
        directory.path().display(),
        server.port(),
        Keys::shared().client(Kind::Ed25519).display(),
        server.known_hosts().display(),
    );
    fs::write(directory.path().join("config"), text).unwrap();
    fs::write(directory.path().join("more"), more).unwrap();
    directory
}

fn by(directory: &tempfile::TempDir, options: &[&str]) -> Command {
    let mut ssh = Command::new(env!("CARGO_BIN_EXE_ssh"));
    ssh.stdin(Stdio::null()).arg("-F").arg(directory.path().join("config")).args(options).arg("work");
    ssh
}

#[test]
fn a_configuration_says_where_and_how() {
    let Some(server) = server(&[]) else { return };
    let more = "Match exec \"test %n = work\"\n SetEnv FROM=config\nMatch final host 127.0.0.1\n SendEnv WORD\n";
    let directory = configured(&server, more);
    let result = output(by(&directory, &[]).env("WORD", "sent").arg("echo $FROM $WORD"));
    ended(&result, 0, "config sent\n", "");
    ended(&output(by(&directory, &["-oSetEnv=FROM=line"]).arg("echo $FROM")), 0, "line\n", "");
    let shown = text(&output(by(&directory, &["-G", "-p", "99"]).arg("x")).stdout);
    for line in ["host work", "hostname 127.0.0.1", "port 99", "setenv FROM=config", "sendenv WORD", "batchmode yes"] {
        assert!(shown.lines().any(|one| one == line), "no {line} in {shown}");
    }
}

#[test]
fn a_remote_command_runs_in_place_of_a_shell() {
    let Some(server) = server(&[]) else { return };
    let directory = configured(&server, "RemoteCommand echo %n \"a  b\" # all\n");
    ended(&output(&mut by(&directory, &[])), 0, "work a  b\n", "");
    failed(&output(by(&directory, &[]).arg("true")), &["RemoteCommand"]);
    ended(&output(by(&directory, &["-oRemoteCommand=none"]).arg("echo own")), 0, "own\n", "");
}

#[test]
fn what_a_configuration_wants_and_there_is_not_is_named() {
    let Some(server) = server(&[]) else { return };
    let lacking = |more: &str, options: &[&str]| output(by(&configured(&server, more), options).arg("echo in"));
    for (more, word) in
        [("ForkAfterAuthentication yes\n", "forkafterauthentication"), ("RevokedHostKeys /x\n", "revokedhostkeys")]
    {
        failed(&lacking(more, &[]), &[word, "not supported"]);
    }
    ended(&lacking("GSSAPIAuthentication yes\nControlMaster auto\n", &[]), 0, "in\n", "");
    ended(&lacking("LocalForward 1 a:2\nClearAllForwardings yes\n", &[]), 0, "in\n", "");
    failed(&lacking("Port x\n", &[]), &["more:1: port: "]);
    failed(&lacking("User $(id)\nMatch exec \"x %r\"\n", &[]), &["more:2: match: %r is"]);
}

#[test]
fn all_who_log_in_read_the_configuration() {
    let Some(server) = server(&[]) else { return };
    let directory = configured(&server, "RemoteCommand false\nLocalForward 1 a:2\nExitOnForwardFailure yes\n");
    let config = directory.path().join("config");
    let (from, to) = (directory.path().join("from"), directory.path().join("to"));
    fs::write(&from, "content").unwrap();
    let mut scp = Command::new(env!("CARGO_BIN_EXE_scp"));
    let result = output(scp.arg("-qF").arg(&config).arg(&from).arg(format!("work:{}", to.display())));
    ended(&result, 0, "", "");
    let mut sftp = Command::new(env!("CARGO_BIN_EXE_sftp"));
    let result =
        output(sftp.arg("-qF").arg(&config).arg(format!("work:{}", to.display())).arg(directory.path().join("back")));
    ended(&result, 0, "", "");
    assert_eq!(fs::read_to_string(directory.path().join("back")).unwrap(), "content");
}
