//! An address cannot be printed, cloned or serialised: the compiler refuses.

#[test]
fn an_address_cannot_leave() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
