//! What learners do: open, press Pay, pay by card, look for news, give up.
use super::*;

impl Run {
    pub(super) async fn open(&mut self) {
        let again = !self.buyers.is_empty() && self.happens(30);
        let buyer = if again {
            self.pick(self.buyers.len())
        } else {
            let sku = ["ru-live", "ru-live", "ru-course", "ru-free"][self.pick(4)];
            let n = self.buyers.len();
            self.buyers.push(Buyer {
                sku,
                key: format!("key-{n}"),
                email: format!("buyer{n}@example.com"),
                opened: None,
                intents: Vec::new(),
                refunds: Vec::new(),
            });
            n
        };
        let (sku, key) = (self.buyers[buyer].sku, IdempotencyKey::new(&self.buyers[buyer].key, b"body"));
        let instance = self.pick(INSTANCES);
        let server = self.instances[instance].clone();
        let request = OpenPurchase { sku: sku.to_owned(), coupon: None, variant: None, learner_token: None };
        let open =
            async move { Heard::Opened(buyer, server.open_purchase(request, Some(key), &Client::Own).await) };
        self.begin(instance, format!("buyer {buyer} opens {sku}"), open).await;
    }

    /// A buyer who has opened a purchase, and its id.
    pub(super) fn somebody(&self) -> Option<(usize, PurchaseId)> {
        let open = self.buyers.iter().enumerate().filter(|(_, buyer)| buyer.opened.is_some());
        let open: Vec<_> = open.map(|(n, _)| n).collect();
        let buyer = *open.get(self.pick(open.len()))?;
        let id = PurchaseId::parse(&self.buyers[buyer].opened.as_ref()?.id)?;
        Some((buyer, id))
    }

    pub(super) async fn press_pay(&mut self) {
        let Some((buyer, id)) = self.somebody() else { return };
        if self.happens(10) {
            self.buyers[buyer].email.insert(0, 'x');
        }
        let total = self.buyers[buyer].opened.as_ref().map_or(0, |opened| opened.price.total);
        let expected_total = if self.happens(3) { total + 1 } else { total };
        let request = Pay { email: self.buyers[buyer].email.clone(), name: None, expected_total };
        let instance = self.pick(INSTANCES);
        let server = self.instances[instance].clone();
        let payer = Payer { client: Client::Own, challenge_answer: None };
        let pay = async move { Heard::Pay(buyer, server.pay(&id, request, None, &payer).await) };
        self.begin(instance, format!("buyer {buyer} presses Pay"), pay).await;
    }

    /// An intent that some browser can pay.
    pub(super) fn an_intent(&self) -> Option<String> {
        let all: Vec<_> = self.buyers.iter().flat_map(|buyer| &buyer.intents).collect();
        all.get(self.pick(all.len())).map(|intent| (*intent).clone())
    }

    pub(super) fn attempt(&mut self) {
        let Some(intent) = self.an_intent() else { return };
        let outcome = match self.pick(10) {
            0..=5 => Attempted::Paid,
            6..=7 => Attempted::Declined,
            8 => Attempted::Challenged,
            _ => Attempted::SettlesLater,
        };
        self.tell(|| format!("a card at {intent}: {outcome:?}"));
        self.world.lock().attempt(&intent, outcome);
    }

    pub(super) fn conclude(&mut self) {
        let Some(intent) = self.an_intent() else { return };
        let succeeds = self.pick(3) < 2;
        self.tell(|| format!("what {intent} waits for comes: {succeeds}"));
        self.world.lock().conclude(&intent, succeeds);
    }

    pub(super) async fn refresh(&mut self) {
        let Some((buyer, id)) = self.somebody() else { return };
        let instance = self.pick(INSTANCES);
        let server = self.instances[instance].clone();
        let refresh = async move {
            let _seen = server.refresh(&id, &Client::Own).await;
            Heard::Nothing
        };
        self.begin(instance, format!("buyer {buyer} asks for news"), refresh).await;
    }

    pub(super) async fn give_up(&mut self) -> Result<(), String> {
        let Some((buyer, id)) = self.somebody() else { return Ok(()) };
        let outcome = self.store.apply(&id, Event::GaveUp, self.now()).await.map_err(|e| e.to_string())?;
        self.tell(|| {
            format!("buyer {buyer} gives up: {}", outcome.map_or("refused", |p| p.state().as_str()))
        });
        Ok(())
    }
}
