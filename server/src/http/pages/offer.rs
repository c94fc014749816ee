//! What the hosted page shows: the offer, and the form that buys it.
use super::buy::{PLAIN, TEAM};
use super::buy_form::BuyForm;
use super::failure::said;
use super::field::Field;
use super::language::Language;
use super::{Page, escape, note};
use crate::error::Error;
use crate::http::Api;
use crate::http::problem::describe;
use axum::response::Response;
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
        let (base, sku) = (escape(&self.api.site.public_url), escape(&self.offering.sku));
        // The page has another `h1` if the widget may replace this offer.
        let offer = self.offer(typed, error, if plain { "h1" } else { "h2" });
        let variant = typed.variant.as_deref();
        let attribute = variant.map(|name| format!(" variant=\"{}\"", escape(name))).unwrap_or_default();
        let coupon = typed.coupon.as_deref().map(|coupon| {
            url::form_urlencoded::Serializer::new(String::new()).append_pair("coupon", coupon).finish()
        });
        let form = std::iter::once(PLAIN.to_owned()).chain(coupon).collect::<Vec<_>>().join("&");
        let query = escape(&self.language.query_with(Some(&form), variant));
        let body = if plain {
            offer
        } else {
            format!(
                "<script async src=\"{base}/embed/v1.js\"></script>\
                 <h1 class=\"brand\">Redis University</h1><redis-checkout sku=\"{sku}\"{attribute} theme=\"auto\">{offer}</redis-checkout>\
                 <p class=\"aside\"><a href=\"{base}/buy/{sku}{query}\">{}</a></p>",
                escape(&self.language.locale.pages().simple_form),
            )
        };
        Page { title: &self.offering.title, head: "", body: &body }.answer(self.api, self.language)
    }

    /// The whole offer as HTML; the widget replaces it where it runs.
    fn offer(&self, typed: &BuyForm, error: Option<&Error>, heading: &str) -> String {
        let (locale, offering) = (self.language.locale, self.offering);
        let dates = offering.starts_at.map(|starts_at| {
            format!("<p class=\"dates\">{}</p>", escape(&locale.span(starts_at, offering.ends_at)))
        });
        let holds = holds(error);
        // The last seat may be held by the very form that is being corrected.
        let fewer = typed.places.is_some() && matches!(error, Some(Error::NotForSale(Sale::SoldOut)));
        let corrects = fewer || error.is_some_and(|error| describe(error).field.is_some());
        let seats = offering.seats.map(|seats| {
            let words = if holds { locale.word(SharedWord::SeatReserved) } else { locale.seats(seats) };
            format!("<p class=\"seats\">{}</p>", escape(&words))
        });
        format!(
            "<article class=\"card offer\"><header><p class=\"kind\">{kind}</p><{heading}>{title}</{heading}><p>{summary}</p>{dates}\
             </header><div class=\"terms\"><p class=\"price\">{price}</p>{seats}</div>{rest}</article>",
            kind = escape(&locale.kind(offering.kind)),
            title = escape(&offering.title),
            summary = escape(&offering.summary),
            dates = dates.unwrap_or_default(),
            price = escape(&locale.money(offering.price)),
            seats = seats.unwrap_or_default(),
            rest = match offering.sale {
                Sale::Open => self.form(typed, error) + &self.team_link(typed),
                Sale::SoldOut | Sale::NotOpen | Sale::Closed | Sale::Paused if holds || corrects =>
                    self.form(typed, error),
                Sale::NotOpen | Sale::Closed | Sale::Paused => self.closed(),
                // A code may bring a seat.
                Sale::SoldOut if typed.asks_for_seat(error) => self.closed() + &self.form(typed, error),
                Sale::SoldOut => self.closed() + &self.code_link(),
            },
        )
    }

    fn closed(&self) -> String {
        let locale = self.language.locale;
        let code = match self.offering.sale {
            Sale::SoldOut | Sale::Open => Code::SoldOut,
            Sale::NotOpen => Code::SaleNotOpen,
            Sale::Closed => Code::SaleClosed,
            Sale::Paused => Code::SalePaused,
        };
        format!(
            "<div class=\"note\"><p><strong>{}</strong></p><p>{}</p></div>",
            escape(&locale.sale(self.offering)),
            escape(&locale.refused(code, None))
        )
    }

    /// A link to the form, for a visitor with a code that brings a seat.
    fn code_link(&self) -> String {
        let (base, sku) = (escape(&self.api.site.public_url), escape(&self.offering.sku));
        let query = escape(&self.language.query_with(Some(&format!("{PLAIN}&coupon=")), None));
        format!(
            "<a class=\"quiet\" href=\"{base}/buy/{sku}{query}\">{}</a>",
            escape(&self.language.locale.word(SharedWord::HaveCode))
        )
    }

    /// A link to the form for a team, or back to the one for oneself.
    fn team_link(&self, typed: &BuyForm) -> String {
        if self.offering.team.is_none() {
            return String::new();
        }
        let (base, sku) = (escape(&self.api.site.public_url), escape(&self.offering.sku));
        let (word, form) = match typed.places {
            Some(_) => (SharedWord::ForMe, PLAIN.to_owned()),
            None => (SharedWord::ForTeam, [PLAIN, TEAM].join("&")),
        };
        let query = escape(&self.language.query_with(Some(&form), typed.variant.as_deref()));
        let word = escape(&self.language.locale.word(word));
        format!("<a class=\"quiet\" href=\"{base}/buy/{sku}{query}\">{word}</a>")
    }

    /// The field for the number of places if bought for a team, or for a code otherwise.
    fn places_or_code(&self, typed: &BuyForm, places: Option<&str>, code: Option<&str>) -> String {
        let locale = self.language.locale;
        if let (Some(Team { min, max }), Some(typed)) = (self.offering.team, &typed.places) {
            let each = locale.team().each.replace("{price}", &locale.money(self.offering.price));
            let field = Field {
                name: "places",
                label: &locale.word(SharedWord::Places),
                hint: Some(&format!("{} {each}", locale.places_hint(Team { min, max }))),
                attributes: &format!("type=\"number\" min=\"{min}\" max=\"{max}\" required"),
                typed,
                fault: places,
            };
            return field.html();
        }
        let coupon = Field {
            name: "coupon",
            label: &locale.word(SharedWord::Code),
            hint: None,
            attributes: "autocomplete=\"off\" spellcheck=\"false\" dir=\"ltr\"",
            typed: typed.coupon.as_deref().unwrap_or_default(),
            fault: code,
        };
        let open = if coupon.typed.is_empty() && self.offering.sale != Sale::SoldOut { "" } else { " open" };
        let summary = escape(&locale.word(SharedWord::HaveCode));
        format!("<details{open}><summary>{summary}</summary>{}</details>", coupon.html())
    }

    fn form(&self, typed: &BuyForm, error: Option<&Error>) -> String {
        let (locale, words) = (self.language.locale, self.language.locale.pages());
        let wrong = error.map(|error| self.fault(typed, error));
        let fault = |field: &str| match &wrong {
            Some((Some(wrong), text)) if wrong == field => Some(text.as_str()),
            _ => None,
        };
        let general = match &wrong {
            Some((None, text)) => note(self.language, text),
            _ => String::new(),
        };
        // A team decides later who gets its codes.
        let whose = locale.word(SharedWord::EmailHint);
        let email = Field {
            name: "email",
            label: &locale.word(SharedWord::Email),
            hint: typed.places.is_none().then_some(&*whose),
            attributes: "type=\"email\" autocomplete=\"email\" maxlength=\"254\" required",
            typed: &typed.email,
            fault: fault("email"),
        };
        let name = Field {
            name: "name",
            label: &format!("{} ({})", words.name, words.optional),
            hint: None,
            attributes: "autocomplete=\"name\" maxlength=\"200\"",
            typed: typed.name.as_deref().unwrap_or_default(),
            fault: fault("name"),
        };
        let rest = self.places_or_code(typed, fault("places"), fault("coupon"));
        let key = typed.key.clone().unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
        let variant = typed.variant.as_deref().map(|name| hidden("variant", &escape(name)));
        let free = self.offering.price.amount == 0;
        let button =
            if free { locale.word(SharedWord::GetAccess) } else { words.continue_to_payment.clone() };
        let promise = if free {
            String::new()
        } else {
            format!("<p class=\"hint\">{}</p>", escape(&words.stripe_page))
        };
        format!(
            "{general}<form class=\"form\" method=\"post\" action=\"{base}/buy/{sku}{query}\">{email}{name}{rest}\
             {key}{total}{variant}<button class=\"button\">{button}</button>{promise}</form>",
            base = escape(&self.api.site.public_url),
            sku = escape(&self.offering.sku),
            query = self.language.query,
            email = email.html(),
            name = name.html(),
            key = hidden("key", &key),
            total = hidden("total", &self.offering.price.amount.to_string()),
            variant = variant.unwrap_or_default(),
            button = escape(&button),
        )
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

/// A hidden field for the next page; `value` is already HTML.
fn hidden(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
}
