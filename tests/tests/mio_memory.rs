//! What a connection of the mio server takes of memory while nothing happens on it: the heap of the server's thread, by a
//! thousand clients that have logged in and run a command, all shared buffers included.

use core::sync::atomic::{AtomicBool, Ordering};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sanssh_core::Config;
use sanssh_mio::{Limits, ServerSettings};
use sanssh_tests::count::{Counting, usage};
use sanssh_tests::mio::{Call, Callers, serve, server, user_key};
use std::thread;

#[global_allocator]
static ALLOCATOR: Counting = Counting::system();

const CROWD: usize = 1000;
/// What one connection may take.
const SHARE: u64 = 24 * 1024;

#[test]
fn an_idle_connection_is_small() {
    // Both ends of each connection are open here.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    let (mut hub, address) = server(Limits::default(), ServerSettings::modern());
    let (handle, through) = (hub.handle(), AtomicBool::new(false));
    let keys = [user_key().public().to_vec()];
    let mut gone = Vec::with_capacity(CROWD);
    let taken = thread::scope(|scope| {
        // Its allocations are counted apart.
        let clients = scope.spawn(|| {
            let mut callers = Callers::new(Config::default());
            // Some at a time, so that what the exchange takes does not count.
            for some in 1..=CROWD / 100 {
                for _ in 0..100 {
                    callers.call(address, Call::of(["echo in"]));
                }
                callers.until(Call::is_through);
                assert_eq!((callers.hub.counts().connections, callers.gone.len()), (100 * some, 0));
            }
            through.store(true, Ordering::Release);
            handle.submit(()).unwrap();
            callers
        });
        let (_, taken) = usage(|| {
            while !through.load(Ordering::Acquire) {
                serve(&mut hub, &keys, &mut gone);
            }
        });
        drop(clients.join().unwrap());
        taken
    });
    assert_eq!((hub.counts().connections, hub.counts().unauthenticated), (CROWD, 0));
    let share = taken.peak / CROWD as u64;
    println!("an idle connection: {share} bytes at the peak, all included");
    assert!((2048..=SHARE).contains(&share), "{share}");
}
