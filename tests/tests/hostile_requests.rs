//! Table H, requests and the volume of things: terminals, variables and signals that mean harm, floods of opens and of
//! requests, and writes larger than anything (RFC 4254 §5 and §6). What the driver's server makes of requests is in
//! `std_server`.

use sanssh_core::Error;
use sanssh_core::role::{Client, Server};
use sanssh_tests::both_roles;
use sanssh_tests::forger::{Answer, Encode, Feed, Forger, Side, any, both_ways, channel_open};
use sanssh_tests::pair::server_config;

/// A request on a channel, an answer wanted.
fn request(channel: u32, name: &str) -> Encode {
    any(98).u32(channel).string(name).u8(1)
}

/// As many as the build, and feeding byte by byte, leave time for.
fn many(feed: Feed) -> u32 {
    match feed {
        Feed::Whole if cfg!(debug_assertions) => 20_000,
        Feed::Whole => 1_000_000,
        Feed::Bytes => 200,
    }
}

/// Every slot serves again, and numbers of channels that never were mean nothing.
#[test]
fn h07_opens_that_are_all_rejected() {
    both_ways(|feed| {
        let mut forger = Forger::<Server>::new(feed).authenticated();
        forger.machine.policy.opens = Answer::No;
        for number in 0..many(feed) {
            forger.send(&channel_open(number, 100, 100));
            let [(_, payload)] = &forger.heard[..] else { panic!("one answer, not {:?}", forger.numbers()) };
            let refused = any(92).u32(number).u32(1).done();
            assert_eq!(payload[..9], refused, "recipient and reason");
            forger.lives(&["open session"], &[92]);
        }
        forger.machine.policy.opens = Answer::Yes;
        (0..4).for_each(|number| forger.send(&channel_open(number, 100, 100)));
        forger.lives(&["open session"; 4], &[91; 4]);
    });
}

fn terminal(channel: u32, columns: u32, rows: u32, modes: &[u8]) -> Vec<u8> {
    let size = request(channel, "pty-req").string("xterm").u32(columns).u32(rows).u32(columns).u32(rows);
    size.string(modes).done()
}

/// The embedder is told, and reads as many modes as there are; a size is a number that it bounds.
#[test]
fn h14_terminals_of_any_size_with_any_modes() {
    both_ways(|feed| {
        let long = vec![53; if feed == Feed::Whole { 200_000 } else { 2000 }];
        let sound = [53, 0, 0, 0, 1, 0];
        for modes in [&b""[..], &sound, &sound[..3], &[160, 0, 0, 0, 1, 0], &[255; 9], &[0; 40], &long] {
            for size in [0, 80, u32::MAX] {
                let (mut forger, channel) = Forger::<Server>::new(feed).with_channel();
                forger.send(&terminal(channel, size, size, modes));
                forger.lives(&["request pty-req"], &[99]);
            }
        }
        // More than a packet may hold, and modes that are not there.
        let (mut forger, channel) = Forger::<Server>::new(Feed::Whole).with_channel();
        forger.send(&terminal(channel, 80, 24, &vec![53; 1 << 20]));
        forger.fatal(Error::Malformed(None), &[]);
        let (mut forger, channel) = Forger::<Server>::new(feed).with_channel();
        let whole = terminal(channel, 80, 24, &sound);
        forger.send(&whole[..whole.len() - 1]);
        forger.fatal(Error::Malformed(Some(98)), &[]);
        // A size without a terminal is told and decided like any other.
        let (mut forger, channel) = Forger::<Server>::new(feed).with_channel();
        forger.machine.policy.requests = Answer::No;
        forger.send(&request(channel, "window-change").u32(0).u32(u32::MAX).u32(0).u32(0).done());
        forger.lives(&["request window-change"], &[100]);
    });
}

/// Names and values are told as they came, one event each, and nothing becomes of them in core.
#[test]
fn h15_variables_of_any_bytes() {
    both_ways(|feed| {
        let long = "x".repeat(if feed == Feed::Whole { 100_000 } else { 500 });
        let (mut forger, channel) = Forger::<Server>::new(feed).with_channel();
        forger.machine.policy.requests = Answer::No;
        for name in ["LD_PRELOAD", "A=B", "A\0B", "", "--split-string=id", &long] {
            for value in ["evil.so", "$(id)", "\0", "", &long] {
                forger.send(&request(channel, "env").string(name).string(value).done());
                forger.lives(&["request env"], &[100]);
            }
        }
    });
}

/// Five gigabytes at once: as much as the window holds leaves, and the rest is the caller's.
#[test]
#[cfg(target_pointer_width = "64")]
fn h17_a_write_of_any_size() {
    fn case<R: Side>(_: Feed) {
        let (mut forger, _) = Forger::<R>::new(Feed::Whole).with_channel();
        let id = forger.machine.channels[0];
        // Pages of zeros that nobody touches are only addresses.
        let data = vec![0; 5 << 30];
        let mut sent = 0;
        while let Ok(written @ 1..) = forger.machine.emit(|ssh, output| ssh.write(id, &data[sent..], output)) {
            assert!(written <= 1 << 15, "no more than the peer's packets hold");
            sent += written;
            forger.hear();
        }
        assert_eq!(sent, 1 << 20, "the peer's window");
        assert!(forger.numbers().iter().all(|number| *number == 94));
        assert_eq!(forger.machine.ssh.writable(id), 0);
    }
    case::<Client>(Feed::Whole);
    case::<Server>(Feed::Whole);
}

/// Known and unknown, granted and refused: each is answered in its turn.
#[test]
fn h22_requests_on_a_channel_by_the_thousand() {
    both_ways(|feed| {
        let (mut forger, channel) = Forger::<Server>::new(feed).with_channel();
        let kinds = [
            request(channel, "env").string("A").string("b").done(),
            request(channel, "strange@example.org").string("fields").done(),
            any(98).u32(channel).string("env").u8(0).string("A").string("b").done(),
            request(channel, "window-change").u32(1).u32(1).u32(0).u32(0).done(),
            request(channel, "").done(),
        ];
        let count = usize::try_from(many(feed) / 20).expect("a number");
        let all: Vec<_> = kinds.iter().map(Vec::as_slice).cycle().take(count / 5 * 5).collect();
        forger.send_all(&all);
        let told = ["request env", "request env", "request window-change"].repeat(count / 5);
        forger.lives(&told, &[99, 100, 99, 100].repeat(count / 5));
    });
}

/// Both sides' limits on what is not answered hold for global requests behind a flood of channels' as well.
#[test]
fn h22_global_and_channel_requests_between_each_other() {
    fn case<R: Side>(feed: Feed) {
        let (mut forger, channel) = Forger::<R>::with(feed, server_config()).with_channel();
        let (global, local) = (any(80).string("strange").u8(1).done(), request(channel, "strange").done());
        for _ in 0..100 {
            forger.send_all(&[&global, &local, &local, &global]);
            let mut heard = forger.numbers();
            heard.sort_unstable();
            assert_eq!(heard, [82, 82, 100, 100]);
            forger.forget();
        }
        forger.lives(&[], &[]);
    }
    both_roles!(case);
}

/// Core tells of any name; a server that runs programs decides, see `std_server`.
#[test]
fn h24_signals_of_any_name() {
    both_ways(|feed| {
        let long = "x".repeat(if feed == Feed::Whole { 65_536 } else { 600 });
        let (mut forger, channel) = Forger::<Server>::new(feed).with_channel();
        forger.machine.policy.requests = Answer::No;
        for name in ["STRANGE", "", "KILL\0", "../../x", &long] {
            forger.send(&request(channel, "signal").string(name).done());
            forger.lives(&["request signal"], &[100]);
        }
    });
}
