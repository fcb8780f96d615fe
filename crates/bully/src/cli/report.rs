//! What `bully config` prints.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::guard::TlsFiles;
use super::key::Key;
use super::layer::Origin;
use super::secret::SecretSource;
use super::settings::{Configuration, Quorum, Settings};

/// The settings in force and who gave each: a table in which values are written as a flag takes
/// them (in parentheses, what no flag says), or one JSON object.
pub fn report(configuration: &Configuration, as_json: bool) -> String {
    if as_json { object(configuration) } else { table(configuration) }
}

fn table(configuration: &Configuration) -> String {
    let Configuration { settings, origins } = configuration;
    let mut rows = vec![["flag".to_owned(), "value".to_owned(), "from".to_owned()]];
    for key in Key::ALL {
        let shown = match value(settings, key) {
            Value::String(text) => text,
            Value::Array(entries) if !entries.is_empty() => {
                let texts: Vec<&str> = entries.iter().filter_map(Value::as_str).collect();
                texts.join(",")
            }
            Value::Array(_) | Value::Null => absent(key).to_owned(),
            other => other.to_string(),
        };
        rows.push([format!("-{}", key.name()), shown, origins.of(key).to_string()]);
    }
    let width = |column: usize| {
        rows.iter().map(|row: &[String; 3]| row[column].chars().count()).max().unwrap_or_default()
    };
    let (first, second) = (width(0), width(1));
    let mut text = String::new();
    for [flag, value, from] in &rows {
        let _ = writeln!(text, "{flag:first$}  {value:second$}  {from}");
    }
    text
}

fn absent(key: Key) -> &'static str {
    match key {
        Key::Bind => "(all addresses)",
        Key::Advertise => "(found at start)",
        _ => "(none)",
    }
}

fn object(configuration: &Configuration) -> String {
    let Configuration { settings, origins } = configuration;
    let mut object = Map::new();
    for key in Key::ALL {
        let mut entry = Map::new();
        entry.insert("value".to_owned(), value(settings, key));
        let (from, source) = match origins.of(key) {
            Origin::Flag => ("flag", None),
            Origin::Environment(name) => ("environment", Some(name.clone())),
            Origin::File(path) => ("file", Some(path.display().to_string())),
            Origin::Default => ("default", None),
        };
        entry.insert("from".to_owned(), json!(from));
        if let Some(source) = source {
            entry.insert("source".to_owned(), json!(source));
        }
        object.insert(key.name().to_owned(), Value::Object(entry));
    }
    format!("{:#}\n", Value::Object(object))
}

fn value(settings: &Settings, key: Key) -> Value {
    let of_quorum = |show: &dyn Fn(&Quorum) -> String| settings.quorum.as_ref().map(show);
    let guard = &settings.http_guard;
    let of_tls = |file: &dyn Fn(&TlsFiles) -> Option<PathBuf>| {
        json!(guard.tls.as_ref().and_then(file).map(|file| shown(&file)))
    };
    match key {
        Key::Nodes => settings.nodes.iter().map(ToString::to_string).collect(),
        Key::Port => json!(settings.port),
        Key::Bind => json!(settings.bind.map(|ip| ip.to_string())),
        Key::Advertise => json!(settings.advertise.as_ref().map(ToString::to_string)),
        Key::Http => json!(settings.http.to_string()),
        Key::HttpTlsCert => of_tls(&|tls| Some(tls.cert.clone())),
        Key::HttpTlsKey => of_tls(&|tls| Some(tls.key.clone())),
        Key::HttpClientCa => of_tls(&|tls| tls.client_ca.clone()),
        Key::HttpReadTokenFile => json!(guard.read_token.as_deref().map(shown)),
        Key::HttpAdminTokenFile => json!(guard.admin_token.as_deref().map(shown)),
        Key::ShowPort => json!(settings.show_port),
        Key::Url => json!(settings.webhook.as_ref().map(without_password)),
        Key::Cluster => json!(settings.cluster),
        Key::Mode => json!(settings.mode().as_str()),
        Key::Priority => json!(settings.priority),
        Key::Preempt => json!(settings.preempt),
        Key::Heartbeat => json!(duration(settings.heartbeat)),
        Key::Lease => json!(of_quorum(&|quorum| duration(quorum.lease))),
        Key::DataDir => json!(settings.data_dir.as_deref().map(shown)),
        Key::SecretFile => json!(settings.security.as_ref().map(|security| {
            match &security.secret {
                SecretSource::File(file) => shown(file),
                SecretSource::Environment(_) => "(not shown)".to_owned(),
            }
        })),
        Key::PeerKeys => {
            let file = settings.security.as_ref().and_then(|security| security.peer_keys.as_ref());
            json!(file.map(|file| shown(file)))
        }
        Key::Moved => json!(settings.quorum.as_ref().is_some_and(|quorum| quorum.moved)),
        Key::Log => json!(settings.log.to_string()),
        Key::LogLevel => json!(settings.log_level.as_str().to_ascii_lowercase()),
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// What is printed ends up in tickets and logs.
fn without_password(url: &reqwest::Url) -> String {
    let mut url = url.clone();
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "(not shown)".to_owned();
    }
    url.to_string()
}
