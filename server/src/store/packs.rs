//! Packs, their codes, and whom the codes are assigned to.
use super::coupons::{COLUMNS, coupon};
use super::purchases::known_id;
use super::{Store, StoreError, Tx};
use crate::coupons::{CodeState, Coupon, CouponCode, MailState, Pack, PackCode, PackKey};
use crate::email::normalized;
use crate::purchase::{Purchase, PurchaseId};
use shared::{Email, State, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;

const PACK: &str = "SELECT id, key, sku, company, purchase_order, purchase_id, created_at FROM packs";

/// Codes that were newly assigned, and emails for which none was left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewlyAssigned {
    pub codes: Vec<(CouponCode, Email)>,
    pub without: Vec<Email>,
}

impl Store {
    /// The newest packs, newest first.
    pub async fn packs(&self, most: i64) -> Result<Vec<Pack>, StoreError> {
        let text = [PACK, " ORDER BY created_at DESC, id LIMIT $1"].concat();
        let rows = sqlx::query(sqlx::AssertSqlSafe(text)).bind(most).fetch_all(self.pool()).await?;
        rows.iter().map(pack).collect()
    }

    /// The pack that people call `name`, in upper or lower case.
    pub async fn pack_called(&self, name: &str) -> Result<Option<Pack>, StoreError> {
        self.pack_by("id", &name.trim().to_uppercase()).await
    }

    /// The pack whose page has this key.
    pub async fn pack_with_key(&self, key: &PackKey) -> Result<Option<Pack>, StoreError> {
        self.pack_by("key", key.as_str()).await
    }

    /// The pack that `purchase` paid for.
    pub async fn pack_of(&self, purchase: &PurchaseId) -> Result<Option<Pack>, StoreError> {
        self.pack_by("purchase_id", purchase.as_str()).await
    }

    async fn pack_by(&self, column: &'static str, value: &str) -> Result<Option<Pack>, StoreError> {
        let text = format!("{PACK} WHERE {column} = $1");
        let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(value);
        query.fetch_optional(self.pool()).await?.map(|row| pack(&row)).transpose()
    }

    /// The codes of a pack as of `now`, in a stable order.
    pub async fn codes_of(&self, pack: &str, now: Timestamp) -> Result<Vec<PackCode>, StoreError> {
        let columns: Vec<_> = COLUMNS.split(", ").map(|column| format!("c.{column}")).collect();
        let text = format!(
            "SELECT {}, p.reference, p.state, r.email AS learner, (SELECT m.state FROM mails m WHERE m.code = c.code \
             AND m.email = c.email ORDER BY m.created_at DESC LIMIT 1) AS mail, \
             (SELECT q.state FROM packs k JOIN purchases q ON q.id = k.purchase_id WHERE k.id = c.pack) AS paid FROM coupons c LEFT JOIN redemptions r ON r.code = c.code \
             LEFT JOIN purchases p ON p.id = r.purchase_id WHERE c.pack = $1 ORDER BY c.code",
            columns.join(", ")
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(text)).bind(pack).fetch_all(self.pool()).await?;
        rows.iter().map(|row| pack_code(row, now)).collect()
    }
}

impl Store {
    /// SKUs with seats that are reserved for codes that expired unused.
    pub async fn lapsed_reservations(&self, now: Timestamp) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT p.sku FROM coupons c JOIN packs p ON p.id = c.pack WHERE c.brings_seat = 1 AND c.used = 0 \
             AND c.revoked_at IS NULL AND c.valid_until < $1",
        )
        .bind(now.as_millis())
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| Ok(row.try_get("sku")?)).collect()
    }
}

impl Tx {
    /// Stores a new pack with its codes.
    pub async fn insert_pack(
        &mut self,
        pack: &Pack,
        codes: &[Coupon],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO packs (id, key, sku, company, purchase_order, purchase_id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&pack.id)
        .bind(pack.key.as_str())
        .bind(&pack.sku)
        .bind(&pack.company)
        .bind(&pack.order)
        .bind(pack.purchase.as_ref().map(PurchaseId::as_str))
        .bind(now.as_millis())
        .execute(self.connection())
        .await?;
        for code in codes {
            // 75 random bits: a duplicate is a bug, and everything is rolled back.
            if !self.insert_coupon(code, now).await? {
                return Err(StoreError::Unsupported("two codes are the same".to_owned()));
            }
        }
        Ok(())
    }

    /// Issues the codes that a team has paid for. The seats that the purchase held are reserved for them from now on.
    pub(crate) async fn issue_pack(&mut self, purchase: &Purchase, now: Timestamp) -> Result<(), StoreError> {
        let company = purchase
            .learner()
            .map(|learner| learner.name.clone().unwrap_or_else(|| learner.email.as_str().to_owned()));
        let random = (rand::random(), rand::random());
        let pack = Pack {
            purchase: Some(purchase.id().clone()),
            ..Pack::new(
                purchase.sku(),
                &company.unwrap_or_default(),
                purchase.reference().as_str(),
                random,
                now,
            )
        };
        let code = |_| pack.coupon(rand::random(), None, purchase.is_seated());
        let codes: Vec<_> = (0..purchase.places()).map(code).collect();
        self.insert_pack(&pack, &codes, now).await
    }

    /// Revokes the codes of a pack; returns how many of them nobody had paid with. A purchase that holds one can't pay
    /// with it any more. If the purchase of a used code is refunded later, the code is not free again.
    pub async fn revoke_pack(&mut self, pack: &Pack, now: Timestamp) -> Result<u64, StoreError> {
        // Lock order in all transactions: pack, then seats, then codes.
        self.lock_pack(pack).await?;
        self.lock_seats(&pack.sku).await?;
        let rows = sqlx::query(
            "UPDATE coupons SET revoked_at = $2 WHERE pack = $1 AND revoked_at IS NULL RETURNING used, brings_seat, \
             CAST(CASE WHEN EXISTS (SELECT 1 FROM redemptions r JOIN purchases p ON p.id = r.purchase_id \
             WHERE r.code = coupons.code AND p.state IN ('paid', 'granted', 'refunding')) THEN 1 ELSE 0 END AS BIGINT) AS paid",
        )
        .bind(&pack.id)
        .bind(now.as_millis())
        .fetch_all(self.connection())
        .await?;
        let (mut unused, mut free) = (0, 0);
        for row in &rows {
            unused += u64::from(row.try_get::<i64, _>("paid")? == 0);
            if row.try_get::<i64, _>("used")? == 0 && row.try_get::<i64, _>("brings_seat")? == 1 {
                free += 1;
            }
        }
        if free > 0 {
            self.release_seats(&pack.sku, free).await?;
        }
        Ok(unused)
    }

    /// Puts the seats of codes that expired unused back on sale; returns how many.
    pub async fn end_reservations(&mut self, sku: &str, now: Timestamp) -> Result<i64, StoreError> {
        self.lock_seats(sku).await?;
        let rows = sqlx::query(
            "UPDATE coupons SET revoked_at = $2 WHERE brings_seat = 1 AND used = 0 AND revoked_at IS NULL \
             AND valid_until < $2 AND pack IN (SELECT id FROM packs WHERE sku = $1) RETURNING code",
        )
        .bind(sku)
        .bind(now.as_millis())
        .fetch_all(self.connection())
        .await?;
        let seats = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        if seats > 0 {
            self.release_seats(sku, seats).await?;
        }
        Ok(seats)
    }

    pub(crate) async fn revoke_pack_of(
        &mut self,
        purchase: &PurchaseId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let text = [PACK, " WHERE purchase_id = $1"].concat();
        let row = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(purchase.as_str())
            .fetch_optional(self.connection())
            .await?;
        let Some(row) = row else { return Ok(()) };
        let pack = pack(&row)?;
        let revoked = self.revoke_pack(&pack, now).await?;
        tracing::info!(pack.id = pack.id, codes.revoked = revoked, "revoked the codes of a refunded pack");
        Ok(())
    }

    /// Changes when the codes of a pack expire; returns how many.
    pub async fn extend_pack(&mut self, pack: &Pack, until: Option<Timestamp>) -> Result<u64, StoreError> {
        self.lock_pack(pack).await?;
        let extended =
            sqlx::query("UPDATE coupons SET valid_until = $2 WHERE pack = $1 AND revoked_at IS NULL")
                .bind(&pack.id)
                .bind(until.map(Timestamp::as_millis))
                .execute(self.connection())
                .await?;
        Ok(extended.rows_affected())
    }

    /// Gives the company's page a new address.
    pub async fn renew_pack(&mut self, pack: &Pack, key: &PackKey) -> Result<(), StoreError> {
        sqlx::query("UPDATE packs SET key = $2 WHERE id = $1")
            .bind(&pack.id)
            .bind(key.as_str())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Assigns an unused code to `email`, or opens it to anyone who has it. Returns whom it was assigned to before; the
    /// outer `None` if the code is used, revoked or not of this pack.
    pub async fn assign_code(
        &mut self,
        pack: &Pack,
        code: &CouponCode,
        email: Option<&Email>,
    ) -> Result<Option<Option<String>>, StoreError> {
        self.lock_pack(pack).await?;
        let row = sqlx::query(
            "SELECT email FROM coupons WHERE pack = $1 AND code = $2 AND used = 0 AND revoked_at IS NULL",
        )
        .bind(&pack.id)
        .bind(code.as_str())
        .fetch_optional(self.connection())
        .await?;
        let Some(row) = row else { return Ok(None) };
        let before: Option<String> = row.try_get("email")?;
        let kept = self.keep_for(pack, code, email).await?;
        Ok(kept.then_some(before))
    }

    /// Assigns a code to `email`; `false` if someone has begun to use it meanwhile.
    async fn keep_for(
        &mut self,
        pack: &Pack,
        code: &CouponCode,
        email: Option<&Email>,
    ) -> Result<bool, StoreError> {
        let kept = sqlx::query(
            "UPDATE coupons SET email = $3 WHERE pack = $1 AND code = $2 AND used = 0 AND revoked_at IS NULL",
        )
        .bind(&pack.id)
        .bind(code.as_str())
        .bind(email.map(normalized))
        .execute(self.connection())
        .await?;
        Ok(kept.rows_affected() == 1)
    }

    /// Makes transactions that change a pack's codes, or their assignment, wait for each other.
    async fn lock_pack(&mut self, pack: &Pack) -> Result<(), StoreError> {
        let touch = sqlx::query("UPDATE packs SET sku = sku WHERE id = $1");
        touch.bind(&pack.id).execute(self.connection()).await?;
        Ok(())
    }

    /// Assigns a free code of the pack to each of `emails`, in order, while there are any. An email that already has or
    /// has used one gets no second. Concurrent calls wait for each other.
    pub async fn assign_codes(&mut self, pack: &Pack, emails: &[Email]) -> Result<NewlyAssigned, StoreError> {
        self.lock_pack(pack).await?;
        let rows = sqlx::query(
            "SELECT c.code, c.email, c.used, r.email AS learner FROM coupons c LEFT JOIN redemptions r ON r.code = c.code \
             WHERE c.pack = $1 AND c.revoked_at IS NULL ORDER BY c.code",
        )
        .bind(&pack.id)
        .fetch_all(self.connection())
        .await?;
        let mut served = Vec::new();
        let mut free = Vec::new();
        for row in &rows {
            let (email, learner): (Option<String>, Option<String>) =
                (row.try_get("email")?, row.try_get("learner")?);
            if email.is_none() && row.try_get::<i64, _>("used")? == 0 {
                free.push(row.try_get::<String, _>("code")?);
            }
            served.extend(email.into_iter().chain(learner));
        }
        let mut free = free.into_iter();
        let mut assigned = NewlyAssigned::default();
        for email in emails {
            let address = normalized(email);
            if served.contains(&address) {
                continue;
            }
            let mut kept = None;
            for code in free.by_ref() {
                let code =
                    CouponCode::parse(&code).map_err(|error| StoreError::Unsupported(error.to_string()))?;
                if self.keep_for(pack, &code, Some(email)).await? {
                    kept = Some(code);
                    break;
                }
            }
            match kept {
                Some(code) => {
                    served.push(address);
                    assigned.codes.push((code, email.clone()));
                }
                None => assigned.without.push(email.clone()),
            }
        }
        Ok(assigned)
    }
}

fn pack(row: &AnyRow) -> Result<Pack, StoreError> {
    let key: &str = row.try_get("key")?;
    let purchase: Option<&str> = row.try_get("purchase_id")?;
    Ok(Pack {
        id: row.try_get("id")?,
        key: PackKey::parse(key).ok_or_else(|| StoreError::Unsupported("a pack's key".to_owned()))?,
        sku: row.try_get("sku")?,
        company: row.try_get("company")?,
        order: row.try_get("purchase_order")?,
        purchase: purchase.map(known_id).transpose()?,
        created_at: Timestamp::from_millis(row.try_get("created_at")?),
    })
}

fn pack_code(row: &AnyRow, now: Timestamp) -> Result<PackCode, StoreError> {
    let coupon = coupon(row)?;
    let reference: Option<String> = row.try_get("reference")?;
    let purchase: Option<&str> = row.try_get("state")?;
    let paid: Option<&str> = row.try_get("paid")?;
    let gone = coupon.revoked || paid == Some(State::Refunding.as_str());
    // The sweep revokes an expired code that reserved a seat; the code still counts as expired.
    let ended = row.try_get::<Option<i64>, _>("revoked_at")?.map_or(now, Timestamp::from_millis);
    let expired = coupon.valid_until.is_some_and(|until| ended >= until);
    let state = match purchase.and_then(State::parse) {
        Some(State::Held | State::Paying | State::Processing) if gone => CodeState::Revoked,
        Some(State::Held | State::Paying | State::Processing) => CodeState::Held,
        Some(State::Paid | State::Granted | State::Refunding) => CodeState::Used,
        Some(State::Expired | State::Canceled | State::Refunded) | None if expired => CodeState::Expired,
        Some(State::Expired | State::Canceled | State::Refunded) | None if gone => CodeState::Revoked,
        Some(State::Expired | State::Canceled | State::Refunded) | None => CodeState::Free,
    };
    let learner = row.try_get("learner")?;
    let mail = row.try_get::<Option<&str>, _>("mail")?.and_then(MailState::parse);
    Ok(PackCode { coupon, state, used_by: reference.map(|reference| (reference, learner)), mail })
}
