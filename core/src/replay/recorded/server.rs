//! What only a server may do, recorded: show its host key, judge logins.

use super::{Recorded, Recording, placed};
use crate::algorithm::HostKey;
use crate::auth::MethodSet;
use crate::channel::{ForwardId, Slot};
use crate::crypto::Provider;
use crate::event::{Ask, Attempt, ForwardRequest, HostKeyChoice, Probe, Prove, Sign};
use crate::replay::words::{all, method_words, show, yes};
use crate::role::Server;
use crate::wire::auth::Prompt;
use crate::{Output, Refused};
use alloc::format;
use alloc::string::String;

impl<P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Recorded<Server, P, T> {
    /// Shows this public key blob.
    pub fn host_key(&mut self, ask: Ask<HostKeyChoice>, public: &[u8]) {
        self.fact(|_| format!("host-key{}", all([public])), |ssh| ssh.host_key(ask, public));
    }

    /// Sends the exchange's reply.
    pub fn sign(
        &mut self,
        ask: &Ask<Sign>,
        public: &[u8],
        signature: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let words = |_: &mut _| format!("sign{}", all([public, signature]));
        self.sends(output, words, |ssh, output| ssh.sign(ask, public, signature, output))
    }

    /// Shows a text before the login.
    pub fn banner(&mut self, message: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.sends(output, |_| format!("banner{}", all([message])), |ssh, output| ssh.banner(message, output))
    }

    /// The key would do.
    pub fn acceptable(
        &mut self,
        ask: &Ask<Probe>,
        algorithm: HostKey,
        key: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let words = |_: &mut _| format!("acceptable {algorithm}{}", all([key]));
        self.sends(output, words, |ssh, output| ssh.acceptable(ask, algorithm, key, output))
    }

    /// The key would not do.
    pub fn unacceptable(&mut self, ask: Ask<Probe>) {
        self.fact(|_| "unacceptable".into(), |ssh| ssh.unacceptable(ask));
    }

    /// The attempt succeeds.
    pub fn grant(&mut self, ask: Ask<Attempt>) {
        self.fact(|_| "grant".into(), |ssh| ssh.grant(ask));
    }

    /// The attempt fails.
    pub fn refuse(&mut self, ask: Ask<Attempt>) {
        self.fact(|_| "refuse".into(), |ssh| ssh.refuse(ask));
    }

    /// The attempt was right, and one of `methods` is wanted besides.
    pub fn partial(&mut self, ask: Ask<Attempt>, methods: MethodSet) {
        self.fact(|_| format!("partial {}", method_words(methods)), |ssh| ssh.partial(ask, methods));
    }

    /// The password was right and has expired.
    pub fn expire(&mut self, ask: &Ask<Attempt>, prompt: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.sends(output, |_| format!("expire{}", all([prompt])), |ssh, output| ssh.expire(ask, prompt, output))
    }

    /// Asks questions.
    pub fn prompt(
        &mut self,
        ask: &Ask<Attempt>,
        name: &[u8],
        instruction: &[u8],
        prompts: &[Prompt<'_>],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let words = |_: &mut _| {
            let prompts = prompts.iter().map(|prompt| format!(" {} {}", show(prompt.text), yes(prompt.echo)));
            format!("prompts{}{}", all([name, instruction]), prompts.collect::<String>())
        };
        self.sends(output, words, |ssh, output| ssh.prompt(ask, name, instruction, prompts, output))
    }

    /// We listen, at this port.
    pub fn listen(&mut self, ask: Ask<ForwardRequest>, port: u16) -> Result<ForwardId, Refused> {
        let serial = ask.serial;
        let words = |it: &mut Recording| placed(&format!("listen {port}"), &mut it.forwards, serial);
        self.opens(None, words, |ssh, _| ssh.listen(ask, port), |ForwardId(id)| *id)
    }

    /// We do not listen.
    pub fn refuse_forward(&mut self, ask: Ask<ForwardRequest>) {
        let serial = ask.serial;
        let words = |it: &mut Recording| placed("refuse-forward", &mut it.forwards, serial);
        self.fact(words, |ssh| ssh.refuse_forward(ask));
    }

    /// Tells a client that is logged in which host keys there are.
    pub fn announce(&mut self, keys: &[&[u8]], output: &mut Output<'_>) -> Result<(), Refused> {
        let words = |_: &mut _| format!("announce{}", all(keys.iter().copied()));
        self.sends(output, words, |ssh, output| ssh.announce(keys, output))
    }

    /// Proves what was asked for.
    pub fn proven(&mut self, ask: &Ask<Prove>, signatures: &[&[u8]], output: &mut Output<'_>) -> Result<(), Refused> {
        let words = |_: &mut _| format!("proven{}", all(signatures.iter().copied()));
        self.sends(output, words, |ssh, output| ssh.proven(ask, signatures, output))
    }

    /// Proves nothing.
    pub fn unproven(&mut self, ask: Ask<Prove>) {
        self.fact(|_| "unproven".into(), |ssh| ssh.unproven(ask));
    }
}
