//! HTTP clients, and the one place that says which cryptography TLS uses.

use reqwest::{ClientBuilder, Url, redirect, retry};

/// A client for requests to that URL, which follows no redirect, tries nothing twice by itself,
/// and leaves no connection behind.
pub(super) fn client(url: &Url) -> ClientBuilder {
    // An error means that a provider is installed already, which is all that is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = ClientBuilder::new()
        .user_agent(concat!("bully/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .pool_max_idle_per_host(0);
    if url.scheme() == "https" {
        builder
    } else {
        // No certificate is looked at: a machine without a store of them must not fail for it.
        builder.tls_certs_only([])
    }
}

/// What went wrong at the bottom, which the operating system says mostly: what wraps it repeats the
/// URL.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
