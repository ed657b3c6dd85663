//! Sinks that share a group: partitions move, and none is worked on by two.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use candor_tests::Broker;
use candor_transport::kafka::{KafkaConfig, KafkaConsumer, KafkaError};
use candor_transport::{
    CommitError, Committer, ConsumeError, Consumer, Cursor, Delivery, Producer,
};

use crate::drive::soon;
use crate::support::{
    STALL_MAX, assigned, create, events_in, fresh_with, is_quiet, next, sink, start,
};

/// A group of six partitions that takes a member for dead soon.
async fn group() -> KafkaConfig {
    let mut config = fresh_with(Broker::shared(), 6);
    config.session_timeout_s = NonZeroU32::new(2).unwrap();
    create(&config).await;
    config
}

fn member(config: &KafkaConfig, name: &str) -> KafkaConsumer {
    KafkaConsumer::start(&sink(config, name), STALL_MAX).unwrap()
}

/// Reads until this consumer is told to give partitions away; gives back which.
async fn revoked(consumer: &mut KafkaConsumer, count: usize) -> Vec<u32> {
    let mut all = Vec::new();
    while all.len() < count {
        match next(consumer).await {
            Delivery::Revoked { partition, lost } => {
                assert!(!lost, "it was asked, not robbed");
                all.push(partition);
            }
            other => panic!("not a revocation: {other:?}"),
        }
    }
    all
}

#[tokio::test]
async fn a_partition_moves_when_it_is_released_and_its_cursor_with_it() {
    let config = group().await;
    let producer = start(&config).await;
    for partition in 0..6 {
        soon(producer.produce(events_in(partition, 1))).await.unwrap();
    }
    let mut first = member(&config, "first");
    assert_eq!(assigned(&mut first, 6).await.len(), 6);
    for _ in 0..6 {
        assert!(matches!(next(&mut first).await, Delivery::Record { .. }));
    }

    let mut second = member(&config, "second");
    let leaving = {
        // Both must be asked for the group to go on; the second has nothing yet.
        let joining = second.next();
        tokio::pin!(joining);
        tokio::select! {
            delivery = &mut joining => panic!("it is still the first's: {delivery:?}"),
            leaving = revoked(&mut first, 3) => leaving,
        }
    };
    let note = Cursor { offset: 1, metadata: "finished".to_owned() };
    for partition in &leaving {
        soon(first.committer().commit(*partition, note.clone())).await.unwrap();
    }
    for partition in &leaving[1..] {
        first.release(*partition);
    }
    let (one_quiet, other_quiet) = tokio::join!(is_quiet(&mut first), is_quiet(&mut second));
    assert!(one_quiet && other_quiet, "one is not released yet");

    first.release(leaving[0]);
    let refused = first.committer().commit(leaving[0], note.clone()).await;
    assert!(matches!(refused, Err(CommitError::Fenced)), "{refused:?}");
    let moved = {
        let staying = first.next();
        tokio::pin!(staying);
        tokio::select! {
            delivery = &mut staying => panic!("nothing new for the first: {delivery:?}"),
            moved = assigned(&mut second, 3) => moved,
        }
    };
    let want: std::collections::BTreeMap<_, _> =
        leaving.iter().map(|partition| (*partition, Some(note.clone()))).collect();
    assert_eq!(moved, want, "the second goes on where the first stopped");

    drop(second);
    let back = assigned(&mut first, 3).await;
    assert_eq!(back, want, "the session of a member that is gone runs out");
}

#[tokio::test]
async fn a_restart_within_the_session_gets_its_partitions_back_and_disturbs_nobody() {
    let mut config = group().await;
    config.session_timeout_s = NonZeroU32::new(30).unwrap();
    let (mut first, mut second) = (member(&config, "first"), member(&config, "second"));
    let mut held = [Vec::new(), Vec::new()];
    soon(async {
        while held[0].len() != 3 || held[1].len() != 3 {
            let (at, delivery) = tokio::select! {
                delivery = first.next() => (0, delivery.unwrap()),
                delivery = second.next() => (1, delivery.unwrap()),
            };
            match delivery {
                Delivery::Assigned { partition, .. } => held[at].push(partition),
                Delivery::Revoked { partition, .. } => {
                    held[at].retain(|it| *it != partition);
                    [&mut first, &mut second][at].release(partition);
                }
                other => panic!("unexpected: {other:?}"),
            }
        }
    })
    .await;
    drop(first);
    let mut again = member(&config, "first");
    let back = tokio::select! {
        delivery = second.next() => panic!("the second was disturbed: {delivery:?}"),
        back = assigned(&mut again, 3) => back,
    };
    held[0].sort_unstable();
    assert_eq!(back.into_keys().collect::<Vec<_>>(), held[0]);
    let (one_quiet, other_quiet) = tokio::join!(is_quiet(&mut again), is_quiet(&mut second));
    assert!(one_quiet && other_quiet);
}

#[tokio::test]
async fn a_partition_that_nobody_was_given_is_found_and_read() {
    let mut config = group().await;
    // Long enough that it is not the session's end that helps.
    config.session_timeout_s = NonZeroU32::new(12).unwrap();
    let mut first = member(&config, "first");
    assigned(&mut first, 6).await;
    let mut second = member(&config, "second");
    {
        let joining = second.next();
        tokio::pin!(joining);
        tokio::select! {
            delivery = &mut joining => panic!("it is still the first's: {delivery:?}"),
            leaving = revoked(&mut first, 3) => leaving,
        };
    }
    // It was asked to give them away, and is gone before it could say that it has. Whoever comes under its name
    // is given what was left to it, and the group rests.
    drop(first);
    let mut again = member(&config, "first");
    let mut held = BTreeSet::new();
    soon(async {
        while held.len() < 6 {
            let (consumer, delivery) = tokio::select! {
                delivery = again.next() => (&mut again, delivery.unwrap()),
                delivery = second.next() => (&mut second, delivery.unwrap()),
            };
            match delivery {
                Delivery::Assigned { partition, .. } => assert!(held.insert(partition)),
                Delivery::Revoked { partition, .. } => {
                    held.remove(&partition);
                    consumer.release(partition);
                }
                other => panic!("unexpected: {other:?}"),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_loses_its_name_to_another_is_fenced() {
    let config = group().await;
    let mut first = member(&config, "same");
    assigned(&mut first, 6).await;
    let health = first.health();
    soon(health.check()).await.unwrap();
    let committer = first.committer();

    let mut second = member(&config, "same");
    let taken = assigned(&mut second, 6).await;
    assert_eq!(taken.len(), 6);
    // Both take the name from each other, for either may have been what was left of itself; until the elder
    // has lost it four times.
    let fenced = soon(async {
        tokio::select! {
            error = until_it_ends(&mut first) => error,
            error = until_it_ends(&mut second) => panic!("the younger ended: {error}"),
        }
    })
    .await;
    assert!(matches!(fenced, ConsumeError::Fenced), "{fenced}");
    assert!(!fenced.is_transient());
    assert!(fenced.to_string().contains("`kafka.instance`"));
    assert!(matches!(soon(health.check()).await, Err(KafkaError::Fenced)));
    let refused = soon(committer.commit(0, Cursor::default())).await;
    assert!(matches!(refused, Err(CommitError::Fenced)));
    let younger = second.committer();
    let goes_on = tokio::select! {
        gone_on = soon(committed(&younger)) => gone_on,
        error = until_it_ends(&mut second) => panic!("the younger ended: {error}"),
    };
    assert!(goes_on);
}

/// Reads, and gives up whatever is taken, until it cannot go on.
async fn until_it_ends(consumer: &mut KafkaConsumer) -> ConsumeError {
    loop {
        match consumer.next().await {
            Ok(Delivery::Revoked { partition, .. }) => consumer.release(partition),
            Ok(_) => {}
            Err(error) => break error,
        }
    }
}

/// Whether a cursor can be written, sooner or later.
async fn committed(committer: &impl Committer) -> bool {
    while committer.commit(0, Cursor::default()).await.is_err() {
        tokio::task::yield_now().await;
    }
    true
}

#[tokio::test]
async fn whoever_is_not_asked_for_too_long_loses_everything_and_comes_back() {
    let config = group().await;
    let stall_max = Duration::from_secs(2);
    let mut stalled = KafkaConsumer::start(&sink(&config, "stalled"), stall_max).unwrap();
    assigned(&mut stalled, 6).await;

    let mut other = member(&config, "other");
    assert_eq!(assigned(&mut other, 6).await.len(), 6, "it is taken for dead");
    let refused = soon(stalled.committer().commit(0, Cursor::default())).await;
    assert!(refused.is_err(), "an owner that is none any more committed");

    let mut lost = 0;
    while lost < 6 {
        match next(&mut stalled).await {
            Delivery::Revoked { partition, lost: true } => {
                stalled.release(partition);
                lost += 1;
            }
            delivery => panic!("not a loss: {delivery:?}"),
        }
    }
    let shared = async {
        let leaving = revoked(&mut other, 3).await;
        for partition in leaving {
            other.release(partition);
        }
        other.next().await
    };
    tokio::select! {
        delivery = shared => panic!("nothing new for the other: {delivery:?}"),
        back = assigned(&mut stalled, 3) => assert_eq!(back.len(), 3),
    }
}
