//! The generated contract is what the `.proto` says. The generated file is committed, so that a build
//! needs neither `protoc` nor the generator.

use std::path::Path;

/// Regenerates the contract and compares. To accept a change, run with `CANDOR_BLESS=1`.
#[test]
fn generated_code_matches_the_proto() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors =
        protox::compile([root.join("proto/candor/v1/event.proto")], [root.join("proto")])
            .expect("the contract parses");
    let out = tempfile::tempdir().unwrap();
    prost_build::Config::new()
        .out_dir(out.path())
        .compile_fds(descriptors)
        .expect("the contract generates");

    let fresh = std::fs::read_to_string(out.path().join("candor.v1.rs")).unwrap();
    let committed = root.join("src/generated/candor.v1.rs");
    if std::env::var_os("CANDOR_BLESS").is_some() {
        std::fs::write(&committed, &fresh).unwrap();
    }
    assert!(
        std::fs::read_to_string(&committed).unwrap_or_default() == fresh,
        "src/generated/candor.v1.rs is stale: run the test with CANDOR_BLESS=1"
    );
}
