//! The network over the board's Ethernet: one address, and TCP sockets, of which one is in use. The other hears those who
//! come meanwhile.

use crate::board::{self, Wire};
use crate::profile::{INPUT, RECEIVED, SENT, SPARE};
use core::mem::MaybeUninit;
use sanssh_core::Random;
use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{Device, TxToken};
use smoltcp::socket::tcp::{self, SocketBuffer};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, HardwareAddress,
    IpCidr, Ipv4Address,
};

/// Our address, in the network that QEMU makes for its guest.
const ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 2, 15);
const GATEWAY: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

/// The port of SSH.
pub const PORT: u16 = 22;

/// Where the client's host is, in that network.
pub const HOST: (Ipv4Address, u16) = (Ipv4Address::new(10, 0, 2, 100), PORT);

/// After so long without an answer a connection is no more, one that has just begun as well.
const SILENCE: Duration = Duration::from_secs(10);

/// Sockets.
pub const SOCKETS: usize = 2;

/// The memory of network and connection.
#[derive(Debug)]
pub struct Memory {
    /// The sockets' places.
    pub storage: MaybeUninit<[SocketStorage<'static>; SOCKETS]>,
    /// The receive buffers of TCP.
    pub received: [[u8; RECEIVED]; SOCKETS],
    /// The send buffers of TCP.
    pub sent: [[u8; SENT]; SOCKETS],
    /// The receive buffer of SSH.
    pub input: [u8; INPUT],
    /// Where packets are composed that do not fit the end of the send buffer.
    pub spare: [u8; SPARE],
}

impl Memory {
    /// Zeros.
    pub const fn new() -> Self {
        Self {
            storage: MaybeUninit::uninit(),
            received: [[0; RECEIVED]; SOCKETS],
            sent: [[0; SENT]; SOCKETS],
            input: [0; INPUT],
            spare: [0; SPARE],
        }
    }
}

/// The network.
pub struct Net {
    wire: Wire,
    interface: Interface,
    sockets: SocketSet<'static>,
    /// The one in use comes first.
    handles: [SocketHandle; SOCKETS],
}

impl Net {
    /// Starts the network. `storage` is the sockets' place, `received` and `sent` their memory.
    pub fn new(
        mut wire: Wire,
        storage: &'static mut MaybeUninit<[SocketStorage<'static>; SOCKETS]>,
        received: &'static mut [[u8; RECEIVED]; SOCKETS],
        sent: &'static mut [[u8; SENT]; SOCKETS],
        random: &mut Random,
    ) -> Self {
        let mut config = Config::new(HardwareAddress::Ethernet(EthernetAddress(board::MAC)));
        config.random_seed = u64::from_le_bytes(random.array());
        let mut interface = Interface::new(config, &mut wire, now());
        interface.update_ip_addrs(|addresses| {
            let _ = addresses.push(IpCidr::new(ADDRESS.into(), 24));
        });
        let _ = interface.routes_mut().add_default_ipv4_route(GATEWAY);
        let mut sockets = SocketSet::new(&mut storage.write([SocketStorage::EMPTY; SOCKETS])[..]);
        let mut buffers = received.iter_mut().zip(sent);
        let handles = [(); SOCKETS].map(|()| {
            let (received, sent) = buffers.next().map_or((&mut [][..], &mut [][..]), |(r, s)| (&mut r[..], &mut s[..]));
            let mut socket = tcp::Socket::new(SocketBuffer::new(received), SocketBuffer::new(sent));
            socket.set_nagle_enabled(false);
            socket.set_ack_delay(None);
            socket.set_timeout(Some(SILENCE));
            sockets.add(socket)
        });
        Self { wire, interface, sockets, handles }
    }

    /// Moves frames both ways; whether that came to anything. Apart, since they lie on the stack meanwhile.
    #[inline(never)]
    pub fn poll(&mut self) -> bool {
        self.interface.poll(now(), &mut self.wire, &mut self.sockets) == PollResult::SocketStateChanged
    }

    /// Sleeps until a frame comes, or for a moment.
    pub fn rest(&self) {
        board::rest(&self.wire);
    }

    /// The socket in use.
    pub fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handles[0])
    }

    /// The other one.
    pub fn other(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handles[1])
    }

    /// The other one is in use from now on.
    pub fn change(&mut self) {
        self.handles.swap(0, 1);
    }

    /// Connects, from a port that nobody guesses.
    pub fn connect(&mut self, to: (Ipv4Address, u16), random: &mut Random) -> Result<(), tcp::ConnectError> {
        let port = u16::from_le_bytes(random.array()) | 0xc000;
        let Self { interface, sockets, handles, .. } = self;
        sockets.get_mut::<tcp::Socket<'_>>(handles[0]).connect(interface.context(), to, port)
    }

    /// Asks for the gateway's hardware address, so that the first answer need not wait for it.
    pub fn greet(&mut self) {
        let ours = EthernetAddress(board::MAC);
        let request = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: ours,
            source_protocol_addr: ADDRESS,
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: GATEWAY,
        };
        let head =
            EthernetRepr { src_addr: ours, dst_addr: EthernetAddress::BROADCAST, ethertype: EthernetProtocol::Arp };
        let Some(token) = self.wire.transmit(now()) else { return };
        token.consume(head.buffer_len() + request.buffer_len(), |space| {
            let mut frame = EthernetFrame::new_unchecked(space);
            head.emit(&mut frame);
            request.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
        });
    }
}

/// Now, in smoltcp's terms.
pub fn now() -> Instant {
    Instant::from_micros(i64::try_from(board::now().0).unwrap_or(i64::MAX))
}
