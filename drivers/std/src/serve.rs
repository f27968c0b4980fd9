//! One connection of a server: its thread moves it on, answers the questions of exchange and login with the host keys and
//! the handler, and starts a thread for each session.

use crate::Error;
use crate::desk::{Given, Secret, Task};
use crate::end::Ssh;
use crate::factors::{Factors, Progress};
use crate::handler::{Attempt, Credential, Handler, HostAttempt, Verdict};
use crate::host_keys::HostKeys;
use crate::link::Link;
use crate::session::Session;
use crate::state::Own;
use crate::stream::Stream;
use core::net::SocketAddr;
use sanssh_core::auth::{ClientHost, Method};
use sanssh_core::event::{Attempt as AttemptAsk, Prove};
use sanssh_core::role;
use sanssh_core::wire::auth::Prompt;
use sanssh_core::{Ask, ChannelId, Output, Reason, Refused};
use std::sync::Arc;
use std::thread;

/// A connection and what its thread needs.
pub(crate) struct Conversation<H> {
    pub(crate) link: Arc<Link<role::Server>>,
    pub(crate) peer: SocketAddr,
    pub(crate) keys: Arc<HostKeys>,
    pub(crate) banner: Option<String>,
    pub(crate) handler: Arc<H>,
    /// Who attempts to log in, or is.
    pub(crate) user: String,
    /// Clients may have us listen for others than this machine.
    pub(crate) gateway_ports: bool,
    /// The first display for sessions that borrow their client's.
    pub(crate) first_display: u16,
    pub(crate) factors: Factors,
    /// Called once when the login is through.
    pub(crate) on_login: Box<dyn FnOnce() + Send>,
}

impl<H: Handler> Conversation<H> {
    /// Serves until the connection is over, and says why.
    pub(crate) fn run(mut self) -> Error {
        loop {
            let task = self.link.wait(None, &mut Own::none(), |state, _| state.desk.next());
            if let Err(error) = task.and_then(|task| self.deal(task)) {
                return error;
            }
        }
    }

    fn deal(&mut self, task: Task) -> Result<(), Error> {
        match task {
            Task::HostKey(algorithm, ask) => {
                let public = self.keys.shown(algorithm).map_or(&[][..], |(_, public)| public);
                self.link.change(|state| state.ssh.host_key(ask, public));
            }
            Task::Sign(algorithm, ask) => {
                // The algorithms on offer are those of the keys.
                let Some((key, public)) = self.keys.shown(algorithm) else { return Err(Error::NoSignature) };
                let signature = key.sign(algorithm.plain(), ask.message()).map_err(Error::Sign)?;
                self.command(|ssh, output| ssh.sign(&ask, public, &signature, output))?;
            }
            Task::Probe { user, algorithm, key, ask } => {
                self.greet()?;
                let user = str::from_utf8(&user).ok();
                if user.is_some_and(|user| self.handler.key_acceptable(self.peer, user, &key)) {
                    self.command(|ssh, output| ssh.acceptable(&ask, algorithm, &key, output))?;
                } else {
                    self.link.change(|state| state.ssh.unacceptable(ask));
                }
            }
            Task::Attempt { user, credential, fresh, ask } => self.attempt(user, &credential, fresh, ask)?,
            Task::Answers { answers, ask } => self.answers(&answers, ask)?,
            Task::Prove(keys, ask) => self.prove(&keys, ask)?,
            Task::Connect(to, ask) => self.connect(to, ask),
            Task::Listen(at, ask) => self.listen(at, ask),
            Task::Borrow(session, loan, ask) => self.borrow(session, loan, ask),
            Task::Session(id) => self.start(id),
        }
        Ok(())
    }

    fn command<T>(
        &self,
        what: impl FnMut(&mut Ssh<role::Server>, &mut Output<'_>) -> Result<T, Refused>,
    ) -> Result<(), Error> {
        match self.link.command(true, what) {
            // The question is closed: a machine that gave up on the login answers it by itself.
            Ok(_) | Err(Error::Refused(Refused::Moot | Refused::TooLong)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Shows the banner, once.
    fn greet(&mut self) -> Result<(), Error> {
        let Some(text) = self.banner.take() else { return Ok(()) };
        self.command(|ssh, output| ssh.banner(text.as_bytes(), output))
    }

    fn attempt(&mut self, user: Vec<u8>, given: &Given, fresh: bool, ask: Ask<AttemptAsk>) -> Result<(), Error> {
        self.greet()?;
        if fresh {
            self.factors.restart();
        }
        let text = |secret: &'_ Secret| str::from_utf8(secret).ok().map(str::to_owned).map(zeroize::Zeroizing::new);
        let user = String::from_utf8(user).ok();
        let (method, secrets) = match given {
            Given::None => (Method::None, Some(vec![])),
            Given::Password(password) => (Method::Password, text(password).map(|one| vec![one])),
            Given::PasswordChange(old, new) => {
                (Method::Password, text(old).zip(text(new)).map(|(one, other)| vec![one, other]))
            }
            Given::Key(..) => (Method::PublicKey, Some(vec![])),
            Given::Interactive => (Method::Interactive, Some(vec![])),
            Given::Host { .. } => (Method::HostBased, Some(vec![])),
        };
        let (Some(user), Some(secrets)) = (user, secrets) else {
            self.link.change(|state| state.ssh.refuse(ask));
            return Ok(());
        };
        self.user = user;
        let (peer, earned) = (self.peer, self.factors.earned());
        if let Given::Host { algorithm, key, host, user } = given {
            let host = ClientHost { algorithm: *algorithm, key, host, user };
            let verdict = self.handler.host_login(&HostAttempt { peer, user: &self.user, host, earned });
            return self.heed(method, None, verdict, ask);
        }
        let credential = match (given, &secrets[..]) {
            (Given::Key(algorithm, key, presence), _) => {
                Credential::Key { algorithm: *algorithm, key, presence: *presence }
            }
            (Given::Interactive, _) => Credential::Interactive,
            (Given::Password(_), [password]) => Credential::Password(password),
            (Given::PasswordChange(..), [old, new]) => Credential::PasswordChange { old, new },
            (Given::None | Given::Password(_) | Given::PasswordChange(..) | Given::Host { .. }, _) => Credential::None,
        };
        self.judge(method, credential, ask)
    }

    fn answers(&mut self, answers: &[Secret], ask: Ask<AttemptAsk>) -> Result<(), Error> {
        let texts: Option<Vec<&str>> = answers.iter().map(|answer| str::from_utf8(answer).ok()).collect();
        match texts {
            Some(texts) => self.judge(Method::Interactive, Credential::Answers(&texts), ask),
            None => {
                self.link.change(|state| state.ssh.refuse(ask));
                Ok(())
            }
        }
    }

    fn judge(&mut self, method: Method, credential: Credential<'_>, ask: Ask<AttemptAsk>) -> Result<(), Error> {
        let attempt = Attempt { peer: self.peer, user: &self.user, credential, earned: self.factors.earned() };
        let verdict = self.handler.login(&attempt);
        let key = match credential {
            Credential::Key { key, .. } => Some(key),
            Credential::None
            | Credential::Password(_)
            | Credential::PasswordChange { .. }
            | Credential::Interactive
            | Credential::Answers(_) => None,
        };
        self.heed(method, key, verdict, ask)
    }

    fn heed(
        &mut self,
        method: Method,
        key: Option<&[u8]>,
        verdict: Verdict,
        ask: Ask<AttemptAsk>,
    ) -> Result<(), Error> {
        match verdict {
            Verdict::Accept(permissions) => match self.factors.pass(method, key, permissions, None) {
                Progress::Done(permissions) => {
                    (core::mem::replace(&mut self.on_login, Box::new(|| ())))();
                    self.link.change(|state| {
                        state.desk.permissions = *permissions;
                        state.ssh.grant(ask);
                    });
                    self.announce()?;
                }
                Progress::More(methods) => self.link.change(|state| state.ssh.partial(ask, methods)),
                Progress::Void => self.link.change(|state| state.ssh.refuse(ask)),
            },
            Verdict::Refuse => self.link.change(|state| state.ssh.refuse(ask)),
            Verdict::More(methods, permissions) => match self.factors.pass(method, key, permissions, Some(methods)) {
                Progress::More(methods) => self.link.change(|state| state.ssh.partial(ask, methods)),
                Progress::Done(_) | Progress::Void => self.link.change(|state| state.ssh.refuse(ask)),
            },
            Verdict::Ask { name, instruction, prompts } => {
                let prompts: Vec<_> =
                    prompts.iter().map(|(text, echo)| Prompt { text: text.as_bytes(), echo: *echo }).collect();
                let (name, above) = (name.as_bytes(), instruction.as_bytes());
                self.command(|ssh, output| ssh.prompt(&ask, name, above, &prompts, output))?;
                // Where questions were not asked for, they are a refusal.
                self.link.change(|state| state.ssh.refuse(ask));
            }
            Verdict::Expired(text) => {
                self.command(|ssh, output| ssh.expire(&ask, text.as_bytes(), output))?;
                self.link.change(|state| state.ssh.refuse(ask));
            }
        }
        Ok(())
    }

    /// Tells the client of all host keys, so that it knows the next one before this one goes.
    fn announce(&self) -> Result<(), Error> {
        let keys: Vec<_> = self.keys.all().map(|key| key.public()).collect();
        match self.command(|ssh, output| ssh.announce(&keys, output)) {
            // The attempt that was granted is not open any more.
            Err(Error::Refused(Refused::NotYet)) => Ok(()),
            outcome => outcome,
        }
    }

    /// Proves that the keys are ours. Nothing else is ever signed: a stranger's key makes all of it void.
    fn prove(&self, wanted: &[Vec<u8>], ask: Ask<Prove>) -> Result<(), Error> {
        let Some(signatures) = wanted.iter().map(|key| self.proof(key)).collect::<Option<Vec<_>>>() else {
            self.link.change(|state| state.ssh.unproven(ask));
            return Ok(());
        };
        let signatures: Vec<_> = signatures.iter().map(Vec::as_slice).collect();
        self.command(|ssh, output| ssh.proven(&ask, &signatures, output))
    }

    fn proof(&self, wanted: &[u8]) -> Option<Vec<u8>> {
        let key = self.keys.all().find(|key| key.public() == wanted)?;
        let (message, negotiated) = self
            .link
            .with(|state| (state.ssh.proof_message(wanted), state.summary.map(|summary| summary.host_key.plain())));
        // Clients want RSA keys to sign as they did in the exchange.
        let algorithms = key.algorithms();
        let algorithm = negotiated.filter(|one| algorithms.contains(one)).or_else(|| algorithms.first().copied())?;
        key.sign(algorithm, message.ok()?.as_bytes()).ok()
    }

    /// A command was granted: its session gets a thread.
    fn start(&self, id: ChannelId) {
        let stream = Stream { link: Arc::clone(&self.link), id };
        let Some(session) = Session::new(stream, self.user.clone(), self.peer) else { return };
        let handler = Arc::clone(&self.handler);
        // Without a thread the session is dropped, which closes it.
        let _ = thread::Builder::new().name("session".to_owned()).spawn(move || handler.session(session));
    }
}

impl<H> Drop for Conversation<H> {
    /// Also when the handler panicked.
    fn drop(&mut self) {
        self.link.disconnect(Reason::BY_APPLICATION);
    }
}
