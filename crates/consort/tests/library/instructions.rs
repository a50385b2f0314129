//! Instructions with files in them: what is read, and what never is.
use crate::saying::says;
use consort::{Assistant, Error};
use std::path::Path;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// What the model is told.
async fn told(files: &Path, text: &str) -> Result<String, Error> {
    let model = says(&["ok"]);
    let assistant = Assistant::builder("desk", model.clone()).instructions(text).files(files).build();
    assistant.say("hi").await?;
    Ok(model.requests()[0].instructions_text())
}

async fn wrong(files: &Path, text: &str) -> String {
    told(files, text).await.unwrap_err().to_string()
}

#[tokio::test]
async fn files_take_the_place_of_their_names() {
    let folder = folder(&[
        ("house.md", "\u{feff}No shoes.\nSee @rooms/all.md.\n\n"),
        ("rooms/all.md", "Kitchen (@kitchen.md)"),
        ("rooms/kitchen.md", "warm"),
    ]);
    let text = "Rules: @house.md\nAsk ada@house.md or \\@house.md, @nobody, @ and @.md";
    assert_eq!(
        told(folder.path(), text).await.unwrap(),
        "Rules: No shoes.\nSee Kitchen (warm).\nAsk ada@house.md or @house.md, @nobody, @ and @.md"
    );
    // The same file twice is no circle.
    assert_eq!(told(folder.path(), "@rooms/kitchen.md @rooms/kitchen.md").await.unwrap(), "warm warm");
}

#[tokio::test]
async fn what_cannot_be_inlined_is_named_with_its_line() {
    let folder = folder(&[
        ("a.md", "one\n\ntwo @b.md"),
        ("b.md", "@a.md"),
        ("lost.md", "first\n@gone.md"),
        ("big.md", &"x".repeat(300 * 1024)),
        ("half.md", &"x".repeat(150 * 1024)),
        ("dir.md/x", ""),
    ]);
    std::fs::write(folder.path().join("raw.md"), [0xff, 0xfe]).unwrap();
    let at = |text: &'static str| wrong(folder.path(), text);
    assert_eq!(at("@a.md").await, "b.md:1: `@a.md` goes round in a circle: a.md → b.md");
    assert!(at("\n\n@lost.md").await.starts_with("lost.md:2: `@gone.md` cannot be read:"));
    assert!(at("see\n@gone.md").await.starts_with("instructions:2: `@gone.md` cannot be read:"));
    let long = "is too long: the files take more than 256 KiB";
    assert_eq!(at("@big.md").await, format!("instructions:1: `@big.md` {long}"));
    assert_eq!(at("@half.md\n@half.md").await, format!("instructions:2: `@half.md` {long}"));
    assert_eq!(at("@dir.md").await, "instructions:1: `@dir.md` is no file");
    assert_eq!(at("@raw.md").await, "instructions:1: `@raw.md` is not text in UTF-8");
}

#[tokio::test]
async fn nothing_outside_of_the_folder_is_read() {
    let outer = folder(&[("secret.md", "the secret"), ("in/fine.md", "fine")]);
    let inner = outer.path().join("in");
    assert_eq!(told(&inner, "@./fine.md").await.unwrap(), "fine");
    let outside = |name: &str| {
        format!("instructions:1: `@{name}` is outside of {}", inner.canonicalize().unwrap().display())
    };
    assert_eq!(wrong(&inner, "@../secret.md").await, outside("../secret.md"));
    let absolute = outer.path().join("secret.md").display().to_string();
    assert_eq!(wrong(&inner, &format!("@{absolute}")).await, outside(&absolute));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(outer.path().join("secret.md"), inner.join("link.md")).unwrap();
        assert_eq!(wrong(&inner, "@link.md").await, outside("link.md"));
        std::os::unix::fs::symlink(outer.path(), inner.join("up")).unwrap();
        assert_eq!(wrong(&inner, "@up/secret.md").await, outside("up/secret.md"));
    }
    let assistant = Assistant::builder("desk", says(&["ok"])).instructions("@x.md").build();
    let error = assistant.initialise().await.unwrap_err();
    assert_eq!(error.to_string(), "instructions:1: `@x.md` names a file, and no folder is given");
}
