//! The sessions with OpenSSH that are recorded, each as its file's name, its configuration and what answers its events.
//! They run with `RECORD=1` only, against the `sshd` and `ssh` of this machine.

use sanssh_core::Seed;
use sanssh_core::algorithm::HostKey;
use sanssh_core::file::{PublicKeyBuf, SigningKey};
use sanssh_core::replay::{Script, Side, hex, show};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::{Sshd, known_hosts_line, ssh_command};
use sanssh_tests::replay::live::converse;
use sanssh_tests::replay::record::Recorder;
use sanssh_tests::signing;
use sanssh_tests::user::PasswordUser;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;

/// What every recording says of its configuration: nothing that could change with a default.
const COMMON: &str = "software=sanssh_replay kex=curve25519-sha256 hostkey=ssh-ed25519,rsa-sha2-512,ecdsa-sha2-nistp256 \
                      userkey=ssh-ed25519 mac=hmac-sha2-256 max-packet=40000 window=65536 max-data=32768";

/// Makes every recording.
pub(crate) fn record_all(directory: &Path) {
    fs::create_dir_all(directory).expect("vectors/replay");
    let write = |name: &str, script: &Script| fs::write(directory.join(name), script.write()).expect("a recording");
    write("client-key-exec.ssh", &key_login_with_exec());
    write("client-password-refused-accepted.ssh", &password_refused_then_accepted());
    write("client-rekey-by-server.ssh", &rekey_by_the_server());
    write("client-rekey-by-client.ssh", &rekey_by_us());
    write("client-compressed.ssh", &compressed());
    write("server-exec.ssh", &server_with_exec());
}

fn script(title: &str, side: Side, seed: u8, more: &str) -> Script {
    let config = format!("{COMMON} {more}").split_whitespace().map(str::to_owned).collect();
    Script::new(title, side, Seed::new([seed; 32]), config, 4)
}

/// A server of OpenSSH that takes the tests' own key; by a command rather than a file, whose name it would send.
fn sshd(options: &[&str], key: &SigningKey) -> Sshd {
    let line = PublicKeyBuf::from_blob(key.public()).expect("a key").line("");
    let command = format!("AuthorizedKeysCommand /usr/bin/echo {}", line.trim());
    Sshd::start(&[&[&command[..], "AuthorizedKeysCommandUser root"], options].concat())
}

/// Records a client that logs in by the tests' key and runs `command`; `more` sees every event first.
fn run_command(script: Script, options: &[&str], command: &str, mut more: impl FnMut(&mut Recorder, &str)) -> Script {
    let key = signing::key(HostKey::Ed25519);
    let server = sshd(options, &key);
    let user = server.user().to_owned();
    let mut recorder = Recorder::new(script);
    let peer = TcpStream::connect(server.address()).expect("a connection");
    let done = converse(peer, &mut recorder, |recorder, event| {
        more(recorder, event);
        if event.starts_with("keyed ") && event.ends_with("first=true") {
            sign_in(recorder, &key, &user);
        }
        serve_command(recorder, event, command);
    });
    done.unwrap_or_else(|error| panic!("{error}; sshd says:\n{}", server.log()));
    recorder.finish()
}

fn sign_in(recorder: &mut Recorder, key: &SigningKey, user: &str) {
    let message = recorder.end().to_sign(user, "ssh-ed25519", key.public()).expect("there is a session");
    let signature = key.sign(HostKey::Ed25519, &message).expect("the key signs");
    let call =
        format!("public-key {} ssh-ed25519 0x{} 0x{}", show(user.as_bytes()), hex(key.public()), hex(&signature));
    assert_eq!(recorder.call(&call), "");
}

/// From the host key to the goodbye, but for the login.
fn serve_command(recorder: &mut Recorder, event: &str, command: &str) {
    let words: Vec<_> = event.split(' ').collect();
    match words[..] {
        ["auth", "host-key", ..] => drop(recorder.call("trust")),
        ["auth", "accepted", _] => drop(recorder.call("open")),
        ["channel", "0", "opened"] => drop(recorder.call(&format!("request 0 exec {}", show(command.as_bytes())))),
        ["channel", "0", "data", length, _] => drop(recorder.call(&format!("release 0 {length}"))),
        ["channel", "0", "closed"] => drop(recorder.call("disconnect 11")),
        _ => {}
    }
}

fn key_login_with_exec() -> Script {
    let title = "OpenSSH's server: login by an Ed25519 key, exec, output on both streams, exit status";
    let script = script(title, Side::Client, 11, "cipher=aes256-gcm@openssh.com");
    run_command(script, &[], "echo hello; echo oops >&2", |_, _| {})
}

fn password_refused_then_accepted() -> Script {
    let title = "OpenSSH's server: one password refused, the next accepted, exec";
    let script = script(title, Side::Client, 12, "cipher=chacha20-poly1305@openssh.com");
    let account = PasswordUser::create().expect("root may make an account");
    let server = Sshd::start(&["PasswordAuthentication yes"]);
    let login = |word: &str| format!("password {} {}", show(account.name().as_bytes()), show(word.as_bytes()));
    let mut recorder = Recorder::new(script);
    let peer = TcpStream::connect(server.address()).expect("a connection");
    let done = converse(peer, &mut recorder, |recorder, event| {
        if event.starts_with("keyed ") {
            assert_eq!(recorder.call(&login("wrong")), "");
        } else if event.starts_with("auth refused") {
            assert_eq!(recorder.call(&login(account.password())), "");
        }
        serve_command(recorder, event, "echo hello");
    });
    done.unwrap_or_else(|error| panic!("{error}; sshd says:\n{}", server.log()));
    recorder.finish()
}

fn rekey_by_the_server() -> Script {
    let title = "OpenSSH's server: it changes keys (RekeyLimit 16K) while 48 000 bytes come";
    let script = script(title, Side::Client, 13, "cipher=aes128-gcm@openssh.com");
    run_command(script, &["RekeyLimit 16K"], "head -c 48000 /dev/zero", |_, _| {})
}

/// The rekey is asked for when the first data has come, and the client's own data waits for its end.
fn rekey_by_us() -> Script {
    let title = "OpenSSH's server: we change keys while data goes both ways";
    let script = script(title, Side::Client, 14, "cipher=aes256-ctr");
    let data = format!("write 0 0x{}", hex(&[7; 1000]));
    let (mut written, mut echoed) = (0, 0);
    run_command(script, &[], "cat", move |recorder, event| {
        if event == "channel 0 replied true" {
            assert_eq!(recorder.call(&data), "-> 1000");
        }
        if let Some(told) = event.strip_prefix("channel 0 data ") {
            echoed += told.split(' ').next().and_then(|length| length.parse().ok()).unwrap_or(0);
            if written == 0 {
                recorder.call("rekey");
                assert_eq!(recorder.call(&data), "-> Busy");
            }
            written = 1;
        }
        if event.ends_with("first=false") {
            (0..3).for_each(|_| assert_eq!(recorder.call(&data), "-> 1000"));
        }
        if echoed == 4000 {
            echoed = 0;
            recorder.call("finish 0");
        }
    })
}

/// Both streams begin with the end of the login, and anew with the keys.
fn compressed() -> Script {
    let title = "OpenSSH's server: compressed after the login, and again after we change keys";
    let script = script(title, Side::Client, 16, "cipher=aes256-gcm@openssh.com zip=zlib@openssh.com");
    let mut asked = false;
    run_command(script, &["Compression yes"], "seq 2000; read line; seq 2000", move |recorder, event| {
        if event.starts_with("channel 0 data ") && !asked {
            asked = true;
            recorder.call("rekey");
        }
        if event.ends_with("first=false") {
            assert_eq!(recorder.call(&format!("write 0 0x{}", hex(b"go on, and again: go on, and again\n"))), "-> 35");
        }
    })
}

fn server_with_exec() -> Script {
    let title = "OpenSSH's client: it asks about its key, signs, runs a command and is told its status";
    let script = script(title, Side::Server, 15, "cipher=aes128-ctr methods=publickey");
    let key = signing::key(HostKey::Ed25519);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let line = PublicKeyBuf::from_blob(key.public()).expect("a key").line("");
    let mut known_hosts = tempfile::NamedTempFile::new().expect("a file");
    write!(known_hosts, "{}", known_hosts_line(port, line.trim())).expect("known_hosts");
    let identity = Keys::shared().client(Kind::Ed25519);
    let mut ssh = ssh_command(port, &identity, known_hosts.path(), &["-l", "user"]);
    let ssh = std::thread::spawn(move || ssh.arg("greet").output().expect("ssh"));
    let mut recorder = Recorder::new(script);
    let (peer, _) = listener.accept().expect("OpenSSH's client");
    converse(peer, &mut recorder, |recorder, event| greet(recorder, event, &key)).expect("a session");
    let output = ssh.join().expect("ssh ran");
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"hello\n");
    recorder.finish()
}

fn greet(recorder: &mut Recorder, event: &str, key: &SigningKey) {
    let public = hex(key.public());
    let words: Vec<_> = event.split(' ').collect();
    match words[..] {
        ["auth", "host-key", _] => drop(recorder.call(&format!("host-key 0x{public}"))),
        ["auth", "sign", _] => {
            let message = recorder.end().to_sign("", "", &[]).expect("a question");
            let signature = key.sign(HostKey::Ed25519, &message).expect("the key signs");
            recorder.call(&format!("sign 0x{public} 0x{}", hex(&signature)));
        }
        ["auth", "probe", _, algorithm, blob] => drop(recorder.call(&format!("acceptable {algorithm} {blob}"))),
        ["auth", "attempt", _, "publickey", ..] => drop(recorder.call("grant")),
        ["open", "session"] => drop(recorder.call("accept")),
        ["channel", "0", "request", "exec", "greet", _] => {
            let hello = format!("write 0 0x{}", hex(b"hello\n"));
            for call in ["reply yes", &hello, "request 0 exit-status 3", "finish 0", "close 0"] {
                recorder.call(call);
            }
        }
        _ => {}
    }
}
