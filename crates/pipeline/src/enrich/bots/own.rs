//! Rules of our own, on agents in small letters.

use regex::bytes::{RegexSet, RegexSetBuilder};

use super::Class;

/// What is in the agent, and what that makes of it.
const RULES: [(&[&str], Class); 6] = [
    (
        // Somebody waits for the answer.
        &[
            "chatgpt-user",
            "chatgpt agent",
            "claude-user",
            "perplexity-user",
            "perplexityuser",
            "mistralai-user",
            "duckassistbot",
            "gemini-deep-research",
            "google-notebooklm",
            "google-gemini-cli",
            "google-agent",
            "googleagent-mariner",
            "amzn-user",
            "amazonbuyforme",
            "manus-user",
            "meta-externalfetcher",
            "kagi-fetcher",
            "phindbot",
            "youbot",
            "cohere-ai",
            "claude-code",
            "devin/",
            "novaact",
            "bedrock-agentcore",
            "quora-bot",
            "poggio-citations",
            "linerbot",
            "copilot-user",
            "deepseek-user",
        ],
        Class::AiAssistant,
    ),
    (
        &[
            "gptbot",
            "oai-searchbot",
            "claudebot",
            "claude-web",
            "claude-searchbot",
            "anthropic-ai",
            "google-extended",
            "google-cloudvertexbot",
            "perplexitybot",
            "ccbot",
            "bytespider",
            "tiktokspider",
            "meta-externalagent",
            "applebot-extended",
            "deepseekbot",
            "ai2bot",
            "diffbot",
            "cohere-training",
            "petalbot-ai",
            "pangubot",
            "chatglm-spider",
            "kangaroo bot",
            "timpibot",
            "img2dataset",
            "firecrawl",
            "crawl4ai",
        ],
        Class::AiCrawler,
    ),
    (
        &[
            "headlesschrome",
            "headless",
            "phantomjs",
            "slimerjs",
            "puppeteer",
            "playwright",
            "selenium",
            "webdriver",
            "cypress/",
            "nightmare",
            "zombie.js",
            "jsdom/",
            "splash version",
            "htmlunit",
            "casperjs",
            "ghostinspector",
            "browserless",
        ],
        Class::Headless,
    ),
    (
        &[
            "${jndi:",
            "<script",
            "() {",
            "../..",
            "' or ",
            "union select",
            "sqlmap",
            "base64_decode",
            "{{",
            "/etc/passwd",
            "wget http",
            "curl http",
        ],
        Class::Suspicious,
    ),
    (
        &[
            "uptimerobot",
            "pingdom",
            "statuscake",
            "site24x7",
            "uptime-kuma",
            "uptime kuma",
            "betteruptime",
            "better uptime",
            "better stack",
            "datadogsynthetics",
            "datadog/",
            "newrelicpinger",
            "checkly",
            "gatus/",
            "blackbox exporter",
            "kube-probe",
            "elb-healthchecker",
            "googlehc/",
            "googlestackdrivermonitoring",
            "chrome-lighthouse",
            "gtmetrix",
            "hetrixtools",
            "freshping",
            "updown.io",
            "nagios",
            "zabbix",
            "icinga",
            "monitis",
            "catchpoint",
            "dynatrace",
            "check_http",
        ],
        Class::Monitor,
    ),
    (
        &[
            "go-http-client",
            "python-requests",
            "python-urllib",
            "python-httpx",
            "aiohttp",
            "okhttp",
            "axios/",
            "node-fetch",
            "undici",
            "got (",
            "apache-httpclient",
            "java-http-client",
            "jakarta commons",
            "libwww-perl",
            "lwp::",
            "guzzlehttp",
            "faraday",
            "rest-client",
            "restsharp",
            "winhttp",
            "libcurl",
            "pycurl",
            "wget/",
            "reqwest",
            "hyper/",
            "ureq/",
            "dart:io",
            "dart/",
            "ruby/",
            "httpclient",
            "postmanruntime",
            "insomnia/",
            "httpie/",
            "k6/",
            "apachebench",
            "jmeter",
            "vegeta",
            "wrk/",
            "scrapy",
            "colly",
            "mechanize",
            "powershell",
            "symfony",
            "typhoeus",
            "urlgrabber",
            "cpp-httplib",
        ],
        Class::Tool,
    ),
];

/// Beginnings that only tools have.
const BEGINNINGS: [&str; 8] =
    ["curl/", "wget", "python/", "java/", "php/", "perl", "node/", "node.js"];

/// The class of what a robot says of itself when no list knows its name.
const GUESSES: [(&[&str], Class); 8] = [
    (&["monitor", "uptime", "check", "pagespeed", "statuscake", "synthetic"], Class::Monitor),
    (&["feed", "rss", "podcast", "reader"], Class::Feed),
    (&["preview", "unfurl", "embed", "thumb", "whatsapp"], Class::Preview),
    (&["archive"], Class::Archive),
    (&["scan", "securit", "audit", "vuln", "nmap"], Class::Scanner),
    (&["seo", "rank", "backlink", "sitemap"], Class::Seo),
    (&["search"], Class::Search),
    (&["http", "java", "php", "ruby", "lib", "client", "download", "get", "node"], Class::Tool),
];

/// The rules, compiled.
#[derive(Debug)]
pub(super) struct Own(RegexSet);

// === impl Own ===

impl Own {
    pub(super) fn new() -> Result<Self, regex::Error> {
        let words = RULES.iter().flat_map(|(words, _)| *words).map(|word| regex::escape(word));
        RegexSetBuilder::new(words).unicode(false).build().map(Self)
    }

    /// The class of what our own rules know.
    pub(super) fn of(&self, agent: &str) -> Option<Class> {
        if !agent.bytes().any(|c| c.is_ascii_alphabetic()) {
            return Some(Class::Suspicious);
        }
        let mut classes = RULES.iter().flat_map(|(words, class)| words.iter().map(move |_| *class));
        let first = self.0.matches(agent.as_bytes()).iter().next();
        let named = first.and_then(|at| classes.nth(at));
        let begins =
            || BEGINNINGS.iter().any(|word| agent.starts_with(word)).then_some(Class::Tool);
        named.or_else(begins)
    }
}

/// What a robot that no list knows by name says of itself.
pub(super) fn guess(agent: &str) -> Class {
    let is_bot = ["bot", "crawl", "spider"].iter().any(|word| agent.contains(word));
    let has = |words: &&[&str]| words.iter().any(|word| agent.contains(word));
    let guessed = GUESSES.iter().find(|(words, _)| has(words)).map(|(_, class)| *class);
    guessed.filter(|class| !(is_bot && *class == Class::Tool)).unwrap_or(Class::Crawler)
}
