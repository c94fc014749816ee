//! Seats of live offerings: a counter that a conditional update never lets past the capacity.
use super::{Store, StoreError, Tx};
use crate::fault_injection::{Guard, enabled};
use sqlx::Row;
use std::collections::HashMap;

impl Store {
    /// Seats of `sku` that purchases own or that are reserved for codes.
    pub async fn taken_seats(&self, sku: &str) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT taken FROM seats WHERE sku = $1")
            .bind(sku)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.map(|row| row.try_get("taken")).transpose()?.unwrap_or(0))
    }

    /// The same for every offering with seats that were ever taken.
    pub async fn all_taken_seats(&self) -> Result<HashMap<String, i64>, StoreError> {
        let rows = sqlx::query("SELECT sku, taken FROM seats").fetch_all(self.pool()).await?;
        rows.iter().map(|row| Ok((row.try_get("sku")?, row.try_get("taken")?))).collect()
    }

    /// Waits until this process has taken or released a seat.
    pub async fn wait_for_seats(&self) {
        self.seats.notified().await;
    }
}

impl Tx {
    /// Takes one seat; `false` if all are taken.
    pub async fn take_seat(&mut self, sku: &str, capacity: i64) -> Result<bool, StoreError> {
        self.take_seats(sku, 1, capacity).await
    }

    /// Takes `seats` seats, all or none; `false` if fewer are left.
    pub async fn take_seats(&mut self, sku: &str, seats: i64, capacity: i64) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "INSERT INTO seats (sku, taken) SELECT $1, $2 WHERE $3 >= $2 \
             ON CONFLICT (sku) DO UPDATE SET taken = seats.taken + $2 WHERE seats.taken <= $3 - $2 RETURNING taken",
        )
        .bind(sku)
        .bind(seats)
        .bind(if enabled(Guard::SeatIsLeft) { capacity } else { i64::MAX })
        .fetch_optional(self.connection())
        .await?;
        self.seats_moved |= row.is_some();
        Ok(row.is_some())
    }

    /// Locks the seats of `sku`: every other transaction that moves them waits for this one.
    pub async fn lock_seats(&mut self, sku: &str) -> Result<(), StoreError> {
        let touch = sqlx::query("UPDATE seats SET taken = taken WHERE sku = $1");
        touch.bind(sku).execute(self.connection()).await?;
        Ok(())
    }

    pub(crate) async fn release_seats(&mut self, sku: &str, seats: i64) -> Result<(), StoreError> {
        sqlx::query("UPDATE seats SET taken = taken - $2 WHERE sku = $1 AND taken >= $2")
            .bind(sku)
            .bind(seats)
            .execute(self.connection())
            .await?;
        self.seats_moved = true;
        Ok(())
    }
}
