//! The programs as their users meet them: started, fed, typed at, and killed, with OpenSSH, dropbear, git, rsync and the clients for files that there are at
//! the other end. One program of tests, because they share what they need.

mod compat;
mod forward;
mod keygen;
mod keyscan;
mod lend;
mod mio_many;
mod replay;
mod scp;
mod sftp;
mod ssh;
mod sshd;
mod sshd_files;
mod support;
mod tour;
mod way;
