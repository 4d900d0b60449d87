//! How closed lists of reasons are declared: one table gives the enum, its codes and its sentences.

/// Declares a fieldless error enum whose variants each have a stable code and a sentence.
///
/// The code is the metric label, the audit field and the serialised form, so it is written out and never
/// derived from the variant's name by accident.
macro_rules! closed_reasons {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $code:literal: $sentence:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error, serde::Serialize, serde::Deserialize,
        )]
        pub enum $name {
            $(
                $(#[$variant_meta])*
                #[doc = $sentence]
                #[serde(rename = $code)]
                #[error($sentence)]
                $variant,
            )+
        }

        impl $name {
            /// Every reason, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The reason's stable name, used in metrics, audit events and answers to operators.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }
    };
}

pub(crate) use closed_reasons;
