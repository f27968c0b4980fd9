//! Our `sshd` under the clients that people have: OpenSSH's and dropbear's, git and rsync.
//! Every server here has keys of its own and serves the user who runs the tests.

use crate::support::{
    OurSshd, Typist, ended, fed, git, git_over, holds, line, listening_port, noise, our_ssh, repository, text, wait,
};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sanssh_core::crypto::Provider;
use sanssh_core::crypto::fast::Fast;
use sanssh_std::{Client, Exit, KnownHosts, Options, home};
use sanssh_tests::certify::Authority;
use sanssh_tests::dropbear::dbclient_command;
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::{ssh_command, ssh_password_command};
use sanssh_tests::peers;
use sanssh_tests::process::{DEADLINE, Daemon, run};
use sanssh_tests::signing;
use sanssh_tests::suites;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Instant;

/// For dropbear, which has no hybrid key exchange before 2025.87.
const CLASSICAL: &str = "-oKexAlgorithms=+curve25519-sha256";

/// OpenSSH's client with a shared key; the command is the next argument.
fn client(server: &OurSshd, options: &[&str]) -> Command {
    ssh_command(server.port, &Keys::shared().client(Kind::Ed25519), &server.known_hosts(), options)
}

fn server(options: &[&str]) -> Option<OurSshd> {
    peers::require(&["ssh", "ssh-keygen"]).then(|| OurSshd::start(options))
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// The user that runs the tests, whom the server serves.
fn user() -> String {
    sanssh_examples::user::current().unwrap().name
}

/// A connection of our driver's.
fn connect(server: &OurSshd) -> Client {
    let mut hosts = KnownHosts::files([server.known_hosts()]);
    let client = Client::connect("127.0.0.1", server.port, &Options::default(), &mut hosts).unwrap();
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
    client.login_key(&user(), &key).unwrap().accepted().unwrap();
    client
}

#[test]
fn status_and_streams_are_the_commands() {
    let Some(server) = server(&[]) else { return };
    ended(&output(client(&server, &[]).arg("echo out; echo err >&2; exit 7")), 7, "out\n", "err\n");
    ended(&fed(client(&server, &["-T"]).arg("cat; exit 3"), b"in"), 3, "in", "");
    let big = output(client(&server, &[]).arg("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 4"));
    assert_eq!((big.status.code(), big.stdout.len(), big.stderr.len()), (Some(4), 3_000_000, 3_000_000));
}

#[test]
fn input_goes_there_and_back() {
    let Some(server) = server(&[]) else { return };
    let input = noise(16 << 20);
    let result = fed(client(&server, &[]).arg("cat"), &input);
    assert!(result.status.success() && result.stdout == input, "{}", text(&result.stderr));
    let result = fed(client(&server, &[]).arg("head -c 5"), &input);
    assert_eq!((result.status.code(), &result.stdout[..]), (Some(0), &input[..5]));
}

#[test]
fn every_algorithm_can_be_forced() {
    let names = |option, names: Vec<&str>| format!("-o{option}={}", names.join(","));
    let kex = names("KexAlgorithms", Fast::KEX.iter().map(|kex| kex.name()).collect());
    let keys = names("HostKeyAlgorithms", signing::ALGORITHMS.iter().map(|key| key.name()).collect());
    let Some(server) = server(&[&kex, &keys]) else { return };
    let known = run(Command::new(peers::path("ssh")).args(["-Q", "kex"]));
    let kex = Fast::KEX.iter().map(|one| one.name()).filter(|name| known.lines().any(|one| one == *name));
    let kex = kex.map(|name| ("kex: algorithm: ", format!("-oKexAlgorithms={name}")));
    let keys = signing::ALGORITHMS.iter().map(|one| ("host key algorithm: ", format!("-oHostKeyAlgorithms={one}")));
    for (said, option) in kex.chain(keys) {
        forced(&server, &["-v", &option], said, &option);
    }
}

#[test]
fn every_cipher_and_mac_can_be_forced() {
    let names = |option, names: Vec<&str>| format!("-o{option}={}", names.join(","));
    let ciphers = names("Ciphers", Fast::CIPHERS.iter().map(|cipher| cipher.name()).collect());
    let macs = names("MACs", Fast::MACS.iter().map(|mac| mac.name()).collect());
    let Some(server) = server(&[&ciphers, &macs]) else { return };
    for (cipher, mac) in suites::all() {
        let cipher = format!("-oCiphers={cipher}");
        match mac.map(|mac| format!("-oMACs={mac}")) {
            None => forced(&server, &["-v", &cipher], "cipher: ", &cipher),
            Some(mac) => forced(&server, &["-v", &cipher, &mac], "MAC: ", &mac),
        }
    }
}

#[track_caller]
fn forced(server: &OurSshd, options: &[&str], said: &str, option: &str) {
    let result = fed(client(server, options).arg("cat"), b"content");
    let log = text(&result.stderr);
    let name = option.split('=').nth(1).unwrap();
    assert_eq!((result.status.code(), &result.stdout[..]), (Some(0), &b"content"[..]), "{name}: {log}");
    assert!(log.contains(&format!("{said}{name}")), "{name}: {log}");
}

#[test]
fn its_own_lists_count_as_well() {
    let Some(server) = server(&["-oCiphers=aes256-ctr", "-oMACs=hmac-sha2-512", "-oKexAlgorithms=curve25519-sha256"])
    else {
        return;
    };
    let log = text(&output(client(&server, &["-v"]).arg("true")).stderr);
    assert!(log.contains("cipher: aes256-ctr MAC: hmac-sha2-512"), "{log}");
    let refused = output(client(&server, &["-oCiphers=aes128-ctr"]).arg("true"));
    assert!(text(&refused.stderr).contains("no matching cipher"), "{}", text(&refused.stderr));
}

#[test]
fn keys_change_under_way_by_either_side() {
    for (ours, theirs, size) in [("-oRekeyLimit=1M", "-v", 16), ("-oRekeyLimit=1G", "-oRekeyLimit=1M", 64)] {
        let Some(server) = server(&[ours]) else { return };
        let input = noise(size << 20);
        let result = fed(client(&server, &["-v", theirs]).arg("cat"), &input);
        let log = text(&result.stderr);
        assert!(result.status.success() && result.stdout == input, "{log}");
        let changes = log.matches("SSH2_MSG_NEWKEYS received").count();
        assert!(changes > size / 2, "{changes} with {ours} {theirs}");
    }
}

#[test]
fn git_clones_and_pushes_over_it() {
    if !peers::require(&["git"]) {
        return;
    }
    let Some(server) = server(&["-oAcceptEnv=GIT_PROTOCOL"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let bare = repository(directory.path());
    let ssh = bare_client(&server);
    let url = format!("ssh://{}@127.0.0.1:{}{}", user(), server.port, bare.display());
    git_over(Some(&line(&ssh)), directory.path(), ["clone", "-q", &url, "copy"]);
    let copy = directory.path().join("copy");
    assert_eq!(git(&copy, ["rev-parse", "HEAD"]), git(&bare, ["rev-parse", "HEAD"]));
    git(&copy, ["-c", "user.name=me", "-c", "user.email=me@host", "commit", "-q", "--allow-empty", "-m", "more"]);
    git_over(Some(&line(&ssh)), &copy, ["push", "-q", "origin", "main"]);
    assert_eq!(git(&copy, ["rev-parse", "HEAD"]), git(&bare, ["rev-parse", "HEAD"]));
}

/// OpenSSH's client without `-p PORT HOST` at the end of its line.
fn bare_client(server: &OurSshd) -> Command {
    let ssh = client(server, &[]);
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
    let content = noise(4 << 20);
    fs::write(server.file("a file"), &content).unwrap();
    let ssh = format!("{} -p {}", line(&bare_client(&server)), server.port);
    let remote = |name: &str| format!("127.0.0.1:{}", server.file(name).display());
    run(Command::new("rsync").args(["-s", "-e", &ssh]).arg(server.file("a file")).arg(remote("there")));
    run(Command::new("rsync").args(["-s", "-e", &ssh]).arg(remote("there")).arg(server.file("back")));
    assert!(fs::read(server.file("back")).unwrap() == content);
}

#[test]
fn a_hundred_sessions_at_once_on_one_connection() {
    let Some(server) = server(&["-oMaxSessions=200"]) else { return };
    let control = format!("-oControlPath={}", server.file("control").display());
    let mut master = client(&server, &["-oControlMaster=yes", &control]);
    let mut master = master.arg("echo ready; cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(master.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
    let start = || {
        let mut ssh = client(&server, &["-oControlMaster=no", &control]);
        ssh.arg("echo open; cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    };
    let mut sessions: Vec<_> = (0..100).map(|_| start()).collect();
    for session in &mut sessions {
        let mut line = [0; 5];
        session.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
        assert_eq!(&line, b"open\n");
    }
    // All are open now.
    for (n, mut session) in sessions.into_iter().enumerate() {
        session.stdin.take().unwrap().write_all(format!("number {n}").as_bytes()).unwrap();
        let result = session.wait_with_output().unwrap();
        assert_eq!((result.status.code(), text(&result.stdout)), (Some(0), format!("number {n}")));
    }
    drop(master.stdin.take());
    assert!(master.wait().unwrap().success());
}

#[test]
fn twenty_connections_at_once_leave_nothing_behind() {
    let Some(server) = server(&[]) else { return };
    ended(&output(client(&server, &[]).arg("true")), 0, "", "");
    let until = Instant::now() + DEADLINE;
    assert!(holds(until, || server.holdings().1 <= 2), "{:?}", server.holdings());
    let before = server.holdings();
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| ended(&fed(client(&server, &[]).arg("cat"), b"content"), 0, "content", ""));
        }
    });
    let until = Instant::now() + DEADLINE;
    assert!(holds(until, || server.holdings() == before), "{before:?} {:?}", server.holdings());
}

#[test]
fn strangers_are_refused() {
    let Some(server) = server(&[]) else { return };
    let stranger =
        ssh_command(server.port, &Keys::shared().stranger(), &server.known_hosts(), &[]).arg("true").output();
    let said = text(&stranger.as_ref().unwrap().stderr);
    assert!(stranger.unwrap().status.code() == Some(255) && said.contains("Permission denied (publickey)"), "{said}");
    let other = output(client(&server, &["-l", "somebody"]).arg("true"));
    assert_eq!(other.status.code(), Some(255));
    assert!(text(&other.stderr).contains("Permission denied (publickey)"), "{}", text(&other.stderr));
}

#[test]
fn passwords_come_from_a_file_of_the_users_own() {
    if !peers::require(&["ssh", "ssh-keygen"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("passwords");
    fs::write(&file, format!("{}:s3cret\nsomebody:else\n", user())).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    let option = format!("-oPasswordFile={}", file.display());
    let refused = output(Command::new(env!("CARGO_BIN_EXE_sshd")).args(["-p", "0", &option]));
    crate::support::failed(&refused, &["passwords", "0600"]);
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let server = OurSshd::start(&[&option]);
    let login = |secret: &str, options: &[&str]| {
        let mut ssh = ssh_password_command(server.port, secret, &server.known_hosts(), options);
        output(ssh.arg("echo in")).status.code()
    };
    assert_eq!(login("s3cret", &[]), Some(0));
    assert_eq!(login("wrong", &[]), Some(255));
    assert_eq!(login("else", &["-l", "somebody"]), Some(255));
}

#[test]
fn a_shell_on_a_terminal() {
    let Some(server) = server(&[]) else { return };
    let mut typist = Typist::start(client(&server, &[]));
    typist.types("PS1=; stty -echo; echo re''ady $TERM; tty\n");
    typist.sees("ready dumb");
    typist.sees("/dev/pts/");
    typist.tries_the_shell();
}

#[test]
fn what_is_left_on_a_terminal_does_not_hold_it() {
    let Some(server) = server(&[]) else { return };
    let result = output(client(&server, &["-tt", "-q"]).arg("trap '' HUP; sleep 1000 & echo $!; exit 4"));
    assert_eq!(result.status.code(), Some(4));
    let id: i32 = text(&result.stdout).trim().parse().unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
}

#[test]
fn signals_reach_the_command_and_end_it_by_name() {
    let Some(server) = server(&[]) else { return };
    assert_eq!(output(client(&server, &[]).arg("kill -TERM $$")).status.code(), Some(255));
    let connection = connect(&server);
    for name in ["TERM", "HUP", "USR1", "KILL"] {
        let channel = connection.session().unwrap();
        channel.exec("echo ready; exec sleep 1000").unwrap();
        let mut line = [0; 6];
        (&channel).read_exact(&mut line).unwrap();
        channel.signal(name).unwrap();
        let exit = channel.wait().unwrap();
        assert!(matches!(&exit, Exit::Signal { name: by, .. } if by == name), "{name}: {exit:?}");
    }
    let channel = connection.session().unwrap();
    channel.exec("trap 'echo stopped; exit 9' INT; echo ready; while :; do read line; done").unwrap();
    let mut line = [0; 6];
    (&channel).read_exact(&mut line).unwrap();
    channel.send_break(500).unwrap();
    assert_eq!(channel.wait().unwrap(), Exit::Status(9));
}

#[test]
fn commands_end_with_their_connection() {
    let Some(server) = server(&[]) else { return };
    for options in [&["-T"][..], &["-tt"]] {
        let mut ssh = client(&server, options);
        let mut child = ssh.arg("echo $$; exec sleep 1000").stdout(Stdio::piped()).spawn().unwrap();
        let mut shown = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut shown).unwrap();
        let id = Pid::from_raw(shown.trim().parse().unwrap()).unwrap();
        test_kill_process(id).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(holds(Instant::now() + DEADLINE, || test_kill_process(id).is_err()), "{options:?}");
    }
}

#[test]
fn who_ignores_the_hangup_notices_by_its_streams() {
    let Some(server) = server(&[]) else { return };
    for (options, command) in [(&["-T"][..], "while echo y; do :; done"), (&["-tt"], "cat")] {
        let mut ssh = client(&server, options);
        ssh.arg(format!("trap '' HUP PIPE; echo $$; {command}")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = ssh.spawn().unwrap();
        let mut shown = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut shown).unwrap();
        let id = Pid::from_raw(shown.trim().parse().unwrap()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(holds(Instant::now() + DEADLINE, || test_kill_process(id).is_err()), "{options:?}");
    }
}

#[test]
fn a_key_can_be_bound_to_a_command() {
    if !peers::require(&["ssh", "ssh-keygen"]) {
        return;
    }
    let key = public(&Keys::shared().client(Kind::Ed25519));
    let line = format!("restrict,command=\"echo forced: $SSH_ORIGINAL_COMMAND; tty\" {key}\n");
    let server = OurSshd::with(&[], &line);
    let result = output(client(&server, &[]).arg("rm -r x"));
    assert_eq!(text(&result.stdout), "forced: rm -r x\nnot a tty\n");
    // Who insists on a terminal gets nothing.
    let result = output(client(&server, &["-tt"]).arg("rm -r x"));
    assert!(text(&result.stderr).contains("PTY allocation request failed"), "{}", text(&result.stderr));
}

#[test]
fn certificates_log_in_by_their_authority() {
    if !peers::require(&["ssh", "ssh-keygen"]) {
        return;
    }
    let (authority, key) = (Authority::new(), Keys::shared().client(Kind::Ed25519));
    let directory = tempfile::tempdir().unwrap();
    let list = |name: &str, text: &str| {
        let file = directory.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let certified = |name: &str, principal: &str| {
        let file = authority.certify(&key, name, &["-n", principal]);
        file.with_file_name(name)
    };
    let (mine, team) = (certified("mine", &user()), certified("team", "team"));
    let authorities = format!("-oTrustedUserCAKeys={}", list("authorities", &authority.line()));
    let principals = format!("-oAuthorizedPrincipalsFile={}", list("principals", "team\n"));
    let revoked = format!("-oRevokedKeys={}", list("revoked", &public(&key)));
    for (options, by_mine, by_team) in [
        (&[&authorities[..]][..], true, false),
        (&[&authorities, &principals], false, true),
        (&[&authorities, &principals, &revoked], false, false),
        (&[], false, false),
    ] {
        let server = OurSshd::with(options, "");
        for (identity, expected) in [(&mine, by_mine), (&team, by_team)] {
            // OpenSSH's client and ours both find the certificate beside the key.
            let theirs = output(ssh_command(server.port, identity, &server.known_hosts(), &[]).arg("true"));
            let ours = output(our_ssh(server.port, identity, &server.known_hosts(), &[]).arg("true"));
            let said = text(&ours.stderr);
            assert_eq!((theirs.status.success(), ours.status.success()), (expected, expected), "{options:?} {said}");
            assert!(expected || said.contains("the certificate ") && said.contains("-cert.pub"), "{said}");
        }
    }
}

#[test]
fn a_login_takes_as_many_methods_as_the_server_wants() {
    let Some(server) = server(&["-oAuthenticationMethods=publickey,password"]) else { return };
    let result = output(client(&server, &[]).arg("true"));
    assert!(text(&result.stderr).contains("Permission denied (password)"), "{}", text(&result.stderr));
}

#[test]
fn variables_are_only_those_of_the_language() {
    let Some(server) = server(&[]) else { return };
    let mut ssh = client(&server, &["-oSendEnv=LANG LC_* SANSSH_*"]);
    ssh.env("LANG", "C").env("LC_SANSSH", "one").env("SANSSH_X", "two");
    let result = output(ssh.arg("echo $LANG,$LC_SANSSH,$SANSSH_X,$USER; echo $SSH_CONNECTION | wc -w"));
    assert_eq!(text(&result.stdout), format!("C,one,,{}\n4\n", user()));
}

#[test]
fn dropbears_client_and_ours_are_served_too() {
    let Some(server) = server(&[CLASSICAL]) else { return };
    let identity = Keys::shared().client(Kind::Ed25519);
    ended(&fed(our_ssh(server.port, &identity, &server.known_hosts(), &[]).arg("cat; exit 5"), b"in"), 5, "in", "");
    if peers::require(&["dbclient", "dropbearconvert"]) {
        let mut dbclient = dbclient_command(server.port, &user(), &identity, server.directory.path(), &[]);
        let result = fed(dbclient.arg("cat; exit 6"), b"in");
        assert_eq!((result.status.code(), &result.stdout[..]), (Some(6), &b"in"[..]), "{}", text(&result.stderr));
    }
}

#[test]
fn it_compresses_for_those_who_ask_if_it_may() {
    let Some(server) = server(&["-oCompression=yes", "-oRekeyLimit=1M"]) else { return };
    // Half of it can be compressed.
    let input: Vec<u8> = noise(4 << 20).into_iter().flat_map(|byte| [byte, b'x']).collect();
    for (flag, method) in [("-C", "zlib@openssh.com"), ("-oCompression=no", "none")] {
        let result = fed(client(&server, &["-v", flag]).arg("cat"), &input);
        let log = text(&result.stderr);
        assert!(result.status.success() && result.stdout == input, "{log}");
        assert!(log.contains(&format!("compression: {method}")), "{log}");
    }
    let Some(careful) = self::server(&[]) else { return };
    let log = text(&output(client(&careful, &["-vC"]).arg("true")).stderr);
    assert!(log.contains("compression: none") && !log.contains("compression: zlib"), "{log}");
}

/// It knows both methods, and has to take the one that there is.
#[test]
fn dropbears_client_compresses_by_either_method() {
    if !peers::require(&["dbclient", "dropbearconvert"]) {
        return;
    }
    let identity = Keys::shared().client(Kind::Ed25519);
    let input = noise(100_000).repeat(20);
    for method in ["zlib", "zlib@openssh.com"] {
        let compression = format!("-oCompression={method}");
        let Some(server) = server(&[CLASSICAL, &compression]) else { return };
        let mut dbclient = dbclient_command(server.port, &user(), &identity, server.directory.path(), &[]);
        let result = fed(dbclient.arg("cat"), &input);
        assert!(result.status.success() && result.stdout == input, "{method}: {}", text(&result.stderr));
    }
}

#[test]
fn it_shows_a_banner_and_keeps_a_pid_file_until_a_signal() {
    if !peers::require(&["ssh", "ssh-keygen"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (banner, pid) = (directory.path().join("banner"), directory.path().join("pid"));
    fs::write(&banner, "Mind the gap.\n").unwrap();
    let (one, two) = (format!("-oBanner={}", banner.display()), format!("-oPidFile={}", pid.display()));
    let server = OurSshd::start(&[&one, &two]);
    assert_eq!(server.daemon.log().lines().count(), 1);
    let result = output(client(&server, &[]).arg("true"));
    assert!(text(&result.stderr).contains("Mind the gap."), "{}", text(&result.stderr));
    assert_eq!(fs::read_to_string(&pid).unwrap().trim(), server.daemon.id().to_string());
    let mut child = client(&server, &[]).arg("echo up; exec sleep 1000").stdout(Stdio::piped()).spawn().unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 3]).unwrap();
    kill_process(Pid::from_raw(server.daemon.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    let until = Instant::now() + DEADLINE;
    assert!(wait(&mut child, until).is_some() && holds(until, || !pid.exists()));
}

#[test]
fn without_a_host_key_it_makes_one_for_the_run() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sshd"));
    let daemon = Daemon::spawn(command.args(["-p", "0", "-oAuthorizedKeysFile=none"])).unwrap();
    assert!(daemon.says("\n"));
    assert!(listening_port(&daemon.log()) > 0);
    assert!(daemon.log().contains("for this run only SHA256:"), "{}", daemon.log());
}
