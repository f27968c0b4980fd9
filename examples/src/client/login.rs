//! Logging in: the methods that the user prefers, the server allows and there is something to offer for, in turn.
//! A person is asked on their terminal, never in batch mode, and nothing they type is shown or logged.

use super::offer::{Offer, offers};
use super::options::methods;
use super::report::Reporter;
use crate::terminal::secret;
use sanssh_core::auth::{Method, MethodSet};
use sanssh_std::ssh_config::{HostConfig, Local, PublicKey};
use sanssh_std::{Agent, Client, Error, Login, Plan, Prompts, Unlock};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

/// A login under way.
struct Attempts<'a> {
    client: &'a Client,
    config: &'a HostConfig,
    reporter: Reporter,
    user: &'a str,
    host: &'a str,
    /// In this order.
    preferred: Vec<Method>,
    plan: Plan,
    /// Times that each of the two may still ask.
    passwords: u32,
    interactives: u32,
    /// Why something was not offered, for the error at the end.
    notes: Vec<String>,
}

/// Logs in.
///
/// # Errors
/// In one line: which methods there were, and why keys were left out.
pub(super) fn run(client: &Client, config: &HostConfig, reporter: Reporter) -> Result<(), String> {
    let prompts = config.settings.number_of_password_prompts;
    let agent = connect(client, config, reporter);
    let mut attempts = Attempts {
        client,
        config,
        reporter,
        user: &config.settings.user,
        host: &config.host,
        preferred: methods(config)?,
        plan: plan(agent, config, reporter)?,
        passwords: prompts,
        interactives: prompts,
        notes: Vec::new(),
    };
    let outcome = attempts.all().map_err(|error| error.to_string());
    attempts.plan.end();
    attempts.banners();
    match outcome? {
        None => Ok(()),
        Some(methods) => Err(attempts.denied(methods)),
    }
}

/// The user's agent, told whom it is about to sign for.
fn connect(client: &Client, config: &HostConfig, reporter: Reporter) -> Option<Agent> {
    let path = config.agent(&Local).filter(|_| config.settings.pubkey_authentication != PublicKey::No)?;
    let agent = Agent::connect(&path).and_then(|mut agent| client.bind(&mut agent).map(|()| agent));
    agent.inspect_err(|error| reporter.detail(format_args!("there is no agent: {error}"))).ok()
}

/// The keys that there are, in the order in which they are offered.
fn plan(mut agent: Option<Agent>, config: &HostConfig, reporter: Reporter) -> Result<Plan, String> {
    let offers = offers(config, agent.as_mut(), reporter)?;
    let mut plan = Plan::new(agent);
    for offer in offers {
        match offer {
            Offer::File(file) => plan.file(&file),
            Offer::Held(identity) => plan.held(identity),
        }
    }
    Ok(plan)
}

impl Attempts<'_> {
    /// `None` if logged in, else the methods that could have continued.
    fn all(&mut self) -> Result<Option<MethodSet>, Error> {
        let mut allowed = None;
        loop {
            self.banners();
            let may = |method: &Method| allowed.is_none_or(|allowed: MethodSet| allowed.contains(*method));
            let next = self.preferred.iter().copied().find(|method| may(method) && self.has(*method));
            let outcome = match (next, allowed) {
                (Some(Method::PublicKey), _) => self.key()?,
                // Nobody is asked for anything before the server wants it.
                (_, None) => Some(self.client.methods(self.user)?),
                (Some(Method::Interactive), _) => self.interactive()?,
                (Some(Method::Password), _) => self.password()?,
                (Some(Method::None | Method::HostBased) | None, Some(allowed)) => return Ok(Some(allowed)),
            };
            match outcome {
                Some(Login::Accepted { .. }) => return Ok(None),
                Some(Login::Refused(methods) | Login::Partial(methods)) => allowed = Some(methods),
                Some(Login::PasswordExpired(_)) | None => {}
            }
        }
    }

    /// Whether there is something to offer by this method.
    fn has(&self, method: Method) -> bool {
        let settings = &self.config.settings;
        let asks = !settings.batch_mode;
        match method {
            Method::PublicKey => settings.pubkey_authentication != PublicKey::No && self.plan.goes_on(),
            Method::Password => settings.password_authentication && asks && self.passwords > 0,
            Method::Interactive => settings.kbd_interactive_authentication && asks && self.interactives > 0,
            Method::None | Method::HostBased => false,
        }
    }

    /// Offers the next key. `None` if there is none left to offer.
    fn key(&mut self) -> Result<Option<Login>, Error> {
        let before: Vec<_> = self.plan.entries().iter().map(|entry| entry.outcome.clone()).collect();
        let reporter = self.reporter;
        let mut unlock = |file: &Path, wrong: Option<&Error>| {
            if let Some(error) = wrong {
                reporter.warn(error);
            }
            let asked = secret(&format!("Passphrase for {}: ", file.display()));
            asked.ok().filter(|passphrase| !passphrase.is_empty())
        };
        let unlock: Option<Unlock<'_>> = if self.config.settings.batch_mode { None } else { Some(&mut unlock) };
        let login = self.client.login_next(self.user, &mut self.plan, unlock);
        for (entry, _) in self.plan.entries().iter().zip(before).filter(|(entry, before)| entry.outcome != *before) {
            reporter.detail(format_args!("the key {entry}"));
        }
        login
    }

    fn password(&mut self) -> Result<Option<Login>, Error> {
        self.passwords -= 1;
        let password = match secret(&format!("{}@{}'s password: ", self.user, self.host)) {
            Ok(password) => password,
            Err(error) => {
                self.passwords = 0;
                self.note(format!("there is nobody to ask for a password: {error}"));
                return Ok(None);
            }
        };
        let outcome = self.client.login_password(self.user, &password)?;
        if let Login::PasswordExpired(text) = &outcome {
            return self.renew(&password, text).map(Some);
        }
        Ok(Some(outcome))
    }

    /// The password was right, and has to be changed.
    fn renew(&self, old: &str, text: &str) -> Result<Login, Error> {
        self.reporter.warn(text.trim_end());
        loop {
            let new = secret("New password: ")?;
            if *new == *secret("The same again: ")? {
                return self.client.change_password(self.user, old, &new);
            }
            self.reporter.warn("these differ");
        }
    }

    fn interactive(&mut self) -> Result<Option<Login>, Error> {
        self.interactives -= 1;
        let mut failed = None;
        // Before the server's words, so that they cannot pass for this program's, which ask for passphrases.
        let from = format!("({}@{}) ", self.user, self.host);
        let login = self.client.login_interactive(self.user, |prompts| match answers(&from, &prompts) {
            Ok(answers) => answers,
            Err(error) => {
                failed = Some(error);
                Vec::new()
            }
        })?;
        if let Some(error) = failed {
            self.interactives = 0;
            self.note(format!("there is nobody to ask what the server asks: {error}"));
        }
        Ok(Some(login))
    }

    /// Shows what the server wants to be read before a login.
    fn banners(&self) {
        for text in self.client.banners() {
            self.reporter.banner(&text);
        }
    }

    fn note(&mut self, text: String) {
        self.reporter.detail(&text);
        self.notes.push(text);
    }

    fn denied(&self, methods: MethodSet) -> String {
        let names: Vec<_> = methods.iter().map(Method::name).collect();
        let mut text = format!("{}@{}: permission denied ({})", self.user, self.host, names.join(","));
        let keys = self.plan.entries().iter().map(ToString::to_string);
        for note in keys.chain(self.notes.iter().cloned()) {
            text.push_str("; ");
            text.push_str(&note);
        }
        text
    }
}

/// Asks the server's questions on the terminal.
fn answers(from: &str, prompts: &Prompts<'_>) -> io::Result<Vec<String>> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
    for text in [prompts.name, prompts.instruction].into_iter().filter(|text| !text.is_empty()) {
        for line in text.trim_end().lines() {
            writeln!(terminal, "{from}{line}")?;
        }
    }
    let ask = |prompt: &sanssh_std::Prompt| {
        if !prompt.echo {
            return secret(&format!("{from}{}", prompt.text)).map(|answer| answer.to_string());
        }
        write!(terminal, "{from}{}", prompt.text)?;
        let mut line = String::new();
        BufReader::new(&terminal).read_line(&mut line)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    };
    prompts.prompts.iter().map(ask).collect()
}
