//! Where visits come from, case by case: the page's query, the referrer, and what is said of them.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use candor_event::{Channel, Event, Timestamp, wire};
use candor_pipeline::{Head, Peer, Pipeline, RawBeacons, TrustedProxies};

const POLICY: &str = "controller = { id = 'a', name = 'A', contact = 'a@a.example' }
sites = [{ name = 'acme', hosts = ['acme.example', 'www.acme.example'] }]
purposes.statistics = { basis = 'consent', retention = '1 month', fields = FIELDS }";

/// A page's query, a referrer, the source and the channel.
const CASES: [(&str, &str, &str, &str); 198] = [
    // Matomo's own names.
    ("mtm_campaign=spring&mtm_source=news&mtm_medium=email", "", "news", "Email"),
    ("pk_campaign=spring&pk_source=google&pk_medium=cpc", "", "Google", "Paid Search"),
    ("", "https://www.google.com./", "Google", "Organic Search"),
    ("utm_source=joe%40mail.example", "", "[e-mail]", "Referral"),
    ("", "", "", "Direct"),
    ("utm_campaign=cross-network", "", "", "Cross-network"),
    (
        "utm_source=google&utm_medium=cpc&utm_campaign=spring-Cross-Network",
        "",
        "Google",
        "Cross-network",
    ),
    (
        "utm_campaign=cross-network&utm_medium=email",
        "https://www.facebook.com/",
        "Facebook",
        "Cross-network",
    ),
    ("utm_source=amazon&utm_medium=cpc", "", "Amazon", "Paid Shopping"),
    ("utm_medium=ppc", "https://www.ebay.de/itm/1", "eBay", "Paid Shopping"),
    ("utm_source=google&utm_medium=cpc&utm_campaign=shopping-fi", "", "Google", "Paid Shopping"),
    ("utm_source=google&utm_medium=cpc&utm_campaign=shop", "", "Google", "Paid Shopping"),
    ("utm_source=google&utm_medium=cpc&utm_campaign=eshop_spring", "", "Google", "Paid Shopping"),
    ("utm_source=partner&utm_medium=paid&utm_campaign=web-shop", "", "partner", "Paid Shopping"),
    ("utm_source=googleshopping&utm_medium=cpc", "", "Google Shopping", "Paid Shopping"),
    (
        "utm_source=facebook&utm_medium=paid_social&utm_campaign=shopping",
        "",
        "Facebook",
        "Paid Shopping",
    ),
    // Not a shop.
    ("utm_source=google&utm_medium=cpc&utm_campaign=workshop", "", "Google", "Paid Search"),
    ("utm_source=partner&utm_medium=link&utm_campaign=bishop", "", "partner", "Referral"),
    ("utm_source=google&utm_medium=cpc", "", "Google", "Paid Search"),
    ("utm_source=Google&utm_medium=CPC", "", "Google", "Paid Search"),
    ("utm_source=bing&utm_medium=ppc", "", "Bing", "Paid Search"),
    ("utm_source=duckduckgo&utm_medium=paid", "", "DuckDuckGo", "Paid Search"),
    ("utm_source=yahoo&utm_medium=paidsearch", "", "Yahoo!", "Paid Search"),
    ("utm_source=google&utm_medium=retargeting", "", "Google", "Paid Search"),
    ("utm_source=google&utm_medium=cpv", "", "Google", "Paid Search"),
    ("utm_medium=cpc", "https://www.google.com/", "Google", "Paid Search"),
    ("utm_medium=cpc", "https://www.ecosia.org/", "Ecosia", "Paid Search"),
    ("utm_source=adwords", "", "Google", "Paid Search"),
    ("utm_source=google-ads&utm_medium=banner", "", "Google", "Paid Search"),
    ("utm_source=bingads", "", "Bing", "Paid Search"),
    ("gclid=abc", "https://www.google.com/", "Google", "Paid Search"),
    ("gclid=abc", "https://www.google.fi/", "Google", "Paid Search"),
    ("gclid=abc", "", "Google", "Paid Search"),
    ("gbraid=abc", "https://www.google.com/", "Google", "Paid Search"),
    ("wbraid=abc", "", "Google", "Paid Search"),
    ("gclid=abc&utm_source=google", "", "Google", "Paid Search"),
    ("gclid=abc&utm_source=google&utm_campaign=shop", "", "Google", "Paid Search"),
    ("msclkid=abc", "https://www.bing.com/", "Bing", "Paid Search"),
    ("msclkid=abc", "", "Bing", "Paid Search"),
    ("", "https://www.googleadservices.com/pagead", "Google", "Paid Search"),
    ("", "https://yabs.yandex.ru/count", "Yandex", "Paid Search"),
    // A mark of another's click.
    ("gclid=abc", "https://www.bing.com/", "Bing", "Organic Search"),
    ("msclkid=abc", "https://www.google.com/", "Google", "Organic Search"),
    ("gclid=abc", "https://partner.example/", "partner.example", "Referral"),
    ("utm_source=facebook&utm_medium=cpc", "", "Facebook", "Paid Social"),
    ("utm_source=fb&utm_medium=paid", "", "Facebook", "Paid Social"),
    ("utm_source=ig&utm_medium=paid-social", "", "Instagram", "Paid Social"),
    ("utm_source=linkedin&utm_medium=cpm", "", "LinkedIn", "Paid Social"),
    ("utm_source=facebook-ads", "", "Facebook", "Paid Social"),
    ("utm_source=tiktok&utm_medium=ppc", "", "TikTok", "Paid Social"),
    ("utm_source=meta&utm_medium=paid", "", "Facebook", "Paid Social"),
    ("utm_medium=paid_social", "https://l.instagram.com/", "Instagram", "Paid Social"),
    ("utm_medium=cpc", "https://t.co/x", "Twitter", "Paid Social"),
    ("utm_medium=cpc", "android-app://com.linkedin.android/", "LinkedIn", "Paid Social"),
    ("utm_source=youtube&utm_medium=cpc", "", "YouTube", "Paid Video"),
    ("utm_source=youtube-ads", "", "YouTube", "Paid Video"),
    ("utm_medium=paid_video", "https://vimeo.com/1", "Vimeo", "Paid Video"),
    ("utm_medium=cpv", "https://www.twitch.tv/", "Twitch", "Paid Video"),
    ("utm_medium=display", "", "", "Display"),
    ("utm_medium=banner&utm_source=partner", "", "partner", "Display"),
    ("utm_medium=expandable", "", "", "Display"),
    ("utm_medium=interstitial", "", "", "Display"),
    ("utm_medium=cpm&utm_source=magazine", "", "magazine", "Display"),
    ("utm_medium=Display", "https://magazine.example/", "magazine.example", "Display"),
    ("utm_source=criteo&utm_medium=display", "", "Criteo", "Display"),
    ("utm_source=google&utm_medium=display", "", "Google", "Display"),
    ("utm_medium=cpc&utm_source=partner", "", "partner", "Paid Other"),
    ("utm_medium=ppc", "", "", "Paid Other"),
    ("utm_medium=retargeting", "", "", "Paid Other"),
    ("utm_medium=paid-podcast&utm_source=radio", "", "radio", "Paid Other"),
    ("utm_source=chatgpt&utm_medium=cpc", "", "ChatGPT", "Paid Other"),
    ("utm_source=taboola", "", "Taboola", "Paid Other"),
    ("", "https://cat.nl3.eu.criteo.com/delivery", "Criteo", "Paid Other"),
    ("", "https://googleads.g.doubleclick.net/", "Google Ads", "Paid Other"),
    ("utm_source=gmail&utm_medium=cpc", "", "Gmail", "Paid Other"),
    ("", "https://www.amazon.de/dp/1", "Amazon", "Organic Shopping"),
    ("", "https://www.ebay.co.uk/", "eBay", "Organic Shopping"),
    ("utm_source=etsy", "", "Etsy", "Organic Shopping"),
    ("utm_campaign=shopping", "", "", "Organic Shopping"),
    ("utm_campaign=eshop&utm_medium=email&utm_source=letter", "", "letter", "Organic Shopping"),
    ("utm_campaign=my+shop", "", "", "Organic Shopping"),
    ("", "https://www.prisjakt.nu/produkt", "Prisjakt", "Organic Shopping"),
    ("", "https://shopping.google.com/", "Google Shopping", "Organic Shopping"),
    ("", "https://www.facebook.com/", "Facebook", "Organic Social"),
    ("", "https://m.facebook.com/", "Facebook", "Organic Social"),
    ("", "https://lm.facebook.com/l.php", "Facebook", "Organic Social"),
    ("", "https://t.co/abc", "Twitter", "Organic Social"),
    ("", "https://x.com/somebody", "Twitter", "Organic Social"),
    ("", "https://out.reddit.com/", "reddit", "Organic Social"),
    ("", "https://www.linkedin.com/feed", "LinkedIn", "Organic Social"),
    ("", "https://lnkd.in/x", "LinkedIn", "Organic Social"),
    ("", "https://news.ycombinator.com/item?id=1", "Hacker News", "Organic Social"),
    ("", "https://mastodon.social/@a", "Mastodon", "Organic Social"),
    ("", "https://bsky.app/profile", "Bluesky", "Organic Social"),
    ("", "https://www.threads.com/", "Threads", "Organic Social"),
    ("", "https://vk.com/away.php", "VK", "Organic Social"),
    ("", "https://www.pinterest.se/pin", "Pinterest", "Organic Social"),
    ("", "android-app://com.reddit.frontpage", "reddit", "Organic Social"),
    ("", "android-app://org.telegram.messenger/", "Telegram", "Organic Social"),
    ("utm_source=twitter", "", "Twitter", "Organic Social"),
    ("utm_source=twitter&utm_medium=social", "", "Twitter", "Organic Social"),
    ("utm_medium=social&utm_source=company", "", "company", "Organic Social"),
    ("utm_medium=sm", "", "", "Organic Social"),
    ("utm_medium=social-media", "", "", "Organic Social"),
    ("utm_medium=social+network", "", "", "Organic Social"),
    ("utm_medium=Social+Media&utm_source=intranet", "", "intranet", "Organic Social"),
    ("ref=producthunt", "", "Product Hunt", "Organic Social"),
    ("", "https://www.youtube.com/watch?v=1", "YouTube", "Organic Video"),
    ("", "https://youtu.be/1", "YouTube", "Organic Video"),
    ("", "https://vimeo.com/1", "Vimeo", "Organic Video"),
    ("", "https://www.twitch.tv/a", "Twitch", "Organic Video"),
    ("utm_source=youtube", "", "YouTube", "Organic Video"),
    ("utm_medium=video&utm_source=partner", "", "partner", "Organic Video"),
    ("utm_medium=in-video-link", "", "", "Organic Video"),
    ("", "https://chatgpt.com/", "ChatGPT", "AI Assistants"),
    ("", "https://chat.openai.com/", "ChatGPT", "AI Assistants"),
    ("utm_source=chatgpt.com", "", "ChatGPT", "AI Assistants"),
    ("", "https://www.perplexity.ai/", "Perplexity", "AI Assistants"),
    ("utm_source=perplexity", "", "Perplexity", "AI Assistants"),
    ("", "https://claude.ai/", "Claude", "AI Assistants"),
    ("", "https://gemini.google.com/app", "Gemini", "AI Assistants"),
    ("", "https://copilot.microsoft.com/", "Copilot", "AI Assistants"),
    ("", "https://chat.mistral.ai/", "Le Chat", "AI Assistants"),
    ("", "https://chat.deepseek.com/", "DeepSeek", "AI Assistants"),
    ("utm_source=partner&utm_medium=ai-assistant", "", "partner", "AI Assistants"),
    ("", "https://www.google.com/", "Google", "Organic Search"),
    ("", "https://www.google.co.jp/", "Google", "Organic Search"),
    ("", "https://www.bing.com/search?q=secret", "Bing", "Organic Search"),
    ("", "https://duckduckgo.com/", "DuckDuckGo", "Organic Search"),
    ("", "https://search.yahoo.com/", "Yahoo!", "Organic Search"),
    ("", "https://fi.search.yahoo.com/", "Yahoo!", "Organic Search"),
    ("", "https://yandex.ru/", "Yandex", "Organic Search"),
    ("", "https://www.baidu.com/", "Baidu", "Organic Search"),
    ("", "https://search.brave.com/", "Brave", "Organic Search"),
    ("", "https://kagi.com/", "Kagi", "Organic Search"),
    ("", "https://www.startpage.com/", "Startpage", "Organic Search"),
    ("", "https://search.seznam.cz/", "Seznam", "Organic Search"),
    ("", "https://search.naver.com/", "Naver", "Organic Search"),
    ("", "android-app://com.google.android.googlequicksearchbox/", "Google", "Organic Search"),
    ("utm_source=google", "", "Google", "Organic Search"),
    ("utm_source=google&utm_medium=organic", "", "Google", "Organic Search"),
    ("utm_source=partner&utm_medium=organic", "", "partner", "Organic Search"),
    ("source=bing", "", "Bing", "Organic Search"),
    ("", "https://mail.google.com/mail/u/0", "Gmail", "Email"),
    ("", "https://outlook.live.com/", "Outlook", "Email"),
    ("", "https://outlook.office.com/", "Outlook", "Email"),
    ("", "android-app://com.google.android.gm/", "Gmail", "Email"),
    ("", "https://mail.proton.me/", "Proton Mail", "Email"),
    ("utm_source=newsletter", "", "newsletter", "Email"),
    ("utm_source=Newsletter-May&utm_medium=link", "", "newsletter-may", "Email"),
    ("utm_medium=email", "", "", "Email"),
    ("utm_medium=e-mail&utm_source=crm", "", "crm", "Email"),
    ("utm_medium=e_mail&utm_source=crm", "", "crm", "Email"),
    ("utm_medium=e+mail&utm_source=crm", "", "crm", "Email"),
    ("utm_medium=Email&utm_source=crm", "", "crm", "Email"),
    ("utm_source=mailchimp", "", "Mailchimp", "Email"),
    ("utm_medium=newsletter", "https://intranet.example/", "intranet.example", "Email"),
    ("utm_medium=affiliate&utm_source=blog", "", "blog", "Affiliates"),
    ("utm_medium=affiliates", "", "", "Affiliates"),
    ("utm_medium=audio&utm_source=podcast", "", "podcast", "Audio"),
    ("utm_medium=sms", "", "", "SMS"),
    ("utm_source=sms", "", "sms", "SMS"),
    ("utm_source=SMS&utm_medium=text", "", "sms", "SMS"),
    ("utm_medium=push", "", "", "Mobile Push Notifications"),
    ("utm_medium=web-push&utm_source=app", "", "app", "Mobile Push Notifications"),
    ("utm_medium=mobile", "", "", "Mobile Push Notifications"),
    ("utm_medium=notification", "", "", "Mobile Push Notifications"),
    ("utm_source=firebase", "", "firebase", "Mobile Push Notifications"),
    ("", "https://partner.example/page?x=1", "partner.example", "Referral"),
    ("", "https://www.partner.example/", "partner.example", "Referral"),
    ("", "http://partner.example:8080/", "partner.example", "Referral"),
    ("utm_source=partner", "", "partner", "Referral"),
    ("ref=friend.example", "", "friend.example", "Referral"),
    ("source=brochure", "", "brochure", "Referral"),
    ("utm_source=a&source=b&ref=c", "", "a", "Referral"),
    ("source=b&ref=c", "", "b", "Referral"),
    ("utm_medium=referral", "", "", "Referral"),
    ("utm_medium=app", "", "", "Referral"),
    ("utm_medium=link", "", "", "Referral"),
    ("", "https://docs.google.com/document", "Google Docs", "Referral"),
    ("", "https://support.google.com/", "support.google.com", "Referral"),
    ("", "https://evilgoogle.com/", "evilgoogle.com", "Referral"),
    ("", "https://google.com.evil.example/", "google.com.evil.example", "Referral"),
    ("", "https://en.wikipedia.org/wiki/A", "Wikipedia", "Referral"),
    ("", "android-app://com.example.reader/", "com.example.reader", "Referral"),
    ("utm_source=partner", "https://www.google.com/", "partner", "Referral"),
    ("fbclid=abc", "https://partner.example/", "partner.example", "Referral"),
    ("", "http://localhost:3000/", "", "Direct"),
    ("", "not an address", "", "Direct"),
    ("", "mailto:somebody@example.com", "", "Direct"),
    ("", "https://192.0.2.1/", "", "Direct"),
    ("utm_campaign=spring", "", "", "Direct"),
    ("utm_medium=print", "", "", "Direct"),
    // The site's own pages.
    ("", "https://acme.example/before", "", ""),
    ("", "https://www.acme.example/before", "", ""),
    ("gclid=abc", "https://acme.example/before", "", ""),
    ("utm_source=newsletter", "https://acme.example/before", "newsletter", "Email"),
    ("utm_medium=email", "https://acme.example/before", "", "Email"),
];

fn pipeline(fields: &str) -> Pipeline {
    let policy = POLICY.replace("FIELDS", fields);
    support::pipeline(&policy, "user_agent_parsers: []\nos_parsers: []\ndevice_parsers: []")
}

fn event(pipeline: &Pipeline, query: &str, referrer: &str) -> Event {
    let peer = Peer::new("192.0.2.77:1".parse().unwrap());
    let headers = http::HeaderMap::new();
    let head = Head::read(&peer, &headers, &TrustedProxies::default());
    let beacon = serde_json::json!({
        "site": "acme",
        "url": format!("https://acme.example/a?{query}"),
        "referrer": referrer,
        "consent": true,
    });
    let body = beacon.to_string();
    let beacons = RawBeacons::split(body.as_bytes(), candor_pipeline::Media::Json).unwrap();
    let raw = beacons.iter().next().unwrap();
    let kept = pipeline.run(raw, &head, Timestamp::from_unix(1_790_000_000)).unwrap();
    wire::decode(&kept.record).unwrap().events.remove(0)
}

#[test]
fn every_way_has_its_source_and_channel() {
    let pipeline = pipeline("['source', 'channel']");
    for (query, referrer, source, channel) in CASES {
        let event = event(&pipeline, query, referrer);
        let found = Channel::try_from(event.channel).unwrap().label();
        assert_eq!((event.source.as_str(), found), (source, channel), "{query} from {referrer}");
    }
}

#[test]
fn nothing_is_kept_but_what_a_policy_keeps() {
    let page =
        ("utm_source=jane%40example.com&utm_medium=email&gclid=mark", "https://a.example/b?q=c");
    let both = event(&pipeline("['source', 'channel']"), page.0, page.1);
    assert_eq!(both.source, "[e-mail]", "redacted as any text");
    assert!(both.referrer_host.is_empty() && both.campaign.is_none() && both.query.is_empty());
    assert!(!format!("{both:?}").contains("mark"), "the mark of a click is kept nowhere");

    let channel = event(&pipeline("['channel']"), page.0, page.1);
    assert_eq!((channel.source.as_str(), channel.channel()), ("", Channel::Email));
    let neither = event(&pipeline("['path']"), page.0, page.1);
    assert_eq!((neither.source.as_str(), neither.channel()), ("", Channel::Unspecified));
}
