//! Signing in and out. Never by GET.

use axum::extract::{Form, FromRequestParts, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use std::net::SocketAddr;

use super::{Site, chrome, page, see_other};
use crate::auth::origin::{local_path, same_origin};
use crate::auth::{Auth, Local};
use crate::http::negotiate::encoded;
use crate::http::pages::Nav;
use crate::http::pages::login::{LoginPage, Provider};

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
pub(super) struct Peer(pub(super) SocketAddr);

impl FromRequestParts<Site> for Peer {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &Site) -> Result<Self, StatusCode> {
        parts.extensions.get::<SocketAddr>().copied().map(Self).ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

pub(super) async fn form(State(site): State<Site>, Query(Next { next }): Query<Next>) -> Response {
    if site.app.people.auth().has_login_page() {
        login_page(&site, StatusCode::OK, String::new(), &next, None)
    } else {
        see_other(&format!("{}/", site.base))
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
    if !same_origin(&headers, &site.app.public_url) {
        return response;
    }
    let ended = match site.app.people.auth() {
        Auth::Local(local) => Some(local.end_session(&headers)),
        Auth::Oidc(oidc) => Some(oidc.end_session(&headers)),
        Auth::Anonymous | Auth::Upstream(_) | Auth::ProxyHeader(_) => None,
    };
    if let Some(Ok(cookie)) = ended.map(|cookie| HeaderValue::from_str(&cookie)) {
        response.headers_mut().insert(http::header::SET_COOKIE, cookie);
    }
    response
}

fn local(site: &Site) -> Option<&Local> {
    match site.app.people.auth() {
        Auth::Local(local) => Some(local),
        Auth::Anonymous | Auth::Upstream(_) | Auth::Oidc(_) | Auth::ProxyHeader(_) => None,
    }
}

pub(super) fn next_of(site: &Site, next: &str) -> String {
    local_path(next).map_or_else(|| format!("{}/", site.base), str::to_owned)
}

pub(super) fn login_page(
    site: &Site,
    status: StatusCode,
    name: String,
    next: &str,
    error: Option<String>,
) -> Response {
    let next = next_of(site, next);
    let chrome = chrome(site, None, Nav::SignIn, next.clone());
    let provider = match site.app.people.auth() {
        Auth::Oidc(oidc) => {
            let host = oidc.issuer().split("://").last().unwrap_or_default().trim_end_matches('/').to_owned();
            Some(Provider { host, url: format!("{}/oidc/sign-in?next={}", site.base, encoded(&next)) })
        }
        _ => None,
    };
    page(status, &LoginPage { chrome, name, next, error, provider })
}
