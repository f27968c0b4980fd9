//! Table C, negotiation: KEXINITs that are cut, too long, empty, repeated or guess wrong (RFC 4253 §7).
//!
//! The lists of a KEXINIT are strings here, so that they can hold what no list may.

use sanssh_core::algorithm::Kex;
use sanssh_core::role::{Client, Server};
use sanssh_core::{Choice, Config, Error, Violation};
use sanssh_tests::both_roles;
use sanssh_tests::forger::{EXTENSIONS, Feed, Forger, Proposal, STRICT, Side, Suite, any, both_ways, greeted, offered};
use sanssh_tests::pair::server_config;

/// Proposes what `change` makes of a sound KEXINIT; the machine must not survive it.
fn refuses_offer<R: Side>(feed: Feed, error: Error, change: impl Fn(&mut Proposal)) {
    let mut forger = greeted::<R>(feed);
    change(&mut forger.proposal);
    forger.send_offer();
    forger.fatal(error, &[]);
}

#[test]
fn c01_an_offer_cut_anywhere_or_too_long() {
    fn case<R: Side>(feed: Feed) {
        let whole = greeted::<R>(feed).proposal.encode();
        for cut in 1..whole.len() {
            let mut forger = greeted::<R>(feed);
            forger.send(&whole[..cut]);
            forger.fatal(Error::Malformed(Some(20)), &[]);
        }
        let mut forger = greeted::<R>(feed);
        forger.send(&[&whole[..], &[0]].concat());
        forger.fatal(Error::Malformed(Some(20)), &[]);
    }
    both_roles!(case);
}

#[test]
fn c02_names_that_are_none() {
    fn case<R: Side>(feed: Feed) {
        let odd = ["curve25519-sha256\0", "curve25519-sha256 ", "curve25519-sh\u{e4}256", &"c".repeat(65), " ", "\n"];
        for name in odd {
            refuses_offer::<R>(feed, Error::Incompatible(Choice::Kex), |offer| offer.kex = name.into());
            refuses_offer::<R>(feed, Error::Incompatible(Choice::HostKey), |offer| *offer.list(1) = name.into());
            let mut forger = greeted::<R>(feed);
            forger.proposal.kex = format!("{name},{}", forger.proposal.kex);
            forger.send_offer();
            assert_eq!(forger.machine.over, None, "an odd name beside a good one does no harm");
        }
    }
    both_roles!(case);
}

#[test]
fn c03_sixty_thousand_names() {
    /// A machine that takes as much before the login as after it.
    fn patient<R: Side>() -> Forger<R> {
        let mut config = server_config();
        config.login.max_packet = config.max_packet;
        let mut forger = Forger::with(Feed::Whole, config).greeted();
        forger.forget();
        forger
    }
    fn case<R: Side>(_: Feed) {
        for at in 0..10 {
            let mut forger = patient::<R>();
            let name = forger.proposal.list(at).clone();
            *forger.proposal.list(at) = format!("{}{name}", "x,".repeat(60_000));
            forger.send_offer();
            assert_eq!(forger.machine.over, None);
            // As much as a packet of the largest size may hold.
            let mut forger = patient::<R>();
            let cap = usize::try_from(Config::default().max_packet).expect("a length");
            let name = forger.proposal.list(at).clone();
            *forger.proposal.list(at) = format!("{}{name}", ",".repeat(cap - forger.proposal.encode().len() - 32));
            forger.send_offer();
            assert_eq!(forger.machine.over, None);
        }
    }
    both_roles!(case);
    // Of strangers a server takes less, unless it is told otherwise.
    refuses_offer::<Server>(Feed::Whole, Error::Malformed(None), |offer| *offer.list(2) = "x,".repeat(60_000));
}

#[test]
fn c04_markers_are_never_chosen() {
    fn case<R: Side>(feed: Feed) {
        let markers = [EXTENSIONS[0], EXTENSIONS[1], STRICT[0], STRICT[1]];
        let lists = markers.iter().map(ToString::to_string).chain([markers.join(",")]);
        for list in lists {
            refuses_offer::<R>(feed, Error::Incompatible(Choice::Kex), |offer| offer.kex = list.clone());
            refuses_offer::<R>(feed, Error::Incompatible(Choice::HostKey), |offer| *offer.list(1) = list.clone());
        }
    }
    both_roles!(case);
}

#[test]
fn c05_nothing_but_none() {
    fn case<R: Side>(feed: Feed) {
        for (at, choice) in [(2, Choice::CipherToServer), (3, Choice::CipherToClient)] {
            refuses_offer::<R>(feed, Error::Incompatible(choice), |offer| *offer.list(at) = "none".into());
        }
        for (at, choice) in [(4, Choice::MacToServer), (5, Choice::MacToClient)] {
            refuses_offer::<R>(feed, Error::Incompatible(choice), |offer| {
                *offer.list(2) = "aes256-ctr".into();
                *offer.list(3) = "aes256-ctr".into();
                *offer.list(at) = "none".into();
            });
        }
    }
    both_roles!(case);
}

#[test]
fn c06_nothing_in_common_in_one_list() {
    fn case<R: Side>(feed: Feed) {
        let choices = [
            Choice::Kex,
            Choice::HostKey,
            Choice::CipherToServer,
            Choice::CipherToClient,
            Choice::MacToServer,
            Choice::MacToClient,
            Choice::ZipToServer,
            Choice::ZipToClient,
        ];
        for (at, choice) in choices.into_iter().enumerate() {
            for nothing in ["", "strange@example.org"] {
                refuses_offer::<R>(feed, Error::Incompatible(choice), |offer| {
                    *offer.list(2) = "aes256-ctr".into();
                    *offer.list(3) = "aes256-ctr".into();
                    *offer.list(at) = nothing.into();
                });
            }
        }
    }
    both_roles!(case);
}

#[test]
fn c07_a_second_offer() {
    fn case<R: Side>(feed: Feed) {
        let mut forger = offered::<R>(feed);
        forger.send_offer();
        forger.fatal(Violation::Unexpected(20).into(), &[]);
        let mut forger = Forger::<R>::new(feed).shared();
        forger.forget();
        forger.send_offer();
        forger.fatal(Violation::Unexpected(20).into(), &[]);
    }
    both_roles!(case);
}

/// The first exchange is one of four.
#[test]
fn c08_exchanges_without_a_login() {
    fn case<R: Side>(feed: Feed) {
        let mut forger = Forger::<R>::new(feed).keyed();
        for _ in 0..3 {
            forger.rekey();
            assert_eq!(forger.machine.over, None);
        }
        forger.forget();
        forger.send_offer();
        forger.fatal(Violation::TooMany.into(), &[]);
    }
    both_roles!(case);
}

/// A KEXINIT with a guess that is wrong by its first key exchange.
fn guess_wrong<R: Side>(forger: &mut Forger<R>) {
    forger.proposal.guess = true;
    forger.proposal.kex = format!("diffie-hellman-group1-sha256,{}", forger.proposal.kex);
}

/// The exchange goes on as if nothing had been, and its keys serve.
fn completes<R: Side>(forger: &mut Forger<R>) {
    forger.send_share();
    forger.send_new_keys();
    forger.forget();
    forger.send(&[2, 0, 0, 0, 0]);
    forger.lives(&[], &[]);
}

#[test]
fn c09_a_wrong_guess_is_dropped_once() {
    fn case<R: Side>(feed: Feed) {
        let numbers = [30, 31, 32, 34, 49].into_iter();
        // A first method that the machine has, but not first, is a wrong guess as well, and is then what is agreed on.
        let methods = [Kex::Curve25519, Kex::Group14Sha256, Kex::GroupExchangeSha256].into_iter();
        for (number, kex) in numbers.flat_map(|number| methods.clone().map(move |kex| (number, kex))) {
            let mut forger = Forger::<R>::new(feed).proposing(&Suite::kex(kex)).greeted();
            if kex == Kex::Curve25519 {
                guess_wrong(&mut forger);
            }
            forger.proposal.guess = true;
            forger.send_offer();
            forger.send(&any(number).string("nonsense").done());
            assert_eq!(forger.machine.over, None, "the guess is dropped");
            completes(&mut forger);
        }
        // Exactly one is dropped.
        let mut forger = greeted::<R>(feed);
        guess_wrong(&mut forger);
        forger.send_offer();
        forger.forget();
        forger.send(&any(32).done());
        forger.send(&any(32).done());
        forger.fatal(Violation::Unexpected(32).into(), &[]);
    }
    both_roles!(case);
}

#[test]
fn c09_a_right_guess_is_taken() {
    fn case<R: Side>(feed: Feed) {
        let suite = Suite::kex(Kex::MlKem768X25519);
        let mut forger = Forger::<R>::new(feed).proposing(&suite).greeted();
        forger.proposal.guess = true;
        forger.send_offer();
        completes(&mut forger);
    }
    both_roles!(case);
}

#[test]
fn c09_wrong_guesses_again_and_again() {
    fn case<R: Side>(_: Feed) {
        let mut forger = Forger::<R>::new(Feed::Whole).authenticated();
        guess_wrong(&mut forger);
        for _ in 0..200 {
            forger.send_offer();
            forger.send(&any(34).string("nonsense").done());
            forger.send_share();
            forger.send_new_keys();
            assert_eq!(forger.machine.over, None);
        }
    }
    both_roles!(case);
}

#[test]
fn c10_a_guess_that_is_wrong_by_the_host_key() {
    fn case<R: Side>(feed: Feed) {
        let suite = Suite::kex(Kex::MlKem768X25519);
        let mut forger = Forger::<R>::new(feed).proposing(&suite).greeted();
        forger.proposal.guess = true;
        *forger.proposal.list(1) = "ssh-dss,ssh-ed25519".into();
        forger.send_offer();
        forger.send(&any(30).string("nonsense").done());
        assert_eq!(forger.machine.over, None, "the guess is dropped");
        completes(&mut forger);
    }
    both_roles!(case);
}

#[test]
fn c11_a_guess_that_never_comes() {
    fn case<R: Side>(feed: Feed) {
        let mut forger = greeted::<R>(feed);
        guess_wrong(&mut forger);
        forger.send_offer();
        forger.forget();
        forger.send(&[21]);
        forger.fatal(Violation::Unexpected(21).into(), &[]);
    }
    both_roles!(case);
}

/// Not a row of the table: a client's preference decides, whatever the order of the server's list.
#[test]
fn the_clients_order_decides() {
    both_ways(|feed| {
        let mut config = Config::default();
        config.preferences.kex = sanssh_core::algorithm::list(&[Kex::EcdhP256, Kex::Curve25519]);
        let mut forger = Forger::<Client>::with(feed, config).proposing(&Suite::kex(Kex::EcdhP256));
        forger.proposal.kex = format!("curve25519-sha256,{}", forger.proposal.kex);
        let mut forger = forger.shared();
        forger.send_new_keys();
        assert_eq!(forger.machine.over, None);
    });
}
