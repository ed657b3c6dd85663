//! The answer to a group. The writer's thread wakes one caller of it, who passes the answer on to the others: to wake
//! a task of another thread costs as much as a tenth of a request, one of the same thread next to nothing.

use tokio::sync::oneshot;

use crate::ProduceError;

/// What became of a call, and who else is to be told. Whoever drops it tells them, so nobody waits in vain.
#[derive(Debug)]
pub(super) struct Told {
    answer: Result<(), ProduceError>,
    others: Vec<oneshot::Sender<Self>>,
}

// === impl Told ===

impl Told {
    /// Tells all of a group: first whoever called first, so that who waits for its calls in their order waits for nothing
    /// else.
    pub(super) fn tell(answer: Result<(), ProduceError>, mut others: Vec<oneshot::Sender<Self>>) {
        others.reverse();
        while let Some(one) = others.pop() {
            match one.send(Self { answer, others }) {
                Ok(()) => return,
                // The caller has gone.
                Err(mut told) => others = std::mem::take(&mut told.others),
            }
        }
    }

    /// The answer; the others are told.
    pub(super) const fn answer(&self) -> Result<(), ProduceError> {
        self.answer
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        for other in self.others.drain(..).rev() {
            // Whoever asked may have gone.
            other.send(Self { answer: self.answer, others: Vec::new() }).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Receiver = oneshot::Receiver<Told>;

    fn group() -> (Vec<oneshot::Sender<Told>>, Vec<Receiver>) {
        (0..4).map(|_| oneshot::channel()).unzip()
    }

    fn hears(receiver: &mut Receiver) -> Option<Result<(), ProduceError>> {
        receiver.try_recv().ok().map(|told| told.answer())
    }

    #[test]
    fn one_is_told_and_tells_the_others() {
        let (senders, mut receivers) = group();
        Told::tell(Err(ProduceError::Full), senders);
        let told = receivers.remove(0).try_recv().unwrap();
        assert_eq!(told.answer(), Err(ProduceError::Full));
        assert!(receivers.iter_mut().all(|receiver| hears(receiver).is_none()), "not yet");
        drop(told);
        for receiver in &mut receivers {
            assert_eq!(hears(receiver), Some(Err(ProduceError::Full)));
        }
    }

    #[test]
    fn callers_that_have_gone_keep_nobody_waiting() {
        let (senders, mut receivers) = group();
        drop(receivers.remove(0));
        Told::tell(Ok(()), senders);
        drop(receivers.remove(0));
        let told: Vec<_> = receivers.iter_mut().map(hears).collect();
        assert_eq!(told, [Some(Ok(())), Some(Ok(()))], "the one who was told went before it heard");
    }
}
