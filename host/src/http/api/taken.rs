//! What callers send, taken apart; what cannot be taken is a problem like any other.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::Problem;
use crate::app::AppError;

/// A JSON body.
pub(super) struct Sent<T>(pub(super) T);

/// The parameters of the query.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let taken = Json::<T>::from_request(request, state).await;
        taken.map(|Json(body)| Self(body)).map_err(|refused| Problem(AppError::Invalid(refused.body_text())))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let taken = Query::<T>::from_request_parts(parts, state).await;
        taken
            .map(|Query(query)| Self(query))
            .map_err(|refused| Problem(AppError::Invalid(refused.body_text())))
    }
}
