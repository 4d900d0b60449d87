//! The names of condition operators, taken apart into what they mean.

/// How the values of a request's key are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// No prefix: some value of the request matches.
    Single,
    /// `ForAllValues:`: every value of the request satisfies; none at all does too.
    ForAll,
    /// `ForAnyValue:`: some value of the request satisfies.
    ForAny,
}

/// Whether the operator asks for a match or for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    Positive,
    Negated,
}

/// What an absent key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    /// What the operator itself says.
    Decides,
    /// `…IfExists`: the condition holds.
    Holds,
}

/// How two ordered values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    /// Whether `left` stands in this order to `right`.
    pub(super) fn holds<T: Ord>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// What is compared and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    IpAddress,
    Arn,
    Null,
}

/// An operator, its parts named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) quantifier: Quantifier,
    pub(super) test: Test,
    pub(super) sense: Sense,
    pub(super) absent: Absent,
}

impl Operator {
    /// Reads an operator's name; nothing if there is no such operator.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (quantifier, rest) = if let Some(rest) = name.strip_prefix("ForAllValues:") {
            (Quantifier::ForAll, rest)
        } else if let Some(rest) = name.strip_prefix("ForAnyValue:") {
            (Quantifier::ForAny, rest)
        } else {
            (Quantifier::Single, name)
        };
        let (base, absent) = match rest.strip_suffix("IfExists") {
            Some(base) => (base, Absent::Holds),
            None => (rest, Absent::Decides),
        };
        let (test, sense) = test_named(base)?;
        // `Null` asks about presence itself, so neither prefix nor suffix means anything there.
        let unadorned = quantifier == Quantifier::Single && absent == Absent::Decides;
        if test == Test::Null && !unadorned {
            return None;
        }
        Some(Self {
            quantifier,
            test,
            sense,
            absent,
        })
    }
}

fn test_named(base: &str) -> Option<(Test, Sense)> {
    use Sense::{Negated, Positive};
    Some(match base {
        "StringEquals" => (Test::StringEquals, Positive),
        "StringNotEquals" => (Test::StringEquals, Negated),
        "StringEqualsIgnoreCase" => (Test::StringEqualsIgnoreCase, Positive),
        "StringNotEqualsIgnoreCase" => (Test::StringEqualsIgnoreCase, Negated),
        "StringLike" => (Test::StringLike, Positive),
        "StringNotLike" => (Test::StringLike, Negated),
        "Bool" => (Test::Bool, Positive),
        "BinaryEquals" => (Test::Binary, Positive),
        "IpAddress" => (Test::IpAddress, Positive),
        "NotIpAddress" => (Test::IpAddress, Negated),
        "ArnEquals" | "ArnLike" => (Test::Arn, Positive),
        "ArnNotEquals" | "ArnNotLike" => (Test::Arn, Negated),
        "Null" => (Test::Null, Positive),
        other => {
            let (order, sense) = if let Some(order) = other.strip_prefix("Numeric") {
                let (order, sense) = order_named(order)?;
                (Test::Numeric(order), sense)
            } else {
                let (order, sense) = order_named(other.strip_prefix("Date")?)?;
                (Test::Date(order), sense)
            };
            (order, sense)
        }
    })
}

fn order_named(name: &str) -> Option<(Order, Sense)> {
    Some(match name {
        "Equals" => (Order::Equal, Sense::Positive),
        "NotEquals" => (Order::Equal, Sense::Negated),
        "LessThan" => (Order::Less, Sense::Positive),
        "LessThanEquals" => (Order::LessOrEqual, Sense::Positive),
        "GreaterThan" => (Order::Greater, Sense::Positive),
        "GreaterThanEquals" => (Order::GreaterOrEqual, Sense::Positive),
        _ => return None,
    })
}
