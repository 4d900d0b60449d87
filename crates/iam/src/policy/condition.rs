//! One condition of a statement: an operator, a key and the values the policy lists.

use ipnet::IpNet;

use super::Context;
use super::arn::{Arn, ArnPattern, VariablePlace};
use super::glob::Glob;
use super::literal;
use super::operator::{Absent, Operator, Order, Quantifier, Sense, Test};
use super::template::{self, Atom, Variables, Wildcards};

/// The outcome of looking at one part of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    /// It applies.
    True,
    /// It does not apply.
    False,
    /// It cannot be decided, for example because a request's number is no number. A Deny then applies and
    /// an Allow does not.
    Undecidable,
}

/// A compiled condition.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) operator: Operator,
    /// The operator as written.
    pub(super) operator_name: String,
    /// The key as written.
    pub(super) key: String,
    /// The key in lower case.
    pub(super) lower_key: String,
    /// The policy's values as written, for messages.
    pub(super) shown: Vec<String>,
    pub(super) operands: Vec<Operand>,
}

/// One compiled value of a policy.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Exact(Vec<Atom>),
    ExactIgnoringCase(Vec<Atom>),
    Like(Glob),
    Number(Order, i128),
    Instant(Order, i64),
    Truth(Vec<Atom>),
    Bytes(Vec<u8>),
    Network(IpNet),
    Arn(ArnPattern),
    /// `Null`: whether the key must be absent.
    Absence(bool),
}

impl Operand {
    /// Compiles one value. Fails with a sentence if it is not of the operator's type.
    pub(super) fn parse(
        test: Test,
        written: &str,
        variables: Variables,
    ) -> Result<Self, &'static str> {
        let literal = |text: &str| template::parse(text, variables, Wildcards::Inert);
        let pattern = |text: &str| template::parse(text, variables, Wildcards::Active);
        Ok(match test {
            Test::StringEquals => Self::Exact(literal(written)?),
            Test::StringEqualsIgnoreCase => Self::ExactIgnoringCase(literal(written)?),
            Test::StringLike => Self::Like(Glob::new(pattern(written)?)),
            Test::Numeric(order) => Self::Number(
                order,
                literal::decimal(written)
                    .ok_or("it must be a decimal number of at most 20 and 9 digits")?,
            ),
            Test::Date(order) => Self::Instant(
                order,
                literal::instant(written)
                    .ok_or("it must be an ISO 8601 date or seconds since 1970")?,
            ),
            Test::Bool => {
                let atoms = literal(written)?;
                let has_variable = atoms.iter().any(|a| matches!(a, Atom::Variable(_)));
                if !has_variable && literal::truth(written).is_none() {
                    return Err("it must be true or false");
                }
                Self::Truth(atoms)
            }
            Test::Binary => Self::Bytes(literal::bytes(written).ok_or("it must be base64")?),
            Test::IpAddress => Self::Network(
                literal::network(written)
                    .ok_or("it must be an IP address or a network like 10.0.0.0/8")?,
            ),
            Test::Arn => Self::Arn(ArnPattern::new(pattern(written)?, VariablePlace::Anywhere)?),
            Test::Null => Self::Absence(literal::truth(written).ok_or("it must be true or false")?),
        })
    }

    /// Whether one value of the request matches; nothing if that value is not of this type at all.
    fn accepts(&self, value: &str, context: &Context) -> Option<bool> {
        Some(match self {
            Self::Exact(atoms) => template::strip_start(atoms, value, context) == Some(""),
            Self::ExactIgnoringCase(atoms) => template::equals_ignoring_case(atoms, value, context),
            Self::Like(glob) => glob.matches(value, context),
            Self::Number(order, wanted) => order.holds(&literal::decimal(value)?, wanted),
            Self::Instant(order, wanted) => order.holds(&literal::instant(value)?, wanted),
            Self::Truth(atoms) => {
                let spelled = if literal::truth(value)? {
                    "true"
                } else {
                    "false"
                };
                template::equals_ignoring_case(atoms, spelled, context)
            }
            Self::Bytes(wanted) => literal::bytes(value)? == *wanted,
            Self::Network(net) => net.contains(&literal::address(value)?),
            Self::Arn(pattern) => pattern.matches(&Arn::new(value), context),
            Self::Absence(_) => false,
        })
    }
}

impl Condition {
    /// Whether the request meets the condition.
    pub(super) fn holds(&self, context: &Context) -> Truth {
        let values = context.values(&self.lower_key);
        if self.operator.test == Test::Null {
            return truth(self.operands.iter().any(|operand| {
                matches!(operand, Operand::Absence(absent) if *absent == values.is_empty())
            }));
        }
        if values.is_empty() {
            return self.holds_without_key();
        }
        let mut some = false;
        let mut all = true;
        let mut some_match = false;
        for value in values {
            let Some(matched) = self.matches_value(value, context) else {
                return Truth::Undecidable;
            };
            // A quantifier asks every value for itself; negating the joined answer instead would let a
            // set with one good and one bad value through.
            let satisfied = matched == (self.operator.sense == Sense::Positive);
            some |= satisfied;
            all &= satisfied;
            some_match |= matched;
        }
        truth(match (self.operator.quantifier, self.operator.sense) {
            (Quantifier::ForAll, Sense::Positive | Sense::Negated) => all,
            (Quantifier::ForAny, Sense::Positive | Sense::Negated) => some,
            (Quantifier::Single, Sense::Positive) => some_match,
            (Quantifier::Single, Sense::Negated) => !some_match,
        })
    }

    fn holds_without_key(&self) -> Truth {
        if self.operator.absent == Absent::Holds {
            return Truth::True;
        }
        truth(match self.operator.quantifier {
            Quantifier::ForAll => true,
            Quantifier::ForAny => false,
            Quantifier::Single => self.operator.sense == Sense::Negated,
        })
    }

    /// Whether any of the policy's values matches this value of the request.
    fn matches_value(&self, value: &str, context: &Context) -> Option<bool> {
        let mut matched = false;
        for operand in &self.operands {
            matched |= operand.accepts(value, context)?;
        }
        Some(matched)
    }
}

pub(super) fn truth(holds: bool) -> Truth {
    if holds { Truth::True } else { Truth::False }
}
