//! A server on a free port, a client of it, and a house of the demo's models.
use consort_core::{
    BoxFuture, Context, Error, ErrorKind, FunctionSpec, Host, Model, ModelCard, RealtimeModel, State, Tool,
    ToolOutput,
};
use consort_engine::{Engine, Tools};
use consort_providers::{DemoProvider, TokioClock};
use consort_server::{
    Assets, Guard, House, KeyRow, ModelRow, NoAssets, PluginList, PluginLog, Preset, Server, Source,
    SourceKind, ToolRow,
};
use consort_store::{ConversationId, MemoryStore, Store};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot, watch};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// The demo's models, one tool, and keys that are only counted.
pub(crate) struct DemoHouse {
    host: Host,
    revision: watch::Sender<u64>,
    default: Mutex<String>,
    keys: Mutex<Vec<String>>,
    /// How often it was asked for its models.
    pub(crate) listed: AtomicUsize,
    /// Lets models below `late/` be there.
    pub(crate) late: Notify,
}

impl Default for DemoHouse {
    fn default() -> Self {
        Self {
            host: Host::new().provider(DemoProvider::new()),
            revision: watch::Sender::new(1),
            default: Mutex::new("demo".into()),
            keys: Mutex::default(),
            listed: AtomicUsize::new(0),
            late: Notify::new(),
        }
    }
}

struct Add(FunctionSpec);

impl Tool for Add {
    fn spec(&self) -> &FunctionSpec {
        &self.0
    }

    fn call(&self, arguments: Value, _: Context) -> BoxFuture<'_, Result<ToolOutput, Error>> {
        Box::pin(async move { Ok(ToolOutput::text(format!("got {arguments}"))) })
    }
}

fn add() -> Add {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]});
    Add(FunctionSpec::new("add", "Adds", schema))
}

fn no_plugins<'a, T: Send + 'a>(plugin: &str) -> BoxFuture<'a, Result<T, Error>> {
    let error = Error::new(ErrorKind::Setup, format!("no plugin is named `{plugin}`"));
    Box::pin(std::future::ready(Err(error)))
}

impl House for DemoHouse {
    fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    fn models(&self) -> Vec<ModelRow> {
        self.listed.fetch_add(1, Ordering::SeqCst);
        let provider = &self.host.providers()[0];
        let models = provider.models();
        let models = futures_util::FutureExt::now_or_never(models).unwrap().unwrap();
        models
            .iter()
            .map(|model| ModelRow {
                id: model.card().id.clone(),
                name: model.card().name.clone(),
                card: Some(model.card().clone()),
                source: Source { kind: SourceKind::Builtin, ..Source::default() },
                state: State::Ready,
                place: None,
                hints: Vec::new(),
                keys: Vec::new(),
                untrusted: false,
                about: None,
                offline: Some(true),
            })
            .collect()
    }

    fn model<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Arc<dyn Model>, Error>> {
        Box::pin(async move {
            let Some(late) = id.strip_prefix("late/") else { return self.host.find(id).await };
            self.late.notified().await;
            self.host.find(late).await
        })
    }

    fn realtime<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Arc<dyn RealtimeModel>, Error>> {
        Box::pin(async move {
            let Some(late) = id.strip_prefix("late/") else { return self.host.find_realtime(id).await };
            self.late.notified().await;
            self.host.find_realtime(late).await
        })
    }

    fn default_model(&self) -> String {
        self.default.lock().unwrap().clone()
    }

    fn set_default_model(&self, id: Option<&str>) -> Result<(), Error> {
        id.unwrap_or("demo").clone_into(&mut self.default.lock().unwrap());
        self.revision.send_modify(|revision| *revision += 1);
        Ok(())
    }

    fn context(&self) -> Context {
        Context { clock: Arc::new(TokioClock), ..Context::default() }
    }

    fn preset(&self, _: &ModelCard) -> Preset {
        Preset::default()
    }

    fn plugins(&self) -> PluginList {
        PluginList::default()
    }

    fn reload<'a>(&'a self, plugin: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        no_plugins(plugin)
    }

    fn log(&self, plugin: &str, _: usize) -> Result<PluginLog, Error> {
        Err(Error::new(ErrorKind::Setup, format!("no plugin is named `{plugin}`")))
    }

    fn trust<'a>(&'a self, plugin: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        no_plugins(plugin)
    }

    fn grant<'a>(&'a self, plugin: &'a str, _: Vec<String>) -> BoxFuture<'a, Result<(), Error>> {
        no_plugins(plugin)
    }

    fn keys(&self) -> Vec<KeyRow> {
        let keys = self.keys.lock().unwrap();
        let row = |name: &String| KeyRow {
            name: name.clone(),
            from: Some("stored".into()),
            env: Vec::new(),
            help: String::new(),
            required: true,
            used_by: Vec::new(),
        };
        keys.iter().map(row).collect()
    }

    fn set_key(&self, name: &str, _: &str, _: Option<&str>) -> Result<(), Error> {
        self.keys.lock().unwrap().push(name.to_owned());
        self.revision.send_modify(|revision| *revision += 1);
        Ok(())
    }

    fn forget_key(&self, name: &str) -> Result<(), Error> {
        self.keys.lock().unwrap().retain(|old| old != name);
        Ok(())
    }

    fn routes(&self) -> BoxFuture<'_, Vec<Value>> {
        Box::pin(std::future::ready(Vec::new()))
    }

    fn tools(&self) -> BoxFuture<'_, Vec<ToolRow>> {
        let spec = add().0;
        let row = ToolRow {
            name: spec.name,
            source: "test".into(),
            description: spec.description,
            parameters: spec.parameters,
        };
        Box::pin(std::future::ready(vec![row]))
    }

    fn toolset<'a>(&'a self, names: &'a [String], _: ConversationId) -> BoxFuture<'a, Result<Tools, Error>> {
        let list: Vec<Arc<dyn Tool>> =
            names.iter().filter(|name| *name == "add").map(|_| Arc::new(add()) as Arc<dyn Tool>).collect();
        Box::pin(std::future::ready(Tools::new(list)))
    }
}

/// A server that runs until it is dropped.
pub(crate) struct Site {
    pub(crate) base: String,
    pub(crate) client: reqwest::Client,
    pub(crate) folder: Arc<TempDir>,
    pub(crate) house: Arc<DemoHouse>,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) served: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::with(Guard::default(), Arc::new(NoAssets)).await
    }

    pub(crate) async fn with(guard: Guard, assets: Arc<dyn Assets>) -> Self {
        let store = Arc::new(MemoryStore::default());
        Self::on(store, Arc::new(TempDir::new().unwrap()), guard, assets).await
    }

    pub(crate) async fn on(
        store: Arc<dyn Store>,
        folder: Arc<TempDir>,
        guard: Guard,
        assets: Arc<dyn Assets>,
    ) -> Self {
        let house = Arc::new(DemoHouse::default());
        let server = Server::new(house.clone(), Engine::new(store), folder.path(), guard, assets);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(server.serve(listener, None, async {
            let _ = stopped.await;
        }));
        // A client is not built without one, also where it speaks no TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self { base, client, folder, house, stop: Some(stop), served: Some(served) }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A call of the API: its status and what it answered.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.client.request(method.parse().unwrap(), self.url(path));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, value) = self.call("GET", path, None).await;
        assert_eq!(status, 200, "{value}");
        value
    }

    /// The id of a new conversation.
    pub(crate) async fn conversation(&self) -> String {
        let (status, made) = self.call("POST", "/api/conversations", Some(json!({"model": "demo"}))).await;
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn tab(&self) -> Tab {
        let (socket, _) = connect_async(self.base.replace("http:", "ws:") + "/api/live").await.unwrap();
        let mut tab = Tab { socket, next: 0, come: VecDeque::new(), frames: 0, heard: Vec::new() };
        assert_eq!(tab.next().await["type"], "hello");
        tab
    }
}

/// One tab of the page.
pub(crate) struct Tab {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u64,
    /// The rest of what came in one message.
    come: VecDeque<Value>,
    /// How many messages came.
    pub(crate) frames: usize,
    /// What came while something else was waited for.
    pub(crate) heard: Vec<Value>,
}

impl Tab {
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            if let Some(value) = self.come.pop_front() {
                return value;
            }
            let message = tokio::time::timeout(Duration::from_secs(20), self.socket.next()).await;
            match message.unwrap().unwrap().unwrap() {
                Message::Text(text) => {
                    let mut value: Value = serde_json::from_str(&text).unwrap();
                    self.frames += 1;
                    match value["events"].take() {
                        Value::Array(events) => self.come.extend(events),
                        _ => self.come.push_back(value),
                    }
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Asks, and gives the reply: `ok` or `error`.
    pub(crate) async fn ask(&mut self, mut call: Value) -> Value {
        self.next += 1;
        call["id"] = self.next.into();
        self.send(&call.to_string()).await;
        loop {
            let message = self.next().await;
            if message["type"] == "reply" && message["id"] == self.next {
                return message;
            }
            self.heard.push(message);
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// All that comes until this holds, what was heard before first.
    pub(crate) async fn until(&mut self, ends: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut all = std::mem::take(&mut self.heard);
        if let Some(at) = all.iter().position(&ends) {
            self.heard = all.split_off(at + 1);
            return all;
        }
        loop {
            let message = self.next().await;
            let last = ends(&message);
            all.push(message);
            if last {
                return all;
            }
        }
    }

    pub(crate) async fn until_run_ends(&mut self) -> Vec<Value> {
        self.until(|message| message["event"]["type"] == "run_ended").await
    }
}

/// A start of one model with these words.
pub(crate) fn say(conversation: &str, key: &str, parent: Option<&str>, text: &str) -> Value {
    json!({
        "type": "start", "conversation": conversation, "key": key, "parent": parent, "models": ["demo"],
        "user": {"parts": [{"type": "text", "text": text}]},
    })
}

/// The words that the events of a run tell.
pub(crate) fn words(messages: &[Value]) -> String {
    messages.iter().filter_map(|message| message["event"]["delta"]["text"].as_str()).collect()
}
