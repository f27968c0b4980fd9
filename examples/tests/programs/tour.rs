//! The tour as a program: it ends by itself, content, and says no to what it does not know.
//! What it checks while it runs makes its exit status.

#[test]
fn it_finds_everything_as_it_should_be() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tour")).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    for part in
        ["listening on 127.0.0.1:", "mlkem768x25519-sha256", "exit status 3", "download  ", "upload  ", "new keys"]
    {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
    assert!(shown.trim_end().ends_with("everything as it should be"), "{shown}");
}

#[test]
fn it_takes_no_arguments() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tour")).arg("--frob").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
