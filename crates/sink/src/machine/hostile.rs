//! Notes in a cursor as no sink writes them: read or refused, and what is read means the same when it is written.

use candor_hostile::attack;

use super::intent::Note;

#[test]
fn hostile_notes_of_a_sink() {
    let full = r#"{"v":3,"end":9,"repair":1,"deadline_s":30,"stored_at":1790000000,"ids_from":4,"skip":{"statistics":[[1,0,1],[2,3,2]]},"sift":["marketing"]}"#;
    let seeds = [
        full.to_owned(),
        r#"{"v":2,"end":9,"repair":1,"deadline_s":30,"stored_at":1790000000}"#.to_owned(),
        r#"{"v":1,"end":9,"repair":1,"deadline_s":30}"#.to_owned(),
        Note::Begin.encode(),
        String::new(),
    ];
    let seeds: Vec<_> = seeds.iter().map(String::as_bytes).collect();
    let words = ["\"v\":4", "\"ids_from\":1,", "\"skip\":{},", "null", "[1,0,1],"];
    let (mut known, mut refused) = (0_u64, 0_u64);
    attack("sink-note", &seeds, &words, |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return };
        match Note::decode(text) {
            Ok(note) => {
                known += 1;
                assert_eq!(Note::decode(&note.encode()).ok(), Some(note));
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().contains("statistics"), "{error}");
            }
        }
    });
    assert!(known > 0 && refused > 0, "{known} known, {refused} refused");
}
