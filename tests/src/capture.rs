//! Captures of two foreign ends: all bytes of both directions, what each packet holds, and the secret of each exchange.
//! The format is text and is described in `vectors/README.md`; `vectors/capture/record.py` writes it.

use sanssh_core::algorithm::{Cipher, Kex, Mac, Zip};
use sanssh_core::crypto::Secret;
use sanssh_core::crypto::schedule::Direction;
use sanssh_core::replay::unhex;
use sanssh_core::transport::Suite;

/// A capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// What was captured, for people.
    pub title: String,
    /// Whether both ends kept strict key exchange.
    pub strict: bool,
    /// What happened, in order.
    pub items: Vec<Item>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// An identification line, with its end.
    Ident(Direction, Vec<u8>),
    /// A packet.
    Packet(Direction, Packet),
    /// A key exchange came to its end; the NEWKEYS that come next take it into use.
    Exchange(Exchange),
}

/// A packet, open and sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packet {
    /// Its sequence number.
    pub sequence: u32,
    /// Message number and fields.
    pub payload: Vec<u8>,
    /// The payload as it stands in the packet; empty unless it is compressed.
    pub zipped: Vec<u8>,
    /// The padding.
    pub padding: Vec<u8>,
    /// All of it as it was on the line.
    pub wire: Vec<u8>,
}

/// What both ends agreed upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The method.
    pub kex: Kex,
    /// Whether `K` enters hashes as a `string`, and `K` without its length field.
    pub secret: (bool, Vec<u8>),
    /// `H`.
    pub hash: Vec<u8>,
    /// Algorithms, client to server.
    pub to_server: Suite,
    /// Algorithms, server to client.
    pub to_client: Suite,
}

impl Exchange {
    /// `K`.
    #[must_use]
    pub fn secret(&self) -> Secret {
        let (string, secret) = &self.secret;
        if *string { Secret::string(secret) } else { Secret::mpint(secret) }
    }

    /// The algorithms of one direction.
    #[must_use]
    pub const fn suite(&self, direction: Direction) -> Suite {
        match direction {
            Direction::ToServer => self.to_server,
            Direction::ToClient => self.to_client,
        }
    }
}

/// Why a text is no capture: the line, counted from 1, and what is wrong with it.
pub type Bad = (usize, &'static str);

impl Capture {
    /// Reads a capture.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(text: &str) -> Result<Self, Bad> {
        let mut capture = Self { title: String::new(), strict: false, items: Vec::new() };
        for (index, line) in text.lines().enumerate() {
            let line = line.split_once('#').map_or(line, |(line, _)| line).trim();
            if !line.is_empty() {
                capture.line(line).map_err(|what| (index + 1, what))?;
            }
        }
        Ok(capture)
    }

    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "capture" if rest == "1" => {}
            "title" => self.title = rest.to_owned(),
            "strict" => self.strict = rest == "yes",
            ">" => self.begin(Direction::ToServer, rest)?,
            "<" => self.begin(Direction::ToClient, rest)?,
            "exchange" => self.items.push(Item::Exchange(exchange(rest)?)),
            _ => self.field(word, rest)?,
        }
        Ok(())
    }

    fn begin(&mut self, direction: Direction, rest: &str) -> Result<(), &'static str> {
        self.items.push(match rest.split_once(' ') {
            Some(("ident", line)) => Item::Ident(direction, unhex(line)?),
            Some(("packet", number)) => {
                let sequence = number.parse().map_err(|_| "not a sequence number")?;
                Item::Packet(direction, Packet { sequence, ..Packet::default() })
            }
            _ => return Err("neither ident nor packet"),
        });
        Ok(())
    }

    fn field(&mut self, word: &str, rest: &str) -> Result<(), &'static str> {
        match (self.items.last_mut(), word) {
            (Some(Item::Packet(_, packet)), "payload") => packet.payload = unhex(rest)?,
            (Some(Item::Packet(_, packet)), "zipped") => packet.zipped = unhex(rest)?,
            (Some(Item::Packet(_, packet)), "padding") => packet.padding = unhex(rest)?,
            (Some(Item::Packet(_, packet)), "wire") => packet.wire = unhex(rest)?,
            (Some(Item::Exchange(exchange)), "secret") => {
                let (form, secret) = rest.split_once(' ').ok_or("a form and a secret")?;
                exchange.secret = (form == "string", unhex(secret)?);
            }
            (Some(Item::Exchange(exchange)), "hash") => exchange.hash = unhex(rest)?,
            (Some(Item::Exchange(exchange)), "to-server") => exchange.to_server = suite(rest)?,
            (Some(Item::Exchange(exchange)), "to-client") => exchange.to_client = suite(rest)?,
            _ => return Err("an unknown word"),
        }
        Ok(())
    }

    /// The packets of one direction.
    pub fn packets(&self, direction: Direction) -> impl Iterator<Item = &Packet> {
        self.items.iter().filter_map(move |item| match item {
            Item::Packet(from, packet) if *from == direction => Some(packet),
            Item::Ident(..) | Item::Packet(..) | Item::Exchange(_) => None,
        })
    }

    /// The exchanges.
    pub fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.items.iter().filter_map(|item| match item {
            Item::Exchange(exchange) => Some(exchange),
            Item::Ident(..) | Item::Packet(..) => None,
        })
    }

    /// Everything that one direction carried.
    #[must_use]
    pub fn bytes(&self, direction: Direction) -> Vec<u8> {
        let wire = |item: &Item| match item {
            Item::Ident(from, line) if *from == direction => line.clone(),
            Item::Packet(from, packet) if *from == direction => packet.wire.clone(),
            Item::Ident(..) | Item::Packet(..) | Item::Exchange(_) => Vec::new(),
        };
        self.items.iter().flat_map(wire).collect()
    }
}

fn exchange(kex: &str) -> Result<Exchange, &'static str> {
    let kex = Kex::from_name(kex).ok_or("an unknown key exchange")?;
    let none = Suite { cipher: Cipher::ChaCha20Poly1305, mac: None, zip: Zip::None };
    Ok(Exchange { kex, secret: (false, Vec::new()), hash: Vec::new(), to_server: none, to_client: none })
}

fn suite(text: &str) -> Result<Suite, &'static str> {
    let words: Vec<_> = text.split(' ').collect();
    let [cipher, mac, zip] = words[..] else { return Err("a cipher, a MAC and a compression") };
    let cipher = Cipher::from_name(cipher).ok_or("an unknown cipher")?;
    let mac = (mac != "-").then(|| Mac::from_name(mac).ok_or("an unknown MAC")).transpose()?;
    Ok(Suite { cipher, mac, zip: Zip::from_name(zip).ok_or("an unknown compression")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_capture_is_refused_by_line() {
        let read = |text: &str| Capture::read(text).map(|_| ());
        assert_eq!(read("capture 1\n> ident 5353\n\n> packet 0  # KEXINIT\n  payload 14\n"), Ok(()));
        assert_eq!(read("capture 2"), Err((1, "an unknown word")));
        assert_eq!(read("capture 1\n> nothing 0"), Err((2, "neither ident nor packet")));
        assert_eq!(read("capture 1\nwire 00"), Err((2, "an unknown word")));
        assert_eq!(read("exchange rot13"), Err((1, "an unknown key exchange")));
    }
}
