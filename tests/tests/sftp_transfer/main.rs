//! Transfers against the server machine over files in memory: any depth, any order of answers, short reads, files that
//! change, errors at every request, cut connections; single files, and trees.

mod ahead;
mod files;
mod local;
mod machine;
mod rig;
mod trees;

use sanssh_tests::count::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting::system();
