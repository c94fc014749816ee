//! Why something did not work, in a sentence.
use crate::model::Trouble;
use shared::Code;

pub(super) const fn because(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Offline => "You seem to be offline.",
        Trouble::Timeout => "Our server takes too long to answer.",
        Trouble::Unreadable => "Our server can't be reached at the moment.",
        Trouble::Refused(code) => refused(code),
    }
}

const fn refused(code: Code) -> &'static str {
    match code {
        Code::SoldOut => {
            "The last seat has just been taken. A held seat may become free again in a few minutes."
        }
        Code::SaleNotOpen => "The sale has not opened yet.",
        Code::SaleClosed => "The sale has closed.",
        Code::SalePaused => "The sale is paused. Please come back later.",
        Code::RateLimited => "That were too many tries. Wait a minute before the next one.",
        Code::CouponUnknown => "This coupon is not known.",
        Code::CouponExpired => "This coupon has expired.",
        Code::CouponUsedUp => "This coupon has been used up.",
        Code::CouponNotForThis => "This coupon is for something else.",
        Code::CouponEmailDomain => "This coupon is for another company's addresses.",
        Code::PriceChanged => "The price has changed.",
        Code::HoldExpired => "Your reservation ran out.",
        Code::PurchaseEnded | Code::UnknownPurchase => "This purchase has ended.",
        Code::InvalidEmail => "The email address can't be right.",
        Code::PaymentsUnavailable => "We couldn't reach our payment provider.",
        Code::UnknownSku => "This is not sold any more.",
        Code::UnknownRoute
        | Code::MethodNotAllowed
        | Code::InvalidRequest
        | Code::MalformedJson
        | Code::UnsupportedMediaType
        | Code::BodyTooLarge
        | Code::IdempotencyKeyReused
        | Code::BadSignature
        | Code::EmbedUnavailable
        | Code::Unavailable
        | Code::InternalError => "Something went wrong on our side.",
    }
}
