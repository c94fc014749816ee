//! Places for a team: the form starts over with a purchase of that many places.
use super::{Command, Model, Note, Stage, Target, Trouble};
use shared::Team;

impl Model {
    pub(super) fn take_places(&mut self, text: String) -> Vec<Command> {
        if text == self.places {
            return Vec::new();
        }
        self.places = text;
        if let Stage::Form { note: Some(Note::Places(_)) } = self.stage {
            self.stage = Stage::Form { note: None };
        }
        Vec::new()
    }

    /// Opens the field, buys that many places, or goes back to one for the learner alone.
    pub(super) fn press_team(&mut self) -> Vec<Command> {
        let (Stage::Form { .. }, Some(Team { min, max })) = (&self.stage, self.screen.offering.team) else {
            return Vec::new();
        };
        if self.team.is_some() {
            return self.open_for(None);
        }
        if !self.places_open {
            self.places_open = true;
            return vec![Command::Focus(Target::Places)];
        }
        match self.places.trim().parse::<u32>().map(i64::from) {
            Ok(places) if (min..=max).contains(&places) => self.open_for(Some(places)),
            Ok(1) => {
                self.places_open = false;
                self.stage = Stage::Form { note: None };
                vec![Command::Focus(Target::Team)]
            }
            Ok(_) | Err(_) => self.note(Note::Places(None)),
        }
    }

    /// Opens a purchase of one place after a larger number was refused, and shows why.
    pub(super) fn open_for_one(&mut self, trouble: Trouble) -> Vec<Command> {
        self.team = None;
        self.places_open = true;
        self.pending = Some(Note::Places(Some(trouble)));
        self.next_turn();
        vec![self.open_command()]
    }

    fn open_for(&mut self, places: Option<i64>) -> Vec<Command> {
        let mut commands = self.close();
        self.team = places;
        self.pending = Some(Note::Team);
        commands.extend(self.open());
        commands
    }
}

impl Model {
    /// The content of the places field; `None` if it is closed.
    pub(crate) fn places(&self) -> Option<&str> {
        self.places_open.then_some(&*self.places)
    }

    /// Whether the form has a button for a team. A coupon is good for one place only.
    pub(crate) fn may_buy_for_team(&self) -> bool {
        self.screen.offering.team.is_some() && self.applied().is_none() && !self.asks_for_seat()
    }
}
