//! What users say, in its place: begun when it is heard, ended when its words are known.
use super::{Minutes, PAST, User, WAITING, WORDLESS, Write};
use consort_core::{Part, Role, TranscriptMode};
use consort_store::{Ending, NewTurn, Status};

impl Minutes {
    pub(super) fn speech_began(&mut self) {
        self.tells = true;
        if self.users.iter().all(|user| user.turn.is_some()) {
            self.users.push_back(User { by: self.speaker.clone(), ..User::default() });
        }
    }

    pub(super) fn user_words(&mut self, item: &str, mode: TranscriptMode, text: &str) {
        if self.understood.iter().any(|known| known == item) {
            return;
        }
        let mine = |user: &User| user.item.as_deref() == Some(item);
        let known = self.users.iter().position(mine);
        let at = known.or_else(|| self.users.iter().position(|user| user.item.is_none()));
        let at = at.unwrap_or_else(|| {
            self.users.push_back(User { by: self.speaker.clone(), ..User::default() });
            self.users.len() - 1
        });
        let user = &mut self.users[at];
        user.item = Some(item.to_owned());
        if mode == TranscriptMode::Delta {
            user.text.push_str(text);
        } else {
            text.clone_into(&mut user.text);
        }
        let said_something = !user.text.trim().is_empty();
        if said_something && user.turn.is_none() {
            self.place(at);
        }
        if mode == TranscriptMode::Final
            && let Some(at) = self.users.iter().position(mine)
            && let Some(user) = self.users.remove(at)
        {
            if user.turn.is_some() && !item.is_empty() {
                self.understood.push_back(item.to_owned());
                self.understood.drain(..self.understood.len().saturating_sub(PAST));
            }
            self.end_user(user);
        }
    }

    /// Gives what a user says its place in the log, before its words are known.
    pub(super) fn place(&mut self, at: usize) {
        self.user_begins();
        self.spoke = false;
        let turn = self.turn(Role::User, Vec::new());
        let pictures = self.pictures();
        let Some(user) = self.users.get_mut(at) else { return };
        user.pictures = pictures;
        user.turn = Some(turn.id);
        let new = NewTurn { participant: user.by.clone(), status: Status::Running, ..turn };
        self.begin(new);
        if self.users.len() > WAITING
            && let Some(oldest) = self.users.pop_front()
        {
            self.end_user(oldest);
        }
    }

    pub(super) fn end_user(&mut self, user: User) {
        // What was no speech after all has no turn.
        let Some(turn) = user.turn else { return };
        let mut parts = user.parts();
        if user.text.trim().is_empty() {
            parts.push(Part::text(WORDLESS));
        } else {
            self.writes.push(Write::Title(parts.clone()));
        }
        self.writes.push(Write::End(turn, Ending { status: Status::Complete, parts, answer: None }));
    }

    /// Somebody says something new: the answer before it is over.
    pub(super) fn user_begins(&mut self) {
        for answer in self.answers.iter_mut().filter(|answer| !answer.passed) {
            answer.passed = true;
            answer.touched = self.now;
        }
    }

    /// What began and became no words is forgotten, once something else is said.
    pub(super) fn drop_noise(&mut self) {
        self.users.retain(|user| user.turn.is_some());
        self.spoke = false;
    }
}
