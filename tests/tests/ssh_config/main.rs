//! The configuration of OpenSSH's client: read as OpenSSH reads it, which `ssh -G` tells, and bounded where it does not
//! bound itself. `cases` are written by hand, `random` by a generator with a seed.

mod cases;
mod hostile;
mod oracle;
mod random;
