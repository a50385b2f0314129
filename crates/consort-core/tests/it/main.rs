//! The contract: what a host finds, what events fold into, what usage and limits add up to.
mod fold;
mod host;
mod limits;
