//! A browser without JavaScript: it opens pages and submits their forms.
use crate::{Answer, TestApp};
use reqwest::redirect::Policy;

/// Sees only what a person sees, and follows no redirect by itself.
pub struct PlainBrowser {
    client: reqwest::Client,
    /// The client that a proxy says it speaks for.
    address: Option<String>,
    languages: String,
}

/// A form on a page.
#[derive(Clone, Debug)]
pub struct HtmlForm {
    pub action: String,
    /// Names and values, hidden fields included.
    pub fields: Vec<(String, String)>,
}

impl Default for PlainBrowser {
    fn default() -> Self {
        let client = reqwest::Client::builder().redirect(Policy::none()).build().expect("a client");
        Self { client, address: None, languages: "en".to_owned() }
    }
}

impl PlainBrowser {
    /// A browser at another address, behind a proxy.
    pub fn at(address: &str) -> Self {
        Self { address: Some(address.to_owned()), ..Self::default() }
    }

    /// A browser that prefers `languages`, such as `de,en;q=0.5`.
    pub fn speaking(languages: &str) -> Self {
        Self { languages: languages.to_owned(), ..Self::default() }
    }

    pub async fn get(&self, address: &str) -> Answer {
        self.send(self.client.get(address)).await
    }

    /// Presses the button of `form`.
    pub async fn submit(&self, form: &HtmlForm) -> Answer {
        self.submit_from("same-origin", form).await
    }

    /// The same, from a page whose relation to ours (`Sec-Fetch-Site`) is `site`.
    pub async fn submit_from(&self, site: &str, form: &HtmlForm) -> Answer {
        let request = self.client.post(&form.action).form(&form.fields);
        self.send(request.header("sec-fetch-site", site).header("origin", "null")).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request
            .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("accept-language", &self.languages);
        let request = match &self.address {
            Some(address) => request.header("x-forwarded-for", address),
            None => request,
        };
        Answer::read(request.send().await.expect("an answer")).await
    }
}

impl HtmlForm {
    /// The form of `page` whose action ends in `ending`, with the current values of its fields.
    pub fn find(page: &str, ending: &str) -> Option<Self> {
        page.split("<form").skip(1).map(|rest| rest.split("</form>").next().unwrap_or_default()).find_map(
            |form| {
                let action = attribute(form, "action")?;
                let path = action.split('?').next().unwrap_or_default();
                let fields = form.split("<input").skip(1).filter_map(|input| {
                    let input = input.split('>').next()?;
                    Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default()))
                });
                path.ends_with(ending).then(|| Self { action: action.clone(), fields: fields.collect() })
            },
        )
    }

    /// With `value` typed into `name`.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The value of the field `name`.
    pub fn value(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

impl TestApp {
    /// The form that sells `sku`.
    pub async fn buy_form(&self, browser: &PlainBrowser, sku: &str) -> HtmlForm {
        let page = browser.get(&format!("{}/buy/{sku}", self.base())).await.expect(200);
        HtmlForm::find(&page.text, &format!("/buy/{sku}")).expect("a form")
    }

    /// Submits that form. Returns the purchase's id and the address of Stripe's hosted page.
    pub async fn buy_without_javascript(&self, sku: &str) -> (String, String) {
        let browser = PlainBrowser::default();
        let form = self.buy_form(&browser, sku).await.with("email", "ada@example.com");
        let sent = browser.submit(&form).await.expect(303);
        (purchase_of(&self.sandbox, sent.header("location")), sent.header("location").to_owned())
    }
}

/// The purchase that Stripe's hosted page at `address` leads back to.
pub fn purchase_of(sandbox: &sandbox::Sandbox, address: &str) -> String {
    let sessions = sandbox.stripe().sessions();
    let id = address.rsplit('/').next().unwrap_or_default();
    let session = sessions.iter().find(|session| session["id"] == id).expect("a session");
    let back = session["success_url"].as_str().expect("an address");
    let path = back.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
    let value = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    Some(value.replace("&#39;", "'").replace("&amp;", "&"))
}
