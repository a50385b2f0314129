//! The web server: the chat page, its API, and the live socket, on an engine and a house of models.
//!
//! The server owns each run: a page watches it, leaves, comes back and misses nothing. What the page does is a
//! documented call of the API (`docs/reference/chat-api.md`). Clients that were written for others hold live sessions with
//! its models at their own paths (`docs/reference/live-apis.md`).
//!
//! This crate must never know: a vendor, how plugins are run, where keys are kept, a terminal.
mod api;
mod desk;
mod guard;
mod held;
mod house;
mod list;
mod live;
mod measure;
mod page;
mod problem;
mod realtime;
mod shape;
mod state;
mod tls;
mod uploads;
mod voice;

pub use guard::Guard;
pub use house::{
    FolderRow, House, KeyRow, LogLine, ModelRow, Place, PluginList, PluginLog, PluginRow, Preset, Source,
    SourceKind, ToolRow,
};
pub use page::{Asset, Assets, NoAssets};
pub use tls::Tls;

use axum::Router;
use axum::middleware::from_fn_with_state;
use consort_engine::Engine;
use consort_store::TurnQuery;
use state::Shared;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How long requests that run may take once the server is asked to end.
const DRAIN: Duration = Duration::from_secs(5);

/// How long connections may take after that.
const LAST: Duration = Duration::from_secs(1);

/// How long live sessions may take to end, which have their own limits: this one is for those that keep none.
const HELD: Duration = Duration::from_secs(8);

/// How many of the newest turns tell how fast models are.
const MEASURED: usize = 300;

/// A server that is ready to listen.
pub struct Server {
    shared: Arc<Shared>,
    assets: Arc<dyn Assets>,
}

impl Server {
    /// A server of these models and this engine, which keeps what is its own in a folder.
    pub fn new(
        house: Arc<dyn House>,
        engine: Engine,
        folder: &Path,
        guard: Guard,
        assets: Arc<dyn Assets>,
    ) -> Self {
        let shared = Shared {
            house,
            engine,
            guard,
            desk: desk::Desk::open(folder.join("chat.json")),
            uploads: Arc::new(uploads::Uploads::new(folder.join("uploads"))),
            lists: list::Lists::default(),
            measures: measure::Measures::default(),
            hub: live::Hub::default(),
            started: live::Started::default(),
            lobby: voice::Lobby::default(),
            holds: held::Holds::default(),
            boot: uuid::Uuid::new_v4().to_string(),
            ending: AtomicBool::new(false),
            leaving: watch::Sender::new(false),
        };
        Self { shared: Arc::new(shared), assets }
    }

    fn router(&self) -> Router {
        Router::new()
            .nest("/api", api::router())
            .merge(realtime::router())
            .merge(realtime::unserved())
            .merge(page::router(self.assets.clone()))
            .layer(from_fn_with_state(self.shared.clone(), guard::check))
            .with_state(self.shared.clone())
    }

    /// Serves, over TLS where there is what that needs, until `stop` is done. Then it begins nothing, lets what runs come to its end, for a while, and stops the rest;
    /// who is connected sees that.
    pub async fn serve(
        self,
        listener: TcpListener,
        tls: Option<Tls>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        self.look_back().await;
        let shared = self.shared.clone();
        let (drained, all) = tokio::sync::oneshot::channel();
        let asked = async move {
            stop.await;
            shared.ending.store(true, Ordering::SeqCst);
            shared.leaving.send_replace(true);
            drain(&shared.engine).await;
            // Whoever holds the other end is gone: so is the server.
            let _ = drained.send(());
        };
        let service = self.router().into_make_service_with_connect_info::<tls::Peer>();
        let serving = async {
            match tls {
                None => axum::serve(listener, service).with_graceful_shutdown(asked).await,
                Some(tls) => {
                    let listener = tls::TlsListener::new(listener, tls);
                    axum::serve(listener, service).with_graceful_shutdown(asked).await
                }
            }
        };
        let late = async {
            let _ = all.await;
            tokio::time::sleep(LAST).await;
        };
        let served = tokio::select! {
            served = serving => served,
            () = late => Ok(()),
        };
        // Where it could not serve, nobody asked it to end.
        self.shared.leaving.send_replace(true);
        drain(&self.shared.engine).await;
        // Connections that became live sessions are none of the server's requests any more: their ends are still to be told.
        let _ = tokio::time::timeout(HELD, self.shared.holds.none_left()).await;
        served
    }

    /// What earlier lives of the server left: speeds to show, uploads and deletions to finish.
    async fn look_back(&self) {
        let query = TurnQuery { limit: Some(MEASURED), ..TurnQuery::default() };
        let turns = self.shared.engine.store().turns(query).await.unwrap_or_default();
        for hit in turns.iter().rev() {
            self.shared.measures.note(&hit.turn);
        }
        api::deletion::purge_left(&self.shared).await;
        tokio::spawn(uploads::keep_swept(Arc::downgrade(&self.shared.uploads)));
    }
}

/// Waits for the runs; those that take too long are stopped, with their text kept.
async fn drain(engine: &Engine) {
    let ends = async {
        while let Some(run) = engine.runs().first() {
            run.done().await;
        }
    };
    if tokio::time::timeout(DRAIN, ends).await.is_err() {
        let late = engine.runs();
        for run in &late {
            run.stop();
        }
        for run in &late {
            run.done().await;
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("engine", &self.shared.engine).finish_non_exhaustive()
    }
}
