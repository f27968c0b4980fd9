//! Certificates for the keys of files: what the authority is to say of them, as flags say it.

use crate::arguments::Arguments;
use crate::source::wrong;
use crate::times::Interval;
use crate::{complain, keep, random, shown, source};
use sanssh_core::crypto::certificate::Kind;
use sanssh_core::file::certificate::{Named, PERMIT_ALL, Request};
use sanssh_std::home;
use sanssh_std::ssh_config::value::number;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What the flags say of the certificates to be made.
#[derive(Debug, Default)]
pub(crate) struct Order {
    pub(crate) host: bool,
    id: Option<String>,
    names: Vec<String>,
    valid: Interval,
    serial: u64,
    /// Each certificate's serial is one more than the last one's.
    counts: bool,
    /// Nothing is allowed but what options allow.
    clear: bool,
    critical: Vec<(String, String)>,
    extensions: Vec<(String, String)>,
    /// What is not allowed although all else is.
    denied: Vec<String>,
}

impl Order {
    pub(crate) fn set(&mut self, flag: char, text: &str) -> Result<(), String> {
        match flag {
            'I' => self.id = Some(text.to_owned()),
            'n' => self.names = text.split(',').map(str::to_owned).collect(),
            'V' => self.valid = Interval::read(text)?,
            'z' => {
                self.counts = text.starts_with('+');
                self.serial = number(text.strip_prefix('+').unwrap_or(text))?;
            }
            _ => return self.option(text),
        }
        if self.names.iter().any(String::is_empty) { Err(format!("an empty name in \"{text}\"")) } else { Ok(()) }
    }

    fn option(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let named = |name: &str| (name.to_owned(), value.to_owned());
        let lower = name.to_ascii_lowercase();
        match lower.as_str() {
            "clear" => {
                self.clear = true;
                self.extensions.clear();
            }
            "force-command" | "source-address" if !value.is_empty() => {
                if self.critical.iter().any(|(other, _)| *other == lower) {
                    return Err(format!("{lower} is there already"));
                }
                self.critical.push(named(&lower));
            }
            "verify-required" => self.critical.push(named(&lower)),
            "no-touch-required" => self.extensions.push(named(&lower)),
            _ => match (name.split_once(':'), permission(&lower)) {
                (Some(("critical", name)), _) if !name.is_empty() => self.critical.push(named(name)),
                (Some(("extension", name)), _) if !name.is_empty() => self.extensions.push(named(name)),
                (_, Some((name, true))) => self.extensions.push(named(name)),
                (_, Some((name, false))) => self.denied.push(name.to_owned()),
                _ => return Err(format!("\"{text}\" is no option of certificates; see --help")),
            },
        }
        Ok(())
    }

    fn kind(&self) -> Kind {
        if self.host { Kind::Host } else { Kind::User }
    }

    /// What is allowed in the end, each once.
    fn extensions(&self) -> Vec<Named<'_>> {
        let usual = PERMIT_ALL.iter().filter(|_| !self.clear && !self.host).copied();
        let mut extensions: Vec<_> = usual.chain(pairs(&self.extensions)).collect();
        extensions.sort_unstable();
        extensions.dedup();
        extensions.retain(|(name, _)| !self.denied.iter().any(|denied| denied.as_bytes() == *name));
        extensions
    }
}

/// The extension that `permit-pty`, `no-pty` and the like are about, and whether they allow it.
fn permission(option: &str) -> Option<(&'static str, bool)> {
    let (about, allowed) = match option.strip_prefix("permit-") {
        Some(about) => (about, true),
        None => (option.strip_prefix("no-")?, false),
    };
    let names = PERMIT_ALL.iter().filter_map(|(name, _)| core::str::from_utf8(name).ok());
    let is = |name: &&str| name.strip_prefix("permit-").is_some_and(|name| name.eq_ignore_ascii_case(about));
    names.into_iter().find(is).map(|name| (name, allowed))
}

fn pairs(options: &[(String, String)]) -> impl Iterator<Item = Named<'_>> {
    options.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}

pub(crate) fn sign(arguments: &Arguments, authority: &Path) -> Result<u8, String> {
    let order = &arguments.order;
    let Some(id) = &order.id else {
        complain("a certificate needs a name for logs; give it by -I");
        return Ok(1);
    };
    let (signer, _) = source::private(authority, arguments, "Enter passphrase: ")?;
    let names: Vec<_> = order.names.iter().map(String::as_bytes).collect();
    let (critical, extensions): (Vec<_>, _) = (pairs(&order.critical).collect(), order.extensions());
    for (file, n) in arguments.subjects.iter().zip(0..) {
        let (key, comment) = source::public(file)?;
        let serial = if order.counts { order.serial.checked_add(n) } else { Some(order.serial) };
        let request = Request {
            key: &key,
            kind: order.kind(),
            serial: serial.ok_or_else(|| wrong(file, "no serials are left"))?,
            key_id: id.as_bytes(),
            principals: &names,
            valid_after: order.valid.from,
            valid_before: order.valid.to,
            critical: &critical,
            extensions: &extensions,
        };
        let made = request.sign(&signer.key, &mut random()?).map_err(|error| wrong(file, error))?;
        let place = place(file);
        keep::public(&place, &made, &String::from_utf8_lossy(&comment))?;
        if !arguments.quiet {
            let _ = writeln!(io::stderr(), "{}", announcement(&place, &request, order));
        }
    }
    if arguments.subjects.is_empty() {
        complain("no keys to certify; name their files");
    }
    Ok(u8::from(arguments.subjects.is_empty()))
}

/// Where a key's certificate goes.
fn place(file: &Path) -> PathBuf {
    let is_public = file.extension().is_some_and(|end| end == "pub");
    home::beside(&if is_public { file.with_extension("") } else { file.to_owned() }, "-cert.pub")
}

fn announcement(place: &Path, request: &Request<'_>, order: &Order) -> String {
    let kind = if order.host { "host" } else { "user" };
    let (id, names) = (shown(request.key_id), shown(order.names.join(",").as_bytes()));
    let (place, valid) = (place.display(), order.valid.shown());
    format!("Signed {kind} key {place}: id \"{id}\" serial {} for {names} valid {valid}", request.serial)
}

#[cfg(test)]
mod tests {
    use super::Order;

    fn order(options: &[&str]) -> Order {
        let mut order = Order::default();
        options.iter().for_each(|option| order.set('O', option).unwrap());
        order
    }

    #[test]
    fn options_allow_and_deny() {
        let names = |options: &[&str]| {
            let order = order(options);
            order.extensions().iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&[]).len(), 5);
        assert_eq!(names(&["clear"]), [""; 0]);
        assert_eq!(names(&["clear", "permit-pty", "permit-X11-forwarding"]), ["permit-X11-forwarding", "permit-pty"]);
        assert_eq!(names(&["no-x11-forwarding", "no-pty", "no-user-rc", "permit-port-forwarding"]).len(), 2);
        assert_eq!(names(&["clear", "extension:a@b=c", "no-touch-required"]), ["a@b", "no-touch-required"]);
    }

    #[test]
    fn mistakes_are_named() {
        for option in ["wizard", "force-command", "source-address=", "permit-all", "critical:", "no-agent", "critical"]
        {
            let error = Order::default().set('O', option).unwrap_err();
            assert!(error.contains(option), "{error}");
        }
        assert!(order(&["force-command=a"]).set('O', "force-command=b").is_err());
        assert!(Order::default().set('n', "a,,b").is_err());
        assert!(Order::default().set('z', "x").is_err());
    }
}
