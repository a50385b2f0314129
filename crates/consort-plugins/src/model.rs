//! A plugin's model as a model like any other.
use crate::counted::counted;
use crate::media::MediaFolder;
use crate::plugin::Plugin;
use crate::process::{Files, Question, answer};
use consort_core::{
    Body, BoxFuture, Context, Error, ErrorKind, EventStream, Lack, MediaSource, Message, Modality, Model,
    ModelCard, Part, Request, Support, TokenCount, estimate_tokens,
};
use consort_plugin::protocol::{CountParams, CountResult, GenerateParams, MAX_INLINE_MEDIA};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a count may take before an estimate serves.
const COUNTING: Duration = Duration::from_secs(5);

/// A model of a plugin.
pub struct PluginModel {
    card: ModelCard,
    plugin: Arc<Plugin>,
}

impl PluginModel {
    pub(crate) fn new(card: ModelCard, plugin: Arc<Plugin>) -> Self {
        Self { card, plugin }
    }

    fn check(&self, request: &Request) -> Result<(), Error> {
        let Some(lack) = self.card.lacks(request) else { return Ok(()) };
        let what = match lack {
            Lack::Reads(modality) => format!("does not read {}", modality.as_str()),
            Lack::Tools => "calls no tools".to_owned(),
            Lack::Schema => "cannot answer by a JSON Schema".to_owned(),
        };
        Err(Error::unsupported(format!("the model {} {what}", self.card.id))
            .hint("`consort models` shows what each model can do"))
    }
}

impl Model for PluginModel {
    fn card(&self) -> &ModelCard {
        &self.card
    }

    fn stream(&self, request: Arc<Request>, context: Context) -> EventStream {
        let checked = self.check(&request);
        let (plugin, name) = (self.plugin.clone(), self.card.name.clone());
        let given = context.clone();
        let asked = estimate_tokens(&request).tokens;
        let no_files = self.card.capabilities.reads(Modality::File) == Support::No;
        let question = async move {
            checked?;
            let (name, schema) = plugin.model_named(&name).await?;
            plugin.has_key_for(&name, &given).await?;
            let mut request = Arc::unwrap_or_clone(request);
            request.model = name;
            if no_files {
                text_files_as_text(&mut request);
            }
            let files = spill(&mut request.messages, &plugin.home.media)?;
            let (params, warnings) = GenerateParams::new(&request, &plugin.wire(), schema.as_ref());
            Ok(Question { params, warnings, files })
        };
        counted(answer(self.plugin.supervisor().clone(), Box::pin(question), context), asked)
    }

    fn count_tokens<'a>(
        &'a self,
        request: &'a Request,
        context: Context,
    ) -> BoxFuture<'a, Result<TokenCount, Error>> {
        Box::pin(async move {
            if !self.plugin.counts_tokens().await {
                return Ok(estimate_tokens(request));
            }
            // The model must be there.
            self.plugin.model_named(&self.card.name).await?;
            self.plugin.supervisor().connection().await?;
            // A count that fails or takes long is not worth an error: an estimate says that it is one.
            let counted = self.plugin.count_tokens(&self.card.name, request, &context).await;
            Ok(counted.unwrap_or_else(|_| estimate_tokens(request)))
        })
    }
}

impl Plugin {
    /// The tokens of a request to a model, counted by the plugin itself.
    pub(crate) async fn count_tokens(
        &self,
        model: &str,
        request: &Request,
        context: &Context,
    ) -> Result<TokenCount, Error> {
        let (name, schema) = self.model_named(model).await?;
        let mut named = request.clone();
        named.model = name;
        let (params, _) = GenerateParams::new(&named, &self.wire(), schema.as_ref());
        let supervisor = self.supervisor();
        let connection = supervisor.connection().await?;
        let params = CountParams {
            secrets: supervisor.secrets_for(&params.model, context).await?,
            model: params.model,
            system: params.system,
            messages: params.messages,
            tools: params.tools,
        };
        let CountResult { tokens, exact } = connection.call("tokens/count", params, COUNTING).await?;
        Ok(TokenCount { tokens, exact })
    }
}

/// Makes text of attached text files, for a model that takes no files: their words are what was meant.
fn text_files_as_text(request: &mut Request) {
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        let Body::Media(media) = &part.body else { continue };
        let MediaSource::Bytes(bytes) = &media.source else { continue };
        if Modality::of_mime(&media.mime) == Modality::Text
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            let name = media.name.as_ref().map(|name| format!("{name}:\n")).unwrap_or_default();
            *part = Part::text(format!("{name}{}\n", text.trim_end()));
        }
    }
}

/// Puts large media into files that the plugin can read: a line is no place for them.
pub(crate) fn spill(messages: &mut [Message], folder: &MediaFolder) -> Result<Files, Error> {
    let mut files = Files::default();
    let parts = messages.iter_mut().flat_map(|message| &mut message.parts);
    for part in parts {
        let media = match &mut part.body {
            Body::Media(media) => vec![media],
            Body::ToolResult(result) => result
                .content
                .iter_mut()
                .filter_map(|part| match &mut part.body {
                    Body::Media(media) => Some(media),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        for media in media {
            if let MediaSource::Bytes(bytes) = &media.source
                && bytes.len() > MAX_INLINE_MEDIA
            {
                let file = folder.write(bytes).map_err(|error| {
                    Error::new(ErrorKind::Setup, format!("an attachment cannot be handed over: {error}"))
                })?;
                media.source = MediaSource::Path(file.clone());
                files.0.push(file);
            }
        }
    }
    Ok(files)
}

impl fmt::Debug for PluginModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PluginModel").field(&self.card.id).finish()
    }
}
