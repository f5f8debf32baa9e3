//! Databricks' API for stage transitions and comments, on MLflow's port, for the clients that speak it already.
//! `shapes` are its words, `mapping` says what they mean here, `routes` answers.

mod envelope;
mod mapping;
mod routes;
mod shapes;
#[cfg(test)]
mod tests;

pub(super) use self::envelope::in_envelope;
pub(super) use self::routes::answer;
