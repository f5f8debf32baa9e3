//! The way to the OpenID provider and back. By GET, as browsers are redirected; nothing changes here but who the
//! browser is, and only in answer to a sign-in that it began itself.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;

use super::errors::sentence;
use super::request::find;
use super::session::{login_page, next_of};
use super::{Site, Trouble, Visitor, see_other};
use crate::app::{AppError, about};
use crate::auth::oidc::Callback;
use crate::auth::oidc::cookies::Purpose;
use crate::auth::{Auth, AuthError, Oidc};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

pub(super) async fn sign_in(State(site): State<Site>, Query(Next { next }): Query<Next>) -> Response {
    let Some(oidc) = oidc(&site) else { return see_other(&next_of(&site, "")) };
    // It goes into a cookie, and browsers drop those over 4 KiB.
    let next = next_of(&site, Some(next).filter(|next| next.len() <= 1024).as_deref().unwrap_or_default());
    leave(&site, oidc, Purpose::SignIn, &next).await
}

/// Before a signature that asks for it: sign in again, as the same person, for exactly what the page shows.
pub(super) async fn confirm(visitor: Visitor, Path(id): Path<String>) -> Response {
    let Some(oidc) = oidc(&visitor.site) else { return see_other(&next_of(&visitor.site, "")) };
    let request = match find(&visitor, &id) {
        Ok(request) => request,
        Err(error) => return Trouble::new(&visitor, error).into_response(),
    };
    let Some(me) = visitor.caller.identity() else {
        let error = AppError::Unauthenticated("a signature needs a name under it".to_owned());
        return Trouble::new(&visitor, error).into_response();
    };
    let purpose = Purpose::Prove { person: me.person.clone(), about: about(request.id, request.binding) };
    let next = format!("{}/requests/{}", visitor.site.base, request.id);
    leave(&visitor.site, oidc, purpose, &next).await
}

pub(super) async fn callback(
    State(site): State<Site>,
    Query(callback): Query<Callback>,
    headers: HeaderMap,
) -> Response {
    let Some(oidc) = oidc(&site) else { return see_other(&next_of(&site, "")) };
    match oidc.finish(&headers, &callback).await {
        Ok(arrived) => {
            tracing::info!(person = %arrived.identity.person, "signed in at the identity provider");
            with_cookies(see_other(&next_of(&site, &arrived.next)), &arrived.cookies)
        }
        Err(error) => not_signed_in(&site, &error),
    }
}

async fn leave(site: &Site, oidc: &Oidc, purpose: Purpose, next: &str) -> Response {
    match oidc.begin(purpose, next).await {
        Ok(leaving) => with_cookies(see_other(&leaving.location), &[leaving.cookie]),
        Err(error) => not_signed_in(site, &error),
    }
}

fn not_signed_in(site: &Site, error: &AuthError) -> Response {
    tracing::warn!(%error, "not signed in");
    let status = if error.is_callers() { StatusCode::UNAUTHORIZED } else { StatusCode::SERVICE_UNAVAILABLE };
    login_page(site, status, String::new(), "", Some(sentence(&error.to_string())))
}

fn with_cookies(mut response: Response, cookies: &[String]) -> Response {
    for cookie in cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().append(http::header::SET_COOKIE, cookie);
    }
    response.headers_mut().insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn oidc(site: &Site) -> Option<&Oidc> {
    match site.app.people.auth() {
        Auth::Oidc(oidc) => Some(oidc),
        _ => None,
    }
}
