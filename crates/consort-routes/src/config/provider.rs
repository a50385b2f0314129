//! The routes of the settings as a provider of models.
use super::load::{Loader, state};
use super::read::Spec;
use crate::card::PROVIDER;
use crate::registry::Registry;
use crate::route::Route;
use crate::spend::Ledger;
use consort_core::{BoxFuture, Error, Model, Provider, ProviderCard, State};
use consort_settings::{Problem, Section};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The provider `route`: each route that works is a model, and each that does not is a row with its reason.
///
/// When the settings change, load another one over the same registry: what did not change goes on where it stood, and
/// answers that are under way end on the old one.
#[derive(Debug)]
pub struct RouteProvider {
    card: ProviderCard,
    rows: Vec<Row>,
}

/// Finds a model by the name that a route's table has for it.
pub type Resolve<'a> = &'a dyn Fn(&str) -> Result<Arc<dyn Model>, Error>;

/// One route of the settings.
#[derive(Debug)]
pub struct Row {
    pub name: String,
    pub file: PathBuf,
    pub line: usize,
    /// What the table says, where it can be understood.
    pub spec: Option<Spec>,
    /// The route, where it works.
    pub route: Option<Route>,
    pub problems: Vec<Problem>,
}

impl Row {
    pub fn id(&self) -> String {
        format!("{PROVIDER}/{}", self.name)
    }

    pub fn state(&self) -> State {
        state(&self.problems)
    }
}

impl RouteProvider {
    /// Builds all routes. `resolve` finds the models that they name; it is not asked for routes.
    pub fn load(
        sections: &BTreeMap<String, Section>,
        resolve: Resolve<'_>,
        registry: &Registry,
        ledger: &Arc<dyn Ledger>,
    ) -> Self {
        let mut loader =
            Loader { sections, resolve, registry, ledger, rows: BTreeMap::new(), path: Vec::new() };
        for (name, section) in sections {
            loader.load(name, section);
        }
        let rows: Vec<Row> = loader.rows.into_values().collect();
        registry.settings_changed();
        Self { card: ProviderCard::new(PROVIDER, "Routes"), rows }
    }

    /// All routes, those that are broken too.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}

impl Provider for RouteProvider {
    fn card(&self) -> &ProviderCard {
        &self.card
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<Arc<dyn Model>>, Error>> {
        let routes = self.rows.iter().filter_map(|row| row.route.clone());
        let models = routes.map(|route| Arc::new(route) as Arc<dyn Model>).collect();
        Box::pin(std::future::ready(Ok(models)))
    }

    fn model(&self, name: &str) -> Option<Arc<dyn Model>> {
        let route = self.row(name)?.route.clone()?;
        Some(Arc::new(route))
    }
}
