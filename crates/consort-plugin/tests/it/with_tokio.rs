//! The feature `tokio`: timers and tasks work in a request.
use crate::support::{asking, driver, stop, telling};
use consort_core::{Context, Error};
use std::time::Duration;

#[test]
fn a_request_has_a_runtime() {
    let mut driver = driver(telling(|_, context: Context, mut say| async move {
        context.clock.sleep(Duration::from_millis(1)).await;
        let task = tokio::spawn(async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            "from a task"
        });
        say.text(task.await.map_err(|error| Error::protocol(error.to_string()))?).await;
        stop()
    }));
    assert_eq!(driver.generate(asking("m", "go")).text(), "from a task");
}
