//! Why something failed, in a sentence.
use super::{Key, Words};
use crate::model::Trouble;
use shared::{Code, Reason};

impl Words {
    pub(super) fn because(&self, trouble: Trouble) -> String {
        self.say(match trouble {
            Trouble::Offline => Key::Offline,
            Trouble::Timeout => Key::Timeout,
            Trouble::Unreadable => Key::Unreachable,
            Trouble::Refused(code) => refused(code),
            Trouble::RefusedFor(_, reason) => match reason {
                Reason::Typo => Key::CouponTypo,
                Reason::NotYet => Key::CouponNotYet,
                Reason::Learner => Key::CouponLearner,
                Reason::Minimum => Key::CouponMinimum,
                Reason::OtherEmail => Key::CouponOtherEmail,
                // Only the server knows this reason: pages choose their text by the code.
                #[cfg(not(target_arch = "wasm32"))]
                Reason::Team => Key::CouponOther,
            },
            Trouble::TooMany { seconds } => return self.fill(Key::TooMany, &self.wait(seconds)),
        })
    }

    fn wait(&self, seconds: u32) -> String {
        let minutes = seconds.div_ceil(60).max(1);
        if minutes < 60 {
            return self.count(Key::Minutes, minutes.into());
        }
        self.count(Key::Hours, minutes.div_ceil(60).into())
    }
}

#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(clippy::wildcard_enum_match_arm, reason = "the rest is there on the server alone")
)]
const fn refused(code: Code) -> Key {
    match code {
        Code::SoldOut => Key::RefusedSoldOut,
        Code::SaleNotOpen => Key::RefusedNotOpen,
        Code::SaleClosed => Key::RefusedClosed,
        Code::SalePaused => Key::RefusedPaused,
        Code::RateLimited => Key::RefusedLimit,
        Code::CouponUnknown => Key::CouponUnknown,
        Code::CouponExpired => Key::CouponExpired,
        Code::CouponUsedUp => Key::CouponUsedUp,
        Code::CouponNotForThis => Key::CouponOther,
        Code::CouponEmailDomain => Key::CouponDomain,
        Code::PriceChanged => Key::RefusedPrice,
        Code::HoldExpired => Key::RefusedHold,
        Code::PurchaseEnded => Key::RefusedEnded,
        Code::InvalidEmail => Key::EmailInvalid,
        Code::PaymentsUnavailable => Key::RefusedPayments,
        Code::PaymentRefused => Key::RefusedPayment,
        Code::AmountTooSmall => Key::RefusedAmount,
        Code::UnknownSku => Key::RefusedUnknown,
        _ => Key::OurSide,
    }
}

#[cfg(any(not(target_arch = "wasm32"), feature = "preview"))]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::locales;

    #[test]
    fn a_wait_is_said_as_people_say_it() {
        let words = locales().english().words();
        let said = |seconds| words.because(Trouble::TooMany { seconds });
        assert_eq!(said(1), "Too many attempts. Wait a minute, or use another network.");
        assert_eq!(said(61), "Too many attempts. Wait 2 minutes, or use another network.");
        assert_eq!(said(3540), "Too many attempts. Wait 59 minutes, or use another network.");
        assert_eq!(said(3541), "Too many attempts. Wait an hour, or use another network.");
        assert_eq!(said(4000), "Too many attempts. Wait 2 hours, or use another network.");
    }
}
