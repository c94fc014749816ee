//! Operations on checkout sessions (create, retrieve, list, expire), and how a payment changes them.

use serde_json::{Value, json};

use super::{
    error::ApiError,
    form::Params,
    ids,
    intent::Status,
    intents,
    ledger::Ledger,
    list,
    offered::Offered,
    session::{Session, SessionStatus},
};

/// Bounds of a session's lifetime in seconds, from
/// <https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at>.
const SHORTEST: i64 = 30 * 60;
const LONGEST: i64 = 24 * 60 * 60;

/// The locales of Stripe's page.
const LOCALES: &[&str] = &[
    "auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA",
    "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru",
    "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK", "zh-TW",
];

/// Creates a session with one line item, which is all that the stand-in supports.
pub(crate) fn create(ledger: &mut Ledger, params: &Params) -> Result<Value, ApiError> {
    params.only(&[
        "mode",
        "submit_type",
        "line_items[0][price_data][currency]",
        "line_items[0][price_data][unit_amount]",
        "line_items[0][price_data][product_data][name]",
        "line_items[0][quantity]",
        "payment_intent_data[description]",
        "payment_intent_data[receipt_email]",
        "payment_intent_data[metadata][*]",
        "adaptive_pricing[enabled]",
        "excluded_payment_method_types[]",
        "payment_method_configuration",
        "client_reference_id",
        "customer_email",
        "metadata[*]",
        "locale",
        "success_url",
        "cancel_url",
        "expires_at",
    ])?;
    params.required("mode")?;
    params.one_of("mode", &["payment"])?;
    params.boolean("adaptive_pricing[enabled]")?;
    let unit_amount = "line_items[0][price_data][unit_amount]";
    params.required(unit_amount)?;
    params.required("line_items[0][quantity]")?;
    let quantity = params.integer("line_items[0][quantity]")?.unwrap_or_default();
    if quantity < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(ApiError::request("parameter_invalid_integer", "line_items[0][quantity]", message));
    }
    let amount = params.integer(unit_amount)?.unwrap_or_default().saturating_mul(quantity);
    let currency = params.required("line_items[0][price_data][currency]")?.to_owned();
    ledger.may_charge(amount, &currency)?;
    let now = ids::now();
    let text = |name: &str| params.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let customer_email = text("customer_email");
    if let Some(email) = customer_email.as_ref().filter(|email| !email.contains('@')) {
        let message = format!("Invalid email address: {email}");
        return Err(ApiError::request("email_invalid", "customer_email", message));
    }
    let mut metadata = params.metadata()?;
    metadata.retain(|_, value| !value.is_empty());
    let session = Session {
        id: ids::new_id("cs_test"),
        status: SessionStatus::Open,
        created: now,
        expires_at: expiry(params, now)?,
        amount,
        currency,
        product: params.required("line_items[0][price_data][product_data][name]")?.to_owned(),
        customer_email,
        client_reference_id: text("client_reference_id"),
        locale: params.one_of("locale", LOCALES)?,
        submit_type: params.one_of("submit_type", &["auto", "book", "donate", "pay"])?,
        metadata: json!(metadata),
        success_url: address(params, "success_url")?
            .ok_or_else(|| ApiError::missing_parameter("success_url"))?,
        cancel_url: address(params, "cancel_url")?,
        intent_params: params.within("payment_intent_data"),
        offered: Offered::of(params),
        intent: None,
        paid: false,
    };
    let id = session.id.clone();
    ledger.sessions.insert(&id, session);
    shown(ledger, &id)
}

/// Retrieves a session.
pub(crate) fn retrieve(ledger: &mut Ledger, id: &str, params: &Params) -> Result<Value, ApiError> {
    params.only(&[])?;
    keep_time(ledger, id)?;
    shown(ledger, id)
}

/// Lists sessions, newest first.
pub(crate) fn list(ledger: &mut Ledger, params: &Params) -> Result<Value, ApiError> {
    params.only(&["limit", "starting_after", "ending_before", "created[*]", "payment_intent"])?;
    let ids: Vec<_> = ledger.sessions.iter().map(|session| session.id.clone()).collect();
    for id in &ids {
        keep_time(ledger, id)?;
    }
    let wanted = params.get("payment_intent");
    let rows = ledger
        .sessions
        .iter()
        .rev()
        .filter(|session| wanted.is_none() || session.intent.as_deref() == wanted)
        .map(|session| (session.id.as_str(), session.created, session.to_json(&ledger.base_url)));
    list::page(rows, params, "/v1/checkout/sessions")
}

/// Expires an open session; refuses if it is complete or has expired.
pub(crate) fn expire(ledger: &mut Ledger, id: &str, params: &Params) -> Result<Value, ApiError> {
    params.only(&[])?;
    keep_time(ledger, id)?;
    let status = ledger.session(id)?.status;
    if status != SessionStatus::Open {
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of \
             `{}`.",
            status.as_str()
        );
        return Err(ApiError::new(400, "invalid_request_error", None, message));
    }
    close(ledger, id)?;
    shown(ledger, id)
}

/// The intent of a session; Stripe creates it at the first attempt to pay.
pub(crate) fn intent_of(ledger: &mut Ledger, id: &str) -> Result<String, ApiError> {
    let session = ledger.session(id)?.clone();
    if let Some(intent) = session.intent {
        return Ok(intent);
    }
    let mut params = session.intent_params;
    params.push("amount", &session.amount.to_string());
    params.push("currency", &session.currency);
    session.offered.add_to(&mut params);
    let made = intents::create(ledger, &params)?;
    let intent = made["id"].as_str().unwrap_or_default().to_owned();
    ledger.intent_mut(&intent)?.session = Some(id.to_owned());
    ledger.session_mut(id)?.intent = Some(intent.clone());
    Ok(intent)
}

/// Updates the session of an intent, if it has one, to follow the intent's status.
pub(crate) fn follow(ledger: &mut Ledger, intent: &str) -> Result<(), ApiError> {
    let known = ledger.intent(intent)?;
    let (status, Some(id)) = (known.status, known.session.clone()) else { return Ok(()) };
    let session = ledger.session_mut(&id)?;
    session.paid = status == Status::Succeeded;
    let kind = match (session.status, status) {
        (SessionStatus::Open, Status::Succeeded | Status::Processing) => {
            session.status = SessionStatus::Complete;
            "checkout.session.completed"
        }
        (SessionStatus::Complete, Status::Succeeded) => "checkout.session.async_payment_succeeded",
        (SessionStatus::Complete, Status::RequiresPaymentMethod) => "checkout.session.async_payment_failed",
        _ => return Ok(()),
    };
    let object = shown(ledger, &id)?;
    ledger.emit(kind, object);
    Ok(())
}

/// Expires an open session whose time is up.
pub(crate) fn keep_time(ledger: &mut Ledger, id: &str) -> Result<(), ApiError> {
    let session = ledger.session(id)?;
    if session.status == SessionStatus::Open && session.expires_at <= ids::now() {
        close(ledger, id)?;
    }
    Ok(())
}

fn close(ledger: &mut Ledger, id: &str) -> Result<(), ApiError> {
    let session = ledger.session_mut(id)?;
    session.status = SessionStatus::Expired;
    if let Some(intent) = session.intent.clone()
        && ledger.intent(&intent)?.status.is_open()
    {
        intents::end(ledger, &intent, Some("automatic".to_owned()))?;
    }
    let object = shown(ledger, id)?;
    ledger.emit("checkout.session.expired", object);
    Ok(())
}

fn shown(ledger: &Ledger, id: &str) -> Result<Value, ApiError> {
    Ok(ledger.session(id)?.to_json(&ledger.base_url))
}

fn expiry(params: &Params, now: i64) -> Result<i64, ApiError> {
    let at = params.integer("expires_at")?.unwrap_or(now + LONGEST);
    let wrong = |bound: &str| {
        let message = format!("The `expires_at` timestamp must be {bound} from Checkout Session creation.");
        Err(ApiError::invalid("expires_at", message))
    };
    match at - now {
        ..SHORTEST => wrong("at least 30 minutes"),
        SHORTEST..=LONGEST => Ok(at),
        _ => wrong("less than 24 hours"),
    }
}

fn address(params: &Params, name: &str) -> Result<Option<String>, ApiError> {
    let Some(text) = params.get(name) else { return Ok(None) };
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Some(text.to_owned())),
        _ => Err(ApiError::request("url_invalid", name, "Not a valid URL")),
    }
}
