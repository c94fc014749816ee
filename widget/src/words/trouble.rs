//! Why something did not work, in a sentence.
use crate::model::Trouble;
use shared::Code;

pub(super) fn because(trouble: Trouble) -> String {
    let words = match trouble {
        Trouble::Offline => "You seem to be offline.",
        Trouble::Timeout => "Our server takes too long to answer.",
        Trouble::Unreadable => "Our server can't be reached at the moment.",
        Trouble::Refused(code) => refused(code),
        Trouble::TooMany { seconds } => {
            return ["Too many tries. Please wait ", &wait(seconds), "."].concat();
        }
    };
    words.to_owned()
}

fn wait(seconds: u32) -> String {
    match seconds.div_ceil(60) {
        0 | 1 => "a minute".to_owned(),
        minutes @ 2..60 => [&minutes.to_string(), " minutes"].concat(),
        minutes => match minutes.div_ceil(60) {
            1 => "an hour".to_owned(),
            hours => [&hours.to_string(), " hours"].concat(),
        },
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
        Code::RateLimited => "Too many tries. Please wait a while before the next one.",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_said_as_people_say_it() {
        let said = |seconds| because(Trouble::TooMany { seconds });
        assert_eq!(said(1), "Too many tries. Please wait a minute.");
        assert_eq!(said(61), "Too many tries. Please wait 2 minutes.");
        assert_eq!(said(3540), "Too many tries. Please wait 59 minutes.");
        assert_eq!(said(3600), "Too many tries. Please wait an hour.");
        assert_eq!(said(4000), "Too many tries. Please wait 2 hours.");
    }
}
