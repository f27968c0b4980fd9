//! Row H23: host keys that are announced by the wrong side or at the wrong time, and proofs that prove nothing or are asked
//! for without end (OpenSSH PROTOCOL §2.5).

use sanssh_core::algorithm::HostKey;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::file::SigningKey;
use sanssh_core::role::{Client, Server};
use sanssh_core::{Connection, Error, Refused, Slot, Violation};
use sanssh_tests::forger::{Answer, Feed, Forger, Question, any, both_ways};

const ANNOUNCE: &str = "hostkeys-00@openssh.com";
const PROVE: &str = "hostkeys-prove-00@openssh.com";

fn key(n: u8) -> SigningKey {
    SigningKey::ed25519(&[n; 32])
}

/// A global request about these keys.
fn about(name: &str, want_reply: bool, keys: &[&[u8]]) -> Vec<u8> {
    let head = any(80).string(name).u8(u8::from(want_reply));
    keys.iter().fold(head, |head, key| head.string(*key)).done()
}

/// Asks for the proofs of `keys`, and is answered by these messages.
fn asks(forger: &mut Forger<Server>, keys: &[&[u8]], events: &[&str], answers: &[u8]) {
    forger.forget();
    forger.send(&about(PROVE, true, keys));
    forger.lives(events, answers);
}

fn server(feed: Feed) -> (Forger<Server>, Vec<u8>) {
    let forger = Forger::<Server>::new(feed).authenticated();
    let own = forger.machine.key.public().to_vec();
    (forger, own)
}

#[test]
fn h23_announcements_before_the_login_or_by_a_client() {
    both_ways(|feed| {
        let one = about(ANNOUNCE, false, &[key(1).public()]);
        let mut forger = Forger::<Client>::new(feed).served();
        forger.forget();
        forger.send(&one);
        forger.fatal(Violation::Unexpected(80).into(), &[]);
        let (mut forger, _) = server(feed);
        forger.forget();
        forger.send(&one);
        forger.send(&about(ANNOUNCE, true, &[key(1).public()]));
        forger.lives(&[], &[82]);
        let mut forger = Forger::<Client>::new(feed).authenticated();
        forger.forget();
        forger.send(&about(ANNOUNCE, true, &[key(1).public(), b"no key"]));
        forger.send(&about(PROVE, true, &[key(1).public()]));
        forger.lives(&["host-keys 2"], &[82, 82]);
    });
}

#[test]
fn h23_announcements_that_are_cut() {
    both_ways(|feed| {
        let whole = about(ANNOUNCE, false, &[key(1).public()]);
        for cut in 1..key(1).public().len() {
            let mut forger = Forger::<Client>::new(feed).authenticated();
            forger.forget();
            forger.send(&whole[..whole.len() - cut]);
            forger.fatal(Error::Malformed(Some(80)), &[]);
        }
    });
}

#[test]
fn h23_each_own_key_signs_once_and_no_other() {
    both_ways(|feed| {
        let (mut forger, own) = server(feed);
        asks(&mut forger, &[&own[..]; 1000], &[], &[82]);
        asks(&mut forger, &[&own[..]; 2], &[], &[82]);
        asks(&mut forger, &[], &[], &[82]);
        let many: Vec<_> = (0..17).map(key).collect();
        let many: Vec<_> = many.iter().map(SigningKey::public).collect();
        asks(&mut forger, &many, &[], &[82]);
        forger.forget();
        forger.send(&about(PROVE, true, &[&own]));
        let message = forger.machine.ssh.proof_message(&own).unwrap();
        let signature = forger.machine.key.sign(HostKey::Ed25519, message.as_bytes()).unwrap();
        assert_eq!(forger.heard[0].1, any(81).string(signature).done());
        forger.lives(&["prove 1"], &[81]);
        asks(&mut forger, &[&own], &[], &[82]);
        let (mut forger, own) = server(feed);
        asks(&mut forger, &[&own, key(1).public()], &["prove 2"], &[82]);
        asks(&mut forger, &[&own], &[], &[82]);
        // Nobody waits for an answer: nothing is signed.
        let (mut forger, own) = server(feed);
        forger.forget();
        forger.send(&about(PROVE, false, &[&own]));
        forger.lives(&[], &[]);
    });
}

#[test]
fn h22_h23_proofs_that_take_their_time_are_answered_in_turn() {
    both_ways(|feed| {
        let (mut forger, own) = server(feed);
        forger.machine.policy.login = Answer::Later;
        forger.forget();
        for name in ["a", PROVE, "b", "c"] {
            forger.send(&about(name, true, &[&own]));
        }
        forger.lives(&["prove 1"], &[82]);
        forger.forget();
        let Some(Question::Prove(ask)) = forger.machine.held.pop() else { panic!("a question") };
        let signatures = [&b"signature"[..]; 2];
        let refused = forger.machine.emit(|ssh, output| ssh.proven(&ask, &signatures, output));
        assert_eq!(refused, Err(Refused::Moot));
        forger.machine.emit(|ssh, output| ssh.proven(&ask, &signatures[..1], output)).expect("proofs may be sent");
        let again = forger.machine.emit(|ssh, output| ssh.proven(&ask, &signatures[..1], output));
        assert_eq!(again, Err(Refused::Moot));
        forger.machine.ssh.unproven(ask);
        forger.send(&about("d", true, &[]));
        forger.lives(&[], &[81, 82, 82, 82]);
    });
}

/// A client that has asked for the proof of a key.
fn asking(feed: Feed) -> Forger<Client> {
    let mut forger = Forger::<Client>::new(feed).authenticated();
    forger.machine.emit(|ssh, output| ssh.prove(&[key(1).public()], output)).expect("a request may be sent");
    let again = forger.machine.emit(|ssh, output| ssh.prove(&[key(1).public()], output));
    assert_eq!(again, Err(Refused::Busy));
    forger.hear();
    assert_eq!(forger.heard.last().expect("a request").1, about(PROVE, true, &[key(1).public()]));
    forger.forget();
    forger
}

#[test]
fn h23_proofs_that_were_not_asked_for() {
    both_ways(|feed| {
        for answer in [vec![82], any(81).string("signature").done()] {
            let mut forger = Forger::<Client>::new(feed).authenticated();
            forger.forget();
            forger.send(&answer);
            forger.fatal(Violation::Unexpected(answer[0]).into(), &[]);
            let mut forger = asking(feed);
            let told = if answer[0] == 81 { "proofs Some(1)" } else { "proofs None" };
            forger.send(&answer);
            forger.lives(&[told], &[]);
            forger.send(&answer);
            forger.fatal(Violation::Unexpected(answer[0]).into(), &[]);
        }
        let mut forger = asking(feed);
        forger.send(&any(81).u32(1).done());
        forger.fatal(Error::Malformed(Some(81)), &[]);
    });
}

#[test]
fn h23_proofs_that_prove_nothing() {
    let forger = Forger::<Client>::new(Feed::Whole).authenticated();
    let (own, stranger) = (key(1), key(2));
    let proves = |ssh: &Connection<Client, Fast, Vec<Slot>>, key: &SigningKey, signer: &SigningKey, message: &[u8]| {
        ssh.is_proof(key.public(), &signer.sign(HostKey::Ed25519, message).unwrap())
    };
    let ssh = &forger.machine.ssh;
    let message = ssh.proof_message(own.public()).unwrap();
    assert!(proves(ssh, &own, &own, message.as_bytes()));
    assert!(!proves(ssh, &own, &stranger, message.as_bytes()));
    assert!(!proves(ssh, &stranger, &own, message.as_bytes()));
    assert!(!proves(ssh, &stranger, &stranger, message.as_bytes()));
    // Another session's, and another key's, differ in a bit at least.
    for bit in 0..message.as_bytes().len() * 8 {
        let mut changed = message.as_bytes().to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!proves(ssh, &own, &own, &changed));
    }
    let mut signature = own.sign(HostKey::Ed25519, message.as_bytes()).unwrap();
    for end in 0..signature.len() {
        assert!(!ssh.is_proof(own.public(), &signature[..end]));
    }
    signature[10] ^= 1;
    assert!(!ssh.is_proof(own.public(), &signature) && !ssh.is_proof(b"no key", &signature));
}
