//! The web server: the chat page, its API, and the live socket, on an engine and a house of models.
//!
//! The server owns each run: a page watches it, leaves, comes back and misses nothing. What the page does is a
//! documented call of the API (`docs/reference/chat-api.md`).
//!
//! This crate must never know: a vendor, how plugins are run, where keys are kept, a terminal.
mod api;
mod desk;
mod guard;
mod house;
mod live;
mod measure;
mod page;
mod problem;
mod shape;
mod state;
mod uploads;

pub use guard::Guard;
pub use house::{
    FolderRow, House, KeyRow, LogLine, ModelRow, Place, PluginList, PluginLog, PluginRow, Preset, Source,
    SourceKind, ToolRow,
};
pub use page::{Asset, Assets, NoAssets};

use axum::Router;
use axum::middleware::from_fn_with_state;
use consort_engine::Engine;
use consort_store::TurnQuery;
use state::Shared;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long requests that run may take once the server is asked to end.
const DRAIN: Duration = Duration::from_secs(5);

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
            uploads: uploads::Uploads::new(folder.join("uploads")),
            measures: measure::Measures::default(),
            hub: live::Hub::default(),
            started: live::Started::default(),
            boot: uuid::Uuid::new_v4().to_string(),
        };
        Self { shared: Arc::new(shared), assets }
    }

    fn router(&self) -> Router {
        Router::new()
            .nest("/api", api::router())
            .merge(page::router(self.assets.clone()))
            .layer(from_fn_with_state(self.shared.clone(), guard::check))
            .with_state(self.shared.clone())
    }

    /// Serves until `stop` is done; then lets what runs come to its end, for a while, and stops the rest.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        self.look_back().await;
        let (engine, router) = (self.shared.engine.clone(), self.router());
        let (ended, ends) = tokio::sync::oneshot::channel();
        let asked = async move {
            stop.await;
            // Whoever holds this end is gone: so is the server.
            let _ = ended.send(());
        };
        let serving = axum::serve(listener, router).with_graceful_shutdown(asked).into_future();
        tokio::pin!(serving);
        let late = async {
            let _ = ends.await;
            drain(&engine).await;
        };
        tokio::select! {
            served = &mut serving => {
                drain(&engine).await;
                served
            }
            () = late => Ok(()),
        }
    }

    /// What earlier lives of the server left: speeds to show, uploads and deletions to finish.
    async fn look_back(&self) {
        let query = TurnQuery { limit: Some(MEASURED), ..TurnQuery::default() };
        let turns = self.shared.engine.store().turns(query).await.unwrap_or_default();
        for hit in turns.iter().rev() {
            self.shared.measures.note(&hit.turn);
        }
        let shared = self.shared.clone();
        tokio::spawn(async move {
            api::conversations::purge(&shared, None).await;
            tokio::task::spawn_blocking(move || shared.uploads.sweep());
        });
    }
}

/// Waits for the runs; those that take too long are stopped, with their text kept.
async fn drain(engine: &Engine) {
    let ends = async {
        for run in engine.runs() {
            run.done().await;
        }
    };
    if tokio::time::timeout(DRAIN, ends).await.is_err() {
        for run in engine.runs() {
            run.stop();
            run.done().await;
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("engine", &self.shared.engine).finish_non_exhaustive()
    }
}
