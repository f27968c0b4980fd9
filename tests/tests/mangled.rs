//! Table M, whatever the state: every message cut at every place, and with any number in the place of any other; every call
//! on a connection that is over; clocks that jump.

use core::time::Duration;
use sanssh_core::channel::{OpenFailure, OpenKind, Request};
use sanssh_core::role::{Client, Server};
use sanssh_core::time::Phase;
use sanssh_core::{Error, Instant, MIN_OUTPUT, Output, Reason, Refused, Seed, Violation};
use sanssh_tests::both_roles;
use sanssh_tests::forger::{
    Answer, ED25519, Encode, Feed, Forger, IGNORE, Question, Side, any, both_ways, channel_open, debug, exec, greeted,
    key_a, login, offered, password, ping, served,
};
use sanssh_tests::pair::server_config;

/// Brings a machine to where a message is lawful.
type Stage<R> = fn(Feed) -> Forger<R>;

fn keyed<R: Side>(feed: Feed) -> Forger<R> {
    Forger::new(feed).keyed()
}

fn busy<R: Side>(feed: Feed) -> Forger<R> {
    Forger::new(feed).with_channel().0
}

/// The number of the channel that [`busy`] machines have.
const CHANNEL: u32 = 0;

fn request(name: &str) -> Encode {
    any(98).u32(CHANNEL).string(name).u8(1)
}

/// What either side may send.
fn common<R: Side>() -> Vec<(Stage<R>, Vec<u8>)> {
    let offer = greeted::<R>(Feed::Whole).proposal.encode();
    let share = if Forger::<R>::is_client() {
        any(30).string([9; 32]).done()
    } else {
        any(31).string([1; 51]).string([9; 32]).string([1; 83]).done()
    };
    let messages = [
        any(1).u32(11).string("bye").string("en").done(),
        IGNORE.to_vec(),
        any(3).u32(0).done(),
        debug("x"),
        ping(b"x"),
        any(80).string("keepalive@example.org").u8(1).done(),
        any(90).string("strange").u32(9).u32(1 << 20).u32(1 << 15).string("x").done(),
        any(93).u32(CHANNEL).u32(1).done(),
        any(94).u32(CHANNEL).string("data").done(),
        any(95).u32(CHANNEL).u32(1).string("data").done(),
        any(96).u32(CHANNEL).done(),
        any(97).u32(CHANNEL).done(),
        request("strange").done(),
    ];
    let early: [(Stage<R>, Vec<u8>); 2] = [(greeted, offer), (offered, share)];
    early.into_iter().chain(messages.map(|message| (busy as Stage<R>, message))).collect()
}

/// What clients send.
fn of_clients() -> Vec<(Stage<Server>, Vec<u8>)> {
    let extensions = any(7).u32(1).string("ext-info-in-auth@openssh.com").string("0").done();
    let logins = [
        password("user", "right"),
        login("user", "keyboard-interactive").string("").string("").done(),
        login("user", "publickey").u8(0).string(ED25519).string(key_a().public()).done(),
        login("user", "publickey").u8(1).string(ED25519).string(key_a().public()).string([1; 83]).done(),
        login("user", "hostbased").string(ED25519).string(key_a().public()).string("h").string("u").string("s").done(),
    ];
    let requests = [
        channel_open(9, 1 << 20, 1 << 15),
        exec(CHANNEL, "id"),
        request("shell").done(),
        request("subsystem").string("sftp").done(),
        request("env").string("A").string("b").done(),
        request("pty-req").string("vt100").u32(80).u32(24).u32(0).u32(0).string([53, 0, 0, 0, 1, 0]).done(),
        request("window-change").u32(80).u32(24).u32(0).u32(0).done(),
        request("signal").string("TERM").done(),
        request("break").u32(500).done(),
    ];
    let prompted: Stage<Server> = |feed| {
        let mut forger = served(feed);
        forger.send(&login("user", "keyboard-interactive").string("").string("").done());
        forger.forget();
        forger
    };
    let mut all = common();
    all.push((keyed, extensions));
    all.push((keyed, any(5).string("ssh-userauth").done()));
    all.push((prompted, any(61).u32(1).string("right").done()));
    all.extend(logins.map(|message| (served as Stage<Server>, message)));
    all.extend(requests.map(|message| (busy as Stage<Server>, message)));
    all
}

/// A client that has asked to be let in.
fn asking(feed: Feed) -> Forger<Client> {
    let mut forger = Forger::<Client>::new(feed).served();
    forger.machine.log_in();
    forger.hear();
    forger.forget();
    forger
}

fn interactive(feed: Feed) -> Forger<Client> {
    let mut forger = Forger::<Client>::new(feed).served();
    forger.machine.emit(|ssh, output| ssh.interactive(b"user", output)).expect("may be sent");
    forger.hear();
    forger.forget();
    forger
}

fn opening(feed: Feed) -> Forger<Client> {
    let mut forger = Forger::<Client>::new(feed).authenticated();
    forger.machine.open();
    forger.machine.pump();
    forger.hear();
    forger.forget();
    forger
}

/// What servers send.
fn of_servers() -> Vec<(Stage<Client>, Vec<u8>)> {
    let rows: [(Stage<Client>, Vec<u8>); 12] = [
        (keyed, any(6).string("ssh-userauth").done()),
        (keyed, any(7).u32(1).string("server-sig-algs").string("ssh-ed25519").done()),
        (asking, any(51).string("publickey").u8(0).done()),
        (asking, any(53).string("hello").string("en").done()),
        (asking, any(60).string("expired").string("en").done()),
        (interactive, any(60).string("n").string("i").string("en").u32(1).string("word: ").u8(0).done()),
        (opening, any(91).u32(CHANNEL).u32(7).u32(1 << 20).u32(1 << 15).done()),
        (opening, any(92).u32(CHANNEL).u32(1).string("no").string("en").done()),
        (busy, request("exit-status").u32(3).done()),
        (busy, request("exit-signal").string("TERM").u8(0).string("x").string("en").done()),
        (busy, request("xon-xoff").u8(1).done()),
        (busy, any(80).string("hostkeys-00@openssh.com").u8(0).string([1; 51]).done()),
    ];
    common().into_iter().chain(rows).collect()
}

/// What a cut may also come to: a login whose fields end early fails, and what is unknown is refused whatever fields it
/// has. Nothing is told then.
fn is_odd<R: Side>(message: &[u8], forger: &Forger<R>) -> bool {
    let answer = match message[0] {
        50 => 51,
        80 => 82,
        90 => 92,
        98 => 100,
        _ => return false,
    };
    let nothing = forger.machine.told.is_empty() && forger.numbers() == [answer];
    // An announcement may be of no keys.
    forger.machine.over.is_none() && (nothing || forger.machine.told == ["host-keys 0"])
}

#[test]
fn m04_every_message_cut_at_every_place() {
    fn case<R: Side>(corpus: &[(Stage<R>, Vec<u8>)]) {
        both_ways(|feed| {
            for (stage, message) in corpus {
                for cut in 1..message.len() {
                    let mut forger = stage(feed);
                    forger.send(&message[..cut]);
                    if !is_odd(message, &forger) {
                        let error = Error::Malformed(Some(message[0]));
                        assert_eq!(
                            forger.machine.over,
                            Some(error),
                            "{:?} to {cut}",
                            message.escape_ascii().to_string()
                        );
                        forger.fatal(error, &[]);
                    }
                }
            }
        });
    }
    case(&of_clients());
    case(&of_servers());
}

/// Whatever a message says of lengths, counts and numbers (all that might be one is taken for one): one event at most, a short answer at most, and no more memory than there was
/// (core has no other, see `mutations`).
#[test]
fn m05_any_number_in_the_place_of_any_other() {
    fn case<R: Side>(corpus: &[(Stage<R>, Vec<u8>)]) {
        for (stage, message) in corpus {
            let fields = message.windows(4).enumerate().skip(1).filter(|(_, bytes)| bytes[0] == 0 && bytes[1] < 0x20);
            for (at, _) in fields {
                let length = u32::try_from(message.len()).expect("short");
                for number in [0, 1, length + 1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
                    let mut mangled = message.clone();
                    mangled[at..at + 4].copy_from_slice(&number.to_be_bytes());
                    let mut forger = stage(Feed::Whole);
                    // Not opened: the keys of a share that was changed are nobody's.
                    let frame = forger.line.frame(&mangled);
                    forger.machine.take(&forger.line.seal(&frame));
                    let (told, sent) = (&forger.machine.told, forger.machine.sent.len());
                    assert!(told.len() <= 3 && sent < 4096, "{told:?} and {sent} bytes of {mangled:?}");
                    forger.machine.sent.clear();
                    if let Some(error) = forger.machine.over {
                        forger.stays_dead(error);
                    }
                }
            }
        }
    }
    case(&of_clients());
    case(&of_servers());
}

/// A connection that has come to its end, and by what.
type Ending<R> = fn(Feed) -> (Forger<R>, Error);

/// How a connection may come to its end.
fn endings<R: Side>() -> [Ending<R>; 5] {
    [
        |feed| {
            let mut forger = busy::<R>(feed);
            forger.machine.ssh.disconnect(Reason(11));
            forger.machine.flush();
            forger.hear();
            (forger, Error::Closed)
        },
        |feed| {
            let mut forger = busy::<R>(feed);
            forger.send(&any(1).u32(11).string("").string("").done());
            (forger, Error::Disconnected(Reason(11)))
        },
        |feed| {
            let mut forger = offered::<R>(feed);
            forger.send(&[21]);
            (forger, Violation::Unexpected(21).into())
        },
        |feed| {
            let mut forger = keyed::<R>(feed);
            forger.wait(100_000);
            (forger, Error::TimedOut(Phase::Login))
        },
        |feed| {
            let mut forger = busy::<R>(feed);
            assert_eq!(forger.machine.ssh.hung_up(), Err(Error::HungUp));
            forger.machine.over = Some(Error::HungUp);
            (forger, Error::HungUp)
        },
    ]
}

/// Commands on channels and answers to questions that are still open; `stays_dead` has input, time and the rest.
#[test]
fn m07_nothing_wakes_what_is_over() {
    fn case<R: Side>(feed: Feed) {
        for end in endings::<R>() {
            let (mut forger, error) = end(feed);
            let id = forger.machine.channels.first().copied();
            forger.stays_dead(error);
            let ssh = &mut forger.machine.ssh;
            let mut space = vec![0; MIN_OUTPUT];
            let mut output = Output::new(&mut space);
            assert_eq!(ssh.open(OpenKind::Session, &mut output), Err(Refused::Closed));
            if let Some(id) = id {
                assert_eq!(ssh.request(id, Request::Shell, &mut output), Err(Refused::Closed));
                assert_eq!(ssh.write(id, b"x", &mut output), Err(Refused::Closed));
                assert_eq!(ssh.write_extended(id, 1, b"x", &mut output), Err(Refused::Closed));
                assert_eq!(ssh.fill(id, &mut output, |_| panic!("nothing is composed")), Err(Refused::Closed));
                assert_eq!(ssh.writable(id), 0);
                ssh.release(id, 1000);
                ssh.widen(id, 1000);
                ssh.finish(id);
                ssh.close(id);
            }
            ssh.disconnect(Reason(2));
            ssh.reseed(&Seed::new([1; 32]));
            ssh.flush(Instant(u64::MAX), &mut output);
            assert_eq!(output.filled(), 0);
            forger.stays_dead(error);
        }
    }
    both_roles!(case);
    // Questions outlive the connection, their answers do nothing.
    both_ways(|feed| {
        let mut forger = busy::<Server>(feed);
        (forger.machine.policy.opens, forger.machine.policy.requests) = (Answer::Later, Answer::Later);
        forger.send(&channel_open(9, 1, 1));
        forger.send(&exec(CHANNEL, "id"));
        forger.forget();
        forger.send(&[52]);
        let error = Violation::Unexpected(52).into();
        forger.fatal(error, &[]);
        for question in core::mem::take(&mut forger.machine.held) {
            match question {
                Question::Open(ask) if feed == Feed::Whole => {
                    assert_eq!(forger.machine.ssh.accept(ask), Err(Refused::Closed));
                }
                Question::Open(ask) => forger.machine.ssh.decline(ask, OpenFailure::PROHIBITED),
                Question::Request(ask) => forger.machine.ssh.reply(ask, true),
                other @ (Question::Trust(_)
                | Question::Attempt(_)
                | Question::Probe(_)
                | Question::Prompts(_)
                | Question::Prove(_)
                | Question::Forward(_)) => panic!("{other:?}"),
            }
        }
        forger.stays_dead(error);
    });
}

const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A century costs one exchange, and a clock that goes back costs nothing.
#[test]
fn m11_clocks_that_jump() {
    fn case<R: Side>(feed: Feed) {
        let mut forger = busy::<R>(feed);
        let (start, id) = (forger.machine.now, forger.machine.channels[0]);
        let tick = |forger: &mut Forger<R>, now: Instant| {
            forger.machine.now = now;
            forger.machine.tick();
            forger.hear();
        };
        for now in [start.after(CENTURY), start.after(CENTURY * 2)] {
            tick(&mut forger, now);
            forger.lives(&[], &[20]);
            for again in [now, Instant(0), start, now] {
                tick(&mut forger, again);
                forger.lives(&[], &[]);
            }
            forger.rekey();
            assert_eq!(forger.machine.over, None);
            forger.forget();
            for again in [now, Instant(0), start] {
                tick(&mut forger, again);
                let due = forger.machine.ssh.deadline();
                assert!(due.is_none_or(|due| due >= now), "an appointment in the past: {due:?}");
                forger.send(&any(94).u32(CHANNEL).string("data").done());
                forger.machine.emit(|ssh, output| ssh.write(id, b"data", output)).expect("it goes on");
                forger.hear();
                forger.lives(&["data 4"], &[94]);
            }
        }
    }
    both_roles!(case);
    // In the middle of a login only what is late ends.
    both_ways(|feed| {
        let mut forger = Forger::<Server>::with(feed, server_config()).served();
        forger.machine.now = Instant(0);
        forger.machine.tick();
        assert_eq!(forger.machine.over, None);
        forger.machine.now = Instant(0).after(CENTURY);
        forger.machine.tick();
        forger.hear();
        forger.fatal(Error::TimedOut(Phase::Login), &[]);
    });
}
