//! Coupons and their uses: a counter that a conditional update never lets past the limit.
use super::{Store, StoreError, Tx};
use crate::coupons::{Coupon, CouponCode, CouponRefusal};
use crate::email::normalized;
use crate::fault_injection::{Guard, enabled};
use crate::purchase::PurchaseId;
use shared::{Email, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;

/// The purchase that paid for a pack's code, while its refund is under way.
const REFUNDING: &str = "SELECT 1 FROM packs k JOIN purchases p ON p.id = k.purchase_id WHERE k.id = coupons.pack \
    AND p.state = 'refunding'";

pub(super) const COLUMNS: &str = "code, used, most, valid_until, email, pack, brings_seat, revoked_at, terms";

/// Selects coupons to list; every field that is set must match.
#[derive(Clone, Debug, Default)]
pub struct CouponFilter {
    pub pack: Option<String>,
    /// Include the codes of packs if no pack is named.
    pub all: bool,
    pub most: i64,
}

/// One use of a coupon, and who uses it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Use {
    pub code: String,
    pub reference: String,
    /// The state of the purchase.
    pub state: String,
    pub email: Option<String>,
    pub at: Timestamp,
}

impl Store {
    /// The coupon with this code.
    pub async fn coupon(&self, code: &CouponCode) -> Result<Option<Coupon>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM coupons WHERE code = $1");
        let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(code.as_str());
        query.fetch_optional(self.pool()).await?.map(|row| coupon(&row)).transpose()
    }

    /// The newest coupons that match, newest first.
    pub async fn coupons(&self, filter: &CouponFilter) -> Result<Vec<Coupon>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS} FROM coupons WHERE ($1 IS NULL OR pack = $1) AND ($1 IS NOT NULL OR $2 = 1 OR pack IS NULL) \
             ORDER BY created_at DESC, code LIMIT $3"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(filter.pack.as_deref())
            .bind(i64::from(filter.all))
            .bind(filter.most);
        query.fetch_all(self.pool()).await?.iter().map(coupon).collect()
    }

    /// The uses of `code`, oldest first.
    pub async fn uses_of(&self, code: &CouponCode) -> Result<Vec<Use>, StoreError> {
        let rows = sqlx::query(
            "SELECT r.code, p.reference, p.state, r.email, r.at FROM redemptions r JOIN purchases p ON p.id = r.purchase_id \
             WHERE r.code = $1 ORDER BY r.at, p.reference",
        )
        .bind(code.as_str())
        .fetch_all(self.pool())
        .await?;
        let found = |row: &AnyRow| {
            Ok(Use {
                code: row.try_get("code")?,
                reference: row.try_get("reference")?,
                state: row.try_get("state")?,
                email: row.try_get("email")?,
                at: Timestamp::from_millis(row.try_get("at")?),
            })
        };
        rows.iter().map(found).collect()
    }
}

impl Tx {
    /// Stores a new coupon; `false` if one with this code exists.
    pub async fn insert_coupon(&mut self, coupon: &Coupon, now: Timestamp) -> Result<bool, StoreError> {
        let inserted = sqlx::query(
            "INSERT INTO coupons (code, used, most, valid_until, email, pack, brings_seat, created_at, terms) \
             VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (code) DO NOTHING",
        )
        .bind(coupon.code.as_str())
        .bind(coupon.limit)
        .bind(coupon.valid_until.map(Timestamp::as_millis))
        .bind(coupon.email.as_deref())
        .bind(coupon.pack.as_deref())
        .bind(i64::from(coupon.brings_seat))
        .bind(now.as_millis())
        .bind(serde_json::to_string(&coupon.terms)?)
        .execute(self.connection())
        .await?;
        Ok(inserted.rows_affected() == 1)
    }

    /// Whether a seat comes with `code`; `None` if there is no such coupon.
    pub async fn brings_seat(&mut self, code: &CouponCode) -> Result<Option<bool>, StoreError> {
        let row = sqlx::query("SELECT brings_seat FROM coupons WHERE code = $1")
            .bind(code.as_str())
            .fetch_optional(self.connection())
            .await?;
        row.map(|row| Ok(row.try_get::<i64, _>("brings_seat")? == 1)).transpose()
    }

    /// Takes one use of `code` for `purchase`, if one is left. A revoked code that brought a seat has lost it, and is
    /// refused.
    pub async fn redeem(
        &mut self,
        code: &CouponCode,
        purchase: &PurchaseId,
        email: Option<&Email>,
        now: Timestamp,
    ) -> Result<Result<Coupon, CouponRefusal>, StoreError> {
        let text = format!(
            "UPDATE coupons SET used = used + 1 WHERE code = $1 AND (most IS NULL OR used < most OR $2 = 1) \
             AND (revoked_at IS NULL OR brings_seat = 0) AND ($3 = 1 OR NOT EXISTS ({REFUNDING})) RETURNING {COLUMNS}"
        );
        let taken = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(code.as_str())
            .bind(i64::from(!enabled(Guard::CouponIsLeft)))
            .bind(i64::from(!enabled(Guard::CodesGoWithMoney)))
            .fetch_optional(self.connection())
            .await?;
        let Some(taken) = taken else {
            let text = format!("SELECT {COLUMNS} FROM coupons WHERE code = $1");
            let known = sqlx::query(sqlx::AssertSqlSafe(text)).bind(code.as_str());
            let Some(row) = known.fetch_optional(self.connection()).await? else {
                return Ok(Err(CouponRefusal::Unknown));
            };
            let known = coupon(&row)?;
            let is_over = known.revoked || self.is_refunding(&known).await?;
            return Ok(Err(if is_over { CouponRefusal::Expired } else { CouponRefusal::UsedUp }));
        };
        let coupon = coupon(&taken)?;
        sqlx::query("INSERT INTO redemptions (purchase_id, code, email, at) VALUES ($1, $2, $3, $4)")
            .bind(purchase.as_str())
            .bind(code.as_str())
            .bind(email.map(normalized))
            .bind(now.as_millis())
            .execute(self.connection())
            .await?;
        Ok(Ok(coupon))
    }

    /// Whether the payment for this code is being refunded. If the refund fails, the code is valid again.
    async fn is_refunding(&mut self, coupon: &Coupon) -> Result<bool, StoreError> {
        if coupon.pack.is_none() {
            return Ok(false);
        }
        let text = format!("SELECT 1 AS one FROM coupons WHERE code = $1 AND EXISTS ({REFUNDING})");
        let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(coupon.code.as_str());
        let row = query.fetch_optional(self.connection()).await?;
        Ok(row.is_some() && enabled(Guard::CodesGoWithMoney))
    }

    /// Records who pays with the coupon of `purchase`, if that learner may use it. Two purchases of one learner wait
    /// for each other here.
    pub async fn redeem_for(
        &mut self,
        code: &CouponCode,
        purchase: &PurchaseId,
        email: &Email,
    ) -> Result<Result<(), CouponRefusal>, StoreError> {
        let text = format!("UPDATE coupons SET used = used WHERE code = $1 RETURNING {COLUMNS}");
        let row =
            sqlx::query(sqlx::AssertSqlSafe(text)).bind(code.as_str()).fetch_one(self.connection()).await?;
        let coupon = coupon(&row)?;
        // A pack's code that is revoked or being refunded is no longer valid for anyone who has not paid with it yet.
        if coupon.pack.is_some() && (coupon.revoked || self.is_refunding(&coupon).await?) {
            return Ok(Err(CouponRefusal::Expired));
        }
        if let Err(refusal) = coupon.admit(email) {
            return Ok(Err(refusal));
        }
        let email = normalized(email);
        let row = sqlx::query(
            "SELECT count(*) AS uses FROM redemptions WHERE code = $1 AND email = $2 AND purchase_id <> $3",
        )
        .bind(code.as_str())
        .bind(&email)
        .bind(purchase.as_str())
        .fetch_one(self.connection())
        .await?;
        let uses: i64 = row.try_get("uses")?;
        if coupon.terms.per_learner.is_some_and(|most| uses >= most) {
            return Ok(Err(CouponRefusal::UsedByLearner));
        }
        sqlx::query("UPDATE redemptions SET email = $3 WHERE purchase_id = $1 AND code = $2")
            .bind(purchase.as_str())
            .bind(code.as_str())
            .bind(&email)
            .execute(self.connection())
            .await?;
        Ok(Ok(()))
    }

    /// Releases one use. If the code was revoked meanwhile, its seat goes back on sale.
    pub(crate) async fn release_redemption(
        &mut self,
        code: &CouponCode,
        purchase: &PurchaseId,
        sku: &str,
    ) -> Result<(), StoreError> {
        // Lock order in all transactions: seats, then codes.
        self.lock_seats(sku).await?;
        let gone = sqlx::query("DELETE FROM redemptions WHERE purchase_id = $1 AND code = $2")
            .bind(purchase.as_str())
            .bind(code.as_str())
            .execute(self.connection())
            .await?;
        if gone.rows_affected() == 0 {
            return Ok(());
        }
        let row = sqlx::query(
            "UPDATE coupons SET used = used - 1 WHERE code = $1 RETURNING brings_seat, revoked_at",
        )
        .bind(code.as_str())
        .fetch_one(self.connection())
        .await?;
        let revoked = row.try_get::<Option<i64>, _>("revoked_at")?.is_some();
        if revoked && row.try_get::<i64, _>("brings_seat")? == 1 {
            self.release_seats(sku, 1).await?;
        }
        Ok(())
    }

    /// Revokes `code`: purchases that already use it go on, but no new one may. `false` if it was revoked before, or
    /// there is no such coupon. If nobody uses the code, its seat goes back on sale.
    pub async fn revoke_coupon(
        &mut self,
        code: &CouponCode,
        sku: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if let Some(sku) = sku {
            self.lock_seats(sku).await?;
        }
        let row = sqlx::query(
            "UPDATE coupons SET revoked_at = $2 WHERE code = $1 AND revoked_at IS NULL RETURNING used, brings_seat",
        )
        .bind(code.as_str())
        .bind(now.as_millis())
        .fetch_optional(self.connection())
        .await?;
        let Some(row) = row else { return Ok(false) };
        if let Some(sku) = sku
            && row.try_get::<i64, _>("used")? == 0
            && row.try_get::<i64, _>("brings_seat")? == 1
        {
            self.release_seats(sku, 1).await?;
        }
        Ok(true)
    }
}

pub(super) fn coupon(row: &AnyRow) -> Result<Coupon, StoreError> {
    let code: &str = row.try_get("code")?;
    Ok(Coupon {
        code: CouponCode::parse(code).map_err(|_| StoreError::Unsupported(format!("coupon {code:?}")))?,
        terms: serde_json::from_str(row.try_get("terms")?)?,
        valid_until: row.try_get::<Option<i64>, _>("valid_until")?.map(Timestamp::from_millis),
        limit: row.try_get("most")?,
        used: row.try_get("used")?,
        email: row.try_get("email")?,
        pack: row.try_get("pack")?,
        brings_seat: row.try_get::<i64, _>("brings_seat")? == 1,
        revoked: row.try_get::<Option<i64>, _>("revoked_at")?.is_some(),
    })
}
