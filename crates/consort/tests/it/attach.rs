//! Attachments: what is seen of them, and what cannot be attached.
use super::support::{Place, Run, run};
use insta::assert_snapshot;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0";
const MP3: &[u8] = b"ID3\x03\0\0\0\0\0\0\xff\xfb\x90\x64";

fn seen(run: &Run) -> String {
    run.stdout
        .lines()
        .find(|line| line.starts_with("You attached"))
        .unwrap_or_else(|| panic!("{run}"))
        .to_owned()
}

#[test]
fn the_type_is_found_by_content() {
    let place = Place::new();
    place.file("cat.jpg", PNG);
    place.file("song", MP3);
    place.file("notes.txt", "hello\n");
    let run = place.run(&["-m", "demo", "-a", "cat.jpg", "-a", "song", "-a", "notes.txt", "what is this"]);
    assert_snapshot!(seen(&run), @"You attached 3 files: cat.jpg (image/png, 640 x 480 pixels, 24 bytes); song (audio/mpeg, 14 bytes); notes.txt (text/plain, 6 bytes).");
    assert_snapshot!(seen(&place.run(&["-m", "demo", "-a", "https://example.com/a.wav?x=1"])), @"You attached 1 file: https://example.com/a.wav?x=1 (audio/wav, not fetched).");
    assert_snapshot!(seen(&place.pipe(PNG, &["-m", "demo", "-a", "-", "what is this"])), @"You attached 1 file: a file (image/png, 640 x 480 pixels, 24 bytes).");
    assert_snapshot!(seen(&place.run(&["-m", "demo", "--attachment-type", "song", "audio/ogg", "x"])), @"You attached 1 file: song (audio/ogg, 14 bytes).");
    assert_snapshot!(seen(&place.run(&["-m", "demo", "-a", "data:text/plain;base64,aGk=", "x"])), @"You attached 1 file: a file (text/plain, 2 bytes).");
}

#[test]
fn a_model_that_cannot_read_it() {
    let place = Place::new();
    place.file("cat.png", PNG);
    let run = place.run(&["-m", "demo/text", "-a", "cat.png", "what is this"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr
            .starts_with("error: demo/text cannot read images (image/png)\n  help: models that can: demo, "),
        "{run}"
    );
    place.file("notes.txt", "hello");
    assert_eq!(place.run(&["-m", "demo/text", "-a", "notes.txt", "sum up"]).code, 0);
}

#[test]
fn what_cannot_be_attached() {
    assert_snapshot!(run(&["-m", "demo", "-a", "/no/such/file", "x"]), @r#"
    exit 2
    --- stderr
    error: cannot read the attachment `/no/such/file`: there is no such file
      help: check the path; it counts from the folder that you are in
    "#);
    let place = Place::new();
    place.file("empty", "");
    place.file("odd.bin", b"\x80\x81\x82\0");
    place.file("folder/file", "x");
    assert_snapshot!(place.run(&["-m", "demo", "-a", "empty", "x"]), @r#"
    exit 2
    --- stderr
    error: `empty` is empty
      help: attach a file with something in it
    "#);
    assert_snapshot!(place.run(&["-m", "demo", "-a", "odd.bin", "x"]), @r#"
    exit 2
    --- stderr
    error: the type of `odd.bin` is not known
      help: say it: --attachment-type odd.bin MIME, for instance application/octet-stream
    "#);
    assert_snapshot!(place.run(&["-m", "demo", "-a", "folder", "x"]), @r#"
    exit 2
    --- stderr
    error: `folder` is a folder
      help: attach its files one by one: -a FILE -a FILE
    "#);
    assert_snapshot!(place.run(&["-m", "demo", "--attachment-type", "odd.bin", "png", "x"]), @r#"
    exit 2
    --- stderr
    error: `png` is not a MIME type
      help: for instance: --attachment-type notes.bin text/plain
    "#);
}

#[cfg(unix)]
#[test]
fn a_file_without_permission() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let path = place.file("secret.txt", "x");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    // The administrator may read everything: then there is nothing to test.
    if std::fs::read(&path).is_err() {
        let run = place.run(&["-m", "demo", "-a", "secret.txt", "x"]);
        assert!(run.code == 2 && run.stderr.contains("permission denied"), "{run}");
    }
}
