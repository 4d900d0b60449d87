//! `GetRandomPassword`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tollgate_types::SecretString;
use zeroize::Zeroizing;

use crate::aws::call::{Answer, Call};
use crate::aws::fault::Refusal;
use crate::ports::Random;
use crate::service::fresh;

/// Source: `GetRandomPassword`.
const LENGTH_DEFAULT: usize = 32;
const LENGTH_MAX: usize = 4_096;
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetRandomPassword {
    password_length: Option<usize>,
    exclude_characters: Option<String>,
    exclude_numbers: Option<bool>,
    exclude_punctuation: Option<bool>,
    exclude_uppercase: Option<bool>,
    exclude_lowercase: Option<bool>,
    include_space: Option<bool>,
    require_each_included_type: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Password {
    random_password: SecretString,
}

/// `GetRandomPassword`
pub(super) async fn get(call: Arc<Call>) -> Result<Answer, Refusal> {
    let request: GetRandomPassword = call.decode()?;
    let length = request.password_length.unwrap_or(LENGTH_DEFAULT);
    if !(1..=LENGTH_MAX).contains(&length) {
        return Err(Refusal::Invalid(format!(
            "PasswordLength must be between 1 and {LENGTH_MAX}."
        )));
    }
    let types = request.types();
    let required = match request.require_each_included_type {
        Some(false) => &[][..],
        Some(true) | None => &types[..],
    };
    if required.len() > length {
        return Err(Refusal::Invalid(
            "PasswordLength is too short for a character of each included type.".to_owned(),
        ));
    }
    if types.is_empty() {
        return Err(Refusal::Invalid(
            "ExcludeCharacters and the other exclusions leave no character.".to_owned(),
        ));
    }
    let random_password = password(&call.api.ports.random, length, &types, required);
    call.answer(&Password { random_password })
}

impl GetRandomPassword {
    /// The characters of each type that is included, less those that are not wanted.
    fn types(&self) -> Vec<Vec<char>> {
        let excluded = self.exclude_characters.as_deref().unwrap_or_default();
        let is_in = |flag: Option<bool>| flag != Some(true);
        let space = self.include_space == Some(true);
        let types = [
            (is_in(self.exclude_lowercase), ('a'..='z').collect()),
            (is_in(self.exclude_uppercase), ('A'..='Z').collect()),
            (is_in(self.exclude_numbers), ('0'..='9').collect()),
            (
                is_in(self.exclude_punctuation),
                PUNCTUATION.chars().collect(),
            ),
            (space, vec![' ']),
        ];
        let wanted = |(included, letters): (bool, Vec<char>)| {
            let letters = letters.into_iter().filter(|l| !excluded.contains(*l));
            let letters: Vec<char> = if included {
                letters.collect()
            } else {
                Vec::new()
            };
            (!letters.is_empty()).then_some(letters)
        };
        types.into_iter().filter_map(wanted).collect()
    }
}

/// One character of each required type and the rest of all types, in any order.
fn password(
    random: &Random,
    length: usize,
    types: &[Vec<char>],
    required: &[Vec<char>],
) -> SecretString {
    let all: Vec<char> = types.concat();
    let mut letters = Zeroizing::new(Vec::with_capacity(length));
    for letters_of_type in required {
        letters.extend(letters_of_type.get(fresh::below(random, letters_of_type.len())));
    }
    while letters.len() < length {
        match all.get(fresh::below(random, all.len())) {
            Some(letter) => letters.push(*letter),
            None => break,
        }
    }
    for end in (1..letters.len()).rev() {
        letters.swap(end, fresh::below(random, end.saturating_add(1)));
    }
    SecretString::new(letters.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random() -> Random {
        Arc::new(|bytes| {
            // A failure would show as a password of one letter.
            let _ = aws_lc_rs::rand::fill(bytes);
        })
    }

    #[test]
    fn a_password_has_every_required_type_and_nothing_excluded() {
        let request = GetRandomPassword {
            password_length: None,
            exclude_characters: Some("\"@/\\".to_owned()),
            exclude_numbers: None,
            exclude_punctuation: None,
            exclude_uppercase: None,
            exclude_lowercase: Some(true),
            include_space: None,
            require_each_included_type: None,
        };
        let types = request.types();
        for _ in 0..200 {
            let password = password(&random(), 3, &types, &types);
            let text = password.expose();
            assert_eq!(text.chars().count(), 3);
            assert!(text.contains(|c: char| c.is_ascii_uppercase()), "{text}");
            assert!(text.contains(|c: char| c.is_ascii_digit()), "{text}");
            assert!(text.contains(|c: char| c.is_ascii_punctuation()), "{text}");
            assert!(!text.contains(['"', '@', '/', '\\']), "{text}");
        }
    }
}
