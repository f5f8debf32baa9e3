//! nginx as a reverse proxy with upstream keep-alive: the baseline.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::child::{self, Kept};
use crate::http;
use crate::stage::eventually;

/// Starts it before `upstream`; `buffered` is nginx's default, without it streams pass sooner.
pub(super) fn start(dir: &Path, upstream: u16, buffered: bool) -> Result<(u16, Kept)> {
    let port = http::free_port()?;
    let dir = dir.join(format!("nginx-{port}"));
    std::fs::create_dir_all(&dir)?;
    let config = dir.join("nginx.conf");
    std::fs::write(&config, configuration(&dir, port, upstream, buffered))?;
    let config = config.display().to_string();
    let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"];
    let program = program.iter().map(Path::new).find(|path| path.exists()).context("no nginx")?;
    let kept = child::keep(program, &["-c", &config], &[], &dir.join("nginx.log"))?;
    eventually(Duration::from_secs(10), || http::get(port, "/health"))
        .with_context(|| format!("nginx does not answer:\n{}", kept.tail(10)))?;
    Ok((port, kept))
}

fn configuration(dir: &Path, port: u16, upstream: u16, buffered: bool) -> String {
    let dir = dir.display();
    let switch = if buffered { "on" } else { "off" };
    format!(
        "daemon off; worker_processes auto; pid {dir}/nginx.pid; error_log stderr;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_max_body_size 0; keepalive_requests 1000000000;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  upstream tiny {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://tiny; proxy_http_version 1.1; proxy_set_header Connection \"\";
      proxy_buffering {switch}; proxy_request_buffering {switch};
    }}
  }}
}}
"
    )
}
