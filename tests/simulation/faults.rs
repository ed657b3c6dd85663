//! What may go wrong in a schedule, and how often. Each schedule has its own mixture: many faults at a
//! time hide each other.

use crate::random::Random;

/// Frequencies are in ten thousand; times in milliseconds.
#[derive(Clone, Debug)]
pub struct Faults {
    /// One partition in a journal, which dies and comes back with its engine, instead of a group.
    pub is_journal: bool,
    pub sinks: u64,
    pub partitions: u64,
    pub records: u64,
    /// How long things go wrong.
    pub until: u64,

    /// A sink is killed at a step.
    pub crash: u64,
    /// A sink is stopped at a step, for at most `frozen_for`.
    pub freeze: u64,
    pub frozen_for: u64,
    /// Of those times: its clocks stand still too.
    pub suspended: u64,
    /// A sink's wall clock jumps, by up to 25 hours either way.
    pub clock: u64,
    /// The group moves partitions, once in so many milliseconds.
    pub rebalance_every: u64,
    /// Of those times: it takes them without asking.
    pub expelled: u64,

    /// A request, or its answer, is lost.
    pub lost: u64,
    /// An answer is heard twice.
    pub doubled: u64,
    /// How long a message travels.
    pub network: u64,

    /// ClickHouse refuses a statement, and passes.
    pub refused: u64,
    /// An insert fails although rows are there.
    pub failed_after: u64,
    /// An insert takes long.
    pub slow: u64,
    /// ClickHouse is killed, once in so many milliseconds; how long it stays away.
    pub house_down_every: u64,
    pub house_down_for: u64,
    /// A statement is refused until somebody mends it.
    pub permanent: u64,

    /// Records that are none, are damaged, or are missing.
    pub garbage: u64,
    pub damage: u64,
    /// Events that a table refuses.
    pub poison: u64,
    /// Somebody mends the table, so that it refuses them no more; 0 for never.
    pub mended_at: u64,
    /// Records that come by a spill; those of which the collector dies when they are in the log, and sends
    /// what it was about to give away once more.
    pub spilled: u64,
    pub sent_again: u64,
    /// Events that a client sends again, with their ids.
    pub retried: u64,
    /// Events whose time is nearly over.
    pub expiring: u64,
    /// The log deletes what was not read.
    pub deletes: u64,
    /// The log is made anew.
    pub recreate: u64,
    /// The end of the log is lost.
    pub cut_off: u64,
    /// Somebody sets a cursor back.
    pub set_back: u64,
}

impl Faults {
    pub fn draw(random: &mut Random) -> Self {
        let is_journal = random.chance(1_500);
        let mut some = |most: u64| {
            let is_on = random.chance(5_000);
            let rate = random.between(1, most);
            if is_on { rate } else { 0 }
        };
        let mut faults = Self {
            is_journal,
            sinks: 1,
            partitions: 1,
            records: 0,
            until: 0,
            crash: some(120),
            freeze: some(80),
            frozen_for: 0,
            suspended: some(5_000),
            clock: some(100),
            rebalance_every: 0,
            expelled: some(5_000),
            lost: some(600),
            doubled: some(1_000),
            network: 5 + some(1_500),
            refused: some(2_000),
            failed_after: some(800),
            slow: some(4_000),
            house_down_every: 0,
            house_down_for: 0,
            permanent: some(30),
            garbage: some(1_000),
            damage: some(1_500),
            poison: some(1_500),
            mended_at: some(120_000),
            spilled: some(7_000),
            sent_again: 0,
            retried: some(3_000),
            expiring: some(2_000),
            deletes: some(300),
            recreate: some(40),
            cut_off: some(30),
            set_back: 0,
        };
        if faults.mended_at > 0 {
            // Slices of a sleeper that come when the table takes them are what tokens cannot help with.
            faults.freeze = 0;
        }
        faults.sent_again = random.between(500, 6_000);
        faults.until = random.between(20_000, 240_000);
        faults.records = random.between(10, 60);
        faults.frozen_for = random.between(1_000, 90_000);
        faults.house_down_for = random.between(100, 60_000);
        if random.chance(5_000) {
            faults.house_down_every = random.between(2_000, 60_000);
        }
        if is_journal {
            // A journal belongs to its process, and keeps what was not confirmed.
            (faults.deletes, faults.recreate, faults.cut_off) = (0, 0, 0);
        } else {
            faults.sinks = random.between(1, 3);
            faults.partitions = random.between(1, 3);
            if random.chance(7_000) {
                faults.rebalance_every = random.between(1_000, 60_000);
            }
        }
        if !is_journal && random.chance(2_000) {
            faults.storm(random);
        } else if !is_journal && random.chance(2_500) {
            faults.set_back = random.between(1, 80);
        }
        faults
    }

    /// What is worst for the protocol at once: inserts that last, owners that do not know that they are
    /// none any more, and an engine that dies in between.
    fn storm(&mut self, random: &mut Random) {
        self.sinks = random.between(2, 3);
        self.slow = 5_000;
        self.rebalance_every = random.between(2_000, 10_000);
        self.expelled = 9_000;
        self.house_down_every = random.between(3_000, 20_000);
        self.house_down_for = random.between(50, 2_000);
        (self.lost, self.refused, self.network) = (0, 0, 50);
    }
}

/// Mistakes that are made on purpose: of each it is shown that the simulation sees it. They stand in the
/// driver and the world around the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// Reading back answers that everything is there: the token is believed.
    TokenBelieved,
    /// Reading back answers that nothing is there.
    NothingReadBack,
    /// The cursor carries no intent.
    IntentForgotten,
    /// The intent is read one record short.
    IntentShortened,
    /// Every try has a token of its own.
    TokenPerTry,
    /// The token does not name the log.
    LogNotInToken,
    /// It is not waited for what may be under way.
    NotWaited,
    /// A failed insert is taken for a good one.
    FailureBelieved,
    /// The ledger is said to have every range.
    LedgerBelieved,
    /// A range's row in the ledger is taken as proof of all its rows.
    LedgerIsProof,
    /// Each owner decides by its own clock what is over.
    TimeNotShared,
    /// The cursor is moved before the insert.
    ConfirmedFirst,
    /// The group takes commits from whoever sends them.
    NotFenced,
    /// Records come although the partition is paused.
    PauseIgnored,
    /// The log does not tell what is damaged.
    DamageNotTold,
    /// ClickHouse goes on with inserts after their time.
    ServerGoesOn,
    /// Whoever settles a range is not told which rows are set aside, and the table takes them by then.
    SkipForgotten,
    /// The ledger is said to have nothing of a spill.
    MarksNotRead,
    /// What the ledger says of a range counts for that range too.
    MarksOfOwnRange,
    /// The ledger does not keep what a range had of spills.
    MarksNotKept,
    /// The tables are said to have no ids before a range.
    IdsNotRead,
    /// The ids of a range's own rows count for that range too.
    IdsOfOwnRange,
    /// Each owner looks at as many ids as it likes.
    WindowNotShared,
    /// ClickHouse remembers the last two tokens of a table.
    WindowOfTwo,
    /// The ledger is said to have nothing of a partition.
    SetBackNotSeen,
    /// Deadlines and pauses are counted by a clock that is set now and then.
    DeadlinesByWallClock,
}

impl Planted {
    pub fn is_of_marks(self) -> bool {
        matches!(self, Self::MarksNotRead | Self::MarksOfOwnRange | Self::MarksNotKept)
    }

    pub const ALL: [Self; 26] = [
        Self::TokenBelieved,
        Self::NothingReadBack,
        Self::IntentForgotten,
        Self::IntentShortened,
        Self::TokenPerTry,
        Self::LogNotInToken,
        Self::NotWaited,
        Self::FailureBelieved,
        Self::LedgerBelieved,
        Self::LedgerIsProof,
        Self::TimeNotShared,
        Self::ConfirmedFirst,
        Self::NotFenced,
        Self::PauseIgnored,
        Self::DamageNotTold,
        Self::ServerGoesOn,
        Self::SkipForgotten,
        Self::WindowOfTwo,
        Self::MarksNotRead,
        Self::MarksOfOwnRange,
        Self::MarksNotKept,
        Self::IdsNotRead,
        Self::IdsOfOwnRange,
        Self::WindowNotShared,
        Self::SetBackNotSeen,
        Self::DeadlinesByWallClock,
    ];
}
