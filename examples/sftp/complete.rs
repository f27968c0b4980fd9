//! What the word before the cursor could become: a command, a file here, or one on the server, by the command's row.
//! Names that a terminal cannot show as they are, are left out, because what is typed has to be what is meant.

use crate::command::{self, Side, TABLE};
use crate::line::{quoted, words};
use sanssh_std::escape;
use sanssh_std::glob;

/// Files to complete from.
pub(crate) trait Folder {
    /// Names in a directory, and whether each is a directory itself. An empty path is where one is.
    fn entries(&mut self, directory: &[u8]) -> Vec<(Vec<u8>, bool)>;
}

/// What a word could become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// How it is listed.
    pub(crate) shown: String,
    /// What takes the word's place.
    pub(crate) text: String,
}

/// Where the word begins, and what it could become, in order.
pub(crate) fn complete(line: &str, here: &mut dyn Folder, there: &mut dyn Folder) -> (usize, Vec<Candidate>) {
    let taken = words(line.as_bytes());
    let (quote, ended) = (taken.open, taken.ended);
    let mut list = taken.words;
    let (start, word) = match list.pop_if(|_| !ended) {
        Some(last) => (last.start, last.word),
        None => (line.len(), crate::line::Word::default()),
    };
    let Some((first, rest)) = list.split_first() else { return (start, commands(&word.0)) };
    let is_flag = |word: &[u8]| word.len() > 1 && word.starts_with(b"-");
    let position = rest.iter().skip_while(|one| is_flag(&one.word.0)).count();
    let side = command::find(&first.word.plain()).and_then(|row| row.sides.get(position)).copied();
    if glob::is_pattern(&word.0) {
        return (start, Vec::new());
    }
    let candidates = match side {
        Some(Side::Here) => files(&word.plain(), quote, here),
        Some(Side::There) => files(&word.plain(), quote, there),
        Some(Side::None) | None => Vec::new(),
    };
    (start, candidates)
}

fn commands(begun: &[u8]) -> Vec<Candidate> {
    let names = TABLE.iter().flat_map(|row| row.names).copied();
    let fits = |name: &&str| name.as_bytes().get(..begun.len()).is_some_and(|head| head.eq_ignore_ascii_case(begun));
    let mut names: Vec<_> = names.filter(|name| name.len() > 1).filter(fits).collect();
    names.sort_unstable();
    names.into_iter().map(|name| Candidate { shown: name.to_owned(), text: format!("{name} ") }).collect()
}

fn files(begun: &[u8], quote: Option<u8>, folder: &mut dyn Folder) -> Vec<Candidate> {
    let split = begun.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    let (directory, head) = begun.split_at(split);
    let Some(parent) = as_typed(directory) else { return Vec::new() };
    let mut entries = folder.entries(directory);
    entries.retain(|(name, _)| {
        let is_itself = matches!(&name[..], b"." | b"..");
        name.starts_with(head) && !is_itself && (!name.starts_with(b".") || !head.is_empty())
    });
    entries.sort();
    let candidate = |(name, is_directory): &(Vec<u8>, bool)| {
        let name = as_typed(name)?;
        let mut text = quoted(&format!("{parent}{name}"), quote);
        if *is_directory {
            text.push('/');
        } else {
            text.extend(quote.map(char::from));
            text.push(' ');
        }
        Some(Candidate { shown: if *is_directory { format!("{name}/") } else { name.to_owned() }, text })
    };
    entries.iter().filter_map(candidate).collect()
}

/// A name, if a terminal shows it as it is.
fn as_typed(name: &[u8]) -> Option<&str> {
    str::from_utf8(name).ok().filter(|text| escape(name, false) == *text)
}

#[cfg(test)]
mod tests {
    use super::{Folder, complete};

    struct Fixed(&'static [(&'static str, bool)]);

    impl Folder for Fixed {
        fn entries(&mut self, directory: &[u8]) -> Vec<(Vec<u8>, bool)> {
            let all = self.0.iter().filter(|_| directory.is_empty() || directory == b"some dir/");
            all.map(|(name, is_directory)| (name.as_bytes().to_vec(), *is_directory)).collect()
        }
    }

    fn texts(line: &str) -> (usize, Vec<String>) {
        let mut here = Fixed(&[("local", false)]);
        let mut there = Fixed(&[
            ("zeta", false),
            ("some dir", true),
            (".hidden", false),
            (".", true),
            ("it's", false),
            ("bad\x1b[2J", false),
            ("st*r", false),
        ]);
        let (start, candidates) = complete(line, &mut here, &mut there);
        (start, candidates.into_iter().map(|one| one.text).collect())
    }

    #[test]
    fn the_first_word_is_a_command() {
        assert_eq!(texts("ren"), (0, vec!["rename ".to_owned()]));
        assert_eq!(texts("  LM").1, ["lmkdir "]);
        assert!(texts("").1.len() > 20);
        assert_eq!(texts("frob x"), (5, vec![]));
    }

    #[test]
    fn words_name_files_on_their_side() {
        assert_eq!(texts("get z"), (4, vec!["zeta ".to_owned()]));
        assert_eq!(texts("get -a zeta l"), (12, vec!["local ".to_owned()]));
        assert_eq!(texts("put l"), (4, vec!["local ".to_owned()]));
        assert_eq!(texts("chmod 600 z"), (10, vec!["zeta ".to_owned()]));
        assert_eq!(texts("chmod z").1, [""; 0]);
        assert_eq!(texts("pwd z").1, [""; 0]);
    }

    #[test]
    fn names_are_quoted_as_they_have_to_be() {
        assert_eq!(texts("rm "), (3, ["it\\'s ", "some\\ dir/", "st\\*r ", "zeta "].map(str::to_owned).to_vec()));
        assert_eq!(texts("rm \"s").1, ["\"some dir/", "\"st\\*r\" "]);
        assert_eq!(texts("rm \"some dir/z").1, ["\"some dir/zeta\" "]);
        assert_eq!(texts("rm some\\ dir/i").1, ["some\\ dir/it\\'s "]);
        assert_eq!(texts("rm .").1, [".hidden "]);
        assert_eq!(texts("rm z*").1, [""; 0]);
    }
}
