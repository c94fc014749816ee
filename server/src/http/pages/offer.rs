//! The hosted page: the offer, and the form that buys it.
use super::buy_form::{BuyForm, PLAIN, TEAM};
use super::failure::said;
use super::field::{Field, Input};
use super::language::Language;
use super::{Page, note};
use crate::error::Error;
use crate::http::Api;
use crate::http::problem::describe;
use axum::response::Response;
use maud::{Markup, html};
use shared::{Code, Offering, Sale, Team};
use widget::SharedWord;

/// The page about one offering.
pub(super) struct Shown<'a> {
    pub(super) api: &'a Api,
    pub(super) language: &'a Language,
    pub(super) offering: &'a Offering,
}

impl Shown<'_> {
    pub(super) fn page(&self, plain: bool, typed: &BuyForm, error: Option<&Error>) -> Response {
        let offer = self.offer(typed, error, plain);
        let body = if plain { offer } else { self.widget(typed, &offer) };
        Page { title: &self.offering.title, body }.answer(self.api, self.language)
    }

    /// The widget, around the offer that it replaces where it runs, and a link to the form alone.
    fn widget(&self, typed: &BuyForm, offer: &Markup) -> Markup {
        let (links, sku, variant) = (self.api.site.links(), &self.offering.sku, typed.variant.as_deref());
        let coupon = typed.coupon.as_deref().map(|coupon| {
            url::form_urlencoded::Serializer::new(String::new()).append_pair("coupon", coupon).finish()
        });
        let form = std::iter::once(PLAIN.to_owned()).chain(coupon).collect::<Vec<_>>().join("&");
        let query = self.language.query_with(Some(&form), variant);
        html! {
            script async src=(links.loader()) {}
            h1 class="brand" { "Redis University" }
            redis-checkout sku=(sku) variant=[variant] theme="auto" { (offer) }
            p class="aside" {
                a href=(links.buy(sku, &query)) { (self.language.locale.pages().simple_form) }
            }
        }
    }

    /// The whole offer; `alone` if it is all that the page shows.
    fn offer(&self, typed: &BuyForm, error: Option<&Error>, alone: bool) -> Markup {
        let (locale, offering) = (self.language.locale, self.offering);
        let holds = holds(error);
        // The last seat may be held by the very form that is being corrected.
        let fewer = typed.places.is_some() && matches!(error, Some(Error::NotForSale(Sale::SoldOut)));
        let corrects = fewer || error.is_some_and(|error| describe(error).field.is_some());
        let seats = offering
            .seats
            .map(|seats| if holds { locale.word(SharedWord::SeatReserved) } else { locale.seats(seats) });
        html! {
            article class="card offer" {
                header {
                    p class="kind" { (locale.kind(offering.kind)) }
                    // The page has another `h1` if the widget may replace this offer.
                    @if alone { h1 { (offering.title) } } @else { h2 { (offering.title) } }
                    p { (offering.summary) }
                    @if let Some(starts_at) = offering.starts_at {
                        p class="dates" { (locale.span(starts_at, offering.ends_at)) }
                    }
                }
                div class="terms" {
                    p class="price" { (locale.amount(offering.price)) }
                    @if let Some(seats) = seats { p class="seats" { (seats) } }
                }
                @match offering.sale {
                    Sale::Open => { (self.form(typed, error)) (self.team_link(typed)) }
                    Sale::SoldOut | Sale::NotOpen | Sale::Closed | Sale::Paused if holds || corrects => {
                        (self.form(typed, error))
                    }
                    Sale::NotOpen | Sale::Closed | Sale::Paused => { (self.closed()) }
                    // A code may bring a seat.
                    Sale::SoldOut if typed.asks_for_seat(error) => { (self.closed()) (self.form(typed, error)) }
                    Sale::SoldOut => { (self.closed()) (self.code_link()) }
                }
            }
        }
    }

    fn closed(&self) -> Markup {
        let locale = self.language.locale;
        let code = match self.offering.sale {
            Sale::SoldOut | Sale::Open => Code::SoldOut,
            Sale::NotOpen => Code::SaleNotOpen,
            Sale::Closed => Code::SaleClosed,
            Sale::Paused => Code::SalePaused,
        };
        html! {
            div class="note" {
                p { strong { (locale.sale(self.offering)) } }
                p { (locale.refused(code, None)) }
            }
        }
    }

    /// A link to the form, for a visitor with a code that brings a seat.
    fn code_link(&self) -> Markup {
        let query = self.language.query_with(Some(&format!("{PLAIN}&coupon=")), None);
        self.form_link(&query, SharedWord::HaveCode)
    }

    /// A link to the form for a team, or back to the one for oneself.
    fn team_link(&self, typed: &BuyForm) -> Markup {
        if self.offering.team.is_none() {
            return Markup::default();
        }
        let (word, form) = match typed.places {
            Some(_) => (SharedWord::ForMe, PLAIN.to_owned()),
            None => (SharedWord::ForTeam, [PLAIN, TEAM].join("&")),
        };
        self.form_link(&self.language.query_with(Some(&form), typed.variant.as_deref()), word)
    }

    fn form_link(&self, query: &str, word: SharedWord) -> Markup {
        let address = self.api.site.links().buy(&self.offering.sku, query);
        html! { a class="quiet" href=(address) { (self.language.locale.word(word)) } }
    }

    /// The field for the number of places if bought for a team, or for a code otherwise.
    fn places_or_code(&self, typed: &BuyForm, places: Option<&str>, code: Option<&str>) -> Markup {
        let locale = self.language.locale;
        if let (Some(Team { min, max }), Some(typed)) = (self.offering.team, &typed.places) {
            let each = locale.team().each.replace("{price}", &locale.money(self.offering.price));
            let field = Field {
                name: "places",
                label: &locale.word(SharedWord::Places),
                hint: Some(&format!("{} {each}", locale.places_hint(Team { min, max }))),
                input: Input {
                    kind: Some("number"),
                    range: Some((min, max)),
                    required: true,
                    ..Input::default()
                },
                typed,
                fault: places,
            };
            return field.html();
        }
        let coupon = Field {
            name: "coupon",
            label: &locale.word(SharedWord::Code),
            hint: None,
            input: Input {
                autocomplete: Some("off"),
                spellcheck: Some("false"),
                dir: Some("ltr"),
                ..Input::default()
            },
            typed: typed.coupon.as_deref().unwrap_or_default(),
            fault: code,
        };
        let open = !coupon.typed.is_empty() || self.offering.sale == Sale::SoldOut;
        html! {
            details open[open] {
                summary { (locale.word(SharedWord::HaveCode)) }
                (coupon.html())
            }
        }
    }

    fn form(&self, typed: &BuyForm, error: Option<&Error>) -> Markup {
        let (locale, words) = (self.language.locale, self.language.locale.pages());
        let wrong = error.map(|error| self.fault(typed, error));
        let fault = |field: &str| match &wrong {
            Some((Some(wrong), text)) if wrong == field => Some(text.as_str()),
            _ => None,
        };
        let general = match &wrong {
            Some((None, text)) => Some(note(self.language, text)),
            Some(_) | None => None,
        };
        // A team decides later who gets its codes.
        let whose = locale.word(SharedWord::EmailHint);
        let email = Field {
            name: "email",
            label: &locale.word(SharedWord::Email),
            hint: typed.places.is_none().then_some(&*whose),
            input: Input {
                kind: Some("email"),
                autocomplete: Some("email"),
                maxlength: Some(254),
                required: true,
                ..Input::default()
            },
            typed: &typed.email,
            fault: fault("email"),
        };
        let name = Field {
            name: "name",
            label: &format!("{} ({})", words.name, words.optional),
            hint: None,
            input: Input { autocomplete: Some("name"), maxlength: Some(200), ..Input::default() },
            typed: typed.name.as_deref().unwrap_or_default(),
            fault: fault("name"),
        };
        let rest = self.places_or_code(typed, fault("places"), fault("coupon"));
        let key = typed.key.clone().unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
        let free = self.offering.price.amount == 0;
        let button =
            if free { locale.word(SharedWord::GetAccess) } else { words.continue_to_payment.clone() };
        let action = self.api.site.links().buy(&self.offering.sku, &self.language.query);
        html! {
            @if let Some(general) = general { (general) }
            form class="form" method="post" action=(action) {
                (email.html()) (name.html()) (rest)
                input type="hidden" name="key" value=(key);
                input type="hidden" name="total" value=(self.offering.price.amount);
                @if let Some(variant) = &typed.variant {
                    input type="hidden" name="variant" value=(variant);
                }
                button class="button" { (button) }
                @if !free { p class="hint" { (words.stripe_page) } }
            }
        }
    }

    /// The field that is wrong, if it is a field, and what is wrong.
    fn fault(&self, typed: &BuyForm, error: &Error) -> (Option<String>, String) {
        let locale = self.language.locale;
        let problem = describe(error);
        match (problem.field.as_deref(), problem.code) {
            (Some("email"), _) => (problem.field, locale.word(SharedWord::EmailInvalid)),
            (Some("name"), _) => (problem.field, locale.pages().name_invalid.clone()),
            (Some("places"), _) => {
                (problem.field, self.offering.team.map(|team| locale.places_fault(team)).unwrap_or_default())
            }
            (_, Code::SoldOut) if typed.places.is_some() => {
                (Some("places".to_owned()), locale.word(SharedWord::PlacesFew))
            }
            (_, Code::SoldOut) if typed.coupon.as_ref().is_some_and(|coupon| !coupon.trim().is_empty()) => {
                (Some("coupon".to_owned()), locale.word(SharedWord::CouponNoSeat))
            }
            (Some("coupon"), code) => (problem.field, locale.refused(code, problem.reason)),
            (_, Code::PriceChanged) => (None, locale.price_changed(self.offering.price)),
            _ => (None, said(self.language, error, true)),
        }
    }
}

/// Whether the form's own purchase still holds its seat while it waits for Stripe. After every other error it has
/// ended.
fn holds(error: Option<&Error>) -> bool {
    matches!(error, Some(Error::NotCharged(_)))
}
