//! The same as [`fileinfo`](crate::fileinfo) for the deprecated way to receive, `ssh2.statinfo`: one record, two
//! documented names.

/// What is known of a file, as `stat` has it: of [`scp_recv`](crate::session::Session::scp_recv).
pub type StatInfo = crate::fileinfo::FileInfo;
