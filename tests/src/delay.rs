//! A line between a client and a server that is slow, brittle or grainy: a TCP proxy on 127.0.0.1. Each chunk leaves as
//! long after it came as the delay says, so order and pipelining are kept and bandwidth is that of loopback.

use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Chunks under way in one direction; past it, the sender is held back as by a full window.
const IN_FLIGHT: usize = 4096;

/// What the line does to what it carries; the rest by struct update from the default, which is a plain line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Line {
    /// How long each byte is under way, in each direction.
    pub delay: Duration,
    /// After how many bytes from client to server the connection is cut, both ways.
    pub cut_up: Option<u64>,
    /// After how many bytes from server to client the connection is cut, both ways.
    pub cut_down: Option<u64>,
    /// Whether every byte is written by itself.
    pub grains: bool,
}

/// A running proxy for any number of connections; they end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    ends: Arc<Ends>,
    acceptor: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on 127.0.0.1 and carries every connection to `target`.
    pub fn start(target: SocketAddr, line: Line) -> io::Result<Self> {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), target, line)
    }

    /// The same at another address.
    pub fn at(address: SocketAddr, target: SocketAddr, line: Line) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let ends = Arc::new(Ends::default());
        let shared = Arc::clone(&ends);
        let acceptor = thread::spawn(move || accept(&listener, target, line, &shared));
        Ok(Self { address, ends, acceptor: Some(acceptor) })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, what comes from either side is swallowed: to each, the other is there and silent.
    pub fn hush(&self) {
        self.ends.hushed.store(true, Ordering::Release);
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        self.ends.shut();
    }

    /// The port clients connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ends.stop.store(true, Ordering::Release);
        // Only a connection wakes the acceptor.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
        self.ends.shut();
    }
}

/// What the proxy needs to end its connections; those that ended by themselves are not kept.
#[derive(Debug, Default)]
struct Ends {
    stop: AtomicBool,
    hushed: AtomicBool,
    streams: Mutex<Vec<Weak<TcpStream>>>,
}

impl Ends {
    fn register(&self, stream: &Arc<TcpStream>) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.retain(|known| known.strong_count() > 0);
        streams.push(Arc::downgrade(stream));
    }

    fn shut(&self) {
        let streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in streams.iter().filter_map(Weak::upgrade) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, target: SocketAddr, line: Line, ends: &Arc<Ends>) {
    while let Ok((client, _)) = listener.accept() {
        if ends.stop.load(Ordering::Acquire) {
            return;
        }
        // A target that does not answer is a connection that closes at once.
        let _ = TcpStream::connect(target).and_then(|server| join(client, server, line, ends));
    }
}

/// Carries one connection on four threads, two a direction.
fn join(client: TcpStream, server: TcpStream, line: Line, ends: &Arc<Ends>) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (client, server) = (Arc::new(client), Arc::new(server));
    ends.register(&client);
    ends.register(&server);
    let (up, down) = (Arc::clone(ends), Arc::clone(ends));
    Way { from: Arc::clone(&client), to: Arc::clone(&server), cut: line.cut_up, ends: up }.carry(line);
    Way { from: server, to: client, cut: line.cut_down, ends: down }.carry(line);
    Ok(())
}

/// One direction of a connection. Its threads end by themselves when either end is gone.
#[derive(Clone)]
struct Way {
    from: Arc<TcpStream>,
    to: Arc<TcpStream>,
    cut: Option<u64>,
    ends: Arc<Ends>,
}

/// When bytes arrive, and which; none for the end of the stream.
type Chunk = (Instant, Vec<u8>);

impl Way {
    fn carry(self, line: Line) {
        let (send, receive) = sync_channel(IN_FLIGHT);
        let end = self.clone();
        thread::spawn(move || self.take(line.delay, &send));
        thread::spawn(move || end.deliver(&receive, line.grains));
    }

    fn take(&self, delay: Duration, send: &SyncSender<Chunk>) {
        let mut buffer = vec![0; 64 << 10];
        loop {
            // A connection that breaks ends for the other side like one that is finished.
            let n = (&*self.from).read(&mut buffer).unwrap_or(0);
            let sent = send.send((Instant::now() + delay, buffer[..n].to_vec()));
            if n == 0 || sent.is_err() {
                return;
            }
        }
    }

    fn deliver(&self, receive: &Receiver<Chunk>, grains: bool) {
        let mut left = self.cut.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        while let Ok((due, bytes)) = receive.recv() {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if bytes.is_empty() {
                let _ = self.to.shutdown(Shutdown::Write);
                return;
            }
            if self.ends.hushed.load(Ordering::Acquire) {
                continue;
            }
            let passed = &bytes[..bytes.len().min(left)];
            left -= passed.len();
            let size = if grains { 1 } else { passed.len().max(1) };
            let broken = passed.chunks(size).any(|piece| (&*self.to).write_all(piece).is_err());
            if broken || (left == 0 && self.cut.is_some()) {
                // Both, or the side that still has something to say would wait for a reader forever.
                let _ = self.to.shutdown(Shutdown::Both);
                let _ = self.from.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Keys, Kind};
    use crate::openssh::{Sshd, ssh_command};
    use crate::peers;
    use crate::process::run;

    const DELAY: Duration = Duration::from_millis(50);

    /// A server that sends back what it gets, for one connection, and what a client of `line` to it looks like.
    fn echo(line: Line) -> (TcpStream, Proxy) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap(), line).unwrap();
        thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let _ = io::copy(&mut &stream, &mut &stream);
            let _ = stream.shutdown(Shutdown::Write);
        });
        (TcpStream::connect(proxy.address()).unwrap(), proxy)
    }

    #[test]
    fn a_round_trip_takes_twice_the_delay() {
        let (mut client, _proxy) = echo(Line { delay: DELAY, ..Line::default() });
        let start = Instant::now();
        client.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
        assert!(start.elapsed() >= 2 * DELAY, "{:?}", start.elapsed());
    }

    #[test]
    fn what_follows_at_once_arrives_at_once() {
        let (mut client, _proxy) = echo(Line { delay: DELAY, ..Line::default() });
        let sent: Vec<u8> = (0..1 << 20).map(|i: u32| i.to_le_bytes()[0]).collect();
        let start = Instant::now();
        let mut writer = client.try_clone().unwrap();
        let copy = sent.clone();
        let writing = thread::spawn(move || writer.write_all(&copy));
        let mut received = vec![0; sent.len()];
        client.read_exact(&mut received).unwrap();
        writing.join().unwrap().unwrap();
        assert!(received == sent);
        // One by one, its sixteen chunks or more would take sixteen round trips.
        assert!(start.elapsed() < 32 * DELAY, "{:?}", start.elapsed());
    }

    #[test]
    fn a_half_close_is_passed_on() {
        let (mut client, _proxy) = echo(Line { delay: DELAY, ..Line::default() });
        client.write_all(b"last words").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut received = String::new();
        client.read_to_string(&mut received).unwrap();
        assert_eq!(received, "last words");
    }

    #[test]
    fn a_cut_lets_exactly_so_many_bytes_through() {
        let (mut client, _proxy) = echo(Line { cut_down: Some(5), ..Line::default() });
        client.write_all(b"0123456789").unwrap();
        let mut received = Vec::new();
        let _ = client.read_to_end(&mut received);
        assert_eq!(received, b"01234");
    }

    #[test]
    fn a_cut_ends_both_sides() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let line = Line { cut_up: Some(1), ..Line::default() };
        let proxy = Proxy::start(listener.local_addr().unwrap(), line).unwrap();
        let mut client = TcpStream::connect(proxy.address()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(b"xy").unwrap();
        let mut received = Vec::new();
        server.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"x");
        assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
    }

    #[test]
    fn a_hushed_line_takes_and_gives_nothing() {
        let (mut client, proxy) = echo(Line::default());
        client.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
        proxy.hush();
        client.write_all(&[0; 1000]).unwrap();
        client.set_read_timeout(Some(DELAY)).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        proxy.cut();
        assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
    }

    #[test]
    fn grains_lose_nothing() {
        let (mut client, _proxy) = echo(Line { grains: true, ..Line::default() });
        client.write_all(&[7; 3000]).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();
        assert_eq!(received, [7; 3000]);
    }

    #[test]
    fn dropping_it_ends_its_connections() {
        let (mut client, proxy) = echo(Line::default());
        client.write_all(b"x").unwrap();
        client.read_exact(&mut [0]).unwrap();
        drop(proxy);
        assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
    }

    #[test]
    fn openssh_needs_the_round_trips_it_is_known_to_need() {
        if !peers::require(&["sshd", "ssh", "ssh-keygen"]) {
            return;
        }
        let server = Sshd::start(&[]);
        let time = |delay| {
            let proxy = Proxy::start(server.address(), Line { delay, ..Line::default() }).unwrap();
            let options = [format!("-oHostKeyAlias=[127.0.0.1]:{}", server.port())];
            let identity = Keys::shared().client(Kind::Ed25519);
            let mut ssh = ssh_command(proxy.port(), &identity, &server.known_hosts(), &[&options[0]]);
            let start = Instant::now();
            assert_eq!(run(ssh.arg("echo x")), "x\n");
            start.elapsed()
        };
        let plain = time(Duration::ZERO);
        let trips = (time(DELAY).as_secs_f64() - plain.as_secs_f64()) / (2 * DELAY).as_secs_f64();
        // Six and a little to the first byte of output; a loaded machine only makes it more.
        assert!(trips >= 5.0, "{trips}");
    }

    #[test]
    fn openssh_does_not_mind_grains() {
        if !peers::require(&["sshd", "ssh", "ssh-keygen"]) {
            return;
        }
        let server = Sshd::start(&[]);
        let proxy = Proxy::start(server.address(), Line { grains: true, ..Line::default() }).unwrap();
        let alias = format!("-oHostKeyAlias=[127.0.0.1]:{}", server.port());
        let identity = Keys::shared().client(Kind::Ed25519);
        let mut ssh = ssh_command(proxy.port(), &identity, &server.known_hosts(), &[&alias]);
        assert_eq!(run(ssh.arg("echo x")), "x\n");
    }
}
