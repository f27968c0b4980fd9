//! The dialogue of a session: both directions opened by the keys that the machine used, which change behind each NEWKEYS
//! as the two KEXINIT before it say.

use crate::known::{Keys, receiving, sending};
use crate::wire::{Piece, Towards, Wire};
use sanssh_core::Error;
use sanssh_core::algorithm::Zip;
use sanssh_core::replay::Side;
use sanssh_core::role::{Client, Server};
use sanssh_core::wire::auth::{UserauthRequest, UserauthSuccess};
use sanssh_core::wire::transport::{KexInit, NewKeys};
use sanssh_core::wire::{Message, Names};

/// By whom something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// The end that was recorded.
    Us,
    /// The other.
    Peer,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) who: Who,
    pub(crate) what: Piece,
    /// The method of the latest request to log in, which decides what some numbers mean.
    pub(crate) method: Vec<u8>,
    /// Whether the key exchange is one whose group the server chooses, for the same reason.
    pub(crate) grouped: bool,
}

/// What a KEXINIT says of what matters here.
#[derive(Clone, Default)]
struct Offer {
    kex: Vec<u8>,
    /// Compression to the server and to the client.
    zips: [Vec<u8>; 2],
}

/// One direction, and what is known of it.
struct Way {
    wire: Box<dyn Wire>,
    /// NEWKEYS was said, and the keys are not known yet.
    rekeys: bool,
    /// It cannot be read any further.
    lost: bool,
}

/// Both directions.
pub(crate) struct Dialogue {
    side: Side,
    /// Ours, the peer's, and ours once more: there the machine's words now can be put beside the recorded ones.
    ways: [Way; 3],
    /// Of client and server.
    offers: [Offer; 2],
    strict: Option<bool>,
    method: Vec<u8>,
}

const OURS: usize = 0;
const PEERS: usize = 1;
const NOW: usize = 2;

impl Dialogue {
    pub(crate) fn new(side: Side) -> Self {
        let to_server = || Way::new(Box::new(Towards::<Server>::new()));
        let to_client = || Way::new(Box::new(Towards::<Client>::new()));
        let ways = match side {
            Side::Client => [to_server(), to_client(), to_server()],
            Side::Server => [to_client(), to_server(), to_client()],
        };
        Self { side, ways, offers: Default::default(), strict: None, method: Vec::new() }
    }

    /// The peer's bytes.
    pub(crate) fn received(&mut self, bytes: &[u8]) {
        self.ways[PEERS].wire.put(bytes);
    }

    /// Our bytes, as recorded and as now.
    pub(crate) fn sent(&mut self, bytes: &[u8]) {
        self.ways[OURS].wire.put(bytes);
        self.ways[NOW].wire.put(bytes);
    }

    /// What was said since the last time, as far as its keys are known.
    pub(crate) fn news(&mut self) -> Vec<Said> {
        let mut news = Vec::new();
        // What one direction says may be what the other waits for.
        loop {
            let before = news.len();
            self.read(PEERS, &mut news);
            self.read(OURS, &mut news);
            if news.len() == before {
                return news;
            }
        }
    }

    /// What we say now, and what was recorded, where the two part; as far as either can be read.
    pub(crate) fn either(&mut self, now: &[u8], recorded: &[u8]) -> [Vec<Said>; 2] {
        self.ways[NOW].wire.put(now);
        self.ways[OURS].wire.put(recorded);
        [NOW, OURS].map(|way| {
            let mut said = Vec::new();
            self.read(way, &mut said);
            said
        })
    }

    fn read(&mut self, way: usize, news: &mut Vec<Said>) {
        while let Some(what) = self.piece(way) {
            if let Piece::Message(_, payload) = &what {
                self.note(way, payload);
            }
            let who = if way == PEERS { Who::Peer } else { Who::Us };
            let grouped = self.kex().starts_with(b"diffie-hellman-group-exchange");
            news.push(Said { who, what, method: self.method.clone(), grouped });
            if way == OURS {
                // It is the same there, and read to keep up.
                self.keep_up();
            }
        }
    }

    fn piece(&mut self, way: usize) -> Option<Piece> {
        if self.ways[way].rekeys {
            // Where the two part, what comes behind new keys is not looked into.
            if way == NOW {
                return None;
            }
            let keys = if way == PEERS { receiving() } else { sending() }?;
            self.rekey(way, &keys);
        }
        let next = self.ways[way].next();
        next.unwrap_or_else(|_| {
            // What a machine took for forged, or made of words that are not ours.
            self.ways[way].lost = true;
            None
        })
    }

    fn keep_up(&mut self) {
        let _ = self.ways[NOW].next();
    }

    fn rekey(&mut self, way: usize, keys: &Keys) {
        let to_server = (way == PEERS) == (self.side == Side::Server);
        let zip = self.zip(usize::from(!to_server));
        let strict = self.strict.unwrap_or(false);
        let both = if way == PEERS { &[PEERS][..] } else { &[OURS, NOW] };
        for way in both {
            let way = &mut self.ways[*way];
            way.rekeys = false;
            way.lost |= way.wire.rekey(keys, zip, strict).is_err();
        }
    }

    /// Takes down what decides how later packets are read.
    fn note(&mut self, way: usize, payload: &[u8]) {
        let Some((number, body)) = payload.split_first() else { return };
        match *number {
            KexInit::NUMBER => {
                let client = (way == PEERS) == (self.side == Side::Server);
                self.offers[usize::from(!client)] = Offer::read(body).unwrap_or_default();
            }
            NewKeys::NUMBER => {
                // The first exchange decides for all.
                self.strict = self.strict.or_else(|| Some(self.offers.iter().all(Offer::is_strict)));
                self.ways[way].rekeys = true;
            }
            UserauthRequest::NUMBER => {
                self.method =
                    UserauthRequest::decode(body).map_or_else(|_| Vec::new(), |request| request.method.into());
            }
            UserauthSuccess::NUMBER => self.ways.iter_mut().for_each(|way| way.wire.log_in()),
            _ => {}
        }
    }

    /// The first of the client's that the server has, too (RFC 4253 §7.1).
    fn zip(&self, direction: usize) -> Zip {
        let [client, server] = &self.offers;
        let common = common(&client.zips[direction], &server.zips[direction]);
        common.and_then(|name| core::str::from_utf8(name).ok()).and_then(Zip::from_name).unwrap_or(Zip::None)
    }

    fn kex(&self) -> &[u8] {
        common(&self.offers[0].kex, &self.offers[1].kex).unwrap_or_default()
    }
}

impl Way {
    fn new(wire: Box<dyn Wire>) -> Self {
        Self { wire, rekeys: false, lost: false }
    }

    fn next(&mut self) -> Result<Option<Piece>, Error> {
        if self.lost { Ok(None) } else { self.wire.next() }
    }
}

impl Offer {
    fn read(body: &[u8]) -> Option<Self> {
        let KexInit { kex, zip_to_server, zip_to_client, .. } = KexInit::decode(body).ok()?;
        Some(Self {
            kex: kex.as_bytes().to_vec(),
            zips: [zip_to_server, zip_to_client].map(|zip| zip.as_bytes().to_vec()),
        })
    }

    fn is_strict(&self) -> bool {
        let names = Names::new(&self.kex);
        names.contains(b"kex-strict-c-v00@openssh.com") || names.contains(b"kex-strict-s-v00@openssh.com")
    }
}

fn common<'a>(client: &'a [u8], server: &[u8]) -> Option<&'a [u8]> {
    client.split(|byte| *byte == b',').find(|name| server.split(|byte| *byte == b',').any(|other| other == *name))
}
