//! Where a number stands on an axis, and which numbers are written there.

use super::super::goals::figure;

/// How far apart numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// From 0.
    Linear,
    /// Ten times as much is always as far.
    Log,
    /// Percentages: 90 to 99 is as far as 99 to 99.9.
    Nines,
}

/// An axis from one number to another.
pub(super) struct Range {
    scale: Scale,
    /// These two on the scale,
    low: f64,
    high: f64,
    /// and where they are drawn.
    pub(super) from: f64,
    pub(super) to: f64,
}

/// Percentages beyond this are drawn here: a hundred is infinitely far.
const NINES_MAX: f64 = 99.999;
/// Numbers below this are drawn here: zero is infinitely far.
const LOG_MIN: f64 = 0.001;
const NINES: [f64; 6] = [0.0, 90.0, 99.0, 99.9, 99.99, 100.0];
/// So many numbers are written, about.
const TICKS: f64 = 4.0;

impl Scale {
    fn of(self, number: f64) -> f64 {
        match self {
            Self::Linear => number,
            Self::Log => number.max(LOG_MIN).log10(),
            Self::Nines => -(1.0 - number.min(NINES_MAX) / 100.0).log10(),
        }
    }
}

impl Range {
    /// One that shows all these numbers between these two places.
    pub(super) fn of(
        scale: Scale,
        numbers: impl Iterator<Item = f64>,
        (from, to): (f64, f64),
    ) -> Self {
        let (least, most) = numbers.fold((f64::INFINITY, 0.0_f64), |(least, most), number| {
            (least.min(number), most.max(number))
        });
        let least = if least.is_finite() { least } else { 0.0 };
        let (low, high) = match scale {
            Scale::Linear => (0.0, ceiling(most.max(1e-3))),
            Scale::Log => (scale.of(least).floor(), scale.of(most.max(1e-2)).ceil()),
            Scale::Nines => (0.0, scale.of(100.0)),
        };
        let high = if high > low { high } else { low + 1.0 };
        Self { scale, low, high, from, to }
    }

    /// Where a number is drawn.
    pub(super) fn place(&self, number: f64) -> f64 {
        let share = (self.scale.of(number) - self.low) / (self.high - self.low);
        self.from + (self.to - self.from) * share.clamp(0.0, 1.0)
    }

    /// How a number is written at it.
    pub(super) fn label(&self, number: f64) -> String {
        match self.scale {
            Scale::Log if number < 1.0 => number.to_string(),
            Scale::Linear | Scale::Log => figure(number),
            Scale::Nines => number.to_string(),
        }
    }

    /// The numbers that are written at it.
    pub(super) fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let step = step(self.high);
                let mut ticks = vec![0.0];
                while let Some(last) = ticks.last()
                    && last + step <= self.high * 1.001
                {
                    ticks.push(last + step);
                }
                ticks
            }
            Scale::Log => {
                let mut power = self.low;
                let mut ticks = Vec::new();
                while power <= self.high + 1e-9 {
                    ticks.push(10_f64.powf(power));
                    power += 1.0;
                }
                ticks
            }
            Scale::Nines => NINES.to_vec(),
        }
    }
}

/// A round step, so that there are a few of it.
fn step(most: f64) -> f64 {
    let rough = most / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let of = [1.0, 2.0, 5.0, 10.0].into_iter().map(|it| it * power);
    of.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(power * 10.0)
}

/// The next round number.
fn ceiling(most: f64) -> f64 {
    let step = step(most);
    (most / step).ceil() * step
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(scale: Scale, numbers: &[f64]) -> Range {
        Range::of(scale, numbers.iter().copied(), (0.0, 100.0))
    }

    #[test]
    fn numbers_stand_where_their_scale_says() {
        let linear = range(Scale::Linear, &[3.0, 40.0]);
        assert_eq!(linear.ticks(), [0.0, 10.0, 20.0, 30.0, 40.0]);
        assert!((linear.place(10.0) - 25.0).abs() < 1e-9);
        let log = range(Scale::Log, &[0.2, 50.0]);
        assert_eq!(log.ticks().len(), 4, "0.1, 1, 10, 100");
        assert!((log.place(1.0) - 100.0 / 3.0).abs() < 1e-9);
        let nines = range(Scale::Nines, &[]);
        let apart = |low: f64, high: f64| nines.place(high) - nines.place(low);
        assert!((apart(90.0, 99.0) - apart(99.0, 99.9)).abs() < 1e-9);
        assert!((nines.place(100.0) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_at_all_is_drawn_somewhere() {
        for scale in [Scale::Linear, Scale::Log, Scale::Nines] {
            let range = range(scale, &[]);
            assert!(range.place(0.0).is_finite() && !range.ticks().is_empty(), "{scale:?}");
        }
    }
}
