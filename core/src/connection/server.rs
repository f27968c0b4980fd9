//! What only a server may do: show its host key, judge logins.

use super::{Connection, Login};
use crate::Output;
use crate::algorithm::HostKey;
use crate::auth::MethodSet;
use crate::auth::server::Asked;
use crate::channel::Slot;
use crate::crypto::Provider;
use crate::error::Refused;
use crate::event::{Ask, Attempt, HostKeyChoice, Probe, Sign};
use crate::role::Server;
use crate::transport::Sender;
use crate::wire::auth::{Prompt, UserauthBanner, UserauthInfoRequest, UserauthPasswdChangereq, UserauthPkOk};
use crate::wire::legality::Phase;
use crate::wire::{Message, Rest};

impl<P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Connection<Server, P, T> {
    /// Shows this public key blob.
    pub fn host_key(&mut self, ask: Ask<HostKeyChoice>, public: &[u8]) {
        if self.exchange_ask.take_if(|open| *open == ask.serial).is_some() {
            self.transport.host_key(public);
        }
    }

    /// Sends the exchange's reply: the public key blob that was shown, and its signature blob on
    /// [`Ask::message`](Ask::<Sign>::message).
    pub fn sign(
        &mut self,
        ask: &Ask<Sign>,
        public: &[u8],
        signature: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        if self.fate.is_some() {
            return Err(Refused::Closed);
        }
        if self.exchange_ask != Some(ask.serial) {
            return Err(Refused::Moot);
        }
        self.transport.sign(&mut self.random, output, public, signature)?;
        self.exchange_ask = None;
        Ok(())
    }

    /// Shows a text before the login (RFC 4252 §5.4): from the client's request for the service on, and until it is
    /// logged in.
    pub fn banner(&mut self, message: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        if self.fate.is_none() && self.login.phase() != Phase::Login {
            return Err(Refused::NotYet);
        }
        self.login_message(output, &UserauthBanner { message, language: b"" })
    }

    /// The key would do (RFC 4252 §7): names its algorithm and blob again.
    pub fn acceptable(
        &mut self,
        ask: &Ask<Probe>,
        algorithm: HostKey,
        key: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        self.check_login(ask, &[Asked::Probe])?;
        self.login_message(output, &UserauthPkOk { algorithm: algorithm.name().as_bytes(), key })?;
        self.login.probed();
        Ok(())
    }

    /// The key would not do.
    pub fn unacceptable(&mut self, ask: Ask<Probe>) {
        if self.check_login(&ask, &[Asked::Probe]).is_ok() {
            self.login.refuse_probe(&self.config.login);
            self.arm_failure();
        }
    }

    /// The attempt succeeds: the client is logged in.
    pub fn grant(&mut self, ask: Ask<Attempt>) {
        if self.check_login(&ask, &[Asked::Plain, Asked::Password, Asked::Interactive]).is_ok() {
            self.login.grant();
        }
    }

    /// The attempt fails; what could be tried before may be tried next.
    pub fn refuse(&mut self, ask: Ask<Attempt>) {
        let methods = self.login.remaining();
        self.judge(&ask, methods, false);
    }

    /// The attempt was right, and one of `methods` is wanted besides.
    pub fn partial(&mut self, ask: Ask<Attempt>, methods: MethodSet) {
        self.judge(&ask, methods, true);
    }

    fn judge(&mut self, ask: &Ask<Attempt>, methods: MethodSet, partial: bool) {
        if self.check_login(ask, &[Asked::Plain, Asked::Password, Asked::Interactive]).is_err() {
            return;
        }
        match self.login.refuse(&self.config.login, methods, partial, false) {
            Ok(()) => self.arm_failure(),
            Err(error) => drop(self.fail(error)),
        }
    }

    /// The password was right and has expired: the client is asked for another (RFC 4252 §8).
    pub fn expire(&mut self, ask: &Ask<Attempt>, prompt: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.check_login(ask, &[Asked::Password])?;
        self.login_message(output, &UserauthPasswdChangereq { prompt, language: b"" })?;
        if let Err(error) = self.login.expire(&self.config.login) {
            self.fail(error);
        }
        Ok(())
    }

    /// Asks questions (RFC 4256 §3.2); none at all is a round as well.
    pub fn prompt(
        &mut self,
        ask: &Ask<Attempt>,
        name: &[u8],
        instruction: &[u8],
        prompts: &[Prompt<'_>],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        self.check_login(ask, &[Asked::Interactive])?;
        let count = u32::try_from(prompts.len()).map_err(|_| Refused::TooLong)?;
        let head = UserauthInfoRequest { name, instruction, language: b"", count, prompts: Rest(b"") };
        // The client may have asked for the service in the same flight: its acceptance leaves first.
        self.flush_all(output)?;
        let mut sender = Sender { transport: &mut self.transport, random: &mut self.random, output };
        sender.send_with(&head, |sink| {
            for prompt in prompts {
                sink.string(prompt.text);
                sink.u8(u8::from(prompt.echo));
            }
        })?;
        if let Err(error) = self.login.prompted(&self.config.login, count) {
            self.fail(error);
        }
        Ok(())
    }

    /// Whether this question is the open one, of one of these kinds.
    fn check_login<Q>(&self, ask: &Ask<Q>, kinds: &[Asked]) -> Result<(), Refused> {
        if self.fate.is_some() {
            return Err(Refused::Closed);
        }
        let open = self.login_ask == Some(ask.serial);
        let fits = self.login.asked().is_some_and(|asked| kinds.contains(&asked));
        if open && fits { Ok(()) } else { Err(Refused::Moot) }
    }

    fn login_message<'m>(&mut self, output: &mut Output<'_>, message: &impl Message<'m>) -> Result<(), Refused> {
        if self.fate.is_some() {
            return Err(Refused::Closed);
        }
        self.flush_all(output)?;
        // SUCCESS may just have left.
        if self.login.is_done() {
            return Err(Refused::NotYet);
        }
        Sender { transport: &mut self.transport, random: &mut self.random, output }.send(message)
    }
}
