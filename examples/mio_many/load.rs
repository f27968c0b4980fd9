//! The load: so many connections are logged in, some at a time; once all are, the server is asked what it holds, and
//! everybody runs commands.

use crate::arguments::Load;
use crate::caller::{Caller, Outcome, Plan};
use core::net::SocketAddr;
use sanssh_core::algorithm::list;
use sanssh_core::{Config, Reason};
use sanssh_mio::{Client, ClientSettings, Hub, Id, Limits, Next};
use sanssh_std::escape;
use std::collections::VecDeque;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::time::Instant as Clock;

/// How far all have come.
struct Crowd<'p> {
    plan: Plan<'p>,
    hub: Hub<Client, Caller>,
    settings: Arc<ClientSettings>,
    to: SocketAddr,
    callers: Vec<Id>,
    started: Clock,
    /// Connections begun, on their way in, ended after the exchange they were for, and lost otherwise.
    begun: usize,
    coming: usize,
    through: usize,
    lost: usize,
    /// Everybody is in, and so many commands run.
    running: Option<usize>,
    /// Whose turn it is to run one.
    line: VecDeque<Id>,
    /// What turns have come to, and nobody has looked at.
    outcomes: VecDeque<Outcome>,
    /// Microseconds of each command that is through, and how many said something else.
    took: Vec<u64>,
    wrong: usize,
}

/// Runs the load; whether nothing was lost.
pub(crate) fn run(load: &Load) -> Result<bool, String> {
    let to = load.address.to_socket_addrs().map_err(|error| error.to_string())?.next().ok_or("no address")?;
    let host_key = crate::public(&load.host_key)?;
    let identity = sanssh_std::home::read_key(&load.identity, None).map_err(|error| error.to_string())?;
    let mut core = Config::default();
    core.preferences.host_keys.retain(|algorithm| algorithm.key_type() == host_key.kind());
    if let Some(kex) = load.kex {
        core.preferences.kex = list(&[kex]);
    }
    let limits = Limits { connections: load.connections + 1, ..Limits::default() };
    let mut crowd = Crowd {
        plan: Plan { load, host_key: host_key.blob(), identity: &identity },
        hub: Hub::new(limits).map_err(|error| error.to_string())?,
        settings: Arc::new(ClientSettings { core, channels: 2 }),
        to,
        callers: Vec::new(),
        started: Clock::now(),
        begun: 0,
        coming: 0,
        through: 0,
        lost: 0,
        running: None,
        line: VecDeque::new(),
        outcomes: VecDeque::new(),
        took: Vec::new(),
        wrong: 0,
    };
    crowd.run().map_err(|error| error.to_string())
}

impl Crowd<'_> {
    fn run(&mut self) -> Result<bool, Box<dyn core::error::Error>> {
        let all = self.all();
        loop {
            while self.begun < all && self.coming < self.plan.load.at_a_time {
                let id = self.hub.connect(self.to, &self.settings, Caller::default())?;
                self.callers.push(id);
                (self.begun, self.coming) = (self.begun + 1, self.coming + 1);
            }
            if self.is_over() {
                break;
            }
            self.hub.wait(None)?;
            while self.step() {
                while let Some(outcome) = self.outcomes.pop_front() {
                    self.note(outcome);
                }
            }
        }
        self.tell();
        Ok(self.lost == 0 && self.wrong == 0)
    }

    /// Those that run commands, and the one that streams.
    fn all(&self) -> usize {
        self.plan.load.connections + usize::from(self.plan.load.bulk)
    }

    fn is_over(&self) -> bool {
        let Load { connections, commands, exchange, .. } = *self.plan.load;
        let done = if exchange { self.through } else { self.took.len() / commands.max(1) };
        done + self.lost >= connections
    }

    /// Deals with what is ready next; whether anything was.
    fn step(&mut self) -> bool {
        let Some(next) = self.hub.next() else { return false };
        let outcomes = &mut self.outcomes;
        match next {
            Next::Turn(mut visit) => {
                visit.state.turn(&mut visit.turn, &self.plan, |outcome| outcomes.push_back(outcome));
                if self.plan.load.exchange && outcomes.contains(&Outcome::Keyed) {
                    visit.turn.disconnect(Reason::BY_APPLICATION);
                }
            }
            Next::Gone { state, error, .. } => {
                let ended = matches!(error, sanssh_mio::Error::Ssh(sanssh_core::Error::Closed));
                if self.plan.load.exchange && ended {
                    self.through += 1;
                } else {
                    eprintln!("mio_many: {error}");
                    self.lost += 1;
                }
                if !state.logged_in {
                    outcomes.push_back(Outcome::Left);
                }
            }
            Next::Work(()) | Next::Foreign(_) => {}
        }
        true
    }

    fn note(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Keyed => {}
            Outcome::In | Outcome::Left => self.came(),
            Outcome::Done(took, right) => {
                let Some(running) = self.running else { return self.begin_commands() };
                self.running = Some(running - 1);
                self.took.push(took);
                self.wrong += usize::from(!right);
                self.run_next();
            }
        }
    }

    /// One is in, or lost. After the last the server is asked what it holds, by the first.
    fn came(&mut self) {
        self.coming -= 1;
        if self.begun < self.all() || self.coming > 0 || self.plan.load.exchange {
            return;
        }
        let (count, span) = (self.begun - self.lost, self.started.elapsed().as_secs_f64());
        println!("{count} logged in, {:.0} a second", count as f64 / span);
        if let Some(&first) = self.callers.first() {
            self.begin(first, b"memory");
        }
    }

    fn begin_commands(&mut self) {
        if let Some(visit) = self.callers.first().and_then(|first| self.hub.turn(*first)) {
            // OpenSSH's server has no such command.
            if !visit.state.output.is_empty() {
                print!("server: {}", escape(&visit.state.output, true));
            }
        }
        (self.started, self.running) = (Clock::now(), Some(0));
        let mut callers = self.callers.clone();
        if self.plan.load.bulk {
            let one = callers.remove(0);
            if let Some(visit) = self.hub.turn(one) {
                visit.state.streams = true;
            }
            self.begin(one, format!("stream {}", u64::MAX).as_bytes());
        }
        self.line = (0..self.plan.load.commands).flat_map(|_| callers.iter().copied()).collect();
        for _ in 0..self.plan.load.jobs.min(callers.len()) {
            self.run_next();
        }
    }

    fn run_next(&mut self) {
        if let Some(id) = self.line.pop_front() {
            self.running = self.running.map(|running| running + 1);
            self.begin(id, self.plan.load.command.as_bytes());
        }
    }

    fn begin(&mut self, id: Id, command: &[u8]) {
        let Some(mut visit) = self.hub.turn(id) else { return };
        visit.state.command = command.to_vec();
        visit.state.left += 1;
        // It may have got something meanwhile.
        visit.state.turn(&mut visit.turn, &self.plan, |outcome| self.outcomes.push_back(outcome));
    }

    fn tell(&mut self) {
        let span = self.started.elapsed().as_secs_f64();
        if self.plan.load.exchange {
            println!("{} exchanges, {:.0} a second", self.through, self.through as f64 / span);
        } else {
            self.took.sort_unstable();
            let at = |share: usize| self.took.get(self.took.len() * share / 100).map_or(0.0, |took| *took as f64 / 1e3);
            let (count, rate) = (self.took.len(), self.took.len() as f64 / span);
            println!("{count} commands, {rate:.0} a second, median {:.2} ms, p99 {:.2} ms", at(50), at(99));
        }
        if let Some(visit) = self.callers.first().and_then(|first| self.hub.turn(*first))
            && visit.state.streams
        {
            println!("meanwhile one stream: {:.0} MB/s", visit.state.streamed as f64 / span / 1e6);
        }
        println!("{} lost, {} wrong", self.lost, self.wrong);
    }
}
