//! Table I, SFTP (draft-ietf-secsh-filexfer-02, OpenSSH's PROTOCOL §4): packets, handles, paths and answers that lie,
//! against either machine. What the files behind a server do with sound requests (I10, the growing file of I14) is the
//! served directory's affair, and what a transfer makes of answers (I17, and what it writes for I18) is the transfer's.

mod answers;
mod files;
mod frames;
mod growth;
mod harness;
mod pieces;
mod requests;

#[global_allocator]
static ALLOCATOR: sanssh_tests::count::Counting = sanssh_tests::count::Counting::system();
