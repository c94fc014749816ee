//! Offerings as they were shown last, ready to be sent: between two changes all readers get the same bytes.
use super::Checkout;
use crate::error::Error;
use crate::grants::Grants;
use crate::payments::Payments;
use crate::store::StoreError;
use axum::body::Bytes;
use axum::http::HeaderValue;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// For how many milliseconds bytes are shown that nothing in this process has changed: the clock and other instances
/// may have.
const SHOWN_FOR: i64 = 250;

/// An offering as JSON, with its `ETag`.
#[derive(Clone, Debug)]
pub struct ShownOffering {
    pub body: Bytes,
    pub tag: HeaderValue,
}

/// What was shown last, by SKU.
#[derive(Clone, Default)]
pub struct Shown(Arc<RwLock<HashMap<String, (Moment, ShownOffering)>>>);

/// All that an offering may depend on here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    catalog: usize,
    seat_moves: u64,
    pauses: u64,
    time: i64,
}

impl<P: Payments, G: Grants> Checkout<P, G> {
    /// The offering as it stands now, or stood a quarter of a second ago.
    pub async fn shown_offering(&self, sku: &str) -> Result<ShownOffering, Error> {
        let moment = self.moment();
        if let Some(shown) = self.shown.find(sku, moment) {
            return Ok(shown);
        }
        let offering = self.offering(sku).await?;
        let body = serde_json::to_vec(&offering).map_err(StoreError::from)?;
        let shown = ShownOffering { tag: tag_of(&body), body: body.into() };
        self.shown.keep(sku, moment, shown.clone());
        Ok(shown)
    }

    fn moment(&self) -> Moment {
        Moment {
            catalog: Arc::as_ptr(&self.catalog.get()).addr(),
            seat_moves: self.store.seat_moves(),
            pauses: self.pauses.changes(),
            time: self.now().as_millis() / SHOWN_FOR,
        }
    }
}

impl Shown {
    fn find(&self, sku: &str, now: Moment) -> Option<ShownOffering> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(sku).filter(|(moment, _)| *moment == now).map(|(_, shown)| shown.clone())
    }

    fn keep(&self, sku: &str, moment: Moment, shown: ShownOffering) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(sku.to_owned(), (moment, shown));
    }
}

/// A strong `ETag` of these bytes.
pub(crate) fn tag_of(body: &[u8]) -> HeaderValue {
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(body)[..12]));
    // Hexadecimal digits in quotes are a header value.
    HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""))
}
