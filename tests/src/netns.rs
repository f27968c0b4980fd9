//! A machine at the other end of a cable that can be pulled: a network namespace joined to this one by a pair of virtual
//! interfaces. Only root can make one.

use crate::peers;
use crate::process::run;
use core::net::Ipv4Addr;
use core::sync::atomic::{AtomicU8, Ordering};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::os::fd::AsFd;
use std::process::{self, Command};
use std::thread;

/// A namespace; it goes when dropped, with what runs in it.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    cable: String,
    number: u8,
}

impl Namespace {
    /// Makes one. `None`, said aloud, if there is no right to.
    ///
    /// # Panics
    /// If it cannot be made by root, or where peers are owed.
    #[must_use]
    pub fn create() -> Option<Self> {
        static TURN: AtomicU8 = AtomicU8::new(0);
        if !peers::require(&["ip"]) {
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            peers::skip(peers::owed(), "only root makes network namespaces");
            return None;
        }
        // Processes that run side by side have networks of their own, as a rule.
        let turn = TURN.fetch_add(1, Ordering::Relaxed);
        let number = process::id().to_le_bytes()[0].wrapping_add(turn.wrapping_mul(31));
        let name = format!("sanssh-{}-{turn}", process::id());
        let space = Self { cable: format!("ss{}x{turn}", process::id()), name, number };
        let (cable, name, inner) = (&space.cable, &space.name, format!("{}i", space.cable));
        ip(&["netns", "add", name]);
        ip(&["link", "add", cable, "type", "veth", "peer", "name", &inner, "netns", name]);
        ip(&["address", "add", &format!("{}/30", space.near()), "dev", cable]);
        ip(&["link", "set", cable, "up"]);
        ip(&["-n", name, "address", "add", &format!("{}/30", space.far()), "dev", &inner]);
        ip(&["-n", name, "link", "set", &inner, "up"]);
        ip(&["-n", name, "link", "set", "lo", "up"]);
        Some(space)
    }

    const fn near(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.number, 1)
    }

    /// The address at the far end; of the range that RFC 2544 keeps for benchmarks.
    #[must_use]
    pub const fn far(&self) -> Ipv4Addr {
        Ipv4Addr::new(198, 18, self.number, 2)
    }

    /// Runs something there; sockets that it opens, and threads and programs that it starts, stay there.
    ///
    /// # Panics
    /// If it panics.
    pub fn within<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        let there = File::open(format!("/run/netns/{}", self.name)).expect("the namespace");
        let moved = || {
            move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network)).expect("root may move");
            what()
        };
        thread::scope(|scope| scope.spawn(moved).join()).expect("what runs there")
    }

    /// Pulls the cable: nothing passes any more, and nobody is told.
    pub fn cut(&self) {
        ip(&["link", "set", &self.cable, "down"]);
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The cable goes with the namespace once nobody is there; so by itself, and first.
        let _ = Command::new(peers::path("ip")).args(["link", "delete", &self.cable]).output();
        let _ = Command::new(peers::path("ip")).args(["netns", "delete", &self.name]).output();
    }
}

fn ip(arguments: &[&str]) {
    run(Command::new(peers::path("ip")).args(arguments));
}
