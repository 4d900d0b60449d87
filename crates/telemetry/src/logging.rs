//! Logging: structured events, filtered by directives, to standard error.

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

/// How an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object per line, the fields at its top level.
    Json,
}

/// What is logged and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Directives as in `RUST_LOG`, separated by commas: `info`, `tollgate_data_plane=debug`.
    pub filter: String,
    /// The form of an event.
    pub format: LogFormat,
}

/// Why logging cannot be set up.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// A directive makes no sense.
    #[error("log directive `{directive}` is not valid: {problem}")]
    BadDirective {
        /// The directive as it was given.
        directive: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The process logs already.
    #[error("logging is set up already")]
    AlreadySet,
}

/// Sets the process's logging up. Called once, by the binary.
pub fn init_logging(settings: &LogSettings) -> Result<(), LogError> {
    let colours = match settings.format {
        LogFormat::Text => std::io::stderr().is_terminal(),
        LogFormat::Json => false,
    };
    let subscriber = build(settings, std::io::stderr, colours.into())?;
    subscriber
        .try_init()
        .map_err(|_already| LogError::AlreadySet)
}

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colours {
    On,
    Off,
}

impl From<bool> for Colours {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

fn build<W>(
    settings: &LogSettings,
    writer: W,
    colours: Colours,
) -> Result<Box<dyn Subscriber + Send + Sync>, LogError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = parse_filter(&settings.filter)?;
    let builder = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(colours == Colours::On)
        .with_env_filter(filter);
    Ok(match settings.format {
        LogFormat::Text => Box::new(builder.finish()),
        LogFormat::Json => Box::new(builder.json().flatten_event(true).finish()),
    })
}

fn parse_filter(filter: &str) -> Result<EnvFilter, LogError> {
    let directives = filter
        .split(',')
        .map(str::trim)
        .filter(|directive| !directive.is_empty())
        .collect::<Vec<_>>();
    if directives.is_empty() {
        let problem = "it is empty; name a level such as info".to_owned();
        return Err(LogError::BadDirective {
            directive: filter.to_owned(),
            problem,
        });
    }
    for directive in &directives {
        let bad = |problem: String| LogError::BadDirective {
            directive: (*directive).to_owned(),
            problem,
        };
        if !directive.contains(['=', '[']) && directive.parse::<LevelFilter>().is_err() {
            // The library takes an unknown word for a module and silently turns everything else off.
            return Err(bad(format!(
                "neither a level (off, error, warn, info, debug, trace) nor of the form module=level; \
                 did you mean `{directive}=trace`?"
            )));
        }
        if let Err(error) = EnvFilter::builder().parse(directive) {
            return Err(bad(error.to_string()));
        }
    }
    EnvFilter::builder()
        .parse(directives.join(","))
        .map_err(|error| LogError::BadDirective {
            directive: filter.to_owned(),
            problem: error.to_string(),
        })
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::fields;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl Write for Captured {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(buf);
            Ok(buf.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn log(filter: &str, format: LogFormat, event: impl FnOnce()) -> String {
        let captured = Captured::default();
        let writer = captured.clone();
        let settings = LogSettings {
            filter: filter.to_owned(),
            format,
        };
        let subscriber = build(&settings, move || writer.clone(), Colours::Off).unwrap();
        tracing::subscriber::with_default(subscriber, event);
        let bytes = captured.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_events_carry_dotted_fields_at_the_top() {
        let line = log("info", LogFormat::Json, || {
            tracing::info!(
                { fields::PROXY_NAME } = "orders",
                { fields::WAIT_MS } = 3,
                "borrowed"
            );
        });
        assert!(line.contains(r#""proxy.name":"orders""#), "{line}");
        assert!(line.contains(r#""wait_ms":3"#), "{line}");
        assert!(line.contains(r#""message":"borrowed""#), "{line}");
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn text_events_are_plain_lines() {
        let line = log("info", LogFormat::Text, || {
            tracing::warn!(wait_ms = 3, "borrow timed out");
        });
        assert!(line.contains("WARN"), "{line}");
        assert!(line.contains("borrow timed out wait_ms=3"), "{line}");
        assert!(!line.contains('\u{1b}'), "{line}");
    }

    #[test]
    fn a_module_can_be_louder_than_the_rest() {
        let text = log("warn,noisy=debug", LogFormat::Text, || {
            tracing::debug!(target: "noisy", "heard");
            tracing::info!(target: "quiet", "not heard");
        });
        assert!(text.contains("heard"), "{text}");
        assert!(!text.contains("not heard"), "{text}");
    }

    #[test]
    fn the_bad_directive_is_named() {
        for (filter, bad) in [
            ("info,tollgate=loud", "tollgate=loud"),
            ("inof", "inof"),
            ("info,tollgate_data_plane", "tollgate_data_plane"),
            ("", ""),
            (" , ", " , "),
            ("info,a[b=debug,x", "a[b=debug"),
        ] {
            match parse_filter(filter) {
                Err(LogError::BadDirective { directive, .. }) => assert_eq!(directive, bad),
                other => panic!("{filter:?} gave {other:?}"),
            }
        }
    }

    #[test]
    fn levels_modules_and_spans_are_accepted() {
        for filter in [
            "info",
            "OFF",
            "warn, sqlx=error",
            "info,[request{id=1}]=debug",
            "debug,a::b=trace",
        ] {
            assert!(parse_filter(filter).is_ok(), "{filter}");
        }
    }
}
