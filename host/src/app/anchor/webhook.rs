//! An address that takes a POST of the signed note, as it is. Signed like notifications, for whoever keeps out noise:
//! that the note is ours, its own signature says.

use super::{NotTaken, Note};
use crate::config::Secret;
use crate::notify;

#[derive(Debug)]
pub struct AnchorWebhook {
    address: Secret,
    secret: Option<Secret>,
    client: reqwest::Client,
}

impl AnchorWebhook {
    /// `address` may be a secret itself.
    ///
    /// # Errors
    /// When the machine's root certificates cannot be read.
    pub fn new(address: Secret, secret: Option<Secret>) -> Result<Self, reqwest::Error> {
        Ok(Self { address, secret, client: notify::client()? })
    }

    /// Anything but a 2xx answer is no.
    pub(super) async fn put(&self, note: &Note) -> Result<(), NotTaken> {
        let mut request = self.client.post(self.address.expose());
        if let Some(secret) = &self.secret {
            request = request.header(notify::SIGNATURE, notify::signature(secret, note.at, &note.text));
        }
        let request = request.header(http::header::CONTENT_TYPE, "text/plain; charset=utf-8");
        // The address may be a secret.
        let answer = request.body(note.text.clone()).send().await;
        let answer = answer.map_err(|error| {
            let reason = error.without_url();
            NotTaken(format!("the address cannot be reached: {reason}; look at `webhook` under `[anchor]`"))
        })?;
        if answer.status().is_success() {
            return Ok(());
        }
        let status = answer.status();
        Err(NotTaken(format!("the address answered {status}: it must take a POST of text with any 2xx")))
    }
}
