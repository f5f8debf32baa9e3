//! What callers send, taken apart; what cannot be taken is a problem like any other.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::{Extension, Json};
use http::HeaderMap;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::{Authenticated, Problem, reader};
use crate::app::{App, AppError};
use crate::auth::Caller;

/// A JSON body.
pub(super) struct Sent<T>(pub(super) T);

/// The parameters of the query.
pub(super) struct Asked<T>(pub(super) T);

/// Who calls for a change. Whether they may is asked by [`Writer::caller`], once what they sent is taken apart.
pub(super) struct Writer {
    pub(super) app: Arc<App>,
    pub(super) headers: HeaderMap,
    auth: Authenticated,
}

impl Writer {
    /// Who calls: not by a cookie that another site made a browser send.
    pub(super) fn caller(&self) -> Result<Caller, AppError> {
        let caller = reader(&self.app, &self.auth)?;
        if caller.may_be_forged(&self.headers, &self.app.public_url) {
            return Err(AppError::Forbidden(
                "this form came from another site: open it here again".to_owned(),
            ));
        }
        Ok(caller)
    }
}

impl FromRequestParts<Arc<App>> for Writer {
    type Rejection = <Extension<Authenticated> as FromRequestParts<Arc<App>>>::Rejection;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Self::Rejection> {
        let Extension(auth) = Extension::from_request_parts(parts, app).await?;
        Ok(Self { app: Arc::clone(app), headers: parts.headers.clone(), auth })
    }
}

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
