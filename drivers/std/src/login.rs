//! Logging in, one method a call, each with one round trip: a key signs at once, without asking whether it would do.
//! A refusal is an answer, not an error, so that the next method can be tried.

use crate::end::Ssh;
use crate::state::State;
use crate::{Agent, Client, Error, Identity};
use sanssh_core::agent::SessionBind;
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::{ClientHost, MethodSet, SigningMessage};
use sanssh_core::event::Answer;
use sanssh_core::file::{PublicKeyBuf, SigningKey};
use sanssh_core::role;
use sanssh_core::wire::Reader;
use sanssh_core::{Ask, Output, Refused};
use zeroize::Zeroizing;

/// What became of an attempt to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a login may have been refused"]
pub enum Login {
    /// Logged in.
    Accepted {
        /// Whether a credential earned it. If not, the server lets anybody in, and anybody may be in its place.
        earned: bool,
    },
    /// What was given was right, and one of these methods is wanted besides.
    Partial(MethodSet),
    /// Refused; these methods can continue.
    Refused(MethodSet),
    /// The password was right and has expired: [`Client::change_password`] is wanted. What the server says about it,
    /// escaped.
    PasswordExpired(String),
}

impl Login {
    /// Whether the client is logged in.
    pub const fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted { .. })
    }

    /// Everything but success as an error.
    ///
    /// # Errors
    /// [`Error::LoginRefused`] or [`Error::PasswordExpired`].
    pub fn accepted(self) -> Result<(), Error> {
        match self {
            Self::Accepted { .. } => Ok(()),
            Self::Partial(methods) => Err(Error::LoginRefused { methods, partial: true }),
            Self::Refused(methods) => Err(Error::LoginRefused { methods, partial: false }),
            Self::PasswordExpired(text) => Err(Error::PasswordExpired(text)),
        }
    }
}

/// Questions of a keyboard-interactive login (RFC 4256). All text is the server's, escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompts<'a> {
    /// A title, often empty.
    pub name: &'a str,
    /// What to show above the questions, often empty.
    pub instruction: &'a str,
    /// The questions; there may be none.
    pub prompts: &'a [Prompt],
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What to show.
    pub text: String,
    /// Whether the answer may be seen as it is typed.
    pub echo: bool,
}

/// The server's answer to a request, as it lies on the desk.
#[derive(Debug)]
pub(crate) enum Outcome {
    Refused { methods: MethodSet, partial: bool },
    KeyAccepted,
    Prompts { name: String, instruction: String, prompts: Vec<Prompt>, ask: Ask<Answer> },
    PasswordExpired(String),
    Accepted { earned: bool },
}

impl Client {
    /// Logs in with a key, whose signature leaves at once.
    ///
    /// # Errors
    /// [`Error::NoSignature`] and [`Error::Sign`] before anything is sent; otherwise what ended the connection. So for
    /// all methods.
    pub fn login_key(&self, user: &str, key: &SigningKey) -> Result<Login, Error> {
        self.block(self.begin_login_key(user, key))
    }

    /// The same, begun. The signature is made at once.
    pub fn begin_login_key(&self, user: &str, key: &SigningKey) -> impl Future<Output = Result<Login, Error>> + use<> {
        let signed = self.algorithm(key.algorithms()).ok_or(Error::NoSignature).and_then(|algorithm| {
            let sign = |message: &[u8]| key.sign(algorithm, message).map_err(Error::Sign);
            self.signed(user, algorithm, key.public(), sign)
        });
        self.present(signed)
    }

    /// Logs in with a certificate for a key (OpenSSH PROTOCOL.certkeys), given as its blob.
    ///
    /// # Errors
    /// As [`login_key`](Self::login_key); [`Error::NoSignature`] also if it is no certificate for this key.
    pub fn login_certificate(&self, user: &str, key: &SigningKey, certificate: &[u8]) -> Result<Login, Error> {
        self.block(self.begin_login_certificate(user, key, certificate))
    }

    /// The same, begun. The signature is made at once.
    pub fn begin_login_certificate(
        &self,
        user: &str,
        key: &SigningKey,
        certificate: &[u8],
    ) -> impl Future<Output = Result<Login, Error>> + use<> {
        let algorithm = certifies(certificate, key).and_then(|()| self.best_for(certificate).ok_or(Error::NoSignature));
        self.present(algorithm.and_then(|algorithm| {
            let sign = |message: &[u8]| key.sign(algorithm.plain(), message).map_err(Error::Sign);
            self.signed(user, algorithm, certificate, sign)
        }))
    }

    /// Logs in by the word of the host that this program runs on (RFC 4252 §9), given its private key, its full name, and
    /// the user's name on it.
    ///
    /// # Errors
    /// As [`login_key`](Self::login_key).
    pub fn login_host(&self, user: &str, key: &SigningKey, host: &str, host_user: &str) -> Result<Login, Error> {
        self.block(self.begin_login_host(user, key, host, host_user))
    }

    /// The same, begun. The signature is made at once.
    pub fn begin_login_host(
        &self,
        user: &str,
        key: &SigningKey,
        host: &str,
        host_user: &str,
    ) -> impl Future<Output = Result<Login, Error>> + use<> {
        let (client, user, key_blob) = (self.clone(), user.as_bytes().to_vec(), key.public().to_vec());
        let (host, host_user) = (host.as_bytes().to_vec(), host_user.as_bytes().to_vec());
        let signed = self.algorithm(key.algorithms()).ok_or(Error::NoSignature).and_then(|algorithm| {
            let claim = ClientHost { algorithm, key: &key_blob, host: &host, user: &host_user };
            let message = self.link.with(|state| state.ssh.host_signing_message(&user, &claim))?;
            Ok((algorithm, key.sign(algorithm, message.as_bytes()).map_err(Error::Sign)?))
        });
        async move {
            let (algorithm, signature) = signed?;
            let claim = ClientHost { algorithm, key: &key_blob, host: &host, user: &host_user };
            client.ask(|ssh, output| ssh.host_based(&user, &claim, &signature, output)).await
        }
    }

    /// Logs in with a key that is elsewhere: `sign` gives the signature blob, made by `algorithm`, of what it is given.
    ///
    /// # Errors
    /// Those of `sign`, and of [`login_key`](Self::login_key).
    pub fn login_signed(
        &self,
        user: &str,
        algorithm: HostKey,
        public: &[u8],
        sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, Error>,
    ) -> Result<Login, Error> {
        self.block(self.begin_login_signed(user, algorithm, public, sign))
    }

    /// The same, begun. The signature is made at once.
    pub fn begin_login_signed<S: FnOnce(&[u8]) -> Result<Vec<u8>, Error>>(
        &self,
        user: &str,
        algorithm: HostKey,
        public: &[u8],
        sign: S,
    ) -> impl Future<Output = Result<Login, Error>> + use<S> {
        self.present(self.signed(user, algorithm, public, sign))
    }

    fn signed(
        &self,
        user: &str,
        algorithm: HostKey,
        public: &[u8],
        sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, Error>,
    ) -> Result<Signed, Error> {
        let (user, public) = (user.as_bytes().to_vec(), public.to_vec());
        let (message, host_key) = self.link.with(|state| to_sign(state, &user, algorithm, &public))?;
        let signature = sign(message.as_bytes())?;
        Ok(Signed { user, algorithm, public, host_key, signature })
    }

    fn present(&self, signed: Result<Signed, Error>) -> impl Future<Output = Result<Login, Error>> + use<> {
        let client = self.clone();
        async move {
            let Signed { user, algorithm, public, host_key, signature } = signed?;
            let asking = client.ask(|ssh, output| match &host_key {
                Some(host_key) => ssh.public_key_bound(&user, algorithm, &public, host_key, &signature, output),
                None => ssh.public_key(&user, algorithm, &public, &signature, output),
            });
            asking.await
        }
    }

    /// Logs in with the keys of an agent, in its order, until one is accepted or right in part. The server is asked
    /// about each before the agent signs, since the agent may ask a person in turn. The agent learns whose server it
    /// signs for, so that it keeps what is not for this one to itself; its connection serves for no other login then.
    ///
    /// # Errors
    /// [`Error::NoSignature`] if there is no key that the server might take; those of [`Agent::identities`]; and as
    /// [`login_key`](Self::login_key).
    pub fn login_agent(&self, user: &str, agent: &mut Agent) -> Result<Login, Error> {
        self.bind(agent)?;
        let mut last = Err(Error::NoSignature);
        for identity in agent.identities()? {
            match self.login_identity(user, agent, &identity) {
                Ok(Login::Refused(methods)) => last = Ok(Login::Refused(methods)),
                // Another key may do.
                Err(error @ (Error::NoSignature | Error::AgentRefused)) => last = last.or(Err(error)),
                outcome => return outcome,
            }
        }
        last
    }

    /// Logs in with one key of an agent, which is to be [bound](Self::bind) first.
    ///
    /// # Errors
    /// [`Error::NoSignature`] if the server does not take the key's algorithms, [`Error::AgentRefused`] if the server
    /// would take the key and the agent does not sign; and as [`login_key`](Self::login_key).
    pub fn login_identity(&self, user: &str, agent: &mut Agent, identity: &Identity) -> Result<Login, Error> {
        let algorithm = self.best_for(&identity.key).ok_or(Error::NoSignature)?;
        let outcome = self.block(self.begin_probe(user, algorithm, &identity.key))?;
        if !matches!(outcome, Outcome::KeyAccepted) {
            return Ok(outcome.into());
        }
        self.login_signed(user, algorithm, &identity.key, |message| agent.sign(&identity.key, algorithm, message))
    }

    /// Tells an agent that it is about to sign for a login to this server. Agents that know nothing of this go on as
    /// before.
    ///
    /// # Errors
    /// As [`Agent::identities`], but for a refusal.
    pub fn bind(&self, agent: &mut Agent) -> Result<(), Error> {
        let known = self.link.with(|state| state.desk.proof.clone().zip(state.ssh.session_id()));
        let ((host_key, signature), session) = known.ok_or(Error::NoSignature)?;
        let session = session.as_bytes();
        let bind = SessionBind { host_key: &host_key, session, signature: &signature, forwarding: false };
        match agent.bind(&bind) {
            Ok(()) | Err(Error::AgentRefused) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether the server would take this key from this user, without a signature.
    ///
    /// # Errors
    /// As [`login_key`](Self::login_key).
    pub fn probe_key(&self, user: &str, algorithm: HostKey, public: &[u8]) -> Result<bool, Error> {
        self.block(self.begin_probe_key(user, algorithm, public))
    }

    /// The same, begun.
    pub fn begin_probe_key(
        &self,
        user: &str,
        algorithm: HostKey,
        public: &[u8],
    ) -> impl Future<Output = Result<bool, Error>> + use<> {
        let probing = self.begin_probe(user, algorithm, public);
        async { Ok(matches!(probing.await?, Outcome::KeyAccepted)) }
    }

    fn begin_probe(
        &self,
        user: &str,
        algorithm: HostKey,
        public: &[u8],
    ) -> impl Future<Output = Result<Outcome, Error>> + use<> {
        let (client, user, public) = (self.clone(), user.as_bytes().to_vec(), public.to_vec());
        async move { client.put(|ssh, output| ssh.probe(&user, algorithm, &public, output)).await }
    }

    /// Logs in with a password.
    ///
    /// # Errors
    /// As [`login_key`](Self::login_key).
    pub fn login_password(&self, user: &str, password: &str) -> Result<Login, Error> {
        self.block(self.begin_login_password(user, password))
    }

    /// The same, begun.
    pub fn begin_login_password(
        &self,
        user: &str,
        password: &str,
    ) -> impl Future<Output = Result<Login, Error>> + use<> {
        let (client, user, password) = (self.clone(), user.as_bytes().to_vec(), secret(password));
        async move { client.ask(|ssh, output| ssh.password(&user, &password, output)).await }
    }

    /// Logs in with an expired password and its successor, after [`Login::PasswordExpired`].
    ///
    /// # Errors
    /// As [`login_key`](Self::login_key).
    pub fn change_password(&self, user: &str, old: &str, new: &str) -> Result<Login, Error> {
        self.block(self.begin_change_password(user, old, new))
    }

    /// The same, begun.
    pub fn begin_change_password(
        &self,
        user: &str,
        old: &str,
        new: &str,
    ) -> impl Future<Output = Result<Login, Error>> + use<> {
        let (client, user, old, new) = (self.clone(), user.as_bytes().to_vec(), secret(old), secret(new));
        async move { client.ask(|ssh, output| ssh.change_password(&user, &old, &new, output)).await }
    }

    /// Logs in by answering the server's questions, one answer each; fewer answers are filled up with empty ones.
    ///
    /// # Errors
    /// As [`login_key`](Self::login_key).
    pub fn login_interactive(
        &self,
        user: &str,
        answers: impl FnMut(Prompts<'_>) -> Vec<String>,
    ) -> Result<Login, Error> {
        self.block(self.begin_login_interactive(user, answers))
    }

    /// The same, begun.
    pub fn begin_login_interactive<A: FnMut(Prompts<'_>) -> Vec<String>>(
        &self,
        user: &str,
        mut answers: A,
    ) -> impl Future<Output = Result<Login, Error>> + use<A> {
        let (client, user) = (self.clone(), user.as_bytes().to_vec());
        async move {
            let mut outcome = client.put(|ssh, output| ssh.interactive(&user, output)).await?;
            while let Outcome::Prompts { name, instruction, prompts, ask } = outcome {
                let given = answers(Prompts { name: &name, instruction: &instruction, prompts: &prompts });
                client.reply(prompts.len(), given, &ask).await?;
                outcome = client.outcome().await?;
            }
            Ok(outcome.into())
        }
    }

    async fn reply(&self, count: usize, given: Vec<String>, ask: &Ask<Answer>) -> Result<(), Error> {
        let given: Vec<_> = given.into_iter().map(Zeroizing::new).collect();
        let answers: Vec<&[u8]> = (0..count).map(|at| given.get(at).map_or(&[][..], |one| one.as_bytes())).collect();
        self.link.give(|ssh, output| ssh.answer(ask, &answers, output)).await
    }

    /// Asks which methods there are, by trying to log in with nothing, which some servers accept.
    ///
    /// # Errors
    /// As [`login_key`](Self::login_key).
    pub fn methods(&self, user: &str) -> Result<Login, Error> {
        self.block(self.begin_methods(user))
    }

    /// The same, begun.
    pub fn begin_methods(&self, user: &str) -> impl Future<Output = Result<Login, Error>> + use<> {
        let (client, user) = (self.clone(), user.as_bytes().to_vec());
        async move { client.ask(|ssh, output| ssh.login_none(&user, output)).await }
    }

    /// The best algorithm for this public key or certificate, of those that we want and the server does not refuse.
    pub fn best_for(&self, key: &[u8]) -> Option<HostKey> {
        let key_type = Reader::new(key).string().unwrap_or_default();
        let wanted = self.link.with(|state| state.ssh.config().preferences.user_keys.clone());
        let algorithms: Vec<_> = wanted.into_iter().filter(|one| one.key_type().as_bytes() == key_type).collect();
        self.algorithm(&algorithms)
    }

    /// The best algorithm that the server does not refuse. What it sent so far counts; nothing is waited for.
    fn algorithm(&self, algorithms: &[HostKey]) -> Option<HostKey> {
        self.link.glance();
        self.link.with(|state| algorithms.iter().copied().find(|one| state.ssh.accepts(*one) != Some(false)))
    }

    /// Sends a request for a login and waits for what comes of it.
    async fn ask(
        &self,
        what: impl FnMut(&mut Ssh<role::Client>, &mut Output<'_>) -> Result<(), Refused>,
    ) -> Result<Login, Error> {
        Ok(self.put(what).await?.into())
    }

    /// Sends a request, once the one before has been answered that its call was dropped over. If that one was accepted
    /// after all, nothing more is asked.
    async fn put(
        &self,
        what: impl FnMut(&mut Ssh<role::Client>, &mut Output<'_>) -> Result<(), Refused>,
    ) -> Result<Outcome, Error> {
        while self.link.with(|state| state.desk.asking) {
            match self.outcome().await? {
                accepted @ Outcome::Accepted { .. } => return Ok(accepted),
                Outcome::Prompts { prompts, ask, .. } => self.reply(prompts.len(), Vec::new(), &ask).await?,
                Outcome::Refused { .. } | Outcome::KeyAccepted | Outcome::PasswordExpired(_) => {}
            }
        }
        self.link.give(what).await?;
        self.outcome().await
    }

    async fn outcome(&self) -> Result<Outcome, Error> {
        let taken = self.link.until(|state| {
            let outcome = state.desk.outcome.take();
            // Prompts want an answer, upon which there will be another outcome.
            state.desk.asking = matches!(outcome, None | Some(Outcome::Prompts { .. }));
            outcome
        });
        taken.await
    }
}

impl From<Outcome> for Login {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Refused { methods, partial: false } => Self::Refused(methods),
            Outcome::Refused { methods, partial: true } => Self::Partial(methods),
            Outcome::PasswordExpired(text) => Self::PasswordExpired(text),
            Outcome::Accepted { earned } => Self::Accepted { earned },
            // The machine lets neither answer a request that did not ask for it.
            Outcome::KeyAccepted | Outcome::Prompts { .. } => Self::Refused(MethodSet::EMPTY),
        }
    }
}

/// # Errors
/// [`Error::NoSignature`] if it is no certificate for this key.
fn certifies(certificate: &[u8], key: &SigningKey) -> Result<(), Error> {
    let parsed = PublicKeyBuf::from_blob(certificate).map_err(|_| Error::NoSignature)?;
    let certified = parsed.certificate().map_err(|_| Error::NoSignature)?.key;
    (PublicKeyBuf::new(&certified).blob() == key.public()).then_some(()).ok_or(Error::NoSignature)
}

/// A signature on its way.
struct Signed {
    user: Vec<u8>,
    algorithm: HostKey,
    public: Vec<u8>,
    /// The host key that the message names, if the server takes that.
    host_key: Option<Vec<u8>>,
    signature: Vec<u8>,
}

fn secret(text: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.as_bytes().to_vec())
}

/// What a login by key signs, and the host key that it names if the server takes that.
fn to_sign(
    state: &State<role::Client>,
    user: &[u8],
    algorithm: HostKey,
    public: &[u8],
) -> Result<(Box<SigningMessage>, Option<Vec<u8>>), Refused> {
    let named = state.desk.proof.as_ref().filter(|_| state.ssh.is_hostbound()).map(|(host_key, _)| host_key.clone());
    let message = match &named {
        Some(host_key) => state.ssh.signing_message_bound(user, algorithm, public, host_key),
        None => state.ssh.signing_message(user, algorithm, public),
    };
    Ok((Box::new(message?), named))
}
