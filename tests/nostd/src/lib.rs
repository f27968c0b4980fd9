//! The proof that the core links without `std` and without an allocator: a static library with a panic handler of its
//! own and no allocator. The compiler refuses it as soon as any crate it links brings either; `run` shows that too.

#![no_std]

#[cfg(feature = "alloc-leak")]
extern crate alloc;
#[cfg(feature = "std-leak")]
extern crate std;

use sanssh_core::channel::{self, OpenKind, Request};
use sanssh_core::crypto::soft::Soft;
use sanssh_core::role::{Client, Server};
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
