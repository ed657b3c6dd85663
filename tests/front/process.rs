//! What the process denies itself.

use candor_tests::Candor;

#[test]
fn no_core_is_dumped() {
    let candor = Candor::demo();
    let pid = candor.pid().as_raw_nonzero();
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let fields: Vec<_> = core.split_ascii_whitespace().collect();
    assert_eq!(fields[4..6], ["0", "0"], "{core}");
    let told = ["core dumps cannot be turned off", "can read the memory"];
    assert!(told.iter().all(|told| !candor.log().contains(told)), "nothing was refused");
}
