//! Every word that the learner reads, apart from the catalogue's and Stripe's.
mod trouble;

use crate::{
    dates,
    model::{EmailFault, Failure, Model, Note, Stage, Step, Trouble},
};
use shared::{Kind, Money, Offering, Price, Sale, State};
use trouble::because;

pub(crate) const EMAIL: &str = "Email";
pub(crate) const EMAIL_HINT: &str = "Your access is tied to this address.";
pub(crate) const CANCEL: &str = "Cancel";
pub(crate) const HOSTED: &str = "Use our checkout page instead";
#[cfg(target_arch = "wasm32")]
pub(crate) const UNAUTHENTICATED: &str = "Your bank could not confirm that it is you who pays.";
pub(crate) const BACK: &str = "Back to the offer";

/// What the panel in place of the form says, and the way on from there.
pub(crate) struct Panel {
    pub(crate) tone: Tone,
    pub(crate) heading: &'static str,
    pub(crate) text: String,
    pub(crate) way: Way,
}

#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Busy,
    Good,
    Bad,
}

pub(crate) enum Way {
    Wait,
    TryAgain(&'static str),
    StartAgain(&'static str),
    /// A link: what it says and its address.
    Go(&'static str, String),
}

impl Way {
    /// The button's label; empty where there is none.
    pub(crate) const fn button(&self) -> &'static str {
        match self {
            Self::TryAgain(label) | Self::StartAgain(label) => label,
            Self::Wait | Self::Go(..) => "",
        }
    }

    /// The link's label and address; empty where there is none.
    pub(crate) fn link(self) -> (&'static str, String) {
        match self {
            Self::Go(label, address) => (label, address),
            Self::Wait | Self::TryAgain(_) | Self::StartAgain(_) => ("", String::new()),
        }
    }
}

impl Tone {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

pub(crate) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Course => "Course",
        Kind::Lab => "Lab",
        Kind::Exam => "Exam",
        Kind::Live => "Live training",
    }
}

/// The purchase button's label.
pub(crate) fn sale(offering: &Offering) -> String {
    match offering.sale {
        Sale::Open => "Purchase".to_owned(),
        Sale::SoldOut => "Sold out".to_owned(),
        Sale::Closed => "Sales closed".to_owned(),
        Sale::Paused => "Sales paused".to_owned(),
        Sale::NotOpen => match offering.sale_opens_at {
            Some(at) => ["Opens ", &dates::moment(at)].concat(),
            None => "Not on sale yet".to_owned(),
        },
    }
}

/// The line under the purchase button.
pub(crate) fn promise(model: &Model) -> String {
    let words = match model.stage {
        Stage::Offer { note: Some(trouble) } => return because(trouble),
        Stage::Offer { note: None } if model.screen.offering.sale == Sale::SoldOut => {
            "A seat that somebody holds may become free again. You will see it here at once."
        }
        Stage::Offer { note: None }
        | Stage::Opening
        | Stage::Form { .. }
        | Stage::Paying(_)
        | Stage::Checking { .. }
        | Stage::Processing
        | Stage::Paid { .. }
        | Stage::Granted { .. }
        | Stage::Over(_)
        | Stage::Failed(_) => "Secure payment by Stripe. Access starts right after.",
    };
    words.to_owned()
}

/// How many seats are left; empty where there is no limit.
pub(crate) fn seats(model: &Model) -> String {
    let Some(seats) = model.screen.offering.seats else { return String::new() };
    match (seats.left, &model.purchase) {
        // One's own hold must not read as sold out.
        (..=0, Some(_)) => "Your seat is reserved".to_owned(),
        (..=0, None) => "No seats left".to_owned(),
        (1, _) => "Last seat".to_owned(),
        (left, _) => [&left.to_string(), " seats left"].concat(),
    }
}

/// How the total came about; empty where it is simply the list price.
pub(crate) fn sums(model: &Model) -> String {
    let Some(Price { currency, list, discount, tax, .. }) =
        model.purchase.as_ref().map(|own| own.price.clone())
    else {
        return String::new();
    };
    let part = |amount: i64, what| match amount {
        0 => String::new(),
        amount => [Money { amount, currency }.to_string().as_str(), what].concat(),
    };
    match (discount, tax) {
        (0, 0) => String::new(),
        (_, _) => [part(list, " list price"), part(discount, " off"), part(tax, " tax")].join("  "),
    }
}

/// Empty where no seat is held.
pub(crate) fn held(model: &Model) -> String {
    match (model.hold_seconds(), &model.screen.offering.seats, &model.purchase) {
        (Some(0), ..) => "Your reservation is running out…".to_owned(),
        (Some(seconds), ..) => {
            let rest = seconds % 60;
            let padding = if rest < 10 { ":0" } else { ":" };
            let time = [&(seconds / 60).to_string(), padding, &rest.to_string()].concat();
            ["Your seat is held for another ", &time, "."].concat()
        }
        (None, Some(_), Some(purchase)) => {
            ["Your seat is held until ", &dates::local_time(purchase.hold_expires_at), "."].concat()
        }
        (None, _, _) => String::new(),
    }
}

/// The pay button's label.
pub(crate) fn pay(model: &Model) -> String {
    match model.stage {
        Stage::Paying(Step::CheckingDetails | Step::Preparing | Step::Confirming) => "Paying…".to_owned(),
        Stage::Paying(Step::Repricing) => "Checking the price…".to_owned(),
        Stage::Offer { .. }
        | Stage::Opening
        | Stage::Form { .. }
        | Stage::Checking { .. }
        | Stage::Processing
        | Stage::Paid { .. }
        | Stage::Granted { .. }
        | Stage::Over(_)
        | Stage::Failed(_) => {
            let due = model.due();
            if due.amount > 0 { ["Pay ", &due.to_string()].concat() } else { "Get access".to_owned() }
        }
    }
}

/// What is wrong with the email; empty where nothing is.
pub(crate) fn fault(model: &Model) -> String {
    let Stage::Form { note: Some(Note::Email(fault)) } = model.stage else { return String::new() };
    let words = match fault {
        EmailFault::Invalid => "Enter an email address like name@example.com.",
        EmailFault::Domain => "This coupon is for another company's addresses. Use your work email.",
    };
    words.to_owned()
}

/// What the form says besides its email field; empty where it says nothing.
pub(crate) fn note(model: &Model) -> String {
    let Stage::Form { note: Some(note) } = &model.stage else { return String::new() };
    match note {
        Note::Email(_) => String::new(),
        Note::Details(words) => words.clone(),
        Note::Declined(words) => {
            let words = if words.is_empty() { "Your payment was declined." } else { words };
            [words, " You have not been charged. You can try again or pay another way."].concat()
        }
        Note::PriceChanged => {
            let price = model.due().to_string();
            ["The price is now ", &price, ". You have not been charged. Pay again if that is right."].concat()
        }
        Note::Unconfirmed => "The payment has not gone through so far. It is safe to try again: \
            you are never charged twice for one purchase."
            .to_owned(),
        Note::Challenge => "Please show that you are human. The payment then goes on by itself.".to_owned(),
        Note::Trouble(Trouble::TooMany { seconds }) => {
            [&because(Trouble::TooMany { seconds: *seconds }), " You have not been charged."].concat()
        }
        Note::Trouble(trouble) => [&because(*trouble), " You have not been charged. Try again."].concat(),
    }
}

/// Said to a screen reader where the focus stays.
pub(crate) fn status(model: &Model) -> String {
    let words = match model.stage {
        Stage::Opening => "Opening the checkout…",
        Stage::Paying(Step::Repricing) => "Checking the price…",
        Stage::Paying(Step::CheckingDetails | Step::Preparing | Step::Confirming) => "Paying…",
        Stage::Offer { note: Some(trouble) } => return because(trouble),
        Stage::Paid { slow: true } => "Access is on its way.",
        Stage::Form { .. } if model.is_last_call() => "Your seat is held for less than a minute.",
        Stage::Offer { note: None }
        | Stage::Form { .. }
        | Stage::Checking { .. }
        | Stage::Processing
        | Stage::Paid { slow: false }
        | Stage::Granted { .. }
        | Stage::Over(_)
        | Stage::Failed(_) => "",
    };
    words.to_owned()
}

pub(crate) fn panel(model: &Model) -> Panel {
    let status_page = || match &model.purchase {
        Some(purchase) => Way::Go("Open the status page", [&model.screen.api, "/p/", &purchase.id].concat()),
        None => Way::Wait,
    };
    let panel = |tone, heading, text: &str, way| Panel { tone, heading, text: text.to_owned(), way };
    match &model.stage {
        Stage::Checking { .. } | Stage::Paid { .. } | Stage::Processing if model.misses > 2 => panel(
            Tone::Busy,
            "Waiting for the connection",
            "We can't reach our server and keep trying. Nothing is lost: your purchase is recorded.",
            status_page(),
        ),
        Stage::Checking { sure: true, .. } => {
            panel(Tone::Busy, "Confirming your payment", "This takes a few seconds.", Way::Wait)
        }
        Stage::Checking { sure: false, .. } => panel(
            Tone::Busy,
            "Checking your payment",
            "The connection broke off, so we are asking Stripe how it went. Please don't pay again yet.",
            Way::Wait,
        ),
        Stage::Processing => panel(
            Tone::Busy,
            "Your payment is being processed",
            "Some ways to pay take longer. Access starts as soon as the payment is through.",
            status_page(),
        ),
        Stage::Paid { slow: false } => {
            panel(Tone::Good, "Payment received", "Your access is on its way.", Way::Wait)
        }
        Stage::Paid { slow: true } => panel(
            Tone::Good,
            "Payment received",
            "Access is on its way and takes a little longer. Keep this page open, or come back to the status page.",
            status_page(),
        ),
        Stage::Granted { access_url } => {
            let way = access_url.clone().map_or(Way::Wait, |url| Way::Go("Start learning", url));
            panel(Tone::Good, "You're in", "Your payment is received and your access is ready.", way)
        }
        Stage::Over(state) => over(*state),
        Stage::Failed(failure) => failed(*failure),
        Stage::Offer { .. } | Stage::Opening | Stage::Form { .. } | Stage::Paying(_) => {
            panel(Tone::Busy, "", "", Way::Wait)
        }
    }
}

fn over(state: State) -> Panel {
    let (heading, text, way) = match state {
        State::Expired => {
            ("Your reservation ran out", "You have not been charged.", Way::StartAgain("Start again"))
        }
        State::Refunding => {
            ("Your refund is on its way", "This purchase is being refunded in full.", Way::StartAgain(BACK))
        }
        State::Refunded => {
            ("This purchase was refunded", "The money is back with your bank soon.", Way::StartAgain(BACK))
        }
        State::Canceled | State::Held | State::Paying | State::Processing | State::Paid | State::Granted => {
            ("This purchase has ended", "You have not been charged for it.", Way::StartAgain("Start again"))
        }
    };
    Panel { tone: Tone::Bad, heading, text: text.to_owned(), way }
}

fn failed(failure: Failure) -> Panel {
    let (heading, text, way) = match failure {
        Failure::Opening(trouble) => {
            ("The checkout could not be opened", because(trouble), Way::TryAgain("Try again"))
        }
        Failure::Coupon(code) => (
            "The coupon can't be used",
            because(Trouble::Refused(code)),
            Way::TryAgain("Continue without the coupon"),
        ),
        Failure::Stripe => (
            "The payment form could not be loaded",
            "Stripe, our payment provider, may be blocked by an extension or a network. You have not been charged."
                .to_owned(),
            Way::TryAgain("Try again"),
        ),
    };
    Panel { tone: Tone::Bad, heading, text, way }
}
