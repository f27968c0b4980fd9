//! Forwardings as ssh_config(5) and the flags `-L`, `-R`, `-D` and `-W` write them: fields between colons, in brackets where
//! they have colons of their own; a field with a slash is the path of a socket.

use super::setting::{Setting, Words, show};
use super::token::variables;
use core::fmt;

/// Most forwardings of a kind.
const MOST: usize = 1000;
/// The longest name of a host.
const LONGEST_HOST: usize = 1024;
/// The longest path that a socket's address holds.
const LONGEST_PATH: usize = 107;

/// Where somebody listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// At a port. The address may be missing, or be empty or `*` for all there are.
    Tcp(Option<String>, u16),
    /// At a socket in the file system.
    Path(String),
}

/// Where a connection leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A port of a host.
    Tcp(String, u16),
    /// A socket in the file system.
    Path(String),
    /// Wherever each connection says, by SOCKS.
    Dynamic,
}

/// A forwarding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// Where connections are taken.
    pub listen: Listen,
    /// Where they lead to.
    pub target: Target,
}

/// What the text stands behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Local,
    Remote,
    Dynamic,
}

impl Forward {
    /// Reads what follows `-L`.
    ///
    /// # Errors
    /// In a line, what it should be.
    pub fn local(text: &str) -> Result<Self, String> {
        read(text, Kind::Local)
    }

    /// Reads what follows `-R`; with no target it leads wherever the connections say.
    ///
    /// # Errors
    /// As [`local`](Self::local).
    pub fn remote(text: &str) -> Result<Self, String> {
        read(text, Kind::Remote).or_else(|error| read_dynamic(text, Kind::Remote).map_err(|_| error))
    }

    /// Reads what follows `-D`.
    ///
    /// # Errors
    /// As [`local`](Self::local).
    pub fn dynamic(text: &str) -> Result<Self, String> {
        read_dynamic(text, Kind::Dynamic)
    }
}

fn read(text: &str, kind: Kind) -> Result<Forward, String> {
    let wrong = || format!("\"{text}\" is not of the form [ADDRESS:]PORT:HOST:PORT");
    let fields = fields(text).ok_or_else(wrong)?;
    let path = |field: &Field| Some(Target::Path(field.text.clone()));
    let forward = match fields.as_slice() {
        [listen, target] if target.is_path => listener(None, listen).zip(path(target)),
        [listen, host, port] if listen.is_path || !port.is_path => listener(None, listen).zip(target(host, port)),
        [address, port, target] => listener(Some(address), port).zip(path(target)),
        [address, listen, host, port] => listener(Some(address), listen).zip(target(host, port)),
        _ => None,
    };
    forward.map(|(listen, target)| Forward { listen, target }).filter(|it| fits(it, kind)).ok_or_else(wrong)
}

fn read_dynamic(text: &str, kind: Kind) -> Result<Forward, String> {
    let wrong = || format!("\"{text}\" is not of the form [ADDRESS:]PORT");
    let fields = fields(text).ok_or_else(wrong)?;
    let listen = match fields.as_slice() {
        [listen] => listener(None, listen),
        [address, port] => listener(Some(address), port),
        _ => None,
    };
    listen.map(|listen| Forward { listen, target: Target::Dynamic }).filter(|it| fits(it, kind)).ok_or_else(wrong)
}

/// Whether it is of lawful length, with ports where ports have to be.
fn fits(forward: &Forward, kind: Kind) -> bool {
    let listens = match &forward.listen {
        Listen::Tcp(address, port) => {
            (*port != 0 || kind == Kind::Remote) && address.as_ref().is_none_or(|name| name.len() <= LONGEST_HOST)
        }
        Listen::Path(path) => path.len() <= LONGEST_PATH,
    };
    listens
        && match &forward.target {
            Target::Tcp(host, port) => *port != 0 && host.len() <= LONGEST_HOST,
            Target::Path(path) => path.len() <= LONGEST_PATH,
            Target::Dynamic => true,
        }
}

struct Field {
    text: String,
    is_path: bool,
}

impl Field {
    fn port(&self) -> Option<u16> {
        super::setting::port(&self.text)
    }
}

fn listener(address: Option<&Field>, field: &Field) -> Option<Listen> {
    if field.is_path && address.is_none() {
        return Some(Listen::Path(field.text.clone()));
    }
    field.port().map(|port| Listen::Tcp(address.map(|field| field.text.clone()), port))
}

fn target(host: &Field, port: &Field) -> Option<Target> {
    port.port().map(|port| Target::Tcp(host.text.clone(), port))
}

/// Up to four fields.
fn fields(text: &str) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if fields.len() == 4 {
            return None;
        }
        let (field, behind) = field(rest)?;
        fields.push(field);
        rest = behind;
    }
    Some(fields)
}

fn field(text: &str) -> Option<(Field, &str)> {
    if let Some(inside) = text.strip_prefix('[') {
        let (inside, behind) = inside.split_once(']')?;
        let behind = if behind.is_empty() { behind } else { behind.strip_prefix(':')? };
        return Some((Field { text: inside.to_owned(), is_path: inside.contains('/') }, behind));
    }
    let mut field = Field { text: String::new(), is_path: false };
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => field.text.push(letters.next()?.1),
            ':' => return Some((field, &text[at + 1..])),
            _ => {
                field.is_path |= letter == '/';
                field.text.push(letter);
            }
        }
    }
    Some((field, ""))
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(None, port) => port.fmt(f),
            Self::Tcp(Some(address), port) => write!(f, "[{address}]:{port}"),
            Self::Path(path) => f.write_str(path),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) => write!(f, "[{host}]:{port}"),
            Self::Path(path) => f.write_str(path),
            Self::Dynamic => f.write_str("[socks]:0"),
        }
    }
}

/// Declares lists of forwardings by kind, which add up.
macro_rules! lists {
    ($($(#[$doc:meta])* $list:ident = $read:expr, $show:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Default)]
            pub struct $list(pub Vec<Forward>);

            impl Setting for $list {
                fn read(_: &str, words: &mut Words<'_>) -> Result<Self, String> {
                    let read: fn(String, Option<String>) -> Result<Forward, String> = $read;
                    let first = variables(&words.one()?, words.env)?;
                    let second = words.next().map(|word| variables(&word, words.env)).transpose()?;
                    read(first, second).map(|forward| Self(vec![forward]))
                }

                fn add(place: &mut Option<Self>, next: Self) -> Result<(), String> {
                    add(&mut place.get_or_insert_default().0, next.0)
                }

                fn show(&self, keyword: &str, out: &mut String) {
                    let text: fn(&Forward) -> String = $show;
                    self.0.iter().for_each(|forward| show(keyword, text(forward), out));
                }
            }
        )*
    };
}

lists! {
    /// Forwardings from here to there.
    LocalForwards = |listen, target| match target {
        Some(target) => Forward::local(&format!("{listen}:{target}")),
        None => Forward::local(&listen),
    }, |forward| format!("{} {}", forward.listen, forward.target);
    /// Forwardings from there to here.
    RemoteForwards = |listen, target| match target {
        Some(target) => read(&format!("{listen}:{target}"), Kind::Remote),
        None => Forward::remote(&listen),
    }, |forward| format!("{} {}", forward.listen, forward.target);
    /// Forwardings from here to wherever each connection says.
    DynamicForwards = |listen, more| match more {
        Some(word) => Err(format!("\"{word}\" is too much")),
        None => Forward::dynamic(&listen),
    }, |forward| forward.listen.to_string();
}

fn add(forwards: &mut Vec<Forward>, next: Vec<Forward>) -> Result<(), String> {
    for forward in next {
        if !forwards.contains(&forward) {
            forwards.push(forward);
        }
    }
    if forwards.len() > MOST { Err(format!("more than {MOST} are too many")) } else { Ok(()) }
}

/// Reads what follows `-W`: where standard input and output lead to.
///
/// # Errors
/// In a line, what it should be.
pub fn stdio(text: &str) -> Result<Target, String> {
    let wrong = || format!("\"{text}\" is not of the form HOST:PORT");
    let fields = fields(text).ok_or_else(wrong)?;
    match fields.as_slice() {
        [path] if path.is_path => Some(Target::Path(path.text.clone())),
        [host, port] if !host.text.is_empty() && port.port() != Some(0) => target(host, port),
        _ => None,
    }
    .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::{Forward, Listen, Target, stdio};

    #[test]
    fn fields_stand_between_colons() {
        for (text, shown) in [
            ("1:h:2", "1 [h]:2"),
            ("a:1:h:2", "[a]:1 [h]:2"),
            ("[::1]:1:[fe80::1]:2", "[::1]:1 [fe80::1]:2"),
            (":1:h:2", "[]:1 [h]:2"),
            ("*:1:h:2", "[*]:1 [h]:2"),
            ("/a:/b", "/a /b"),
            ("1:/b", "1 /b"),
            ("/a:h:2", "/a [h]:2"),
            ("a:1:/b", "[a]:1 /b"),
            ("/a\\:b:/c", "/a:b /c"),
        ] {
            let forward = Forward::local(text).unwrap();
            assert_eq!(format!("{} {}", forward.listen, forward.target), shown, "{text}");
        }
        for text in [
            "",
            "1",
            "1:2",
            "h:1",
            "0:h:1",
            "1:h:0",
            "1:h:x",
            "x:h:1",
            "1:h:2:3:4",
            "[1:h:2",
            "[a]b:1:h:2",
            "1:h:65536",
            "h:/b",
            "1:h:2\\",
        ] {
            assert!(Forward::local(text).is_err(), "{text}");
        }
        assert_eq!(Forward::remote("0:h:1").map(|it| it.listen), Ok(Listen::Tcp(None, 0)));
        assert_eq!(Forward::remote("8080").map(|it| it.target), Ok(Target::Dynamic));
        assert_eq!(Forward::dynamic("[::1]:1080").map(|it| it.listen), Ok(Listen::Tcp(Some("::1".to_owned()), 1080)));
        assert!(
            Forward::dynamic("0").is_err() && Forward::dynamic("a:b").is_err() && Forward::dynamic("a:1:b").is_err()
        );
        assert_eq!(stdio("[::1]:22"), Ok(Target::Tcp("::1".to_owned(), 22)));
        assert!(stdio("h").is_err() && stdio("h:0").is_err() && stdio(":1").is_err());
    }
}
