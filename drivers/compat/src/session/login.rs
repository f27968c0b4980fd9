//! Logging in, `userauth_`: one method a call. A login after a login is through at once; one that was begun with other
//! arguments and not gone on with is given up.

use super::{Prompt, Session};
use crate::Error;
use crate::exceptions::{AuthenticationError, FileError, KeyfileAuthFailedError, PublickeyUnverifiedError};
use core::future::Future;
use sanssh_core::algorithm::HostKey;
use sanssh_core::auth::{Method, MethodSet};
use sanssh_core::file::{KeyError, PublicKeyBuf, SigningKey, private};
use sanssh_std::{Client, Error as Below, Login, Prompts};
use std::fs;
use std::path::Path;
use std::sync::PoisonError;
use zeroize::Zeroizing;

/// What a login came to.
#[derive(Debug)]
pub(crate) enum Came {
    To(Login),
    /// The server does not want the key.
    Unwanted,
    /// The server wanted the key, and not its signature.
    Unverified,
    /// Before anything was sent.
    Nothing(Error),
}

/// A private key, and what was given as the public one.
type Keys = (SigningKey, Option<Vec<u8>>);

impl Came {
    /// Logs in by a key that is elsewhere, if the server would take it.
    pub(crate) async fn of_signer(
        client: &Client,
        user: &str,
        key: &[u8],
        sign: impl FnOnce(HostKey, &[u8]) -> Result<Vec<u8>, Below>,
    ) -> Result<Self, Below> {
        let algorithm = client.best_for(key).ok_or(Below::NoSignature)?;
        if !client.begin_probe_key(user, algorithm, key).await? {
            return Ok(Self::Unwanted);
        }
        let sign = |message: &[u8]| sign(algorithm, message);
        Ok(match client.begin_login_signed(user, algorithm, key, sign).await? {
            Login::Refused(_) => Self::Unverified,
            login @ (Login::Accepted { .. } | Login::Partial(_) | Login::PasswordExpired(_)) => Self::To(login),
        })
    }
}

impl Session {
    /// Whether somebody is logged in.
    pub fn userauth_authenticated(&self) -> bool {
        self.client().is_ok_and(Client::is_logged_in)
    }

    /// The methods by which `user` may log in, as the server says when asked by `none`; those that are not known here are
    /// left out. `None` if that logs in, or somebody is logged in already.
    ///
    /// # Errors
    /// [`Error::Again`], which the documented call cannot tell from `None`; `BadUseError` before the handshake is through;
    /// or what ended the connection.
    pub fn userauth_list(&self, user: &str) -> Result<Option<Vec<&'static str>>, Error> {
        let begin = |client: &Client| {
            let begun = client.begin_methods(user);
            async { begun.await.map(Came::To) }
        };
        Ok(match self.attempt(&format!("list {user}"), begin)? {
            Some(Came::To(Login::Refused(methods) | Login::Partial(methods))) => Some(names(methods)),
            Some(Came::To(_) | Came::Unwanted | Came::Unverified | Came::Nothing(_)) | None => None,
        })
    }

    /// The methods that are wanted besides, where the last login was right and not enough; `None` where it was not.
    pub fn userauth_partial(&self) -> Option<Vec<&'static str>> {
        self.shared.partial.lock().unwrap_or_else(PoisonError::into_inner).map(names)
    }

    /// Logs in by password.
    ///
    /// # Errors
    /// `AuthenticationError` if it is refused, or right and not enough; `PasswordExpiredError`; `BadUseError` before the
    /// handshake is through. So for all ways to log in.
    pub fn userauth_password(&self, user: &str, password: &str) -> Result<(), Error> {
        self.login(&format!("password {user}"), |client| {
            let begun = client.begin_login_password(user, password);
            async { begun.await.map(Came::To) }
        })
    }

    /// Logs in by answering each of the server's requests with the password: its first question, and others with nothing.
    ///
    /// # Errors
    /// As [`userauth_password`](Self::userauth_password).
    pub fn userauth_keyboardinteractive(&self, user: &str, password: &str) -> Result<(), Error> {
        let password = Zeroizing::new(password.to_owned());
        self.userauth_keyboardinteractive_callback(user, move |_, _, _| vec![String::clone(&password)])
    }

    /// Logs in by answering the server's questions: `answers` is given a title, what to show above them, and the
    /// questions, all of it the server's and escaped, and gives one answer each. Of calls that are repeated the first's
    /// is asked.
    ///
    /// # Errors
    /// As [`userauth_password`](Self::userauth_password).
    pub fn userauth_keyboardinteractive_callback(
        &self,
        user: &str,
        mut answers: impl FnMut(&str, &str, &[Prompt]) -> Vec<String> + Send + 'static,
    ) -> Result<(), Error> {
        self.login(&format!("interactive {user}"), |client| {
            let ask = move |asked: Prompts<'_>| answers(asked.name, asked.instruction, asked.prompts);
            let begun = client.begin_login_interactive(user, ask);
            async { begun.await.map(Came::To) }
        })
    }

    /// Logs in by a private key in a file, of any format that OpenSSH or OpenSSL write, which `passphrase` opens if it is
    /// locked. The public key is in it; `publickey` names a file only to log in by a certificate there.
    ///
    /// # Errors
    /// `FileError` for files that give no key, `KeyfileAuthFailedError` for a wrong passphrase, and as
    /// [`userauth_password`](Self::userauth_password).
    pub fn userauth_publickey_fromfile(
        &self,
        user: &str,
        privatekey: impl AsRef<Path>,
        passphrase: &str,
        publickey: Option<&Path>,
    ) -> Result<(), Error> {
        let file = privatekey.as_ref();
        self.login_key(&format!("file {user} {}", file.display()), user, || from_files(file, passphrase, publickey))
    }

    /// The same with the contents of the files.
    ///
    /// # Errors
    /// As [`userauth_publickey_fromfile`](Self::userauth_publickey_fromfile).
    pub fn userauth_publickey_frommemory(
        &self,
        user: &str,
        privatekeyfiledata: &[u8],
        passphrase: &str,
        publickeyfiledata: Option<&[u8]>,
    ) -> Result<(), Error> {
        self.login_key(&format!("memory {user}"), user, || {
            let key = unlock(privatekeyfiledata, passphrase).map_err(|why| key_error("the private key", why))?;
            Ok((key, publickeyfiledata.map(public).transpose()?))
        })
    }

    /// Logs in by a key that is elsewhere: a token, another program. The server is asked first whether `pubkeydata`, a
    /// blob or a line as `.pub` files have it, will do; then `sign` is given the algorithm and the message, and gives the
    /// signature blob (RFC 4253 §6.6), or nothing. The documented call knows no such function, and logs nobody in.
    ///
    /// # Errors
    /// `PublickeyUnverifiedError` if the server does not take the signature, and as
    /// [`userauth_password`](Self::userauth_password).
    pub fn userauth_publickey(
        &self,
        user: &str,
        pubkeydata: &[u8],
        sign: impl FnOnce(HostKey, &[u8]) -> Option<Vec<u8>> + Send + 'static,
    ) -> Result<(), Error> {
        self.login(&format!("signed {user}"), |client| {
            let (client, user, blob) = (client.clone(), user.to_owned(), public(pubkeydata));
            async move {
                let blob = match blob {
                    Ok(blob) => blob,
                    Err(error) => return Ok(Came::Nothing(error)),
                };
                let sign = |algorithm, message: &[u8]| sign(algorithm, message).ok_or(Below::NoSignature);
                Came::of_signer(&client, &user, &blob, sign).await
            }
        })
    }

    /// Logs in by the word of the host that this program runs on, with its private key in a file: `hostname` is its name
    /// as the server knows it, and the user's name is the same here and there.
    ///
    /// # Errors
    /// As [`userauth_publickey_fromfile`](Self::userauth_publickey_fromfile).
    pub fn userauth_hostbased_fromfile(
        &self,
        user: &str,
        privatekey: impl AsRef<Path>,
        hostname: &str,
        publickey: Option<&Path>,
        passphrase: &str,
    ) -> Result<(), Error> {
        let file = privatekey.as_ref();
        self.login(&format!("host {user} {hostname} {}", file.display()), |client| {
            let begun = from_files(file, passphrase, publickey)
                .map(|(key, _)| client.begin_login_host(user, &key, hostname, user));
            async {
                match begun {
                    Ok(begun) => begun.await.map(Came::To),
                    Err(error) => Ok(Came::Nothing(error)),
                }
            }
        })
    }

    fn login_key(&self, call: &str, user: &str, keys: impl FnOnce() -> Result<Keys, Error>) -> Result<(), Error> {
        self.login(call, |client| {
            let (client, user, keys) = (client.clone(), user.to_owned(), keys());
            async move {
                match keys {
                    Err(error) => Ok(Came::Nothing(error)),
                    Ok((key, Some(certificate))) if certificate != key.public() => {
                        client.begin_login_certificate(&user, &key, &certificate).await.map(Came::To)
                    }
                    Ok((key, _)) => client.begin_login_key(&user, &key).await.map(Came::To),
                }
            }
        })
    }

    /// Makes a login or goes on with it, and turns what is no success into an error.
    pub(crate) fn login<F>(&self, call: &str, begin: impl FnOnce(&Client) -> F) -> Result<(), Error>
    where
        F: Future<Output = Result<Came, Below>> + Send + 'static,
    {
        let Some(came) = self.attempt(call, begin)? else { return Ok(()) };
        self.note(match came {
            Came::To(login) => login.accepted().map_err(Error::from),
            Came::Unwanted => Err(Error::new(AuthenticationError, "the server does not take this key")),
            Came::Unverified => Err(Error::new(PublickeyUnverifiedError, "the server does not take the signature")),
            Came::Nothing(error) => Err(error),
        })
    }

    /// What a login came to; `None` if there was one before.
    fn attempt<F>(&self, call: &str, begin: impl FnOnce(&Client) -> F) -> Result<Option<Came>, Error>
    where
        F: Future<Output = Result<Came, Below>> + Send + 'static,
    {
        if self.userauth_authenticated() {
            return Ok(None);
        }
        // One login at a time is all that there can be.
        self.pending().login.forget_others(call);
        let came = self.run(&self.pending().login, call, begin)?;
        let partial = if let Came::To(Login::Partial(methods)) = &came { Some(*methods) } else { None };
        *self.shared.partial.lock().unwrap_or_else(PoisonError::into_inner) = partial;
        Ok(Some(came))
    }
}

fn names(methods: MethodSet) -> Vec<&'static str> {
    methods.iter().map(Method::name).collect()
}

fn from_files(private: &Path, passphrase: &str, public_file: Option<&Path>) -> Result<Keys, Error> {
    let text = Zeroizing::new(read(private)?);
    let key = unlock(&text, passphrase).map_err(|why| key_error(&private.display().to_string(), why))?;
    Ok((key, public_file.map(|file| public(&read(file)?)).transpose()?))
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    fs::read(file).map_err(|error| Error::new(FileError, format!("{}: {error}", file.display())))
}

/// An empty passphrase is none; one that is not needed does no harm.
fn unlock(text: &[u8], passphrase: &str) -> Result<SigningKey, KeyError> {
    private::read(text, Some(passphrase.as_bytes()).filter(|secret| !secret.is_empty())).map(|read| read.key)
}

fn key_error(what: &str, why: KeyError) -> Error {
    let exception = if why == KeyError::WrongPassphrase { KeyfileAuthFailedError } else { FileError };
    Error::new(exception, format!("{what}: {why}"))
}

/// The blob of a public key or certificate, which may come as a line of text.
fn public(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let none = |_| Error::new(FileError, "that is no public key");
    let key = match PublicKeyBuf::from_text(bytes) {
        Ok((key, _)) => key,
        Err(_) => PublicKeyBuf::from_blob(bytes).map_err(none)?,
    };
    Ok(key.blob().to_vec())
}
