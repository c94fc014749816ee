//! The page on which a company hands out its codes.
use super::failure::{refusal, said};
use super::field::Field;
use super::form::Form;
use super::language::Language;
use super::{Page, escape, note};
use crate::checkout::{Assigned, TeamPage};
use crate::coupons::{CodeState, MailState, PackCode, PackKey, csv, usable_until};
use crate::error::Error;
use crate::http::Api;
use crate::http::problem::describe;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use shared::{Email, Problem};
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
        (status = 404, body = Problem, description = "`unknown_route`", content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn team(
    State(api): State<Api>,
    Key(key): Key,
    language: Language,
) -> Result<Response, Error> {
    let team = api.checkout.team_page(&key).await?;
    let blank = HandOut::default();
    Ok(Handing { api: &api, language: &language, team: &team, typed: &blank, wrong: None }.page(""))
}

/// Downloads the codes as CSV.
#[utoipa::path(
    get,
    path = "/team/{key}/codes.csv",
    params(("key" = String, Path, description = "The page's key")),
    responses(
        (status = 200, description = "Code, state, whom it is kept for, who used it", content_type = "text/csv"),
        (status = 404, body = Problem, description = "`unknown_route`", content_type = "application/problem+json"),
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
        (status = 403, body = Problem, description = "Sent from another site", content_type = "application/problem+json"),
        (status = 404, body = Problem, description = "`unknown_route`", content_type = "application/problem+json"),
        (status = 415, body = Problem, description = "`unsupported_media_type`", content_type = "application/problem+json"),
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
        Ok(told) => return Ok(handing.page(&told)),
        Err(error) => error,
    };
    let page = match describe(&error).field.as_deref() {
        Some(field @ ("email" | "code" | "emails")) => {
            let text = match field {
                "email" => language.locale.word(SharedWord::EmailInvalid),
                "code" => words.not_found.clone(),
                _ => words.too_many.clone(),
            };
            Handing { typed: &typed, wrong: Some((field, &text)), ..handing }.page("")
        }
        Some(_) | None => {
            let text = said(&language, &error, false);
            Handing { typed: &typed, ..handing }.page(&note(&language, &text))
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

fn told(language: &Language, assigned: Assigned) -> String {
    let words = language.locale.team();
    let Assigned { with, without, unreadable } = assigned;
    let without: Vec<_> = without.iter().map(Email::as_str).collect();
    let lists = [(&words.without, without.join(", ")), (&words.unreadable, unreadable.join(", "))];
    let lists = lists.iter().filter(|(_, emails)| !emails.is_empty());
    let lists: String =
        lists.map(|(text, emails)| format!("<p>{}</p>", escape(&text.replace("{emails}", emails)))).collect();
    let lists =
        if lists.is_empty() { lists } else { format!("<div class=\"note\" role=\"alert\">{lists}</div>") };
    done(&words.assigned.replace("{n}", &with.to_string())) + &lists
}

fn done(text: &str) -> String {
    format!("<div class=\"note\" role=\"status\"><p>{}</p></div>", escape(text))
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
pub(super) fn code_table(language: &Language, team: &TeamPage) -> String {
    let words = language.locale.team();
    let row = |code: PackCode| {
        let (state, said) = match code.state {
            CodeState::Free => ("free", &words.free),
            CodeState::Held => ("held", &words.held),
            CodeState::Used => ("used", &words.used),
            CodeState::Expired => ("expired", &words.expired),
            CodeState::Revoked => ("revoked", &words.revoked),
        };
        let sent = code.mail.map(|mail| match mail {
            MailState::Pending => &words.mail_pending,
            MailState::Sent => &words.mail_sent,
            MailState::Failed => &words.mail_failed,
        });
        let learner = code.used_by.and_then(|(_, learner)| learner).unwrap_or_default();
        format!(
            "<tr class=\"{state}\"><td><code>{}</code></td><td>{}</td><td>{}{}</td><td>{}</td></tr>",
            escape(&code.coupon.terms.shown),
            escape(said),
            escape(&code.coupon.email.unwrap_or_default()),
            sent.map(|said| format!(" <span>{}</span>", escape(said))).unwrap_or_default(),
            escape(&learner),
        )
    };
    let rows: String = masked(team.codes.clone()).into_iter().map(row).collect();
    let heads: String = [&words.code, &words.state, &words.kept_for, &words.used_by]
        .iter()
        .map(|head| format!("<th scope=\"col\">{}</th>", escape(head)))
        .collect();
    // A table wider than a phone scrolls by itself, also by the keyboard.
    format!(
        "<div class=\"codes\" role=\"region\" aria-label=\"{}\" tabindex=\"0\"><table><thead><tr>{heads}</tr></thead>\
         <tbody>{rows}</tbody></table></div>",
        escape(&words.title.replace("{company}", &team.pack.company)),
    )
}

/// A company's page.
struct Handing<'a> {
    api: &'a Api,
    language: &'a Language,
    team: &'a TeamPage,
    /// What stays in the fields, and what is wrong with one of them.
    typed: &'a HandOut,
    wrong: Option<(&'a str, &'a str)>,
}

impl Handing<'_> {
    fn page(&self, notes: &str) -> Response {
        let words = self.language.locale.team();
        let title = words.title.replace("{company}", &self.team.pack.company);
        let count =
            |state: CodeState| self.team.codes.iter().filter(|code| code.state == state).count().to_string();
        let counts = words
            .counts
            .replace("{used}", &count(CodeState::Used))
            .replace("{left}", &count(CodeState::Free))
            .replace("{all}", &self.team.codes.len().to_string());
        let until = usable_until(&self.team.codes).map(|until| {
            let until = self.language.locale.span(until, None);
            format!("<p>{}</p>", escape(&words.until.replace("{time}", &until)))
        });
        let body = format!(
            "<article class=\"card\"><header><h1>{title}</h1><p>{text}</p><p>{counts}</p>{until}</header>{notes}{table}\
             <a class=\"quiet\" href=\"{csv}\">{download}</a>{assign}{change}\
             <footer><p>{how} <a href=\"{buy}\">{open}</a></p><p class=\"hint\">{bookmark}</p></footer></article>",
            title = escape(&title),
            text = escape(&words.text.replace("{title}", &self.team.title)),
            counts = escape(&counts),
            until = until.unwrap_or_default(),
            table = code_table(self.language, self.team),
            csv = self.address("/codes.csv"),
            download = escape(&words.download),
            assign = self.assign_form(),
            change = self.change_form(),
            how = escape(&words.how),
            open = escape(&words.open),
            buy = escape(&format!(
                "{}/buy/{}{}",
                self.api.site.public_url, self.team.pack.sku, self.language.query
            )),
            bookmark = escape(&words.bookmark),
        );
        Page { title: &title, head: "", body: &body }.answer(self.api, self.language)
    }

    fn assign_form(&self) -> String {
        let words = self.language.locale.team();
        let fault = self
            .fault("emails")
            .map(|fault| format!("<p class=\"fault\" id=\"emails-fault\">{}</p>", escape(fault)));
        let invalid = if fault.is_some() { " aria-invalid=\"true\" autofocus" } else { "" };
        format!(
            "<form class=\"form\" method=\"post\" action=\"{action}\"><h2>{heading}</h2>\
             <div class=\"field\"><label for=\"emails\">{label}</label>\
             <textarea id=\"emails\" name=\"emails\" rows=\"4\" dir=\"ltr\" required \
             aria-describedby=\"emails-fault emails-hint\"{invalid}>{pasted}</textarea>{fault}\
             <p class=\"hint\" id=\"emails-hint\">{text}</p></div>{send}\
             <button class=\"button\">{button}</button></form>",
            action = self.address(""),
            heading = escape(&words.assign_heading),
            label = escape(&words.emails),
            pasted = escape(self.typed.emails.as_deref().unwrap_or_default()),
            fault = fault.unwrap_or_default(),
            text = escape(&words.assign_text),
            send = self.send_box(),
            button = escape(&words.assign),
        )
    }

    fn change_form(&self) -> String {
        let words = self.language.locale.team();
        let code = Field {
            name: "code",
            label: &words.code,
            hint: None,
            attributes: "autocomplete=\"off\" spellcheck=\"false\" dir=\"ltr\" required",
            typed: self.typed.code.as_deref().unwrap_or_default(),
            fault: self.fault("code"),
        };
        let email = Field {
            name: "email",
            label: &self.language.locale.word(SharedWord::Email),
            hint: Some(&words.change_text),
            attributes: "type=\"email\" autocomplete=\"off\" dir=\"ltr\"",
            typed: self.typed.email.as_deref().unwrap_or_default(),
            fault: self.fault("email"),
        };
        format!(
            "<form class=\"form\" method=\"post\" action=\"{action}\"><h2>{heading}</h2>{code}{email}{send}\
             <button class=\"quiet\">{button}</button></form>",
            action = self.address(""),
            heading = escape(&words.change_heading),
            code = code.html(),
            email = email.html(),
            send = self.send_box(),
            button = escape(&words.change),
        )
    }

    /// What is wrong with this field.
    fn fault(&self, field: &str) -> Option<&str> {
        self.wrong.filter(|(wrong, _)| *wrong == field).map(|(_, text)| text)
    }

    /// If emails can be sent, they are, unless the company opts out.
    fn send_box(&self) -> String {
        if !self.api.site.sends_mail {
            return String::new();
        }
        let label = escape(&self.language.locale.team().send);
        format!(
            "<label class=\"check\"><input type=\"checkbox\" name=\"send\" value=\"yes\" checked> {label}</label>"
        )
    }

    fn address(&self, rest: &str) -> String {
        let (base, key) = (&self.api.site.public_url, self.team.pack.key.as_str());
        escape(&format!("{base}/team/{key}{rest}{}", self.language.query))
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
