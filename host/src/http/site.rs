//! The pages under `/_countersign/`: who looks, what they may see and do, and the forms that they send.

mod audit;
mod config_form;
mod discussion;
mod entry;
mod errors;
mod exceptions;
mod forms;
mod health;
mod inbox;
mod insights;
mod kept;
mod ledger;
mod model;
mod oidc;
mod panel;
mod people;
mod plugins;
mod policy;
mod policy_change;
mod request;
mod retention;
mod session;
mod what_if;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::request::Parts;
use http::{HeaderValue, StatusCode};

use super::assets;
use super::front::Authenticated;
use super::negotiate;
use super::pages::{CONTENT_SECURITY_POLICY, Chrome, Nav, Page, Person, Viewer, When};
use crate::app::{App, AppError, Doctor};
use crate::auth::{Auth, Caller};
use countersign_core::names::PersonId;
use countersign_core::time::Millis;

pub(super) use self::errors::Trouble;

/// What every page's handler has at hand.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) app: Arc<App>,
    pub(super) base: Arc<str>,
    /// Who looks at what lies around us; only the health page asks.
    pub(super) doctor: Option<Doctor>,
}

/// The first page, at `base` and a slash: a nested router never sees that path.
pub(super) fn inbox(app: Arc<App>, base: String) -> Router {
    let path = format!("{base}/");
    Router::new().route(&path, get(inbox::show)).with_state(Site { app, base: base.into(), doctor: None })
}

/// All other pages, below `base`.
pub(super) fn router(app: Arc<App>, base: String, doctor: Option<Doctor>) -> Router {
    Router::new()
        .route("/login", get(session::form).post(session::sign_in))
        .route("/logout", post(session::sign_out))
        .route("/requests/{id}", get(request::show))
        .route("/requests/{id}/reviews", post(forms::review))
        .route("/requests/{id}/comments", post(discussion::write))
        .route("/requests/{id}/comments/{comment}/resolve", post(discussion::settle))
        .route("/requests/{id}/withdraw", post(forms::withdraw))
        .route("/requests/{id}/evidence/{plugin}", post(forms::evidence))
        .route("/requests/{id}/apply", post(forms::apply))
        .route("/requests/{id}/renew", post(forms::renew))
        .route("/requests/{id}/break-glass", post(forms::break_glass))
        .route("/requests/{id}/standing", post(request::standing::speak))
        .route("/requests/{id}/sample", post(request::standing::review))
        .route("/requests/{id}/confirm", get(oidc::confirm))
        .route("/oidc/sign-in", get(oidc::sign_in))
        .route("/oidc/callback", get(oidc::callback))
        .route("/models/{name}", get(model::show))
        .route("/models/{name}/audit", get(audit::show))
        .route("/panel", get(panel::show))
        .route("/panel/difference", get(panel::difference))
        .route("/ledger", get(ledger::show))
        .route("/ledger/{index}", get(entry::show))
        .route("/plugins", get(plugins::show))
        .route("/plugins/{name}", get(plugins::one))
        .route("/plugins/{name}/config", get(plugins::one).post(plugins::try_config))
        .route("/policy", get(policy::show))
        .route("/policy/reload", post(policy::reload))
        .route("/policy/what-if", get(what_if::show))
        .route("/retention", get(retention::show))
        .route("/retention/holds", post(retention::hold))
        .route("/retention/holds/{id}/release", post(retention::release))
        .route("/policy/changes/{index}", get(policy_change::show))
        .route("/people", get(people::show))
        .route("/health", get(health::show))
        .route("/exceptions", get(exceptions::show))
        .route("/insights", get(insights::show))
        .route("/exceptions/waivers/{id}", post(exceptions::waiver))
        .route("/exceptions/break-glass/{id}", post(exceptions::review))
        .route("/exceptions/break-glass/{id}/acknowledge", post(exceptions::acknowledge))
        .route("/assets/{file}", get(asset))
        .fallback(errors::nothing_here)
        .with_state(Site { app, base: base.into(), doctor })
}

/// Somebody who looks at a page, and from where.
pub(super) struct Visitor {
    pub(super) site: Site,
    pub(super) caller: Caller,
    pub(super) here: String,
}

impl FromRequestParts<Site> for Visitor {
    type Rejection = Response;

    /// A browser without a name is sent to the login page; where nobody has a name, everybody may look.
    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        let Ok(Extension(auth)) = Extension::<Authenticated>::from_request_parts(parts, site).await else {
            return Err(StatusCode::INTERNAL_SERVER_ERROR.into_response());
        };
        let here = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let here = match here.strip_prefix(&*site.base) {
            Some(_) => here.to_owned(),
            None => format!("{}{here}", site.base),
        };
        let known = (*auth).as_ref().ok().filter(|caller| {
            caller.identity().is_some() || matches!(site.app.people.auth(), Auth::Anonymous)
        });
        match known {
            Some(caller) => Ok(Self { site: site.clone(), caller: caller.clone(), here }),
            None => Err(unknown(site, &here)),
        }
    }
}

fn unknown(site: &Site, here: &str) -> Response {
    let auth = site.app.people.auth();
    if auth.has_login_page() {
        return see_other(&negotiate::login_url(&site.base, here));
    }
    let words = match auth {
        Auth::ProxyHeader(_) => errors::sentence(auth.how_to_sign_in()),
        _ => "Sign in with your MLflow account.".to_owned(),
    };
    (StatusCode::UNAUTHORIZED, [(http::header::WWW_AUTHENTICATE, auth.challenge())], words).into_response()
}

impl Visitor {
    pub(super) fn chrome(&self, nav: Nav) -> Chrome {
        chrome(&self.site, Some(&self.caller), nav, self.here.clone())
    }

    pub(super) fn app(&self) -> &App {
        &self.site.app
    }

    pub(super) fn now(&self) -> Millis {
        self.site.app.clock.now()
    }

    pub(super) fn when(&self, at: Millis) -> When {
        When::new(at, self.now())
    }

    pub(super) fn person(&self, id: &PersonId) -> Person {
        let people = &self.app().people;
        Person { name: people.name_of(id), machine: people.is_machine(id) }
    }

    /// Somebody of whom nobody knows who they are.
    pub(super) fn somebody(&self, id: Option<&PersonId>) -> Person {
        id.map_or_else(|| Person { name: "unknown".to_owned(), machine: false }, |id| self.person(id))
    }
}

pub(super) fn chrome(site: &Site, caller: Option<&Caller>, nav: Nav, here: String) -> Chrome {
    let viewer = caller.and_then(Caller::identity).map(|identity| Viewer {
        name: identity.name.clone(),
        machine: identity.machine,
        can_sign_out: caller.is_some_and(Caller::by_session),
    });
    Chrome {
        base: site.base.to_string(),
        mlflow: site
            .base
            .strip_suffix(super::OUR_PATH)
            .map(|prefix| format!("{prefix}/"))
            .unwrap_or_default(),
        viewer,
        nav,
        can_sign_in: site.app.people.auth().has_login_page(),
        here,
    }
}

/// A page with the headers that every page has.
pub(super) fn page(status: StatusCode, page: &impl Page) -> Response {
    let mut response = (status, Html(page.render())).into_response();
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(http::header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    set(http::header::CACHE_CONTROL, "no-store");
    set(http::header::REFERRER_POLICY, "same-origin");
    set(http::header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

pub(super) fn see_other(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(location) => (StatusCode::SEE_OTHER, [(http::header::LOCATION, location)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn asset(State(_): State<Site>, Path(file): Path<String>) -> Response {
    match assets::find(&file) {
        Some(asset) => {
            let headers = [
                (http::header::CONTENT_TYPE, asset.content_type),
                (http::header::CACHE_CONTROL, assets::CACHE_FOR_EVER),
                (http::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            // The name carries the content's digest, so it says all that a tag would.
            let tag = [(http::header::ETAG, format!("\"{}\"", asset.file_name))];
            (headers, tag, asset.bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Forms are only taken from our own pages.
pub(super) fn must_be_ours(visitor: &Visitor, headers: &http::HeaderMap) -> Result<(), AppError> {
    if crate::auth::origin::same_origin(headers, &visitor.app().public_url) {
        Ok(())
    } else {
        Err(AppError::Forbidden("this form came from another site: open it here again".to_owned()))
    }
}
