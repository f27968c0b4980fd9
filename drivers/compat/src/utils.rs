//! What goes with the rest, `ssh2.utils`.
