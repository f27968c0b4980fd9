//! Table C, the server's proof: host keys and signatures that are not what they should be, and host keys that nobody
//! trusts (RFC 4253 §8, RFC 5656, RFC 8332, RFC 8709).

use sanssh_core::Error;
use sanssh_core::algorithm::HostKey;
use sanssh_core::file::signing::SigningKey;
use sanssh_core::role::Client;
use sanssh_tests::forger::{Answer, Feed, Forger, Question, Reply, Suite, any, blob, both_ways, offered, p256};

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
            // The handler is dropped: the login's deadline is what is left.
            drop(ask);
            forger.wait(120);
            forger.fatal(Error::TimedOut(sanssh_core::time::Phase::Login), &[]);
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

fn bytes(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("digits")).collect()
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

/// Spoils a reply whose signature bears this name.
type Spoil = fn(&mut Reply, &str);

const SPOILS: [Spoil; 7] = [
    |reply, _| reply.signature.clear(),
    |reply, _| reply.signature.push(0),
    |reply, _| reply.signature.truncate(reply.signature.len() - 1),
    |reply, name| reply.signature = blob().string(name).done(),
    |reply, name| reply.signature = blob().string(name).string("").done(),
    |reply, name| reply.signature = blob().string(name).u32(u32::MAX).raw(&[1; 64]).done(),
    |reply, _| reply.host_key.push(0),
];

#[test]
fn c29_signature_blobs_out_of_shape() {
    both_ways(|feed| {
        let suites: [(Suite, fn() -> SigningKey); 2] =
            [(Suite::default(), ed25519), (Suite { host_key: HostKey::EcdsaP256, ..Suite::default() }, p256)];
        for (suite, key) in &suites {
            for spoil in SPOILS {
                refuses_reply(feed, suite, *key, |reply, _| spoil(reply, suite.host_key.name()));
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
