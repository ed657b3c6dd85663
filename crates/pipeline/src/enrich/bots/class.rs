//! Kinds of robots.

/// What a robot does, the most telling first: the order decides between several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Fetches a page for somebody who asks an assistant.
    AiAssistant,
    /// Gathers texts for models.
    AiCrawler,
    /// Gathers pages for a search engine.
    Search,
    /// A browser without a person.
    Headless,
    /// Watches whether a site is up, or fast.
    Monitor,
    /// Fetches feeds.
    Feed,
    /// Fetches what is shown of a link.
    Preview,
    /// Keeps copies.
    Archive,
    /// Gathers pages for research.
    Research,
    /// Looks at pages for advertisers.
    Advertising,
    /// Looks at pages for search rank.
    Seo,
    /// Looks for holes.
    Scanner,
    /// A library or a program for transfers.
    Tool,
    /// Says nothing of itself, or what nobody's browser says.
    Suspicious,
    /// Pretends to come from a page that wants to be looked at.
    ReferrerSpam,
    /// Any other.
    Crawler,
}

/// Who says that it is a robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    CrawlerUserAgents,
    Isbot,
    Own,
    SpamList,
    UapCore,
}

// === impl Class ===

impl Class {
    /// The word for it in tables and metrics.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::AiAssistant => "ai-assistant",
            Self::AiCrawler => "ai-crawler",
            Self::Search => "search",
            Self::Headless => "headless",
            Self::Monitor => "monitor",
            Self::Feed => "feed",
            Self::Preview => "preview",
            Self::Archive => "archive",
            Self::Research => "research",
            Self::Advertising => "advertising",
            Self::Seo => "seo",
            Self::Scanner => "scanner",
            Self::Tool => "tool",
            Self::Suspicious => "suspicious",
            Self::ReferrerSpam => "referrer-spam",
            Self::Crawler => "crawler",
        }
    }

    /// The class that tags of crawler-user-agents stand for.
    pub(super) fn of_tags(tags: &[String]) -> Self {
        let class = |tag: &String| match tag.as_str() {
            "academic" => Self::Research,
            "advertising" => Self::Advertising,
            "ai-crawler" => Self::AiCrawler,
            "archiver" => Self::Archive,
            "browser-automation" => Self::Headless,
            "feed-reader" => Self::Feed,
            "http-library" => Self::Tool,
            "monitoring" => Self::Monitor,
            "scanner" => Self::Scanner,
            "search-engine" => Self::Search,
            "seo" => Self::Seo,
            "social-preview" => Self::Preview,
            _ => Self::Crawler,
        };
        tags.iter().map(class).min().unwrap_or(Self::Crawler)
    }
}

// === impl Rule ===

impl Rule {
    /// The word for it in metrics.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::CrawlerUserAgents => "crawler-user-agents",
            Self::Isbot => "isbot",
            Self::Own => "own",
            Self::SpamList => "spam-list",
            Self::UapCore => "uap-core",
        }
    }
}
