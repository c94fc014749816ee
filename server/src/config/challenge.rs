//! Settings of the challenge for possible bots.
use super::ChallengeConfig;
use super::check::Checker;
use crate::abuse::ChallengeProvider;

impl Checker {
    pub(super) fn challenge(
        &mut self,
        provider: Option<String>,
        site_key: Option<String>,
        secret: Option<String>,
        verify_url: Option<String>,
        script: Option<String>,
    ) -> Option<ChallengeConfig> {
        let Some(name) = provider else {
            if site_key.or(secret).is_some_and(|text| !text.trim().is_empty()) {
                self.mistake(
                    "CHALLENGE_PROVIDER",
                    "is required when CHALLENGE_SITE_KEY or CHALLENGE_SECRET is set: turnstile or hcaptcha",
                );
            }
            return None;
        };
        let Some(provider) = ChallengeProvider::parse(name.trim()) else {
            self.mistake("CHALLENGE_PROVIDER", format_args!("{name:?} must be turnstile or hcaptcha"));
            return None;
        };
        let mut web = |name: &str, text: Option<String>, own: &str| match text {
            Some(text) => {
                self.web(name, &text);
                text
            }
            None => own.to_owned(),
        };
        let verify_url = web("CHALLENGE_URL", verify_url, provider.verify_url());
        let script = web("CHALLENGE_JS_URL", script, provider.script());
        Some(ChallengeConfig {
            provider,
            site_key: self.required("CHALLENGE_SITE_KEY", site_key),
            secret: self.required("CHALLENGE_SECRET", secret),
            verify_url,
            script,
        })
    }
}
