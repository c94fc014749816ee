//! The ending of a run: nothing goes wrong any more, and every purchase must come to rest.
use super::*;

impl Run {
    /// Stops all faults, and lets time pass until nothing waits.
    pub(super) async fn come_to_an_end(&mut self) -> Result<(), String> {
        let silent = self.happens(30);
        {
            let mut world = self.world.lock();
            world.faulty = false;
            world.flockjay.refuses = false;
            world.tell(|| "from here on all goes well".to_owned());
        }
        for round in 0..ROUNDS {
            while let Some(operation) = self.operations.pop() {
                self.go_on(operation).await;
            }
            if silent {
                self.lose_mail();
            }
            while !self.world.lock().stripe.mail.is_empty() {
                self.deliver().await;
            }
            self.settle_at_stripe();
            if round == 0 {
                self.retry_all().await.map_err(|error| error.to_string())?;
            }
            self.sweep(0).await;
            let mut depth = self.store.outbox_depth().await.map_err(|error| error.to_string())?;
            for _ in 0..depth.0 + 4 {
                let before = self.version().await?;
                for receiver in receivers() {
                    self.work_at(1, receiver).await;
                }
                // No receiver had anything to do and time stands still, so none will.
                if self.version().await? == before {
                    break;
                }
            }
            check::after_step(self).await?;
            depth = self.store.outbox_depth().await.map_err(|error| error.to_string())?;
            let quiet = depth.0 == 0 && self.world.lock().stripe.mail.is_empty();
            if quiet && check::nothing_waits(self).await? {
                return Ok(());
            }
            self.world.lock().pass(Duration::from_secs(1200));
        }
        Err("it never comes to an end".to_owned())
    }

    async fn version(&self) -> Result<i64, String> {
        self.snapshots.version().await.map_err(|error| error.to_string())
    }

    pub(super) fn settle_at_stripe(&mut self) {
        let ids: Vec<_> = self.world.lock().stripe.intents.iter().map(|known| known.now.id.clone()).collect();
        for id in ids {
            let succeeds = self.pick(2) == 0;
            let mut world = self.world.lock();
            let Ok(known) = world.intent(&id) else { continue };
            let (status, dispute) = (known.now.status, known.dispute);
            if status == IntentStatus::Processing {
                world.conclude(&id, succeeds);
            }
            if dispute == Some(Dispute::Open) {
                world.dispute(&id, if succeeds { Dispute::Won } else { Dispute::Lost });
            }
            world.settle_refunds(&id);
        }
    }

    /// Operators retry what was refused, or failed for too long.
    pub(super) async fn retry_all(&mut self) -> anyhow::Result<()> {
        for command in self.store.commands_in("needs_person", 100).await? {
            let mut tx = self.store.begin().await?;
            anyhow::ensure!(tx.retry_command(&command.id, self.now()).await? == Retried::Yes, "not put back");
            tx.commit().await?;
        }
        Ok(())
    }
}
