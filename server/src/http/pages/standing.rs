//! One purchase as its page shows it.
use super::buy_form::is_variant;
use super::language::Language;
use super::team::code_table;
use super::{Page, note};
use crate::checkout::TeamPage;
use crate::http::Api;
use crate::links::Links;
use crate::purchase::Purchase;
use axum::response::Response;
use maud::{Markup, html};
use shared::{Kind, State as PurchaseState, Step, StepState, TimelineEntry, Timestamp};
use widget::SharedWord;

/// One purchase as its page shows it.
pub(super) struct Standing<'a> {
    pub(super) api: &'a Api,
    pub(super) language: &'a Language,
    pub(super) purchase: &'a Purchase,
    /// The codes that it has paid for.
    pub(super) team: Option<&'a TeamPage>,
}

impl Standing<'_> {
    pub(super) fn page(&self, trouble: Option<&str>) -> Response {
        let words = self.language.locale.pages();
        let body = self.body(trouble.map(|text| note(self.language, text)));
        Page { title: &words.title, body }.answer(self.api, self.language)
    }

    /// Whether its state may change by itself. The page doesn't reload for that, which would move the focus and restart
    /// a screen reader (<https://www.w3.org/WAI/WCAG22/Techniques/failures/F41>).
    fn expects_news(&self) -> bool {
        match self.purchase.state() {
            PurchaseState::Held
            | PurchaseState::Paying
            | PurchaseState::Processing
            | PurchaseState::Paid
            | PurchaseState::Refunding => true,
            PurchaseState::Granted
            | PurchaseState::Expired
            | PurchaseState::Canceled
            | PurchaseState::Refunded => false,
        }
    }

    fn is_payable(&self) -> bool {
        self.purchase.still_payable(self.api.checkout.now()).is_ok()
    }

    fn body(&self, trouble: Option<Markup>) -> Markup {
        let (locale, words) = (self.language.locale, self.language.locale.pages());
        let view = self.purchase.view();
        let catalog = self.api.checkout.catalog.get();
        let (heading, text) = self.headline();
        let until = view.hold_expires_at.filter(|_| self.is_payable()).map(|until| self.moment(until));
        // A team decides later who gets its codes.
        let email = view.email.as_ref().filter(|_| !self.purchase.is_for_team());
        html! {
            article class="card" {
                header {
                    @if let Some(item) = catalog.find(self.purchase.sku()) { p class="kind" { (item.title) } }
                    h1 { (heading) }
                    p { (text) }
                    @if let Some(until) = until { p { (filled(&words.pay_until, "{time}", &until)) } }
                }
                @if let Some(trouble) = trouble { (trouble) }
                ol class="timeline" { (self.timeline()) }
                @if let Some(team) = self.team { (code_table(self.language, team)) }
                div class="actions" {
                    (self.actions())
                    // Links to the page's own address: a failed form is shown at the form's address, which can't be
                    // opened as a page.
                    @if self.expects_news() {
                        a class="quiet" href=(self.links().purchase(self.purchase.id(), &self.language.query)) {
                            (words.look_again)
                        }
                    }
                }
                footer {
                    @if let Some(email) = email {
                        p class="hint" { (filled(&words.access_for, "{email}", &html! { (email) })) }
                    }
                    p class="hint" { (words.bookmark) }
                    dl class="facts" {
                        div { dt { (words.amount) } dd { (locale.amount(view.price.due())) } }
                        div { dt { (words.reference) } dd { (view.reference) } }
                    }
                }
            }
        }
    }

    fn links(&self) -> Links<'_> {
        self.api.site.links()
    }

    fn headline(&self) -> (String, String) {
        let (locale, words) = (self.language.locale, self.language.locale.pages());
        let ours = |heading: &String, text: &String| (heading.clone(), text.clone());
        let refused = self.purchase.view().timeline.iter().any(|entry| entry.state == StepState::Failed);
        if self.team.is_some() {
            return (locale.word(SharedWord::TeamHeading), locale.word(SharedWord::TeamText));
        }
        match self.purchase.state() {
            PurchaseState::Held => ours(&words.held_heading, &words.held_text),
            PurchaseState::Paying if self.purchase.is_cancel_requested() => {
                ours(&words.ending_heading, &words.ending_text)
            }
            PurchaseState::Paying => ours(&words.paying_heading, &words.paying_text),
            PurchaseState::Canceled => ours(&words.canceled_heading, &words.canceled_text),
            state @ (PurchaseState::Processing
            | PurchaseState::Paid
            | PurchaseState::Granted
            | PurchaseState::Expired
            | PurchaseState::Refunding
            | PurchaseState::Refunded) => {
                let paid = self.purchase.price().total > 0;
                let (heading, text) = locale.standing(state, self.kind(), paid).unwrap_or_default();
                let stuck = state == PurchaseState::Paid && refused;
                (heading, if stuck { words.access_failed.clone() } else { text })
            }
        }
    }

    /// The kind of its offering. One that is no longer in the catalogue is taken for a course.
    fn kind(&self) -> Kind {
        self.api.checkout.catalog.get().find(self.purchase.sku()).map_or(Kind::Course, |item| item.kind)
    }

    /// The steps that say something to the learner: state, words and time of each.
    fn steps(&self) -> Vec<(StepState, String, Option<Timestamp>)> {
        let words = self.language.locale.pages();
        let (is_free, is_team) = (self.purchase.price().total == 0, self.purchase.is_for_team());
        let team_done = self.language.locale.word(SharedWord::TeamHeading);
        let said = |entry: TimelineEntry| {
            let text = match (entry.step, entry.state) {
                (Step::Seat, StepState::Pending | StepState::Done) => &words.seat_done,
                (Step::Seat, StepState::Failed | StepState::Undone) => &words.seat_undone,
                // Nothing is paid for what is free.
                (Step::Payment, _) if is_free => return None,
                (Step::Payment, StepState::Pending) => &words.payment_pending,
                (Step::Payment, StepState::Done) => &words.payment_done,
                (Step::Payment, StepState::Failed) => &words.payment_failed,
                (Step::Payment, StepState::Undone) => &words.payment_undone,
                (Step::Access, StepState::Pending) => &words.access_pending,
                // A person sees to a grant that was refused.
                (Step::Access, StepState::Failed) if self.purchase.state() == PurchaseState::Paid => {
                    &words.access_pending
                }
                // A team gets codes, and hands out access with them.
                (Step::Access, StepState::Done) if is_team => &team_done,
                (Step::Access, StepState::Done) => &words.access_done,
                (Step::Access, StepState::Failed) => &words.access_none,
                (Step::Access, StepState::Undone) => &words.access_undone,
                (Step::Account, StepState::Done) => &words.account_done,
                (Step::Account, StepState::Failed) => &words.account_failed,
                // What is still on its way needs nothing from the learner.
                (Step::Account, StepState::Pending | StepState::Undone) => return None,
            };
            Some((entry.state, text.clone(), entry.at))
        };
        self.purchase.view().timeline.into_iter().filter_map(said).collect()
    }

    fn timeline(&self) -> Markup {
        let steps = self.steps();
        let current = steps.iter().position(|(state, _, _)| *state == StepState::Pending);
        html! {
            @for (n, (state, text, at)) in steps.iter().enumerate() {
                li class=(state.as_str()) aria-current=[(Some(n) == current).then_some("step")] {
                    b { (text) } " "
                    @if let Some(at) = at { (self.moment(*at)) }
                }
            }
        }
    }

    fn moment(&self, at: Timestamp) -> Markup {
        html! { time datetime=(at) { (self.language.locale.span(at, None)) } }
    }

    /// Buttons and links for what to do next.
    fn actions(&self) -> Markup {
        let (locale, words) = (self.language.locale, self.language.locale.pages());
        let (links, query) = (self.links(), &self.language.query);
        let link = |address: &str, word: &str| html! { a class="button" href=(address) { (word) } };
        let press = |what: &str, class: &str, word: &str| {
            let action = links.purchase_button(self.purchase.id(), what, query);
            html! { form method="post" action=(action) { button class=(class) { (word) } } }
        };
        let offer = |word| {
            let variant = self.purchase.variant().filter(|name| is_variant(name));
            let query = self.language.query_with(None, variant);
            link(&links.buy(self.purchase.sku(), &query), &locale.word(word))
        };
        if let Some(team) = self.team {
            let (key, words) = (&team.pack.key, locale.team());
            return html! {
                (link(&links.team(key, query), &words.manage))
                a class="quiet" href=(links.team_csv(key, "")) { (words.download) }
            };
        }
        match self.purchase.state() {
            PurchaseState::Granted => match self.purchase.view().access_url {
                Some(address) => link(&address, &locale.word(SharedWord::StartLearning)),
                None => Markup::default(),
            },
            PurchaseState::Held | PurchaseState::Paying if self.is_payable() => {
                let way_on = match self.purchase.checkout_session() {
                    Some(_) => press("pay", "button", &words.continue_to_payment),
                    None => offer(SharedWord::Back),
                };
                html! { (way_on) (press("cancel", "quiet", &locale.word(SharedWord::Cancel))) }
            }
            PurchaseState::Expired | PurchaseState::Canceled => offer(SharedWord::StartAgain),
            PurchaseState::Refunded => offer(SharedWord::Back),
            PurchaseState::Held
            | PurchaseState::Paying
            | PurchaseState::Processing
            | PurchaseState::Paid
            | PurchaseState::Refunding => Markup::default(),
        }
    }
}

/// `text` with `value` in place of `place`.
fn filled(text: &str, place: &str, value: &Markup) -> Markup {
    html! {
        @for (n, part) in text.split(place).enumerate() {
            @if n > 0 { (value) }
            (part)
        }
    }
}
