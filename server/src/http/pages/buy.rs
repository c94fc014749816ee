//! The hosted page: the same widget, full-page, and a form for those whose browser refuses JavaScript or WASM.
use super::form::Form;
use super::language::Language;
use super::{Page, escape, missing, note, refusal, said, see_other};
use crate::abuse::Client;
use crate::checkout::{HostedPurchase, PageSite, Payer};
use crate::error::Error;
use crate::http::Api;
use crate::http::extract::Sku;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use shared::{Code, Offering, Problem, Sale};
use utoipa::ToSchema;
use widget::SharedWord;

/// Query by which the page is the form alone.
const PLAIN: &str = "plain";

/// What the form sends.
#[derive(Clone, Debug, Default, ToSchema)]
pub(in crate::http) struct BuyForm {
    email: String,
    name: Option<String>,
    coupon: Option<String>,
    /// From the page: a second submission with the same key leads to the same purchase.
    key: Option<String>,
    /// Minor units that the page showed. With another price the page comes again.
    total: Option<i64>,
}

/// The hosted page. With JavaScript and WASM it is the widget; without, or with `plain` in the query, it is a form.
#[utoipa::path(
    get,
    path = "/buy/{sku}",
    params(
        ("sku" = String, Path, description = "The offering's code"),
        ("lang" = Option<String>, Query, description = "BCP 47 tag; `Accept-Language` counts where there is none"),
        ("plain" = Option<String>, Query, description = "The form alone")
    ),
    responses(
        (status = 200, description = "The page", content_type = "text/html"),
        (status = 404, body = Problem, description = "`unknown_sku`", content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn buy(
    State(api): State<Api>,
    sku: Result<Sku, Error>,
    language: Language,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let offering = match sku {
        Ok(Sku(sku)) => api.checkout.offering(&sku).await,
        Err(error) => Err(error),
    };
    match offering {
        Ok(offering) => {
            let query = query.unwrap_or_default();
            let plain = url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == PLAIN);
            let shown = Shown { api: &api, language: &language, offering: &offering };
            let mut page = shown.page(plain, &BuyForm::default(), None);
            // Whoever comes back by the browser's button submits the same form again.
            page.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
            page
        }
        Err(error) => missing(&api, &language, &headers, error),
    }
}

/// The form was submitted: the purchase holds its seat, and the browser is sent to Stripe's page. What doesn't work
/// comes back as the form with what was typed and what is wrong.
#[utoipa::path(
    post,
    path = "/buy/{sku}",
    params(("sku" = String, Path, description = "The offering's code")),
    request_body(content = BuyForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "To Stripe's page, or to `/p/{id}` where nothing is left to pay"),
        (status = 403, description = "Sent from another site", content_type = "text/html"),
        (status = 404, description = "`unknown_sku`", content_type = "text/html"),
        (status = 409, description = "Not for sale, or not at this price", content_type = "text/html"),
        (status = 413, body = Problem, description = "`body_too_large`", content_type = "application/problem+json"),
        (status = 415, body = Problem, description = "`unsupported_media_type`", content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", content_type = "text/html"),
        (status = 429, description = "Too often", content_type = "text/html"),
        (status = 502, description = "Stripe can't be reached", content_type = "text/html"),
    )
)]
pub(in crate::http) async fn buy_by_form(
    State(api): State<Api>,
    sku: Result<Sku, Error>,
    language: Language,
    client: Client,
    headers: HeaderMap,
    form: Result<Form, Error>,
) -> Response {
    let Sku(sku) = match sku {
        Ok(sku) => sku,
        Err(error) => return missing(&api, &language, &headers, error),
    };
    let (typed, error) = match form.and_then(|form| BuyForm::read(&form)) {
        Ok(typed) => match typed.buy(&api, sku.clone(), &language, client).await {
            Ok(address) => return see_other(&address),
            Err(error) => (typed, error),
        },
        Err(error @ (Error::CrossSite | Error::Invalid { .. })) => (BuyForm::default(), error),
        Err(error) => return error.into_response(),
    };
    match api.checkout.offering(&sku).await {
        Ok(offering) => {
            let shown = Shown { api: &api, language: &language, offering: &offering };
            let page = shown.page(true, &typed, Some(&error));
            refusal(error, page)
        }
        Err(error) => missing(&api, &language, &headers, error),
    }
}

impl BuyForm {
    fn read(form: &Form) -> Result<Self, Error> {
        let invalid = |field: &str| Error::Invalid {
            field: field.to_owned(),
            detail: "is not what the page has sent".to_owned(),
        };
        let key = form.get("key");
        if key
            .as_ref()
            .is_some_and(|key| key.len() > 64 || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        {
            return Err(invalid("key"));
        }
        let total = form.get("total").map(|total| total.parse().map_err(|_| invalid("total"))).transpose()?;
        let email = form.get("email").unwrap_or_default();
        Ok(Self { email, name: form.get("name"), coupon: form.get("coupon"), key, total })
    }

    /// Where the browser goes next.
    async fn buy(
        &self,
        api: &Api,
        sku: String,
        language: &Language,
        client: Client,
    ) -> Result<String, Error> {
        let Self { email, name, coupon, key, total } = self.clone();
        let request = HostedPurchase { sku, email, name, coupon, key, shown_total: total };
        let base = api.site.public_url.clone();
        let site = PageSite { base, lang: language.locale.lang(), query: language.query.clone() };
        let payer = Payer { client, challenge_answer: None };
        let hosted = api.checkout.buy_hosted(request, &site, &payer).await?;
        Ok(hosted.page.unwrap_or_else(|| format!("{}/p/{}{}", site.base, hosted.id.as_str(), site.query)))
    }
}

/// The page about one offering.
struct Shown<'a> {
    api: &'a Api,
    language: &'a Language,
    offering: &'a Offering,
}

impl Shown<'_> {
    fn page(&self, plain: bool, typed: &BuyForm, error: Option<&Error>) -> Response {
        let (base, sku) = (escape(&self.api.site.public_url), escape(&self.offering.sku));
        // The page has another heading where the widget may take the place of this.
        let offer = self.offer(typed, error, if plain { "h1" } else { "h2" });
        let query = if self.language.query.is_empty() {
            format!("?{PLAIN}")
        } else {
            format!("{}&amp;{PLAIN}", self.language.query)
        };
        let body = if plain {
            offer
        } else {
            format!(
                "<script async src=\"{base}/embed/v1.js\"></script>\
                 <h1 class=\"brand\">Redis University</h1><redis-checkout sku=\"{sku}\" theme=\"auto\">{offer}</redis-checkout>\
                 <p class=\"aside\"><a href=\"{base}/buy/{sku}{query}\">{}</a></p>",
                escape(&self.language.locale.pages().simple_form),
            )
        };
        Page { title: &self.offering.title, head: "", body: &body }.answer(self.api, self.language)
    }

    /// All of it as HTML: the widget takes its place where it runs.
    fn offer(&self, typed: &BuyForm, error: Option<&Error>, heading: &str) -> String {
        let (locale, offering) = (self.language.locale, self.offering);
        let dates = offering.starts_at.map(|starts_at| {
            format!("<p class=\"dates\">{}</p>", escape(&locale.span(starts_at, offering.ends_at)))
        });
        let holds = holds(error);
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
            rest = if offering.sale == Sale::Open || holds { self.form(typed, error) } else { self.closed() },
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
            escape(&locale.refused(code))
        )
    }

    fn form(&self, typed: &BuyForm, error: Option<&Error>) -> String {
        let (locale, words) = (self.language.locale, self.language.locale.pages());
        let wrong = error.map(|error| self.fault(error));
        let fault = |field: &str| match &wrong {
            Some((Some(wrong), text)) if wrong == field => Some(text.as_str()),
            _ => None,
        };
        let general = match &wrong {
            Some((None, text)) => note(self.language, text),
            _ => String::new(),
        };
        let email = Field {
            name: "email",
            label: &locale.word(SharedWord::Email),
            hint: Some(&locale.word(SharedWord::EmailHint)),
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
        let coupon = typed.coupon.as_deref().map(|coupon| {
            let (label, attributes) = ("Coupon", "autocomplete=\"off\"");
            Field { name: "coupon", label, hint: None, attributes, typed: coupon, fault: fault("coupon") }
                .html()
        });
        let key = typed
            .key
            .clone()
            .filter(|_| holds(error))
            .unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
        let free = self.offering.price.amount == 0;
        let button =
            if free { locale.word(SharedWord::GetAccess) } else { words.continue_to_payment.clone() };
        let promise = if free {
            String::new()
        } else {
            format!("<p class=\"hint\">{}</p>", escape(&words.stripe_page))
        };
        format!(
            "{general}<form class=\"form\" method=\"post\" action=\"{base}/buy/{sku}{query}\">{email}{name}{coupon}\
             <input type=\"hidden\" name=\"key\" value=\"{key}\"><input type=\"hidden\" name=\"total\" value=\"{total}\">\
             <button class=\"button\">{button}</button>{promise}</form>",
            base = escape(&self.api.site.public_url),
            sku = escape(&self.offering.sku),
            query = self.language.query,
            email = email.html(),
            name = name.html(),
            coupon = coupon.unwrap_or_default(),
            total = self.offering.price.amount,
            button = escape(&button),
        )
    }

    /// The field that is wrong, where it is one, and what is wrong.
    fn fault(&self, error: &Error) -> (Option<String>, String) {
        let locale = self.language.locale;
        let problem = crate::http::problem::describe(error);
        match (problem.field.as_deref(), problem.code) {
            (Some("email"), _) => (problem.field, locale.word(SharedWord::EmailInvalid)),
            (Some("name"), _) => (problem.field, locale.pages().name_invalid.clone()),
            (Some("coupon"), code) => (problem.field, locale.refused(code)),
            (_, Code::PriceChanged) => (None, locale.price_changed(self.offering.price)),
            _ => (None, said(self.language, error)),
        }
    }
}

/// Whether the purchase of the form is waiting for Stripe with its seat, so that its key must stay and its seat is no
/// stranger's. After every other refusal it is over.
fn holds(error: Option<&Error>) -> bool {
    matches!(error, Some(Error::Payments(_)))
}

struct Field<'a> {
    name: &'a str,
    label: &'a str,
    hint: Option<&'a str>,
    attributes: &'a str,
    typed: &'a str,
    fault: Option<&'a str>,
}

impl Field<'_> {
    /// What is wrong and what helps are read out with the field.
    fn html(&self) -> String {
        let Self { name, attributes, .. } = self;
        let line = |what: &str, text: Option<&str>| {
            text.map(|text| format!("<p class=\"{what}\" id=\"{name}-{what}\">{}</p>", escape(text)))
        };
        let (fault, hint) = (line("fault", self.fault), line("hint", self.hint));
        let ids: Vec<_> = [fault.as_ref().map(|_| "fault"), hint.as_ref().map(|_| "hint")]
            .into_iter()
            .flatten()
            .map(|what| format!("{name}-{what}"))
            .collect();
        let described =
            if ids.is_empty() { String::new() } else { format!(" aria-describedby=\"{}\"", ids.join(" ")) };
        let invalid = if self.fault.is_some() { " aria-invalid=\"true\" autofocus" } else { "" };
        format!(
            "<div class=\"field\"><label for=\"{name}\">{}</label>\
             <input id=\"{name}\" name=\"{name}\" {attributes} value=\"{}\"{described}{invalid}>{}{}</div>",
            escape(self.label),
            escape(self.typed),
            fault.unwrap_or_default(),
            hint.unwrap_or_default(),
        )
    }
}
