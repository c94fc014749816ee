//! The problem for each error.
use super::build::{At, internal, problem};
use super::coupon;
use crate::abuse::Excess;
use crate::checkout::explain;
use crate::error::Error;
use crate::payments::PaymentsError;
use crate::purchase::Refusal;
use shared::{Code, Problem, Sale, TokenRefusal};

/// The problem that the API returns for `error`.
pub(in crate::http) fn describe(error: &Error) -> Problem {
    match error {
        Error::UnknownSku(sku) => problem(
            404,
            Code::UnknownSku,
            "Unknown SKU",
            format!("No offering has the SKU {sku:?}. Check it against the catalogue."),
        )
        .at("sku"),
        Error::UnknownPurchase => problem(
            404,
            Code::UnknownPurchase,
            "Unknown purchase",
            "No purchase has this id. Use the id that POST /v1/purchases answered.",
        ),
        Error::UnknownPack => problem(
            404,
            Code::UnknownRoute,
            "Not found",
            "There are no codes at this address. Ask your seller for the current link.",
        ),
        Error::UnknownRoute => problem(
            404,
            Code::UnknownRoute,
            "Not found",
            "There is no route at this address. GET /openapi.json lists every route.",
        ),
        Error::MethodNotAllowed => problem(
            405,
            Code::MethodNotAllowed,
            "Method not allowed",
            "This route doesn't support that method. GET /openapi.json lists every route.",
        ),
        Error::NotForSale(sale) => not_for_sale(*sale),
        Error::Coupon(refusal) => coupon::describe(refusal),
        Error::Refused(refusal) => refused(refusal),
        Error::InvalidEmail => problem(
            422,
            Code::InvalidEmail,
            "Invalid email",
            "This is not an email address. Write it like name@example.com.",
        )
        .at("email"),
        Error::Token(TokenRefusal::Unavailable) => problem(
            503,
            Code::Unavailable,
            "Unavailable",
            "The sign-in service's keys can't be fetched right now. Continue as a guest, or try again.",
        ),
        Error::Token(refusal) => problem(
            422,
            Code::InvalidRequest,
            "Token refused",
            format!("learner_token: {}. Leave it out to continue as a guest.", explain(*refusal)),
        )
        .at("learner_token"),
        Error::Invalid { field, detail } => {
            problem(422, Code::InvalidRequest, "Invalid request", format!("{field}: {detail}.")).at(field)
        }
        Error::MalformedJson(detail) => problem(400, Code::MalformedJson, "Malformed JSON", detail.clone()),
        Error::UnsupportedMediaType => problem(
            415,
            Code::UnsupportedMediaType,
            "Unsupported media type",
            "Send the body as JSON, with the header `Content-Type: application/json`.",
        ),
        Error::NotAForm => problem(
            415,
            Code::UnsupportedMediaType,
            "Unsupported media type",
            "Send the form as application/x-www-form-urlencoded.",
        ),
        Error::CrossSite => problem(
            403,
            Code::InvalidRequest,
            "Sent from another site",
            "This form can be submitted only from the page at this address. Nothing was done.",
        ),
        Error::BodyTooLarge => {
            problem(413, Code::BodyTooLarge, "Body too large", "Send a body of at most 512 KiB.")
        }
        Error::BodyTooSlow => problem(
            408,
            Code::RequestTimeout,
            "Request timeout",
            "The body arrived too slowly. Send it again; nothing was done.",
        ),
        Error::Busy => problem(
            503,
            Code::Unavailable,
            "Busy",
            "The server is at capacity. Nothing was done. Try again in a few seconds.",
        ),
        Error::TookTooLong => problem(
            503,
            Code::Unavailable,
            "Timeout",
            "The request took too long. GET the purchase to see its state, and try again.",
        ),
        Error::IdempotencyKeyReused => problem(
            409,
            Code::IdempotencyKeyReused,
            "Idempotency key reused",
            "This Idempotency-Key was sent before with another body. Use a new key for a new request.",
        ),
        Error::Unauthorized => problem(
            401,
            Code::Unauthorized,
            "Unauthorized",
            "Send `Authorization: Bearer` with a token made by `redis-checkout tokens create`.",
        ),
        Error::Forbidden(scope) => problem(
            403,
            Code::Forbidden,
            "Forbidden",
            format!(
                "This token lacks the scope {scope}. Create one that has it with `redis-checkout tokens create`."
            ),
        ),
        Error::BadSignature(why) => problem(
            400,
            Code::BadSignature,
            "Bad signature",
            format!("{why}. Check STRIPE_WEBHOOK_SECRETS, and that nothing changes the body in transit."),
        ),
        Error::Payments(error) => payments_failed(error, Charged::Unknown),
        Error::NotCharged(error) => payments_failed(error, Charged::Nothing),
        Error::Grants(_) => problem(
            503,
            Code::Unavailable,
            "Unavailable",
            "The learning platform can't be reached right now. Try again in a few seconds.",
        ),
        Error::TooMany { excess, challenge, .. } => Problem {
            challenge: challenge.as_deref().cloned(),
            ..problem(429, Code::RateLimited, "Too many requests", too_many(*excess, challenge.is_some()))
        },
        Error::EmbedUnavailable => problem(
            503,
            Code::EmbedUnavailable,
            "Widget not built",
            "The widget's assets are missing. Build them with `cargo xtask build-widget` and restart.",
        ),
        Error::Store(error) if error.is_passing() => {
            let detail = "The database can't be reached or is busy. Try again in a few seconds.";
            problem(503, Code::Unavailable, "Unavailable", detail)
        }
        Error::Store(_) => internal(),
    }
}

/// `charged` says what is known about the learner's money.
fn payments_failed(error: &PaymentsError, charged: Charged) -> Problem {
    let known = match charged {
        Charged::Nothing => "Nothing was charged.",
        Charged::Unknown => {
            "We don't know yet whether anything was charged. GET the purchase before anyone pays again."
        }
    };
    match error {
        PaymentsError::EmailRefused => describe(&Error::InvalidEmail),
        PaymentsError::Permanent { code } if code == "amount_too_small" => problem(
            422,
            Code::AmountTooSmall,
            "Amount too small",
            format!(
                "This amount, converted to our account's settlement currency, is below our payment provider's \
                 minimum. {known} The same request will be refused again: the price must change."
            ),
        ),
        PaymentsError::Missing | PaymentsError::Permanent { .. } => problem(
            422,
            Code::PaymentRefused,
            "Payment refused",
            format!(
                "Our payment provider permanently refused the request ({error}). {known} The same request will be \
                 refused again: contact the operator of this checkout."
            ),
        ),
        PaymentsError::Transient { .. } | PaymentsError::Spent { .. } | PaymentsError::OtherState => {
            let again = if charged == Charged::Nothing { " Try again in a few seconds." } else { "" };
            let detail = format!("Our payment provider can't be reached right now. {known}{again}");
            problem(502, Code::PaymentsUnavailable, "Payments unavailable", detail)
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Charged {
    Nothing,
    Unknown,
}

fn not_for_sale(sale: Sale) -> Problem {
    match sale {
        Sale::Open | Sale::SoldOut => problem(
            409,
            Code::SoldOut,
            "Sold out",
            "Every seat is taken. A seat may become free when a hold expires.",
        ),
        Sale::NotOpen => problem(409, Code::SaleNotOpen, "Sale not open", "Sales haven't opened yet."),
        Sale::Closed => problem(409, Code::SaleClosed, "Sale closed", "Sales have closed."),
        Sale::Paused => problem(409, Code::SalePaused, "Sale paused", "Sales are paused. Try again later."),
    }
}

fn refused(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::HoldExpired => problem(
            409,
            Code::HoldExpired,
            "Hold expired",
            "The hold expired before payment. Open a new purchase.",
        ),
        Refusal::AlreadyExtended => problem(
            409,
            Code::AlreadyExtended,
            "Already extended",
            "A hold is extended once. Pay before it ends, or open a new purchase afterwards.",
        ),
        Refusal::HoldNotEnding => problem(
            409,
            Code::HoldNotEnding,
            "Hold not ending",
            "There is more than a minute left. Extend the hold when less is left.",
        ),
        Refusal::Ended => problem(
            409,
            Code::PurchaseEnded,
            "Purchase ended",
            "This purchase is paid, being paid, canceled or refunded. GET it to see which.",
        ),
        Refusal::PaidOtherwise => problem(
            409,
            Code::PurchaseEnded,
            "Paid another way",
            "This purchase is being paid on Stripe's page. Continue there, or cancel it and open a new one.",
        ),
        Refusal::PriceChanged { total } => problem(
            409,
            Code::PriceChanged,
            "Price changed",
            format!("The total is now {total}. Show it, and send it as expected_total."),
        )
        .at("expected_total"),
        Refusal::TooManyDeclines => problem(
            429,
            Code::RateLimited,
            "Too many declines",
            "This purchase was declined too many times and is closed. Open a new one later, or pay another way.",
        ),
        Refusal::RefundTooLarge { left } => problem(
            409,
            Code::InvalidRequest,
            "Refund too large",
            format!("Only {left} can still be refunded."),
        )
        .at("amount"),
        Refusal::NotPaid => {
            problem(409, Code::InvalidRequest, "Not paid", "Nothing was paid, so there is nothing to refund.")
        }
        Refusal::UnderWay => problem(
            409,
            Code::InvalidRequest,
            "In progress",
            "This purchase is still in progress. Wait until it ends, or cancel it.",
        ),
        Refusal::Disputed => problem(
            409,
            Code::InvalidRequest,
            "Disputed",
            "The learner's bank has disputed this payment. Respond to the dispute in Stripe first.",
        ),
    }
}

fn too_many(excess: Excess, challenged: bool) -> &'static str {
    match excess {
        Excess::Requests => "Too many requests from this address. Wait as long as Retry-After says.",
        Excess::AtOnce => "Too many concurrent requests from this address. Wait for some of them to finish.",
        Excess::Purchase => "Too many requests about this purchase. Wait as long as Retry-After says.",
        Excess::Offering => {
            "Many people are buying this right now. Wait as long as Retry-After says, and try again."
        }
        Excess::Opens => {
            "Too many unpaid purchases were opened from this address. Pay for one, or wait as long as Retry-After says. \
             An office that buys for many people can ask for a higher limit."
        }
        Excess::Holds => {
            "Too many purchases from this address are waiting for payment. Pay for or cancel one first."
        }
        Excess::Share => {
            "Too many unpaid seats in this training are held from this address. Pay for some before you hold more."
        }
        Excess::Pays => "Too many payment attempts for this email. Wait as long as Retry-After says.",
        Excess::Declines => {
            "Too many payments were declined. Wait as long as Retry-After says, or pay another way."
        }
        Excess::Emails => {
            "Too many email addresses were tried with this code. Use the first one, or wait as long as Retry-After says."
        }
        Excess::Coupons => "Too many unknown coupon codes were tried. Wait as long as Retry-After says.",
        Excess::CodeEmails => {
            "Too many emails were sent for these codes today. Send the rest tomorrow, or send them yourself."
        }
        Excess::DeclineRun if challenged => {
            "Confirm that you're human: pass the challenge, and send its answer as Challenge-Response."
        }
        Excess::DeclineRun => {
            "Payments are closed to new customers for a while. Wait as long as Retry-After says."
        }
    }
}
