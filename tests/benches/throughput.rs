//! Two connections in memory against the cipher alone, in one run: what the protocol machine costs beyond ring.
//!
//! Rounds are interleaved and medians given, since the machine is shared; ratios are taken within a round.

use core::hint::black_box;
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use sanssh_core::algorithm::{Cipher, list};
use sanssh_core::crypto::fast::Fast;
use sanssh_core::{ChannelId, Config, Event, Input, Instant, Output, channel};
use sanssh_tests::pair::{Pair, server_config};

use std::time::Instant as Clock;

const ROUNDS: usize = 15;
const BYTES: usize = 128 << 20;

fn main() {
    println!(
        "{:<32} {:>9} {:>10} {:>10} {:>10} {:>8}",
        "cipher", "write", "ring GB/s", "ours GB/s", "no write", "ratio"
    );
    for (cipher, algorithm) in [(Cipher::Aes256Gcm, &AES_256_GCM), (Cipher::Aes128Gcm, &AES_128_GCM)] {
        for size in [32 * 1024, 1024] {
            compare(cipher, algorithm, size);
        }
    }
}

/// One line: the cipher alone, then through two connections by `write` and by `fill`.
fn compare(cipher: Cipher, algorithm: &'static Algorithm, size: usize) {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let alone = alone(algorithm, size);
        let written = through(cipher, size, false);
        let filled = through(cipher, size, true);
        rounds.push((alone, written, filled, written / alone));
    }
    let median = |pick: fn(&(f64, f64, f64, f64)) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "{:<32} {:>9} {:>10.2} {:>10.2} {:>10.2} {:>7.1}%",
        cipher.name(),
        size,
        median(|round| round.0),
        median(|round| round.1),
        median(|round| round.2),
        median(|round| round.3) * 100.0,
    );
}

/// GB/s of sealing and opening in place, in packets of `size`.
fn alone(algorithm: &'static Algorithm, size: usize) -> f64 {
    let key = UnboundKey::new(algorithm, &[7; 32][..algorithm.key_len()]).expect("a key");
    let key = LessSafeKey::new(key);
    let mut packet = vec![1; size + 16];
    let started = Clock::now();
    for _ in 0..BYTES / size {
        let nonce = || Nonce::assume_unique_for_key([3; 12]);
        let tag = key.seal_in_place_separate_tag(nonce(), Aad::from([0; 4]), &mut packet[..size]).expect("sealed");
        packet[size..].copy_from_slice(tag.as_ref());
        black_box(key.open_in_place(nonce(), Aad::from([0; 4]), &mut packet).expect("opened"));
    }
    rate(started)
}

/// GB/s from one connection's `write` or `fill` to the other's event.
fn through(cipher: Cipher, size: usize, fills: bool) -> f64 {
    let mut config = Config::default();
    config.preferences.ciphers = list(&[cipher]);
    let mut pair = Pair::<Fast, Fast>::connected(config, server_config());
    let (client, _) = pair.exec("bench");
    let data = vec![1; size];
    let mut space = vec![0; size + 1024];
    let started = Clock::now();
    for _ in 0..BYTES / size {
        let mut output = Output::new(&mut space);
        let sent = if fills {
            pair.client.ssh.fill(client, &mut output, |place| size.min(black_box(place).len()))
        } else {
            pair.client.ssh.write(client, black_box(&data), &mut output)
        };
        assert_eq!(sent, Ok(size));
        let filled = output.filled();
        take(&mut pair, &mut space[..filled]);
    }
    rate(started)
}

/// Lets the server open the packets, and carries its window adjusts back.
fn take(pair: &mut Pair<Fast, Fast>, bytes: &mut [u8]) {
    let mut input = Input::new(bytes);
    let server = &mut pair.server.ssh;
    while let Some(event) = server.recv(Instant(0), &mut input).expect("the server receives") {
        let Event::Channel(id, channel::Event::Data(data)) = event else { panic!("something but data: {event:?}") };
        release(server, id, black_box(data).len());
    }
    if server.owes_output() {
        let mut space = [0; 256];
        let mut output = Output::new(&mut space);
        server.flush(Instant(0), &mut output);
        let filled = output.filled();
        let mut input = Input::new(&mut space[..filled]);
        while pair.client.ssh.recv(Instant(0), &mut input).expect("the client receives").is_some() {}
    }
}

fn release<R, T>(server: &mut sanssh_core::Connection<R, Fast, T>, id: ChannelId, bytes: usize)
where
    R: sanssh_core::role::Role,
    T: AsMut<[sanssh_core::Slot]> + AsRef<[sanssh_core::Slot]>,
{
    server.release(id, bytes);
}

fn rate(started: Clock) -> f64 {
    BYTES as f64 / 1e9 / started.elapsed().as_secs_f64()
}
