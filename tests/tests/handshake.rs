//! Handshakes between two connections in memory: every key exchange with every cipher, MAC and host key algorithm, each
//! provider against the other; and how two preference lists come to one choice (RFC 4253 §7.1).

use sanssh_core::algorithm::{Cipher, HostKey, Kex, Mac, Preferences, list};
use sanssh_core::crypto::Provider;
use sanssh_core::crypto::fast::Fast;
use sanssh_core::crypto::null::Null;
use sanssh_core::crypto::soft::Soft;
use sanssh_core::wire::transport::KexInit;
use sanssh_core::wire::{Message, Names, Writer};
use sanssh_core::{Choice, Config, Error, Instant};
use sanssh_tests::pair::{Pair, Told, server_config};
use sanssh_tests::{packets, signing, suites};

/// What one handshake is made of.
#[derive(Debug, Clone, Copy)]
struct Choices {
    kex: Kex,
    host_key: HostKey,
    cipher: Cipher,
    /// None for ciphers that authenticate by themselves: neither end then offers any.
    mac: Option<Mac>,
}

impl Choices {
    /// Every key exchange with every host key algorithm, and every cipher with every MAC: the two take turns, since the
    /// one does not know of the other.
    fn all() -> Vec<Self> {
        let of = |kex: &Kex| signing::ALGORITHMS.iter().map(|key| (*kex, *key)).collect::<Vec<_>>();
        let exchanges: Vec<_> = Fast::KEX.iter().flat_map(of).collect();
        let suites: Vec<_> = suites::all().collect();
        let turns = 0..exchanges.len().max(suites.len());
        turns
            .map(|turn| {
                let (kex, host_key) = exchanges[turn % exchanges.len()];
                let (cipher, mac) = suites[turn % suites.len()];
                Self { kex, host_key, cipher, mac }
            })
            .collect()
    }

    /// A configuration that offers these alone.
    fn only(self, mut config: Config) -> Config {
        config.preferences = Preferences {
            kex: list(&[self.kex]),
            host_keys: list(&[self.host_key]),
            ciphers: list(&[self.cipher]),
            macs: self.mac.into_iter().collect(),
            ..Preferences::default()
        };
        config
    }

    fn keyed(self) -> Told {
        let Self { kex, host_key, cipher, mac } = self;
        Told::Keyed(format!("{kex} {host_key} {cipher} {} first=true", mac.map_or("-", Mac::name)))
    }
}

/// Logs in and runs a command with each combination.
fn cross<PC: Provider, PS: Provider>() {
    for choices in Choices::all() {
        let mut pair = Pair::<PC, PS>::new(choices.only(Config::default()), choices.only(server_config()));
        pair.host_key = signing::key(choices.host_key);
        pair.run();
        let told = pair.client.take_told();
        assert_eq!(told[0], Told::Login(format!("host-key {}", choices.host_key)), "{choices:?}");
        assert_eq!(told[1], choices.keyed());
        pair.password("right").expect("the password may be sent");
        pair.run();
        assert!(pair.client.ssh.is_logged_in(), "{choices:?}: {:?} {:?}", pair.client.over, pair.server.over);
        let (client, server) = pair.exec("cat");
        let (question, answer) = (vec![1; 3000], vec![2; 5000]);
        pair.client.emit(|ssh, output| ssh.write(client, &question, output)).expect("the client writes");
        pair.server.emit(|ssh, output| ssh.write(server, &answer, output)).expect("the server writes");
        pair.run();
        assert_eq!(pair.server.take_data(), question, "{choices:?}");
        assert_eq!(pair.client.take_data(), answer, "{choices:?}");
    }
}

#[test]
fn every_algorithm_between_fast_client_and_soft_server() {
    cross::<Fast, Soft>();
}

#[test]
fn every_algorithm_between_soft_client_and_fast_server() {
    cross::<Soft, Fast>();
}

#[test]
fn every_algorithm_under_the_null_provider() {
    cross::<Null, Null>();
}

#[test]
fn every_combination_has_its_turn() {
    let all = Choices::all();
    for kex in Fast::KEX {
        for key in signing::ALGORITHMS {
            assert!(all.iter().any(|one| (one.kex, one.host_key) == (*kex, *key)), "{kex} {key}");
        }
    }
    assert_eq!(suites::all().count(), 3 + (Fast::CIPHERS.len() - 3) * Fast::MACS.len());
    for suite in suites::all() {
        assert!(all.iter().any(|one| (one.cipher, one.mac) == suite), "{suite:?}");
    }
}

/// What a client and a server with these preferences come to: the client's account, and the server's.
fn negotiate(client: Preferences, server: Preferences) -> (Vec<Told>, Vec<Told>) {
    let mut pair = Pair::<Null, Null>::new(
        Config { preferences: client, ..Config::default() },
        Config { preferences: server, ..server_config() },
    );
    pair.run();
    let keyed = |told: Vec<Told>| told.into_iter().filter(|told| matches!(told, Told::Keyed(_))).collect();
    (keyed(pair.client.take_told()), keyed(pair.server.take_told()))
}

fn preferences(kex: &[Kex], host_keys: &[HostKey], ciphers: &[Cipher], macs: &[Mac]) -> Preferences {
    Preferences {
        kex: list(kex),
        host_keys: list(host_keys),
        ciphers: list(ciphers),
        macs: list(macs),
        ..Preferences::default()
    }
}

#[test]
fn the_clients_order_wins_whatever_the_servers_is() {
    let one = preferences(
        &[Kex::EcdhP256, Kex::Curve25519],
        &[HostKey::RsaSha256, HostKey::Ed25519],
        &[Cipher::Aes128Ctr, Cipher::Aes256Ctr],
        &[Mac::HmacSha512, Mac::HmacSha256Etm],
    );
    let other = preferences(
        &[Kex::Curve25519, Kex::EcdhP256],
        &[HostKey::Ed25519, HostKey::RsaSha256],
        &[Cipher::Aes256Ctr, Cipher::Aes128Ctr],
        &[Mac::HmacSha256Etm, Mac::HmacSha512],
    );
    let first = vec![Told::Keyed("ecdh-sha2-nistp256 rsa-sha2-256 aes128-ctr hmac-sha2-512 first=true".into())];
    let text = "curve25519-sha256 ssh-ed25519 aes256-ctr hmac-sha2-256-etm@openssh.com first=true";
    let second = vec![Told::Keyed(text.into())];
    assert_eq!(negotiate(one.clone(), other.clone()), (first.clone(), first));
    assert_eq!(negotiate(other, one), (second.clone(), second));
}

#[test]
fn the_first_that_both_have_is_chosen() {
    let client = preferences(
        &[Kex::MlKem768X25519, Kex::EcdhP256, Kex::Curve25519],
        &[HostKey::EcdsaP256, HostKey::RsaSha512, HostKey::Ed25519],
        &[Cipher::ChaCha20Poly1305, Cipher::Aes256Ctr, Cipher::Aes128Gcm],
        &[Mac::HmacSha256Etm, Mac::HmacSha512, Mac::HmacSha256],
    );
    let server = preferences(
        &[Kex::Curve25519LibSsh, Kex::Curve25519, Kex::EcdhP256],
        &[HostKey::Ed25519, HostKey::RsaSha512],
        &[Cipher::Aes128Gcm, Cipher::Aes256Ctr],
        &[Mac::HmacSha256, Mac::HmacSha512],
    );
    let expected = vec![Told::Keyed("ecdh-sha2-nistp256 rsa-sha2-512 aes256-ctr hmac-sha2-512 first=true".into())];
    assert_eq!(negotiate(client, server), (expected.clone(), expected));
}

#[test]
fn nothing_in_common_names_the_list() {
    let whole = Preferences::default;
    let cases = [
        (
            Preferences { kex: list(&[Kex::Curve25519]), ..whole() },
            Preferences { kex: list(&[Kex::EcdhP256]), ..whole() },
            Choice::Kex,
        ),
        (
            Preferences { host_keys: list(&[HostKey::Ed25519]), ..whole() },
            Preferences { host_keys: list(&[HostKey::RsaSha512]), ..whole() },
            Choice::HostKey,
        ),
        (
            Preferences { ciphers: list(&[Cipher::Aes128Gcm]), ..whole() },
            Preferences { ciphers: list(&[Cipher::Aes256Gcm]), ..whole() },
            Choice::CipherToServer,
        ),
        (
            Preferences { ciphers: list(&[Cipher::Aes128Ctr]), macs: list(&[Mac::HmacSha256]), ..whole() },
            Preferences { ciphers: list(&[Cipher::Aes128Ctr]), macs: list(&[Mac::HmacSha512]), ..whole() },
            Choice::MacToServer,
        ),
    ];
    for (client, server, choice) in cases {
        let mut pair = Pair::<Null, Null>::new(
            Config { preferences: client, ..Config::default() },
            Config { preferences: server, ..server_config() },
        );
        pair.run();
        assert_eq!(pair.client.over, Some(Error::Incompatible(choice)));
        assert_eq!(pair.server.over, Some(Error::Incompatible(choice)));
    }
}

#[test]
fn a_cipher_that_authenticates_needs_no_mac_in_common() {
    let client =
        Preferences { ciphers: list(&[Cipher::Aes256Gcm]), macs: list(&[Mac::HmacSha256]), ..Preferences::default() };
    let server =
        Preferences { ciphers: list(&[Cipher::Aes256Gcm]), macs: list(&[Mac::HmacSha512]), ..Preferences::default() };
    let mut pair = Pair::<Fast, Soft>::connected(
        Config { preferences: client, ..Config::default() },
        Config { preferences: server, ..server_config() },
    );
    let _ = pair.exec("true");
}

/// A KEXINIT whose lists for the two directions differ; our own have one list for both, so it is changed on the way.
/// Under the null provider nobody minds that the exchange hashes differ.
fn split_directions(stream: &mut Vec<u8>) {
    let line = stream.iter().position(|byte| *byte == b'\n').expect("an identification") + 1;
    let packets = packets::clear(stream);
    let offer = KexInit::decode(&packets[0].payload[1..]).expect("a KEXINIT");
    let changed = KexInit {
        cipher_to_server: Names::new(b"aes128-ctr"),
        cipher_to_client: Names::new(b"unknown@example.com,aes256-ctr"),
        mac_to_server: Names::new(b"hmac-sha2-512"),
        mac_to_client: Names::new(b"hmac-sha2-256"),
        ..offer
    };
    let mut space = [0; 2048];
    let mut writer = Writer::new(&mut space);
    changed.encode(&mut writer);
    let payload = writer.finish().expect("it fits");
    let rest = stream[packets[0].end..].to_vec();
    let framed = packets::frame(payload);
    stream.truncate(line);
    stream.extend(framed);
    stream.extend(rest);
}

#[test]
fn each_direction_has_lists_of_its_own() {
    let mut pair = Pair::<Null, Null>::new(Config::default(), server_config());
    pair.client.flush(Instant(0));
    pair.server.flush(Instant(0));
    split_directions(&mut pair.client.output);
    split_directions(&mut pair.server.output);
    pair.run();
    let text = "aes128-ctr hmac-sha2-512 / aes256-ctr hmac-sha2-256 first=true";
    for told in [pair.client.take_told(), pair.server.take_told()] {
        let keyed = told.iter().any(|told| matches!(told, Told::Keyed(keyed) if keyed.ends_with(text)));
        assert!(keyed, "{told:?}");
    }
    pair.password("right").expect("the password may be sent");
    pair.run();
    assert!(pair.client.ssh.is_logged_in());
}
