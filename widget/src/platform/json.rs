//! JSON through the browser's own parser, mapped by hand: `serde_json` would cost every visitor 17 KB.
use js_sys::{Array, Date, JSON, Object, Reflect};
use shared::{
    Challenge, Code, Currency, Kind, Money, Offering, OpenPurchase, Opened, Pay, PayAnswer, Price,
    PurchaseView, Reason, Sale, Screen, Seats, SeatsNews, State, Team, Timestamp,
};
use wasm_bindgen::{JsCast, JsValue};

/// Parses `text`; `None` if it isn't JSON or has another shape. Unknown fields are ignored.
pub(crate) fn parse<T: FromJson>(text: &str) -> Option<T> {
    T::from_json(&value(text))
}

/// Parses `text`; undefined if it isn't JSON.
pub(crate) fn value(text: &str) -> JsValue {
    JSON::parse(text).unwrap_or(JsValue::UNDEFINED)
}

pub(crate) trait FromJson: Sized {
    fn from_json(value: &JsValue) -> Option<Self>;
}

/// An object with these members, for JSON or for a JavaScript API.
pub(crate) fn object(members: &[(&str, JsValue)]) -> JsValue {
    with(&Object::new(), members)
}

/// Adds these members to `object`.
pub(crate) fn with(object: &JsValue, members: &[(&str, JsValue)]) -> JsValue {
    for (name, value) in members {
        _ = Reflect::set(object, &JsValue::from_str(name), value);
    }
    object.clone()
}

pub(crate) fn number(value: i64) -> JsValue {
    #[expect(clippy::cast_precision_loss, reason = "amounts and versions stay far below 2^53")]
    JsValue::from_f64(value as f64)
}

/// The member `name`; undefined if there is none, or if `value` is not an object.
pub(crate) fn member(value: &JsValue, name: &str) -> JsValue {
    Reflect::get(value, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

pub(crate) fn text(value: &JsValue, name: &str) -> Option<String> {
    member(value, name).as_string()
}

pub(crate) fn opening_body(request: &OpenPurchase) -> String {
    let mut members = vec![("sku", JsValue::from_str(&request.sku))];
    let optional = [
        ("coupon", &request.coupon),
        ("variant", &request.variant),
        ("learner_token", &request.learner_token),
    ];
    members.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?.into()))));
    members.extend(request.places.map(|places| ("places", number(places))));
    stringify(&members)
}

pub(crate) fn change_body(coupon: Option<String>) -> String {
    stringify(&[("coupon", coupon.map_or(JsValue::NULL, Into::into))])
}

pub(crate) fn pay_body(request: &Pay) -> String {
    stringify(&[("email", request.email.as_str().into()), ("expected_total", number(request.expected_total))])
}

impl FromJson for Vec<String> {
    fn from_json(value: &JsValue) -> Option<Self> {
        value.dyn_ref::<Array>()?.iter().map(|text| text.as_string()).collect()
    }
}

impl FromJson for Screen {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(Self {
            offering: FromJson::from_json(&member(value, "offering"))?,
            api: text(value, "api")?,
            publishable_key: text(value, "publishable_key")?,
            stripe_js: text(value, "stripe_js")?,
            variant: text(value, "variant"),
            dialog: member(value, "dialog").is_truthy(),
        })
    }
}

impl FromJson for Offering {
    fn from_json(value: &JsValue) -> Option<Self> {
        let price = member(value, "price");
        let seats = member(value, "seats");
        let team = member(value, "team");
        Some(Self {
            sku: text(value, "sku")?,
            kind: Kind::parse(&text(value, "kind")?)?,
            title: text(value, "title")?,
            summary: text(value, "summary")?,
            price: Money { amount: integer(&price, "amount")?, currency: currency(&price)? },
            seats: integer(&seats, "capacity")
                .zip(integer(&seats, "left"))
                .map(|(capacity, left)| Seats { capacity, left }),
            sale: Sale::parse(&text(value, "sale")?)?,
            team: integer(&team, "min").zip(integer(&team, "max")).map(|(min, max)| Team { min, max }),
            starts_at: moment(value, "starts_at"),
            ends_at: moment(value, "ends_at"),
            sale_opens_at: moment(value, "sale_opens_at"),
            sale_closes_at: moment(value, "sale_closes_at"),
            // Only API answers say when they were made.
            now: None,
        })
    }
}

impl FromJson for Price {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(Self {
            currency: currency(value)?,
            list: integer(value, "list")?,
            discount: integer(value, "discount")?,
            tax: integer(value, "tax")?,
            total: integer(value, "total")?,
            coupon: text(value, "coupon"),
        })
    }
}

impl FromJson for Opened {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(Self {
            id: text(value, "id")?,
            reference: text(value, "reference")?,
            state: state(value)?,
            hold_expires_at: moment(value, "hold_expires_at")?,
            seconds_left: None,
            price: FromJson::from_json(&member(value, "price"))?,
            email: text(value, "email"),
            token_refused: text(value, "token_refused"),
        })
    }
}

impl FromJson for SeatsNews {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(Self {
            left: integer(value, "left"),
            capacity: integer(value, "capacity"),
            sale: Sale::parse(&text(value, "sale")?)?,
        })
    }
}

impl FromJson for PayAnswer {
    fn from_json(value: &JsValue) -> Option<Self> {
        let Some(client_secret) = text(value, "client_secret") else {
            return Some(Self::Settled { state: state(value)? });
        };
        Some(Self::Confirm {
            client_secret,
            publishable_key: text(value, "publishable_key")?,
            price: FromJson::from_json(&member(value, "price"))?,
        })
    }
}

impl FromJson for PurchaseView {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(Self {
            id: text(value, "id")?,
            reference: text(value, "reference")?,
            sku: text(value, "sku")?,
            state: state(value)?,
            version: integer(value, "version")?,
            price: FromJson::from_json(&member(value, "price"))?,
            hold_expires_at: moment(value, "hold_expires_at"),
            seconds_left: None,
            access_url: text(value, "access_url"),
            // The widget doesn't show these.
            email: None,
            places: None,
            timeline: Vec::new(),
        })
    }
}

/// The parts of a problem that the widget may act on.
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) reason: Option<Reason>,
}

impl FromJson for Refusal {
    fn from_json(value: &JsValue) -> Option<Self> {
        let challenge = FromJson::from_json(&member(value, "challenge"));
        let reason = text(value, "reason").and_then(|reason| Reason::parse(&reason));
        let code = text(value, "code")?;
        Some(Self { code: Code::parse(&code).unwrap_or(Code::Unavailable), challenge, reason })
    }
}

impl FromJson for Challenge {
    fn from_json(value: &JsValue) -> Option<Self> {
        Some(Self {
            provider: text(value, "provider")?,
            site_key: text(value, "site_key")?,
            script: text(value, "script")?,
        })
    }
}

fn state(value: &JsValue) -> Option<State> {
    State::parse(&text(value, "state")?)
}

fn currency(value: &JsValue) -> Option<Currency> {
    Currency::parse(&text(value, "currency")?).ok()
}

fn integer(value: &JsValue, name: &str) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "JSON integers of ours fit")]
    member(value, name).as_f64().map(|number| number as i64)
}

fn moment(value: &JsValue, name: &str) -> Option<Timestamp> {
    let millis = Date::parse(&text(value, name)?);
    #[expect(clippy::cast_possible_truncation, reason = "a date's milliseconds fit")]
    (!millis.is_nan()).then(|| Timestamp::from_millis(millis as i64))
}

fn stringify(members: &[(&str, JsValue)]) -> String {
    JSON::stringify(&object(members)).ok().and_then(|text| text.as_string()).unwrap_or_default()
}
