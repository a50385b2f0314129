//! An answer on its way to the user: followed, shown, styled, and asked about.
mod approve;
mod follow;
mod form;
mod markdown;
mod object;
mod show;
mod spinner;
mod words;

pub(crate) use follow::{Followed, follow};
pub(crate) use object::attempt;
pub(crate) use show::Show;
pub(crate) use spinner::Spinner;
