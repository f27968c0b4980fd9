//! The proof that the core links without `std` and without an allocator: a static library with a panic handler of its
//! own and no allocator. The compiler refuses it as soon as any crate it links brings either; `run` shows that too.

#![no_std]

#[cfg(feature = "alloc-leak")]
extern crate alloc;
#[cfg(feature = "std-leak")]
extern crate std;

mod links;

use sanssh_core::channel::{self, OpenKind, Request};
use sanssh_core::crypto::soft::Soft;
use sanssh_core::role::{Client, Server};
use sanssh_core::sftp::{self, Access, Attributes, Code, Handle, Pending};
use sanssh_core::{Config, Connection, Event, Input, Instant, Output, Seed, Slot, auth};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// One turn of a client that trusts, logs in and runs a command: every layer is in the library.
///
/// # Safety
/// `bytes` must be the only pointer to `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sanssh_nostd_client(seed: &[u8; 32], bytes: *mut u8, len: usize) -> usize {
    // SAFETY: the caller's promise.
    let bytes = unsafe { core::slice::from_raw_parts_mut(bytes, len) };
    let mut ssh =
        Connection::<Client, Soft, [Slot; 2]>::new(Config::default(), &Seed::new(*seed), [Slot::new(); 2], Instant(0));
    let mut space = [0; 4096];
    let mut output = Output::new(&mut space);
    let mut input = Input::new(bytes);
    while let Ok(Some(event)) = ssh.recv(Instant(1), &mut input) {
        let taken = match event {
            Event::Auth(auth::client::Event::HostKey { ask, .. }) => {
                ssh.trust(ask);
                ssh.password(b"user", b"password", &mut output).is_ok()
            }
            Event::Auth(auth::client::Event::Accepted { .. }) => ssh.open(OpenKind::Session, &mut output).is_ok(),
            Event::Channel(id, channel::Event::Opened) => ssh.request(id, Request::Exec(b"true"), &mut output).is_ok(),
            Event::Channel(id, channel::Event::Data(data)) => ssh.write(id, data, &mut output).is_ok(),
            _ => true,
        };
        if !taken {
            break;
        }
    }
    ssh.flush(Instant(2), &mut output);
    output.filled()
}

/// One turn of a server that lets keys in and echoes.
///
/// # Safety
/// `bytes` must be the only pointer to `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sanssh_nostd_server(seed: &[u8; 32], bytes: *mut u8, len: usize) -> usize {
    // SAFETY: the caller's promise.
    let bytes = unsafe { core::slice::from_raw_parts_mut(bytes, len) };
    let mut ssh =
        Connection::<Server, Soft, [Slot; 2]>::new(Config::default(), &Seed::new(*seed), [Slot::new(); 2], Instant(0));
    let mut space = [0; 4096];
    let mut output = Output::new(&mut space);
    let mut input = Input::new(bytes);
    while let Ok(Some(event)) = ssh.recv(Instant(1), &mut input) {
        match event {
            Event::Auth(auth::server::Event::HostKey { ask, .. }) => ssh.host_key(ask, b"key"),
            Event::Auth(auth::server::Event::Sign { ask, .. }) => {
                let _ = ssh.sign(&ask, b"key", b"signature", &mut output);
            }
            Event::Auth(auth::server::Event::Attempt { ask, .. }) => ssh.grant(ask),
            Event::Open { ask, .. } => {
                let _ = ssh.accept(ask);
            }
            Event::Channel(_, channel::Event::Request { ask, .. }) => ssh.reply(ask, true),
            Event::Channel(id, channel::Event::Data(data)) => {
                let _ = ssh.write(id, data, &mut output);
            }
            _ => {}
        }
    }
    ssh.flush(Instant(2), &mut output);
    output.filled()
}

/// One turn of an SFTP client that opens a file and reads it.
///
/// # Safety
/// `bytes` must be the only pointer to `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sanssh_nostd_sftp_client(bytes: *mut u8, len: usize) -> usize {
    // SAFETY: the caller's promise.
    let mut input: &[u8] = unsafe { core::slice::from_raw_parts_mut(bytes, len) };
    let mut client = sftp::Client::new([Pending::new(); 4]);
    let (mut gather, mut space, mut read) = ([0; 512], [0; 1024], 0);
    let mut output = Output::new(&mut space);
    let _ = client.flush(&mut output);
    while let Ok(Some(event)) = client.recv(&mut gather, &mut input) {
        let open = sftp::Request::Open { path: b"/file", access: Access::READ, attributes: Attributes::NONE };
        let _ = match event {
            sftp::client::Event::Ready => client.send(&open, &mut output).is_ok(),
            sftp::client::Event::Handle(_, handle) => {
                client.send(&sftp::Request::Read { handle, offset: 0, length: 256 }, &mut output).is_ok()
            }
            sftp::client::Event::Data(_, piece) => {
                read += piece.bytes.len();
                piece.last
            }
            _ => true,
        };
    }
    read + output.filled()
}

/// One turn of an SFTP server of one file.
///
/// # Safety
/// `bytes` must be the only pointer to `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sanssh_nostd_sftp_server(bytes: *mut u8, len: usize) -> usize {
    // SAFETY: the caller's promise.
    let mut input: &[u8] = unsafe { core::slice::from_raw_parts_mut(bytes, len) };
    let mut server = sftp::Server::new(sftp::server::Settings::default(), [Handle::new(); 4]);
    let (mut gather, mut space) = ([0; 512], [0; 1024]);
    let mut output = Output::new(&mut space);
    while let Ok(event) = server.recv(&mut gather, &mut input) {
        let answered = match event {
            Some(sftp::server::Event::Request(sftp::Request::Open { .. })) => server.handle(&mut output).map(drop),
            Some(sftp::server::Event::Request(sftp::Request::Read { length, .. })) => {
                server.data(length.clamp(1, 256), &mut output).map(|()| {
                    server.fill(&mut output, |space| {
                        space.fill(b'a');
                        space.len()
                    });
                })
            }
            Some(sftp::server::Event::Request(sftp::Request::Write { .. })) => Ok(()),
            Some(sftp::server::Event::Body(piece)) if !piece.last => Ok(()),
            Some(_) => server.status(Code::FAILURE, b"", &mut output),
            None if server.owes_output() => server.flush(&mut output),
            None => break,
        };
        if answered.is_err() {
            break;
        }
    }
    output.filled()
}
