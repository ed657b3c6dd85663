//! Who answers for the processing, on which sites, and who else has a part in it.

use candor_event::{Purpose, Site};

use crate::words::words;
use crate::{
    Country, Date, ForeignId, HostPattern, Hours, Language, Region, Scripts, Texts, prose,
};

/// Who answers for the processing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) contact: String,
    pub(crate) address: Option<String>,
    pub(crate) country: Option<Country>,
    pub(crate) data_protection_officer: Option<String>,
}

/// What the controller itself calls the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edition {
    pub(crate) version: Option<String>,
    pub(crate) date: Option<Date>,
}

/// A site, and the hosts whose pages may send beacons for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteEntry {
    pub(crate) name: Site,
    /// In order.
    pub(crate) hosts: Vec<HostPattern>,
    /// In order.
    pub(crate) also: Vec<ForeignId>,
    pub(crate) scripts: Scripts,
}

/// Where data may lie, and who processes it for the controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    pub(crate) region: Region,
    pub(crate) log: Hours,
    /// In the order of their names.
    pub(crate) processors: Vec<Processor>,
}

/// Somebody who processes data for the controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processor {
    pub(crate) name: String,
    pub(crate) task: Task,
    pub(crate) country: Country,
    pub(crate) safeguard: Option<Safeguard>,
}

/// Who may read what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub(crate) name: String,
    pub(crate) title: Option<Texts>,
    /// In the order of their names.
    pub(crate) reads: Vec<Purpose>,
}

words! {
    /// What a processor does.
    pub enum Task {
        /// Shows advertisements, or measures them.
        Advertising = "advertising",
        /// Analyses visits.
        Analysis = "analysis",
        /// Writes to customers.
        Communication = "communication",
        /// Builds and maintains the systems.
        Development = "development",
        /// Runs the servers.
        Hosting = "hosting",
        /// Watches over the systems.
        Security = "security",
        /// Keeps copies.
        Storage = "storage",
        /// Helps the users.
        Support = "support",
    }
}

words! {
    /// What protects data that leaves the region (GDPR, chapter V).
    pub enum Safeguard {
        /// A decision of the European Commission that the country is safe (article 45).
        AdequacyDecision = "adequacy-decision",
        /// The Commission's clauses in the contract (article 46(2)(c)).
        StandardContractualClauses = "standard-contractual-clauses",
        /// Rules that bind all of a group (article 47).
        BindingCorporateRules = "binding-corporate-rules",
    }
}

// === impl Controller ===

impl Controller {
    /// The short name; it ends the names of the controller's views.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name that visitors read.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where visitors can turn to.
    pub fn contact(&self) -> &str {
        &self.contact
    }

    /// Where letters reach it.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// Where it has its seat.
    pub fn country(&self) -> Option<Country> {
        self.country
    }

    /// How to reach its data protection officer.
    pub fn data_protection_officer(&self) -> Option<&str> {
        self.data_protection_officer.as_deref()
    }
}

// === impl Edition ===

impl Edition {
    /// The controller's own name for the policy.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The day from which it holds.
    pub fn date(&self) -> Option<Date> {
        self.date
    }
}

// === impl SiteEntry ===

impl SiteEntry {
    /// What beacons say in `site`.
    pub fn name(&self) -> &Site {
        &self.name
    }

    /// The hosts, in order.
    pub fn hosts(&self) -> &[HostPattern] {
        &self.hosts
    }

    /// What other protocols call it, in order.
    pub fn also(&self) -> &[ForeignId] {
        &self.also
    }

    /// When it loads the scripts that speak those protocols.
    pub fn scripts(&self) -> Scripts {
        self.scripts
    }
}

// === impl Data ===

impl Data {
    /// Where data may lie.
    pub fn region(&self) -> Region {
        self.region
    }

    /// How long events may lie in the log before they reach their tables, whether they were stored or not.
    pub fn log(&self) -> Hours {
        self.log
    }

    /// Who processes it for the controller, in the order of their names.
    pub fn processors(&self) -> &[Processor] {
        &self.processors
    }
}

// === impl Processor ===

impl Processor {
    /// The name that visitors read.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it does.
    pub fn task(&self) -> Task {
        self.task
    }

    /// Where it does it.
    pub fn country(&self) -> Country {
        self.country
    }

    /// What protects the data there; `None` within the region.
    pub fn safeguard(&self) -> Option<Safeguard> {
        self.safeguard
    }
}

// === impl Role ===

impl Role {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What visitors read: the controller's own words, or those of every notice.
    pub fn title(&self, language: Language) -> &str {
        let own = self.title.as_ref().and_then(|texts| texts.nearest(language));
        own.or_else(|| prose::role(&self.name, language)).unwrap_or(&self.name)
    }

    /// The purposes that it may read, in the order of their names.
    pub fn reads(&self) -> &[Purpose] {
        &self.reads
    }
}
