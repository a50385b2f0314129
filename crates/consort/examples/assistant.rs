//! An assistant for the front desk, offline, on the built-in `demo` model: `cargo run --example assistant`.
//!
//! It reads lines, streams its answers, remembers what it is told with `remember ...`, and has a tool.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks on a terminal")]
use consort::providers::DemoProvider;
use consort::{Assistant, Context, Error, Host, ToolOutput, Toolset, function};
use std::io::{BufRead, Write};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Room {
    /// The room's number, as on its door.
    number: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let model = Host::new().provider(DemoProvider::new()).find("demo").await?;
    let rooms = Toolset::new("rooms")
        .instructions("Ask for the number before you do anything with a room.")
        .tool(function("clean_room", "Has a room cleaned.", |room: Room, _: Context| async move {
            Ok(ToolOutput::text(format!("room {} will be cleaned", room.number)))
        }));
    let assistant = Assistant::builder("desk", model)
        .instructions("You work at the front desk of a small hotel. Be brief.")
        .ability(rooms)
        .build();
    assistant.initialise().await?;
    let guest = assistant.talk("room-12").participant("ada");
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if let Some(fact) = line.strip_prefix("remember ") {
            guest.remember(fact).await?;
            continue;
        }
        let mut reply = guest.say(line);
        while let Some(piece) = reply.next_text().await {
            print!("{piece}");
            // A terminal that is gone reads nothing.
            let _ = std::io::stdout().flush();
        }
        println!();
        if let Err(failed) = reply.await {
            eprintln!("error: {failed}");
        }
    }
    println!("remembered: {}", guest.memories().await?.len());
    assistant.close().await;
    Ok(())
}
