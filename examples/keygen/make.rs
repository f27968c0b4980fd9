//! Making a key, and changing what a file says beside it: passphrase, format, comment.

use crate::arguments::Arguments;
use crate::source::wrong;
use crate::{ask, complain, keep, print, random, show, shown, source};
use sanssh_core::file::private::PrivateKey;
use sanssh_core::file::signing::KeyType;
use sanssh_core::file::{PublicKeyBuf, SigningKey};
use sanssh_std::home;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

pub(crate) fn generate(arguments: &Arguments) -> Result<u8, String> {
    let say = |text: &str| {
        if !arguments.quiet {
            print(text)
        }
    };
    let kind = arguments.key_type()?;
    say(&format!("Generating public/private {} key pair.\n", arguments.type_name()));
    let file = target(arguments)?;
    let exists = file.exists();
    if exists && !may_overwrite(&file) {
        return Ok(1);
    }
    let passphrase = keep::passphrase(arguments, "Enter passphrase (empty for no passphrase): ")?;
    let key = SigningKey::generate(kind, &mut random()?).ok_or_else(|| not_made(kind))?;
    let comment = arguments.comment.clone().map_or_else(show::who, Ok)?;
    let text = keep::text(&file, &key, comment.as_bytes(), &passphrase, arguments)?;
    if exists {
        keep::replace(&file, &text)?;
    } else {
        home::create_key(&file, &text).map_err(|error| error.to_string())?;
    }
    let public = keep::public_beside(&file, &key, &comment)?;
    say(&announcement(&file, &public, &comment, arguments));
    Ok(0)
}

fn announcement(file: &Path, key: &PublicKeyBuf, comment: &str, arguments: &Arguments) -> String {
    let (public, comment) = (home::beside(file, ".pub"), shown(comment.as_bytes()));
    format!(
        "Your identification has been saved in {}\nYour public key has been saved in {}\n\
         The key fingerprint is:\n{} {comment}\nThe key's randomart image is:\n{}\n",
        file.display(),
        public.display(),
        show::fingerprint(key, arguments.hash),
        show::picture(key, arguments.hash),
    )
}

fn not_made(kind: KeyType) -> String {
    match kind {
        KeyType::Rsa(bits) => format!("no RSA keys of {bits} bits are made, but of 2048 to 16384, an even number"),
        KeyType::Ed25519 | KeyType::EcdsaP256 | KeyType::EcdsaP384 | KeyType::EcdsaP521 => "no key was made".to_owned(),
    }
}

/// Where the key goes. The usual place is confirmed by whoever is at the terminal, and made if it is not there.
fn target(arguments: &Arguments) -> Result<PathBuf, String> {
    let usual = arguments.key_file()?;
    if arguments.file.is_some() {
        return Ok(usual);
    }
    let prompt = format!("Enter file in which to save the key ({}): ", usual.display());
    if let Some(other) = ask::line(&prompt).filter(|answer| !answer.is_empty()) {
        return Ok(other.into());
    }
    if let Some(directory) = usual.parent().filter(|directory| !directory.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| wrong(directory, error))?;
        if !arguments.quiet {
            print(&format!("Created directory '{}'.\n", directory.display()));
        }
    }
    Ok(usual)
}

/// Only a person may say so.
fn may_overwrite(file: &Path) -> bool {
    let question = format!("{} already exists.\nOverwrite (y/n)? ", file.display());
    let answer = ask::line(&question);
    if answer.is_none() {
        complain(&wrong(file, "already exists, and nobody is here to say that it may be overwritten"));
    }
    answer.is_some_and(|answer| matches!(answer.as_str(), "y" | "Y" | "yes"))
}

pub(crate) fn change_passphrase(arguments: &Arguments) -> Result<u8, String> {
    let file = arguments.key_file()?;
    let (PrivateKey { key, comment }, _) = source::private(&file, arguments, "Enter old passphrase: ")?;
    if !comment.is_empty() {
        print(&format!("Key has comment '{}'\n", shown(&comment)));
    }
    let passphrase = keep::passphrase(arguments, "Enter new passphrase (empty for no passphrase): ")?;
    keep::replace(&file, &keep::text(&file, &key, &comment, &passphrase, arguments)?)?;
    print("Your identification has been saved with the new passphrase.\n");
    Ok(0)
}

pub(crate) fn change_comment(arguments: &Arguments) -> Result<u8, String> {
    let file = arguments.key_file()?;
    let (PrivateKey { key, comment }, passphrase) = source::private(&file, arguments, "Enter passphrase: ")?;
    match comment.as_slice() {
        [] => print("No existing comment\n"),
        old => print(&format!("Old comment: {}\n", shown(old))),
    }
    let asked = || ask::line("New comment: ").ok_or_else(|| "no comment; give one by -C".to_owned());
    let new = arguments.comment.clone().map_or_else(asked, Ok)?;
    if new.as_bytes() == comment {
        print("No change to comment\n");
        return Ok(0);
    }
    let passphrase = passphrase.unwrap_or_default();
    keep::replace(&file, &keep::text(&file, &key, new.as_bytes(), &passphrase, arguments)?)?;
    keep::public_beside(&file, &key, &new)?;
    print(&format!("Comment '{}' applied\n", shown(new.as_bytes())));
    Ok(0)
}
