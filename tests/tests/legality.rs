//! Every message number in every phase, from either side, fed to a connection that was brought there: what becomes of
//! it must be what `wire::legality` says.
//!
//! The whole matrix is the snapshot `vectors/legality.txt`, so that a change of the rules is read as a change of a table.
//! `BLESS=1` rewrites it.

use core::fmt::Write as _;
use core::time::Duration;
use sanssh_core::algorithm::Kex;
use sanssh_core::crypto::group::{Group, REQUEST};
use sanssh_core::crypto::null::Null;
use sanssh_core::role::{Client, Server};
use sanssh_core::wire::legality::{PHASES, Phase, Sender, Verdict, verdict};
use sanssh_core::{Error, Violation};
use sanssh_tests::forger::{Feed, Forger, Side, Suite, any, channel_open, encode, login, password};
use sanssh_tests::pair::server_config;
use sanssh_tests::{names, snapshot};

type Foe<R> = Forger<R, Null, Null>;

/// A connection in a phase, without strict key exchange, which adds rules of its own.
fn brought<R: Side>(phase: Phase) -> Foe<R> {
    let mut config = server_config();
    config.keepalive.interval = Duration::from_secs(10);
    let start = || Foe::<R>::with(Feed::Whole, config.clone()).lax();
    let group = || Foe::<R>::with(Feed::Whole, config.clone()).proposing(&Suite::kex(Kex::GroupExchangeSha256)).lax();
    let mut forger = match phase {
        Phase::Start => start().greeted(),
        Phase::Group => group().offered(),
        Phase::GroupExchange => grouped(group().offered()),
        Phase::Exchange => start().offered(),
        Phase::NewKeys => start().shared(),
        Phase::Service => start().keyed(),
        Phase::Login => asked(start().served()),
        Phase::Connected => awaited(start().with_channel().0),
        Phase::RekeyGroup => rekeying(group().authenticated()),
        Phase::RekeyGroupExchange => grouped(rekeying(group().authenticated())),
        Phase::RekeyExchange => rekeying(start().authenticated()),
        Phase::RekeyNewKeys => {
            let mut forger = rekeying(start().authenticated());
            forger.send_share();
            forger
        }
    };
    assert_eq!(forger.machine.over, None, "{phase:?}");
    forger.forget();
    forger
}

/// The group of a group exchange is settled.
fn grouped<R: Side>(mut forger: Foe<R>) -> Foe<R> {
    forger.send_group();
    forger
}

/// A login with an open question, so that its answer is lawful.
fn asked<R: Side>(mut forger: Foe<R>) -> Foe<R> {
    if Foe::<R>::is_client() {
        forger.send(&login("user", "keyboard-interactive").string("").string("").done());
    } else {
        forger.machine.log_in();
        forger.hear();
    }
    forger
}

/// A keepalive is on its way, so that its answer is lawful.
fn awaited<R: Side>(mut forger: Foe<R>) -> Foe<R> {
    forger.wait(10);
    assert_eq!(forger.numbers(), [80]);
    forger
}

fn rekeying<R: Side>(mut forger: Foe<R>) -> Foe<R> {
    forger.send_offer();
    forger
}

/// The shortest valid message of a number, for the channel of slot 0.
fn valid<R: Side>(forger: &mut Foe<R>, phase: Phase, number: u8) -> Vec<u8> {
    let proves = !Foe::<R>::is_client() && verdict(phase, Sender::Server, number) == Verdict::Lawful;
    let start = any(number);
    match number {
        1 => start.u32(11).string("").string(""),
        2 | 192 | 193 => start.string(""),
        3 => start.u32(0),
        4 => start.u8(0).string("").string(""),
        5 | 6 => start.string("ssh-userauth"),
        7 => start.u32(0),
        20 => return forger.proposal.encode(),
        30 | 32 => return [&[number], &forger.initiate()[1..]].concat(),
        31 if matches!(phase, Phase::Group | Phase::RekeyGroup) => {
            let group = Group::choose(&REQUEST).expect("a group");
            start.string([&[0], group.prime()].concat()).string(group.generator())
        }
        31 | 33 if proves => return forger.genuine_reply().encode(),
        31 | 33 => start.string("").string([9; 32]).string(""),
        34 => return encode(&REQUEST),
        50 => return password("user", "wrong"),
        51 => start.string("").u8(0),
        53 | 60 => start.string("").string(""),
        61 => start.u32(1).string("wrong"),
        80 => start.string("x").u8(0),
        90 => return channel_open(99, 0, 1),
        91 => start.u32(0).u32(9).u32(0).u32(1),
        92 => start.u32(0).u32(1).string("").string(""),
        93 => start.u32(0).u32(1),
        94 => start.u32(0).string(""),
        95 => start.u32(0).u32(1).string(""),
        96 | 97 | 99 | 100 => start.u32(0),
        98 => start.u32(0).string("x").u8(0),
        _ => start,
    }
    .done()
}

/// What a message does to a connection in a phase.
fn observed<R: Side>(phase: Phase, number: u8) -> Verdict {
    let mut forger = brought::<R>(phase);
    let message = valid(&mut forger, phase, number);
    forger.send(&message);
    match forger.machine.over {
        Some(Error::Violation(Violation::Unexpected(unlawful))) if unlawful == number => return Verdict::Unlawful,
        None if forger.numbers() == [3] => return Verdict::Unknown,
        _ => {}
    }
    let effect =
        |forger: &Foe<R>| forger.machine.over.is_some() || !forger.machine.told.is_empty() || !forger.heard.is_empty();
    if effect(&forger) {
        return Verdict::Lawful;
    }
    // What is read without a trace leaves one when it is malformed, or one too many; what is ignored never does.
    forger.send(&message);
    let mut other = brought::<R>(phase);
    other.send(&[number, 0xff, 0xff]);
    if effect(&forger) || effect(&other) { Verdict::Lawful } else { Verdict::Ignored }
}

const fn letter(verdict: Verdict) -> char {
    match verdict {
        Verdict::Lawful => 'L',
        Verdict::Ignored => 'i',
        Verdict::Unknown => 'u',
        Verdict::Unlawful => '.',
    }
}

const SENDERS: [Sender; 2] = [Sender::Client, Sender::Server];

/// One row of the table: a column for each phase and sender.
fn row(number: u8) -> String {
    let mut row = String::new();
    for phase in PHASES {
        for sender in SENDERS {
            let seen = match sender {
                Sender::Client => observed::<Server>(phase, number),
                Sender::Server => observed::<Client>(phase, number),
            };
            assert_eq!(seen, verdict(phase, sender, number), "{number} from {sender:?} in {phase:?}");
            row.push(letter(seen));
        }
    }
    row
}

const HEAD: &str = "\
What becomes of a message, by its number, its sender, and how far the connection has come.

  L  lawful: it is dealt with           i  read and ignored
  u  answered by UNIMPLEMENTED          .  ends the connection

How far, as the receiver of the message sees it; each has two columns: c, from the client, and s, from the server.

  start    until the first KEXINIT of the peer                                 RFC 4253 §4.2 and §7.1
  group    the first exchange: the group is being chosen                       RFC 4419 §3
  gshare   the first exchange: the peer's share in that group is due           RFC 4419 §3
  share    the first exchange: the peer's share is due                         RFC 4253 §8, RFC 5656 §4, RFC 8731
  keys     the first exchange: the peer's NEWKEYS is due                       RFC 4253 §7.3
  service  under keys, before the service is granted                           RFC 4253 §10
  login    the service is granted, and nobody is logged in                     RFC 4252
  open     logged in                                                           RFC 4254
  behind rekey: as above in a later exchange, once the peer's KEXINIT is there RFC 4253 §9

Strict key exchange adds to this: before the first keys, 2 to 4 end the connection as well. A message that is lawful may
still come at a wrong time: an answer that nobody waits for, say. names.txt tells what becomes of requests and channels by
their names.

                                              start  group  gshare share  keys   service login open   rekey: rekey: rekey: rekey:
                                                                                                      group  gshare share  keys
number     message                            c  s   c  s   c  s   c  s   c  s   c  s   c  s   c  s   c  s   c  s   c  s   c  s
";

fn line(first: u8, last: u8, row: &str) -> String {
    let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
    let mut line = format!("{range:<11}{:<35}", names::of(first).unwrap_or("-"));
    for (at, letter) in row.chars().enumerate() {
        let gap = if at % 2 == 0 { "  " } else { "   " };
        let _ = write!(line, "{letter}{gap}");
    }
    format!("{}\n", line.trim_end())
}

/// Neighbours without names and with equal verdicts share a line.
fn table() -> String {
    let rows: Vec<String> = (0..=255).map(row).collect();
    let mut table = HEAD.to_owned();
    let mut first = 0;
    for last in 0..=255_u8 {
        let at = usize::from(last);
        let goes_on = rows.get(at + 1) == Some(&rows[at]) && names::of(last).is_none() && names::of(last + 1).is_none();
        if !goes_on {
            table.push_str(&line(first, last, &rows[at]));
            first = last.saturating_add(1);
        }
    }
    table
}

#[test]
fn m03_every_message_in_every_phase() {
    snapshot::check("legality.txt", &table());
}
