//! One forwarded TCP stream, by `ssh -L` and by the std driver, side by side through the same sshd: MB/s and the
//! forwarder's own CPU time, each way, and how fast connections follow each other.
//!
//! Samples alternate and medians are given, since the machine is shared; trust the ratios.

use sanssh_tests::bench::{Cost, build, side_by_side};
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::Sshd;
use sanssh_tests::port;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

const ROUNDS: usize = 7;
const BYTES: u64 = 1 << 30;
const VISITS: usize = 300;
const CIPHERS: [&str; 3] = ["default", "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com"];

/// A forwarder that runs, and where.
struct Forwarder {
    child: Child,
    port: u16,
}

impl Forwarder {
    /// CPU seconds used so far.
    fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its numbers");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(f64::NAN);
        (ticks(11) + ticks(12)) / 100.0
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn theirs(sshd: &Sshd, target: u16, cipher: &str) -> Forwarder {
    let port = port::free();
    let place = format!("127.0.0.1:{port}:127.0.0.1:{target}");
    let mut options = vec!["-N", "-L", &place];
    if cipher != "default" {
        options.extend(["-c", cipher]);
    }
    let child = sshd.client(Kind::Ed25519, &options).spawn().expect("ssh");
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        thread::yield_now();
    }
    Forwarder { child, port }
}

fn ours(sshd: &Sshd, target: u16, cipher: &str, program: &std::path::Path) -> Forwarder {
    let mut child = Command::new(program)
        .args([&sshd.port().to_string(), sshd.user()])
        .args([Keys::shared().client(Kind::Ed25519), sshd.known_hosts()])
        .args([&target.to_string(), cipher])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the forwarder");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its port");
    Forwarder { child, port: line.trim().parse().expect("a port") }
}

/// Somebody who sends what he is asked for, and counts what he is sent: a byte count comes first, 0 for "count".
fn target() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            thread::spawn(move || serve(socket));
        }
    });
    port
}

fn serve(mut socket: TcpStream) {
    let mut wanted = [0; 8];
    if socket.read_exact(&mut wanted).is_err() {
        return;
    }
    let mut left = usize::try_from(u64::from_be_bytes(wanted)).unwrap_or(0);
    let mut block = vec![7; 256 << 10];
    while left > 0 {
        let n = left.min(block.len());
        if socket.write_all(&block[..n]).is_err() {
            return;
        }
        left -= n;
    }
    let mut count = 0_u64;
    while let Ok(n) = socket.read(&mut block) {
        if n == 0 {
            break;
        }
        count += n as u64;
    }
    let _ = socket.write_all(&count.to_be_bytes());
}

/// What so many bytes down and up cost the forwarder.
fn stream(forwarder: &Forwarder, down: u64, up: u64) -> Cost {
    let (cpu, started) = (forwarder.cpu(), Instant::now());
    let mut socket = TcpStream::connect(("127.0.0.1", forwarder.port)).expect("a connection");
    socket.write_all(&down.to_be_bytes()).expect("the wish");
    let mut block = vec![7; 256 << 10];
    let mut left = down;
    while left > 0 {
        let n = socket.read(&mut block).expect("bytes");
        assert!(n > 0, "cut short");
        left -= n as u64;
    }
    for _ in 0..up / block.len() as u64 {
        socket.write_all(&block).expect("it takes them");
    }
    socket.shutdown(Shutdown::Write).expect("half a close");
    let mut count = [0; 8];
    socket.read_exact(&mut count).expect("the count");
    assert_eq!(u64::from_be_bytes(count), up);
    Cost { wall: started.elapsed().as_secs_f64(), cpu: forwarder.cpu() - cpu }
}

fn visits(forwarder: &Forwarder) -> Cost {
    let (cpu, started) = (forwarder.cpu(), Instant::now());
    for _ in 0..VISITS {
        stream(forwarder, 100, 0);
    }
    Cost { wall: started.elapsed().as_secs_f64(), cpu: forwarder.cpu() - cpu }
}

fn compare(title: &str, pair: &[Forwarder; 2], sample: impl Fn(&Forwarder) -> Cost) {
    let rounds: Vec<_> = (0..ROUNDS).map(|_| [sample(&pair[0]), sample(&pair[1])]).collect();
    side_by_side(title, &rounds);
}

fn main() {
    let program = build("sanssh-tests", "--example", "forwarder");
    let sshd = Sshd::start(&["LogLevel INFO"]);
    let target = target();
    println!("OpenSSH's `ssh -L`, sanssh, sanssh/OpenSSH");
    for cipher in CIPHERS {
        let pair = [theirs(&sshd, target, cipher), ours(&sshd, target, cipher, &program)];
        compare(&format!("1 GiB from the far end, {cipher}"), &pair, |one| stream(one, BYTES, 0));
        compare(&format!("1 GiB to the far end, {cipher}"), &pair, |one| stream(one, 0, BYTES));
        if cipher == "default" {
            compare(&format!("{VISITS} connections one after another"), &pair, visits);
        }
    }
}
