//! Listing and reading a model's files through MLflow, wherever it keeps them.

use bytes::{Bytes, BytesMut};
use countersign_core::names::{ModelName, Version, Workspace};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, LAST_MODIFIED, RANGE};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use super::client::{Call, Client, ReadError, refused, segment, unavailable};
use super::types::FileInfo;

/// How MLflow lets us at the files of one model version. Paths below are relative to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Location {
    /// Served by MLflow's artifact proxy; the directory, relative to the proxy's root.
    Proxied { root: String },
    /// A logged model whose files only the server can reach.
    LoggedModel { id: String },
    /// Below a run's artifacts, which only the server can reach.
    Run { id: String, root: String },
    /// Read by name and version. MLflow cannot list these.
    Version { model: ModelName, version: Version },
}

impl Location {
    /// The proxied directory of an `mlflow-artifacts:` URI, with or without an authority.
    #[must_use]
    pub fn proxied(uri: &str) -> Option<Self> {
        let rest = uri.strip_prefix("mlflow-artifacts:")?;
        let path = match rest.strip_prefix("//") {
            Some(rest) => rest.split_once('/').map_or("", |(_, path)| path),
            None => rest,
        };
        Some(Self::Proxied { root: path.trim_matches('/').to_owned() })
    }

    /// The proxied path of a file, as it appears after `/mlflow-artifacts/artifacts/`; `None` when it has none.
    #[must_use]
    pub fn proxied_path(&self, path: &str) -> Option<String> {
        match self {
            Self::Proxied { root } => Some(join(root, path)),
            _ => None,
        }
    }
}

/// What tells one content of a file from a later one, without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    pub size: u64,
    pub etag: String,
    pub last_modified: String,
}

/// A file being read.
#[derive(Debug)]
pub struct Reading {
    what: String,
    response: reqwest::Response,
}

impl Reading {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ReadError> {
        self.response.chunk().await.map_err(|e| unavailable(&self.what, e))
    }

    /// `None` when MLflow does not say both how long the file is and when it changed.
    #[must_use]
    pub fn validators(&self) -> Option<Validators> {
        validators(&self.response)
    }
}

impl Client {
    /// The files and directories directly in a directory; `""` is the location itself. Paths come relative to
    /// the location.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn list_artifacts(
        &self,
        workspace: &Workspace,
        location: &Location,
        directory: &str,
    ) -> Result<Vec<FileInfo>, ReadError> {
        let what = format!("the list of files in `{directory}/`");
        match location {
            Location::Proxied { root } => {
                let path = join(root, directory);
                let query = [("path", path.as_str())];
                let call = Call::get(what, "/api/2.0/mlflow-artifacts/artifacts", &query);
                Ok(within(directory, self.listing(call, workspace).await?))
            }
            Location::LoggedModel { id } => {
                let path = format!("/api/2.0/mlflow/logged-models/{}/artifacts/directories", segment(id));
                let query = [("artifact_directory_path", directory)];
                self.listing(Call::get(what, &path, &query), workspace).await
            }
            Location::Run { id, root } => {
                let path = join(root, directory);
                let query = [("run_id", id.as_str()), ("path", path.as_str())];
                let files =
                    self.listing(Call::get(what, "/api/2.0/mlflow/artifacts/list", &query), workspace);
                Ok(below(root, files.await?))
            }
            Location::Version { .. } => {
                let message = "MLflow reads these files one by one and cannot list them".to_owned();
                Err(ReadError::Refused { what, status: StatusCode::NOT_IMPLEMENTED.as_u16(), message })
            }
        }
    }

    async fn listing(&self, call: Call<'_>, workspace: &Workspace) -> Result<Vec<FileInfo>, ReadError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            files: Vec<FileInfo>,
            next_page_token: Option<String>,
        }
        let mut all = Vec::new();
        let mut page = String::new();
        loop {
            let mut query = call.query.to_vec();
            query.push(("page_token", page.as_str()));
            let next = Call::get(call.what.clone(), call.path, &query).within(workspace);
            let answer: Answer = self.json(next).await?;
            all.extend(answer.files);
            match answer.next_page_token.filter(|token| !token.is_empty()) {
                Some(token) => page = token,
                None => return Ok(all),
            }
        }
    }

    /// Opens a file for reading from its start. There is no limit of time: the reader sets one.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn open_artifact(
        &self,
        workspace: &Workspace,
        location: &Location,
        path: &str,
    ) -> Result<Reading, ReadError> {
        self.fetch(workspace, location, path, http::Method::GET, None).await
    }

    /// What tells whether a file has changed, for one byte of it. Asked by GET like the file itself: MLflow 3.17 answers
    /// HEAD elsewhere, with an `ETag` of another form.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn artifact_validators(
        &self,
        workspace: &Workspace,
        location: &Location,
        path: &str,
    ) -> Result<Option<Validators>, ReadError> {
        let mut reading = self.fetch(workspace, location, path, http::Method::GET, Some("bytes=0-0")).await?;
        let told = reading.validators();
        // Its one byte is taken, so that the connection is of use again; a whole file is broken off.
        if reading.response.status() == StatusCode::PARTIAL_CONTENT {
            reading.chunk().await?;
        }
        Ok(told)
    }

    /// At most `len` bytes of a file from `offset`; fewer at its end, none past it.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read_artifact(
        &self,
        workspace: &Workspace,
        location: &Location,
        path: &str,
        offset: u64,
        len: u32,
    ) -> Result<Bytes, ReadError> {
        if len == 0 {
            return Ok(Bytes::new());
        }
        let last = offset.saturating_add(u64::from(len) - 1);
        let range = format!("bytes={offset}-{last}");
        match self.fetch(workspace, location, path, http::Method::GET, Some(&range)).await {
            Ok(reading) if reading.response.status() == StatusCode::PARTIAL_CONTENT => {
                take(reading, 0, len).await
            }
            // Not every route of MLflow's knows ranges: skip what was not asked for, without keeping it.
            Ok(reading) => take(reading, offset, len).await,
            Err(ReadError::Refused { status: 416, .. }) => Ok(Bytes::new()),
            Err(error) => Err(error),
        }
    }

    async fn fetch(
        &self,
        workspace: &Workspace,
        location: &Location,
        path: &str,
        method: http::Method,
        range: Option<&str>,
    ) -> Result<Reading, ReadError> {
        let what = format!("file `{path}`");
        let (route, query) = self.route(location, path);
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let call = Call {
            what: what.clone(),
            method,
            path: &route,
            workspace: Some(workspace),
            query: &query,
            body: None,
        };
        let mut request = self.unbounded(call);
        if let Some(range) = range {
            request = request.header(RANGE, range);
        }
        let response = request.send().await.map_err(|e| unavailable(&what, e))?;
        if response.status().is_success() {
            return Ok(Reading { what, response });
        }
        Err(refused(&what, response).await)
    }

    fn route(&self, location: &Location, path: &str) -> (String, Vec<(&'static str, String)>) {
        let prefix = self.prefix();
        match location {
            Location::Proxied { root } => {
                let path: Vec<String> = join(root, path).split('/').map(segment).collect();
                (format!("/api/2.0/mlflow-artifacts/artifacts/{}", path.join("/")), Vec::new())
            }
            Location::LoggedModel { id } => (
                format!("{prefix}/ajax-api/2.0/mlflow/logged-models/{}/artifacts/files", segment(id)),
                vec![("artifact_file_path", path.to_owned())],
            ),
            Location::Run { id, root } => {
                (format!("{prefix}/get-artifact"), vec![("run_id", id.clone()), ("path", join(root, path))])
            }
            Location::Version { model, version } => (
                format!("{prefix}/model-versions/get-artifact"),
                vec![
                    ("name", model.to_string()),
                    ("version", version.to_string()),
                    ("path", path.to_owned()),
                ],
            ),
        }
    }
}

async fn take(mut reading: Reading, mut skip: u64, len: u32) -> Result<Bytes, ReadError> {
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let mut taken = BytesMut::new();
    while taken.len() < len {
        let Some(mut chunk) = reading.chunk().await? else { break };
        let size = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        if skip >= size {
            skip -= size;
            continue;
        }
        chunk = chunk.split_off(usize::try_from(skip).unwrap_or(0));
        skip = 0;
        chunk.truncate(len - taken.len());
        taken.extend_from_slice(&chunk);
    }
    Ok(taken.freeze())
}

fn validators(response: &reqwest::Response) -> Option<Validators> {
    validators_in(response.status(), response.headers())
}

/// Of a part of a file the size is that of the whole.
fn validators_in(status: StatusCode, headers: &HeaderMap) -> Option<Validators> {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let size = match status {
        StatusCode::PARTIAL_CONTENT => text(CONTENT_RANGE)?.rsplit_once('/')?.1.parse().ok()?,
        _ => text(CONTENT_LENGTH)?.parse().ok()?,
    };
    Some(Validators { size, etag: text(ETAG)?, last_modified: text(LAST_MODIFIED)? })
}

fn join(root: &str, path: &str) -> String {
    match (root, path) {
        ("", path) => path.to_owned(),
        (root, "") => root.to_owned(),
        (root, path) => format!("{root}/{path}"),
    }
}

/// The artifact proxy lists base names.
fn within(directory: &str, mut files: Vec<FileInfo>) -> Vec<FileInfo> {
    for file in &mut files {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        file.path = join(directory, name);
    }
    files
}

/// A run's listing is relative to the run's artifacts.
fn below(root: &str, files: Vec<FileInfo>) -> Vec<FileInfo> {
    let strip = |path: &str| path.strip_prefix(root).map(|rest| rest.trim_start_matches('/').to_owned());
    let relative = |file: FileInfo| strip(&file.path).map(|path| FileInfo { path, ..file });
    files.into_iter().filter_map(relative).collect()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn check(uri: &str, expect: Option<&str>) {
        let root = Location::proxied(uri).and_then(|location| location.proxied_path(""));
        assert_eq!(root.as_deref(), expect, "{uri}");
    }

    #[test]
    fn proxied_uris() {
        check("mlflow-artifacts:/1/models/m-1/artifacts", Some("1/models/m-1/artifacts"));
        check("mlflow-artifacts://host:5000/1/r/artifacts", Some("1/r/artifacts"));
        check("mlflow-artifacts:", Some(""));
        check("s3://bucket/1", None);
        check("runs:/1/model", None);
    }

    #[test]
    fn a_part_tells_the_same_of_its_file_as_the_whole() {
        let told = |status: StatusCode, more: &[(HeaderName, &'static str)]| {
            let fixed = [(ETAG, "\"a\""), (LAST_MODIFIED, "Fri, 27 Nov 2026 21:43:04 GMT")];
            let all =
                fixed.iter().chain(more).map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            validators_in(status, &all.collect())
        };
        let whole = told(StatusCode::OK, &[(CONTENT_LENGTH, "3221228706")]);
        assert_eq!(whole.as_ref().map(|told| told.size), Some(3_221_228_706));
        let part = [(CONTENT_LENGTH, "1"), (CONTENT_RANGE, "bytes 0-0/3221228706")];
        assert_eq!(told(StatusCode::PARTIAL_CONTENT, &part), whole);
        assert_eq!(told(StatusCode::PARTIAL_CONTENT, &[(CONTENT_RANGE, "bytes 0-0/*")]), None);
        assert_eq!(told(StatusCode::OK, &[]), None);
    }
}
