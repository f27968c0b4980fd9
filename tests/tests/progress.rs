//! Nothing that is owed is forgotten, and nothing waits for what cannot come: wake-ups, deadlines and backlogs at the
//! moments where two things happen at once.

use core::time::Duration;
use sanssh_core::channel::{OpenKind, Request};
use sanssh_core::crypto::null::Null;
use sanssh_core::event::Answer as Answers;
use sanssh_core::file::signing::SigningKey;
use sanssh_core::role::{Client, Server};
use sanssh_core::time::Phase;
use sanssh_core::{Ask, Config, Error, Instant, MIN_OUTPUT, Output, Refused, Waiting};
use sanssh_tests::forger::{Answer, Feed, Forger, Question, any, both_ways, channel_open, exec};
use sanssh_tests::packets;
use sanssh_tests::pair::{Kept, Pair, Told, server_config};

type Both = Pair<Null, Null>;

/// Flushes both ends into outputs of these sizes, in turn, before each round.
fn run_in(pair: &mut Both, sizes: &[usize]) {
    loop {
        for size in sizes {
            let mut space = vec![0; *size];
            let mut output = Output::new(&mut space);
            pair.client.ssh.flush(pair.now, &mut output);
            let filled = output.filled();
            pair.client.output.extend_from_slice(&space[..filled]);
            let mut output = Output::new(&mut space);
            pair.server.ssh.flush(pair.now, &mut output);
            let filled = output.filled();
            pair.server.output.extend_from_slice(&space[..filled]);
        }
        let owed = pair.client.ssh.owes_output() || pair.server.ssh.owes_output();
        assert!(!owed, "the largest of the outputs is enough for anything");
        if !pair.step() {
            return;
        }
    }
}

#[test]
fn small_outputs_delay_and_lose_nothing() {
    for sizes in [&[MIN_OUTPUT; 8][..], &[20, 40, 80, 160, 320, 640, 1280, MIN_OUTPUT, MIN_OUTPUT]] {
        let mut pair = Both::new(Config::default(), server_config());
        run_in(&mut pair, sizes);
        pair.password("right").expect("the login has begun");
        run_in(&mut pair, sizes);
        assert!(pair.client.ssh.is_logged_in());
        let (client, server) = pair.exec("date");
        for _ in 0..3 {
            pair.client.ssh.rekey();
            pair.server.ssh.rekey();
            run_in(&mut pair, sizes);
        }
        pair.client.ssh.close(client);
        pair.server.ssh.close(server);
        run_in(&mut pair, sizes);
        assert_eq!((pair.client.over, pair.server.over), (None, None));
    }
}

/// NEWKEYS fitted and EXT_INFO did not, and then the peer changes keys at once: EXT_INFO still comes first.
#[test]
fn extensions_come_before_the_next_exchange() {
    let mut pair = Both::new(Config::default(), server_config());
    pair.client.keeps = true;
    pair.run();
    let Kept::Trust(ask) = pair.client.take_kept() else { panic!("a host key is asked about") };
    pair.client.ssh.trust(ask);
    let mut space = [0; 40];
    let mut output = Output::new(&mut space);
    pair.client.ssh.flush(pair.now, &mut output);
    let filled = output.filled();
    assert_eq!((filled, space[5]), (16, 21));
    let kexinit = packets::clear(&pair.server.sent)[0].payload.to_vec();
    pair.client.input.extend(packets::null_frame(&kexinit));
    pair.receive_client();
    assert_eq!(pair.client.over, None);
    pair.client.flush(pair.now);
    assert_eq!(packets::numbers(&packets::null_keyed(&pair.client.output)), [7, 20, 30]);
}

/// Answers that a closed channel owes will never leave: they must not stop the CLOSE from being read.
#[test]
fn a_closed_channel_does_not_wait_for_answers() {
    both_ways(|feed| {
        for late in [false, true] {
            let mut forger = Forger::<Server>::new(feed);
            forger.machine.policy.requests = Answer::Later;
            let (mut forger, channel) = forger.with_channel();
            let env = any(98).u32(channel).string("env").u8(1).string("A").string("b").done();
            (0..20).for_each(|_| forger.send(&env));
            let id = forger.machine.channels[0];
            assert_eq!(forger.machine.ssh.waiting(), Some(Waiting::Reply(id)));
            forger.machine.ssh.close(id);
            forger.machine.pump();
            if late {
                for question in core::mem::take(&mut forger.machine.held) {
                    let Question::Request(ask) = question else { continue };
                    forger.machine.ssh.reply(ask, true);
                }
                forger.machine.pump();
            }
            forger.hear();
            assert_eq!(forger.machine.ssh.waiting(), None);
            forger.forget();
            forger.send(&any(97).u32(channel).done());
            forger.lives(&["closed"], &[]);
        }
    });
}

/// Channels that close one after the other each have their time.
#[test]
fn a_close_in_time_gives_the_next_its_own() {
    let mut config = server_config();
    config.deadlines.close = Duration::from_secs(60);
    let (mut forger, first) = Forger::<Server>::with(Feed::Whole, config).with_channel();
    let mut last = first;
    for number in 8..20 {
        forger.send(&channel_open(number, 1 << 20, 1 << 15));
        let next = *forger.machine.channels.last().expect("a channel");
        let id = forger.machine.channels[forger.machine.channels.len() - 2];
        assert_eq!(id.number(), last);
        forger.machine.ssh.close(id);
        forger.machine.pump();
        forger.wait(30);
        forger.machine.ssh.close(next);
        forger.machine.pump();
        forger.wait(20);
        forger.send(&any(97).u32(last).done());
        assert_eq!(forger.machine.over, None, "each was answered within 50 seconds");
        last = next.number();
    }
    forger.forget();
    forger.wait(59);
    forger.lives(&[], &[]);
    forger.wait(1);
    forger.fatal(Error::TimedOut(Phase::Close), &[]);
}

/// Prompts stay open whatever comes in between.
#[test]
fn prompts_outlive_a_rekey_and_a_banner() {
    let mut forger = Forger::<Client>::new(Feed::Whole);
    forger.machine.policy.login = Answer::Later;
    let mut forger = forger.served();
    forger.machine.emit(|ssh, output| ssh.interactive(b"user", output)).expect("the request may be sent");
    forger.hear();
    forger.send(&any(60).string("").string("").string("").u32(1).string("word: ").u8(0).done());
    let Some(Question::Prompts(ask)) = forger.machine.held.pop() else { panic!("prompts are asked") };
    forger.key = SigningKey::ed25519(&[8; 32]);
    forger.rekey();
    forger.forget();
    forger.send(&any(53).string("hello").string("").done());
    forger.lives(&["banner hello"], &[]);
    let mut answered = |ask: &Ask<Answers>| forger.machine.emit(|ssh, output| ssh.answer(ask, &[b"right"], output));
    assert_eq!(answered(&ask), Ok(()));
    assert_eq!(answered(&ask), Err(Refused::Moot));
}

/// Who sees that nothing is writable is told when something is, whether or not it tried to write in vain.
#[test]
fn a_window_that_was_used_up_tells_when_it_opens() {
    let mut config = server_config();
    config.window = 100;
    let mut pair = Both::connected(Config::default(), config);
    let (client, server) = pair.exec("cat");
    pair.client.take_told();
    pair.server.releases = false;
    assert_eq!(pair.client.emit(|ssh, output| ssh.write(client, &[7; 100], output)), Ok(100));
    assert_eq!(pair.client.ssh.writable(client), 0);
    pair.run();
    pair.server.ssh.release(server, 100);
    pair.run();
    assert_eq!(pair.client.take_told(), [Told::Writable(client)]);
    // A window that is not empty has no news.
    assert_eq!(pair.client.emit(|ssh, output| ssh.write(client, &[7; 99], output)), Ok(99));
    pair.run();
    pair.server.ssh.release(server, 99);
    pair.run();
    assert_eq!(pair.client.take_told(), []);
}

/// A channel that was given up before the peer took it is closed when the peer does.
#[test]
fn a_channel_can_be_finished_and_closed_before_it_is_open() {
    for (finishes, closes) in [(true, false), (false, true), (true, true)] {
        let mut pair = Both::connected(Config::default(), server_config());
        let client = pair.client.emit(|ssh, output| ssh.open(OpenKind::Session, output)).expect("a channel");
        if finishes {
            pair.client.ssh.finish(client);
        }
        if closes {
            pair.client.ssh.close(client);
        }
        pair.run();
        let ask = pair.server.opens.pop_front().expect("the server is asked for a channel");
        pair.server.take_told();
        let server = pair.server.ssh.accept(ask).expect("the server accepts");
        pair.run();
        let mut told = Vec::new();
        told.extend(finishes.then_some(Told::Eof(server)));
        told.extend(closes.then_some(Told::Closed(server)));
        assert_eq!(pair.server.take_told(), told);
        let gone = pair.client.emit(|ssh, output| ssh.request(client, Request::Shell, output));
        assert_eq!(gone, if closes { Err(Refused::NoSuchChannel) } else { Ok(()) });
    }
}

/// Two commands in one flight, and an embedder that takes its time: only one of them is ever put before it.
#[test]
fn a_second_command_is_refused_while_the_first_is_open() {
    both_ways(|feed| {
        let mut forger = Forger::<Server>::new(feed);
        forger.machine.policy.requests = Answer::Later;
        let (mut forger, channel) = forger.with_channel();
        forger.send_all(&[&exec(channel, "one"), &exec(channel, "two")]);
        forger.lives(&["request exec"], &[]);
        let Some(Question::Request(ask)) = forger.machine.held.pop() else { panic!("a command is asked for") };
        forger.machine.ssh.reply(ask, false);
        forger.machine.pump();
        forger.hear();
        forger.lives(&[], &[100, 100]);
        // The first came to nothing, so there may be another.
        forger.send(&exec(channel, "three"));
        forger.lives(&["request exec"], &[]);
    });
}

#[test]
fn no_limit_is_too_low_to_get_anything_through() {
    let mut config = Config::default();
    config.rekey.bytes = 0;
    config.rekey.packets = 0;
    let mut pair = Both::connected(config, server_config());
    let (client, server) = pair.exec("date");
    assert_eq!(pair.client.emit(|ssh, output| ssh.write(client, b"hello", output)), Ok(5));
    pair.run();
    assert_eq!(pair.server.take_data(), b"hello");
    pair.server.ssh.close(server);
    pair.run();
    assert_eq!((pair.client.over, pair.server.over), (None, None));
}

/// A rekey that has to wait for the login is not waited for by the clock.
#[test]
fn a_rekey_that_must_wait_sets_no_deadline() {
    let mut config = Config::default();
    config.rekey.time = Duration::ZERO;
    let mut pair = Both::new(config, server_config());
    pair.run();
    pair.now = Instant(1_000_000);
    pair.run();
    pair.client.flush(pair.now);
    let deadline = pair.client.ssh.deadline().expect("the login has one");
    assert!(deadline > pair.now, "{deadline:?}");
}

/// A person may take longer over a host key than a peer may over its part, but not for ever.
#[test]
fn the_handshake_waits_while_the_embedder_thinks_about_a_host_key() {
    const SECOND: u64 = 1_000_000;
    let mut server = server_config();
    server.deadlines.login = Duration::from_secs(3600);
    server.deadlines.handshake = Duration::from_secs(3600);
    let mut pair = Both::new(Config::default(), server);
    pair.client.keeps = true;
    pair.run();
    assert_eq!(pair.client.ssh.waiting(), Some(Waiting::Trust));
    assert_eq!(pair.client.ssh.deadline(), Some(Instant(120 * SECOND)), "the login's");
    pair.now = Instant(110 * SECOND);
    pair.run();
    assert_eq!((pair.client.over, pair.server.over), (None, None));
    let Kept::Trust(ask) = pair.client.take_kept() else { panic!("the host key is asked about") };
    pair.client.ssh.trust(ask);
    pair.client.flush(pair.now);
    assert!(pair.client.ssh.deadline().is_some_and(|deadline| deadline > pair.now));
    assert_eq!(pair.client.ssh.tick(Instant(119 * SECOND)), Ok(()));
    assert_eq!(pair.client.ssh.tick(Instant(120 * SECOND)), Err(Error::TimedOut(Phase::Login)));
}
