//! The SSH server: one guest at a time, by one key, with a shell of a few commands, and files where there is room.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;
use core::time::Duration;
use cortex_m_rt::entry;
use sanssh_core::role::Server;
use sanssh_core::{Instant, Random, Reason, Seed, Slot};
use sanssh_firmware::board::{self, Lent};
use sanssh_firmware::guest::Guest;
use sanssh_firmware::house::House;
use sanssh_firmware::keys::Pair;
use sanssh_firmware::net::{self, Memory, Net};
use sanssh_firmware::profile::{self, CHANNELS, Crypto};
use sanssh_smoltcp::{Link, Stage};

type Room<T> = Lent<MaybeUninit<T>>;
type Door = Link<'static, Server, Crypto, [Slot; CHANNELS]>;

/// How long those have to go for whom there is no place.
const PATIENCE: Duration = Duration::from_secs(2);

static MEMORY: Lent<Memory> = Lent::new(Memory::new());
static HOST: Room<Pair> = Lent::ROOM;
static GUEST: Room<Guest<'static>> = Lent::ROOM;
static HOUSE: Lent<House> = Lent::new(House::new());
static DOOR: Room<Door> = Lent::ROOM;

#[entry]
fn main() -> ! {
    let (wire, mut random) = board::boot();
    let places = || Some((MEMORY.lend()?, HOST.lend()?, GUEST.lend()?, HOUSE.lend()?, DOOR.lend()?));
    let Some((memory, host, guest, house, door)) = places() else { board::stop(false) };
    let guest = settle(host, guest);
    let door = build(&mut memory.input, &mut memory.spare, door);
    let mut net = Net::new(wire, &mut memory.storage, &mut memory.received, &mut memory.sent, &mut random);
    serve(&mut net, door, guest, house, &mut random)
}

/// Sees to it that somebody listens. Who comes while a guest is here is told so, and has until `away` to go; while a
/// guest leaves, the next may wait.
fn receive(net: &mut Net, door: &Door, away: &mut Instant) {
    let now = board::now();
    let stage = door.stage(net.socket());
    if matches!(stage, Stage::Idle | Stage::Waiting) && door.stage(net.other()) == Stage::Due {
        net.change();
    } else if stage == Stage::Idle {
        // It is closed, and may listen.
        let _ = net.socket().listen(net::PORT);
    }
    let stays = door.fate().is_none() && door.stage(net.socket()) == Stage::Busy;
    let other = net.other();
    if !other.is_open() {
        let _ = other.listen(net::PORT);
    } else if other.may_send() && stays {
        Door::turn_away(profile::SOFTWARE, Reason::TOO_MANY_CONNECTIONS, other);
        *away = now.after(PATIENCE);
    } else if !other.may_send() && other.recv(|bytes| (bytes.len(), ())).is_ok() && now > *away {
        other.abort();
    }
}

// Apart, so that what they take of the stack is given back.

#[inline(never)]
fn settle(
    host: &'static mut MaybeUninit<Pair>,
    guest: &'static mut MaybeUninit<Guest<'static>>,
) -> &'static mut Guest<'static> {
    guest.write(Guest::new(host.write(Pair::host())))
}

#[inline(never)]
fn build(
    input: &'static mut [u8],
    spare: &'static mut [u8],
    door: &'static mut MaybeUninit<Door>,
) -> &'static mut Door {
    door.write(Link::new(input, spare))
}

#[inline(never)]
fn begin(door: &mut Door, random: &mut Random) {
    door.begin(profile::config(), &Seed::new(random.array()), [Slot::new(); CHANNELS], net::now());
}

fn serve(net: &mut Net, door: &mut Door, guest: &mut Guest<'static>, house: &mut House, random: &mut Random) -> ! {
    let mut away = Instant::default();
    let _ = net.socket().listen(net::PORT);
    let _ = net.other().listen(net::PORT);
    net.greet();
    board::say("ready\n");
    loop {
        let mut moved = net.poll();
        receive(net, door, &mut away);
        let socket = net.socket();
        if door.stage(socket) == Stage::Due {
            guest.begin();
            begin(door, random);
            house.begin();
        }
        let begun = board::nanoseconds();
        if let Some(mut turn) = door.poll(net::now(), socket) {
            let counts = !house.keyed;
            // An error is the end of a connection: the link sees to it.
            let heard = guest.serve(&mut turn, house).unwrap_or(true);
            drop(turn);
            if counts && heard {
                house.handshake += board::nanoseconds() - begun;
            }
            moved |= heard;
        }
        if !moved {
            net.rest();
        }
    }
}
