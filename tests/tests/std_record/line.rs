//! A line that does harm: between a client and a server, it breaks off or changes a byte after so many from the server.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// What becomes of the bytes that the server sends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Harm {
    /// The line breaks behind so many.
    Cut(usize),
    /// The byte behind so many is another.
    Flip(usize),
}

/// A socket that leads to a port of this machine, over the line.
pub(crate) fn to(port: u16, harm: Harm) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (near, _) = listener.accept().unwrap();
    let far = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
    thread::spawn(move || carry(far, near, harm));
    ours
}

fn carry(mut from: TcpStream, mut to: TcpStream, harm: Harm) {
    let (mut space, mut carried) = ([0; 4096], 0);
    while let Ok(read @ 1..) = from.read(&mut space) {
        let bytes = &mut space[..read];
        let sent = match harm {
            Harm::Cut(most) => to.write_all(&bytes[..read.min(most - carried)]),
            Harm::Flip(place) => {
                if let Some(byte) = place.checked_sub(carried).and_then(|place| bytes.get_mut(place)) {
                    *byte ^= 1;
                }
                to.write_all(bytes)
            }
        };
        carried += read;
        if sent.is_err() || matches!(harm, Harm::Cut(most) if carried >= most) {
            break;
        }
    }
    // Each end sees the end that the other has.
    let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
}
