//! The SSH server: one client at a time, by one key, with a shell of a few commands.
#![no_std]
#![no_main]

use cortex_m::singleton;
use cortex_m_rt::entry;
use sanssh_core::{Random, Rx, Seed};
use sanssh_firmware::board;
use sanssh_firmware::guest::{Guest, LARGEST};
use sanssh_firmware::keys::Pair;
use sanssh_firmware::net::Net;
use sanssh_firmware::shell::Vitals;
use smoltcp::iface::SocketStorage;

#[entry]
fn main() -> ! {
    let Some(wire) = board::start() else { board::stop(false) };
    let Some(seed) = board::seed() else {
        board::say("no seed: without one there is no SSH\n");
        board::stop(false)
    };
    let mut random = Random::new(&seed);
    let (Some(storage), Some(received), Some(sent), Some(packets)) = (
        singleton!(: [SocketStorage<'static>; 1] = [SocketStorage::EMPTY; 1]),
        singleton!(: [u8; 4096] = [0; 4096]),
        singleton!(: [u8; 4096] = [0; 4096]),
        singleton!(: [u8; LARGEST + 68] = [0; LARGEST + 68]),
    ) else { board::stop(false) };
    let mut net = Net::new(wire, storage, received, sent, &mut random);
    let Some(host) = singleton!(: Pair = Pair::host()) else { board::stop(false) };
    let host: &'static Pair = host;
    let Some(slot) = singleton!(: Option<Guest<'static>> = None) else { board::stop(false) };
    let mut vitals = Vitals { connection: Guest::CONNECTION, ..Vitals::default() };
    board::say("ready\n");
    let mut first = true;
    loop {
        if net.socket().listen(22).is_err() { board::stop(false) }
        if first { net.greet(); first = false; }
        while !net.socket().may_send() { net.poll(); if !net.socket().is_open() { let _ = net.socket().listen(22); } }
        let mut rx = Rx::new(&mut packets[..]);
        begin(slot, host, &mut random);
        let Some(guest) = slot else { continue };
        let mut busy = 0;
        let mut keyed = false;
        loop {
            net.poll();
            let socket = net.socket();
            let begin = board::nanoseconds();
            if socket.can_recv() {
                let _ = socket.recv(|bytes| {
                    let space = rx.space();
                    let n = bytes.len().min(space.len());
                    space[..n].copy_from_slice(&bytes[..n]);
                    rx.received(n);
                    (n, ())
                });
            }
            let before = rx.len();
            let outcome = socket.send(|space| {
                let mut output = sanssh_core::Output::new(space);
                let mut input = rx.input();
                let heard = guest.turn(board::now(), &mut input, &mut output, &mut vitals);
                let taken = input.taken();
                rx.consume(taken);
                (output.filled(), heard)
            });
            let worked = rx.len() != before;
            if worked { busy += board::nanoseconds() - begin; }
            if !keyed && guest.is_keyed() { keyed = true; vitals.handshake = busy; }
            let over = !matches!(outcome, Ok(Ok(()))) || (!socket.may_recv() && socket.recv_queue() == 0);
            if over { break; }
        }
        net.socket().close();
        let until = board::now().after(core::time::Duration::from_millis(500));
        while net.socket().is_open() && board::now() < until { net.poll(); }
        net.socket().abort();
        net.poll();
    }
}

#[inline(never)]
fn begin(slot: &mut Option<Guest<'static>>, host: &'static Pair, random: &mut Random) {
    *slot = Some(Guest::new(host, &Seed::new(random.array()), board::now()));
}
