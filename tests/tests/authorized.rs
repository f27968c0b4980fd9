//! Who may log in, by OpenSSH's answers: the same lines and certificates are put before Debian's sshd and before
//! [`authorize`], and both must say the same. Certificates made by `ssh-keygen` log in both ways.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use sanssh_std::core::file::{Lists, Proof, PublicKeyBuf, SigningKey, Situation, authorize};
use sanssh_std::{
    Attempt, AuthorizedKeys, Client, Handler, KnownHosts, List, Options, Outcome, Plan, Server, ServerConfig, Session,
    Shutdown, Start, Verdict, home,
};
use sanssh_tests::certify::Authority;
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::{Config, Sshd, known_hosts_line, ssh_command};
use sanssh_tests::peers;
use sanssh_tests::process::run;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::SystemTime;
use tempfile::TempDir;

const PEERS: [&str; 3] = ["sshd", "ssh", "ssh-keygen"];

/// Options in front of a key, and whether OpenSSH takes the key by them: documented, so that a peer that takes nothing
/// at all is noticed.
const LINES: &[(&str, bool)] = &[
    ("", true),
    ("restrict", true),
    ("RESTRICT,Pty", true),
    ("no-pty,no-port-forwarding,no-agent-forwarding,no-X11-forwarding,no-user-rc", true),
    ("pty,port-forwarding,agent-forwarding,x11-forwarding,user-rc", true),
    ("touch-required,no-touch-required,no-verify-required", true),
    (",pty", true),
    ("pty,", true),
    ("pty,,pty", true),
    ("no-restrict", false),
    ("no-cert-authority", false),
    ("cert-authority", false),
    ("wizard", false),
    ("ptypty", false),
    ("pty=\"yes\"", false),
    ("pty pty", false),
    ("command=\"true\"", true),
    ("command=\"echo \\\"a, b\\\"\"", true),
    ("command=\"\"", true),
    ("command=true", false),
    ("command", false),
    ("command=\"true", false),
    ("command=\"true\"pty", false),
    ("command=\"a\",command=\"a\"", false),
    ("Command=\"true\"", true),
    ("environment=\"A=b\"", true),
    ("environment=\"A_1=\",environment=\"A_1=c\"", true),
    ("environment=\"A\"", false),
    ("environment=\"=b\"", false),
    ("environment=\"A-B=c\"", false),
    ("from=\"127.0.0.1\"", true),
    ("from=\"127.0.0.0/8\"", true),
    ("from=\"127.*\"", true),
    ("from=\"127.?.0.1\"", true),
    ("from=\"*\"", true),
    ("from=\"127.1\"", true),
    ("from=\"0x7f.1\"", true),
    ("from=\"10.0.0.1,127.0.0.1\"", true),
    ("from=\"!10.0.0.1,*\"", true),
    ("from=\"0.0.0.0/0\"", true),
    ("from=\"10.0.0.0/8\"", false),
    ("from=\"!127.0.0.1,*\"", false),
    ("from=\"*,!127.0.0.0/24\"", false),
    ("from=\"!10.0.0.1\"", false),
    ("from=\"127.0.0.1/8\"", false),
    ("from=\"*,127.0.0.1/8\"", false),
    ("from=\"*,127.0.0.0/33\"", false),
    ("from=\"*,127.0.0.0/x\"", true),
    ("from=\"*,\"", false),
    ("from=\"\"", false),
    ("from=\"::/0\"", false),
    ("from=\"::ffff:127.0.0.1\"", false),
    ("from=\"*\",from=\"*\"", false),
    ("expiry-time=\"20400101\"", true),
    ("expiry-time=\"20400101Z\"", true),
    ("expiry-time=\"20400101utc\"", true),
    ("expiry-time=\"204001011200\"", true),
    ("expiry-time=\"20400101120059z\"", true),
    ("expiry-time=\"20400231\"", true),
    ("expiry-time=\"20200101\"", false),
    ("expiry-time=\"20200101Z\"", false),
    ("expiry-time=\"20200101Z\",expiry-time=\"20400101Z\"", false),
    ("expiry-time=\"20400101Z\",expiry-time=\"20200101\"", false),
    ("expiry-time=\"20401301\"", false),
    ("expiry-time=\"20400132\"", false),
    ("expiry-time=\"204001012400\"", false),
    ("expiry-time=\"2040010112005\"", false),
    ("expiry-time=\"2040\"", false),
    ("expiry-time=\"\"", false),
    ("expiry-time=\"19700101Z\"", false),
    ("principals=\"root\"", false),
    ("permitopen=\"localhost:80\"", true),
    ("permitopen=\"[::1]:*\",permitopen=\"*:22\"", true),
    ("permitopen=\"localhost/80\"", true),
    ("permitopen=\"localhost\"", false),
    ("permitopen=\"80\"", false),
    ("permitopen=\"localhost:0\"", false),
    ("permitopen=\"localhost:65536\"", false),
    ("permitopen=\"[::1]80\"", false),
    ("permitlisten=\"8080\"", true),
    ("permitlisten=\"*:8080\",permitlisten=\"localhost:*\"", true),
    ("permitlisten=\"localhost:\"", false),
    ("tunnel=\"0\"", true),
    ("tunnel=\"Any\"", true),
    ("tunnel=\"x\"", false),
    ("tunnel=\"2147483646\"", false),
];

/// OpenSSH's server with lists that a test rewrites.
struct Oracle {
    server: Sshd,
    directory: TempDir,
}

impl Oracle {
    fn start(authorities: Option<&str>, principals: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name).display().to_string();
        let mut options = vec![format!("AuthorizedKeysFile {}", file("keys"))];
        if let Some(text) = authorities {
            fs::write(file("authorities"), text).unwrap();
            options.push(format!("TrustedUserCAKeys {}", file("authorities")));
        }
        if principals {
            options.push(format!("AuthorizedPrincipalsFile {}", file("principals")));
        }
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        let server = Sshd::with(Config { options: &options, host_keys: &[Kind::Ed25519], ..Config::default() });
        Self { server, directory }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).unwrap();
    }

    fn connect(&self) -> Client {
        let mut hosts = KnownHosts::files([self.server.known_hosts()]);
        let client = Client::connect("127.0.0.1", self.server.port(), &Options::default(), &mut hosts).unwrap();
        client.set_timeout(Some(Duration::from_secs(30)));
        client
    }

    fn takes(&self, key: &SigningKey) -> bool {
        self.connect().login_key(self.server.user(), key).unwrap().is_accepted()
    }

    fn takes_certificate(&self, key: &SigningKey, certificate: &[u8]) -> bool {
        self.connect().login_certificate(self.server.user(), key, certificate).unwrap().is_accepted()
    }

    /// What the same lists say to `authorize`.
    fn situation(&self) -> Situation<'_> {
        let now = SystemTime::UNIX_EPOCH.elapsed().ok().map(|span| span.as_secs());
        let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Situation { user: self.server.user().as_bytes(), address, name: None, now, offset: Some(0) }
    }
}

fn client_key() -> SigningKey {
    home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap()
}

fn blob(certificate: &Path) -> Vec<u8> {
    let text = fs::read(certificate).unwrap();
    PublicKeyBuf::read(&text).unwrap().0.blob().to_vec()
}

#[test]
fn lines_decide_as_sshd_decides() {
    if !peers::require(&PEERS) {
        return;
    }
    let oracle = Oracle::start(None, false);
    let key = client_key();
    let mine = public(&Keys::shared().client(Kind::Ed25519));
    for (options, expected) in LINES {
        let line = format!("{options} {mine}\n");
        oracle.write("keys", &line);
        let lists = Lists { keys: line.as_bytes(), ..Lists::default() };
        let own = authorize(&lists, &oracle.situation(), key.public(), Proof::Signature(None)).is_ok();
        assert_eq!((oracle.takes(&key), own), (*expected, *expected), "(sshd, here): {options}");
    }
}

/// Flags of `ssh-keygen` for a certificate, a line's options, whether it logs in the user who runs the test.
const CERTIFICATES: &[(&[&str], &str, bool)] = &[
    (&["-n", "USER"], "cert-authority", true),
    (&["-n", "other,USER"], "cert-authority,restrict", true),
    (&["-n", "other"], "cert-authority", false),
    (&["-n", "USER"], "restrict", false),
    (&["-n", "USER"], "cert-authority,principals=\"USER\"", true),
    (&["-n", "other"], "cert-authority,principals=\"another,other\"", true),
    (&["-n", "USER"], "cert-authority,principals=\"other\"", false),
    (&["-n", "USER"], "cert-authority,principals=\"\"", false),
    (&["-n", "*"], "cert-authority", false),
    (&["-n", "USER"], "cert-authority,from=\"10.0.0.1\"", false),
    (&["-n", "USER"], "cert-authority,expiry-time=\"20200101Z\"", false),
    (&["-n", "USER", "-h"], "cert-authority", false),
    (&["-n", "USER", "-V", "20200101:20200102"], "cert-authority", false),
    (&["-n", "USER", "-V", "20400101:20400102"], "cert-authority", false),
    (&["-n", "USER", "-O", "source-address=127.0.0.0/8"], "cert-authority", true),
    (&["-n", "USER", "-O", "source-address=10.0.0.0/8,127.0.0.1"], "cert-authority", true),
    (&["-n", "USER", "-O", "source-address=10.0.0.0/8"], "cert-authority", false),
    (&["-n", "USER", "-O", "source-address=10.0.0.0/8"], "cert-authority,from=\"127.0.0.1\"", false),
    (&["-n", "USER", "-O", "force-command=echo forced"], "cert-authority", true),
    (&["-n", "USER", "-O", "force-command=echo forced"], "cert-authority,command=\"echo forced\"", true),
    (&["-n", "USER", "-O", "force-command=echo forced"], "cert-authority,command=\"echo other\"", false),
    (&["-n", "USER", "-O", "critical:wizard@example.com=x"], "cert-authority", false),
    (&["-n", "USER", "-O", "extension:wizard@example.com=x"], "cert-authority", true),
    (&["-n", "USER", "-O", "clear"], "cert-authority", true),
];

#[test]
fn certificates_decide_as_sshd_decides() {
    if !peers::require(&PEERS) {
        return;
    }
    let oracle = Oracle::start(None, false);
    let (authority, key) = (Authority::new(), client_key());
    for (number, (flags, options, expected)) in CERTIFICATES.iter().enumerate() {
        let fill = |text: &str| text.replace("USER", oracle.server.user());
        let flags: Vec<_> = flags.iter().map(|flag| fill(flag)).collect();
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let path = Keys::shared().client(Kind::Ed25519);
        let certificate = blob(&authority.certify(&path, &format!("case{number}"), &flags));
        let line = format!("{} {}\n", fill(options), authority.line());
        oracle.write("keys", &line);
        let lists = Lists { keys: line.as_bytes(), ..Lists::default() };
        let own = authorize(&lists, &oracle.situation(), &certificate, Proof::Signature(None)).is_ok();
        let theirs = oracle.takes_certificate(&key, &certificate);
        assert_eq!((theirs, own), (*expected, *expected), "(sshd, here): {flags:?} {options}");
    }
}

/// Lines of `AuthorizedPrincipalsFile`, and whether a certificate for `team` logs in by them.
const PRINCIPALS: &[(&str, bool)] = &[
    ("team", true),
    ("# teams\n\nother\n  team  \n", true),
    ("team # all of them", true),
    ("restrict,pty team", true),
    ("command=\"echo a b\" team", true),
    ("restrict\tteam", true),
    ("other", false),
    ("", false),
    ("TEAM", false),
    ("*", false),
    ("team,other", false),
    ("wizard team", false),
    ("from=\"10.0.0.1\" team", false),
    ("from=\"10.0.0.1\" team\nteam", false),
    ("expiry-time=\"20200101Z\" team", false),
    ("cert-authority team", false),
    ("principals=\"team\" team", false),
];

#[test]
fn principals_decide_as_sshd_decides() {
    if !peers::require(&PEERS) {
        return;
    }
    let (authority, key) = (Authority::new(), client_key());
    let authorities = authority.line();
    let oracle = Oracle::start(Some(&authorities), true);
    let path = Keys::shared().client(Kind::Ed25519);
    let certificate = blob(&authority.certify(&path, "team", &["-n", "team"]));
    for (text, expected) in PRINCIPALS {
        oracle.write("principals", text);
        let lists =
            Lists { authorities: authorities.as_bytes(), principals: Some(text.as_bytes()), ..Lists::default() };
        let own = authorize(&lists, &oracle.situation(), &certificate, Proof::Signature(None)).is_ok();
        let theirs = oracle.takes_certificate(&key, &certificate);
        assert_eq!((theirs, own), (*expected, *expected), "(sshd, here): {text:?}");
    }
}

/// A server that trusts an authority, for which it runs what is asked by saying it.
struct Trusting(AuthorizedKeys);

impl Handler for Trusting {
    fn key_acceptable(&self, peer: SocketAddr, user: &str, key: &[u8]) -> bool {
        self.0.would_do(peer, user, key)
    }

    fn login(&self, attempt: &Attempt<'_>) -> Verdict {
        self.0.verdict(attempt)
    }

    fn session(&self, session: Session) {
        let said = match session.start() {
            Start::Exec(command) => String::from_utf8_lossy(command).into_owned(),
            Start::Shell | Start::Subsystem(_) => "nothing".to_owned(),
        };
        let terminal = if session.terminal().is_some() { " on a terminal" } else { "" };
        // A client that went away is no fault of the test's.
        let _ = writeln!(&session, "{said}{terminal}").and_then(|()| Ok(session.exit(0)?));
    }
}

/// Runs OpenSSH's client with a certificate against a server that trusts the authority.
fn at_our_server(keys: AuthorizedKeys, work: impl FnOnce(&dyn Fn(&Path, &[&str]) -> Command)) {
    let shared = Keys::shared();
    let host_keys = vec![home::read_key(&shared.host(Kind::Ed25519), None).unwrap()];
    let server = Server::bind("127.0.0.1:0", ServerConfig { host_keys, ..ServerConfig::default() }).unwrap();
    let (port, shutdown) = (server.local_addr().unwrap().port(), server.shutdown());
    let directory = tempfile::tempdir().unwrap();
    let hosts = directory.path().join("known_hosts");
    fs::write(&hosts, known_hosts_line(port, &public(&shared.host(Kind::Ed25519)))).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| server.serve(Trusting(keys)));
        let _end = End(shutdown);
        work(&|identity, options| {
            let options: Vec<_> = ["-l", "deploy"].iter().chain(options).copied().collect();
            ssh_command(port, identity, &hosts, &options)
        });
    });
}

/// Ends a server, also when a test fails.
struct End(Shutdown);

impl Drop for End {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[test]
fn certificates_log_in_at_openssh() {
    if !peers::require(&PEERS) {
        return;
    }
    let authority = Authority::new();
    let oracle = Oracle::start(Some(&authority.line()), false);
    oracle.write("keys", "");
    for kind in Kind::ALL {
        let path = Keys::shared().client(kind);
        let file =
            authority.certify(&path, kind.name(), &["-n", oracle.server.user(), "-O", "force-command=echo forced"]);
        let key = home::read_key(&path, None).unwrap();
        assert!(!oracle.takes(&key), "{kind:?}: the key alone does not log in");
        let client = oracle.connect();
        client.login_certificate(oracle.server.user(), &key, &blob(&file)).unwrap().accepted().unwrap();
        assert_eq!(client.run("echo wanted").unwrap().stdout, b"forced\n", "{kind:?}");
    }
}

#[test]
fn certificates_of_openssh_log_in_here() {
    if !peers::require(&PEERS) {
        return;
    }
    let authority = Authority::new();
    let keys = AuthorizedKeys { authorities: Some(List::Text(authority.line().into())), ..AuthorizedKeys::default() };
    at_our_server(keys, |ssh| {
        for kind in Kind::ALL {
            let path = Keys::shared().client(kind);
            let certified = |name: &str, flags: &[&str]| -> PathBuf {
                let name = format!("{}-{name}", kind.name());
                let file = authority.certify(&path, &name, flags);
                file.with_file_name(name)
            };
            let plain = certified("plain", &["-n", "deploy"]);
            assert_eq!(run(ssh(&plain, &[]).arg("hello")), "hello\n", "{kind:?}");
            assert_eq!(run(ssh(&plain, &["-tt"]).arg("hello")).trim(), "hello on a terminal");
            let narrow = certified("narrow", &["-n", "deploy", "-O", "clear", "-O", "force-command=forced"]);
            assert_eq!(run(ssh(&narrow, &[]).arg("hello")), "forced\n");
            let output = ssh(&narrow, &["-tt"]).arg("hello").output().unwrap();
            assert!(String::from_utf8_lossy(&output.stderr).contains("PTY allocation request failed"), "{output:?}");
            for (name, flags) in [
                ("other", &["-n", "root"][..]),
                ("late", &["-n", "deploy", "-V", "20200101:20200102"]),
                ("away", &["-n", "deploy", "-O", "source-address=10.0.0.0/8"]),
                ("host", &["-n", "deploy", "-h"]),
            ] {
                let status = ssh(&certified(name, flags), &[]).arg("hello").status().unwrap();
                assert_eq!(status.code(), Some(255), "{kind:?} {name}");
            }
        }
    });
}

#[test]
fn a_plan_says_what_became_of_each_key() {
    if !peers::require(&PEERS) {
        return;
    }
    let authority = Authority::new();
    let oracle = Oracle::start(Some(&authority.line()), false);
    oracle.write("keys", &public(&Keys::shared().client(Kind::Rsa)));
    let user = oracle.server.user();
    let wrong = authority.certify(&Keys::shared().client(Kind::Ecdsa), "wrong", &["-n", "nobody"]);
    let (locked, rsa) = (Keys::shared().locked(), Keys::shared().client(Kind::Rsa));
    let mut plan = Plan::new(None);
    for file in
        [&wrong.with_file_name("wrong"), &wrong.with_file_name("wrong"), &locked, &rsa, &Keys::shared().stranger()]
    {
        plan.file(file);
    }
    plan.file(Path::new("/nowhere"));
    let client = oracle.connect();
    while plan.goes_on() {
        if client.login_next(user, &mut plan, None).unwrap().is_some_and(|login| login.is_accepted()) {
            break;
        }
    }
    plan.end();
    let said: Vec<_> = plan.entries().iter().map(|entry| entry.outcome.to_string()).collect();
    let expected = [
        "refused",
        "refused",
        "not offered: the same key stands further up",
        "not offered: the same key stands further up",
        "not offered: it needs a passphrase, and there is nobody to ask",
        "accepted",
        "not offered: the server did not ask for more keys",
    ];
    assert_eq!(said[..7], expected);
    assert!(said[7].contains("not offered: /nowhere"), "{}", said[7]);
    assert_eq!(plan.entries()[5].outcome, Outcome::Accepted);
    let shown = plan.to_string();
    assert!(shown.contains("client_rsa (rsa-sha2-512 SHA256:") && shown.lines().count() == 8, "{shown}");
    assert!(
        shown.starts_with("the certificate ") && shown.contains("(ecdsa-sha2-nistp256-cert-v01@openssh.com SHA256:")
    );
}
