//! MLflow's address must not be one of ours: every request would come back to us.

use std::net::{IpAddr, SocketAddr};

use http::Uri;

use super::reader::Reader;
use crate::config::{Server, Upstream};

impl Reader<'_> {
    pub(super) fn apart(&self, server: &Server, upstream: &Upstream) {
        let ours = [("server.listen", server.listen), ("server.admin_listen", server.admin_listen)];
        for (key, address) in ours {
            if leads_to(&upstream.url, address) {
                let message =
                    format!("is where Countersign itself listens (`{key}`): write MLflow's own address");
                self.fault::<()>("upstream.url", &message);
            }
        }
    }
}

/// Whether whoever connects to the URL on this machine surely reaches that listener. Names are not looked up.
fn leads_to(url: &Uri, listener: SocketAddr) -> bool {
    let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("https") { 443 } else { 80 });
    // Port 0 is any that is free.
    if port == 0 || port != listener.port() {
        return false;
    }
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() => listener.ip() == ip || listener.ip().is_unspecified(),
        Ok(ip) => listener.ip() == ip,
        Err(_) => host == "localhost" && (listener.ip().is_loopback() || listener.ip().is_unspecified()),
    }
}
