//! What the blocking client and server record, against OpenSSH: sessions of every kind, and failed ones, are played
//! again to the byte, with either provider and the received bytes cut anyhow.

mod altered;
mod failed;
mod line;
mod redacted;

use core::time::Duration;
use sanssh_core::config::Keepalive;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::replay::{Cut, Script, Tape, What, play};
use sanssh_std::core::algorithm::{Zip, list};
use sanssh_std::{
    Attempt, AuthorizedKeys, Client, Copy, Credential, Exit, Handler, KnownHosts, Options, Permissions, Record, Server,
    ServerConfig, Session, Shutdown, Verdict, home,
};
use sanssh_tests::keys::{Keys, Kind, public};
use sanssh_tests::openssh::{Sshd, known_hosts_line, ssh_command};
use sanssh_tests::peers;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

const PEERS: [&str; 2] = ["sshd", "ssh-keygen"];
const PATIENCE: Option<Duration> = Some(Duration::from_secs(60));

/// Tapes that stay in memory.
#[derive(Clone, Default)]
struct Tapes(Arc<Mutex<Vec<String>>>);

struct One(Tapes, usize);

impl Tapes {
    fn record(&self) -> Record {
        let tapes = self.clone();
        Record::to(move || {
            let mut texts = tapes.0.lock().unwrap();
            texts.push(String::new());
            Ok(Box::new(One(tapes.clone(), texts.len() - 1)))
        })
    }

    /// The first recording, which is over.
    fn script(&self) -> Script {
        let text = self.0.lock().unwrap().first().unwrap().clone();
        let script = Script::read(&text).unwrap();
        assert!(matches!(script.steps.last().unwrap().what, What::End(_)), "a recording has an end");
        assert_eq!(script.write(), text, "what was streamed is what a script writes");
        script
    }
}

impl core::fmt::Write for One {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.0.0.lock().unwrap()[self.1].write_str(text)
    }
}

impl Tape for One {
    fn sync(&mut self) -> core::fmt::Result {
        Ok(())
    }
}

/// Plays a recording in every way there is.
fn replay(script: &Script) {
    play::<Fast>(script, Cut::Recorded).unwrap();
    play::<Soft>(script, Cut::Recorded).unwrap();
    for cut in [Cut::Bytes, Cut::Joined].into_iter().chain((0..4).map(Cut::Random)) {
        play::<Fast>(script, cut).unwrap_or_else(|what| panic!("{cut:?}: {what}"));
    }
}

fn says(script: &Script, text: &str) -> usize {
    let said = |what: &What| matches!(what, What::Event(words) | What::Call(words) if words.contains(text));
    script.steps.iter().filter(|step| said(&step.what)).count()
}

fn end(script: &Script) -> &str {
    let What::End(end) = &script.steps.last().unwrap().what else { panic!("no end") };
    end
}

/// A client of OpenSSH's server that is recorded.
fn connect(server: &Sshd, options: &Options) -> Client {
    let mut hosts = KnownHosts::files([server.known_hosts()]);
    let client = Client::connect("127.0.0.1", server.port(), options, &mut hosts).unwrap();
    client.set_timeout(PATIENCE);
    let key = home::read_key(&Keys::shared().client(Kind::Ed25519), None).unwrap();
    client.login_key(server.user(), &key).unwrap().accepted().unwrap();
    client
}

/// Text that can be compressed, of about so many bytes.
fn text(length: usize) -> Vec<u8> {
    (0..length / 12).flat_map(|number| format!("{number:>10}\n ").into_bytes()).collect()
}

/// Sends data through a command there and back.
fn echo(client: &Client, data: &[u8]) {
    echo_to(client, data, 0);
}

/// The same with a command that ends with this status.
fn echo_to(client: &Client, data: &[u8], status: u32) {
    let channel = client.session().unwrap();
    channel.exec("cat").unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            (&channel).write_all(data).unwrap();
            channel.finish();
        });
        let mut back = Vec::new();
        (&channel).read_to_end(&mut back).unwrap();
        assert!(back == data);
    });
    assert_eq!(channel.wait().unwrap(), Exit::Status(status));
}

#[test]
fn a_client_replays_with_commands_files_and_rekeys() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let tapes = Tapes::default();
    let mut options = Options { record: Some(tapes.record()), ..Options::default() };
    options.core.rekey.bytes = 100_000;
    let client = connect(&server, &options);
    let finished = client.run("echo hello; echo oops >&2; exit 3").unwrap();
    assert_eq!((finished.stdout, finished.stderr), (b"hello\n".to_vec(), b"oops\n".to_vec()));
    echo(&client, &text(150_000));
    client.rekey();
    files(&client);
    client.disconnect();
    drop(client);
    let script = tapes.script();
    assert!(says(&script, "first=false") > 2 && says(&script, "call reseed") == 0 && says(&script, "reseed ") > 2);
    assert_eq!(end(&script), "Closed");
    replay(&script);
}

#[test]
fn a_client_that_asks_for_signs_of_life_and_widens_a_window_replays() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let tapes = Tapes::default();
    let client = connect(&server, &Options { record: Some(tapes.record()), ..Options::default() });
    client.set_keepalive(Keepalive { interval: Duration::from_secs(3600), count: 3 });
    client.ask_alive();
    let channel = client.session().unwrap();
    channel.widen(5_000_000);
    client.block(channel.begin_exec(b"head -c 4000000 /dev/zero")).unwrap();
    let mut zeros = Vec::new();
    (&channel).read_to_end(&mut zeros).unwrap();
    assert_eq!((zeros.len(), channel.wait().unwrap()), (4_000_000, Exit::Status(0)));
    drop(channel);
    client.disconnect();
    drop(client);
    let script = tapes.script();
    assert_eq!((says(&script, "keepalive 3600000000 3"), says(&script, "ask-alive")), (1, 1));
    replay(&script);
}

/// Copies a file to the server and back.
fn files(client: &Client) {
    let directory = tempfile::tempdir().unwrap();
    let [here, there, back] = ["here", "there", "back"].map(|name| directory.path().join(name));
    std::fs::write(&here, text(120_000)).unwrap();
    let sftp = client.sftp().unwrap();
    let there = there.to_str().unwrap();
    sftp.put(&here, there, &Copy::default(), &mut |_| ()).unwrap();
    sftp.get(there, &back, &Copy::default(), &mut |_| ()).unwrap();
    assert!(std::fs::read(&back).unwrap() == text(120_000));
    assert!(sftp.metadata("/nowhere").is_err());
}

#[test]
fn a_client_with_compression_replays() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&["Compression yes", "RekeyLimit 50K"]);
    let tapes = Tapes::default();
    let mut options = Options { record: Some(tapes.record()), ..Options::default() };
    options.core.preferences.zips = list(&[Zip::ZlibDelayed, Zip::None]);
    let client = connect(&server, &options);
    echo(&client, &text(400_000));
    drop(client);
    let script = tapes.script();
    assert!(says(&script, "+zlib@openssh.com") > 1 && says(&script, "first=false") > 0);
    replay(&script);
}

/// Threads make their calls in an order of their own, and a recording has it.
#[test]
fn a_client_of_many_threads_replays() {
    if !peers::require(&PEERS) {
        return;
    }
    let server = Sshd::start(&[]);
    let tapes = Tapes::default();
    let mut options = Options { record: Some(tapes.record()), ..Options::default() };
    options.core.window = 20_000;
    options.core.keepalive.interval = Duration::from_millis(1);
    options.core.keepalive.count = 1_000_000;
    let client = connect(&server, &options);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| echo(&client, &text(60_000)));
        }
    });
    drop(client);
    let script = tapes.script();
    assert!(says(&script, "open session -> ") >= 4);
    replay(&script);
}

/// A server of ours whose users log in by a key or any password.
struct Serving {
    port: u16,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
    hosts: tempfile::NamedTempFile,
}

struct Cat(AuthorizedKeys);

impl Handler for Cat {
    fn key_acceptable(&self, peer: core::net::SocketAddr, user: &str, key: &[u8]) -> bool {
        self.0.would_do(peer, user, key)
    }

    fn login(&self, attempt: &Attempt<'_>) -> Verdict {
        match attempt.credential {
            Credential::Password(_) | Credential::Answers(_) => Verdict::Accept(Permissions::default()),
            Credential::Interactive => Verdict::Ask {
                name: "a name".into(),
                instruction: String::new(),
                prompts: vec![("word: ".into(), false)],
            },
            Credential::None | Credential::PasswordChange { .. } | Credential::Key { .. } => self.0.verdict(attempt),
        }
    }

    fn session(&self, session: Session) {
        // A client that went away is no fault of the test's.
        let _ = io::copy(&mut &session, &mut &session).and_then(|_| Ok(session.exit(3)?));
    }
}

impl Serving {
    fn start(config: ServerConfig) -> Self {
        let keys = Keys::shared();
        let host_keys = vec![home::read_key(&keys.host(Kind::Ed25519), None).unwrap()];
        let server = Server::bind("127.0.0.1:0", ServerConfig { host_keys, ..config }).unwrap();
        let (port, shutdown) = (server.local_addr().unwrap().port(), server.shutdown());
        let mut hosts = tempfile::NamedTempFile::new().unwrap();
        let line = known_hosts_line(port, &public(&keys.host(Kind::Ed25519)));
        hosts.write_all(line.as_bytes()).unwrap();
        let handler = Cat(AuthorizedKeys::text(keys.authorized()));
        let thread = Some(thread::spawn(move || server.serve(handler)));
        Self { port, shutdown, thread, hosts }
    }

    fn connect(&self, options: &Options) -> Client {
        let socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let mut hosts = KnownHosts::files([self.hosts.path()]);
        let client = Client::from_stream(socket, "127.0.0.1", self.port, options, &mut hosts).unwrap();
        client.set_timeout(PATIENCE);
        client
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.shutdown.stop();
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn a_server_of_openssh_s_client_replays() {
    if !peers::require(&["ssh", "ssh-keygen"]) {
        return;
    }
    let tapes = Tapes::default();
    let serving = Serving::start(ServerConfig { record: Some(tapes.record()), ..ServerConfig::default() });
    let identity = Keys::shared().client(Kind::Ed25519);
    let mut ssh = ssh_command(serving.port, &identity, serving.hosts.path(), &["-oRekeyLimit=50K", "-C", "-l", "me"]);
    let mut ssh = ssh.arg("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = ssh.stdin.take().unwrap();
    let writer = thread::spawn(move || input.write_all(&text(120_000)).unwrap());
    let output = ssh.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.stdout == text(120_000));
    assert_eq!(output.status.code(), Some(3));
    drop(serving);
    let script = tapes.script();
    assert!(says(&script, "first=false") > 0 && says(&script, "sign ") > 1);
    replay(&script);
}
