//! Turnstile and hCaptcha. The only file that knows their APIs.
use crate::outbound;
use reqwest::Client;
use serde::Deserialize;
use std::time::Duration;

/// The provider that shows the challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeProvider {
    /// <https://developers.cloudflare.com/turnstile/get-started/server-side-validation/>
    Turnstile,
    /// <https://docs.hcaptcha.com/#verify-the-user-response-server-side>
    Hcaptcha,
}

/// Asks learners to prove that they are human (`CHALLENGE_…`).
#[derive(Clone)]
pub struct Challenge {
    client: Client,
    provider: ChallengeProvider,
    site_key: String,
    secret: String,
    verify_url: String,
    script: String,
}

#[derive(Deserialize)]
struct Verdict {
    success: bool,
}

impl ChallengeProvider {
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "turnstile" => Some(Self::Turnstile),
            "hcaptcha" => Some(Self::Hcaptcha),
            _ => None,
        }
    }

    /// The global variable of its script in the page.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Turnstile => "turnstile",
            Self::Hcaptcha => "hcaptcha",
        }
    }

    /// Where answers are verified.
    #[must_use]
    pub fn verify_url(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
            Self::Hcaptcha => "https://api.hcaptcha.com/siteverify",
        }
    }

    /// Origins that a page's Content Security Policy must allow for scripts, frames and connections, as the provider
    /// documents.
    #[must_use]
    pub fn origins(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com",
            Self::Hcaptcha => "https://hcaptcha.com https://*.hcaptcha.com",
        }
    }

    /// The script that the page loads.
    #[must_use]
    pub fn script(self) -> &'static str {
        match self {
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/api.js?render=explicit",
            Self::Hcaptcha => "https://js.hcaptcha.com/1/api.js?render=explicit",
        }
    }
}

impl Challenge {
    /// `verify_url` and `script` are the provider's own, or a stand-in's.
    pub fn new(
        provider: ChallengeProvider,
        site_key: String,
        secret: String,
        verify_url: String,
        script: String,
    ) -> anyhow::Result<Self> {
        let client = outbound::client(Duration::from_secs(5))?;
        Ok(Self { client, provider, site_key, secret, verify_url, script })
    }

    /// The data a page needs to show it.
    #[must_use]
    pub fn shown(&self) -> shared::Challenge {
        shared::Challenge {
            provider: self.provider.name().to_owned(),
            site_key: self.site_key.clone(),
            script: self.script.clone(),
        }
    }

    /// Whether the provider accepts this answer; `false` if the provider can't be asked.
    pub async fn is_passed(&self, answer: &str) -> bool {
        let form = [("secret", self.secret.as_str()), ("response", answer)];
        let asked =
            async { self.client.post(&self.verify_url).form(&form).send().await?.json::<Verdict>().await };
        match asked.await {
            Ok(verdict) => verdict.success,
            Err(error) => {
                tracing::error!(alert = true, error = %error.without_url(), "failed to verify a challenge");
                false
            }
        }
    }
}
