//! What settings come out of flags, files and defaults, and how mistakes are named.

use super::*;

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn defaults_bind_loopback_only() {
    let config = Config::load(RawConfig::default(), None).unwrap();
    assert_eq!(config.api_listen.to_string(), "127.0.0.1:7400");
    assert!(config.endpoint_bind.is_loopback());
    assert_eq!(config.endpoint_ports, 7500..=7599);
    assert_eq!(
        config.metadata.describe(),
        "sqlite:tollgate-data/metadata.db"
    );
}

#[test]
fn a_flag_beats_the_file() {
    let file = file("region = \"eu-west-1\"\nshards = 3\n");
    let given = RawConfig {
        region: Some("eu-central-1".into()),
        ..RawConfig::default()
    };
    let config = Config::load(given, Some(file.path())).unwrap();
    assert_eq!(config.arn.region, "eu-central-1");
    assert_eq!(config.shards, 3);
}

#[test]
fn an_unknown_key_is_named_with_its_file() {
    let file = file("rejion = \"eu-west-1\"\n");
    let error = Config::load(RawConfig::default(), Some(file.path()))
        .unwrap_err()
        .to_string();
    assert!(error.contains("rejion"), "{error}");
    assert!(
        error.contains(&file.path().display().to_string()),
        "{error}"
    );
}

#[test]
fn every_mistake_is_reported_at_once() {
    let file = file("shards = 0\nendpoint-ports = \"9-1\"\naccount-id = \"12\"\n");
    let error = Config::load(RawConfig::default(), Some(file.path())).unwrap_err();
    let keys: Vec<_> = error.0.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["endpoint-ports", "account-id", "shards"]);
    assert!(error.to_string().contains("between 1 and 256"));
}

#[test]
fn a_metadata_url_is_never_repeated_in_an_error() {
    let given = RawConfig {
        metadata_url: Some("mysql://u:hunter2@h/d".into()),
        ..RawConfig::default()
    };
    let error = Config::load(given, None).unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_log_level_that_makes_no_sense_is_named() {
    let file = file("log-level = \"loud\"\n");
    let config = Config::load(RawConfig::default(), Some(file.path())).unwrap();
    let error = tollgate_telemetry::init_logging(&config.log).unwrap_err();
    let error = ConfigError::from(error).to_string();
    assert!(
        error.contains("log-level") && error.contains("loud"),
        "{error}"
    );
}

#[test]
fn endpoints_cannot_take_the_port_of_the_api() {
    let load = |listen: &str, bind: &str| {
        let given = RawConfig {
            api_listen: Some(listen.into()),
            endpoint_bind: Some(bind.into()),
            endpoint_ports: Some("7500-7599".into()),
            ..RawConfig::default()
        };
        Config::load(given, None).map_err(|error| error.to_string())
    };
    for (listen, bind) in [
        ("127.0.0.1:7500", "127.0.0.1"),
        ("0.0.0.0:7599", "127.0.0.1"),
        ("10.0.0.1:7550", "0.0.0.0"),
    ] {
        let error = load(listen, bind).unwrap_err();
        assert!(
            error.contains("endpoint-ports") && error.contains("api-listen"),
            "{error}"
        );
    }
    load("127.0.0.1:7499", "127.0.0.1").unwrap();
    load("127.0.0.2:7550", "127.0.0.1").unwrap();
}
