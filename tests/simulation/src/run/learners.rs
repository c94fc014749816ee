//! Actions of learners: open, press Pay, pay by card, refresh, extend, cancel.
use super::*;
use std::fmt;

impl Run {
    pub(super) async fn open(&mut self) -> Result<(), String> {
        let again = !self.buyers.is_empty() && self.happens(30);
        let buyer = if again {
            self.pick(self.buyers.len())
        } else {
            let mut sku = ["ru-live", "ru-live", "ru-course", "ru-free"][self.pick(4)];
            let n = self.buyers.len();
            let hosted = self.happens(35);
            let mut coupon = self.happens(30).then(|| COUPONS[self.pick(COUPONS.len())].to_owned());
            let mut places = None;
            if coupon.is_none() && sku != "ru-free" && self.happens(20) {
                places = Some(2);
            } else if let Some((code, what)) = self.code_of_pack().await? {
                (coupon, sku) = (Some(code), what);
            }
            self.buyers.push(Buyer {
                sku,
                places,
                key: format!("key{n}"),
                email: format!("buyer{n}@example.com"),
                hosted,
                coupon,
                totals: Vec::new(),
                opened: None,
                earlier: Vec::new(),
                pages: Vec::new(),
                intents: Vec::new(),
                refunds: Vec::new(),
            });
            n
        };
        if self.buyers[buyer].hosted {
            self.submit_form(buyer).await;
            return Ok(());
        }
        let instance = self.pick(INSTANCES);
        let Buyer { sku, key, coupon, places, .. } = &self.buyers[buyer];
        let (sku, key, coupon, places) = (*sku, key.clone(), coupon.clone(), *places);
        let request =
            OpenPurchase { sku: sku.to_owned(), coupon, variant: None, learner_token: None, places };
        let what = format!("buyer {buyer} opens {sku}");
        if self.is_slow() {
            let slow = self.slow_json(instance, "/v1/purchases", &request, &key);
            let world = self.world.clone();
            self.begin(instance, what, async move { Heard::Opened(buyer, slow.json(&world).await) }).await;
            return Ok(());
        }
        let body = serde_json::to_vec(&request).unwrap_or_default();
        let key = IdempotencyKey::new(&key, &body).of(&Client::Unlimited);
        let server = self.instances[instance].clone();
        let open = async move {
            let opened = server.open_purchase(request, Some(key), &Client::Unlimited).await;
            Heard::Opened(buyer, opened.map_err(|error| error.to_string()))
        };
        self.begin(instance, what, open).await;
        Ok(())
    }

    /// Now and then returns a code that somebody has handed out, used or not, and the SKU that it is for.
    async fn code_of_pack(&mut self) -> Result<Option<(String, &'static str)>, String> {
        let of_packs = CouponFilter { all: true, most: 100, ..CouponFilter::default() };
        let mut codes = self.store.coupons(&of_packs).await.map_err(|error| error.to_string())?;
        codes.retain(|coupon| coupon.pack.is_some());
        // Codes are random even when a run is repeated, so they can't determine the order.
        codes.sort_by_key(|coupon| (coupon.used, coupon.brings_seat, coupon.revoked));
        if codes.is_empty() || !self.happens(60) {
            return Ok(None);
        }
        let code = &codes[self.pick(codes.len())];
        let sku = if code.terms.scope.skus.contains(LIVE) { LIVE } else { "ru-course" };
        Ok(Some((code.terms.shown.clone(), sku)))
    }

    /// Submits the form without JavaScript, for the first time or again.
    async fn submit_form(&mut self, buyer: usize) {
        let instance = self.pick(INSTANCES);
        let what = format!("buyer {buyer} submits the form");
        let Buyer { sku, key, email, coupon, places, .. } = &self.buyers[buyer];
        if self.is_slow() {
            let coupon = coupon.as_deref().unwrap_or_default();
            let places = places.map(|places| places.to_string()).unwrap_or_default();
            let (path, body) =
                (format!("/buy/{sku}"), format!("email={email}&key={key}&coupon={coupon}&places={places}"));
            let slow = self.slow_form(instance, &path, body);
            let world = self.world.clone();
            let sent = async move {
                // A browser that was sent on slowly has closed the tab.
                let _answer = slow.answer(&world).await;
                Heard::Nothing
            };
            return self.begin(instance, what, sent).await;
        }
        let request = HostedPurchase {
            sku: (*sku).to_owned(),
            email: email.clone(),
            key: Some(key.clone()),
            coupon: coupon.clone(),
            places: *places,
            ..HostedPurchase::default()
        };
        let (server, store) = (self.instances[instance].clone(), self.store.clone());
        let base = "https://checkout".to_owned();
        let site = PageSite { base, lang: "en".to_owned(), query: String::new() };
        let context = PayContext { client: Client::Unlimited, challenge_answer: None, lang: None };
        let buy = async move {
            let hosted =
                server.buy_hosted(request, &site, &context).await.map_err(|rejection| rejection.error);
            Heard::Hosted(buyer, opened(&store, hosted).await)
        };
        self.begin(instance, what, buy).await;
    }

    /// Goes from the purchase's own page back to Stripe's.
    async fn go_on_to_page(&mut self, buyer: usize, id: PurchaseId) {
        let instance = self.pick(INSTANCES);
        let (server, store) = (self.instances[instance].clone(), self.store.clone());
        let context = PayContext { client: Client::Unlimited, challenge_answer: None, lang: None };
        let resume = async move {
            Heard::Hosted(buyer, opened(&store, server.resume_hosted(&id, &context).await).await)
        };
        self.begin(instance, format!("buyer {buyer} goes on to pay"), resume).await;
    }

    /// Picks a buyer who has opened a purchase, and returns the purchase's id with it.
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
        if self.buyers[buyer].hosted {
            match self.pick(4) {
                0..=1 => return self.go_on_to_page(buyer, id).await,
                2 => return self.submit_form(buyer).await,
                // Presses Pay in the widget as well.
                _ => {}
            }
        }
        let total = self.buyers[buyer].opened.as_ref().map_or(0, |opened| opened.price.total);
        let expected_total = if self.happens(3) { total + 1 } else { total };
        let request = Pay { email: self.buyers[buyer].email.clone(), name: None, expected_total };
        let instance = self.pick(INSTANCES);
        let what = format!("buyer {buyer} presses Pay");
        if self.is_slow() {
            let slow = self.slow_json(instance, &format!("/v1/purchases/{}/pay", id.as_str()), &request, "");
            let world = self.world.clone();
            return self
                .begin(instance, what, async move { Heard::Pay(buyer, slow.json(&world).await) })
                .await;
        }
        let server = self.instances[instance].clone();
        let context = PayContext { client: Client::Unlimited, challenge_answer: None, lang: None };
        let pay = async move {
            let answer = server.pay(&id, request, None, &context).await;
            Heard::Pay(buyer, answer.map_err(|error| error.to_string()))
        };
        self.begin(instance, what, pay).await;
    }

    /// Picks an intent or a page that some browser can pay.
    fn a_way_to_pay(&self) -> Option<Way> {
        let ways = |buyer: &Buyer| {
            let intents = buyer.intents.iter().cloned().map(Way::Intent);
            intents.chain(buyer.pages.iter().cloned().map(Way::Page)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = self.buyers.iter().flat_map(ways).collect();
        let picked = self.pick(all.len());
        (picked < all.len()).then(|| all.swap_remove(picked))
    }

    pub(super) fn attempt(&mut self) {
        let Some(way) = self.a_way_to_pay() else { return };
        let outcome = match self.pick(10) {
            0..=5 => Attempted::Paid,
            6..=7 => Attempted::Declined,
            8 => Attempted::Challenged,
            _ => Attempted::SettlesLater,
        };
        self.tell(|| format!("a card at {way}: {outcome:?}"));
        match way {
            Way::Intent(intent) => self.world.lock().attempt(&intent, outcome),
            Way::Page(page) => self.world.lock().attempt_on_page(&page, outcome),
        }
    }

    pub(super) fn conclude(&mut self) {
        let Some(way) = self.a_way_to_pay() else { return };
        let intent = match way {
            Way::Intent(intent) => Some(intent),
            Way::Page(page) => self.world.lock().session(&page).ok().and_then(|page| page.now.intent.clone()),
        };
        let Some(intent) = intent else { return };
        let succeeds = self.pick(3) < 2;
        self.tell(|| format!("what {intent} waits for comes: {succeeds}"));
        self.world.lock().conclude(&intent, succeeds);
    }

    pub(super) async fn refresh(&mut self) {
        let Some((buyer, id)) = self.somebody() else { return };
        let instance = self.pick(INSTANCES);
        let server = self.instances[instance].clone();
        if self.happens(20) {
            let extend = async move {
                let _extended = server.extend(&id, &Client::Unlimited).await;
                Heard::Nothing
            };
            return self.begin(instance, format!("buyer {buyer} needs more time"), extend).await;
        }
        let refresh = async move {
            let _seen = server.refresh(&id, &Client::Unlimited).await;
            Heard::Nothing
        };
        self.begin(instance, format!("buyer {buyer} asks for news"), refresh).await;
    }

    /// A learner applies a coupon, or removes it.
    pub(super) async fn change_coupon(&mut self) {
        let Some((buyer, id)) = self.somebody() else { return };
        let coupon = COUPONS.get(self.pick(COUPONS.len() + 1)).copied();
        let instance = self.pick(INSTANCES);
        let server = self.instances[instance].clone();
        let change = async move {
            let changed = server.change_coupon(&id, coupon, &Client::Unlimited).await;
            Heard::Changed(buyer, changed.map(Box::new))
        };
        self.begin(instance, format!("buyer {buyer} applies {coupon:?}"), change).await;
    }

    pub(super) async fn give_up(&mut self) -> Result<(), String> {
        let Some((buyer, id)) = self.somebody() else { return Ok(()) };
        let outcome = self.apply(&id, Event::CancelRequested).await?;
        self.tell(|| {
            format!("buyer {buyer} gives up: {}", outcome.map_or("refused", |p| p.state().as_str()))
        });
        Ok(())
    }
}

/// Where a browser can pay.
enum Way {
    Intent(IntentId),
    Page(SessionId),
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intent(intent) => intent.fmt(f),
            Self::Page(page) => page.fmt(f),
        }
    }
}

/// Adds the purchase as a browser sees it on its own page.
async fn opened(store: &Store, hosted: Result<FormRedirect, Error>) -> Result<(FormRedirect, Opened), Error> {
    let hosted = hosted?;
    let purchase = store.purchase(&hosted.id).await?;
    Ok((hosted, purchase.opened()))
}
