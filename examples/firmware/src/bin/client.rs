//! The SSH client: visits one host, runs one command, and ends the emulator as the command ended.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;
use cortex_m_rt::entry;
use sanssh_core::role::Client;
use sanssh_core::{Random, Seed, Slot};
use sanssh_firmware::board::{self, Lent};
use sanssh_firmware::keys::Pair;
use sanssh_firmware::net::{self, HOST, Memory, Net};
use sanssh_firmware::profile::{self, CHANNELS, Crypto};
use sanssh_firmware::visit::Visit;
use sanssh_smoltcp::{Link, Stage};

type Room<T> = Lent<MaybeUninit<T>>;
type Way = Link<'static, Client, Crypto, [Slot; CHANNELS]>;

static MEMORY: Lent<Memory> = Lent::new(Memory::new());
static USER: Room<Pair> = Lent::ROOM;
static WAY: Room<Way> = Lent::ROOM;

#[entry]
fn main() -> ! {
    let (wire, mut random) = board::boot();
    let places = || Some((MEMORY.lend()?, USER.lend()?, WAY.lend()?));
    let Some((memory, user, way)) = places() else { board::stop(false) };
    let user = introduce(user);
    let way = build(&mut memory.input, &mut memory.spare, way);
    let mut net = Net::new(wire, &mut memory.storage, &mut memory.received, &mut memory.sent, &mut random);
    net.greet();
    if net.connect(HOST, &mut random).is_err() {
        board::stop(false)
    }
    begin(way, &mut random);
    let mut visit = Visit::new(user);
    while way.stage(net.socket()) != Stage::Idle {
        let moved = net.poll();
        if let Some(mut turn) = way.poll(net::now(), net.socket()) {
            // How it ends is told by what the command said of itself, or did not.
            let _ = visit.go_on(&mut turn, board::show);
        }
        if !moved {
            net.rest();
        }
    }
    board::stop(visit.status == Some(0))
}

// Apart, so that what they take of the stack is given back.

#[inline(never)]
fn introduce(user: &'static mut MaybeUninit<Pair>) -> &'static Pair {
    user.write(Pair::user())
}

#[inline(never)]
fn build(input: &'static mut [u8], spare: &'static mut [u8], way: &'static mut MaybeUninit<Way>) -> &'static mut Way {
    way.write(Link::new(input, spare))
}

#[inline(never)]
fn begin(way: &mut Way, random: &mut Random) {
    way.begin(profile::config(), &Seed::new(random.array()), [Slot::new(); CHANNELS], net::now());
}
