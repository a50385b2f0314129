//! For tests: the contract test that authors run, a driver that stands for a host, and the protocol's JSON Schema.
//!
//! ```
//! # fn parrot() -> impl consort_core::Provider {
//! #     use consort_core::*;
//! #     struct Parrot(ModelCard);
//! #     impl Model for Parrot {
//! #         fn card(&self) -> &ModelCard { &self.0 }
//! #         fn stream(&self, request: std::sync::Arc<Request>, _: Context) -> EventStream {
//! #             events_of(Event::text_answer(&request.last_user_text()))
//! #         }
//! #     }
//! #     consort_plugin::Plugin::new("Zoo").model(Parrot(ModelCard::new("zoo", "parrot")))
//! # }
//! consort_plugin::testing::check(parrot()).assert();
//! ```
mod check;
mod driver;
mod live;
mod order;
mod protocol;
mod report;
mod run;
mod sane;
mod transcript;

pub use check::{Check, check};
pub use driver::{Answered, Driver};
pub use order::in_order;
pub use report::{Finding, Report};
pub use transcript::{Transcript, schema};
