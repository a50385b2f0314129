//! What servers list: many tools, pages, changes, names.
use crate::support::Place;
use consort_core::State;
use std::collections::BTreeSet;

#[tokio::test]
async fn a_thousand_tools_in_pages() {
    let place = Place::odd(&["tools=1000", "pages"]);
    let (servers, tools) = place.tools().await;
    assert_eq!(tools.0.len(), 1000);
    assert_eq!(tools.names()[999], "odd__tool_999");
    assert_eq!(tools.0[0].spec().description, "Does tool_0");
    servers.stop().await;
    // A listing knows it without starting anything.
    let row = &place.open().rows()[0];
    assert_eq!((row.tools, &row.state), (Some(1000), &State::Ready));
}

#[tokio::test]
async fn a_changed_list_is_asked_for_anew() {
    let place = Place::odd(&[]);
    let (servers, tools) = place.tools().await;
    let before = tools.0.len();
    assert_eq!(tools.text("change", "brand new").await, "changed");
    let (after, _) = servers.tools(&["odd"]).await;
    assert_eq!(after.len(), before + 1);
    assert_eq!(after[before].spec().name, "odd__brand_new");
}

#[tokio::test]
async fn names_cannot_collide() {
    let place = Place::odd(&["twice", "alike"]);
    let servers = place.open();
    let (tools, problems) = servers.tools(&[]).await;
    let names: BTreeSet<&str> = tools.iter().map(|tool| tool.spec().name.as_str()).collect();
    assert_eq!(names.len(), tools.len());
    assert!(names.iter().all(|name| name.len() <= 64), "{names:?}");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0]
            .to_string()
            .contains("consort.toml:1: the MCP server `odd`: it lists the tool `echo` twice")
    );
    // What was renamed is still called by its own name.
    let renamed = tools.iter().find(|tool| tool.spec().description == "Does a/b").unwrap();
    let output = renamed.call(serde_json::Value::Null, consort_core::Context::default()).await.unwrap();
    assert_eq!(output.content[0].as_text(), Some("no such tool"));
}

#[tokio::test]
async fn a_list_without_end_ends() {
    let servers = Place::odd(&["endless"]).open();
    let (tools, problems) = servers.tools(&[]).await;
    assert_eq!(tools.len(), 22, "each tool once");
    assert!(problems.iter().any(|problem| problem.message.contains("does not end")), "{problems:?}");
}

#[tokio::test]
async fn only_the_tools_that_are_wanted() {
    let described = Place::described(&[]);
    let place = Place::new(&format!("[mcp.odd]\n{described}tools = ['echo', 'gone']\n"));
    let servers = place.open();
    let (tools, problems) = servers.tools(&[]).await;
    assert_eq!(tools.len(), 1);
    assert!(problems[0].message.ends_with("it has no tool `gone`, which `tools` names"), "{problems:?}");
    assert_eq!(place.open().rows()[0].tools, Some(1));
}

#[tokio::test]
async fn one_broken_server_harms_no_other() {
    let good = Place::described(&["banner"]);
    let settings = format!(
        "[mcp.odd]\n{good}\n[mcp.dead]\n{}\n[mcp.gone]\ncommand = 'no-such-program'\n\n[mcp.off]\n{good}disabled = true\n",
        Place::described(&["die"])
    );
    let place = Place::new(&settings);
    let servers = place.open();
    let (tools, problems) = servers.tools(&[]).await;
    assert_eq!(tools.len(), 22, "those of the good one, and none of the disabled one");
    let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let told = |what: &str| all.iter().any(|problem| problem.contains(what));
    assert!(told("`dead`: the server exited with code 3; its last words: no such luck"), "{all:?}");
    assert!(
        told("consort.toml:9: the MCP server `gone`: `no-such-program` is not on this machine"),
        "{all:?}"
    );
    let state = |name: &str| servers.rows().into_iter().find(|row| row.name == name).unwrap().state;
    assert!(matches!(state("dead"), State::Broken { reason } if reason.contains("no such luck")));
    assert!(matches!(state("gone"), State::NeedsSetup { .. }));
    let (_, problems) = servers.tools(&["nobody"]).await;
    assert!(problems[0].message.contains("no MCP server is named `nobody`"), "{problems:?}");
    assert!(servers.log("odd").unwrap()[0].contains("Welcome"), "{:?}", servers.log("odd"));
}
