//! What the program prints at a prompt, line for line. Rewritten by `TRYCMD=overwrite`.

#[test]
fn the_program_prints_what_the_transcripts_say() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}
