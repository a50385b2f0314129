//! Tools from Rust functions: the schema comes from the type of their arguments.
use consort_core::{BoxFuture, Context, Error, FunctionSpec, Tool, ToolOutput};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::marker::PhantomData;

/// A tool that is an async function of its arguments. The documentation of each field is what the model reads of it.
///
/// ```
/// use consort_core::{Context, Error, ToolOutput};
/// use consort_engine::function;
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Sum {
///     /// The numbers to add.
///     numbers: Vec<f64>,
/// }
///
/// let add = function("add", "Adds numbers.", |sum: Sum, _: Context| async move {
///     Ok(ToolOutput::text(sum.numbers.iter().sum::<f64>().to_string()))
/// });
/// # use consort_core::Tool;
/// assert_eq!(add.spec().parameters["properties"]["numbers"]["description"], "The numbers to add.");
/// ```
pub fn function<A, F, Answer>(name: impl Into<String>, description: impl Into<String>, run: F) -> impl Tool
where
    A: DeserializeOwned + JsonSchema + Send + Sync,
    F: Fn(A, Context) -> Answer + Send + Sync,
    Answer: Future<Output = Result<ToolOutput, Error>> + Send + 'static,
{
    Function { spec: FunctionSpec::new(name, description, schema_of::<A>()), run, arguments: PhantomData }
}

/// The JSON Schema of a type, whole in one piece, as models want it.
pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(object) = schema.as_object_mut() {
        // The name of a Rust type means nothing to a model.
        object.shift_remove("title");
    }
    schema
}

struct Function<A, F> {
    spec: FunctionSpec,
    run: F,
    arguments: PhantomData<fn() -> A>,
}

impl<A, F, Answer> Tool for Function<A, F>
where
    A: DeserializeOwned + JsonSchema + Send + Sync,
    F: Fn(A, Context) -> Answer + Send + Sync,
    Answer: Future<Output = Result<ToolOutput, Error>> + Send + 'static,
{
    fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    fn call(&self, arguments: Value, context: Context) -> BoxFuture<'_, Result<ToolOutput, Error>> {
        match serde_json::from_value(arguments) {
            Ok(arguments) => Box::pin((self.run)(arguments, context)),
            Err(error) => {
                let words = format!("the arguments do not fit: {error}");
                Box::pin(std::future::ready(Ok(ToolOutput::failure(words))))
            }
        }
    }
}
