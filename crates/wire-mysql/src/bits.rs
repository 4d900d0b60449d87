//! How sets of named bits read and print: shared by capabilities and status flags.

/// Gives a one-field set type its operations, and a `Debug` that prints names instead of numbers.
macro_rules! bit_set {
    ($set:ident, $bits:ty, $( $(#[$doc:meta])* $name:ident = $value:expr; )+) => {
        impl $set {
            $( $(#[$doc])* pub const $name: Self = Self($value); )+

            /// No bit.
            pub const EMPTY: Self = Self(0);

            const NAMES: &'static [(&'static str, $bits)] = &[ $( (stringify!($name), $value), )+ ];

            /// Whether all bits of `other` are set here.
            #[inline]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any bit of `other` is set here.
            #[inline]
            pub const fn intersects(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Whether no bit is set.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// The bits of both.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// These bits without those of `other`.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// The bits that both have.
            #[must_use]
            pub const fn both(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        impl std::ops::BitOr for $set {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }

        impl std::fmt::Debug for $set {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut left = self.0;
                let mut list = f.debug_list();
                for (name, value) in Self::NAMES {
                    if self.0 & value != 0 {
                        list.entry(&format_args!("{name}"));
                        left &= !value;
                    }
                }
                if left != 0 {
                    list.entry(&format_args!("{left:#x}"));
                }
                list.finish()
            }
        }
    };
}

pub(crate) use bit_set;
