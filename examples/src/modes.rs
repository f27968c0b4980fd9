//! Terminal modes between a terminal's settings and RFC 4254 §8: one row each, read in both directions.
//! Modes that one side lacks keep the value that they have there.

use rustix::termios::{ControlModes, InputModes, LocalModes, OutputModes, SpecialCodeIndex, Termios};
use sanssh_core::channel::Mode;

/// What stands for no character in a list of modes (RFC 4254 §8).
const NO_CHARACTER: u32 = 255;

const CHARACTERS: [(Mode, SpecialCodeIndex); 14] = [
    (Mode::VINTR, SpecialCodeIndex::VINTR),
    (Mode::VQUIT, SpecialCodeIndex::VQUIT),
    (Mode::VERASE, SpecialCodeIndex::VERASE),
    (Mode::VKILL, SpecialCodeIndex::VKILL),
    (Mode::VEOF, SpecialCodeIndex::VEOF),
    (Mode::VEOL, SpecialCodeIndex::VEOL),
    (Mode::VEOL2, SpecialCodeIndex::VEOL2),
    (Mode::VSTART, SpecialCodeIndex::VSTART),
    (Mode::VSTOP, SpecialCodeIndex::VSTOP),
    (Mode::VSUSP, SpecialCodeIndex::VSUSP),
    (Mode::VREPRINT, SpecialCodeIndex::VREPRINT),
    (Mode::VWERASE, SpecialCodeIndex::VWERASE),
    (Mode::VLNEXT, SpecialCodeIndex::VLNEXT),
    (Mode::VDISCARD, SpecialCodeIndex::VDISCARD),
];

const INPUT: [(Mode, InputModes); 12] = [
    (Mode::IGNPAR, InputModes::IGNPAR),
    (Mode::PARMRK, InputModes::PARMRK),
    (Mode::INPCK, InputModes::INPCK),
    (Mode::ISTRIP, InputModes::ISTRIP),
    (Mode::INLCR, InputModes::INLCR),
    (Mode::IGNCR, InputModes::IGNCR),
    (Mode::ICRNL, InputModes::ICRNL),
    (Mode::IXON, InputModes::IXON),
    (Mode::IXANY, InputModes::IXANY),
    (Mode::IXOFF, InputModes::IXOFF),
    (Mode::IMAXBEL, InputModes::IMAXBEL),
    (Mode::IUTF8, InputModes::IUTF8),
];

const LOCAL: [(Mode, LocalModes); 11] = [
    (Mode::ISIG, LocalModes::ISIG),
    (Mode::ICANON, LocalModes::ICANON),
    (Mode::ECHO, LocalModes::ECHO),
    (Mode::ECHOE, LocalModes::ECHOE),
    (Mode::ECHOK, LocalModes::ECHOK),
    (Mode::ECHONL, LocalModes::ECHONL),
    (Mode::NOFLSH, LocalModes::NOFLSH),
    (Mode::TOSTOP, LocalModes::TOSTOP),
    (Mode::IEXTEN, LocalModes::IEXTEN),
    (Mode::ECHOCTL, LocalModes::ECHOCTL),
    (Mode::ECHOKE, LocalModes::ECHOKE),
];

const OUTPUT: [(Mode, OutputModes); 5] = [
    (Mode::OPOST, OutputModes::OPOST),
    (Mode::ONLCR, OutputModes::ONLCR),
    (Mode::OCRNL, OutputModes::OCRNL),
    (Mode::ONOCR, OutputModes::ONOCR),
    (Mode::ONLRET, OutputModes::ONLRET),
];

const CONTROL: [(Mode, ControlModes); 2] = [(Mode::PARENB, ControlModes::PARENB), (Mode::PARODD, ControlModes::PARODD)];

/// Values of one field, not bits of their own.
const SIZE: [(Mode, ControlModes); 2] = [(Mode::CS7, ControlModes::CS7), (Mode::CS8, ControlModes::CS8)];

/// A terminal's settings as a list of modes.
#[must_use]
pub fn of(terminal: &Termios) -> Vec<(Mode, u32)> {
    let speeds = [(Mode::TTY_OP_ISPEED, terminal.input_speed()), (Mode::TTY_OP_OSPEED, terminal.output_speed())];
    let character = |index| match terminal.special_codes[index] {
        0 => NO_CHARACTER,
        code => u32::from(code),
    };
    let characters = CHARACTERS.iter().map(|(mode, index)| (*mode, character(*index)));
    let input = INPUT.iter().map(|(mode, bit)| (*mode, u32::from(terminal.input_modes.contains(*bit))));
    let local = LOCAL.iter().map(|(mode, bit)| (*mode, u32::from(terminal.local_modes.contains(*bit))));
    let output = OUTPUT.iter().map(|(mode, bit)| (*mode, u32::from(terminal.output_modes.contains(*bit))));
    let control = CONTROL.iter().map(|(mode, bit)| (*mode, u32::from(terminal.control_modes.contains(*bit))));
    let bits = terminal.control_modes & ControlModes::CSIZE;
    let size = SIZE.iter().map(|(mode, value)| (*mode, u32::from(bits == *value)));
    let flags = input.chain(local).chain(output).chain(control).chain(size);
    speeds.into_iter().chain(characters).chain(flags).collect()
}

/// Gives a terminal the settings of a list.
pub fn apply(modes: impl IntoIterator<Item = (Mode, u32)>, terminal: &mut Termios) {
    for (mode, value) in modes {
        one(mode, value, terminal);
    }
}

fn one(mode: Mode, value: u32, terminal: &mut Termios) {
    if let Some(index) = find(&CHARACTERS, mode) {
        let code = if value == NO_CHARACTER { 0 } else { value };
        terminal.special_codes[index] = u8::try_from(code).unwrap_or(0);
    } else if let Some(bit) = find(&INPUT, mode) {
        terminal.input_modes.set(bit, value != 0);
    } else if let Some(bit) = find(&LOCAL, mode) {
        terminal.local_modes.set(bit, value != 0);
    } else if let Some(bit) = find(&OUTPUT, mode) {
        terminal.output_modes.set(bit, value != 0);
    } else if let Some(bit) = find(&CONTROL, mode) {
        terminal.control_modes.set(bit, value != 0);
    } else if let Some(bits) = find(&SIZE, mode).filter(|_| value != 0) {
        terminal.control_modes.remove(ControlModes::CSIZE);
        terminal.control_modes.insert(bits);
    }
    // A speed says nothing to a terminal that has none.
}

fn find<T: Copy>(table: &[(Mode, T)], mode: Mode) -> Option<T> {
    table.iter().find(|(row, _)| *row == mode).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::{apply, of};
    use rustix::termios::{InputModes, LocalModes, SpecialCodeIndex, tcgetattr};
    use sanssh_core::channel::Mode;

    #[test]
    fn modes_come_back() {
        let (terminal, _other) = pty_process::blocking::open().unwrap();
        let first = tcgetattr(&terminal).unwrap();
        let mut second = first.clone();
        second.local_modes.toggle(LocalModes::ECHO | LocalModes::ICANON);
        second.input_modes.toggle(InputModes::ICRNL | InputModes::IXON);
        second.special_codes[SpecialCodeIndex::VINTR] = 7;
        second.special_codes[SpecialCodeIndex::VQUIT] = 0;
        let mut third = first.clone();
        apply(of(&second), &mut third);
        assert_eq!(of(&third), of(&second));
        assert_ne!(of(&third), of(&first));
        assert!(of(&second).contains(&(Mode::VQUIT, 255)));
    }
}
