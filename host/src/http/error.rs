//! Errors to responses: the one place that gives them a status.

use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::Value;

use crate::app::AppError;
use crate::mlflow::Body;

/// What is sent back.
pub(super) type Answered = Response<Body>;

/// In which form an error goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// MLflow's own, for calls on its routes. Whatever goes wrong there was not carried out, and is answered in a
    /// way that its client shows and does not repeat for minutes: 403, or 404 where MLflow has no such thing.
    Mlflow,
    /// MLflow's form with the status that fits, for Databricks' clients: they repeat 429 and 503 only.
    Databricks,
    /// RFC 9457, for our own routes.
    Problem,
}

/// Status, a stable code, and a title for people.
pub(super) const fn kind(error: &AppError) -> (StatusCode, &'static str, &'static str) {
    match error {
        _ if error.is_not_there() => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
        _ if error.is_not_yet() => (StatusCode::SERVICE_UNAVAILABLE, "not-yet", "Not yet"),
        AppError::NotFound(_) => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
        AppError::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "That is not yours to do"),
        AppError::Unauthenticated(_) => (StatusCode::UNAUTHORIZED, "unauthenticated", "Sign in first"),
        AppError::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid", "That cannot be taken"),
        AppError::Conflict(_) => (StatusCode::CONFLICT, "conflict", "Things have moved on"),
        AppError::NotYet(_) => (StatusCode::SERVICE_UNAVAILABLE, "not-yet", "Not yet"),
        AppError::Facts(_) | AppError::Read(_) | AppError::Registry(_) | AppError::Upstream(_) => {
            (StatusCode::BAD_GATEWAY, "upstream", "MLflow did not answer")
        }
        AppError::Policy(error) if !error.is_ours() => {
            (StatusCode::UNPROCESSABLE_ENTITY, "policy", "The policy cannot be put in force")
        }
        AppError::Policy(_) | AppError::Store(_) | AppError::Commit(_) | AppError::Ledger(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "store", "Nothing can be recorded")
        }
        AppError::Encode(_)
        | AppError::Draft(_)
        | AppError::Canonical(_)
        | AppError::Json(_)
        | AppError::Vault(_)
        | AppError::Randomness(_) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something is wrong with us")
        }
    }
}

/// An error in the form that its caller reads.
pub(super) fn respond(error: &AppError, shape: Shape) -> Response<Body> {
    let (status, code, title) = kind(error);
    let detail = chain(error);
    if status.is_server_error() && !error.is_not_yet() {
        tracing::error!(error = %detail, error.code = code, "use case failed");
    }
    match shape {
        Shape::Problem => problem(status, code, title, &detail),
        Shape::Databricks => {
            let (status, error_code) = databricks(error);
            mlflow(status, error_code, &detail, None)
        }
        // As MLflow itself says it.
        Shape::Mlflow if error.is_not_there() && !matches!(error, AppError::NotFound(_)) => {
            let message = format!("Countersign did not carry this out: {detail}");
            mlflow(status, "RESOURCE_DOES_NOT_EXIST", &message, None)
        }
        Shape::Mlflow if error.is_not_yet() => {
            let message = format!("Countersign did not carry this out: {detail}");
            mlflow(StatusCode::FORBIDDEN, "PERMISSION_DENIED", &message, None)
        }
        Shape::Mlflow => {
            let message = format!(
                "Countersign did not carry this out: {detail}. Call again when that is mended; its operator finds \
                 more in the log"
            );
            mlflow(StatusCode::FORBIDDEN, "PERMISSION_DENIED", &message, None)
        }
    }
}

/// Status and code as Databricks' clients know them.
fn databricks(error: &AppError) -> (StatusCode, &'static str) {
    match kind(error).0 {
        _ if error.is_not_there() => (StatusCode::NOT_FOUND, "RESOURCE_DOES_NOT_EXIST"),
        status @ StatusCode::FORBIDDEN => (status, "PERMISSION_DENIED"),
        status @ StatusCode::UNAUTHORIZED => (status, "UNAUTHENTICATED"),
        status @ StatusCode::BAD_REQUEST => (status, "INVALID_PARAMETER_VALUE"),
        status @ StatusCode::CONFLICT => (status, "RESOURCE_CONFLICT"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
    }
}

/// RFC 9457.
pub(super) fn problem(status: StatusCode, code: &str, title: &str, detail: &str) -> Response<Body> {
    #[derive(Serialize)]
    struct Problem<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        title: &'a str,
        status: u16,
        detail: &'a str,
        code: &'a str,
    }
    let problem = Problem { kind: "about:blank", title, status: status.as_u16(), detail, code };
    json(status, "application/problem+json", &problem)
}

/// MLflow's error form, with more for machines where there is more.
pub(super) fn mlflow(
    status: StatusCode,
    error_code: &str,
    message: &str,
    countersign: Option<Value>,
) -> Response<Body> {
    #[derive(Serialize)]
    struct MlflowError<'a> {
        error_code: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        countersign: Option<Value>,
    }
    json(status, "application/json", &MlflowError { error_code, message, countersign })
}

/// The error and its causes, each once, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}

pub(super) fn header<B>(response: &mut Response<B>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Somebody else's answer with another body.
pub(super) fn answered(head: http::response::Parts, body: bytes::Bytes) -> Answered {
    Response::from_parts(head, Body::Whole(body))
}

pub(super) fn json<T: Serialize>(status: StatusCode, content_type: &str, value: &T) -> Response<Body> {
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Body::Whole(body.into()));
    *response.status_mut() = status;
    header(&mut response, http::header::CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use crate::mlflow::ReadError;

    use super::*;

    fn check(error: &AppError, shape: Shape, expect: (u16, &str)) {
        let answered = respond(error, shape);
        assert_eq!(answered.status().as_u16(), expect.0);
        let Body::Whole(body) = answered.into_body() else { panic!("a body that streams") };
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(body.contains(expect.1), "{body}");
    }

    #[test]
    fn what_will_be_known_soon_is_no_fault() {
        let soon = AppError::NotYet("nobody can say yet; call again".to_owned());
        check(&soon, Shape::Mlflow, (403, "not carry this out: nobody can say yet; call again\""));
        check(&soon, Shape::Problem, (503, "\"code\":\"not-yet\""));
    }

    #[test]
    fn what_mlflow_does_not_have_is_not_taken_for_a_fault_of_ours() {
        let (what, message) = ("version 7".to_owned(), "it is gone".to_owned());
        let gone = AppError::Read(ReadError::NotFound { what, message });
        check(&gone, Shape::Mlflow, (404, "RESOURCE_DOES_NOT_EXIST"));
        check(&gone, Shape::Databricks, (404, "RESOURCE_DOES_NOT_EXIST"));
        check(&gone, Shape::Problem, (404, "find version 7: MLflow says: it is gone"));
        let ours = AppError::NotFound("the policy in force has no gate `x`".to_owned());
        check(&ours, Shape::Mlflow, (403, "has no gate"));
    }
}
