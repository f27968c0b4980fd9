//! Table C, negotiation and key exchange: KEXINITs, shares, host keys and signatures that are not what they should be
//! (RFC 4253 §7 and §8, RFC 5656, RFC 8731), and steps out of their order.
//!
//! | row | not here, because |
//! |---|---|
//! | C17 | there is no policy to forget: a client stops at the question about the host key, which C16 shows |
//! | C21, C22 | there are no exchanges over Diffie-Hellman groups |
//! | C23, C24 | there is no group exchange |
//! | C26 | sntrup761 is not built |
//! | C27 | every case here checks hash and signature with the other provider; 1 000 fixed seeds are in `exchanges` |
//! | C31 | core calls nothing that can fail: hash, generator and derivation are infallible, and signers are outside |
//! | C34 | across connections it is the driver's; C08 bounds one connection |

use sanssh_core::algorithm::{HostKey, Kex};
use sanssh_core::file::signing::SigningKey;
use sanssh_core::role::{Client, Server};
use sanssh_core::{Choice, Config, Error, Random, Seed, Violation};
use sanssh_tests::forger::{
    Answer, EXTENSIONS, Feed, Forger, Proposal, Question, Reply, STRICT, Side, Suite, any, blob, both_ways,
};

fn greeted<R: Side>(feed: Feed) -> Forger<R> {
    let mut forger = Forger::new(feed).greeted();
    forger.forget();
    forger
}

/// After both KEXINITs. A machine that is the client has sent its share by now.
fn offered<R: Side>(feed: Feed) -> Forger<R> {
    let mut forger = Forger::new(feed).offered();
    forger.forget();
    forger
}

/// Runs a case against both roles, both ways.
macro_rules! both_roles {
    ($case:ident) => {
        both_ways($case::<Client>);
        both_ways($case::<Server>);
    };
}

/// Proposes what `change` makes of a sound KEXINIT; the machine must not survive it.
fn refuses_offer<R: Side>(feed: Feed, error: Error, change: impl Fn(&mut Proposal)) {
    let mut forger = greeted::<R>(feed);
    change(&mut forger.proposal);
    forger.send_offer();
    forger.fatal(error, &[]);
}

#[test]
fn c01_an_offer_cut_anywhere_or_too_long() {
    fn case<R: Side>(feed: Feed) {
        let whole = greeted::<R>(feed).proposal.encode();
        for cut in 1..whole.len() {
            let mut forger = greeted::<R>(feed);
            forger.send(&whole[..cut]);
            forger.fatal(Error::Malformed(Some(20)), &[]);
        }
        let mut forger = greeted::<R>(feed);
        forger.send(&[&whole[..], &[0]].concat());
        forger.fatal(Error::Malformed(Some(20)), &[]);
    }
    both_roles!(case);
}

#[test]
fn c02_names_that_are_none() {
    fn case<R: Side>(feed: Feed) {
        let odd = ["curve25519-sha256\0", "curve25519-sha256 ", "curve25519-sh\u{e4}256", &"c".repeat(65), " ", "\n"];
        for name in odd {
            refuses_offer::<R>(feed, Error::Incompatible(Choice::Kex), |offer| offer.kex = name.into());
            refuses_offer::<R>(feed, Error::Incompatible(Choice::HostKey), |offer| *offer.list(1) = name.into());
            let mut forger = greeted::<R>(feed);
            forger.proposal.kex = format!("{name},{}", forger.proposal.kex);
            forger.send_offer();
            assert_eq!(forger.machine.over, None, "an odd name beside a good one does no harm");
        }
    }
    both_roles!(case);
}

#[test]
fn c03_sixty_thousand_names() {
    fn case<R: Side>(_: Feed) {
        for at in 0..10 {
            let mut forger = greeted::<R>(Feed::Whole);
            let name = forger.proposal.list(at).clone();
            *forger.proposal.list(at) = format!("{}{name}", "x,".repeat(60_000));
            forger.send_offer();
            assert_eq!(forger.machine.over, None);
        }
    }
    both_roles!(case);
}

#[test]
fn c04_markers_are_never_chosen() {
    fn case<R: Side>(feed: Feed) {
        let markers = [EXTENSIONS[0], EXTENSIONS[1], STRICT[0], STRICT[1]];
        let lists = markers.iter().map(ToString::to_string).chain([markers.join(",")]);
        for list in lists {
            refuses_offer::<R>(feed, Error::Incompatible(Choice::Kex), |offer| offer.kex = list.clone());
            refuses_offer::<R>(feed, Error::Incompatible(Choice::HostKey), |offer| *offer.list(1) = list.clone());
        }
    }
    both_roles!(case);
}

#[test]
fn c05_nothing_but_none() {
    fn case<R: Side>(feed: Feed) {
        for (at, choice) in [(2, Choice::CipherToServer), (3, Choice::CipherToClient)] {
            refuses_offer::<R>(feed, Error::Incompatible(choice), |offer| *offer.list(at) = "none".into());
        }
        for (at, choice) in [(4, Choice::MacToServer), (5, Choice::MacToClient)] {
            refuses_offer::<R>(feed, Error::Incompatible(choice), |offer| {
                *offer.list(2) = "aes256-ctr".into();
                *offer.list(3) = "aes256-ctr".into();
                *offer.list(at) = "none".into();
            });
        }
    }
    both_roles!(case);
}

#[test]
fn c06_nothing_in_common_in_one_list() {
    fn case<R: Side>(feed: Feed) {
        let choices = [
            Choice::Kex,
            Choice::HostKey,
            Choice::CipherToServer,
            Choice::CipherToClient,
            Choice::MacToServer,
            Choice::MacToClient,
            Choice::ZipToServer,
            Choice::ZipToClient,
        ];
        for (at, choice) in choices.into_iter().enumerate() {
            for nothing in ["", "strange@example.org"] {
                refuses_offer::<R>(feed, Error::Incompatible(choice), |offer| {
                    *offer.list(2) = "aes256-ctr".into();
                    *offer.list(3) = "aes256-ctr".into();
                    *offer.list(at) = nothing.into();
                });
            }
        }
    }
    both_roles!(case);
}

#[test]
fn c07_a_second_offer() {
    fn case<R: Side>(feed: Feed) {
        let mut forger = offered::<R>(feed);
        forger.send_offer();
        forger.fatal(Violation::Unexpected(20).into(), &[]);
        let mut forger = Forger::<R>::new(feed).shared();
        forger.forget();
        forger.send_offer();
        forger.fatal(Violation::Unexpected(20).into(), &[]);
    }
    both_roles!(case);
}

/// The first exchange is one of four.
#[test]
fn c08_exchanges_without_a_login() {
    fn case<R: Side>(feed: Feed) {
        let mut forger = Forger::<R>::new(feed).keyed();
        for _ in 0..3 {
            forger.rekey();
            assert_eq!(forger.machine.over, None);
        }
        forger.forget();
        forger.send_offer();
        forger.fatal(Violation::TooMany.into(), &[]);
    }
    both_roles!(case);
}

/// A KEXINIT with a guess that is wrong by its first key exchange.
fn guess_wrong<R: Side>(forger: &mut Forger<R>) {
    forger.proposal.guess = true;
    forger.proposal.kex = format!("diffie-hellman-group1-sha1,{}", forger.proposal.kex);
}

#[test]
fn c09_a_wrong_guess_is_dropped_once() {
    fn case<R: Side>(feed: Feed) {
        for number in [30, 31, 32, 34, 49] {
            let mut forger = greeted::<R>(feed);
            guess_wrong(&mut forger);
            forger.send_offer();
            forger.send(&any(number).string("nonsense").done());
            assert_eq!(forger.machine.over, None, "the guess is dropped");
            forger.send_share();
            forger.send_new_keys();
            forger.forget();
            forger.send(&[2, 0, 0, 0, 0]);
            forger.lives(&[], &[]);
        }
        // Exactly one is dropped.
        let mut forger = greeted::<R>(feed);
        guess_wrong(&mut forger);
        forger.send_offer();
        forger.forget();
        forger.send(&any(32).done());
        forger.send(&any(32).done());
        forger.fatal(Violation::Unexpected(32).into(), &[]);
    }
    both_roles!(case);
}

#[test]
fn c09_a_right_guess_is_taken() {
    fn case<R: Side>(feed: Feed) {
        let suite = Suite::kex(Kex::MlKem768X25519);
        let mut forger = Forger::<R>::new(feed).proposing(&suite).greeted();
        forger.proposal.guess = true;
        forger.send_offer();
        forger.send_share();
        forger.send_new_keys();
        forger.forget();
        forger.send(&[2, 0, 0, 0, 0]);
        forger.lives(&[], &[]);
    }
    both_roles!(case);
}

#[test]
fn c09_wrong_guesses_again_and_again() {
    fn case<R: Side>(_: Feed) {
        let mut forger = Forger::<R>::new(Feed::Whole).authenticated();
        guess_wrong(&mut forger);
        for _ in 0..50 {
            forger.send_offer();
            forger.send(&any(34).string("nonsense").done());
            forger.send_share();
            forger.send_new_keys();
            assert_eq!(forger.machine.over, None);
        }
    }
    both_roles!(case);
}

#[test]
fn c10_a_guess_that_is_wrong_by_the_host_key() {
    fn case<R: Side>(feed: Feed) {
        let suite = Suite::kex(Kex::MlKem768X25519);
        let mut forger = Forger::<R>::new(feed).proposing(&suite).greeted();
        forger.proposal.guess = true;
        *forger.proposal.list(1) = "ssh-dss,ssh-ed25519".into();
        forger.send_offer();
        forger.send(&any(30).string("nonsense").done());
        assert_eq!(forger.machine.over, None, "the guess is dropped");
        forger.send_share();
        forger.send_new_keys();
        forger.forget();
        forger.send(&[2, 0, 0, 0, 0]);
        forger.lives(&[], &[]);
    }
    both_roles!(case);
}

#[test]
fn c11_a_guess_that_never_comes() {
    fn case<R: Side>(feed: Feed) {
        let mut forger = greeted::<R>(feed);
        guess_wrong(&mut forger);
        forger.send_offer();
        forger.forget();
        forger.send(&[21]);
        forger.fatal(Violation::Unexpected(21).into(), &[]);
    }
    both_roles!(case);
}

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

#[test]
fn c16_a_host_key_that_is_not_trusted() {
    both_ways(|feed| {
        for answer in [Answer::Later, Answer::No] {
            let mut forger = offered::<Client>(feed);
            forger.machine.policy.trust = answer;
            forger.send_share();
            if answer == Answer::No {
                forger.fatal(Error::Untrusted, &["host-key"]);
                continue;
            }
            // NEWKEYS and what follows it wait unread, and nothing leaves.
            forger.send_new_keys();
            forger.lives(&["host-key"], &[]);
            forger.send(&any(6).string("ssh-userauth").done());
            forger.lives(&[], &[]);
            let Some(Question::Trust(ask)) = forger.machine.held.pop() else { panic!("a question is held") };
            // The handler is dropped: the handshake's deadline is what is left.
            drop(ask);
            forger.wait(60);
            forger.fatal(Error::TimedOut(sanssh_core::time::Phase::Handshake), &[]);
        }
    });
}

/// A client that is asked late goes on as if it had been asked at once.
#[test]
fn c16_a_host_key_that_is_trusted_late() {
    both_ways(|feed| {
        let mut forger = offered::<Client>(feed);
        forger.machine.policy.trust = Answer::Later;
        forger.send_share();
        forger.send_new_keys();
        let Some(Question::Trust(ask)) = forger.machine.held.pop() else { panic!("a question is held") };
        forger.machine.ssh.trust(ask);
        forger.machine.pump();
        forger.hear();
        forger.lives(&["host-key", "keyed"], &[21, 7, 5]);
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

#[test]
fn c25_hybrid_shares_with_a_bad_half() {
    const KEM: [usize; 2] = [1184, 1088];
    fn case<R: Side>(feed: Feed) {
        // A client's share is an encapsulation key, a server's a ciphertext; 32 bytes of X25519 follow either.
        let kem = KEM[usize::from(!Forger::<R>::is_client())];
        let kex = Kex::MlKem768X25519;
        let mut forger = Forger::<R>::new(feed).proposing(&Suite::kex(kex)).offered();
        let sound =
            if Forger::<R>::is_client() { forger.initiate()[5..].to_vec() } else { forger.genuine_reply().share };
        assert_eq!(sound.len(), kem + 32);
        refuses_share::<R>(feed, kex, &[]);
        refuses_share::<R>(feed, kex, &sound[1..]);
        refuses_share::<R>(feed, kex, &sound[..sound.len() - 1]);
        refuses_share::<R>(feed, kex, &[&sound[..], &[0]].concat());
        for point in low_order() {
            refuses_share::<R>(feed, kex, &[&sound[..kem], &point].concat());
        }
        if Forger::<R>::is_client() {
            // Three bytes hold two coefficients of twelve bits; 0xfff is above q = 3329.
            refuses_share::<R>(feed, kex, &[&[0xff; 3], &sound[3..]].concat());
            refuses_share::<R>(feed, kex, &[&sound[..1149], &[0xff; 3], &sound[1152..]].concat());
        }
    }
    both_roles!(case);
}

/// What a falsified reply must do.
fn refuses_reply(feed: Feed, suite: &Suite, key: fn() -> SigningKey, change: impl Fn(&mut Reply, &SigningKey)) {
    let mut forger = Forger::<Client>::new(feed).proposing(suite);
    forger.key = key();
    let mut forger = forger.offered();
    forger.forget();
    let mut reply = forger.genuine_reply();
    change(&mut reply, &key());
    forger.send(&reply.encode());
    forger.fatal(Error::Exchange, &[]);
}

fn ed25519() -> SigningKey {
    SigningKey::ed25519(&[7; 32])
}

fn p256() -> SigningKey {
    SigningKey::ecdsa_p256(&mut Random::new(&Seed::new([8; 32])))
}

#[test]
fn c28_signatures_of_something_else() {
    both_ways(|feed| {
        let suite = Suite::default();
        let sign = |key: &SigningKey, message: &[u8]| key.sign(HostKey::Ed25519, message).expect("a signature");
        refuses_reply(feed, &suite, ed25519, |reply, key| reply.signature = sign(key, &[0; 32]));
        refuses_reply(feed, &suite, ed25519, |reply, _| {
            reply.signature = sign(&SigningKey::ed25519(&[1; 32]), &[0; 32]);
        });
        // The key is another than the one that signed.
        refuses_reply(feed, &suite, ed25519, |reply, _| {
            reply.host_key = SigningKey::ed25519(&[1; 32]).public().to_vec();
        });
        refuses_reply(feed, &suite, ed25519, |reply, _| reply.share[0] ^= 1);
        for at in [0, 10, 20, 40, 82] {
            refuses_reply(feed, &suite, ed25519, |reply, _| reply.signature[at] ^= 1);
        }
    });
}

#[test]
fn c28_algorithms_that_were_not_negotiated() {
    both_ways(|feed| {
        let named = |name: &str| blob().string(name).string([5; 64]).done();
        for name in ["ssh-rsa", "rsa-sha2-256", "ssh-ed25519-cert-v01@openssh.com", "ecdsa-sha2-nistp256", ""] {
            refuses_reply(feed, &Suite::default(), ed25519, |reply, _| reply.signature = named(name));
        }
        // A sound key and signature, of the type that was not agreed on.
        refuses_reply(feed, &Suite::default(), ed25519, |reply, _| {
            let key = p256();
            reply.host_key = key.public().to_vec();
            reply.signature = key.sign(HostKey::EcdsaP256, &[0; 32]).expect("a signature");
        });
        let suite = Suite { host_key: HostKey::EcdsaP256, ..Suite::default() };
        refuses_reply(feed, &suite, p256, |reply, _| reply.host_key = ed25519().public().to_vec());
    });
}

#[test]
fn c29_signature_blobs_out_of_shape() {
    both_ways(|feed| {
        let suites: [(Suite, fn() -> SigningKey); 2] =
            [(Suite::default(), ed25519), (Suite { host_key: HostKey::EcdsaP256, ..Suite::default() }, p256)];
        for (suite, key) in &suites {
            let name = suite.host_key.name();
            let changes: [&dyn Fn(&mut Reply, &SigningKey); 7] = [
                &|reply, _| reply.signature.clear(),
                &|reply, _| reply.signature.push(0),
                &|reply, _| reply.signature.truncate(reply.signature.len() - 1),
                &|reply, _| reply.signature = blob().string(name).done(),
                &|reply, _| reply.signature = blob().string(name).string("").done(),
                &|reply, _| reply.signature = blob().string(name).u32(u32::MAX).raw(&[1; 64]).done(),
                &|reply, _| reply.host_key.push(0),
            ];
            for change in changes {
                refuses_reply(feed, suite, *key, change);
            }
        }
    });
}

#[test]
fn c29_ecdsa_numbers_out_of_range() {
    both_ways(|feed| {
        let suite = Suite { host_key: HostKey::EcdsaP256, ..Suite::default() };
        let order = bytes("00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
        let numbers = [vec![], vec![0], vec![0x80; 32], vec![1; 33], order, [&[0][..], &[1; 32]].concat()];
        for number in &numbers {
            for place in 0..2 {
                refuses_reply(feed, &suite, p256, |reply, _| {
                    let pair = [(0, [1; 32].to_vec()), (1, [1; 32].to_vec())]
                        .map(|(at, good)| if at == place { number.clone() } else { good });
                    let inner = blob().string(&pair[0]).string(&pair[1]).done();
                    reply.signature = blob().string("ecdsa-sha2-nistp256").string(inner).done();
                });
            }
        }
    });
}

/// A modulus of so many bits, odd and without small meaning.
fn modulus(bits: usize) -> Vec<u8> {
    let mut digits = vec![0x9d; bits.div_ceil(8)];
    digits[0] = 0x80;
    if bits.is_multiple_of(8) {
        digits.insert(0, 0);
    }
    digits
}

#[test]
fn c30_rsa_keys_below_and_above_what_is_looked_at() {
    both_ways(|feed| {
        let suite = Suite { host_key: HostKey::RsaSha256, ..Suite::default() };
        let exponent = vec![1, 0, 1];
        let mut even = modulus(2048);
        *even.last_mut().expect("digits") = 2;
        let keys = [
            (exponent.clone(), modulus(1024)),
            (exponent.clone(), modulus(2047 / 8 * 8)),
            (exponent.clone(), modulus(16_392)),
            (exponent.clone(), modulus(262_144)),
            (exponent, even),
            (vec![1], modulus(2048)),
            (vec![2], modulus(2048)),
            (vec![], modulus(2048)),
            ([&[1][..], &[0; 7], &[1]].concat(), modulus(2048)),
            (vec![0x80, 0, 1], modulus(2048)),
        ];
        for (e, n) in keys {
            let mut forger = Forger::<Client>::new(feed).proposing(&Suite::default());
            *forger.proposal.list(1) = suite.host_key.name().into();
            let mut forger = forger.offered();
            forger.forget();
            let mut reply = forger.genuine_reply();
            reply.host_key = blob().string("ssh-rsa").string(&e).string(&n).done();
            reply.signature = blob().string("rsa-sha2-256").string(vec![3; n.len()]).done();
            forger.feed = if n.len() > 10_000 { Feed::Whole } else { feed };
            forger.send(&reply.encode());
            forger.fatal(Error::Exchange, &[]);
        }
    });
}

/// The session identifier stays that of the first exchange, whatever follows.
#[test]
fn c32_other_exchanges_at_a_rekey() {
    fn case<R: Side>(feed: Feed) {
        let mut forger = Forger::<R>::new(feed).authenticated();
        let session = forger.session;
        assert!(session.is_some());
        for kex in [Kex::MlKem768X25519, Kex::EcdhP256, Kex::Curve25519LibSsh, Kex::Curve25519] {
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

#[test]
fn c33_another_host_key_at_a_rekey() {
    both_ways(|feed| {
        let asked = |answer: Answer| {
            let mut forger = Forger::<Client>::new(feed).authenticated();
            forger.machine.policy.trust = answer;
            forger.send_offer();
            forger.forget();
            forger.key = SigningKey::ed25519(&[1; 32]);
            forger.send_share();
            forger
        };
        asked(Answer::No).fatal(Error::Untrusted, &["host-key"]);
        asked(Answer::Later).lives(&["host-key"], &[]);
        asked(Answer::Yes).lives(&["host-key"], &[21]);
        // The same key passes silently.
        let mut forger = Forger::<Client>::new(feed).authenticated();
        forger.machine.policy.trust = Answer::No;
        forger.send_offer();
        forger.forget();
        forger.send_share();
        forger.lives(&[], &[21]);
    });
}

/// Not a row of the table: a client's preference decides, whatever the order of the server's list.
#[test]
fn the_clients_order_decides() {
    both_ways(|feed| {
        let mut config = Config::default();
        config.preferences.kex = sanssh_core::algorithm::list(&[Kex::EcdhP256, Kex::Curve25519]);
        let mut forger = Forger::<Client>::with(feed, config).proposing(&Suite::kex(Kex::EcdhP256));
        forger.proposal.kex = format!("curve25519-sha256,{}", forger.proposal.kex);
        let mut forger = forger.shared();
        forger.send_new_keys();
        assert_eq!(forger.machine.over, None);
    });
}
