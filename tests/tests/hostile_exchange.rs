//! Table C, key exchange: shares and groups that are none, and steps out of their order (RFC 4253 §7 and §8, RFC 4419, RFC
//! 5656, RFC 8731).
//! `hostile_negotiation` has the rows up to C11, `hostile_proof` those of host keys and signatures,
//! `hostile_cryptography` those of secrets and of providers that fail.

use sanssh_core::algorithm::Kex;
use sanssh_core::crypto::group::Group;
use sanssh_core::role::{Client, Server};
use sanssh_core::{Error, Violation};
use sanssh_tests::both_roles;
use sanssh_tests::forger::{Feed, Forger, Proposal, Reply, Side, Suite, any, both_ways, greeted, offered};

#[test]
fn c12_shares_in_the_wrong_direction() {
    fn case<R: Side>(feed: Feed) {
        let mut forger = offered::<R>(feed);
        let (number, payload) = if Forger::<R>::is_client() {
            (31, any(31).string([1; 32]).string([2; 32]).string([3; 64]).done())
        } else {
            (30, any(30).string([1; 32]).done())
        };
        forger.send(&payload);
        forger.fatal(Violation::Unexpected(number).into(), &[]);
    }
    both_roles!(case);
}

#[test]
fn c13_messages_of_other_exchanges() {
    fn case<R: Side>(feed: Feed) {
        for number in 32..50 {
            let mut forger = offered::<R>(feed);
            forger.send(&any(number).u32(1024).u32(2048).u32(8192).done());
            forger.fatal(Violation::Unexpected(number).into(), &[]);
        }
    }
    both_roles!(case);
    fn between<R: Side>(feed: Feed) {
        // What a group exchange says in another step, and what others say in its steps.
        let unlawful: [&[u8]; 2] = if Forger::<R>::is_client() { [&[30, 32], &[30, 34]] } else { [&[33], &[31]] };
        for (grouped, numbers) in unlawful.iter().enumerate() {
            for number in *numbers {
                let mut forger = in_group::<R>(feed);
                if grouped == 1 {
                    forger.send_group();
                }
                forger.forget();
                forger.send(&any(*number).string([2]).string([2]).string([2]).done());
                forger.fatal(Violation::Unexpected(*number).into(), &[]);
            }
        }
    }
    both_roles!(between);
    // The old form of the group exchange: three numbers under the number of a share.
    both_ways(|feed| {
        let mut forger = offered::<Server>(feed);
        forger.send(&any(30).u32(2048).done());
        forger.fatal(Error::Malformed(Some(30)), &[]);
    });
}

#[test]
fn c14_new_keys_too_soon_or_twice() {
    fn case<R: Side>(feed: Feed) {
        let mut forger = greeted::<R>(feed);
        forger.send(&[21]);
        forger.fatal(Violation::Unexpected(21).into(), &[]);
        let mut forger = offered::<R>(feed);
        forger.send(&[21]);
        forger.fatal(Violation::Unexpected(21).into(), &[]);
        let mut forger = Forger::<R>::new(feed).keyed();
        forger.send(&[21]);
        forger.fatal(Violation::Unexpected(21).into(), &[]);
        let mut forger = Forger::<R>::new(feed).shared();
        forger.forget();
        forger.send(&[21, 0]);
        forger.fatal(Error::Malformed(Some(21)), &[]);
    }
    both_roles!(case);
}

#[test]
fn c15_a_server_that_skips_its_proof() {
    both_ways(|feed| {
        for message in [vec![21], any(6).string("ssh-userauth").done(), vec![52]] {
            let mut forger = offered::<Client>(feed);
            forger.send(&message);
            forger.fatal(Violation::Unexpected(message[0]).into(), &[]);
        }
        let mut forger = offered::<Client>(feed);
        forger.send_all(&[&[21], &any(6).string("ssh-userauth").done(), &[52]]);
        forger.fatal(Violation::Unexpected(21).into(), &[]);
    });
}

/// Sends a share that is none, in place of the right one.
fn refuses_share<R: Side>(feed: Feed, kex: Kex, share: &[u8]) {
    let mut forger = Forger::<R>::new(feed).proposing(&Suite::kex(kex)).offered();
    forger.forget();
    if Forger::<R>::is_client() {
        forger.send(&any(30).string(share).done());
    } else {
        let reply = forger.genuine_reply();
        forger.send(&Reply { share: share.to_vec(), ..reply }.encode());
    }
    forger.fatal(Error::Exchange, &[]);
}

#[test]
fn c18_x25519_shares_of_a_wrong_length() {
    fn case<R: Side>(feed: Feed) {
        for kex in [Kex::Curve25519, Kex::Curve25519LibSsh] {
            for length in [0, 1, 31, 33, 64, 30_000] {
                refuses_share::<R>(feed, kex, &vec![9; length]);
            }
        }
    }
    both_roles!(case);
}

/// The points of order 1, 2, 4 and 8, the last two by one of each of their forms, and p - 1, p, p + 1.
fn low_order() -> Vec<[u8; 32]> {
    let hex = |digits: &str| {
        let mut point = [0; 32];
        for (at, byte) in point.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("digits");
        }
        point
    };
    let p = |low: u8| {
        let mut point = [0xff; 32];
        (point[0], point[31]) = (low, 0x7f);
        point
    };
    let small = |low: u8| {
        let mut point = [0; 32];
        point[0] = low;
        point
    };
    vec![
        small(0),
        small(1),
        p(0xec),
        p(0xed),
        p(0xee),
        hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ]
}

#[test]
fn c19_x25519_points_of_low_order() {
    fn case<R: Side>(feed: Feed) {
        for point in low_order() {
            refuses_share::<R>(feed, Kex::Curve25519, &point);
            // The top bit is ignored (RFC 7748 §5).
            let mut other = point;
            other[31] |= 0x80;
            refuses_share::<R>(feed, Kex::Curve25519, &other);
        }
    }
    both_roles!(case);
}

/// P-256's prime, and its base point.
const P256: &str = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
const BASE: [&str; 2] = [
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
];

fn bytes(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("digits")).collect()
}

#[test]
fn c20_points_that_are_not_on_p256() {
    fn case<R: Side>(feed: Feed) {
        let [x, y, p] = [bytes(BASE[0]), bytes(BASE[1]), bytes(P256)];
        let point = |tag: u8, x: &[u8], y: &[u8]| [&[tag], x, y].concat();
        let mut off = y.clone();
        off[31] ^= 1;
        let shares = [
            vec![],
            vec![0],
            vec![4],
            point(2, &x, &[]),
            point(3, &x, &[]),
            point(5, &x, &y),
            point(6, &x, &y),
            point(7, &x, &y),
            point(0, &x, &y),
            point(4, &x, &off),
            point(4, &[0; 32], &[0; 32]),
            point(4, &p, &y),
            point(4, &x, &p),
            point(4, &[0xff; 32], &y),
            point(4, &x, &y[..31]),
            point(4, &x, &[&y[..], &[0]].concat()),
        ];
        for share in shares {
            refuses_share::<R>(feed, Kex::EcdhP256, &share);
        }
    }
    both_roles!(case);
}

/// Both KEXINITs are there, and a group exchange is agreed on.
fn in_group<R: Side>(feed: Feed) -> Forger<R> {
    Forger::new(feed).proposing(&Suite::kex(Kex::GroupExchangeSha256)).offered()
}

/// What stands behind the length of a positive `mpint`.
fn positive(digits: &[u8]) -> Vec<u8> {
    let sign = digits.first().is_some_and(|top| *top >= 0x80).then_some(0);
    sign.into_iter().chain(digits.iter().copied()).collect()
}

/// A published prime, and how much more or less than it.
fn near_prime(bits: u32, more: i16) -> Vec<u8> {
    let mut digits = Group::of(bits).expect("a group").prime().to_vec();
    let (last, head) = digits.split_last_mut().expect("digits");
    let sum = i16::from(*last) + more;
    *last = sum.to_le_bytes()[0];
    if sum > 0xff {
        // The prime ends in ones, all of which carry.
        let at = head.iter().rposition(|digit| *digit != 0xff).expect("a digit that does not");
        head[at] += 1;
        head[at + 1..].fill(0);
    }
    digits
}

/// The same on the larger curves, whose primes are 2^384 - 2^128 - 2^96 + 2^32 - 1 and 2^521 - 1.
#[test]
fn c20_points_that_are_not_on_larger_curves() {
    let p384 =
        [&[0xff; 31][..], &[0xfe, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]].concat();
    let p521 = [&[1][..], &[0xff; 65]].concat();
    fn case<R: Side>(feed: Feed, kex: Kex, p: &[u8]) {
        let mut forger = Forger::<R>::new(feed).proposing(&Suite::kex(kex)).offered();
        let sound =
            if Forger::<R>::is_client() { forger.initiate()[5..].to_vec() } else { forger.genuine_reply().share };
        let (x, y) = sound[1..].split_at(p.len());
        let mut off = y.to_vec();
        *off.last_mut().expect("a coordinate") ^= 1;
        let point = |tag: u8, x: &[u8], y: &[u8]| [&[tag], x, y].concat();
        let zeros = vec![0; p.len()];
        for share in [
            vec![0],
            point(2 + (y[y.len() - 1] & 1), x, &[]),
            point(4, x, &off),
            point(4, &zeros, &zeros),
            point(4, p, y),
            point(4, x, p),
            point(4, &vec![0xff; p.len()], y),
            sound[..sound.len() - 1].to_vec(),
            [&sound[..], &[0]].concat(),
        ] {
            refuses_share::<R>(feed, kex, &share);
        }
    }
    both_ways(|feed| {
        for (kex, p) in [(Kex::EcdhP384, &p384), (Kex::EcdhP521, &p521)] {
            case::<Client>(feed, kex, p);
            case::<Server>(feed, kex, p);
        }
    });
}

#[test]
fn c21_c22_numbers_that_leave_no_secret() {
    fn case<R: Side>(feed: Feed) {
        for (kex, bits) in [(Kex::Group14Sha256, 2048), (Kex::Group1Sha1, 1024)] {
            let bad = [
                vec![],
                vec![0],
                vec![1],
                vec![0xff],
                vec![0, 2],
                positive(&near_prime(bits, -1)),
                positive(&near_prime(bits, 0)),
                positive(&near_prime(bits, 1)),
                // Negative, for want of a leading zero.
                near_prime(bits, -2),
            ];
            for share in bad {
                refuses_share::<R>(feed, kex, &share);
            }
        }
        let mut forger = in_group::<R>(feed);
        forger.send_group();
        forger.forget();
        let share = positive(&near_prime(3072, -1));
        if Forger::<R>::is_client() {
            forger.send(&any(32).string(share).done());
        } else {
            let reply = forger.genuine_reply();
            forger.send(&Reply { share, ..reply }.encode());
        }
        forger.fatal(Error::Exchange, &[]);
    }
    both_roles!(case);
}

#[test]
fn c23_groups_that_are_not_what_was_asked_for() {
    both_ways(|feed| {
        let sound = near_prime(2048, 0);
        let offers = [
            (near_prime(1024, 0), vec![2]),
            (vec![7], vec![2]),
            (vec![], vec![2]),
            ([&near_prime(8192, 0)[..], &[1]].concat(), vec![2]),
            (near_prime(2048, -1), vec![2]),
            // Odd, and not prime.
            (near_prime(2048, -2), vec![2]),
            (sound.clone(), vec![]),
            (sound.clone(), vec![1]),
            (sound.clone(), near_prime(2048, -1)),
            (sound.clone(), sound),
        ];
        for (prime, generator) in offers {
            let mut forger = in_group::<Client>(feed);
            forger.forget();
            forger.send(&any(31).string(positive(&prime)).string(positive(&generator)).done());
            forger.fatal(Error::Exchange, &[]);
        }
        for negative in [any(31).string([0x80]).string([2]), any(31).string([0, 2]).string([2])] {
            let mut forger = in_group::<Client>(feed);
            forger.forget();
            forger.send(&negative.done());
            forger.fatal(Error::Malformed(Some(31)), &[]);
        }
    });
}

#[test]
fn c24_requests_that_no_group_meets() {
    both_ways(|feed| {
        for (min, wanted, max) in
            [(3072, 2048, 8192), (2048, 8192, 4096), (1024, 1024, 1024), (8193, 9000, 16384), (u32::MAX, 0, 0)]
        {
            let mut forger = in_group::<Server>(feed);
            forger.forget();
            forger.send(&any(34).u32(min).u32(wanted).u32(max).done());
            forger.fatal(Error::Exchange, &[]);
        }
        let mut forger = in_group::<Server>(feed);
        forger.forget();
        forger.send(&any(34).u32(2048).u32(3072).u32(8192).u8(0).done());
        forger.fatal(Error::Malformed(Some(34)), &[]);
    });
}

/// The keys of Streamlined NTRU Prime have no encoding that is refused: any bytes of the right number are a key, and one
/// that is not canonical harms nobody but whoever made it.
#[test]
fn c26_streamlined_ntru_prime() {
    const KEM: [usize; 2] = [1158, 1039];
    fn case<R: Side>(feed: Feed) {
        for kex in [Kex::Sntrup761X25519, Kex::Sntrup761X25519OpenSsh] {
            refuses_lengths_and_points::<R>(feed, kex, KEM);
        }
    }
    both_roles!(case);
}

/// Shares of a mechanism's length and X25519's; gives the sound one.
fn refuses_lengths_and_points<R: Side>(feed: Feed, kex: Kex, lengths: [usize; 2]) -> Vec<u8> {
    // A client's share is an encapsulation key, a server's a ciphertext; 32 bytes of X25519 follow either.
    let kem = lengths[usize::from(!Forger::<R>::is_client())];
    let mut forger = Forger::<R>::new(feed).proposing(&Suite::kex(kex)).offered();
    let sound = if Forger::<R>::is_client() { forger.initiate()[5..].to_vec() } else { forger.genuine_reply().share };
    assert_eq!(sound.len(), kem + 32);
    refuses_share::<R>(feed, kex, &[]);
    refuses_share::<R>(feed, kex, &sound[1..]);
    refuses_share::<R>(feed, kex, &sound[..sound.len() - 1]);
    refuses_share::<R>(feed, kex, &[&sound[..], &[0]].concat());
    for point in low_order() {
        refuses_share::<R>(feed, kex, &[&sound[..kem], &point].concat());
    }
    sound
}

#[test]
fn c25_hybrid_shares_with_a_bad_half() {
    const KEM: [usize; 2] = [1184, 1088];
    fn case<R: Side>(feed: Feed) {
        let kex = Kex::MlKem768X25519;
        let sound = refuses_lengths_and_points::<R>(feed, kex, KEM);
        if Forger::<R>::is_client() {
            // Three bytes hold two coefficients of twelve bits; 0xfff is above q = 3329.
            refuses_share::<R>(feed, kex, &[&[0xff; 3], &sound[3..]].concat());
            refuses_share::<R>(feed, kex, &[&sound[..1149], &[0xff; 3], &sound[1152..]].concat());
        }
        for (kex, kem) in [(Kex::MlKem768P256, KEM), (Kex::MlKem1024P384, [1568; 2])] {
            bad_halves::<R>(feed, kex, kem[usize::from(!Forger::<R>::is_client())]);
        }
    }
    both_roles!(case);
}

/// The mechanism's half with a point that is none, and the reverse where there is one: any ciphertext opens.
fn bad_halves<R: Side>(feed: Feed, kex: Kex, kem: usize) {
    let mut forger = Forger::<R>::new(feed).proposing(&Suite::kex(kex)).offered();
    let sound = if Forger::<R>::is_client() { forger.initiate()[5..].to_vec() } else { forger.genuine_reply().share };
    let (half, point) = sound.split_at(kem);
    refuses_share::<R>(feed, kex, &sound[..sound.len() - 1]);
    refuses_share::<R>(feed, kex, &[&sound[..], &[0]].concat());
    refuses_share::<R>(feed, kex, half);
    let mut off = point.to_vec();
    *off.last_mut().expect("a coordinate") ^= 1;
    refuses_share::<R>(feed, kex, &[half, &off].concat());
    if Forger::<R>::is_client() {
        refuses_share::<R>(feed, kex, &[&[0xff; 3], &sound[3..]].concat());
    }
}

/// The session identifier stays that of the first exchange, whatever follows.
#[test]
fn c32_other_exchanges_at_a_rekey() {
    fn case<R: Side>(feed: Feed) {
        let mut forger = Forger::<R>::new(feed).authenticated();
        let session = forger.session;
        assert!(session.is_some());
        for kex in [
            Kex::MlKem1024P384,
            Kex::EcdhP521,
            Kex::GroupExchangeSha256,
            Kex::Group14Sha1,
            Kex::MlKem768X25519,
            Kex::Curve25519,
        ] {
            forger.proposal = Proposal::new(Forger::<R>::is_client(), &Suite::kex(kex));
            forger.rekey();
            forger.forget();
            forger.send(&[4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            forger.lives(&["debug "], &[]);
            assert_eq!(forger.machine.ssh.session_id(), session);
            assert_eq!(forger.session, session);
        }
    }
    both_roles!(case);
}
