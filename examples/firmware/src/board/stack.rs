//! How much memory the image takes: what is laid out by the linker, and how deep the stack ever was, by the paint that it
//! has not touched.

const PAINT: u32 = 0xa5a5_5a5a;
/// What is left unpainted below the painter's own frame.
const MARGIN: usize = 256;

unsafe extern "C" {
    static __sdata: u32;
    static __sheap: u32;
    static _stack_start: u32;
}

/// From the end of the static memory to the top of the stack.
fn free() -> core::ops::Range<usize> {
    (&raw const __sheap).addr()..(&raw const _stack_start).addr()
}

/// Paints what the stack has not used yet.
pub(super) fn paint() {
    let end = usize::try_from(cortex_m::register::msp::read()).unwrap_or(0).saturating_sub(MARGIN);
    for word in (free().start..end).step_by(4) {
        super::register::write(word, PAINT);
    }
}

/// Bytes of stack used at the most, so far.
pub fn used() -> usize {
    let mut words = free().step_by(4);
    let touched = words.find(|word| super::register::read(*word) != PAINT);
    touched.map_or(0, |word| free().end - word)
}

/// Bytes of static memory.
pub fn statics() -> usize {
    free().start - (&raw const __sdata).addr()
}
