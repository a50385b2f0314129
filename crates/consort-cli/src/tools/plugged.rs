//! Tools of plugins.
use super::name::{Name, Settings};
use crate::exit;
use crate::place::placed;
use crate::setup::Setup;
use consort_core::{Error, State, Tool};
use consort_plugins::{Plugin, Toolset};
use serde_json::{Map, Value};
use std::sync::Arc;

/// What each plugin has under a name: one tool, or all of a toolbox.
pub(super) async fn find(
    wanted: &Name<'_>,
    setup: &Setup,
) -> Result<Vec<(String, Vec<Arc<dyn Tool>>)>, Error> {
    let Some(plugins) = &setup.plugins else { return Ok(Vec::new()) };
    if let Some(owner) = wanted.owner {
        let Some(plugin) = plugins.find(owner) else { return Ok(Vec::new()) };
        let tools = of(&plugin, plugin.tools().await?, wanted).await?;
        return Ok(tools.map(|tools| (owner.to_owned(), tools)).into_iter().collect());
    }
    let mut found = Vec::new();
    let usable = |state: &State| matches!(state, State::Ready | State::Unchecked);
    for row in plugins.rows().into_iter().filter(|row| usable(&row.state)) {
        // One that cannot say what it has is not the one: where it is meant, its name says why.
        let Ok(offered) = row.plugin.tools().await else { continue };
        if let Some(tools) = of(&row.plugin, offered, wanted).await? {
            found.push((row.plugin.id().to_owned(), tools));
        }
    }
    Ok(found)
}

async fn of(
    plugin: &Arc<Plugin>,
    offered: Toolset,
    wanted: &Name<'_>,
) -> Result<Option<Vec<Arc<dyn Tool>>>, Error> {
    if let Some(toolbox) = offered.toolboxes.iter().find(|toolbox| toolbox.name == wanted.tool) {
        let config = config(wanted, &toolbox.config_schema)?;
        let tools = plugin.open_toolbox(wanted.tool, config.into()).await?;
        return Ok(Some(tools.into_iter().map(|tool| Arc::new(tool) as Arc<dyn Tool>).collect()));
    }
    let tool = offered.tools.into_iter().find(|tool| tool.spec().name == wanted.tool);
    let Some(tool) = tool else { return Ok(None) };
    wanted.sets_nothing()?;
    Ok(Some(vec![Arc::new(tool) as Arc<dyn Tool>]))
}

/// The settings by their names, which a toolbox's schema has in their order; paths as ones that the plugin finds too.
fn config(wanted: &Name<'_>, schema: &Value) -> Result<Map<String, Value>, Error> {
    let known = schema["properties"].as_object();
    let named: Map<String, Value> = match &wanted.settings {
        Settings::Named(named) => named.clone(),
        Settings::Placed(values) => {
            let names = || known.into_iter().flat_map(Map::keys);
            if names().count() < values.len() {
                let list = names().map(String::as_str).collect::<Vec<_>>().join(", ");
                return Err(exit::usage(match list.as_str() {
                    "" => format!("`{}` takes no settings", wanted.tool),
                    list => format!("these are more settings than `{}` has: {list}", wanted.tool),
                }));
            }
            names().cloned().zip(values.iter().cloned()).collect()
        }
    };
    let place = |value| match value {
        Value::String(text) => placed(&text).into_owned().into(),
        value => value,
    };
    Ok(named.into_iter().map(|(name, value)| (name, place(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_have_the_names_of_the_toolbox() {
        let schema = json!({"properties": {"path": {}, "most": {}}});
        let read = |given: &str| config(&Name::read(given).unwrap(), &schema).map(Value::from);
        let here = std::env::current_dir().unwrap().display().to_string();
        assert_eq!(read("B(\"x.db\", 3)").unwrap(), json!({"path": "x.db", "most": 3}));
        assert_eq!(read("B(\"Cargo.toml\")").unwrap(), json!({"path": format!("{here}/Cargo.toml")}));
        assert_eq!(read("B(most=3)").unwrap(), json!({"most": 3}));
        assert_eq!(
            read("B(other=3)").unwrap(),
            json!({"other": 3}),
            "the toolbox itself refuses what it has not"
        );
        let error = read("B(1, 2, 3)").unwrap_err();
        assert_eq!(error.message(), "these are more settings than `B` has: path, most");
        let error = config(&Name::read("B(1)").unwrap(), &Value::Null).unwrap_err();
        assert_eq!(error.message(), "`B` takes no settings");
    }
}
