//! The tools that a server lists: all pages of them, within bounds.
use crate::connection::Connection;
use crate::failure;
use consort_core::{Error, Phase};
use rmcp::model::{PaginatedRequestParams, Tool};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long a page may take.
const PAGE: Duration = Duration::from_secs(30);
/// More tools than this, or more to say of them, no model can use.
const MOST_TOOLS: usize = 4096;
const MOST_BYTES: usize = 16 << 20;
/// More of one sort says nothing more.
const MOST_NOTES: usize = 5;

/// What one server lists.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) tools: Vec<ListedTool>,
    /// What is odd about it.
    pub(crate) notes: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct ListedTool {
    /// Its own name, by which the server is asked.
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) parameters: Value,
}

impl Connection {
    /// The tools, asked for anew where the server said that they changed.
    pub(crate) async fn tools(&self) -> Result<Arc<Listed>, Error> {
        let mut kept = self.listed.lock().await;
        let changed = self.news.took_change();
        if let Some(listed) = kept.as_ref().filter(|_| !changed) {
            return Ok(listed.clone());
        }
        *kept = None;
        let listed = match self.list().await {
            Ok(listed) => Arc::new(listed),
            Err(error) => return Err(self.explained(error).await),
        };
        *kept = Some(listed.clone());
        Ok(listed)
    }

    async fn list(&self) -> Result<Listed, Error> {
        let mut listed = Listed::default();
        if self.hello().is_some_and(|hello| hello.capabilities.tools.is_none()) {
            listed.notes.push("it says that it has no tools".to_owned());
            return Ok(listed);
        }
        let (mut bytes, mut cursor, mut seen) = (0, None::<String>, BTreeSet::new());
        let mut names = BTreeSet::new();
        loop {
            let params = PaginatedRequestParams::default().with_cursor(cursor.take());
            let page = tokio::time::timeout(PAGE, self.peer().list_tools(Some(params))).await;
            let Ok(page) = page else {
                let what = format!("`tools/list` was not answered within {} s", PAGE.as_secs());
                return Err(Error::timeout(Phase::Deadline, what));
            };
            let page = page.map_err(|error| failure::serving(&error))?;
            for tool in page.tools {
                let tool = listed_tool(tool);
                bytes += tool.description.len() + tool.parameters.to_string().len();
                if bytes > MOST_BYTES || listed.tools.len() >= MOST_TOOLS {
                    listed.notes.push(format!("it lists more than {} tools fit here", listed.tools.len()));
                    return Ok(listed);
                }
                if names.insert(tool.name.clone()) {
                    listed.tools.push(tool);
                } else if listed.notes.len() < MOST_NOTES {
                    listed.notes.push(format!("it lists the tool `{}` twice; the first counts", tool.name));
                }
            }
            match page.next_cursor {
                Some(next) if seen.insert(next.clone()) && seen.len() < MOST_TOOLS => cursor = Some(next),
                Some(_) => {
                    listed
                        .notes
                        .push("its list of tools does not end; what it lists anew is left out".into());
                    return Ok(listed);
                }
                None => return Ok(listed),
            }
        }
    }
}

fn listed_tool(tool: Tool) -> ListedTool {
    let mut schema: Map<String, Value> = Arc::unwrap_or_clone(tool.input_schema);
    // Vendors refuse a schema that does not say that it is an object's.
    schema.entry("type").or_insert_with(|| "object".into());
    let description = tool.description.map(String::from).or(tool.title).unwrap_or_default();
    ListedTool { name: tool.name.into_owned(), description, parameters: Value::Object(schema) }
}
