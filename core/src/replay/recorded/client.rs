//! What only a client may do, recorded: trust the host key, log in. Passwords and answers are in the recording.

use super::{Recorded, Recording};
use crate::algorithm::HostKey;
use crate::auth::ClientHost;
use crate::channel::{Forward, ForwardId, Slot};
use crate::crypto::Provider;
use crate::event::{Answer, Ask, Trust};
use crate::replay::words::{all, forward_words, show};
use crate::role::Client;
use crate::{Output, Refused};
use alloc::format;

impl<P: Provider, T: AsMut<[Slot]> + AsRef<[Slot]>> Recorded<Client, P, T> {
    /// The host key is the host's.
    pub fn trust(&mut self, ask: Ask<Trust>) {
        self.fact(|_| "trust".into(), |ssh| ssh.trust(ask));
    }

    /// The host key is not the host's.
    pub fn distrust(&mut self, ask: Ask<Trust>) {
        self.fact(|_| "distrust".into(), |ssh| ssh.distrust(ask));
    }

    /// Asks which methods there are.
    pub fn login_none(&mut self, user: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.sends(output, |_| format!("none{}", all([user])), |ssh, output| ssh.login_none(user, output))
    }

    /// Logs in by password.
    pub fn password(&mut self, user: &[u8], password: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        let words = |_: &mut _| format!("password{}", all([user, password]));
        self.sends(output, words, |ssh, output| ssh.password(user, password, output))
    }

    /// Logs in by an expired password and its successor.
    pub fn change_password(
        &mut self,
        user: &[u8],
        old: &[u8],
        new: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let words = |_: &mut _| format!("change-password{}", all([user, old, new]));
        self.sends(output, words, |ssh, output| ssh.change_password(user, old, new, output))
    }

    /// Asks whether a key would do.
    pub fn probe(
        &mut self,
        user: &[u8],
        algorithm: HostKey,
        key: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let words = |_: &mut _| format!("probe {} {algorithm} {}", show(user), show(key));
        self.sends(output, words, |ssh, output| ssh.probe(user, algorithm, key, output))
    }

    /// Logs in by a key.
    pub fn public_key(
        &mut self,
        user: &[u8],
        algorithm: HostKey,
        key: &[u8],
        signature: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let words = |_: &mut _| format!("public-key {} {algorithm}{}", show(user), all([key, signature]));
        self.sends(output, words, |ssh, output| ssh.public_key(user, algorithm, key, signature, output))
    }

    /// Logs in by a key at this very host.
    pub fn public_key_bound(
        &mut self,
        user: &[u8],
        algorithm: HostKey,
        key: &[u8],
        host_key: &[u8],
        signature: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let words =
            |_: &mut _| format!("public-key-bound {} {algorithm}{}", show(user), all([key, host_key, signature]));
        self.sends(output, words, |ssh, output| ssh.public_key_bound(user, algorithm, key, host_key, signature, output))
    }

    /// Logs in by the word of the host that the client runs on.
    pub fn host_based(
        &mut self,
        user: &[u8],
        host: &ClientHost<'_>,
        signature: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Refused> {
        let ClientHost { algorithm, key, host: name, user: host_user } = *host;
        let words =
            |_: &mut _| format!("host-based {} {algorithm}{}", show(user), all([key, name, host_user, signature]));
        self.sends(output, words, |ssh, output| ssh.host_based(user, host, signature, output))
    }

    /// Asks to be asked.
    pub fn interactive(&mut self, user: &[u8], output: &mut Output<'_>) -> Result<(), Refused> {
        self.sends(output, |_| format!("interactive{}", all([user])), |ssh, output| ssh.interactive(user, output))
    }

    /// Answers prompts, one answer each.
    pub fn answer(&mut self, ask: &Ask<Answer>, answers: &[&[u8]], output: &mut Output<'_>) -> Result<(), Refused> {
        let words = |_: &mut _| format!("answer{}", all(answers.iter().copied()));
        self.sends(output, words, |ssh, output| ssh.answer(ask, answers, output))
    }

    /// Asks the server to listen for us.
    pub fn forward(&mut self, what: Forward<'_>, output: &mut Output<'_>) -> Result<ForwardId, Refused> {
        let words = |_: &mut _| format!("forward {}", forward_words(&what));
        self.opens(Some(output), words, |ssh, output| ssh.forward(what, output), |ForwardId(id)| *id)
    }

    /// Tells the server to listen no more.
    pub fn cancel(&mut self, id: ForwardId, what: Forward<'_>, output: &mut Output<'_>) -> Result<(), Refused> {
        let words = |it: &mut Recording| format!("cancel {} {}", it.channel(id.0), forward_words(&what));
        self.sends(output, words, |ssh, output| ssh.cancel(id, what, output))
    }

    /// Promises that no more sessions will be opened.
    pub fn forgo_sessions(&mut self, output: &mut Output<'_>) -> Result<(), Refused> {
        self.sends(output, |_| "forgo-sessions".into(), |ssh, output| ssh.forgo_sessions(output))
    }

    /// Asks the server to prove that it holds these keys.
    pub fn prove(&mut self, keys: &[&[u8]], output: &mut Output<'_>) -> Result<(), Refused> {
        self.sends(output, |_| format!("prove{}", all(keys.iter().copied())), |ssh, output| ssh.prove(keys, output))
    }
}
