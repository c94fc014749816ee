//! The page on which a company hands out its codes.
use super::failure::{refusal, said};
use super::field::{Field, Input};
use super::form::Form;
use super::language::Language;
use super::{Page, note};
use crate::checkout::{Assigned, TeamPage};
use crate::coupons::{CodeState, MailState, PackCode, PackKey, csv, usable_until};
use crate::error::Error;
use crate::http::Api;
use crate::http::problem::describe;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use shared::Email;
use widget::SharedWord;

/// The page's key in the path. A malformed key is reported as an unknown one.
pub(in crate::http) struct Key(PackKey);

/// Shows the codes of a pack, whom they are assigned to, and forms to hand them out.
#[utoipa::path(
    get,
    path = "/team/{key}",
    params(
        ("key" = String, Path, description = "Opens the page: tell nobody outside the company"),
        ("lang" = Option<String>, Query, description = "BCP 47 tag; `Accept-Language` counts where there is none")
    ),
    responses(
        (status = 200, description = "The page", content_type = "text/html"),
        (status = 404, description = "`unknown_route`"),
    )
)]
pub(in crate::http) async fn team(
    State(api): State<Api>,
    Key(key): Key,
    language: Language,
) -> Result<Response, Error> {
    let team = api.checkout.team_page(&key).await?;
    let blank = HandOut::default();
    Ok(Handing { api: &api, language: &language, team: &team, typed: &blank, wrong: None }.page(None))
}

/// Downloads the codes as CSV.
#[utoipa::path(
    get,
    path = "/team/{key}/codes.csv",
    params(("key" = String, Path, description = "The page's key")),
    responses(
        (status = 200, description = "Code, state, whom it is kept for, who used it", content_type = "text/csv"),
        (status = 404, description = "`unknown_route`"),
    )
)]
pub(in crate::http) async fn download(
    State(api): State<Api>,
    Key(key): Key,
) -> Result<impl IntoResponse, Error> {
    let team = api.checkout.team_page(&key).await?;
    let name = format!("attachment; filename=\"{}.csv\"", team.pack.id);
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, csv(&masked(team.codes))))
}

/// Hands out codes.
/// With `emails`, assigns a free code to each; with `code`, assigns that code to `email`, or to whoever has it if
/// `email` is missing.
#[utoipa::path(
    post,
    path = "/team/{key}",
    params(("key" = String, Path, description = "The page's key")),
    request_body(content = HandOut, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The page, with what was done", content_type = "text/html"),
        (status = 403, description = "Sent from another site"),
        (status = 404, description = "`unknown_route`"),
        (status = 415, description = "`unsupported_media_type`"),
        (status = 422, description = "No such code or email, or too many of them", content_type = "text/html"),
    )
)]
pub(in crate::http) async fn hand_out(
    State(api): State<Api>,
    Key(key): Key,
    language: Language,
    form: Form,
) -> Result<Response, Error> {
    let words = language.locale.team();
    let typed = HandOut::read(&form);
    let lang = language.locale.lang();
    let send = (api.site.sends_mail && typed.send.is_some()).then_some(lang.as_str());
    let outcome = match &typed {
        HandOut { emails: None, code: Some(code), email, .. } => {
            let outcome = api.checkout.reassign_code(&key, code, email.as_deref(), send).await;
            outcome.map(|()| done(&words.changed))
        }
        HandOut { emails, .. } => {
            let emails = emails.as_deref().unwrap_or_default();
            api.checkout.assign_codes(&key, emails, send).await.map(|assigned| told(&language, assigned))
        }
    };
    let team = api.checkout.team_page(&key).await?;
    let blank = HandOut::default();
    let handing = Handing { api: &api, language: &language, team: &team, typed: &blank, wrong: None };
    let error = match outcome {
        Ok(told) => return Ok(handing.page(Some(told))),
        Err(error) => error,
    };
    let page = match describe(&error).field.as_deref() {
        Some(field @ ("email" | "code" | "emails")) => {
            let text = match field {
                "email" => language.locale.word(SharedWord::EmailInvalid),
                "code" => words.not_found.clone(),
                _ => words.too_many.clone(),
            };
            Handing { typed: &typed, wrong: Some((field, &text)), ..handing }.page(None)
        }
        Some(_) | None => {
            let text = said(&language, &error, false);
            Handing { typed: &typed, ..handing }.page(Some(note(&language, &text)))
        }
    };
    Ok(refusal(error, page))
}

/// The fields of the page's forms.
#[derive(Default, utoipa::ToSchema)]
pub(in crate::http) struct HandOut {
    /// Up to 500 emails, as pasted.
    emails: Option<String>,
    code: Option<String>,
    email: Option<String>,
    /// Set if each learner should be emailed their code.
    send: Option<String>,
}

impl HandOut {
    fn read(form: &Form) -> Self {
        let [emails, code, email, send] = ["emails", "code", "email", "send"].map(|name| form.get(name));
        Self { emails, code, email, send }
    }
}

fn told(language: &Language, assigned: Assigned) -> Markup {
    let words = language.locale.team();
    let Assigned { with, without, unreadable } = assigned;
    let without: Vec<_> = without.iter().map(Email::as_str).collect();
    let lists = [(&words.without, without.join(", ")), (&words.unreadable, unreadable.join(", "))];
    let lists: Vec<_> = lists.into_iter().filter(|(_, emails)| !emails.is_empty()).collect();
    html! {
        (done(&words.assigned.replace("{n}", &with.to_string())))
        @if !lists.is_empty() {
            div class="note" role="alert" {
                @for (text, emails) in lists { p { (text.replace("{emails}", &emails)) } }
            }
        }
    }
}

fn done(text: &str) -> Markup {
    html! { div class="note" role="status" { p { (text) } } }
}

/// Masks the emails of learners whom the company never named; those that it gave us are its own.
fn masked(codes: Vec<PackCode>) -> Vec<PackCode> {
    let mask = |mut code: PackCode| {
        if let Some((_, Some(learner))) = &mut code.used_by
            && code.coupon.email.as_ref() != Some(learner)
        {
            *learner = Email::parse(learner).map(|email| email.masked()).unwrap_or_default();
        }
        code
    };
    codes.into_iter().map(mask).collect()
}

/// The codes of `team` as a table, for this page and for the purchase's.
pub(super) fn code_table(language: &Language, team: &TeamPage) -> Markup {
    let words = language.locale.team();
    let state = |state: CodeState| match state {
        CodeState::Free => ("free", &words.free),
        CodeState::Held => ("held", &words.held),
        CodeState::Used => ("used", &words.used),
        CodeState::Expired => ("expired", &words.expired),
        CodeState::Revoked => ("revoked", &words.revoked),
    };
    let sent = |mail: MailState| match mail {
        MailState::Pending => &words.mail_pending,
        MailState::Sent => &words.mail_sent,
        MailState::Failed => &words.mail_failed,
    };
    html! {
        // A table wider than a phone scrolls by itself, also by the keyboard.
        div class="codes" role="region" aria-label=(title(language, team)) tabindex="0" {
            table {
                thead {
                    tr {
                        @for head in [&words.code, &words.state, &words.kept_for, &words.used_by] {
                            th scope="col" { (head) }
                        }
                    }
                }
                tbody {
                    @for code in masked(team.codes.clone()) {
                        @let (class, said) = state(code.state);
                        tr class=(class) {
                            td { code { (code.coupon.terms.shown) } }
                            td { (said) }
                            td {
                                (code.coupon.email.unwrap_or_default())
                                @if let Some(mail) = code.mail { " " span { (sent(mail)) } }
                            }
                            td { (code.used_by.and_then(|(_, learner)| learner).unwrap_or_default()) }
                        }
                    }
                }
            }
        }
    }
}

fn title(language: &Language, team: &TeamPage) -> String {
    language.locale.team().title.replace("{company}", &team.pack.company)
}

/// A company's page.
struct Handing<'a> {
    api: &'a Api,
    language: &'a Language,
    team: &'a TeamPage,
    /// The text that stays in the fields, and the error at one of them.
    typed: &'a HandOut,
    wrong: Option<(&'a str, &'a str)>,
}

impl Handing<'_> {
    fn page(&self, notes: Option<Markup>) -> Response {
        let (language, words) = (self.language, self.language.locale.team());
        let (links, pack) = (self.api.site.links(), &self.team.pack);
        let title = title(language, self.team);
        let codes = &self.team.codes;
        let used = codes.iter().filter(|code| code.state == CodeState::Used).count();
        let assigned = codes.iter().filter(|code| code.coupon.email.is_some()).count();
        let counts = words
            .counts
            .replace("{used}", &used.to_string())
            .replace("{assigned}", &assigned.to_string())
            .replace("{all}", &codes.len().to_string());
        let until = usable_until(&self.team.codes)
            .map(|until| words.until.replace("{time}", &language.locale.span(until, None)));
        let body = html! {
            article class="card" {
                header {
                    h1 { (title) }
                    p { (words.text.replace("{title}", &self.team.title)) }
                    p { (counts) }
                    @if let Some(until) = until { p { (until) } }
                }
                @if let Some(notes) = notes { (notes) }
                (code_table(language, self.team))
                a class="quiet" href=(links.team_csv(&pack.key, &language.query)) { (words.download) }
                (self.assign_form())
                (self.change_form())
                footer {
                    p { (words.how) " " a href=(links.buy(&pack.sku, &language.query)) { (words.open) } }
                    p class="hint" { (words.bookmark) }
                }
            }
        };
        Page { title: &title, body }.answer(self.api, language)
    }

    fn assign_form(&self) -> Markup {
        let words = self.language.locale.team();
        let fault = self.fault("emails");
        html! {
            form class="form" method="post" action=(self.address()) {
                h2 { (words.assign_heading) }
                div class="field" {
                    label for="emails" { (words.emails) }
                    textarea id="emails" name="emails" rows="4" dir="ltr" required
                        aria-describedby="emails-fault emails-hint" aria-invalid=[fault.map(|_| "true")]
                        autofocus[fault.is_some()] { (self.typed.emails.as_deref().unwrap_or_default()) }
                    @if let Some(fault) = fault { p class="fault" id="emails-fault" { (fault) } }
                    p class="hint" id="emails-hint" { (words.assign_text) }
                }
                (self.send_box())
                // Without a mail server, the company passes the codes on itself.
                button class="button" {
                    (if self.api.site.sends_mail { &words.assign } else { &words.assign_only })
                }
            }
        }
    }

    fn change_form(&self) -> Markup {
        let words = self.language.locale.team();
        let code = Field {
            name: "code",
            label: &words.code,
            hint: None,
            input: Input {
                autocomplete: Some("off"),
                spellcheck: Some("false"),
                dir: Some("ltr"),
                required: true,
                ..Input::default()
            },
            typed: self.typed.code.as_deref().unwrap_or_default(),
            fault: self.fault("code"),
        };
        let email = Field {
            name: "email",
            label: &self.language.locale.word(SharedWord::Email),
            hint: Some(&words.change_text),
            input: Input {
                kind: Some("email"),
                autocomplete: Some("off"),
                dir: Some("ltr"),
                ..Input::default()
            },
            typed: self.typed.email.as_deref().unwrap_or_default(),
            fault: self.fault("email"),
        };
        html! {
            form class="form" method="post" action=(self.address()) {
                h2 { (words.change_heading) }
                (code.html()) (email.html()) (self.send_box())
                button class="quiet" { (words.change) }
            }
        }
    }

    /// The error at this field.
    fn fault(&self, field: &str) -> Option<&str> {
        self.wrong.filter(|(wrong, _)| *wrong == field).map(|(_, text)| text)
    }

    /// If emails can be sent, they are, unless the company opts out.
    fn send_box(&self) -> Markup {
        html! {
            @if self.api.site.sends_mail {
                label class="check" {
                    input type="checkbox" name="send" value="yes" checked;
                    " " (self.language.locale.team().send)
                }
            }
        }
    }

    fn address(&self) -> String {
        self.api.site.links().team(&self.team.pack.key, &self.language.query)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| Error::UnknownPack)?;
        PackKey::parse(&text).map(Self).ok_or(Error::UnknownPack)
    }
}
