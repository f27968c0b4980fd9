//! The programs as their users meet them: started, fed, typed at, and killed, with OpenSSH, dropbear, git and rsync at
//! the other end. One program of tests, because they share what they need.

mod keygen;
mod keyscan;
mod scp;
mod ssh;
mod sshd;
mod support;
mod tour;
