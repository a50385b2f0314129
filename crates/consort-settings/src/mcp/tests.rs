//! What users write about MCP servers, good and bad.
use super::*;
use crate::{Env, Folders, Settings};

struct Place(tempfile::TempDir);

impl Place {
    fn new(user: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.file("consort.toml", user);
        place
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.0.path().join("consort.toml")).unwrap()
    }

    fn folders(&self) -> Folders {
        Folders { config: self.0.path().into(), data: self.0.path().into() }
    }

    fn load(&self) -> (Vec<McpServer>, Vec<String>) {
        let path = |name| self.0.path().join(name);
        let project = path("project.toml");
        let (settings, problems) =
            Settings::load_from(&path("consort.toml"), Some(&project), &Env::default());
        let prefix = format!("{}/", self.0.path().display());
        (settings.mcp, problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect())
    }
}

#[test]
fn servers_are_read_with_their_lines() {
    let place = Place::new(
        "# mine\n[mcp.files]\ncommand = 'npx'\nargs = ['-y', 'x']\ntools = ['read']\ntimeout = 1.5\n\n\
         [mcp.far]\nurl = 'https://h/mcp'\nheaders = { Authorization = 'Bearer ${secret:far}' }\ndisabled = true\n",
    );
    let (servers, problems) = place.load();
    assert!(problems.is_empty(), "{problems:?}");
    let names: Vec<(&str, usize, bool)> =
        servers.iter().map(|server| (server.name.as_str(), server.line, server.disabled)).collect();
    // In the order of their names: that is how a table is read.
    assert_eq!(names, [("far", 8, true), ("files", 2, false)]);
    assert_eq!(servers[1].timeout, Some(Duration::from_millis(1500)));
    assert_eq!(servers[1].tools.as_deref(), Some(&["read".to_owned()][..]));
    assert!(!format!("{servers:?}").contains("Bearer"), "values may be keys");
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_the_rest_counts() {
    let place = Place::new(
        "[mcp.good]\ncommand = 'a'\n[mcp.both]\ncommand = 'a'\nurl = 'b'\n[mcp.none]\n[mcp.odd]\ncommand = 'a'\n\
         timeout = -1\nturbo = true\n[mcp.key]\ncommand = 'a'\nargs = ['${secret:k}']\n",
    );
    let (servers, problems) = place.load();
    assert_eq!(servers.len(), 1, "{servers:?}");
    let all = problems.join("\n");
    for told in [
        "consort.toml:3: the MCP server `both`: it has a `command` and a `url`",
        "consort.toml:6: the MCP server `none`: it has neither",
        "consort.toml:9: the MCP server `odd`: `timeout` must be a number of seconds",
        "consort.toml:10: the MCP server `odd`: `turbo` cannot be set",
        "consort.toml:11: the MCP server `key`: a key may not stand in `args`",
    ] {
        assert!(all.contains(told), "{told}\n--\n{all}");
    }
}

#[test]
fn a_project_names_no_servers() {
    let place = Place::new("");
    place.file("project.toml", "mcp_config = 'x'\n[mcp.evil]\ncommand = 'rm'\n");
    let (servers, problems) = place.load();
    assert!(servers.is_empty());
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems
            .iter()
            .any(|problem| problem.starts_with("project.toml:2: a project's file may not name MCP"))
    );
}

#[test]
fn files_of_other_programs_are_read() {
    let place = Place::new("mcp_config = 'other.json'\n");
    place.file(
        "other.json",
        "{\n  \"theirs\": 1,\n  \"mcpServers\": {\n    \"one\": {\"command\": \"a\", \"args\": [\"b\"], \"autoApprove\": [1]},\n    \
         \"one\": {\"url\": \"http://h\", \"type\": \"http\", \"timeout\": 60000},\n    \"old\": {\"type\": \"sse\", \"url\": \"u\"},\n    \"bad\": 7\n  }\n}\n",
    );
    let (servers, problems) = place.load();
    let lines: Vec<(&str, usize)> =
        servers.iter().map(|server| (server.name.as_str(), server.line)).collect();
    assert_eq!(lines, [("one", 4), ("one", 5)], "both: whoever uses them says that they are two");
    assert_eq!(servers[1].timeout, None, "others count in other units");
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("other.json:6: the MCP server `old`: it speaks HTTP with SSE"));
    assert!(problems[1].starts_with("other.json:7: the MCP server `bad`: it must be an object"));
    place.file("other.json", "{\n\"mcpServers\": [\n");
    assert!(place.load().1[0].starts_with("other.json:3: "), "{:?}", place.load().1);
    place.file("consort.toml", "mcp_config = 'gone.json'\n");
    assert_eq!(place.load().1, ["gone.json: there is no such file"]);
}

#[test]
fn one_name_twice_in_one_file_is_told_with_both_lines() {
    let place = Place::new("[mcp.a]\ncommand = 'x'\n\n[mcp.a]\ncommand = 'y'\n");
    let (_, problems) = place.load();
    assert_eq!(problems, ["consort.toml:4: duplicate key; it stands in line 1 too"]);
}

#[test]
fn adding_and_removing_keeps_the_file() {
    let place = Place::new("# mine\ndefault_model = 'a' # for now\n\n[mcp.old] # keep\ncommand = 'x'\n");
    let server = McpServer {
        name: "new one".into(),
        reach: McpReach::Command {
            command: "npx".into(),
            args: vec!["-y".into(), "it".into()],
            env: BTreeMap::from([("TOKEN".into(), "${secret:it}".into())]),
        },
        tools: Some(vec!["t".into()]),
        timeout: None,
        disabled: false,
        file: PathBuf::new(),
        line: 0,
    };
    add_mcp_server(&place.folders(), &server).unwrap();
    let before = "# mine\ndefault_model = 'a' # for now\n\n[mcp.old] # keep\ncommand = 'x'\n";
    assert!(place.text().starts_with(before), "{}", place.text());
    assert!(place.text().contains("[mcp.\"new one\"]"), "{}", place.text());
    let (servers, problems) = place.load();
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(servers[0].reach, server.reach);
    let twice = add_mcp_server(&place.folders(), &server).unwrap_err();
    assert!(twice.message().contains("already"), "{twice}");
    assert!(remove_mcp_server(&place.folders(), "new one").unwrap());
    assert!(!remove_mcp_server(&place.folders(), "new one").unwrap());
    assert_eq!(place.text(), before);
}
