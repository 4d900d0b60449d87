//! Medians, ranges and quantiles of what was measured.

/// The middle of `values`; `None` when there are none.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        return sorted.get(middle).copied();
    }
    let below = sorted.get(middle.checked_sub(1)?)?;
    Some(below.midpoint(*sorted.get(middle)?))
}

/// The value below which `percent` of `values` lie.
pub(crate) fn quantile(values: &[f64], percent: usize) -> Option<f64> {
    let sorted = sorted(values);
    let place = (sorted.len() * percent / 100).min(sorted.len().checked_sub(1)?);
    sorted.get(place).copied()
}

/// The least and the greatest.
pub(crate) fn range(values: &[f64]) -> Option<(f64, f64)> {
    let sorted = sorted(values);
    Some((*sorted.first()?, *sorted.last()?))
}

/// The arithmetic mean.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_two_in_the_middle() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_quantile_never_leaves_the_values() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(quantile(&values, 10), Some(10.0));
        assert_eq!(quantile(&values, 100), Some(99.0));
        assert_eq!(quantile(&[], 50), None);
    }

    #[test]
    fn range_and_mean_of_few_values() {
        assert_eq!(range(&[3.0, 1.0]), Some((1.0, 3.0)));
        assert_eq!(mean(&[3.0, 1.0]), Some(2.0));
    }
}
