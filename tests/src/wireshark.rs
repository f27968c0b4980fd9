//! Wireshark as a reader of what went over a line: a [`Wiretap`] writes down a TCP connection on 127.0.0.1, and
//! [`dissect`] has it read with a key log. It lives in an environment of its own, which `tests/run` makes.

use core::net::{Ipv4Addr, SocketAddr};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::peers;
use crate::process::run;

/// Bytes of a segment.
const SEGMENT: usize = 1400;
/// The header of a capture file: microseconds, version 2.4, packets of any size, which begin with an IP header.
const PCAP: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 1 << 18, 101];

/// What went over the line: whether from the client, and what.
type Tape = Arc<Mutex<Vec<(bool, Vec<u8>)>>>;

/// A proxy for one connection that writes down what it carries.
#[derive(Debug)]
pub struct Wiretap {
    address: SocketAddr,
    tape: Tape,
}

impl Wiretap {
    /// Listens on 127.0.0.1 and carries the first connection to `target`.
    ///
    /// # Errors
    /// The listener's.
    pub fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (address, tape) = (listener.local_addr()?, Tape::default());
        let shared = Arc::clone(&tape);
        thread::spawn(move || carry(&listener, target, &shared));
        Ok(Self { address, tape })
    }

    /// Where the client connects.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// What was carried so far, as a capture file.
    #[must_use]
    pub fn pcap(&self) -> Vec<u8> {
        let mut file: Vec<u8> = PCAP.iter().flat_map(|word| word.to_le_bytes()).collect();
        // Where each side's stream stands: the client's, and the server's.
        let mut streams = [1, 1];
        let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Both ends speak first. Wireshark finds no keys unless the client does.
        if let Some(first) = tape.iter().position(|(from_client, _)| *from_client) {
            tape[..=first].rotate_right(1);
        }
        for (from_client, bytes) in &tape {
            for segment in bytes.chunks(SEGMENT) {
                let packet = ip(*from_client, &mut streams, segment);
                let length = u32::try_from(packet.len()).expect("a segment");
                file.extend([0, 0, length, length].iter().flat_map(|word: &u32| word.to_le_bytes()));
                file.extend(packet);
            }
        }
        file
    }
}

fn carry(listener: &TcpListener, target: SocketAddr, tape: &Tape) -> io::Result<()> {
    let (client, _) = listener.accept()?;
    let server = TcpStream::connect(target)?;
    let (from, to, up) = (client.try_clone()?, server.try_clone()?, Arc::clone(tape));
    thread::spawn(move || copy(from, to, true, &up));
    copy(server, client, false, tape);
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream, from_client: bool, tape: &Tape) {
    let mut bytes = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut bytes) {
        // First the tape: what the peer answers comes behind it.
        tape.lock().unwrap_or_else(PoisonError::into_inner).push((from_client, bytes[..n].to_vec()));
        if to.write_all(&bytes[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// A segment of TCP between port 40000 and port 22; nobody looks at the checksums.
fn ip(from_client: bool, streams: &mut [u32; 2], payload: &[u8]) -> Vec<u8> {
    let at = usize::from(!from_client);
    let hosts = [[127, 0, 0, 1], [127, 0, 0, 2]];
    let ports = [40_000_u16.to_be_bytes(), 22_u16.to_be_bytes()];
    let length = u16::try_from(40 + payload.len()).expect("a segment").to_be_bytes();
    let mut packet = vec![0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, 6, 0, 0];
    packet.extend([hosts[at], hosts[1 - at]].concat());
    packet.extend([ports[at], ports[1 - at]].concat());
    packet.extend([streams[at].to_be_bytes(), streams[1 - at].to_be_bytes()].concat());
    // Five words of header, PSH and ACK, a window.
    packet.extend([0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    packet.extend(payload);
    streams[at] += u32::try_from(payload.len()).expect("a segment");
    packet
}

/// What Wireshark tells of a capture with a key log: a line for each packet, and indented below it what it holds.
///
/// # Panics
/// If it cannot read them.
#[must_use]
pub fn dissect(capture: &[u8], keys: &Path) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("capture");
    fs::write(&file, capture).expect("the capture");
    let node = peers::path(peers::WIRESHARK);
    let packages = node.ancestors().nth(2).expect("an environment").join("wireshark/node_modules");
    run(Command::new(&node).args(["-e", include_str!("wireshark/dissect.js")]).arg(packages).arg(keys).arg(file))
}
