//! Addresses that a login may come from: the patterns of `from` (sshd(8), ssh_config(5)) and the networks of a
//! certificate's `source-address` (OpenSSH PROTOCOL.certkeys). A list with an entry that means nothing takes nobody.

use super::pattern::{LONGEST as LONGEST_PATTERN, takes};
use alloc::string::ToString;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest text that is tried as an address.
const LONGEST: usize = 63;

/// Addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    base: IpAddr,
    bits: u32,
}

/// Why a text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoNetwork {
    /// It is something else, perhaps a pattern.
    Other,
    /// The mask is too long, or leaves bits of the address that it should not.
    Mask,
}

/// Whether a list of patterns and networks takes this peer: an entry does, and no entry with `!` in front does. Patterns
/// are tried on the address as text, and on the name if there is one.
pub(super) fn patterns_take(list: &[u8], address: IpAddr, name: Option<&[u8]>) -> bool {
    let address = address.to_canonical();
    let text = address.to_string();
    let mut taken = false;
    for entry in list.split(|byte| *byte == b',') {
        let (negated, entry) = entry.strip_prefix(b"!").map_or((false, entry), |entry| (true, entry));
        let fits = match Network::read(entry) {
            Ok(network) => network.has(address),
            Err(NoNetwork::Other) if (1..=LONGEST_PATTERN).contains(&entry.len()) => takes(entry, text.as_bytes()),
            Err(_) => return false,
        };
        if fits || name.is_some_and(|name| takes(entry, name)) {
            if negated {
                return false;
            }
            taken = true;
        }
    }
    taken
}

/// Whether a list of addresses and networks, and of nothing else, has this address; `None` if it is not well formed.
pub fn networks_have(list: &[u8], address: IpAddr) -> Option<bool> {
    let address = address.to_canonical();
    let mut found = false;
    for entry in list.split(|byte| *byte == b',') {
        // Hexadecimal numbers with a prefix are addresses elsewhere, and not here.
        let lawful = entry.iter().all(|byte| byte.is_ascii_hexdigit() || b".:/".contains(byte));
        found |= Network::read(entry).ok().filter(|_| lawful)?.has(address);
    }
    Some(found)
}

impl Network {
    /// Reads `address` or `address/bits`, whose other bits must be zero.
    fn read(text: &[u8]) -> Result<Self, NoNetwork> {
        let text = core::str::from_utf8(text).map_err(|_| NoNetwork::Other)?;
        if text.len() > LONGEST {
            return Err(NoNetwork::Other);
        }
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(mask(bits).ok_or(NoNetwork::Other)?)),
            None => (text, None),
        };
        let base = v4(base).map(IpAddr::V4).or_else(|| base.parse::<Ipv6Addr>().ok().map(IpAddr::V6));
        let base = base.ok_or(NoNetwork::Other)?;
        let bits = bits.unwrap_or_else(|| width(base));
        let network = Self { base, bits };
        if bits <= width(base) && network.has_no_host() { Ok(network) } else { Err(NoNetwork::Mask) }
    }

    fn has_no_host(self) -> bool {
        number(self.base).checked_shl(self.bits + 128 - width(self.base)).unwrap_or_default() == 0
    }

    fn has(self, address: IpAddr) -> bool {
        let differing = number(self.base) ^ number(address);
        let same = differing.checked_shr(width(self.base) - self.bits).unwrap_or_default() == 0;
        self.base.is_ipv4() == address.is_ipv4() && same
    }
}

fn mask(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|bits| digits && *bits <= 128)
}

const fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// An IPv4 address in any form that systems take: one to four numbers, the last of which fills what is left, decimal or,
/// with `0` in front, octal or, with `0x`, hexadecimal.
fn v4(text: &str) -> Option<Ipv4Addr> {
    let mut parts = text.split('.');
    let last = part(parts.next_back()?)?;
    let (mut bits, mut room) = (0, 32);
    for one in parts {
        room = (room > 8).then_some(room)? - 8;
        bits |= part(one).filter(|one| *one < 256)? << room;
    }
    let last = last.checked_shr(room).is_none_or(|rest| rest == 0).then_some(last)?;
    Some(Ipv4Addr::from_bits(bits | last))
}

fn part(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (text.get(2..)?, 16),
        [b'0', _, ..] => (text.get(1..)?, 8),
        _ => (text, 10),
    };
    u32::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::{networks_have, patterns_take};
    use core::net::IpAddr;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks() {
        for (list, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", Some(true)),
            ("10.0.0.0/8", "11.0.0.1", Some(false)),
            ("10.1.2.3", "10.1.2.3", Some(true)),
            ("0.0.0.0/0", "255.0.0.1", Some(true)),
            ("0.0.0.0/0", "::1", Some(false)),
            ("::/0", "::1", Some(true)),
            ("2001:db8::/33", "2001:db8:7fff::1", Some(true)),
            ("2001:db8::/33", "2001:db8:8000::1", Some(false)),
            ("10.0.0.0/8", "::ffff:10.0.0.1", Some(true)),
            ("1.2.3.4,10.0.0.0/31", "10.0.0.1", Some(true)),
            ("127.1", "127.0.0.1", Some(true)),
            ("", "10.0.0.1", None),
            ("10.0.0.1,", "10.0.0.1", None),
            ("10.0.0.1/8", "10.0.0.1", None),
            ("10.0.0.0/33", "10.0.0.0", None),
            ("10.0.0.1/", "10.0.0.1", None),
            ("!10.0.0.1", "10.0.0.1", None),
            ("10.0.0.*", "10.0.0.1", None),
            ("0x0a.0.0.1", "10.0.0.1", None),
            ("host", "10.0.0.1", None),
        ] {
            assert_eq!(networks_have(list.as_bytes(), ip(address)), expected, "{list} {address}");
        }
    }

    #[test]
    fn patterns() {
        let takes =
            |list: &str, name: Option<&str>| patterns_take(list.as_bytes(), ip("10.0.0.1"), name.map(str::as_bytes));
        for list in ["10.0.0.1", "10.*", "10.0.0.0/8", "1,10.0.0.?", "*", "!10.0.0.2,*", "10.1", "0xa.1", "012.0.0.1"] {
            assert!(takes(list, None), "{list}");
        }
        for list in [
            "",
            ",",
            "10.0.0.1,",
            "10.0.0.2",
            "!10.0.0.1,*",
            "*,!10.0.0.0/30",
            "10.0.0.1/8,*",
            "*,10.0.0.0/33",
            "!10.0.0.2",
            "::/0",
            "a.example",
            "10.0.0.0/8x",
            "18.0.0.08",
        ] {
            assert!(!takes(list, None), "{list}");
        }
        assert!(takes("*.EXAMPLE", Some("a.example")) && takes("10.0.0.1", Some("a.example")));
        assert!(!takes("*,!*.example", Some("a.example")) && !takes("!10.0.0.1,a.example", Some("a.example")));
        assert!(!takes(&alloc::format!("*,!{}", "x".repeat(1023)), None), "too long to be tried");
        assert!(!patterns_take(b"fe80::1%1", ip("fe80::1"), None));
    }
}
