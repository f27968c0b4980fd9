//! Tokens (ssh_config(5), "TOKENS"): `%h` and its like, and `${NAME}` for what the environment says. What the outside chose
//! never reaches a shell if the shell could take it for more than a word.

use sha1::{Digest, Sha1};

/// Letters that most keywords take.
pub(super) const MOST: &str = "CLdhiklnpru";
/// Letters of the commands that lead to a host.
pub(super) const PROXY: &str = "hnpr";
/// Letters of `Hostname`.
pub(super) const HOSTNAME: &str = "h";

/// What tokens stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    /// `%d`: the user's home here.
    pub home: String,
    /// `%h`: the host.
    pub host: String,
    /// `%i`: the user's number here.
    pub uid: String,
    /// `%k`: what the host's key is known by.
    pub alias: String,
    /// `%l`, and to its first dot `%L`: this host.
    pub here: String,
    /// `%n`: the host as it was named at first.
    pub original: String,
    /// `%p`: the port.
    pub port: String,
    /// `%r`: the user there.
    pub user: String,
    /// `%u`: the user here.
    pub local_user: String,
}

/// Where an expanded text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// A program, as one string.
    Program,
    /// A shell, which reads words and more out of it.
    Shell,
}

impl Tokens {
    fn of(&self, letter: char) -> Option<String> {
        Some(match letter {
            'C' => self.hash(),
            'L' => self.here.split('.').next().unwrap_or_default().to_owned(),
            'd' => self.home.clone(),
            'h' => self.host.clone(),
            'i' => self.uid.clone(),
            'k' => self.alias.clone(),
            'l' => self.here.clone(),
            'n' => self.original.clone(),
            'p' => self.port.clone(),
            'r' => self.user.clone(),
            'u' => self.local_user.clone(),
            _ => return None,
        })
    }

    /// What names the connection in few letters.
    fn hash(&self) -> String {
        let Self { here, host, port, user, .. } = self;
        let digest = Sha1::digest([here.as_str(), host, port, user].concat());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Puts what they stand for in the place of tokens that are among `letters`.
    pub(super) fn expand(&self, text: &str, letters: &str, to: For) -> Result<String, String> {
        let mut plain = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('%') {
            plain.push_str(before);
            let letter = behind.chars().next().ok_or_else(|| format!("\"{text}\" ends in %"))?;
            rest = &behind[letter.len_utf8()..];
            let known = || self.of(letter).filter(|_| letters.contains(letter));
            match letter {
                '%' => plain.push('%'),
                _ => {
                    let value = known().ok_or_else(|| format!("%{letter} means nothing here"))?;
                    if to == For::Shell && !is_word(&value) {
                        return Err(format!("%{letter} is \"{value}\", which a shell could misread"));
                    }
                    plain.push_str(&value);
                }
            }
        }
        plain.push_str(rest);
        Ok(plain)
    }
}

/// Whether every shell takes this for a word and nothing else, and every program for no option.
pub(super) fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@%+=:,./_-".contains(&byte);
    // Some shells put a program's path in the place of `=name`, and some programs take `+` for an option.
    !text.is_empty() && !text.starts_with(['-', '=', '+']) && text.bytes().all(is_plain)
}

/// Whether a host may be named so by whoever calls the program.
pub(super) fn is_host(name: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "'`\"$\\;&<>|(){}".contains(c);
    !name.is_empty() && !name.starts_with('-') && !name.contains(odd)
}

/// Whether a user may be named so by whoever calls the program.
pub(super) fn is_user(name: &str) -> bool {
    let odd = |c: char| c.is_control() || "'`\";&<>|(){}".contains(c);
    let splits = name.chars().zip(name.chars().skip(1)).any(|(one, next)| one.is_whitespace() && next == '-');
    !name.is_empty() && !name.starts_with('-') && !name.ends_with('\\') && !splits && !name.contains(odd)
}

/// Puts what the environment says in the place of `${NAME}`.
pub(super) fn variables(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        let (name, tail) = behind.split_once('}').ok_or_else(|| format!("\"{text}\" has a ${{ without its }}"))?;
        let value = env(name).filter(|_| is_name(name));
        plain.push_str(before);
        plain.push_str(&value.ok_or_else(|| format!("there is no variable \"{name}\""))?);
        rest = tail;
    }
    plain.push_str(rest);
    Ok(plain)
}

/// Whether a variable can be called so.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::{For, MOST, Tokens, is_host, is_user, is_word, variables};

    fn tokens() -> Tokens {
        let own = str::to_owned;
        Tokens {
            home: own("/home/me"),
            host: own("host.x"),
            uid: own("7"),
            alias: own("alias"),
            here: own("here.y"),
            original: own("name"),
            port: own("22"),
            user: own("you"),
            local_user: own("me"),
        }
    }

    #[test]
    fn tokens_stand_for_values() {
        let expand = |text: &str| tokens().expand(text, MOST, For::Shell);
        assert_eq!(
            expand("%d %h %i %k %L %l %n %p %r %u %%h").as_deref(),
            Ok("/home/me host.x 7 alias here here.y name 22 you me %h")
        );
        // printf here.yhost.x22you | sha1sum
        assert_eq!(expand("%C").as_deref(), Ok("3eda31bea9ab854091c834daf279eba5e8e15da1"));
        assert!(expand("%x").is_err() && expand("100%").is_err());
        assert!(tokens().expand("%u", "h", For::Shell).is_err());
    }

    /// Whatever the name, and whatever chose it, a shell gets words or nothing.
    #[test]
    fn l08_no_shell_gets_what_it_could_misread() {
        for name in [
            "a;b",
            "a b",
            "$(id)",
            "`id`",
            "a|b",
            "a&b",
            "a>b",
            "a'b",
            "a\"b",
            "a\\b",
            "a\nb",
            "a\0b",
            "-oProxyCommand=x",
            "",
            "a*",
            "a?",
            "[a]",
            "~a",
            "=ls",
            "+x",
            "#a",
            "!a",
            "{a,b}",
            "a\u{7f}",
            "a\u{a0}b",
            "\u{1b}[m",
        ] {
            assert!(!is_word(name), "{name:?}");
            for letter in ['h', 'r', 'n', 'k', 'u', 'l', 'd'] {
                let own = || name.to_owned();
                let mut tokens = tokens();
                match letter {
                    'h' => tokens.host = own(),
                    'r' => tokens.user = own(),
                    'n' => tokens.original = own(),
                    'k' => tokens.alias = own(),
                    'u' => tokens.local_user = own(),
                    'l' => tokens.here = own(),
                    _ => tokens.home = own(),
                }
                let text = format!("nc %{letter} %p");
                assert!(tokens.expand(&text, MOST, For::Shell).is_err(), "{letter} {name:?}");
                assert!(tokens.expand("nc %p %i", MOST, For::Shell).is_ok());
                assert!(tokens.expand(&text, MOST, For::Program).is_ok());
            }
        }
        for name in ["host", "a.b-c_d", "fe80::1%eth0", "me@work", "/home/me", "10.0.0.1"] {
            assert!(is_word(name), "{name}");
        }
    }

    #[test]
    fn l08_names_that_are_given_are_refused_as_openssh_refuses_them() {
        for name in ["", "-h", "a b", "a\nb", "a\0b", "a;b", "$(id)", "a`b", "a\\b", "a|b", "a\u{1b}b"] {
            assert!(!is_host(name), "{name:?}");
        }
        for name in ["", "-u", "a\nb", "a\0b", "a;b", "(id)", "a`b", "a\\", "a -b", "a|b"] {
            assert!(!is_user(name), "{name:?}");
        }
        assert!(is_host("fe80::1%eth0") && is_user("DOMAIN\\me") && is_user("me@work") && is_user("a b"));
    }

    #[test]
    fn variables_must_be_there() {
        let env = |name: &str| (name == "HERE").then(|| "x%h".to_owned());
        assert_eq!(variables("a${HERE}b$HERE", &env).as_deref(), Ok("ax%hb$HERE"));
        for text in ["${GONE}", "${HERE", "${}", "${A B}"] {
            assert!(variables(text, &env).is_err(), "{text}");
        }
    }
}
