//! One purchase as its page shows it.
use super::buy_form::is_variant;
use super::language::Language;
use super::team::code_table;
use super::{Page, escape, note};
use crate::checkout::TeamPage;
use crate::http::Api;
use crate::purchase::Purchase;
use axum::response::Response;
use shared::{State as PurchaseState, Step, StepState, Timestamp};
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
        let body = self.body(&trouble.map(|text| note(self.language, text)).unwrap_or_default());
        Page { title: &words.title, head: "", body: &body }.answer(self.api, self.language)
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

    fn body(&self, trouble: &str) -> String {
        let (locale, words) = (self.language.locale, self.language.locale.pages());
        let view = self.purchase.view();
        let (heading, text) = self.headline();
        let until = view
            .hold_expires_at
            .filter(|_| self.is_payable())
            .map(|until| format!("<p>{}</p>", filled(&words.pay_until, "{time}", &self.moment(until))));
        // A team decides later who gets its codes.
        let own = view.email.as_ref().filter(|_| !self.purchase.is_for_team());
        let email = own.map(|email| {
            format!("<p class=\"hint\">{}</p>", filled(&words.access_for, "{email}", &escape(email)))
        });
        // Links to the page's own address: a failed form is shown at the form's address, which can't be opened as a
        // page.
        let look = self.expects_news().then(|| {
            let (base, id) = (escape(&self.api.site.public_url), self.purchase.id().as_str());
            let (query, word) = (&self.language.query, escape(&words.look_again));
            format!("<a class=\"quiet\" href=\"{base}/p/{id}{query}\">{word}</a>")
        });
        format!(
            "<article class=\"card\"><header><h1>{heading}</h1><p>{text}</p>{until}</header>{trouble}\
             <ol class=\"timeline\">{timeline}</ol>{codes}<div class=\"actions\">{actions}{look}</div>\
             <footer>{email}<p class=\"hint\">{bookmark}</p>\
             <dl class=\"facts\"><div><dt>{amount_label}</dt><dd>{amount}</dd></div>\
             <div><dt>{reference_label}</dt><dd>{reference}</dd></div></dl></footer></article>",
            heading = escape(&heading),
            text = escape(&text),
            until = until.unwrap_or_default(),
            timeline = self.timeline(),
            codes = self.team.map(|team| code_table(self.language, team)).unwrap_or_default(),
            actions = self.actions(),
            look = look.unwrap_or_default(),
            email = email.unwrap_or_default(),
            bookmark = escape(&words.bookmark),
            amount_label = escape(&words.amount),
            amount = escape(&locale.money(view.price.due())),
            reference_label = escape(&words.reference),
            reference = escape(&view.reference),
        )
    }

    fn headline(&self) -> (String, String) {
        let (locale, words) = (self.language.locale, self.language.locale.pages());
        let ours = |heading: &String, text: &String| (heading.clone(), text.clone());
        let refused = self.steps().iter().any(|(_, state, _)| *state == Some(StepState::Failed));
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
                let (heading, text) = locale.standing(state).unwrap_or_default();
                let stuck = state == PurchaseState::Paid && refused;
                (heading, if stuck { words.access_failed.clone() } else { text })
            }
        }
    }

    /// Held, paid, access and account. A step that the timeline doesn't have yet follows the others.
    fn steps(&self) -> Vec<(&str, Option<StepState>, Option<Timestamp>)> {
        let words = self.language.locale.pages();
        let timeline = self.purchase.view().timeline;
        let find = |step: Step| {
            let entry = timeline.iter().find(|entry| entry.step == step);
            entry.map_or((None, None), |entry| (Some(entry.state), entry.at))
        };
        // An offering without seats is held as well: at this price, for this learner.
        let held = match find(Step::Seat) {
            (None, _) => (Some(StepState::Done), Some(self.purchase.opened_at())),
            known => known,
        };
        let all = [
            (&words.step_held, held),
            (&words.step_paid, find(Step::Payment)),
            (&words.step_access, find(Step::Access)),
            (&words.step_account, find(Step::Account)),
        ];
        all.into_iter().map(|(name, (state, at))| (name.as_str(), state, at)).collect()
    }

    fn timeline(&self) -> String {
        let words = self.language.locale.pages();
        let steps = self.steps();
        let current = steps.iter().position(|(_, state, _)| *state == Some(StepState::Pending));
        let line = |(n, (name, state, at)): (usize, &(&str, Option<StepState>, Option<Timestamp>))| {
            let (class, said) = match state {
                Some(state @ StepState::Pending) => (state.as_str(), &words.state_pending),
                Some(state @ StepState::Done) => (state.as_str(), &words.state_done),
                Some(state @ StepState::Failed) => (state.as_str(), &words.state_failed),
                Some(state @ StepState::Undone) => (state.as_str(), &words.state_undone),
                None => ("later", &words.state_later),
            };
            let time = at.map(|at| self.moment(at)).unwrap_or_default();
            let here = if Some(n) == current { " aria-current=\"step\"" } else { "" };
            format!(
                "<li class=\"{class}\"{here}><b>{}</b> <span>{}</span> {time}</li>",
                escape(name),
                escape(said)
            )
        };
        steps.iter().enumerate().map(line).collect()
    }

    fn moment(&self, at: Timestamp) -> String {
        format!("<time datetime=\"{at}\">{}</time>", escape(&self.language.locale.span(at, None)))
    }

    /// Buttons and links for what to do next.
    fn actions(&self) -> String {
        let (locale, words) = (self.language.locale, self.language.locale.pages());
        let (base, query) = (escape(&self.api.site.public_url), &self.language.query);
        let (id, sku) = (self.purchase.id().as_str(), self.purchase.sku());
        let link = |address: &str, word: &str| {
            format!("<a class=\"button\" href=\"{}\">{}</a>", escape(address), escape(word))
        };
        let press = |what: &str, class: &str, word: &str| {
            let action = format!("{base}/p/{id}/{what}{query}");
            format!(
                "<form method=\"post\" action=\"{action}\"><button class=\"{class}\">{}</button></form>",
                escape(word)
            )
        };
        let offer = |word| {
            let variant = self.purchase.variant().filter(|name| is_variant(name));
            let query = self.language.query_with(None, variant);
            link(&format!("{}/buy/{sku}{query}", self.api.site.public_url), &locale.word(word))
        };
        if let Some(team) = self.team {
            let page = format!("{}/team/{}", self.api.site.public_url, team.pack.key.as_str());
            let words = locale.team();
            return [
                link(&format!("{page}{query}"), &words.manage),
                format!(
                    "<a class=\"quiet\" href=\"{}/codes.csv\">{}</a>",
                    escape(&page),
                    escape(&words.download)
                ),
            ]
            .concat();
        }
        match self.purchase.state() {
            PurchaseState::Granted => match self.purchase.view().access_url {
                Some(address) => link(&address, &locale.word(SharedWord::StartLearning)),
                None => String::new(),
            },
            PurchaseState::Held | PurchaseState::Paying if self.is_payable() => {
                let way_on = match self.purchase.checkout_session() {
                    Some(_) => press("pay", "button", &words.continue_to_payment),
                    None => offer(SharedWord::Back),
                };
                [way_on, press("cancel", "quiet", &locale.word(SharedWord::Cancel))].concat()
            }
            PurchaseState::Expired | PurchaseState::Canceled => offer(SharedWord::StartAgain),
            PurchaseState::Refunded => offer(SharedWord::Back),
            PurchaseState::Held
            | PurchaseState::Paying
            | PurchaseState::Processing
            | PurchaseState::Paid
            | PurchaseState::Refunding => String::new(),
        }
    }
}

/// `text` as HTML, with `value`, which is already HTML, in place of `place`.
fn filled(text: &str, place: &str, value: &str) -> String {
    escape(text).replace(place, value)
}
