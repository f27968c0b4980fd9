//! Table E, logins by key: keys, signatures and names that do not belong together (RFC 4252 §7, RFC 8332).
//!
//! Everything that fails here fails before the embedder hears of it.

use sanssh_core::Error;
use sanssh_core::algorithm::{HostKey, list};
use sanssh_tests::forger::{
    ED25519, Feed, blob, both_ways, fails, key_a, key_b, login, p256, probe, served, served_with, signed, to_sign,
};
use sanssh_tests::pair::{host_key, server_config};

#[test]
fn e06_e07_a_key_that_was_asked_about_is_not_the_one_that_signed() {
    both_ways(|feed| {
        let mut forger = served(feed);
        forger.send(&probe("user", ED25519, key_a().public()));
        forger.send(&probe("user", ED25519, key_b().public()));
        forger.lives(&["probe user ssh-ed25519", "probe user ssh-ed25519"], &[60, 51]);
        assert!(!forger.machine.ssh.is_logged_in(), "a question is no login");
        // B signs, and was not asked about last, nor may B log in.
        let message = forger.sound_login("user", &key_b());
        forger.send(&message);
        forger.lives(&["attempt user PublicKey fresh"], &[51]);
        let message = forger.sound_login("user", &key_a());
        forger.send(&message);
        forger.lives(&["attempt user PublicKey"], &[52]);
        assert!(forger.machine.ssh.is_logged_in());
    });
}

#[test]
fn e08_signatures_made_for_something_else() {
    both_ways(|feed| {
        let key = key_a();
        let (public, connection) = (key.public(), "ssh-connection");
        let session = served(feed).session_bytes();
        let mut other = session.clone();
        other[0] ^= 1;
        let messages = [
            to_sign(&other, "user", connection, "publickey", ED25519, public),
            to_sign(b"", "user", connection, "publickey", ED25519, public),
            to_sign(&session, "root", connection, "publickey", ED25519, public),
            to_sign(&session, "user", "ssh-userauth", "publickey", ED25519, public),
            to_sign(&session, "user", connection, "hostbased", ED25519, public),
            to_sign(&session, "user", connection, "publickey", "rsa-sha2-256", public),
            to_sign(&session, "user", connection, "publickey", ED25519, key_b().public()),
            // The copy without a signature, which a probe is.
            [&blob().string(&session).done()[..], &probe("user", ED25519, public)].concat(),
            session.clone(),
            vec![],
        ];
        for message in messages {
            let signature = key.sign(HostKey::Ed25519, &message).expect("a signature");
            fails(feed, &signed("user", ED25519, public, &signature));
        }
        // The sound one, as a control.
        let mut forger = served(feed);
        let message = forger.sound_login("user", &key);
        forger.send(&message);
        forger.lives(&["attempt user PublicKey fresh"], &[52]);
    });
}

/// A modulus of so many bits, odd.
fn rsa(bits: usize) -> Vec<u8> {
    blob().string("ssh-rsa").string([1, 0, 1]).string([&[0, 0x80][..], &vec![0x9d; bits / 8 - 1]].concat()).done()
}

#[test]
fn e09_keys_and_signatures_under_wrong_names() {
    both_ways(|feed| {
        let key = key_a();
        let inner = |name: &str| blob().string(name).string([5; 64]).done();
        for algorithm in ["rsa-sha2-256", "rsa-sha2-512", "ecdsa-sha2-nistp256"] {
            fails(feed, &probe("user", algorithm, key.public()));
            fails(feed, &signed("user", algorithm, key.public(), &inner(algorithm)));
        }
        fails(feed, &probe("user", ED25519, &rsa(2048)));
        fails(feed, &probe("user", ED25519, p256().public()));
        for name in ["rsa-sha2-256", "ssh-rsa", "", "ssh-ed25519\0"] {
            fails(feed, &signed("user", ED25519, key.public(), &inner(name)));
        }
        let of_rsa = |name: &str| blob().string(name).string([5; 256]).done();
        for (algorithm, name) in [("rsa-sha2-256", "ssh-rsa"), ("rsa-sha2-512", "rsa-sha2-256"), ("ssh-rsa", "ssh-rsa")]
        {
            fails(feed, &signed("user", algorithm, &rsa(2048), &of_rsa(name)));
        }
    });
}

#[test]
fn e10_algorithms_that_are_not_allowed() {
    both_ways(|feed| {
        let mut config = server_config();
        config.preferences.user_keys = list(&[HostKey::EcdsaP256]);
        let point = |curve: &str, length: usize| {
            blob()
                .string(format!("ecdsa-sha2-{curve}"))
                .string(curve)
                .string([&[4][..], &vec![7; length]].concat())
                .done()
        };
        let keys = [
            ("ecdsa-sha2-nistp384", point("nistp384", 96)),
            ("ecdsa-sha2-nistp521", point("nistp521", 132)),
            ("ecdsa-sha2-nistp384-cert-v01@openssh.com", point("nistp384", 96)),
            ("ecdsa-sha2-nistp256-cert-v01@openssh.com", p256().public().to_vec()),
            ("ecdsa-sha2-nistp256", point("nistp384", 96)),
            (ED25519, key_a().public().to_vec()),
        ];
        for (algorithm, key) in keys {
            let mut forger = served_with(feed, config.clone());
            forger.send(&probe("user", algorithm, &key));
            forger.send(&signed("user", algorithm, &key, &blob().string(algorithm).string([1; 64]).done()));
            forger.lives(&[], &[51, 51]);
        }
        let mut forger = served_with(feed, config);
        forger.send(&probe("user", "ecdsa-sha2-nistp256", p256().public()));
        forger.lives(&["probe user ecdsa-sha2-nistp256"], &[51]);
    });
}

#[test]
fn e11_malformed_keys() {
    both_ways(|feed| {
        let ed = |length: usize| blob().string(ED25519).string(vec![1; length]).done();
        let ec = |point: &[u8]| blob().string("ecdsa-sha2-nistp256").string("nistp256").string(point).done();
        let sk = "sk-ssh-ed25519@openssh.com";
        let keys = [
            (ED25519, ed(0)),
            (ED25519, ed(31)),
            (ED25519, ed(33)),
            (ED25519, [ed(32), vec![0]].concat()),
            (ED25519, vec![]),
            (ED25519, blob().string(ED25519).u32(u32::MAX).done()),
            (sk, blob().string(sk).string([1; 32]).done()),
            ("ecdsa-sha2-nistp256", ec(&[])),
            ("ecdsa-sha2-nistp256", ec(&[2; 33])),
            ("ecdsa-sha2-nistp256", ec(&[&[5][..], &[1; 64]].concat())),
            ("ecdsa-sha2-nistp256", ec(&[&[4][..], &[1; 63]].concat())),
        ];
        for (algorithm, key) in keys {
            fails(feed, &probe("user", algorithm, &key));
            fails(feed, &signed("user", algorithm, &key, &blob().string(algorithm).string([1; 64]).done()));
        }
        // Off the curve: the point has the right length, and no signature verifies under it.
        let numbers = blob().string([1]).string([1]).done();
        let signature = blob().string("ecdsa-sha2-nistp256").string(numbers).done();
        let off = ec(&[&[4][..], &[1; 64]].concat());
        fails(feed, &signed("user", "ecdsa-sha2-nistp256", &off, &signature));
        fails(feed, &signed("user", ED25519, &ed(32), &blob().string(ED25519).string([1; 64]).done()));
    });
}

#[test]
fn e12_monstrous_keys() {
    for bits in [1024, 16_392, 1_000_000] {
        for algorithm in ["rsa-sha2-256", "rsa-sha2-512", "ssh-rsa", "ssh-dss", ED25519] {
            fails(Feed::Whole, &probe("user", algorithm, &rsa(bits)));
            let signature = blob().string(algorithm).string(vec![3; bits / 8]).done();
            fails(Feed::Whole, &signed("user", algorithm, &rsa(bits), &signature));
        }
    }
    // Unless it is told otherwise, a server does not even take in what so long a key comes in.
    let mut forger = served(Feed::Whole);
    forger.send(&probe("user", "rsa-sha2-256", &rsa(1_000_000)));
    assert_eq!(forger.machine.over, Some(Error::Malformed(None)));
}

#[test]
fn e28_keys_that_are_something_else() {
    both_ways(|feed| {
        let things = [
            "/etc/ssh/ssh_host_ed25519_key.pub",
            "https://example.org/key",
            "-----BEGIN PUBLIC KEY-----\nMCowBQ==\n-----END PUBLIC KEY-----\n",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA",
        ];
        for thing in things {
            fails(feed, &probe("user", ED25519, thing.as_bytes()));
            fails(feed, &signed("user", ED25519, thing.as_bytes(), b"x"));
        }
    });
}

#[test]
fn e29_the_flag_of_a_signature() {
    both_ways(|feed| {
        let key = key_a();
        let head = |flag: u8| login("user", "publickey").u8(flag).string(ED25519).string(key.public());
        let message =
            to_sign(&served(feed).session_bytes(), "user", "ssh-connection", "publickey", ED25519, key.public());
        let signature = key.sign(HostKey::Ed25519, &message).expect("a signature");
        for message in [
            head(1).done(),
            head(2).done(),
            head(2).string(&signature).done(),
            head(255).string(&signature).done(),
            head(0).string(&signature).done(),
            head(0).u8(0).done(),
            head(1).string(&signature).u8(0).done(),
            head(1).string([&signature[..], &[0]].concat()).done(),
            head(1).string(&signature[..signature.len() - 1]).done(),
            head(1).string("").done(),
            login("user", "publickey").done(),
            login("user", "publickey").u8(1).done(),
        ] {
            fails(feed, &message);
        }
    });
}

#[test]
fn e30_logins_that_name_another_host_key() {
    both_ways(|feed| {
        const METHOD: &str = "publickey-hostbound-v00@openssh.com";
        let key = key_a();
        let public = key.public();
        let signed = |session: &[u8], method: &str, host: &[u8]| {
            let head = to_sign(session, "user", "ssh-connection", method, ED25519, public);
            key.sign(HostKey::Ed25519, &[head, blob().string(host).done()].concat()).expect("a signature")
        };
        let asked = |flag: u8, host: &[u8]| login("user", METHOD).u8(flag).string(ED25519).string(public).string(host);
        let mut shown = served(feed);
        let (session, host) = (shown.session_bytes(), host_key().public().to_vec());
        // The sound ones, as a control: a question, then the login.
        shown.send(&asked(0, &host).done());
        shown.send(&asked(1, &host).string(signed(&session, METHOD, &host)).done());
        shown.lives(&["probe user ssh-ed25519", "attempt user PublicKey fresh"], &[60, 52]);
        for other in [key_b().public(), &host[..host.len() - 1], &[&host[..], b"\0"].concat(), b""] {
            fails(feed, &asked(0, other).done());
            fails(feed, &asked(1, other).string(signed(&session, METHOD, other)).done());
            fails(feed, &asked(1, other).string(signed(&session, METHOD, &host)).done());
            fails(feed, &asked(1, &host).string(signed(&session, METHOD, other)).done());
        }
        // Not made for this method, or not in its form.
        fails(feed, &asked(1, &host).string(signed(&session, "publickey", &host)).done());
        fails(feed, &asked(2, &host).string(signed(&session, METHOD, &host)).done());
        fails(feed, &asked(1, &host).done());
        fails(feed, &login("user", METHOD).u8(0).string(ED25519).string(public).done());
        fails(feed, &login("user", "publickey").u8(1).string(ED25519).string(public).string(&host).string("").done());
    });
}
