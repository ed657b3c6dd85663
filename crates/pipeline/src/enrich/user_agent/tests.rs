use super::*;

const RULES: &str = r"
user_agent_parsers:
  - regex: '(Firefox)/(\d+)\.(\d+)'
  - regex: '(Chrome)/(\d+)'
os_parsers:
  - regex: '(Windows NT 10\.0)'
    os_replacement: 'Windows'
    os_v1_replacement: '10'
  - regex: '(Android) (\d+)'
device_parsers:
  - regex: 'ExampleBot'
    device_replacement: 'Spider'
";

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

fn agents() -> Agents {
    Agents::from_yaml(RULES).unwrap()
}

fn look_up(agents: &Agents, user_agent: &str) -> Arc<Agent> {
    agents.look_up(user_agent, &Hints::default())
}

#[test]
fn a_browser_is_read_and_remembered() {
    let agents = agents();
    let text = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0";
    let first = look_up(&agents, text);
    assert_eq!((first.browser.as_str(), first.browser_version.as_str()), ("Firefox", "140"));
    assert_eq!((first.os.as_str(), first.device), ("Windows", Device::Desktop));
    assert!(Arc::ptr_eq(&first, &look_up(&agents, text)));
}

#[test]
fn bots_have_a_class_and_no_device() {
    for (text, class) in [("ExampleBot/1.0", "crawler"), ("", "suspicious"), ("curl/8", "tool")] {
        let agent = look_up(&agents(), text);
        let found = agent.bot.map(|bot| bot.class.label());
        assert_eq!((found, agent.device), (Some(class), Device::Unspecified), "{text}");
    }
}

#[test]
fn hints_say_what_the_agent_hides() {
    let mut headers = http::HeaderMap::new();
    for (name, value) in [
        ("sec-ch-ua", r#""Chromium";v="141", "Brave";v="141""#),
        ("sec-ch-ua-platform", r#""Windows""#),
        ("sec-ch-ua-platform-version", r#""15.0.0""#),
        ("sec-ch-ua-form-factors", r#""Tablet""#),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    let hints = Hints::read(&headers);
    let agents = agents();
    let asked = agents.look_up(CHROME, &hints);
    assert_eq!((asked.browser.as_str(), asked.os_version.as_str()), ("Brave", "11"));
    assert_eq!(asked.device, Device::Tablet);
    let unasked = agents.look_up(CHROME, &hints.unasked());
    assert_eq!((unasked.browser.as_str(), unasked.os_version.as_str()), ("Brave", "10"));
    assert_eq!(unasked.device, Device::Desktop);
    assert_eq!(look_up(&agents, CHROME).browser, "Chrome");
}

#[test]
fn a_browser_without_a_person_says_so_in_its_brand() {
    let mut headers = http::HeaderMap::new();
    headers.insert("sec-ch-ua", r#""HeadlessChrome";v="141""#.parse().unwrap());
    let agent = agents().look_up(CHROME, &Hints::read(&headers));
    assert_eq!(agent.bot.map(|bot| bot.class), Some(Class::Headless));
}

#[test]
fn a_flood_of_agents_leaves_a_bounded_cache_and_those_that_were_seen() {
    let agents = agents();
    let seen = look_up(&agents, CHROME);
    for n in 0..12 * CACHE_ENTRIES {
        look_up(&agents, &format!("{CHROME} {n}"));
        look_up(&agents, CHROME);
    }
    assert!(agents.cache.len() <= CACHE_ENTRIES);
    assert!(Arc::ptr_eq(&seen, &look_up(&agents, CHROME)), "a flood pushes nobody out");
}

/// What a flood gets is no worse than it must be: the same words, the same names.
#[test]
fn what_is_guessed_is_what_the_full_rules_say() {
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../../third_party/uap-core/regexes.yaml");
    let rules = std::fs::read_to_string(rules).expect("run `make setup` first");
    let agents = Agents::from_yaml(&rules).unwrap();
    let list = include_str!("../../../../../benches/agents.txt");
    let (mut same, mut all) = (0, 0);
    for text in list.lines() {
        let parsed = agents.parse(text, &Said::default());
        let guessed = agents.guess(text, &Hints::default());
        assert_eq!(parsed.bot.is_some(), guessed.bot.is_some(), "{text}");
        let words =
            |agent: &Agent| [&agent.browser, &agent.browser_version, &agent.os].map(String::clone);
        all += 1;
        let is_same = words(&parsed) == words(&guessed) && parsed.device == guessed.device;
        if parsed.bot.is_some() || is_same {
            same += 1;
        } else {
            println!("{text}\n  parsed {parsed:?}\n  guessed {guessed:?}");
        }
    }
    println!("{same} of {all} agents are guessed as they are parsed");
    assert!(same * 10 >= all * 7, "{same} of {all}");
}
