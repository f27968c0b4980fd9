//! Our client against foreign servers, OpenSSH and dropbear: each cipher, MAC, key and compression forced in turn, keys
//! changed under load, and many channels at once. Key exchanges are `interop_exchange`'s.

use core::time::Duration;
use sanssh_std::core::algorithm::{Cipher, Mac, Zip, list};
use sanssh_std::core::file::SigningKey;
use sanssh_std::{Client, Exit, KnownHosts, Options, Unknown, home};
use sanssh_tests::dropbear::Dropbear;
use sanssh_tests::keys::{Keys, Kind};
use sanssh_tests::openssh::{EVERY_CIPHER, Sshd};
use sanssh_tests::peers;
use sanssh_tests::signing;
use sanssh_tests::suites::{self, Suite};
use std::io::{Read, Write};

const OPENSSH: [&str; 2] = ["sshd", "ssh-keygen"];

fn key(kind: Kind) -> SigningKey {
    home::read_key(&Keys::shared().client(kind), None).expect("a key")
}

/// Options with one cipher and the MAC that it needs.
fn only((cipher, mac): Suite) -> Options {
    let mut options = Options::default();
    options.core.preferences.ciphers = list(&[cipher]);
    options.core.preferences.macs = mac.into_iter().collect();
    options
}

fn login(port: u16, user: &str, options: &Options, hosts: &mut KnownHosts) -> Client {
    let client = Client::connect("127.0.0.1", port, options, hosts).expect("a connection");
    client.set_timeout(Some(Duration::from_secs(60)));
    client.login_key(user, &key(Kind::Ed25519)).and_then(sanssh_std::Login::accepted).expect("a login");
    client
}

/// Logs in, moves data both ways, and sees that the options were what was used.
fn talks(port: u16, user: &str, options: &Options, hosts: &mut KnownHosts) {
    let client = login(port, user, options, hosts);
    let summary = client.summary().expect("keys");
    let wanted = &options.core.preferences;
    assert!(wanted.kex.contains(&summary.kex) && wanted.ciphers.contains(&summary.to_client.cipher));
    assert_eq!([summary.to_server.zip, summary.to_client.zip], [wanted.zips[0]; 2]);
    let channel = client.session().expect("a channel");
    channel.exec("cat; echo done >&2; exit 3").expect("a command");
    let sent: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    let mut received = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (&channel).write_all(&sent).expect("the data leaves");
            channel.finish();
        });
        (&channel).read_to_end(&mut received).expect("the data returns");
    });
    assert!(received == sent, "{summary:?}: {} of {} bytes", received.len(), sent.len());
    let mut complaint = String::new();
    channel.stderr().read_to_string(&mut complaint).expect("standard error");
    assert_eq!((complaint.as_str(), channel.wait().expect("an end")), ("done\n", Exit::Status(3)));
}

#[test]
fn openssh_with_every_cipher_and_mac() {
    if !peers::require(&OPENSSH) {
        return;
    }
    let server = Sshd::start(&[EVERY_CIPHER]);
    for suite in suites::all() {
        talks(server.port(), server.user(), &only(suite), &mut KnownHosts::files([server.known_hosts()]));
    }
}

#[test]
fn openssh_with_every_host_key_and_every_user_key() {
    if !peers::require(&OPENSSH) {
        return;
    }
    let server = Sshd::start(&[]);
    for host_key in signing::ALGORITHMS {
        let mut options = Options::default();
        options.core.preferences.host_keys = list(&[*host_key]);
        let mut hosts = KnownHosts::files([server.known_hosts()]);
        let client = Client::connect("127.0.0.1", server.port(), &options, &mut hosts).expect("a connection");
        assert_eq!(client.summary().expect("keys").host_key, *host_key);
        for kind in Kind::ALL {
            let another = Client::connect("127.0.0.1", server.port(), &options, &mut hosts).expect("a connection");
            another.login_key(server.user(), &key(kind)).and_then(sanssh_std::Login::accepted).expect("a login");
            assert_eq!(another.run("echo in").expect("a command").stdout, b"in\n");
        }
    }
}

/// So many mebibytes each way with keys changed about every mebibyte, by whoever counts first.
fn changes_keys(server: &Sshd, options: &Options, megabytes: usize) {
    let client = login(server.port(), server.user(), options, &mut KnownHosts::files([server.known_hosts()]));
    let channel = client.session().expect("a channel");
    channel.exec("cat").expect("a command");
    let block: Vec<u8> = (0..1 << 18).flat_map(u32::to_be_bytes).collect();
    let mut buffer = vec![0; block.len()];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..megabytes {
                (&channel).write_all(&block).expect("the data leaves");
            }
            channel.finish();
        });
        for at in 0..megabytes {
            (&channel).read_exact(&mut buffer).expect("the data returns");
            assert!(buffer == block, "megabyte {at} is damaged");
        }
    });
    assert_eq!((&channel).read(&mut buffer).expect("its end"), 0);
    assert!(client.traffic().received.bytes < 32 << 20, "the keys in use are young");
}

#[test]
fn openssh_changes_keys_under_load() {
    if peers::require(&OPENSSH) {
        changes_keys(&Sshd::start(&["RekeyLimit 1M"]), &Options::default(), 64);
    }
}

#[test]
fn we_change_keys_under_load() {
    if peers::require(&OPENSSH) {
        let mut options = Options::default();
        options.core.rekey.bytes = 1 << 20;
        changes_keys(&Sshd::start(&[]), &options, 64);
        changes_keys(&Sshd::start(&["RekeyLimit 1M"]), &options, 64);
    }
}

/// Options with one compression.
fn compressing(zip: Zip) -> Options {
    let mut options = Options::default();
    options.core.preferences.zips = list(&[zip]);
    options
}

#[test]
fn openssh_compresses() {
    if peers::require(&OPENSSH) {
        let server = Sshd::start(&["Compression yes", "RekeyLimit 1M"]);
        let options = compressing(Zip::ZlibDelayed);
        talks(server.port(), server.user(), &options, &mut KnownHosts::files([server.known_hosts()]));
        changes_keys(&server, &options, 20);
    }
}

#[test]
fn a_hundred_channels_at_once() {
    if !peers::require(&OPENSSH) {
        return;
    }
    let server = Sshd::start(&["MaxSessions 200"]);
    let options = Options { channels: 100, ..Options::default() };
    let client = login(server.port(), server.user(), &options, &mut KnownHosts::files([server.known_hosts()]));
    let channels: Vec<_> = (0..100).map(|_| client.session().expect("a channel")).collect();
    for (at, channel) in channels.iter().enumerate() {
        channel.exec(format!("cat; exit {at}")).expect("a command");
    }
    for (at, mut channel) in channels.iter().enumerate() {
        channel.write_all(format!("channel {at}").as_bytes()).expect("the data leaves");
    }
    for (at, mut channel) in channels.iter().enumerate().rev() {
        channel.finish();
        let mut text = String::new();
        channel.read_to_string(&mut text).expect("the data returns");
        assert_eq!(text, format!("channel {at}"));
        assert_eq!(channel.wait().expect("an end"), Exit::Status(u32::try_from(at).expect("small")));
    }
}

#[test]
fn dropbear_with_every_cipher_and_mac_that_it_has() {
    if !peers::require(&["dropbear", "dropbearkey", "dropbearconvert", "ssh-keygen"]) {
        return;
    }
    let Some(server) = Dropbear::start(&[]) else { return };
    let hosts = || KnownHosts::files([server.known_hosts()]).unknown(Unknown::Refuse);
    let ciphers = [Cipher::ChaCha20Poly1305, Cipher::Aes128Ctr, Cipher::Aes256Ctr];
    for suite in suites::of(&ciphers, &[Mac::HmacSha256, Mac::HmacSha1]) {
        talks(server.port(), server.user().name(), &only(suite), &mut hosts());
    }
    // Before the login it compresses as a client only.
    talks(server.port(), server.user().name(), &compressing(Zip::ZlibDelayed), &mut hosts());
}
