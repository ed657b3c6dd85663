//! The promises that this crate keeps, each a test.

use std::collections::BTreeSet;

use candor_event::{Basis, Field, FieldSet, Kind, Signal};
use candor_policy::{AddressMode, Language, PurposeRule, Retention, Signals, compile};

use super::notice::Notice;

const NO_SIGNALS: Signals = Signals { dnt: false, gpc: false, objection: false };
const REGION: &str = "region = \"EEA\"";

fn denies_everything(notice: &Notice, signal: Signal) {
    let mut signals = NO_SIGNALS;
    signals.set(signal, true);
    for kind in Kind::ALL {
        assert_eq!(notice.kept(kind, true, signals), []);
    }
}

fn has_slide(rule: &PurposeRule, want: &str, kinds: &[Kind]) {
    let Retention::Sliding { period, renews, .. } = rule.retention() else {
        panic!("{} does not slide", rule.name())
    };
    assert_eq!(period.to_string(), want);
    assert!(renews.iter().eq(kinds.iter().copied()));
}

pub(crate) fn all_on_consent(notice: &Notice) {
    assert!(notice.policy.purposes().iter().all(|rule| rule.basis() == Basis::Consent));
    assert!(Kind::ALL.iter().all(|kind| notice.kept(*kind, false, NO_SIGNALS).is_empty()));
}

pub(crate) fn dnt_denies_everything(notice: &Notice) {
    denies_everything(notice, Signal::Dnt);
}

pub(crate) fn objection_denies_everything(notice: &Notice) {
    denies_everything(notice, Signal::Objection);
}

pub(crate) fn no_export(notice: &Notice) {
    let processors =
        format!("{REGION}\nprocessors = [{{ name = 'X', task = 'hosting', country = 'US' }}]");
    assert!(notice.refused(REGION, &processors).contains("takes data out of the region"));
}

pub(crate) fn has_date_and_version(notice: &Notice) {
    let edition = notice.policy.edition();
    let page = notice.page(Language::Sv);
    assert!(page.contains(edition.version().unwrap()) && edition.date().is_some());
    assert!(page.contains(&notice.policy.version().to_string()));
    let changed = notice.text.replace("\"path\", ", "");
    assert_ne!(compile("changed.toml", &changed).unwrap().version(), notice.policy.version());
}

pub(crate) fn reachmee_fields(notice: &Notice) {
    let unkept = [Field::Query, Field::Screen, Field::Network, Field::ConsentRecord];
    let all = FieldSet::of(&Field::ALL).without(FieldSet::of(&unkept));
    assert_eq!(notice.policy.fields(), all);
    assert!(matches!(notice.policy.address(), AddressMode::Truncate { .. }));
}

pub(crate) fn reachmee_slides(notice: &Notice) {
    let page = notice.page(Language::En);
    assert!(page.contains("24 months from your latest interaction"), "{page}");
    for kind in Kind::ALL {
        let kept = notice.kept(kind, true, NO_SIGNALS);
        assert!(kept.iter().all(|(_, days)| *days <= 731), "{kept:?}");
    }
}

pub(crate) fn reachmee_renews(notice: &Notice) {
    let kinds = [Kind::Download, Kind::Form, Kind::Custom];
    has_slide(notice.rule("statistics"), "24 months", &kinds);
    has_slide(notice.rule("communication"), "24 months", &kinds);
}

pub(crate) fn in_four_languages(notice: &Notice) {
    let titles = Language::ALL.iter().map(|language| {
        let page = notice.page(*language);
        assert!(page.contains(&format!("<html lang=\"{language}\">")));
        page.split("<h1>").nth(1).unwrap().split('<').next().unwrap().to_owned()
    });
    assert_eq!(titles.collect::<BTreeSet<_>>().len(), 4);
}

pub(crate) fn smilee_fields(notice: &Notice) {
    notice.keeps(&[
        Field::Path,
        Field::Title,
        Field::ReferrerHost,
        Field::Campaign,
        Field::Address,
        Field::Visitor,
        Field::Dwell,
        Field::Scroll,
    ]);
    let clicks = notice.kept(Kind::Click, true, NO_SIGNALS);
    assert!(clicks.iter().any(|(purpose, _)| purpose == "statistics"));
}

pub(crate) fn three_bases(notice: &Notice) {
    let bases: BTreeSet<_> = notice.policy.purposes().iter().map(|r| r.basis().label()).collect();
    assert_eq!(bases, BTreeSet::from(["consent", "contract", "legitimate-interest"]));
}

pub(crate) fn no_period_is_refused(notice: &Notice) {
    let period = "retention = \"13 months\" # to be confirmed by the controller\n";
    assert!(notice.refused(period, "").contains("has no `retention`"));
    assert!(notice.refused("\"13 months\"", "\"as long as needed\"").contains("is not a period"));
}

pub(crate) fn answers_in_a_month(notice: &Notice) {
    assert!(notice.page(Language::Sv).contains("Vi svarar inom en månad"));
    assert!(notice.page(Language::Fi).contains("Vastaamme kuukauden kuluessa"));
}

pub(crate) fn heeros_fields(notice: &Notice) {
    let fields = notice.rule("statistics").fields();
    let want = [Field::Path, Field::Title, Field::Browser, Field::Address, Field::Dwell];
    assert_eq!(fields, FieldSet::of(&want));
}

pub(crate) fn endless_is_flagged(notice: &Notice) {
    let reason = "[purposes.improvement.reason]";
    let refused = notice.refused(reason, "[purposes.improvement.categories]");
    assert!(refused.contains("the retention has no end"), "{refused}");
    let page = notice.page(Language::Sv);
    assert!(page.matches("class=\"warning\"").count() >= 3);
    assert!(page.contains("Den personuppgiftsansvarige har inte bestämt någon tid."));
    let explained = notice.policy.explain(notice.policy.sites()[0].name()).unwrap().to_string();
    assert!(explained.contains("`improvement` is kept until further notice"));
    assert!(explained.contains("`statistics` is kept until further notice"));
}

pub(crate) fn heeros_stays_in_the_eu(notice: &Notice) {
    let region = "region = \"EU\"";
    let norway =
        format!("{region}\nprocessors = [{{ name = 'X', task = 'hosting', country = 'NO' }}]");
    assert!(notice.refused(region, &norway).contains("takes data out of the region `EU`"));
    assert!(notice.page(Language::Sv).contains("Alla uppgifter ligger inom Europeiska unionen."));
}

pub(crate) fn no_processors(notice: &Notice) {
    assert!(notice.policy.data().processors().is_empty());
    assert!(notice.page(Language::Sv).contains("Utöver Heeros får ingen del av uppgifterna."));
}

pub(crate) fn forms_with_consent_only(notice: &Notice) {
    let with_form = notice.policy.purposes().iter().filter(|rule| {
        rule.fields().contains(Field::Visitor) || rule.fields().contains(Field::Props)
    });
    assert!(with_form.into_iter().all(|rule| rule.basis() == Basis::Consent));
    let kept = notice.kept(Kind::Form, false, NO_SIGNALS);
    assert!(kept.iter().all(|(purpose, _)| purpose != "marketing"), "{kept:?}");
}

pub(crate) fn superoffice_fields(notice: &Notice) {
    let fields = notice.policy.fields();
    let named = [
        Field::Browser,
        Field::Language,
        Field::Os,
        Field::Path,
        Field::ReferrerHost,
        Field::ReferrerPath,
        Field::Network,
        Field::Address,
    ];
    assert!(named.iter().all(|field| fields.contains(*field)));
    let page = notice.page(Language::En);
    assert!(page.contains("not the provider&#39;s domain"), "says which one it is");
}

pub(crate) fn security_is_short(notice: &Notice) {
    let others = notice.policy.purposes().iter().filter(|rule| rule.name().as_str() != "security");
    let security = notice.rule("security").period(Kind::Pageview);
    assert_eq!(security.to_string(), "30 days");
    assert!(others.into_iter().all(|rule| security.is_within(rule.period(Kind::Pageview))));
}

pub(crate) fn superoffice_slides(notice: &Notice) {
    has_slide(notice.rule("improvement"), "13 months", &[Kind::Form, Kind::Login, Kind::Chat]);
    has_slide(notice.rule("marketing"), "6 months", &[Kind::Download, Kind::Form]);
}

pub(crate) fn address_is_hashed(notice: &Notice) {
    assert_eq!(notice.policy.address(), AddressMode::Hash);
    assert!(notice.policy.uses_keys() && notice.policy.rotation().hours() == 24);
}

pub(crate) fn vastuu_fields(notice: &Notice) {
    let fields = notice.rule("statistics").fields();
    let named =
        [Field::Address, Field::Browser, Field::ReferrerHost, Field::ReferrerPath, Field::Path];
    assert!(named.iter().all(|field| fields.contains(*field)));
    for kind in [Kind::Pageview, Kind::Download, Kind::Login, Kind::Chat] {
        assert!(!notice.kept(kind, false, NO_SIGNALS).is_empty(), "{kind:?}");
    }
}

pub(crate) fn a_period_for_each_category(notice: &Notice) {
    let periods = [Kind::Chat, Kind::Custom].map(|kind| notice.rule("support").period(kind));
    assert_eq!(periods.map(|period| period.to_string()), ["3 months", "7 months"]);
    let kept = notice.kept(Kind::Chat, true, NO_SIGNALS);
    assert!(matches!(kept.as_slice(), [(purpose, 90..=92)] if purpose == "support"), "{kept:?}");
    let page = notice.page(Language::Sv);
    assert!(page.contains("chattar: 3 månader") && page.contains("egna händelser: 7 månader"));
}

pub(crate) fn referrer_in_two_fields(notice: &Notice) {
    let improvement = notice.rule("improvement").fields();
    assert!(
        improvement.contains(Field::ReferrerHost) && !improvement.contains(Field::ReferrerPath)
    );
    assert!(notice.rule("statistics").fields().contains(Field::ReferrerPath));
}

pub(crate) fn log_ins_only(notice: &Notice) {
    let access = notice.rule("access");
    assert!(access.kinds().iter().eq([Kind::Login]) && access.basis() == Basis::Contract);
    let kept = notice.kept(Kind::Login, false, NO_SIGNALS);
    assert!(matches!(kept.as_slice(), [(purpose, _)] if purpose == "access"), "{kept:?}");
}
