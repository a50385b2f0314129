//! What plugins load by name: templates of prompts, and fragments to put into them.
use crate::plugin::Plugin;
use crate::set::Plugins;
use consort_core::{Error, ErrorKind, Media, Object};
use consort_plugin::protocol::{
    FragmentItem, FragmentParams, FragmentResult, TemplateParams, TemplateResult,
};
use std::sync::Arc;
use std::time::Duration;

/// Loading may mean asking the network.
const LIMIT: Duration = Duration::from_mins(2);

/// A piece of text or a medium that goes into a prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum Fragment {
    Text {
        text: String,
        /// Where it is from.
        source: Option<String>,
    },
    Media(Media),
}

impl Fragment {
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Text { text, .. } if text.trim().is_empty())
    }
}

/// What `PREFIX:NAME` can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loads {
    Templates,
    Fragments,
}

impl Plugins {
    /// The plugin that loads what begins with this prefix, as far as is known without running any.
    pub fn loader(&self, loads: Loads, prefix: &str) -> Option<Arc<Plugin>> {
        let has = |plugin: &Arc<Plugin>| {
            plugin.learnt().is_some_and(|learnt| {
                let prefixes = match loads {
                    Loads::Templates => &learnt.capabilities.templates,
                    Loads::Fragments => &learnt.capabilities.fragments,
                };
                prefixes.iter().any(|known| known == prefix)
            })
        };
        self.rows().into_iter().filter_map(|row| self.find(row.plugin.id())).find(has)
    }
}

impl Plugin {
    /// A template, by the name behind its prefix: an object with `prompt`, `system`, `model`, `options`, ...
    pub async fn template(&self, prefix: &str, name: &str) -> Result<Object, Error> {
        let connection = self.supervisor().connection().await?;
        let params = TemplateParams { prefix: prefix.to_owned(), name: name.to_owned() };
        Ok(connection.call::<TemplateResult>("templates/load", params, LIMIT).await?.template)
    }

    /// The fragments that an argument stands for.
    pub async fn fragments(&self, prefix: &str, argument: &str) -> Result<Vec<Fragment>, Error> {
        let connection = self.supervisor().connection().await?;
        let params = FragmentParams { prefix: prefix.to_owned(), argument: argument.to_owned() };
        let FragmentResult { items } = connection.call("fragments/load", params, LIMIT).await?;
        items.into_iter().map(|item| self.fragment(item)).collect()
    }

    fn fragment(&self, item: FragmentItem) -> Result<Fragment, Error> {
        let FragmentItem { text, source, media } = item;
        let wrong = |what: String| Error::new(ErrorKind::PluginBug, what).provider(self.id());
        match (text, media) {
            (_, Some(media)) => Ok(Fragment::Media(media.media().map_err(wrong)?)),
            (Some(text), None) => Ok(Fragment::Text { text, source }),
            (None, None) => Err(wrong("a fragment is neither text nor media".to_owned())),
        }
    }
}
