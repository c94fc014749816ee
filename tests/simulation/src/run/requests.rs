//! Requests as they come from afar: through the real routes, with a body that comes in two pieces or breaks off.
use super::*;
use crate::world::Gate;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode, header};
use futures_util::stream;
use redis_checkout::admission::{Admission, AdmissionLimits};
use redis_checkout::http::{self, Api, Parts, Site};
use redis_checkout::purchase::PaymentMethods;
use std::io;
use tower::ServiceExt;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A request that one server begins to receive.
pub(super) struct Slow {
    router: Router,
    request: Request<Body>,
    breaks_off: bool,
}

impl Run {
    /// Now and then sends what would otherwise be one call as a slow request.
    pub(super) fn is_slow(&self) -> bool {
        self.world.lock().faulty && self.happens(8)
    }

    pub(super) fn slow_json(
        &mut self,
        instance: usize,
        path: &str,
        body: &impl Serialize,
        key: &str,
    ) -> Slow {
        let body = serde_json::to_vec(body).unwrap_or_default();
        self.slow(instance, path, JSON, key, body.into())
    }

    pub(super) fn slow_form(&mut self, instance: usize, path: &str, body: String) -> Slow {
        self.slow(instance, path, FORM, "", body.into())
    }

    /// Everything may happen between the two pieces, including that the second never comes.
    fn slow(&mut self, instance: usize, path: &str, kind: &str, key: &str, mut body: Bytes) -> Slow {
        let rest = body.split_off(self.pick(body.len()));
        let breaks_off = self.happens(50);
        self.tell(|| format!("    sent slowly, {} bytes at first, breaks off: {breaks_off}", body.len()));
        let world = self.world.clone();
        let late = stream::once(async move {
            Gate::new(&world).await;
            if breaks_off { Err(io::Error::from(io::ErrorKind::ConnectionReset)) } else { Ok(rest) }
        });
        let pieces = stream::iter([Ok(body)]).chain(late);
        let request = Request::post(path).header(header::CONTENT_TYPE, kind);
        let request = if key.is_empty() { request } else { request.header("idempotency-key", key) };
        let request = request.body(Body::from_stream(pieces)).unwrap_or_default();
        Slow { router: self.router(instance), request, breaks_off }
    }

    fn router(&mut self, instance: usize) -> Router {
        let checkout = &self.instances[instance];
        self.routers[instance].get_or_insert_with(|| http::router(api(checkout.clone()))).clone()
    }
}

impl Slow {
    /// The answer, or why there is none. Breaks an invariant if the server carries out half a request. A server that
    /// is killed in the middle answers 500 here and lives on, as after a panic.
    pub(super) async fn answer(self, world: &World) -> Result<Bytes, String> {
        let Ok(response) = self.router.oneshot(self.request).await;
        let (status, body) = (response.status(), response.into_body());
        if self.breaks_off && status.as_u16() < StatusCode::BAD_REQUEST.as_u16() {
            world.lock().broken.push(format!("half a request was answered {status}"));
        }
        let body = to_bytes(body, usize::MAX).await.map_err(|error| error.to_string())?;
        if status.is_success() { Ok(body) } else { Err(String::from_utf8_lossy(&body).into_owned()) }
    }

    pub(super) async fn json<T: DeserializeOwned>(self, world: &World) -> Result<T, String> {
        let body = self.answer(world).await?;
        serde_json::from_slice(&body).map_err(|error| error.to_string())
    }
}

fn api(checkout: Checkout) -> Api {
    let most = 1000;
    let limits = AdmissionLimits {
        connections: most,
        streams: most,
        requests: most,
        pays: most,
        webhooks: most,
        body_bytes: 1 << 20,
    };
    let site = Site {
        public_url: "https://checkout".to_owned(),
        publishable_key: "pk_test".to_owned(),
        stripe_js: String::new(),
        stripe_api: String::new(),
        stripe_pages: vec![],
        methods: PaymentMethods::INSTANT,
        allowed_origins: vec![],
        service_tokens: Default::default(),
        proxies: Default::default(),
        strangers: None,
        networks: Default::default(),
        sends_mail: false,
        challenge_origins: String::new(),
    };
    Api::new(Parts { checkout, admission: Admission::new(limits), assets: None, site, views: Arc::default() })
}
