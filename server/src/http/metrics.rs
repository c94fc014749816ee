//! `GET /metrics` for Prometheus, on a port of its own, since it must not be public.
use super::Api;
use crate::error::Error;
use crate::heartbeat::Heartbeats;
use crate::store::subject;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

/// The one route of the metrics port.
pub fn metrics_router(api: Api) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(api)
}

async fn metrics(State(api): State<Api>) -> Result<impl IntoResponse, Error> {
    let checkout = &api.checkout;
    let store = &checkout.store;
    let (pending, stuck) = store.outbox_depth().await?;
    let mut text = format!(
        "# HELP checkout_outbox_pending Commands that wait to be carried out.\n\
         # TYPE checkout_outbox_pending gauge\n\
         checkout_outbox_pending {pending}\n\
         # HELP checkout_outbox_needs_person Commands that only a person can bring further. Alert above zero.\n\
         # TYPE checkout_outbox_needs_person gauge\n\
         checkout_outbox_needs_person {stuck}\n\
         # HELP checkout_coupon_guesses_total Unknown coupon codes that clients sent to this process.\n\
         # TYPE checkout_coupon_guesses_total counter\n\
         checkout_coupon_guesses_total {guesses}\n\
         # HELP checkout_coupon_guessing Whether so many are asked for that codes are being guessed. Alert above zero.\n\
         # TYPE checkout_coupon_guessing gauge\n\
         checkout_coupon_guessing {guessing}\n",
        guesses = api.checkout.unknown_coupons(),
        guessing = i32::from(store.is_marked(subject::GUESSING, checkout.now()).await?),
    );
    text += &format!(
        "# HELP checkout_clock_skew_seconds By how much this machine's clock is ahead of the time that decides.\n\
         # TYPE checkout_clock_skew_seconds gauge\n\
         checkout_clock_skew_seconds {:.3}\n",
        checkout.clock.skew_seconds()
    );
    text += &heartbeats(&checkout.heartbeats);
    text += &budgets(&api);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}

fn heartbeats(heartbeats: &Heartbeats) -> String {
    let mut text = "# HELP checkout_background_silence_seconds Time since a background loop last showed a sign of life.\n\
                    # TYPE checkout_background_silence_seconds gauge\n"
        .to_owned();
    let all = heartbeats.all();
    for (name, silence, _) in &all {
        text +=
            &format!("checkout_background_silence_seconds{{loop=\"{name}\"}} {:.1}\n", silence.as_secs_f64());
    }
    text += "# HELP checkout_background_restarts_total Starts of a background loop after it ended or fell silent. Alert on \
             growth.\n# TYPE checkout_background_restarts_total counter\n";
    for (name, _, restarts) in &all {
        text += &format!("checkout_background_restarts_total{{loop=\"{name}\"}} {restarts}\n");
    }
    text
}

/// A budget as the metrics show it.
struct Row {
    name: &'static str,
    used: usize,
    most: usize,
    refused: u64,
}

fn budgets(api: &Api) -> String {
    let admission = &api.admission;
    let connections = &admission.connections;
    let (refused, closed) = connections.turned_away();
    let mut rows =
        vec![Row { name: "connections", used: connections.count(), most: connections.most(), refused }];
    let (used, most) = admission.body_bytes();
    rows.push(Row { name: "body_bytes", used, most, refused: 0 });
    let questions = api.checkout.asks.budget();
    rows.extend(admission.budgets().into_iter().chain([questions]).map(|budget| Row {
        name: budget.name(),
        used: budget.used(),
        most: budget.most(),
        refused: budget.refused(),
    }));
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, value: fn(&Row) -> u64| {
        text += &format!("# HELP checkout_budget_{name} {help}\n# TYPE checkout_budget_{name} {kind}\n");
        for row in &rows {
            text += &format!("checkout_budget_{name}{{budget=\"{}\"}} {}\n", row.name, value(row));
        }
    };
    family("used", "gauge", "What is in use of a budget.", |row| row.used as u64);
    family("most", "gauge", "How much there is of it.", |row| row.most as u64);
    family("refused_total", "counter", "How often nothing was left, for anybody or for one client.", |row| {
        row.refused
    });
    text += "# HELP checkout_connections_closed_total Connections closed because they were late, or to make room for others.\n\
             # TYPE checkout_connections_closed_total counter\n";
    text + &format!("checkout_connections_closed_total {closed}\n")
}
