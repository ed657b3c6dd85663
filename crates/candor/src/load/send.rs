//! One connection that sends what is due.

#![expect(clippy::disallowed_types, reason = "the address of the collector")]

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::Conversation;
use super::pace::Pace;
use super::requests::Requests;
use super::tally::{Outcome, Tally};

/// Who does not answer within this time has not answered.
const DEADLINE: Duration = Duration::from_secs(30);
const REFUSED_PAUSE: Duration = Duration::from_millis(10);

/// Sends until the time is over. A connection that breaks is opened anew for the next request; what was
/// under way is not sent again, so that it is known what was acknowledged.
pub(super) async fn connection(
    target: SocketAddr,
    requests: Arc<Requests>,
    pace: Arc<Pace>,
    tally: Arc<Tally>,
) {
    let mut open = None;
    let mut bytes = Vec::new();
    while let Some(turn) = pace.next().await {
        let beacons = requests.write(turn.number, &mut bytes);
        let answered = timeout(DEADLINE, ask(&mut open, target, &bytes, beacons)).await;
        let outcome = match answered {
            Ok(Ok(answer)) => Outcome::Answered(answer),
            Ok(Err(error)) => Outcome::Broken(error.kind()),
            Err(_) => Outcome::Broken(io::ErrorKind::TimedOut),
        };
        if matches!(outcome, Outcome::Broken(_)) {
            open = None;
        }
        tally.count(turn, beacons, outcome);
        if matches!(outcome, Outcome::Broken(io::ErrorKind::ConnectionRefused)) {
            // Nobody is there, or not yet.
            tokio::time::sleep(REFUSED_PAUSE).await;
        }
    }
}

async fn ask(
    open: &mut Option<Conversation>,
    target: SocketAddr,
    bytes: &[u8],
    beacons: u64,
) -> io::Result<super::answer::Answer> {
    let conversation = match open {
        Some(open) => open,
        None => open.insert(Conversation::new(TcpStream::connect(target).await?)?),
    };
    conversation.ask(bytes, beacons).await
}
