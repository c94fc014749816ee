//! The ledger: movements of money, in double entry. Rows are added with the transition that causes them, or for fees by
//! reconciliation, and never changed.
use super::{Store, StoreError, Tx};
use crate::payments::BalanceEntry;
use crate::purchase::{Booked, Entry, IntentId, Movement, Purchase, PurchaseId, Reference};
use serde::Serialize;
use shared::{Currency, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;

/// One entry of the ledger.
#[derive(Clone, Debug, Serialize)]
pub struct LedgerLine {
    pub at: Timestamp,
    pub reference: String,
    /// Stripe's payment intent.
    pub intent: Option<IntentId>,
    pub kind: String,
    pub debit: String,
    pub credit: String,
    /// Minor units.
    pub amount: i64,
    pub currency: String,
    /// Unique name of the entry's cause; with `at`, the position from which to continue.
    pub source: String,
}

/// Movements per day, kind and currency.
#[derive(Clone, Debug, Serialize)]
pub struct LedgerDay {
    /// Days since 1970, in UTC.
    #[serde(skip)]
    pub number: i64,
    pub day: String,
    pub kind: String,
    pub currency: String,
    pub movements: i64,
    /// Minor units.
    pub amount: i64,
}

/// The money one payment intent has moved, in minor units. Refunds count once they have succeeded, disputes
/// until we win.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerSums {
    pub charged: i64,
    pub refunded: i64,
    pub disputed: i64,
}

impl std::fmt::Display for LedgerSums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { charged, refunded, disputed } = self;
        write!(f, "{charged} charged, {refunded} refunded, {disputed} disputed")
    }
}

const LINE: &str = "SELECT l.source, l.at, p.reference, l.intent, l.kind, l.debit, l.credit, l.amount, l.currency \
                    FROM ledger l JOIN purchases p ON p.id = l.purchase_id";

impl Store {
    /// The entries of one purchase, in order.
    pub async fn ledger_of(&self, purchase: &PurchaseId) -> Result<Vec<LedgerLine>, StoreError> {
        let text = [LINE, " WHERE l.purchase_id = $1 ORDER BY l.at, l.source"].concat();
        let rows = sqlx::query(sqlx::AssertSqlSafe(text)).bind(purchase.as_str());
        rows.fetch_all(self.pool()).await?.iter().map(line).collect()
    }

    /// At most `most` entries from `since` on that follow the entry `after`, in order.
    pub async fn ledger_since(
        &self,
        since: Timestamp,
        after: Option<&LedgerLine>,
        most: i64,
    ) -> Result<Vec<LedgerLine>, StoreError> {
        let text =
            [LINE, " WHERE l.at >= $1 AND (l.at > $2 OR (l.at = $2 AND l.source > $3)) ORDER BY l.at, l.source LIMIT $4"]
                .concat();
        let rows = sqlx::query(sqlx::AssertSqlSafe(text))
            .bind(since.as_millis())
            .bind(after.map_or(-1, |line| line.at.as_millis()))
            .bind(after.map_or("", |line| line.source.as_str()))
            .bind(most);
        rows.fetch_all(self.pool()).await?.iter().map(line).collect()
    }

    /// Movements from `since` on, per day, kind and currency.
    pub async fn ledger_by_day(&self, since: Timestamp) -> Result<Vec<LedgerDay>, StoreError> {
        let rows = sqlx::query(
            "SELECT at / 86400000 AS day, kind, currency, count(*) AS movements, CAST(sum(amount) AS BIGINT) AS amount \
             FROM ledger WHERE at >= $1 GROUP BY at / 86400000, kind, currency ORDER BY 1, 2, 3",
        );
        let rows = rows.bind(since.as_millis()).fetch_all(self.pool()).await?;
        let day = |row: &AnyRow| {
            let number: i64 = row.try_get("day")?;
            Ok(LedgerDay {
                number,
                day: Timestamp::from_millis(number * 86_400_000).to_string().chars().take(10).collect(),
                kind: row.try_get("kind")?,
                currency: row.try_get("currency")?,
                movements: row.try_get("movements")?,
                amount: row.try_get("amount")?,
            })
        };
        rows.iter().map(day).collect()
    }

    /// A purchase and its ledger sums, read at the same moment; `None` while the ledger has to catch up with it.
    pub async fn purchase_in_books(&self, id: &PurchaseId) -> Result<Option<(Purchase, Booked)>, StoreError> {
        let text = format!(
            "SELECT p.body, {SUMS} FROM purchases p LEFT JOIN ledger l ON l.purchase_id = p.id \
             WHERE p.id = $1 AND p.derived_version = p.version GROUP BY p.id"
        );
        let row =
            sqlx::query(sqlx::AssertSqlSafe(text)).bind(id.as_str()).fetch_optional(self.pool()).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some((serde_json::from_str(row.try_get("body")?)?, booked(&row)?)))
    }
}

impl Store {
    /// The purchase that a payment intent belongs to, what it has moved according to the ledger, and when it moved
    /// last; `None` if the ledger doesn't know it, or has to catch up.
    pub async fn ledger_of_intent(
        &self,
        intent: &IntentId,
    ) -> Result<Option<(Reference, LedgerSums, Timestamp)>, StoreError> {
        let row = sqlx::query(
            "SELECT p.reference, max(l.at) AS moved_at, \
             CAST(coalesce(sum(CASE WHEN l.kind IN ('charge', 'stray') THEN l.amount END), 0) AS BIGINT) AS charged, \
             CAST(coalesce(sum(CASE WHEN l.kind IN ('refund', 'stray_returned') THEN l.amount \
             WHEN l.kind = 'refund_failed' THEN -l.amount END), 0) AS BIGINT) AS refunded, \
             CAST(coalesce(sum(CASE WHEN l.kind = 'dispute_opened' THEN l.amount \
             WHEN l.kind = 'dispute_won' THEN -l.amount END), 0) AS BIGINT) AS disputed \
             FROM ledger l JOIN purchases p ON p.id = l.purchase_id WHERE l.intent = $1 AND l.kind <> 'fee' \
             AND p.derived_version = p.version GROUP BY p.reference",
        );
        let Some(row) = row.bind(intent.as_str()).fetch_optional(self.pool()).await? else { return Ok(None) };
        let sums = LedgerSums {
            charged: row.try_get("charged")?,
            refunded: row.try_get("refunded")?,
            disputed: row.try_get("disputed")?,
        };
        let moved_at = Timestamp::from_millis(row.try_get("moved_at")?);
        Ok(Some((Reference::from_metadata(row.try_get("reference")?), sums, moved_at)))
    }

    /// Books the fee that Stripe kept from one of our payments, once.
    pub async fn book_fee(&self, entry: &BalanceEntry) -> Result<(), StoreError> {
        if entry.fee <= 0 {
            return Ok(());
        }
        let (debit, credit) = Movement::Fee.accounts();
        let statement = sqlx::query(
            "INSERT INTO ledger (source, at, purchase_id, intent, kind, debit, credit, amount, currency) \
             SELECT $1, $2, l.purchase_id, $3, $4, $5, $6, $7, $8 FROM ledger l WHERE l.intent = $3 AND l.kind <> 'fee' \
             LIMIT 1 ON CONFLICT (source) DO NOTHING",
        );
        self.write(
            statement
                .bind(&entry.id)
                .bind(entry.at.as_millis())
                .bind(entry.intent.as_str())
                .bind(Movement::Fee.as_str())
                .bind(debit.as_str())
                .bind(credit.as_str())
                .bind(entry.fee)
                .bind(&entry.fee_currency),
        )
        .await?;
        Ok(())
    }
}

impl Tx {
    /// Books what has moved and is not in the ledger yet.
    pub(crate) async fn book(&mut self, purchase: &Purchase, now: Timestamp) -> Result<(), StoreError> {
        let booked = self.booked(purchase.id()).await?;
        for entry in purchase.unbooked(booked) {
            let (version, kind) = (purchase.version(), entry.movement.as_str());
            let source = format!("{} {version} {kind}", purchase.id().as_str());
            let paid_at = purchase.paid_at().filter(|_| entry.movement == Movement::Charge);
            let at = paid_at.unwrap_or(now);
            self.add_entry(&source, purchase.id(), &entry, at).await?;
        }
        Ok(())
    }

    /// Books a payment besides the purchase's own. Stripe may report it repeatedly; it is booked once.
    pub(crate) async fn book_stray(
        &mut self,
        purchase: &Purchase,
        intent: &IntentId,
        amount: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let currency = purchase.price().currency;
        let entry = Entry { movement: Movement::Stray, intent: Some(intent.to_owned()), amount, currency };
        self.add_entry(&format!("{intent} stray"), purchase.id(), &entry, now).await
    }

    async fn booked(&mut self, purchase: &PurchaseId) -> Result<Booked, StoreError> {
        let text = format!("SELECT {SUMS} FROM ledger l WHERE l.purchase_id = $1");
        let sums = sqlx::query(sqlx::AssertSqlSafe(text)).bind(purchase.as_str());
        booked(&sums.fetch_one(self.connection()).await?)
    }

    /// Books the refund of a stray payment.
    pub async fn book_return(
        &mut self,
        purchase: &PurchaseId,
        intent: &IntentId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let taken = sqlx::query("SELECT amount, currency FROM ledger WHERE source = $1")
            .bind(format!("{intent} stray"))
            .fetch_optional(self.connection())
            .await?;
        let Some(taken) = taken else { return Ok(()) };
        let Ok(currency) = Currency::parse(taken.try_get("currency")?) else { return Ok(()) };
        let intent = intent.to_owned();
        let source = format!("{intent} returned");
        let amount = taken.try_get("amount")?;
        let entry = Entry { movement: Movement::StrayReturned, intent: Some(intent), amount, currency };
        self.add_entry(&source, purchase, &entry, now).await
    }

    async fn add_entry(
        &mut self,
        source: &str,
        purchase: &PurchaseId,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (debit, credit) = entry.movement.accounts();
        sqlx::query(
            "INSERT INTO ledger (source, at, purchase_id, intent, kind, debit, credit, amount, currency) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (source) DO NOTHING",
        )
        .bind(source)
        .bind(now.as_millis())
        .bind(purchase.as_str())
        .bind(entry.intent.as_ref().map(IntentId::as_str))
        .bind(entry.movement.as_str())
        .bind(debit.as_str())
        .bind(credit.as_str())
        .bind(entry.amount)
        .bind(entry.currency.as_str())
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

/// See [`Booked`].
const SUMS: &str = "CAST(coalesce(sum(CASE WHEN l.kind = 'charge' THEN l.amount END), 0) AS BIGINT) AS charged, \
    CAST(coalesce(sum(CASE WHEN l.kind = 'refund' THEN l.amount WHEN l.kind = 'refund_failed' THEN -l.amount END), 0) \
    AS BIGINT) AS refunded, \
    CAST(coalesce(sum(CASE WHEN l.kind = 'dispute_opened' THEN l.amount WHEN l.kind = 'dispute_won' THEN -l.amount END), 0) \
    AS BIGINT) AS withdrawn, \
    CAST(coalesce(sum(CASE WHEN l.kind = 'dispute_lost' THEN l.amount WHEN l.kind = 'dispute_regained' THEN -l.amount END), 0) \
    AS BIGINT) AS lost";

fn booked(row: &AnyRow) -> Result<Booked, StoreError> {
    Ok(Booked {
        charged: row.try_get("charged")?,
        refunded: row.try_get("refunded")?,
        withdrawn: row.try_get("withdrawn")?,
        lost: row.try_get("lost")?,
    })
}

fn line(row: &AnyRow) -> Result<LedgerLine, StoreError> {
    Ok(LedgerLine {
        at: Timestamp::from_millis(row.try_get("at")?),
        reference: row.try_get("reference")?,
        intent: row.try_get::<Option<String>, _>("intent")?.map(IntentId::new),
        kind: row.try_get("kind")?,
        debit: row.try_get("debit")?,
        credit: row.try_get("credit")?,
        amount: row.try_get("amount")?,
        currency: row.try_get("currency")?,
        source: row.try_get("source")?,
    })
}
