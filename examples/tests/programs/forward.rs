//! Forwarding by our `ssh` and our `sshd`, with each other and with OpenSSH's at either end. What is at the end of a forward
//! answers when it has heard all, so whatever passes keeps the end of one way apart from that of the other.

use crate::support::{OurSshd, Pair, ended, failed, fed, holds, noise, our_ssh, text};
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::{Sshd, ssh_command};
use sanssh_tests::process::{DEADLINE, Daemon, run};
use sanssh_tests::{peers, port};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

/// What our server has to be told before it forwards.
const ALL: [&str; 2] = ["-oAllowTcpForwarding=yes", "-oAllowStreamLocalForwarding=yes"];

/// Says what it hears backwards, once it has heard all.
fn mirror(mut heard: impl Read, mut say: impl Write) {
    let mut all = Vec::new();
    if heard.read_to_end(&mut all).is_ok() {
        all.reverse();
        // Whoever left before does not want it.
        let _ = say.write_all(&all);
    }
}

/// A port with a mirror behind it.
fn mirror_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || mirror(&socket, &socket));
        }
    });
    port
}

/// A Unix socket with a mirror behind it.
fn mirror_path(directory: &Path) -> PathBuf {
    let path = directory.join("mirror");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || mirror(&socket, &socket));
        }
    });
    path
}

/// A port with a page behind it.
fn page_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let _ = socket.read(&mut request);
            let _ = socket.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\npage\n");
        }
    });
    port
}

/// Whether this comes back mirrored.
fn comes_back(mut hears: impl Read, mut says: impl Write, end: impl FnOnce(), bytes: &[u8]) -> bool {
    let mut back = Vec::new();
    says.write_all(bytes).unwrap();
    end();
    hears.read_to_end(&mut back).unwrap();
    back.reverse();
    back == bytes
}

fn by_port(port: u16, bytes: &[u8]) -> bool {
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    comes_back(&socket, &socket, || socket.shutdown(Shutdown::Write).unwrap(), bytes)
}

fn by_path(path: &Path, bytes: &[u8]) -> bool {
    let socket = UnixStream::connect(path).unwrap();
    comes_back(&socket, &socket, || socket.shutdown(Shutdown::Write).unwrap(), bytes)
}

/// Starts a client that only forwards, and waits until the server has answered for what it listens at. The port that the
/// server chose for the forward to `to`.
fn forwards(pair: &Pair, options: &[&str], to: u16) -> (Daemon, u16) {
    let mut all = vec!["-v", "-N"];
    all.extend(options);
    let remote = format!("0:127.0.0.1:{to}");
    all.extend(["-R", &remote]);
    let client = Daemon::spawn(&mut pair.client(&all)).unwrap();
    let word = format!(" for remote forward to 127.0.0.1:{to}");
    assert!(client.says(&word), "{}: {}", pair.name, client.log());
    let log = client.log();
    let number = log.split(&word).next().and_then(|front| front.rsplit("Allocated port ").next());
    (client, number.and_then(|number| number.parse().ok()).unwrap())
}

#[test]
fn every_kind_of_forward_carries_both_ways_between_all_ends() {
    let Some(pairs) = Pair::all(&[], &ALL) else { return };
    let bytes = noise(3 << 20);
    for pair in pairs {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        let (to, behind) = (mirror_port(), mirror_path(directory.path()));
        let (port, local, remote) = (port::free(), place("local"), place("remote"));
        let options = [
            format!("-L{port}:127.0.0.1:{to}"),
            format!("-L{}:{}", local.display(), behind.display()),
            format!("-R{}:{}", remote.display(), behind.display()),
        ];
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        let (_client, allocated) = forwards(&pair, &options, to);
        assert!(by_port(port, &bytes) && by_port(port, b""), "{}: -L", pair.name);
        assert!(by_path(&local, &bytes), "{}: -L of sockets", pair.name);
        assert!(by_port(allocated, &bytes) && by_port(allocated, b""), "{}: -R", pair.name);
        // The order of the requests is the client's: this one may have been answered later.
        assert!(holds(Instant::now() + DEADLINE, || remote.exists()), "{}", pair.name);
        assert!(by_path(&remote, &bytes), "{}: -R of sockets", pair.name);
    }
}

#[test]
fn programs_say_by_socks_where_they_want_to_go() {
    if !peers::require(&["curl"]) {
        return;
    }
    let Some(pairs) = Pair::all(&[], &ALL) else { return };
    for pair in pairs {
        let (port, page) = (port::free(), page_port());
        let dynamic = format!("-D127.0.0.1:{port}");
        let _client = forwards(&pair, &[&dynamic], page);
        for (scheme, host) in
            [("socks4", "127.0.0.1"), ("socks4a", "localhost"), ("socks5", "127.0.0.1"), ("socks5h", "localhost")]
        {
            let proxy = format!("{scheme}://127.0.0.1:{port}");
            let url = format!("http://{host}:{page}/");
            assert_eq!(run(Command::new("curl").args(["-sS", "-x", &proxy, &url])), "page\n", "{} {scheme}", pair.name);
        }
        let nowhere = format!("http://127.0.0.1:{}/", port::free());
        let refused =
            Command::new("curl").args(["-s", "-x", &format!("socks5h://127.0.0.1:{port}"), &nowhere]).output();
        assert!(!refused.unwrap().status.success(), "{}", pair.name);
    }
}

/// As many as a server has channels for, all open at once, while keys change every megabyte.
#[test]
fn two_hundred_connections_at_once_share_a_connection_that_changes_its_keys() {
    const CONNECTIONS: usize = 200;
    let whole: usize = if cfg!(debug_assertions) { 32 << 20 } else { 1 << 30 };
    let Some(pairs) = Pair::all(&["LogLevel DEBUG1"], &ALL) else { return };
    let bytes = noise(whole / CONNECTIONS / 2);
    for pair in pairs {
        let (port, to) = (port::free(), mirror_port());
        let local = format!("-L{port}:127.0.0.1:{to}");
        let (client, _) = forwards(&pair, &["-oRekeyLimit=1M", &local], to);
        let all_here = Barrier::new(CONNECTIONS);
        thread::scope(|scope| {
            for _ in 0..CONNECTIONS {
                scope.spawn(|| {
                    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
                    all_here.wait();
                    let end = || socket.shutdown(Shutdown::Write).unwrap();
                    assert!(comes_back(&socket, &socket, end, &bytes), "{}", pair.name);
                });
            }
        });
        let log = pair.server_log() + &client.log();
        let changes = log.matches("SSH2_MSG_NEWKEYS received").count();
        assert!(changes > whole >> 22 || !pair.tells_of_keys(), "{}: {changes}", pair.name);
    }
}

#[test]
fn a_connection_that_leads_nowhere_is_told_and_the_session_goes_on() {
    let Some(server) = openssh(&[]) else { return };
    let (port, nowhere) = (port::free(), port::free());
    let local = format!("-L{port}:127.0.0.1:{nowhere}");
    let mut ssh = client(&server, &[&local, &format!("-R0:127.0.0.1:{nowhere}")]);
    let child = ssh.arg("echo on; cat").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut on = [0; 3];
    stdout.read_exact(&mut on).unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    let allocated = lines.next().unwrap().unwrap();
    assert!(allocated.starts_with("Allocated port "), "{allocated}");
    let allocated = allocated.split(' ').nth(2).and_then(|number| number.parse().ok()).unwrap();
    for (from, word) in [(port, "the peer cannot connect"), (allocated, "refused")] {
        let mut socket = TcpStream::connect(("127.0.0.1", from)).unwrap();
        // It ends, well or not.
        let _ = socket.read(&mut [0]);
        let told = lines.next().unwrap().unwrap();
        assert!(told.contains(word) && told.contains(&nowhere.to_string()), "{told}");
    }
    stdin.write_all(b"more").unwrap();
    drop(stdin);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), child.wait().unwrap().code()), ("more", Some(0)));
}

#[test]
fn a_forward_that_cannot_be_is_told_or_the_end() {
    let Some(server) = openssh(&["AllowTcpForwarding local"]) else { return };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("-L{}:127.0.0.1:1", taken.local_addr().unwrap().port());
    for (option, word) in [(taken.as_str(), "in use"), ("-R0:127.0.0.1:1", "does not listen"), ("-R0", "not supported")]
    {
        let result = client(&server, &[option]).arg("echo on").output().unwrap();
        assert_eq!((text(&result.stdout).as_str(), result.status.code()), ("on\n", Some(0)), "{option}");
        assert!(text(&result.stderr).contains(word), "{option}: {}", text(&result.stderr));
        failed(&client(&server, &["-oExitOnForwardFailure=yes", option]).arg("echo on").output().unwrap(), &[word]);
        let cleared = client(&server, &["-oClearAllForwardings=yes", option]).arg("echo on").output().unwrap();
        ended(&cleared, 0, "on\n", "");
    }
}

#[test]
fn sockets_are_the_users_alone_and_go_with_the_program() {
    let Some(server) = openssh(&[]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let local = format!("-L{}:127.0.0.1:1", path.display());
    let seen = client(&server, &[&local]).arg(format!("stat -c %a {}", path.display())).output().unwrap();
    ended(&seen, 0, "600\n", "");
    assert!(!path.exists());
    fs::write(&path, "in the way").unwrap();
    failed(&client(&server, &[&local, "-oExitOnForwardFailure=yes"]).arg("true").output().unwrap(), &["in use"]);
    let unlinks = ["-oStreamLocalBindUnlink=yes", "-oStreamLocalBindMask=0111", &local];
    let seen = client(&server, &unlinks).arg(format!("stat -c %a {}", path.display())).output().unwrap();
    ended(&seen, 0, "666\n", "");
    assert!(!path.exists());
}

/// What OpenSSH's client says of its tunnel to a mirror through our server.
fn tunnel(server: &OurSshd, kind: Kind, to: u16) -> String {
    let way = format!("-W127.0.0.1:{to}");
    let mut ssh = ssh_command(server.port, &Keys::shared().client(kind), &server.known_hosts(), &[&way]);
    let result = fed(&mut ssh, b"abc");
    format!("{}{}", text(&result.stdout), text(&result.stderr))
}

/// Whether our server listens for OpenSSH's client at a port of this address.
fn listens(server: &OurSshd, kind: Kind, at: &str) -> bool {
    let options = ["-oExitOnForwardFailure=yes", "-R", at];
    let mut ssh = ssh_command(server.port, &Keys::shared().client(kind), &server.known_hosts(), &options);
    ssh.arg("true").output().unwrap().status.success()
}

#[test]
fn our_server_forwards_nothing_unless_told_to() {
    if !peers::require(&["ssh", "ssh-keygen"]) {
        return;
    }
    let to = mirror_port();
    for (options, connects, takes) in [
        (&[][..], false, false),
        (&["-oAllowStreamLocalForwarding=yes"], false, false),
        (&["-oAllowTcpForwarding=yes"], true, true),
        (&["-oAllowTcpForwarding=local"], true, false),
        (&["-oAllowTcpForwarding=remote"], false, true),
        (&["-oAllowTcpForwarding=yes", "-oDisableForwarding=yes"], false, false),
        (&["-oAllowTcpForwarding=yes", "-oSftpRoot=/"], false, false),
        (&["-oAllowTcpForwarding=yes", "-oPermitOpen=127.0.0.1:1", "-oPermitListen=none"], false, false),
        (&["-oAllowTcpForwarding=yes", "-oPermitOpen=127.0.0.1:*", "-oPermitListen=localhost:*"], true, true),
    ] {
        let server = OurSshd::start(options);
        let said = tunnel(&server, Kind::Ed25519, to);
        assert_eq!(said == "cba", connects, "{options:?}: {said}");
        // Confined to files, there is no command to tell by.
        if !options.contains(&"-oSftpRoot=/") {
            assert_eq!(listens(&server, Kind::Ed25519, &format!("{}:127.0.0.1:1", port::free())), takes, "{options:?}");
        }
    }
}

#[test]
fn what_a_key_forbids_our_server_does_not_forward_whatever_it_is_told() {
    if !peers::require(&["ssh", "ssh-keygen"]) {
        return;
    }
    let (to, other, free) = (mirror_port(), mirror_port(), port::free());
    let line = |options: &str, kind| format!("{options} {}\n", public(&Keys::shared().client(kind)));
    let start = |options: &str| OurSshd::with(&ALL, &line(options, Kind::Ed25519));
    for options in ["restrict", "no-port-forwarding", "restrict,permitopen=\"127.0.0.1:*\""] {
        let server = start(options);
        let said = tunnel(&server, Kind::Ed25519, to);
        assert!(said.contains("prohibited"), "{options}: {said}");
        assert!(!listens(&server, Kind::Ed25519, &format!("{free}:127.0.0.1:1")), "{options}");
    }
    let server = start(&format!("permitopen=\"127.0.0.1:{to}\",permitlisten=\"localhost:{free}\""));
    assert_eq!(tunnel(&server, Kind::Ed25519, to), "cba");
    assert!(tunnel(&server, Kind::Ed25519, other).contains("prohibited"));
    assert!(listens(&server, Kind::Ed25519, &format!("{free}:127.0.0.1:1")));
    assert!(!listens(&server, Kind::Ed25519, &format!("{}:127.0.0.1:1", port::free())));
    // No way around by a Unix socket.
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    assert!(!listens(&server, Kind::Ed25519, &format!("{}:127.0.0.1:1", socket.display())));
    let server = start("restrict,port-forwarding");
    assert_eq!(tunnel(&server, Kind::Ed25519, to), "cba");
}

fn openssh(options: &[&str]) -> Option<Sshd> {
    peers::require(&["sshd", "ssh-keygen"]).then(|| Sshd::start(options))
}

fn client(server: &Sshd, options: &[&str]) -> Command {
    our_ssh(server.port(), &Keys::shared().client(Kind::Ed25519), &server.known_hosts(), options)
}
