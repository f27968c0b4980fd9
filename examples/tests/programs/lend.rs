//! Agents and displays lent by our `ssh` and found by our `sshd`, with each other and with OpenSSH's at either end.

use crate::support::{OurSshd, Pair, ended, our_ssh, text};
use sanssh_tests::agents::Foreign;
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::ssh_command;
use sanssh_tests::peers;
use sanssh_tests::process::run;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

/// What our server has to be told.
const ALL: [&str; 2] = ["-oAllowAgentForwarding=yes", "-oX11Forwarding=yes"];
/// The harness takes OpenSSH's client the agent.
const USUAL: &str = "-oIdentityAgent=SSH_AUTH_SOCK";
const REAL: &str = "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5";

/// OpenSSH's agent with one key.
fn agent() -> Foreign {
    let agent = Foreign::start();
    let mut add = Command::new(peers::path("ssh-add"));
    run(add.env("SSH_AUTH_SOCK", agent.socket()).arg("-q").arg(Keys::shared().client(Kind::Ecdsa)));
    agent
}

/// A command that lists the agent's keys, and has one sign.
fn signing() -> String {
    format!("ssh-add -l && ssh-add -T {}.pub && echo signed", Keys::shared().client(Kind::Ecdsa).display())
}

#[test]
fn commands_there_sign_by_the_agent_here() {
    if !peers::require(&["ssh-agent", "ssh-add"]) {
        return;
    }
    let Some(pairs) = Pair::all(&[], &ALL) else { return };
    let agent = agent();
    for pair in pairs {
        let lent = |options: &[&str], command: &str| {
            pair.client(&[options, &[USUAL]].concat())
                .env("SSH_AUTH_SOCK", agent.socket())
                .arg(command)
                .output()
                .unwrap()
        };
        let result = lent(&["-A"], &signing());
        let said = text(&result.stdout);
        assert!(
            said.contains("(ECDSA)") && said.ends_with("signed\n"),
            "{}: {said}{}",
            pair.name,
            text(&result.stderr)
        );
        for options in [&[][..], &["-a"], &["-oForwardAgent=no"]] {
            ended(&lent(options, "echo \"<$SSH_AUTH_SOCK>\""), 0, "<>\n", "");
        }
        // One that is not there is none.
        let nobody = lent(&["-oForwardAgent=/sanssh-no-such-socket"], "ssh-add -l");
        assert_ne!(nobody.status.code(), Some(0), "{}: {}", pair.name, text(&nobody.stdout));
        ended(&lent(&[], "echo still here"), 0, "still here\n", "");
    }
}

#[test]
fn our_server_lets_nothing_be_lent_that_it_or_the_key_does_not_want() {
    if !peers::require(&["ssh-agent", "ssh-add", "ssh", "ssh-keygen"]) {
        return;
    }
    let agent = agent();
    let line = |options: &str| format!("{options} {}\n", public(&Keys::shared().client(Kind::Ed25519)));
    for (options, key) in [
        (&[][..], ""),
        (&["-oAllowTcpForwarding=yes"], ""),
        (&["-oAllowAgentForwarding=yes", "-oX11Forwarding=yes", "-oDisableForwarding=yes"], ""),
        (&ALL, "no-agent-forwarding,no-X11-forwarding"),
        (&ALL, "restrict"),
    ] {
        let server = OurSshd::with(options, &line(key));
        let key_file = Keys::shared().client(Kind::Ed25519);
        let mut ssh = ssh_command(server.port, &key_file, &server.known_hosts(), &["-A", "-Y", "-q", USUAL]);
        ssh.env("SSH_AUTH_SOCK", agent.socket()).env("DISPLAY", "127.0.0.1:899");
        ended(&ssh.arg("echo \"<$SSH_AUTH_SOCK$DISPLAY>\"").output().unwrap(), 0, "<>\n", "");
    }
}

/// A display that sends back what it hears; its number.
fn screen() -> u16 {
    let bind = |number: u16| Some((number, TcpListener::bind(("127.0.0.1", 6000 + number)).ok()?));
    let (number, listener) = (500..900).find_map(bind).unwrap();
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            // Whoever left does not want it.
            let _ = std::io::copy(&mut &socket, &mut &socket);
        }
    });
    number
}

/// What a program says first to a display.
fn introduction(digits: &str) -> Vec<u8> {
    let cookie = (0..16).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap());
    [&b"l\0\x0b\0\0\0\x12\0\x10\0\0\0MIT-MAGIC-COOKIE-1\0\0"[..], &cookie.collect::<Vec<_>>()].concat()
}

/// A session that lasts until it is let go of, with the display it has there and its cookie.
struct Shown {
    client: Child,
    _said: BufReader<ChildStdout>,
    port: u16,
    digits: String,
}

impl Shown {
    fn start(ssh: &mut Command, number: u16, cookies: &Path) -> Self {
        ssh.env("DISPLAY", format!("127.0.0.1:{number}.0")).env("XAUTHORITY", cookies);
        ssh.arg("echo $DISPLAY; xauth list unix:${DISPLAY#*:}; cat");
        let mut client = ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(client.stdout.take().unwrap());
        let (mut name, mut entry) = (String::new(), String::new());
        said.read_line(&mut name).unwrap();
        said.read_line(&mut entry).unwrap();
        let number = name.trim().strip_prefix("localhost:").and_then(|rest| rest.strip_suffix(".0"));
        let port = 6000 + number.unwrap_or_else(|| panic!("{name:?} {entry:?}")).parse::<u16>().unwrap();
        let digits = entry.split_whitespace().nth(2).unwrap_or_else(|| panic!("no cookie for {name}")).to_owned();
        Self { client, _said: said, port, digits }
    }

    /// What comes back from the display: as much, or nothing. OpenSSH's client ends both ways of a display at once, so none
    /// is ended before.
    fn ask(&self, words: &[u8]) -> Vec<u8> {
        let socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let mut answer = Vec::new();
        thread::scope(|all| {
            // It may be closed before it has taken all.
            all.spawn(|| (&socket).write_all(words));
            let _ = (&socket).take(u64::try_from(words.len()).unwrap()).read_to_end(&mut answer);
        });
        answer
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        drop(self.client.stdin.take());
        let _ = self.client.wait();
    }
}

#[test]
fn programs_there_show_windows_here() {
    if !peers::require(&["xauth"]) {
        return;
    }
    let Some(pairs) = Pair::all(&["X11Forwarding yes"], &ALL) else { return };
    let number = screen();
    let directory = tempfile::tempdir().unwrap();
    let cookies = directory.path().join("cookies");
    let mut xauth = Command::new(peers::path("xauth"));
    xauth.arg("-f").arg(&cookies).args(["add", &format!("127.0.0.1:{number}"), "MIT-MAGIC-COOKIE-1", REAL]);
    assert!(xauth.stderr(Stdio::null()).status().unwrap().success());
    for pair in pairs {
        let shown = Shown::start(&mut pair.client(&["-Y"]), number, &cookies);
        assert_ne!(shown.digits, REAL, "{}", pair.name);
        let all = |digits: &str| [introduction(digits), vec![7; 300_000]].concat();
        for _ in 0..2 {
            assert!(shown.ask(&all(&shown.digits)) == all(REAL), "{}", pair.name);
        }
        assert_eq!(shown.ask(&all(REAL)), b"", "{}", pair.name);
        drop(shown);
        for options in [&[][..], &["-x"]] {
            let mut plain = pair.client(options);
            plain.env("DISPLAY", format!("127.0.0.1:{number}")).arg("echo \"<$DISPLAY>\"");
            ended(&plain.output().unwrap(), 0, "<>\n", "");
        }
    }
}

#[test]
fn rights_on_a_display_are_xauth_s_to_limit() {
    if !peers::require(&["xauth"]) {
        return;
    }
    let number = screen();
    let directory = tempfile::tempdir().unwrap();
    let (file, log) = (directory.path().join("xauth"), directory.path().join("log"));
    // It stands for a display that can limit rights.
    let script = format!("#!/bin/sh\necho \"$@\" >>{}\necho h/unix:0 MIT-MAGIC-COOKIE-1 {REAL}\n", log.display());
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let server = OurSshd::start(&ALL);
    let location = format!("-oXAuthLocation={}", file.display());
    let key = Keys::shared().client(Kind::Ed25519);
    let client = |options: &[&str]| our_ssh(server.port, &key, &server.known_hosts(), options);
    let shown = Shown::start(&mut client(&["-X", "-oForwardX11Timeout=10m", &location]), number, &file);
    assert_eq!(shown.ask(&introduction(&shown.digits)), introduction(REAL));
    let asked = fs::read_to_string(&log).unwrap();
    assert!(
        asked.contains(&format!("generate 127.0.0.1:{number}.0 MIT-MAGIC-COOKIE-1 untrusted timeout 660\n")),
        "{asked}"
    );
    // Without it, it is said, and the command runs.
    let mut none = client(&["-X", "-oXAuthLocation=/sanssh-no-such-program"]);
    let result = none.env("DISPLAY", ":0").arg("echo \"<$DISPLAY>\"").output().unwrap();
    assert_eq!((result.status.code(), text(&result.stdout).as_str()), (Some(0), "<>\n"));
    assert!(text(&result.stderr).contains("/sanssh-no-such-program"), "{}", text(&result.stderr));
}
