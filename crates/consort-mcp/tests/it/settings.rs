//! Servers as they are described: listed without being started.
use crate::support::Place;
use consort_core::State;
use std::time::Instant;

#[test]
fn twenty_servers_are_listed_and_none_is_started() {
    let place = Place::new("");
    let mark = place.folders().config.join("started");
    let one = |number: u32| format!("[mcp.s{number}]\ncommand = 'touch'\nargs = ['{}']\n", mark.display());
    let settings = (0..20).map(one).collect::<String>();
    std::fs::write(place.folders().settings_file(), settings).unwrap();
    let begun = Instant::now();
    let rows = place.open().rows();
    eprintln!("20 servers listed in {:?}", begun.elapsed());
    assert_eq!(rows.len(), 20);
    assert!(rows.iter().all(|row| row.state == State::Unchecked && row.tools.is_none()), "{rows:?}");
    assert!(!mark.exists(), "a listing started a server");
}

#[test]
fn two_servers_with_one_name_are_told_with_their_lines() {
    let place =
        Place::new("mcp_config = 'more.json'\n[mcp.files]\ncommand = 'a'\n[mcp.'my files']\ncommand = 'b'\n");
    let more = "{\"mcpServers\": {\n\"files\": {\"command\": \"c\"},\n\"my_files\": {\"command\": \"d\"},\n\"own\": {\"command\": \"e\"}}}";
    std::fs::write(place.folders().config.join("more.json"), more).unwrap();
    let (servers, problems) = place.open_all();
    let names: Vec<String> = servers.rows().into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["files", "my files", "own"]);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems[0].contains("more.json:2: two MCP servers are named `files`: the one at "),
        "{problems:?}"
    );
    assert!(problems[0].ends_with("consort.toml:2 counts"), "{problems:?}");
    assert!(problems[1].contains("more.json:3: the MCP servers `my files` and `my_files` would give"));
}
