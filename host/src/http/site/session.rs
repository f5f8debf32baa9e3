//! Signing in and out. Never by GET.

use axum::extract::{Form, FromRequestParts, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use std::net::SocketAddr;

use super::{Site, chrome, page, see_other};
use crate::auth::origin::{local_path, same_origin};
use crate::auth::{Auth, Local};
use crate::http::pages::Nav;
use crate::http::pages::login::LoginPage;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct SignIn {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// Where a sign-in form came from.
pub(super) struct Peer(SocketAddr);

impl FromRequestParts<Site> for Peer {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &Site) -> Result<Self, StatusCode> {
        parts.extensions.get::<SocketAddr>().copied().map(Self).ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

pub(super) async fn form(State(site): State<Site>, Query(Next { next }): Query<Next>) -> Response {
    match local(&site) {
        Some(_) => login_page(&site, StatusCode::OK, String::new(), &next, None),
        None => see_other(&format!("{}/", site.base)),
    }
}

pub(super) async fn sign_in(
    State(site): State<Site>,
    Peer(peer): Peer,
    headers: HeaderMap,
    Form(form): Form<SignIn>,
) -> Response {
    let Some(local) = local(&site) else { return see_other(&format!("{}/", site.base)) };
    let refused = |why: &str| {
        login_page(&site, StatusCode::UNAUTHORIZED, form.name.clone(), &form.next, Some(why.to_owned()))
    };
    if !same_origin(&headers, &site.app.public_url) {
        return refused("This form came from another site: sign in here.");
    }
    let identity = match local.sign_in(&form.name, form.password.clone(), peer.ip()).await {
        Ok(identity) => identity,
        Err(error) => return refused(&super::errors::sentence(&error.to_string())),
    };
    match local.start_session(&identity).map(|cookie| HeaderValue::from_str(&cookie)) {
        Ok(Ok(cookie)) => {
            let mut response = see_other(&next_of(&site, &form.next));
            response.headers_mut().insert(http::header::SET_COOKIE, cookie);
            response
        }
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

pub(super) async fn sign_out(State(site): State<Site>, headers: HeaderMap) -> Response {
    let mut response = see_other(&format!("{}/login", site.base));
    let ours = same_origin(&headers, &site.app.public_url);
    if let (true, Some(local)) = (ours, local(&site))
        && let Ok(cookie) = HeaderValue::from_str(&local.end_session(&headers))
    {
        response.headers_mut().insert(http::header::SET_COOKIE, cookie);
    }
    response
}

fn local(site: &Site) -> Option<&Local> {
    match site.app.people.auth() {
        Auth::Local(local) => Some(local),
        Auth::Anonymous | Auth::Upstream(_) => None,
    }
}

fn next_of(site: &Site, next: &str) -> String {
    local_path(next).map_or_else(|| format!("{}/", site.base), str::to_owned)
}

fn login_page(site: &Site, status: StatusCode, name: String, next: &str, error: Option<String>) -> Response {
    let next = next_of(site, next);
    let chrome = chrome(site, None, Nav::SignIn, next.clone());
    page(status, &LoginPage { chrome, name, next, error })
}
