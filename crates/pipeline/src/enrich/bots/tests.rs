use std::path::{Path, PathBuf};

use super::*;
use crate::enrich::fixtures;

/// The lists that `tools/setup` fetches.
fn bots() -> Bots {
    let read = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../third_party/bots").join(name);
        std::fs::read_to_string(path).expect("run `make setup` first")
    };
    Bots::read(&read("crawler-user-agents.json"), &read("isbot.mjs")).unwrap()
}

/// What is said of an agent.
fn of(bots: &Bots, agent: &str) -> Option<Bot> {
    bots.of(agent, &agent.to_ascii_lowercase())
}

fn corpus(file: &str) -> Vec<String> {
    let path: PathBuf = fixtures("isbot").join("fixtures").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Agents, their class and whose rule says so.
const ROBOTS: [(&str, &str, &str); 20] = [
    ("", "suspicious", "own"),
    ("-", "suspicious", "own"),
    ("${jndi:ldap://a.example/b}", "suspicious", "own"),
    ("curl/8.5.0", "tool", "own"),
    ("Go-http-client/2.0", "tool", "own"),
    ("python-requests/2.32.3", "tool", "own"),
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/130.0.0.0 Safari/537.36",
        "headless",
        "own",
    ),
    (
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot",
        "ai-assistant",
        "own",
    ),
    (
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Perplexity-User/1.0; +https://perplexity.ai/perplexity-user)",
        "ai-assistant",
        "own",
    ),
    (
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "ai-crawler",
        "own",
    ),
    (
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
        "ai-crawler",
        "own",
    ),
    (
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "search",
        "crawler-user-agents",
    ),
    (
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "search",
        "crawler-user-agents",
    ),
    (
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        "seo",
        "crawler-user-agents",
    ),
    (
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "preview",
        "crawler-user-agents",
    ),
    (
        "Feedly/1.0 (+http://www.feedly.com/fetcher.html; like FeedFetcher-Google)",
        "feed",
        "crawler-user-agents",
    ),
    ("Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", "monitor", "own"),
    (
        "Mozilla/5.0 (compatible; archive.org_bot +http://archive.org/details/archive.org_bot)",
        "archive",
        "crawler-user-agents",
    ),
    ("Mozilla/5.0 (compatible; never-heard-of-bot/1.0)", "crawler", "isbot"),
    ("SomeFeedThing/1.0", "feed", "isbot"),
];

#[test]
fn robots_have_classes_and_rules() {
    let bots = bots();
    for (agent, class, rule) in ROBOTS {
        let found = of(&bots, agent).map(|bot| (bot.class.label(), bot.rule.label()));
        assert_eq!(found, Some((class, rule)), "{agent}");
    }
}

#[test]
fn browsers_are_people() {
    let bots = bots();
    for agent in [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 12; HTC Butterfly 3) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
        "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
    ] {
        assert_eq!(of(&bots, agent), None, "{agent}");
    }
}

/// Agents that were met in the wild: at least 99 of 100 robots are found, and at most 5 of 1,000 browsers
/// are taken for one.
#[test]
fn robots_and_browsers_of_the_wild_are_told_apart() {
    let bots = bots();
    let robots = corpus("bots.txt");
    let missed: Vec<_> = robots.iter().filter(|agent| of(&bots, agent).is_none()).collect();
    println!("missed {} of {}: {missed:#?}", missed.len(), robots.len());
    let browsers = corpus("browsers.txt");
    let mistaken: Vec<_> =
        browsers.iter().filter_map(|agent| of(&bots, agent).map(|bot| (bot, agent))).collect();
    println!("mistook {} of {}", mistaken.len(), browsers.len());
    for (bot, agent) in &mistaken {
        println!("{} {}: {agent}", bot.rule.label(), bot.class.label());
    }
    assert!(missed.len() * 100 <= robots.len(), "{} of {}", missed.len(), robots.len());
    assert!(mistaken.len() * 1_000 <= 5 * browsers.len(), "{} mistaken", mistaken.len());
}

#[test]
fn a_list_that_is_damaged_is_refused() {
    for (crawlers, isbot) in [("{}", "patterns_default = [\n\"a\"\n];"), ("[]", ""), ("[", "")] {
        assert!(Bots::read(crawlers, isbot).is_err(), "{crawlers} {isbot}");
    }
    let open = r#"[{"pattern": "("}]"#;
    assert!(matches!(Bots::read(open, "").unwrap_err(), BotsError::Compile { .. }));
}
