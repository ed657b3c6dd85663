//! Rows as a sink would have made them over two years, made within ClickHouse: visits of five events, whose
//! pages, sources, places and browsers are as unequal as real ones.

use candor_tests::Candor;

/// Rows of one insert: a part, before it is merged.
const INSERT: u64 = 1_000_000;
const SITES: u32 = 20;
const DAYS: u64 = 730;

/// A policy with 20 sites that keeps everything that the questions are about.
pub(crate) fn policy() -> String {
    let site = |n| format!("[[sites]]\nname = 'site-{n:02}'\nhosts = ['site-{n:02}.example']\n");
    let sites: String = (1..=SITES).map(site).collect();
    format!(
        "[controller]\nid = 'many'\nname = 'A firm'\ncontact = 'privacy@example.org'\n{sites}\
         [address]\nmode = 'drop'\ngeography = 'city'\n[visitor]\nmode = 'rotating'\n\
         [page]\nkeep_query = ['page']\n[referrer]\nkeep = 'path'\n\
         [purposes.statistics]\nbasis = 'consent'\nretention = '25 months'\nfields = ['path', 'query', 'title', \
         'referrer_host', 'referrer_path', 'campaign', 'source', 'channel', 'language', 'screen', 'browser', \
         'browser_version', 'os', 'os_version', 'device', 'bot', 'country', 'region', 'city', 'network', \
         'visitor', 'dwell', 'scroll', 'props']\n"
    )
}

/// Fills the table, in the order of time, and merges each month into one part, as old months are.
pub(crate) fn fill(candor: &Candor, rows: u64) {
    let now: u64 = candor.sql("SELECT toUnixTimestamp(now())").parse().unwrap();
    let inserts = rows.div_ceil(INSERT);
    let (each, span) = (rows / inserts, DAYS * 86_400 / inserts);
    for insert in 0..inserts {
        let from = now - DAYS * 86_400 + insert * span;
        candor.sql(&statement(insert * each, each, from, span));
    }
    let months = candor.sql(
        "SELECT DISTINCT partition_id FROM system.parts WHERE active AND table = 'statistics_rows'",
    );
    for month in months.lines() {
        candor.sql(&format!("OPTIMIZE TABLE candor.statistics_rows PARTITION ID '{month}' FINAL"));
    }
}

/// One insert: `rows` events from number `first` on, within `span` seconds from `from` on.
fn statement(first: u64, rows: u64, from: u64, span: u64) -> String {
    format!(
        "INSERT INTO candor.statistics_rows (site, kind, received_at, expires_at, basis, policy_version, path, query, \
         title, referrer_host, campaign_source, campaign_medium, campaign_name, source, channel, language, \
         screen_width, screen_height, browser, browser_version, os, os_version, device, bot, country, region, \
         city, network_number, network, visitor, visitor_previous, key_epoch, dwell_ms, \
         scroll_percent, stored_at) \
         WITH cityHash64(v) AS h, cityHash64(v, 1) AS g, cityHash64(n, 2) AS e, n % 5 AS step, \
         (h % 10000) / 10000 AS a, (g % 10000) / 10000 AS b, (e % 10000) / 10000 AS c, \
         (intDiv(h, 10000) % 10000) / 10000 AS d, (intDiv(g, 10000) % 10000) / 10000 AS f, \
         toUInt32(5000 * pow(c, 3)) AS page, toUInt32(12 * f * f) AS agent, toUInt32(1500 * pow(b, 3)) AS place, \
         toUInt32(20000 * b * b) AS net, toUInt32(800 * pow(f, 4)) AS other, \
         toDateTime({from} + intDiv(g, 7) % {span} + step * 40 + e % 30, 'UTC') AS at, \
         step IN (1, 4) AS is_engagement \
         SELECT concat('site-', leftPad(toString(toUInt32(exp(a * log({SITES} + 1)))), 2, '0')), \
         if(is_engagement, 'engagement', 'pageview'), at, at + INTERVAL 25 MONTH, 'consent', \
         toUUID('6b1d6f0e-8a51-4c0b-9a57-2f3b1c4d5e6f'), \
         concat('/section-', toString(page % 12), '/page-', toString(page)), \
         if(e % 10 = 0, map('page', toString(page % 9)), map()), \
         concat('Page ', toString(page), ' of a shop'), \
         multiIf(d < 0.4, '', d < 0.7, 'www.google.com', concat('www.', toString(other), '.example')), \
         if(d < 0.1, concat('letter-', toString(agent % 8)), ''), if(d < 0.1, 'email', ''), \
         if(d < 0.1, concat('campaign-', toString(net % 40)), ''), \
         multiIf(d < 0.4, '', d < 0.7, 'Google', other < 20, concat('Source ', toString(other)), ''), \
         multiIf(d < 0.1, 'email', d < 0.4, 'direct', d < 0.7, 'search', other < 20, 'social', 'referral'), \
         ['fi', 'sv', 'en', 'nb', 'da', 'de'][1 + agent % 6], \
         [1920, 390, 412, 1536, 1440, 360, 2560, 820][1 + agent % 8], \
         [1080, 844, 915, 864, 900, 800, 1440, 1180][1 + agent % 8], \
         ['Chrome', 'Chrome Mobile', 'Mobile Safari', 'Edge', 'Firefox', 'Safari', 'Samsung Internet', 'Opera', \
          'Firefox Mobile', 'Chrome Mobile WebView', 'Instagram', 'Yandex'][1 + agent], \
         toString(120 + net % 22), \
         ['Windows', 'Android', 'iOS', 'Windows', 'Linux', 'Mac OS X', 'Android', 'Windows'][1 + agent % 8], \
         toString(10 + net % 9), ['desktop', 'mobile', 'mobile', 'desktop', 'tablet'][1 + agent % 5], \
         if(h % 50 = 0, 'Googlebot', ''), \
         concat(char(65 + place % 10), char(65 + intDiv(place, 10) % 6)), concat('R', toString(place % 300)), \
         concat('City ', toString(place)), 1000 + net % 3000, concat('Network ', toString(net % 3000)), \
         reinterpretAsUUID(sipHash128(v)), \
         if(toSecondsSinceMidnight < 1800 AND h % 2 = 0, reinterpretAsUUID(sipHash128(v, 1)), toUUID('00000000-0000-0000-0000-000000000000')), \
         intDiv(toUInt32(at), 86400) * 2654435761, \
         if(is_engagement, toUInt32(1000 + 120000 * c * c), 0), if(is_engagement, toUInt8(100 * c), 255), at \
         FROM (SELECT number AS n, intDiv(number, 5) AS v FROM numbers_mt({first}, {rows}))"
    )
    .replace("toSecondsSinceMidnight", "toUInt32(at) % 86400")
}
