//! The pages to compare: the sandbox's course page with the widget, with the SKU in the script's address, and with the
//! same words as plain HTML.
use anyhow::Context;
use axum::{
    Router,
    http::{HeaderName, header},
    response::{Html, IntoResponse},
    routing::get,
};
use std::collections::BTreeMap;
use tokio::net::TcpListener;

pub(crate) const SKU: &str = "ru-course";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Plain,
    Widget,
    /// With the SKU in the script's address.
    Named,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Plain, Self::Widget, Self::Named];

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Plain => "/plain",
            Self::Widget => "/widget",
            Self::Named => "/named",
        }
    }
}

/// The parts of the pages.
pub(crate) struct Parts {
    /// The sandbox's course page of [`SKU`], and its policy.
    page: String,
    policy: String,
    style: String,
    /// The first screen's HTML without its data.
    card: String,
}

impl Parts {
    /// Reads the parts from the sandbox's course page and from the checkout at `base`.
    pub(crate) async fn read(course: &str, base: &str) -> anyhow::Result<Self> {
        let page = reqwest::get(format!("{course}/courses/{SKU}")).await?.error_for_status()?;
        let policy =
            page.headers().get(header::CONTENT_SECURITY_POLICY).context("a page without a policy")?;
        let policy = policy.to_str()?.to_owned();
        let text = async |address: String| reqwest::get(address).await?.error_for_status()?.text().await;
        let card = text(format!("{base}/embed/card/{SKU}?lang=en")).await?;
        let (_, card) = card.split_once("</script>").context("a first screen without its data")?;
        let style = text(format!("{course}/course.css")).await?;
        Ok(Self { page: page.text().await?, policy, style, card: card.to_owned() })
    }

    fn html(&self, kind: Kind) -> anyhow::Result<String> {
        let page = &self.page;
        match kind {
            Kind::Widget => Ok(page.clone()),
            Kind::Named => {
                anyhow::ensure!(page.contains("/embed/v1.js\""), "the course page has no script");
                Ok(page.replace("/embed/v1.js\"", &format!("/embed/v1.js?sku={SKU}\"")))
            }
            Kind::Plain => {
                let (before, rest) = page.split_once("<redis-checkout").context("no element")?;
                let (_, after) = rest.split_once("</redis-checkout>").context("an open element")?;
                let (head, script) = before.split_once("<script async").context("no script")?;
                let (_, body) = script.split_once("</script>").context("an open script")?;
                Ok([head, body, &self.card, after].concat())
            }
        }
    }
}

/// Serves the pages on `listener` for as long as the bench runs.
pub(crate) fn serve(parts: &Parts, listener: TcpListener) -> anyhow::Result<()> {
    let mut pages = BTreeMap::new();
    for kind in Kind::ALL {
        pages.insert(kind, parts.html(kind)?);
    }
    let mut routes = Router::new();
    for (kind, html) in pages {
        let policy = [(header::CONTENT_SECURITY_POLICY, parts.policy.clone())];
        routes = routes.route(kind.path(), get(async move || (policy, Html(html)).into_response()));
    }
    let style: ([(HeaderName, &str); 1], String) =
        ([(header::CONTENT_TYPE, "text/css")], parts.style.clone());
    routes = routes.route("/course.css", get(async move || style.into_response()));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(())
}
