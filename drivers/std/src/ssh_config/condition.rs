//! `Match`: criteria that all have to hold for the lines behind it to count. A command is run only if what stands before it
//! holds.

use super::error::Why;
use super::line;
use super::reader::Reader;
use super::token::{For, MOST};
use sanssh_core::file::networks_have;
use sanssh_core::file::pattern::{list_takes, list_takes_exactly};
use std::borrow::Cow;

fn wrong(what: impl Into<String>) -> Why {
    Why::Match(what.into())
}

impl Reader<'_> {
    /// Whether the criteria hold. `never`: they do not matter, so that nothing is run for them.
    pub(super) fn condition(&mut self, text: &str, never: bool) -> Result<bool, Why> {
        let mut rest = Some(text);
        let mut holds = !never;
        let mut count = 0;
        while let Some(word) = line::next(&mut rest).filter(|word| !word.is_empty()) {
            if word.starts_with('#') {
                rest = None;
                break;
            }
            let (negated, name) = word.strip_prefix('!').map_or((false, &*word), |name| (true, name));
            let name = name.to_ascii_lowercase();
            count += 1;
            if name == "all" {
                let more = line::next(&mut rest).filter(|next| !next.is_empty() && !next.starts_with('#'));
                if count > 2 || more.is_some() {
                    return Err(wrong("\"all\" stands alone, or behind \"final\" or \"canonical\""));
                }
                return Ok(holds && !negated);
            }
            let argument =
                if matches!(name.as_str(), "final" | "canonical") { None } else { Some(line::next(&mut rest)) };
            let argument = match argument {
                None => Cow::Borrowed(""),
                Some(next) => {
                    let next = next.filter(|next| !next.is_empty() && !next.starts_with('#'));
                    next.ok_or_else(|| wrong(format!("{name} has no value")))?
                }
            };
            holds &= self.criterion(&name, &argument, holds)? != negated;
        }
        // What is left is behind a quote that was not closed.
        if count == 0 || rest.is_some_and(|rest| !rest.is_empty()) {
            return Err(wrong("there are no criteria, or one that is not closed"));
        }
        Ok(holds)
    }

    fn criterion(&mut self, name: &str, list: &str, matters: bool) -> Result<bool, Why> {
        let takes = |name: &str| list_takes_exactly(list.as_bytes(), name.as_bytes());
        Ok(match name {
            "final" => {
                self.wants_final = true;
                self.is_final
            }
            "canonical" => self.is_final,
            "host" => list_takes(list.as_bytes(), self.target()?.as_bytes()),
            "originalhost" => list_takes(list.as_bytes(), self.query.host.as_bytes()),
            "user" => takes(&self.login()),
            "localuser" => takes(&self.world.user()),
            "tagged" => takes(self.found.tag.as_ref().and_then(Option::as_deref).unwrap_or_default()),
            "localnetwork" => {
                let mut all = self.world.addresses();
                all.push(core::net::Ipv4Addr::UNSPECIFIED.into());
                let has = |address| networks_have(list.as_bytes(), address);
                let found: Option<Vec<_>> = all.iter().map(|address| has(*address)).collect();
                let found = found.ok_or_else(|| wrong(format!("\"{list}\" is no list of networks")))?;
                // The last was for the form alone.
                found.iter().rev().skip(1).any(|has| *has)
            }
            "exec" => return self.command(list, matters),
            _ => return Err(wrong(format!("there is no criterion {name}"))),
        })
    }

    /// Whether a command ends well, if it matters.
    fn command(&mut self, text: &str, matters: bool) -> Result<bool, Why> {
        let to = if matters { For::Shell } else { For::Program };
        let command = self.tokens()?.expand(text, MOST, to).map_err(wrong)?;
        if matters { self.world.run(&command) } else { Ok(false) }
    }
}
