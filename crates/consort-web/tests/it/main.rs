//! The files that are in the program.
#![allow(clippy::expect_used, reason = "a test says what is wrong by failing")]
use consort_web::{asset, is_built};

#[test]
fn the_page_is_there_in_each_form_and_names_files_that_are_there() {
    if !is_built() {
        assert!(asset("index.html", "br").is_none(), "without a page there is no file");
        return;
    }
    let page = asset("index.html", "").expect("the page");
    assert_eq!((page.mime, page.encoding), ("text/html; charset=utf-8", None));
    let html = std::str::from_utf8(page.body).expect("text");
    let named: Vec<&str> = html
        .split('"')
        .filter_map(|word| word.strip_prefix('/'))
        .filter(|path| path.starts_with("assets/"))
        .collect();
    assert!(named.iter().any(|path| path.starts_with("assets/index-")), "{html}");
    for path in named {
        let plain = asset(path, "").expect(path);
        assert!(plain.etag.starts_with("W/\""));
        for coding in ["br", "gzip"] {
            let packed = asset(path, coding).expect(path);
            // A few letters only grow.
            let is_tiny = plain.body.len() < 200 && packed.encoding.is_none();
            assert!(is_tiny || packed.encoding == Some(coding), "{path}");
            assert!(is_tiny || packed.body.len() < plain.body.len(), "{path}");
        }
    }
}

#[test]
fn a_path_that_is_not_a_file_of_the_page_is_nothing() {
    for path in ["", "nothing", "../Cargo.toml", "assets/", "/index.html"] {
        assert_eq!(asset(path, "br, gzip"), None, "{path}");
    }
}
