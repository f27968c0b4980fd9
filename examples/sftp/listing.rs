//! What `ls` and `df` show: names in columns, lines with attributes, sizes that people can read.
//! Everything comes in as the server sent it, and goes out fit for a terminal.

use crate::command::{Look, Order};
use core::cmp::Ordering;
use sanssh_std::escape;
use tz::{DateTime, TimeZone};

/// A file as a server lists it; what it did not say is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: Vec<u8>,
    /// The server's own line about it.
    pub(crate) line: Vec<u8>,
    pub(crate) size: Option<u64>,
    /// User and group.
    pub(crate) owner: Option<(u32, u32)>,
    pub(crate) permissions: Option<u32>,
    /// When it was changed, in seconds since 1970.
    pub(crate) changed: Option<u32>,
}

/// Names of users and groups, as far as the server told any.
pub(crate) trait Names {
    fn user(&self, id: u32) -> Option<&str>;
    fn group(&self, id: u32) -> Option<&str>;
    /// Whether there are any at all.
    fn are_known(&self) -> bool;
}

/// The time now, and on which clock times are shown.
#[derive(Debug)]
pub(crate) struct Clock {
    /// In seconds since 1970.
    pub(crate) now: i64,
    pub(crate) zone: TimeZone,
}

/// Half a year: what is older is shown with its year.
const RECENT: i64 = 365 * 24 * 3600 / 2;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Leaves out what is hidden, unless it is wanted, and sorts.
pub(crate) fn arrange(files: &mut Vec<Listed>, look: Look) {
    files.retain(|file| look.all || file.name.first() != Some(&b'.'));
    let by = |a: &Listed, b: &Listed| match look.order {
        Order::None => Ordering::Equal,
        // The largest and the newest come first.
        Order::Size => b.size.cmp(&a.size).then_with(|| a.name.cmp(&b.name)),
        Order::Time => b.changed.cmp(&a.changed).then_with(|| a.name.cmp(&b.name)),
        Order::Name => a.name.cmp(&b.name),
    };
    files.sort_by(by);
    if look.reverse {
        files.reverse();
    }
}

/// A listing as a text, in lines of at most `width` columns where it has columns.
pub(crate) fn listing(files: &[Listed], look: Look, names: &impl Names, clock: &Clock, width: usize) -> String {
    if look.long {
        return files.iter().map(|file| line(file, look, names, clock) + "\n").collect();
    }
    let shown: Vec<String> = files.iter().map(|file| escape(&file.name, false)).collect();
    if look.one_column {
        return shown.iter().map(|name| format!("{name}\n")).collect();
    }
    columns(&shown, width)
}

/// One file with its attributes.
fn line(file: &Listed, look: Look, names: &impl Names, clock: &Clock) -> String {
    let is_servers = !look.numeric && !look.human && !names.are_known();
    if is_servers && !file.line.is_empty() {
        return escape(&file.line, false);
    }
    let known = |name: Option<&str>| name.filter(|_| !look.numeric).map(|name| escape(name.as_bytes(), false));
    let user = file.owner.map(|(user, _)| known(names.user(user)).unwrap_or_else(|| user.to_string()));
    let group = file.owner.map(|(_, group)| known(names.group(group)).unwrap_or_else(|| group.to_string()));
    let size = file.size.map(|size| if look.human { scaled(size) } else { size.to_string() });
    let time = file.changed.map(|time| moment(time.into(), clock));
    let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
    // How many links there are the protocol does not say.
    format!(
        "{} {:>4} {:<8} {:<8} {:>8} {:>12} {}",
        mode(file.permissions),
        "?",
        or_unknown(user),
        or_unknown(group),
        or_unknown(size),
        or_unknown(time),
        escape(&file.name, false)
    )
}

/// Kind and permissions as ls(1) shows them.
fn mode(permissions: Option<u32>) -> String {
    let Some(bits) = permissions else { return "??????????".to_owned() };
    let kind = match bits & 0o170_000 {
        0o040_000 => 'd',
        0o120_000 => 'l',
        0o060_000 => 'b',
        0o020_000 => 'c',
        0o010_000 => 'p',
        0o140_000 => 's',
        0o100_000 => '-',
        _ => '?',
    };
    let mut text = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let three = bits >> shift;
        text.push(if three & 4 != 0 { 'r' } else { '-' });
        text.push(if three & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & special != 0, three & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// A time with its hour if it is of the last half year, else with its year.
fn moment(time: i64, clock: &Clock) -> String {
    let Ok(local) = DateTime::from_timespec(time, 0, clock.zone.as_ref()) else { return time.to_string() };
    let month = MONTHS.get(usize::from(local.month()).wrapping_sub(1)).copied().unwrap_or("?");
    let day = local.month_day();
    if (clock.now - RECENT..=clock.now).contains(&time) {
        format!("{month} {day:>2} {:02}:{:02}", local.hour(), local.minute())
    } else {
        format!("{month} {day:>2}  {}", local.year())
    }
}

/// A size in at most four characters and a unit, in powers of 1024.
fn scaled(size: u64) -> String {
    const UNITS: [char; 6] = ['K', 'M', 'G', 'T', 'P', 'E'];
    if size < 1024 {
        return format!("{size}B");
    }
    let mut unit = 1_u128;
    let mut letter = ' ';
    for next in UNITS {
        // What would be rounded to 1024 of a unit is one of the next.
        if (u128::from(size) * 2).div_ceil(unit) < 2047 {
            break;
        }
        (unit, letter) = (unit * 1024, next);
    }
    let tenths = (u128::from(size) * 20 / unit).div_ceil(2);
    if tenths < 1000 {
        return format!("{}.{}{letter}", tenths / 10, tenths % 10);
    }
    format!("{}{letter}", (u128::from(size) * 2 / unit).div_ceil(2))
}

/// Names below each other, in as many columns as fit.
fn columns(names: &[String], width: usize) -> String {
    let length = |name: &String| name.chars().count();
    let longest = names.iter().map(length).max().unwrap_or(0);
    let count = (width / (longest + 2)).max(1);
    let step = width / count;
    let mut text = String::new();
    for row in names.chunks(count) {
        for (at, name) in row.iter().enumerate() {
            text.push_str(name);
            if at + 1 < row.len() {
                text.extend(core::iter::repeat_n(' ', step.saturating_sub(length(name))));
            }
        }
        text.push('\n');
    }
    text
}

/// How full a file system is: what there is, is used, is free for users and for everybody, and the part used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) whole: u64,
    pub(crate) used: u64,
    pub(crate) free: u64,
    pub(crate) for_root: u64,
}

impl Room {
    /// Two lines, numbers below their names. Bytes count in units of `unit`, or as people read them.
    pub(crate) fn shown(self, first: &str, unit: u64, human: bool) -> String {
        let Self { whole, used, free, for_root } = self;
        let per = |part: u64| u128::from(part) * 100 / u128::from(whole.max(1));
        let number = |count: u64| if human { scaled(count) } else { (count / unit.max(1)).to_string() };
        let head = format!("{first:>12} {:>12} {:>12} {:>12} {:>12}\n", "Used", "Avail", "(root)", "%Capacity");
        let (whole, used_, free, root) = (number(whole), number(used), number(free), number(for_root));
        format!("{head}{whole:>12} {used_:>12} {free:>12} {root:>12} {:>11}%\n", per(used))
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Listed, Names, Room, arrange, columns, listing, mode, moment, scaled};
    use crate::command::{Look, Order};
    use tz::TimeZone;

    struct Known(bool);

    impl Names for Known {
        fn user(&self, id: u32) -> Option<&str> {
            (self.0 && id == 1).then_some("me\x1b")
        }
        fn group(&self, id: u32) -> Option<&str> {
            (self.0 && id == 2).then_some("us")
        }
        fn are_known(&self) -> bool {
            self.0
        }
    }

    const NOW: i64 = 1_700_000_000;

    fn clock() -> Clock {
        Clock { now: NOW, zone: TimeZone::utc() }
    }

    fn file(name: &str, size: u64, changed: u32) -> Listed {
        Listed {
            name: name.into(),
            line: format!("the server's \x1b {name}").into(),
            size: Some(size),
            owner: Some((1, 2)),
            permissions: Some(0o100_644),
            changed: Some(changed),
        }
    }

    fn one(file: Listed, look: Look, names: bool) -> String {
        listing(&[file], look, &Known(names), &clock(), 80)
    }

    #[test]
    fn long_lines_are_the_servers_or_made() {
        let long = Look { long: true, ..Look::default() };
        assert_eq!(one(file("a\x07", 5, 0), long, false), "the server's \\u{1b} a\\u{7}\n");
        assert_eq!(
            one(file("a\x07", 5, 1_699_990_000), long, true),
            "-rw-r--r--    ? me\\u{1b} us              5 Nov 14 19:26 a\\u{7}\n"
        );
        let numeric = Look { numeric: true, human: true, ..long };
        assert_eq!(
            one(file("a", 5000, 0), numeric, true),
            "-rw-r--r--    ? 1        2            4.9K Jan  1  1970 a\n"
        );
        let bare = Listed { name: b"a".to_vec(), ..Listed::default() };
        assert_eq!(one(bare, long, true), "??????????    ? ?        ?               ?            ? a\n");
    }

    #[test]
    fn files_are_sorted_and_hidden_ones_left_out() {
        let order = |order, all, reverse| {
            let mut files = vec![file("b", 1, 3), file("a", 2, 2), file(".c", 3, 1), file("d", 2, 3)];
            arrange(&mut files, Look { order, all, reverse, ..Look::default() });
            files.into_iter().map(|file| String::from_utf8(file.name).unwrap()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(order(Order::Name, false, false), "a b d");
        assert_eq!(order(Order::Name, true, true), "d b a .c");
        assert_eq!(order(Order::Size, true, false), ".c a d b");
        assert_eq!(order(Order::Time, false, false), "b d a");
        assert_eq!(order(Order::None, true, false), "b a .c d");
    }

    #[test]
    fn columns_fill_the_width() {
        let names = |count: usize| (0..count).map(|at| format!("name{at}")).collect::<Vec<_>>();
        assert_eq!(columns(&names(3), 20), "name0     name1\nname2\n");
        assert_eq!(columns(&names(2), 3), "name0\nname1\n");
        assert_eq!(columns(&[], 80), "");
    }

    #[test]
    fn modes_have_ten_letters() {
        for (bits, text) in [
            (0o100_644, "-rw-r--r--"),
            (0o040_755, "drwxr-xr-x"),
            (0o120_777, "lrwxrwxrwx"),
            (0o104_711, "-rws--x--x"),
            (0o102_644, "-rw-r-Sr--"),
            (0o041_777, "drwxrwxrwt"),
            (0o644, "?rw-r--r--"),
        ] {
            assert_eq!(mode(Some(bits)), text);
        }
    }

    #[test]
    fn times_are_short() {
        assert_eq!(moment(NOW - 60, &clock()), "Nov 14 22:12");
        assert_eq!(moment(NOW + 60, &clock()), "Nov 14  2023");
        assert_eq!(moment(0, &clock()), "Jan  1  1970");
    }

    #[test]
    fn sizes_are_short() {
        for (size, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.0K"),
            (4096, "4.0K"),
            (27_000_000, "25.7M"),
            (270_000_000, "257M"),
            (1 << 30, "1.0G"),
            ((1 << 20) - 1, "1.0M"),
            (1_023_000, "999K"),
            (104_000, "102K"),
            (u64::MAX, "16.0E"),
        ] {
            assert_eq!(scaled(size), text);
        }
    }

    #[test]
    fn room_is_in_percent() {
        let room = Room { whole: 4 << 30, used: 1 << 30, free: 2 << 30, for_root: 3 << 30 };
        let [head, plain] =
            <[String; 2]>::try_from(room.shown("Size", 1024, false).lines().map(str::to_owned).collect::<Vec<_>>())
                .unwrap();
        assert_eq!(head, "        Size         Used        Avail       (root)    %Capacity");
        assert_eq!(plain, "     4194304      1048576      2097152      3145728          25%");
        assert!(room.shown("Size", 1024, true).ends_with("4.0G         1.0G         2.0G         3.0G          25%\n"));
        let none = Room { whole: 0, used: 0, free: 0, for_root: 0 };
        assert!(none.shown("Inodes", 1, false).contains(" 0%"));
    }
}
