//! What is written of policies for people: notices, records, explanations, differences. Each beside the
//! text that it must have, in `written/`; `CANDOR_BLESS=1` accepts the texts as they are.
#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test binary")]

#[path = "support/notices.rs"]
mod notices;

use std::path::Path;
use std::sync::Arc;

use candor_event::Site;
use candor_policy::{
    DEMO, Diff, Format, Language, NOTICES, NoticeError, Policy, Published, STYLE, compile,
    compile_json,
};
use notices::notices;
use proptest::prelude::*;

fn named(name: &str) -> Policy {
    let (origin, text) = NOTICES.into_iter().find(|(file, _)| file.starts_with(name)).unwrap();
    compile(origin, text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn site(policy: &Policy) -> Site {
    policy.sites()[0].name().clone()
}

fn notice(policy: &Policy, language: Language, format: Format) -> String {
    policy.notice(&site(policy), language, format).unwrap()
}

#[test]
fn texts_are_as_they_were_reviewed() {
    let mut wrong = Vec::new();
    let mut check = |file: &str, text: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/written").join(file);
        if std::env::var_os("CANDOR_BLESS").is_some() {
            std::fs::write(&path, text).unwrap();
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != text {
            wrong.push(file.to_owned());
        }
    };
    for (origin, _) in NOTICES {
        let name = origin.trim_end_matches(".toml");
        let policy = named(name);
        for language in policy.languages() {
            let text = notice(&policy, *language, Format::Markdown);
            check(&format!("{name}.{language}.md"), &text);
        }
        check(
            &format!("{name}.explained.txt"),
            &policy.explain(&site(&policy)).unwrap().to_string(),
        );
    }
    let (demo, template) =
        (compile("demo.toml", DEMO).unwrap(), compile("new.toml", Policy::template()).unwrap());
    check("demo.html", &notice(&demo, Language::En, Format::Html));
    check("template.en.md", &notice(&template, Language::En, Format::Markdown));
    check("template.json", &notice(&template, Language::En, Format::Json));
    check("template.explained.json", &template.explain(&site(&template)).unwrap().to_json());
    let vastuu = named("vastuu");
    check("vastuu.record.md", &vastuu.record(Language::Sv, Format::Markdown).unwrap());
    check("vastuu.record.json", &vastuu.record(Language::Sv, Format::Json).unwrap());
    check(
        "smilee-to-heeros.diff.txt",
        &Diff::between(&named("smilee"), &named("heeros")).to_string(),
    );
    assert!(wrong.is_empty(), "CANDOR_BLESS=1 accepts what changed in {wrong:?}");
}

#[test]
fn a_notice_is_written_in_the_languages_that_it_promises() {
    let policy = compile("demo.toml", DEMO).unwrap();
    let asked = |site: &str, language| {
        policy.notice(&Site::parse(site).unwrap(), language, Format::Html).err()
    };
    assert_eq!(asked("demo", Language::Fi), Some(NoticeError::NotInLanguage(Language::Fi)));
    assert_eq!(asked("other", Language::En), Some(NoticeError::UnknownSite));
    assert!(policy.explain(&Site::parse("other").unwrap()).is_none());
    assert!(Language::ALL.iter().all(|l| l.is_reviewed() == (*l == Language::En)));
    let finnish = notice(&named("vastuu"), Language::Fi, Format::Html);
    assert!(finnish.contains("ei ole tarkistanut"), "says that no native speaker has read it");
}

#[test]
fn a_page_cannot_be_broken_into() {
    let text = DEMO
        .replace("Candor demo", "<script>alert('1')</script> & \\\"Co\\\"")
        .replace("contact = ", "address = \"javascript:alert(1)\"\ncontact = ");
    let policy = compile("demo.toml", &text).unwrap();
    let page = notice(&policy, Language::En, Format::Html);
    assert!(!page.contains("<script") && !page.contains("href=\"javascript"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;Co&quot;"));
    assert!(page.contains(STYLE));
    let markdown = notice(&policy, Language::En, Format::Markdown);
    assert!(markdown.contains("\\<script\\>"), "{markdown}");
    check_page(&page).unwrap();
}

#[test]
fn a_notice_leads_to_other_versions_and_languages() {
    let (policy, earlier) = (named("vastuu"), Arc::new(named("smilee")));
    let published = Published {
        languages: &[(Language::Fi, "?lang=fi".into()), (Language::Sv, "?lang=sv".into())],
        earlier: &[(Arc::clone(&earlier), "?version=1&lang=fi".into())],
        replaced_by: Some("?lang=fi"),
    };
    let written =
        |format| policy.notice_among(&site(&policy), Language::Fi, format, &published).unwrap();
    let page = written(Format::Html);
    check_page(&page).unwrap();
    for part in [
        "<a href=\"?lang=sv\" lang=\"sv\" hreflang=\"sv\">svenska</a>",
        "Tämä versio ei ole enää voimassa. <a href=\"?lang=fi\">Voimassa oleva versio</a>",
        "<li><a href=\"?version=1&amp;lang=fi\">1",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("hreflang=\"fi\""), "the page itself is no other language");
    assert!(written(Format::Markdown).contains("](<?version=1&lang=fi>)"));
    assert!(!notice(&policy, Language::Fi, Format::Html).contains("id=\"earlier\""));
}

proptest! {
    #[test]
    fn every_notice_is_whole_in_every_language(notice in notices()) {
        let policy = notice.compile();
        for language in policy.languages() {
            let text = |format| policy.notice(&site(&policy), *language, format).unwrap();
            let page = text(Format::Html);
            check_page(&page).map_err(|why| TestCaseError::fail(format!("{why}\n{page}")))?;
            let body = page.split("</style>").nth(1).unwrap();
            prop_assert!(!body.contains(['{', '}']), "a gap was left: {}", body);
            let again = compile_json("notice.json", &text(Format::Json)).unwrap();
            prop_assert_eq!(again.version(), policy.version());
            let record = policy.record(*language, Format::Html).unwrap();
            check_page(&record).map_err(|why| TestCaseError::fail(format!("{why}\n{record}")))?;
            for text in [text(Format::Markdown), policy.record(*language, Format::Markdown).unwrap()] {
                prop_assert!(!text.contains(['{', '}']), "a gap was left: {}", text);
                prop_assert!(!text.contains("  ") && !text.contains(": \n"), "{}", text);
            }
        }
    }
}

/// What a validator would find first: elements that do not nest, headings that leave a level out,
/// names that are given twice, links that lead nowhere.
fn check_page(page: &str) -> Result<(), String> {
    const VOID: [&str; 1] = ["meta"];
    let body = page.strip_prefix("<!DOCTYPE html>\n").ok_or("no doctype")?;
    let (mut open, mut level) = (Vec::new(), 0);
    for tag in body.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let name = tag.split([' ', '\n']).next().unwrap();
        match name.strip_prefix('/') {
            Some(name) if open.last() == Some(&name) => drop(open.pop()),
            Some(name) => return Err(format!("</{name}> in {open:?}")),
            None if VOID.contains(&name) => {}
            None => open.push(name),
        }
        if let Some(heading) = name.strip_prefix('h').and_then(|level| level.parse::<u32>().ok()) {
            if heading > level + 1 {
                return Err(format!("h{heading} below h{level}"));
            }
            level = heading;
        }
    }
    let all = |attribute: &str| -> Vec<_> {
        let rest = page.split(attribute).skip(1);
        rest.map(|rest| rest.split('"').next().unwrap()).collect()
    };
    let ids = all(" id=\"");
    let mut distinct = ids.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let astray = all("href=\"#").into_iter().find(|link| !ids.contains(link));
    match (open.is_empty(), distinct.len() == ids.len(), astray) {
        (false, ..) => Err(format!("{open:?} are open")),
        (_, false, _) => Err(format!("an id is given twice: {ids:?}")),
        (.., Some(link)) => Err(format!("#{link} leads nowhere")),
        _ if page.matches("<main>").count() != 1 => Err("no landmark".to_owned()),
        _ if !body.starts_with("<html lang=\"") => Err("no language".to_owned()),
        _ => Ok(()),
    }
}

#[test]
fn visitors_are_told_of_scripts_that_vouch_for_their_consent() {
    let file = |scripts: &str| {
        format!(
            "[controller]\nid = \"acme\"\nname = \"Acme\"\ncontact = \"privacy@acme.example\"\n\
             [[sites]]\nname = \"acme.example\"\nhosts = [\"acme.example\"]\nalso = [\"matomo:1\"]\n{scripts}\n\
             [purposes.statistics]\nbasis = \"consent\"\nretention = \"13 months\"\nfields = [\"path\"]\n"
        )
    };
    let says = |scripts| {
        let policy = compile("acme.toml", &file(scripts)).unwrap();
        notice(&policy, Language::En, Format::Markdown).contains("scripts of other products")
    };
    assert!(says("scripts = \"after-consent\""));
    assert!(!says("scripts = \"always\""));
}
