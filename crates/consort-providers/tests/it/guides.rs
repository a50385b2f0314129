//! The guide about providers: every file that it shows loads, and means what the guide says.
use consort_providers::Catalogue;
use consort_settings::{Env, Folders, Settings};
use std::path::Path;

/// The TOML files that the guide shows, by the name in their first line.
fn files(guide: &str) -> Vec<(String, String)> {
    let blocks = guide.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let named = blocks.map(|block| {
        let name = block.trim_start_matches("# ").split([' ', ':', '\n']).next().unwrap_or_default();
        assert!(
            std::path::Path::new(name).extension().is_some_and(|end| end == "toml"),
            "a file in the guide does not say its name: {block}"
        );
        (name.to_owned(), block.to_owned())
    });
    named.collect()
}

#[test]
fn the_guides_files_work() {
    let guide = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/add-a-provider.md"),
    )
    .expect("the guide");
    let home = std::env::temp_dir().join(format!("consort-guide-{}", std::process::id()));
    let env = Env::of([("CONSORT_HOME", home.to_string_lossy().into_owned())]);
    let folders = Folders::find(&env);
    std::fs::create_dir_all(folders.providers_dir()).expect("a folder");
    let files = files(&guide);
    for (name, text) in &files {
        std::fs::write(folders.providers_dir().join(name), text).expect("a file");
    }
    let catalogue = Catalogue::load(&folders, &env, &Settings::default());
    std::fs::remove_dir_all(&home).expect("cleaned up");
    assert!(catalogue.problems.is_empty(), "{:?}", catalogue.problems);
    for (name, _) in &files {
        let id = name.trim_end_matches(".toml");
        assert!(catalogue.providers.iter().any(|provider| provider.card().id == id), "{id} is not there");
    }
    let acme = catalogue.providers.iter().find(|provider| provider.card().id == "acme").expect("acme");
    let models = pollster::block_on(acme.models()).expect("its models");
    assert_eq!(models[0].card().id, "acme/acme-large");
    assert_eq!(models[0].card().limits.context, Some(200_000));
}
