//! Tools of plugins.
use super::Name;
use crate::setup::Setup;
use consort_core::{Error, State, Tool};
use consort_plugins::Plugin;
use std::sync::Arc;

/// What each plugin has under a name: one tool, or all of a toolbox.
pub(super) async fn find(
    wanted: &Name<'_>,
    setup: &Setup,
) -> Result<Vec<(String, Vec<Arc<dyn Tool>>)>, Error> {
    let Some(plugins) = &setup.plugins else { return Ok(Vec::new()) };
    if let Some(owner) = wanted.owner {
        let Some(plugin) = plugins.find(owner) else { return Ok(Vec::new()) };
        let tools = of(&plugin, wanted).await?;
        return Ok(tools.map(|tools| (owner.to_owned(), tools)).into_iter().collect());
    }
    let mut found = Vec::new();
    let usable = |state: &State| matches!(state, State::Ready | State::Unchecked);
    for row in plugins.rows().into_iter().filter(|row| usable(&row.state)) {
        // One that cannot say is not the one: where it is meant, its name says why.
        if let Ok(Some(tools)) = of(&row.plugin, wanted).await {
            found.push((row.plugin.id().to_owned(), tools));
        }
    }
    Ok(found)
}

async fn of(plugin: &Arc<Plugin>, wanted: &Name<'_>) -> Result<Option<Vec<Arc<dyn Tool>>>, Error> {
    let offered = plugin.tools().await?;
    if offered.toolboxes.iter().any(|toolbox| toolbox.name == wanted.tool) {
        let tools = plugin.open_toolbox(wanted.tool, wanted.config.clone()).await?;
        return Ok(Some(tools.into_iter().map(|tool| Arc::new(tool) as Arc<dyn Tool>).collect()));
    }
    let tool = offered.tools.into_iter().find(|tool| tool.spec().name == wanted.tool);
    Ok(tool.map(|tool| vec![Arc::new(tool) as Arc<dyn Tool>]))
}
