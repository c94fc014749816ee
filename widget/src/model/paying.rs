//! One press of the pay button, from the email to Stripe's answer.
use super::{Command, Model, Note, Notice, Stage, Step, Target, Trouble};
use shared::{Challenge, Code, Pay, State};

impl Model {
    pub(super) fn take_email(&mut self, text: String) -> Vec<Command> {
        if text == self.email {
            return Vec::new();
        }
        self.email = text;
        self.email_typed = true;
        if let Stage::Form { note: Some(Note::Email(_)) } = self.stage {
            self.stage = Stage::Form { note: None };
        }
        Vec::new()
    }

    pub(super) fn suggest_email(&mut self, text: String) -> Vec<Command> {
        if !self.email_typed {
            self.email = text;
        }
        Vec::new()
    }

    pub(super) fn press_pay(&mut self) -> Vec<Command> {
        let Stage::Form { .. } = self.stage else { return Vec::new() };
        // Apply a typed code first, unless it was refused: nobody pays a higher price than they expect.
        if !self.is_code_refused() && self.typed_code().is_some() {
            return self.press_code();
        }
        if self.places_open {
            return self.press_team();
        }
        if !could_be_email(self.email.trim()) {
            return self.note(Note::Email(Trouble::Refused(Code::InvalidEmail)));
        }
        self.stage = Stage::Paying(Step::CheckingDetails);
        let mut commands = vec![self.tell(Notice::Paying)];
        if self.due().amount > 0 {
            commands.push(Command::CheckDetails { bought: self.bought() });
        } else {
            commands.extend(self.prepare(None));
        }
        commands
    }

    /// Asks once before the same browser pays for the same offering again. Signed-in learners were told at the offer.
    pub(super) fn accept_details(&mut self, bought: bool) -> Vec<Command> {
        let Stage::Paying(Step::CheckingDetails) = self.stage else { return Vec::new() };
        if bought && !self.told_bought && !self.signed_in && self.team.is_none() {
            self.told_bought = true;
            return self.note(Note::BoughtBefore);
        }
        self.prepare(None)
    }

    pub(super) fn ask_challenge(&mut self, challenge: Challenge) -> Vec<Command> {
        let Stage::Paying(Step::Preparing) = self.stage else { return Vec::new() };
        let mut commands = self.note(Note::Challenge);
        commands.push(Command::ShowChallenge(challenge));
        commands
    }

    /// Continues the payment where it stopped.
    pub(super) fn pass_challenge(&mut self, answer: String) -> Vec<Command> {
        let Stage::Form { note: Some(Note::Challenge) } = self.stage else { return Vec::new() };
        self.prepare(Some(answer))
    }

    pub(super) fn fail_challenge(&mut self) -> Vec<Command> {
        let Stage::Form { note: Some(Note::Challenge) } = self.stage else { return Vec::new() };
        self.note(Note::Trouble(Trouble::Unreadable))
    }

    fn prepare(&mut self, answer: Option<String>) -> Vec<Command> {
        let Some(purchase) = &self.purchase else { return Vec::new() };
        let email = self.email.trim().to_owned();
        let request = Pay { email, name: None, expected_total: purchase.price.total };
        let id = purchase.id.clone();
        self.stage = Stage::Paying(Step::Preparing);
        vec![Command::PreparePayment { id, request, answer }]
    }

    pub(super) fn refuse_details(&mut self, words: Option<String>) -> Vec<Command> {
        let Stage::Paying(_) = self.stage else { return Vec::new() };
        // Without a message, Stripe can't answer at all.
        let Some(words) = words else {
            return self.note(Note::Trouble(Trouble::Refused(Code::PaymentsUnavailable)));
        };
        // Stripe's own form has marked the field and holds the focus.
        self.stage = Stage::Form { note: Some(Note::Details(words)) };
        Vec::new()
    }

    /// Confirms only the amount that the button showed.
    pub(super) fn confirm_payment(&mut self, client_secret: String, total: i64) -> Vec<Command> {
        let (Stage::Paying(Step::Preparing), Some(purchase)) = (&self.stage, &mut self.purchase) else {
            return Vec::new();
        };
        if purchase.price.total != total {
            purchase.price.total = total;
            return self.show_new_price();
        }
        let id = purchase.id.clone();
        self.stage = Stage::Paying(Step::Confirming);
        vec![Command::ConfirmPayment { id, client_secret }]
    }

    pub(super) fn fail_preparing(&mut self, trouble: Trouble) -> Vec<Command> {
        let Stage::Paying(step @ (Step::Preparing | Step::Applying)) = self.stage else { return Vec::new() };
        let told = self.tell(Notice::Error { code: trouble.code() });
        let mut commands = match trouble {
            Trouble::Refused(Code::PriceChanged) => {
                self.stage = Stage::Paying(Step::Repricing);
                self.look()
            }
            Trouble::Refused(Code::HoldExpired) => self.end(State::Expired),
            // It may well have ended because it was paid in another tab.
            Trouble::Refused(Code::PurchaseEnded) => self.check(false),
            trouble if step == Step::Applying && self.applied().is_none() => {
                self.note(Note::Coupon(Some(trouble)))
            }
            Trouble::Refused(Code::InvalidEmail | Code::CouponEmailDomain)
            | Trouble::RefusedFor(Code::CouponEmailDomain | Code::CouponUsedUp, _) => {
                self.note(Note::Email(trouble))
            }
            Trouble::Refused(_)
            | Trouble::RefusedFor(..)
            | Trouble::TooMany { .. }
            | Trouble::Offline
            | Trouble::Timeout
            | Trouble::Unreadable => self.note(Note::Trouble(trouble)),
        };
        commands.insert(0, told);
        commands
    }

    pub(super) fn decline(&mut self, why: Note) -> Vec<Command> {
        let Stage::Paying(Step::Confirming) = self.stage else { return Vec::new() };
        let mut commands = self.note(why);
        commands.insert(0, self.tell(Notice::Declined));
        commands
    }

    pub(super) fn show_new_price(&mut self) -> Vec<Command> {
        let payment = self.show_payment();
        payment.into_iter().chain(self.note(Note::PriceChanged)).collect()
    }

    pub(super) fn note(&mut self, note: Note) -> Vec<Command> {
        let target = match note {
            Note::Email(_) => Target::Email,
            Note::Coupon(Some(_)) => Target::Code,
            Note::Coupon(None) => Target::Redeem,
            Note::Places(_) => Target::Places,
            Note::Team => Target::Team,
            Note::Details(_)
            | Note::Declined(_)
            | Note::Unauthenticated
            | Note::PriceChanged
            | Note::BoughtBefore
            | Note::Challenge
            | Note::Unconfirmed
            | Note::Trouble(_) => Target::Note,
        };
        self.stage = Stage::Form { note: Some(note) };
        self.folded = false;
        vec![Command::Focus(target)]
    }
}

/// Catches typing mistakes. The server parses the email, and its errors show at the same field; its rules need Unicode
/// tables, which are too large for the page.
fn could_be_email(text: &str) -> bool {
    if !text.is_ascii() {
        return true;
    }
    let bytes = text.as_bytes();
    let at = bytes.iter().rposition(|&byte| byte == b'@').unwrap_or_default();
    let dot = bytes.iter().rposition(|&byte| byte == b'.').unwrap_or_default();
    at > 0 && dot > at + 1 && dot + 1 < bytes.len() && !bytes.iter().any(u8::is_ascii_whitespace)
}
