//! The root principal's access key: given by the environment, or made once and written down.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tollgate_control_plane::RootCredentials;
use tollgate_types::SecretString;

use crate::data_dir::{DataDir, read_secret, write_whole};
use crate::random;

/// Profile name in the credentials file.
const PROFILE: &str = "tollgate";

/// The credentials file of a data folder, in AWS's shared-credentials format.
pub(crate) fn credentials_file(dir: &DataDir) -> PathBuf {
    dir.file("credentials")
}

/// The root access key of this installation.
pub(crate) fn load_or_make(dir: &DataDir) -> Result<RootCredentials> {
    let path = credentials_file(dir);
    let given = (
        std::env::var("TOLLGATE_ROOT_ACCESS_KEY_ID").ok(),
        std::env::var("TOLLGATE_ROOT_SECRET_ACCESS_KEY").ok(),
    );
    let credentials = match given {
        (Some(id), Some(secret)) => checked(&id, &secret)?,
        (None, None) => {
            if let Some(bytes) = read_secret(&path)? {
                return parse(&bytes, &path);
            }
            generate()
        }
        (Some(_), None) => {
            bail!("TOLLGATE_ROOT_ACCESS_KEY_ID needs TOLLGATE_ROOT_SECRET_ACCESS_KEY as well")
        }
        (None, Some(_)) => {
            bail!("TOLLGATE_ROOT_SECRET_ACCESS_KEY needs TOLLGATE_ROOT_ACCESS_KEY_ID as well")
        }
    };
    write_whole(&path, render(&credentials).as_bytes(), 0o600)?;
    Ok(credentials)
}

fn checked(id: &str, secret: &str) -> Result<RootCredentials> {
    let id_fits = (16..=128).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !id_fits {
        bail!("TOLLGATE_ROOT_ACCESS_KEY_ID must be 16 to 128 letters, digits or underscores");
    }
    if secret.len() < 16 || secret.chars().any(char::is_whitespace) {
        bail!("TOLLGATE_ROOT_SECRET_ACCESS_KEY must be at least 16 characters without white space");
    }
    Ok(RootCredentials {
        access_key_id: id.to_owned(),
        secret: SecretString::from(secret),
    })
}

fn generate() -> RootCredentials {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let id: String = random::bytes::<16>()
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte % 32)))
        .map(|letter| char::from(*letter))
        .collect();
    let secret = random::letters(40);
    RootCredentials {
        access_key_id: format!("AKIA{id}"),
        secret: SecretString::new(secret),
    }
}

fn render(credentials: &RootCredentials) -> String {
    format!(
        "[{PROFILE}]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        credentials.access_key_id,
        credentials.secret.expose()
    )
}

fn parse(bytes: &[u8], path: &Path) -> Result<RootCredentials> {
    let text =
        std::str::from_utf8(bytes).with_context(|| format!("{} is not text", path.display()))?;
    let mut inside = false;
    let (mut id, mut secret) = (None, None);
    for line in text.lines().map(str::trim) {
        if let Some(section) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            inside = section.trim() == PROFILE;
        } else if inside && let Some((name, value)) = line.split_once('=') {
            match name.trim() {
                "aws_access_key_id" => id = Some(value.trim().to_owned()),
                "aws_secret_access_key" => secret = Some(value.trim().to_owned()),
                _ => {}
            }
        }
    }
    match (id, secret) {
        (Some(access_key_id), Some(secret)) => Ok(RootCredentials {
            access_key_id,
            secret: SecretString::new(secret),
        }),
        _ => bail!(
            "{} has no profile [{PROFILE}] with aws_access_key_id and aws_secret_access_key; delete it to have a new root key made",
            path.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let made = generate();
        let read = parse(render(&made).as_bytes(), Path::new("credentials")).unwrap();
        assert_eq!(read.access_key_id, made.access_key_id);
        assert_eq!(read.secret, made.secret);
        assert_eq!(made.access_key_id.len(), 20);
    }

    #[test]
    fn other_profiles_are_passed_over() {
        let text = "[default]\naws_access_key_id = X\naws_secret_access_key = Y\n";
        assert!(parse(text.as_bytes(), Path::new("credentials")).is_err());
    }
}
