//! The grammar of the startup parameter `options`: a command line that may only set parameters.
//!
//! Source: PostgreSQL `postinit.c` (`pg_split_opts`), `postgres.c` (`process_postgres_switches`) and
//! `guc.c` (`ParseLongOption`). The server also knows old one-letter switches (`-e`, `-d 1`, …); no driver
//! sends them and a proxy could not replay them, so they are refused by name.

use super::error::StartupError;

/// Reads `-c name=value`, `-cname=value` and `--name=value`, in order.
pub(super) fn parse(options: &str) -> Result<Vec<(String, String)>, StartupError> {
    let mut settings = Vec::new();
    let mut words = split(options).into_iter();
    while let Some(word) = words.next() {
        if let Some(setting) = word.strip_prefix("--") {
            if setting.is_empty() {
                // getopt's end of options: only allowed at the end.
                return match words.next() {
                    None => Ok(settings),
                    Some(word) => Err(StartupError::Option { word }),
                };
            }
            settings.push(assignment(setting, "--")?);
        } else if let Some(attached) = word.strip_prefix("-c") {
            let setting = if attached.is_empty() {
                words.next()
            } else {
                Some(attached.to_owned())
            };
            let setting = setting.ok_or(StartupError::Option { word })?;
            settings.push(assignment(&setting, "-c ")?);
        } else {
            return Err(StartupError::Option { word });
        }
    }
    Ok(settings)
}

/// Splits at white space. A backslash takes the next character literally.
fn split(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = options.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

/// Splits `name=value` at the first `=`; dashes in the name stand for underscores.
fn assignment(setting: &str, prefix: &str) -> Result<(String, String), StartupError> {
    let Some((name, value)) = setting.split_once('=') else {
        return Err(StartupError::OptionValue {
            word: format!("{prefix}{setting}"),
        });
    };
    if name.is_empty() {
        return Err(StartupError::OptionName);
    }
    Ok((name.replace('-', "_"), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(options: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        assert_eq!(parse(options), Ok(expected), "{options:?}");
    }

    fn refuse(options: &str, text: &str) {
        assert_eq!(
            parse(options).expect_err(options).to_string(),
            text,
            "{options:?}"
        );
    }

    #[test]
    fn reads_all_three_spellings() {
        check(
            "-c application_name=a\\ b --work_mem=8MB -csearch_path=x,y",
            &[
                ("application_name", "a b"),
                ("work_mem", "8MB"),
                ("search_path", "x,y"),
            ],
        );
    }

    #[test]
    fn dashes_in_names_are_underscores() {
        check(
            "--work-mem=7MB -c statement-timeout=-1",
            &[("work_mem", "7MB"), ("statement_timeout", "-1")],
        );
    }

    #[test]
    fn backslashes_take_the_next_character_literally() {
        check("-c a=x\\\\y", &[("a", "x\\y")]);
        check("-c a=x\\\ty", &[("a", "x\ty")]);
        check("-c\\ a=x", &[(" a", "x")]);
        check("-c a=x\\", &[("a", "x")]);
    }

    #[test]
    fn keeps_values_whole_and_repeats_in_order() {
        check("-c a=b=c -c a=", &[("a", "b=c"), ("a", "")]);
        check("-c a=\"é\" ", &[("a", "\"é\"")]);
    }

    #[test]
    fn any_white_space_separates() {
        check(" \t\n\r\x0b\x0c-c\n a=1  ", &[("a", "1")]);
        check("", &[]);
        check("-c a=1 --", &[("a", "1")]);
    }

    #[test]
    fn refuses_the_rest_with_postgresqls_words() {
        refuse("-c work_mem", "-c work_mem requires a value");
        refuse("--work_mem", "--work_mem requires a value");
        refuse("-c", "invalid command-line argument for server process: -c");
        refuse(
            "-c a=1 foo",
            "invalid command-line argument for server process: foo",
        );
        refuse(
            "-- x",
            "invalid command-line argument for server process: x",
        );
        refuse("-e", "invalid command-line argument for server process: -e");
        refuse(
            "-d 1",
            "invalid command-line argument for server process: -d",
        );
        refuse("-", "invalid command-line argument for server process: -");
        refuse("\\", "invalid command-line argument for server process: ");
        refuse("-c =3", "unrecognized configuration parameter \"\"");
        refuse("--=3", "unrecognized configuration parameter \"\"");
    }
}
