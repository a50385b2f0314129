//! All MCP servers that the user describes.
use crate::cache::Cache;
use crate::connection::Connection;
use crate::names;
use crate::server::{Server, Shared};
use crate::tool::McpTool;
use consort_core::{Error, ErrorKind, State, Tool};
use consort_providers::Http;
use consort_settings::{Env, Folders, KeyStore, McpReach, Problem, Settings};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How long servers may take to end when the program does.
const FAREWELL: Duration = Duration::from_secs(4);

/// The servers of one program. Each is started when its tools are first wanted, and ended with this.
#[derive(Debug)]
pub struct McpServers {
    servers: Vec<Arc<Server>>,
}

/// What is known of a server without starting it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub name: String,
    pub state: State,
    pub disabled: bool,
    /// How many tools it listed last, of those that are wanted.
    pub tools: Option<usize>,
    /// The program or the host.
    pub reached: String,
    pub file: PathBuf,
    pub line: usize,
}

/// What a server said when it was asked.
#[derive(Debug)]
pub struct Checked {
    /// The name and version that it gives itself.
    pub server: String,
    pub protocol: String,
    pub tools: Vec<Arc<McpTool>>,
    pub notes: Vec<String>,
}

impl McpServers {
    /// Of the servers that are described. This starts nothing. Of two with one name the first counts, and the other is
    /// told.
    pub fn from_settings(
        settings: &Settings,
        folders: &Folders,
        env: &Env,
        keys: &KeyStore,
    ) -> (Self, Vec<Problem>) {
        let shared = Arc::new(Shared {
            env: env.clone(),
            keys: keys.clone(),
            http: Http::default(),
            folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            cache: Cache { folder: folders.data.join("mcp") },
        });
        let (mut servers, mut problems) = (Vec::<Arc<Server>>::new(), Vec::new());
        for config in &settings.mcp {
            let prefix = names::prefix(&config.name);
            let Some(first) = servers.iter().find(|server| server.prefix == prefix) else {
                servers.push(Arc::new(Server::new(config.clone(), shared.clone())));
                continue;
            };
            let (first, place) = (first.name(), &first.config);
            let what = if first == config.name {
                format!("two MCP servers are named `{first}`")
            } else {
                format!(
                    "the MCP servers `{first}` and `{}` would give their tools the same names",
                    config.name
                )
            };
            let told = format!("{what}: the one at {}:{} counts", place.file.display(), place.line);
            let problem = Problem::new(&config.file, told).at_line(config.line);
            problems.push(problem.help("name one of them otherwise"));
        }
        (Self { servers }, problems)
    }

    /// All of them, in the order of the settings. This starts nothing.
    pub fn rows(&self) -> Vec<Row> {
        self.servers.iter().map(|server| row(server)).collect()
    }

    /// The tools of these servers; of all that are not disabled where none is named. Servers are started for it, side by
    /// side. What is wrong with one is told, and the others' tools count.
    pub async fn tools(&self, which: &[&str]) -> (Vec<Arc<dyn Tool>>, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut asked = JoinSet::new();
        for (place, server) in self.chosen(which, &mut problems).into_iter().enumerate() {
            asked.spawn(async move { (place, offered(&server).await, server) });
        }
        let mut answers: Vec<_> = asked.join_all().await;
        answers.sort_by_key(|(place, ..)| *place);
        let mut tools: Vec<Arc<dyn Tool>> = Vec::new();
        for (_, answer, server) in answers {
            let tell = |what: &str| {
                let what = format!("the MCP server `{}`: {what}", server.name());
                Problem::new(&server.config.file, what).at_line(server.config.line)
            };
            match answer {
                Ok((own, notes)) => {
                    tools.extend(own.into_iter().map(|tool| tool as Arc<dyn Tool>));
                    problems.extend(notes.iter().map(|note| tell(note)));
                }
                Err(error) => {
                    let problem = tell(error.message());
                    problems.push(match error.hints().first() {
                        Some(hint) => problem.help(hint),
                        None => problem,
                    });
                }
            }
        }
        (tools, problems)
    }

    /// Asks one server who it is and what it offers.
    pub async fn check(&self, name: &str) -> Result<Checked, Error> {
        let server = self.find(name)?;
        let (tools, notes) = offered(server).await?;
        let connection = server.connection().await?;
        let hello = connection.hello();
        let named = hello.as_ref().and_then(|hello| hello.server_info.as_ref());
        Ok(Checked {
            server: named.map(|named| format!("{} {}", named.name, named.version)).unwrap_or_default(),
            protocol: hello.map(|hello| hello.protocol_version.to_string()).unwrap_or_default(),
            tools,
            notes,
        })
    }

    /// The last words of a server, also of one that ran before.
    pub fn log(&self, name: &str) -> Result<Vec<String>, Error> {
        let server = self.find(name)?;
        let lines = server.log().lines();
        Ok(if lines.is_empty() { server.kept_log() } else { lines })
    }

    /// Ends all servers in order.
    pub async fn stop(&self) {
        let stopped: Vec<Arc<Connection>> = self.servers.iter().filter_map(|server| server.stop()).collect();
        let gone = async {
            for process in stopped.iter().filter_map(|connection| connection.process.as_ref()) {
                process.gone().await;
            }
        };
        // What does not end in order is ended when it is dropped.
        let _ = tokio::time::timeout(FAREWELL, gone).await;
    }

    fn chosen(&self, which: &[&str], problems: &mut Vec<Problem>) -> Vec<Arc<Server>> {
        if which.is_empty() {
            return self.servers.iter().filter(|server| !server.config.disabled).cloned().collect();
        }
        let mut chosen: Vec<Arc<Server>> = Vec::new();
        for name in which {
            match self.find(name) {
                Ok(server) if chosen.iter().any(|known| Arc::ptr_eq(known, server)) => {}
                Ok(server) => chosen.push(server.clone()),
                Err(error) => {
                    problems.push(Problem::new("consort.toml", error.message()).help("consort mcp list"));
                }
            }
        }
        chosen
    }

    fn find(&self, name: &str) -> Result<&Arc<Server>, Error> {
        self.servers.iter().find(|server| server.name() == name).ok_or_else(|| {
            Error::new(ErrorKind::InvalidRequest, format!("no MCP server is named `{name}`"))
                .hint("`consort mcp list` lists them; `consort mcp add` adds one")
        })
    }
}

/// The tools of one server that are wanted, and what is odd.
async fn offered(server: &Arc<Server>) -> Result<(Vec<Arc<McpTool>>, Vec<String>), Error> {
    let (_, listed) = server.tools().await?;
    let own: Vec<String> = listed.tools.iter().map(|tool| tool.name.clone()).collect();
    let named = names::names(&server.prefix, &own).into_iter().zip(&listed.tools);
    let wanted = named.filter(|(_, tool)| server.wants(&tool.name));
    let tools = wanted.map(|(name, tool)| Arc::new(McpTool::new(name, tool, server.clone()))).collect();
    let mut notes = listed.notes.clone();
    let missing = server.config.tools.iter().flatten().filter(|wanted| !own.contains(wanted));
    notes.extend(missing.map(|tool| format!("it has no tool `{tool}`, which `tools` names")));
    Ok((tools, notes))
}

fn row(server: &Server) -> Row {
    let config = &server.config;
    let kept = server.kept();
    let state = match (server.way(), &kept) {
        (Err(error), _) => State::NeedsSetup { missing: error.message().to_owned() },
        (Ok(_), None) => State::Unchecked,
        (Ok(_), Some(kept)) => match &kept.reason {
            Some(reason) => State::Broken { reason: reason.clone() },
            None => State::Ready,
        },
    };
    let reached = match &config.reach {
        McpReach::Command { command, .. } => command.clone(),
        // A key may stand in the rest of an address.
        McpReach::Url { url, .. } => reqwest::Url::parse(url)
            .ok()
            .and_then(|url| Some(format!("{}://{}", url.scheme(), url.host_str()?)))
            .unwrap_or_else(|| "an address".to_owned()),
    };
    Row {
        name: config.name.clone(),
        state,
        disabled: config.disabled,
        tools: kept.and_then(|kept| kept.tools),
        reached,
        file: config.file.clone(),
        line: config.line,
    }
}
