//! `tour`: a server and a client in one program, and what they can do with each other, in a few seconds.
//! Everything that comes back is checked; the exit status is 1 if anything was not as it should be.

#![forbid(unsafe_code)]

mod files;
mod pattern;
mod server;

use core::net::Ipv4Addr;
use core::time::Duration;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use pattern::{PIECE, Pattern};
use sanssh_core::algorithm::HostKey;
use sanssh_core::file::public::fingerprint;
use sanssh_core::file::{PublicKeyBuf, SigningKey};
use sanssh_std::{Channel, Client, Directory, Exit, HostKeyError, Hosts, Options, Server, ServerConfig, Share};
use server::{Guide, USER};
use std::io::{Read, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

const HELP: &str = "\
Usage: tour [--help]

Starts a server on 127.0.0.1, connects to it, runs commands, streams 256 MiB each way with new keys every 64 MiB, and
copies files by SFTP, checking every byte. Needs nothing, and leaves nothing behind but what the system's directory for
temporary files held before. Exit status: 0 if all was as it should be.
";

/// Bytes each way.
const SIZE: u64 = 256 << 20;
/// Bytes after which keys are changed.
const REKEY: u64 = 64 << 20;

type Outcome<T> = Result<T, Box<dyn core::error::Error>>;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_deref().and_then(|argument| argument.to_str()) {
        None if arguments.len() == 0 => {}
        Some("--help" | "-h") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("tour: takes no arguments; see --help");
            return ExitCode::from(2);
        }
    }
    match tour() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tour: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tour() -> Outcome<()> {
    let start = Instant::now();
    let (host_key, user_key) = (fresh_key()?, fresh_key()?);
    let pinned = host_key.public().to_vec();
    let authorized = PublicKeyBuf::from_blob(user_key.public())?.line("visitor's key");
    let subsystems = vec!["sftp".to_owned()];
    let config = ServerConfig { host_keys: vec![host_key], subsystems, ..ServerConfig::default() };
    let served = tempfile::tempdir()?;
    let files = Directory::open(served.path(), &Share::default())?;
    let server = Server::bind((Ipv4Addr::LOCALHOST, 0), config)?;
    let address = server.local_addr()?;
    println!("server    listening on {address}, host key {}", fingerprint(&pinned));
    let shutdown = server.shutdown();
    thread::scope(|scope| {
        scope.spawn(|| server.serve(Guide::new(authorized, files)));
        let outcome = visit(address.port(), pinned, &user_key);
        // Whatever happened, the server's thread has to end.
        shutdown.stop();
        outcome
    })?;
    println!("done      in {:.1} s, everything as it should be", start.elapsed().as_secs_f64());
    Ok(())
}

fn fresh_key() -> Outcome<SigningKey> {
    let secret = zeroize::Zeroizing::new(sanssh_core::Random::new(&sanssh_std::seed()?).array());
    Ok(SigningKey::ed25519(&secret))
}

/// The client's part.
fn visit(port: u16, pinned: Vec<u8>, key: &SigningKey) -> Outcome<()> {
    let client = connect(port, pinned, key)?;
    run(&client, "hello", (&format!("Hello, {USER}!\n"), "", 0))?;
    run(&client, "fail", ("", "this command always fails\n", 3))?;
    let uptime = client.run("uptime")?;
    println!("command   uptime: {}", String::from_utf8_lossy(&uptime.stdout).trim_end());
    let pattern = Pattern::new();
    stream(&client, "download", |watch| download(&client, &pattern, watch))?;
    stream(&client, "upload", |watch| upload(&client, &pattern, watch))?;
    files::copy(&client, &pattern)?;
    run(&client, "hello", (&format!("Hello, {USER}!\n"), "", 0))?;
    client.disconnect();
    Ok(())
}

fn connect(port: u16, pinned: Vec<u8>, key: &SigningKey) -> Outcome<Client> {
    let mut options = Options::default();
    options.core.rekey.bytes = REKEY;
    let start = Instant::now();
    let client = Client::connect("127.0.0.1", port, &options, &mut Pinned(pinned))?;
    println!("client    connected; the host key is the pinned one");
    let agreed = client.summary().ok_or("there are no keys")?;
    println!("          {}", sanssh_examples::agreed(&agreed));
    client.login_key(USER, key)?.accepted()?;
    println!("          logged in as {USER} with a key, {:.1} ms after the start", start.elapsed().as_secs_f64() * 1e3);
    Ok(client)
}

/// Trusts one key.
struct Pinned(Vec<u8>);

impl Hosts for Pinned {
    fn order(&mut self, _: &str, _: u16, offer: &mut [HostKey]) {
        offer.sort_by_key(|algorithm| *algorithm != HostKey::Ed25519);
    }

    fn decide(&mut self, _: &str, _: u16, _: HostKey, key: &[u8]) -> Result<(), HostKeyError> {
        if self.0 == key { Ok(()) } else { Err(HostKeyError::Refused { fingerprint: fingerprint(key) }) }
    }
}

/// Runs a command that has to give this output, errors and status.
fn run(client: &Client, command: &str, expected: (&str, &str, u32)) -> Outcome<()> {
    let finished = client.run(command)?;
    let (stdout, stderr) = (String::from_utf8(finished.stdout)?, String::from_utf8(finished.stderr)?);
    let Exit::Status(status) = finished.exit else { return Err(format!("{command}: {:?}", finished.exit).into()) };
    println!("command   {command}: stdout {stdout:?}, stderr {stderr:?}, exit status {status}");
    if (stdout.as_str(), stderr.as_str(), status) == expected {
        Ok(())
    } else {
        Err(format!("{command}: that is not {expected:?}").into())
    }
}

/// Shows how far a stream is, and counts the keys it was protected by.
struct Watch<'a> {
    client: &'a Client,
    bar: ProgressBar,
    /// What the present keys had protected when last looked at.
    protected: u64,
    rekeys: u32,
}

impl Watch<'_> {
    fn advance(&mut self, bytes: usize) {
        self.bar.inc(bytes as u64);
        let traffic = self.client.traffic();
        let protected = traffic.sent.bytes.max(traffic.received.bytes);
        self.rekeys += u32::from(protected < self.protected);
        self.protected = protected;
    }
}

/// Times one direction.
fn stream(client: &Client, name: &str, carry: impl FnOnce(&mut Watch<'_>) -> Outcome<()>) -> Outcome<()> {
    let style = ProgressStyle::with_template("{msg:10}[{bar:40}] {bytes} of {total_bytes}, {bytes_per_sec}")?;
    let bar = ProgressBar::new(SIZE).with_style(style).with_message(name.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    let mut watch = Watch { client, bar, protected: 0, rekeys: 0 };
    let start = Instant::now();
    let outcome = carry(&mut watch);
    let seconds = start.elapsed().as_secs_f64();
    watch.bar.finish_and_clear();
    outcome?;
    if watch.rekeys == 0 {
        return Err(format!("{name}: the keys were not changed").into());
    }
    let rate = SIZE as f64 / seconds / 1e6;
    let (size, rekeys) = (HumanBytes(SIZE), watch.rekeys);
    println!(
        "{name:10}{size} in {seconds:.2} s, {rate:.0} MB/s; new keys {rekeys} times under way; every byte checked"
    );
    Ok(())
}

fn download(client: &Client, pattern: &Pattern, watch: &mut Watch<'_>) -> Outcome<()> {
    let mut channel = client.session()?;
    channel.exec(format!("source {SIZE}"))?;
    let (mut offset, mut piece) = (0, vec![0; PIECE]);
    loop {
        let n = channel.read(&mut piece)?;
        if n == 0 {
            break;
        }
        if !pattern.is(&piece[..n], offset) {
            return Err(format!("wrong content after {offset} bytes").into());
        }
        offset += n as u64;
        watch.advance(n);
    }
    if offset != SIZE {
        return Err(format!("{offset} bytes came instead of {SIZE}").into());
    }
    finished(&channel)
}

fn upload(client: &Client, pattern: &Pattern, watch: &mut Watch<'_>) -> Outcome<()> {
    let mut channel = client.session()?;
    channel.exec(format!("sink {SIZE}"))?;
    let mut offset = 0;
    while offset < SIZE {
        let piece = pattern.at(offset, SIZE - offset);
        channel.write_all(piece)?;
        offset += piece.len() as u64;
        watch.advance(piece.len());
    }
    channel.finish();
    let mut answer = String::new();
    channel.read_to_string(&mut answer)?;
    if answer.trim_end() != SIZE.to_string() {
        return Err(format!("the server received {answer:?} bytes instead of {SIZE}").into());
    }
    finished(&channel)
}

fn finished(channel: &Channel) -> Outcome<()> {
    let exit = channel.wait()?;
    if exit == Exit::Status(0) { Ok(()) } else { Err(format!("the command ended with {exit:?}").into()) }
}
