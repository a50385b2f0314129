//! What a request's code runs on: the thread that it has, and a tokio runtime where that is asked for.
#[cfg(not(feature = "tokio"))]
use consort_core::Clock;
#[cfg(not(feature = "tokio"))]
use std::sync::Arc;

/// Waits for a future on this thread.
#[cfg(not(feature = "tokio"))]
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

#[cfg(not(feature = "tokio"))]
pub(super) fn clock() -> Arc<dyn Clock> {
    Arc::new(consort_core::SystemClock)
}

#[cfg(feature = "tokio")]
pub(crate) use with_tokio::{block_on, clock};

#[cfg(feature = "tokio")]
mod with_tokio {
    use consort_core::{BoxFuture, Clock};
    use std::sync::{Arc, OnceLock};
    use std::time::{Duration, Instant};
    use tokio::runtime::{Builder, Runtime};

    /// One runtime for all requests: it drives sockets, timers and spawned tasks; requests stay on their threads.
    fn runtime() -> Option<&'static Runtime> {
        static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
        let build = || Builder::new_multi_thread().worker_threads(1).enable_all().build().ok();
        RUNTIME.get_or_init(build).as_ref()
    }

    pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
        let _entered = runtime().map(Runtime::enter);
        pollster::block_on(future)
    }

    pub(crate) fn clock() -> Arc<dyn Clock> {
        Arc::new(TokioClock)
    }

    #[derive(Debug)]
    struct TokioClock;

    impl Clock for TokioClock {
        fn now(&self) -> Instant {
            Instant::now()
        }

        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            Box::pin(async move { tokio::time::sleep(duration).await })
        }
    }
}
